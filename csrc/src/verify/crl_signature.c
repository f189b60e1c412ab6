/* SPDX-License-Identifier: Apache-2.0
 *
 * A list is megabytes and its signature is over all of them: it is checked once for a key, not once
 * for a chain.
 */
#include "verify/crl_set.h"
#include "verify/signature.h"

static const struct hf_crl_verdict *find(struct hf_listed *list, const uint8_t key[HF_DIGEST_SIZE])
{
    const struct hf_crl_verdict *at = atomic_load_explicit(&list->verdicts, memory_order_acquire);
    while (at != NULL && !hf_mem_equal(at->key, HF_DIGEST_SIZE, key, HF_DIGEST_SIZE)) {
        at = at->next;
    }
    return at;
}

/* Two threads may both get here with one key: then it is there twice, and says the same. Without
 * memory, or beyond the limit, nothing is remembered and all is well. */
static void remember(struct hf_listed *list, const uint8_t key[HF_DIGEST_SIZE], bool held)
{
    if (atomic_fetch_add_explicit(&list->verdict_count, 1, memory_order_relaxed) >=
        HF_CRL_VERDICTS_MAX) {
        (void)atomic_fetch_sub_explicit(&list->verdict_count, 1, memory_order_relaxed);
        return;
    }
    struct hf_crl_verdict *verdict = hf_mem_new(sizeof(*verdict));
    if (verdict == NULL) {
        return;
    }
    (void)hf_mem_copy(verdict->key, HF_DIGEST_SIZE, key, HF_DIGEST_SIZE);
    verdict->held = held;
    verdict->next = atomic_load_explicit(&list->verdicts, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&list->verdicts, &verdict->next, verdict,
                                                  memory_order_release, memory_order_relaxed)) {
    }
}

hf_result hf_listed_signature(struct hf_listed *list, const struct hf_cert *issuer, bool *held)
{
    uint8_t key[HF_DIGEST_SIZE];
    struct hf_signer *signer;
    *held = false;
    HF_TRY(hf_ossl_sha256(&issuer->spki, 1, key));
    const struct hf_crl_verdict *known = find(list, key);
    if (known != NULL) {
        *held = known->held;
        return hf_ok();
    }
    struct hf_signed what = {list->crl.signature_kind, list->crl.tbs, list->crl.signature};
    HF_TRY(hf_signer_new(issuer, &signer));
    hf_result r = hf_signature_verify(signer, &what);
    hf_signer_unref(signer);
    if (!hf_is_ok(r) && r.code != HF_E_BAD_SIGNATURE) {
        return r;
    }
    *held = hf_is_ok(r);
    remember(list, key, *held);
    return hf_ok();
}
