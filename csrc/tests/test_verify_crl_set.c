/* SPDX-License-Identifier: Apache-2.0
 *
 * Sets of revocation lists: limits, what is remembered of them, memory, threads.
 */
#include <pthread.h>

#include "crl_kit.h"
#include "hf_test.h"
#include "verify/crl_set.h"
#include "verify/signature.h"

/* A list is megabytes: its signature is checked once for a key. */
static void a_signature_is_checked_once(void)
{
    static struct crl_lists lists;
    lists.len = 0;
    crl_kit_add_plain(&lists, "middle", KIT_KEY(1));
    crl_kit_add_plain(&lists, "root", KIT_KEY(0));
    crl_kit_add_plain(&lists, "middle", KIT_KEY(2));
    struct pki_crl_spec spec;
    pki_crl(&spec, "middle", KIT_KEY(1));
    spec.entries = &crl_kit_revoked_middle;
    spec.count = 1;
    crl_kit_add(&lists, &spec, KIT_KEY(2)); /* not signed by the key that it names */
    /* About other certificates: not checked at all. */
    pki_set(&spec.parts, PKI_OID_ISSUING_POINT, true, DER_BYTES("\x30\x03\x82\x01\xff"));
    crl_kit_add(&lists, &spec, KIT_KEY(1));
    struct hf_crl_set *set = crl_kit_set(&lists);
    uint64_t before = hf_signature_count();
    HF_CHECK_OK(crl_kit_judge(CRL_KIT_CHAIN, set, HF_CRL_REQUIRED, PKI_NOW));
    uint64_t first = hf_signature_count() - before;
    before = hf_signature_count();
    HF_CHECK_OK(crl_kit_judge(CRL_KIT_CHAIN, set, HF_CRL_REQUIRED, PKI_NOW));
    HF_CHECK(first >= 3 && hf_signature_count() - before == first - 3);
    HF_CHECK(hf_crl_set_count(set) == 5 && hf_crl_set_entries(set) == 2);
    hf_crl_set_unref(set);
}

/* The same name, many keys: what is remembered has a limit, and verdicts have none. */
static void what_is_remembered_is_bounded(void)
{
    static struct pki_cert self[8];
    static struct crl_lists lists;
    lists.len = 0;
    struct pki_crl_spec spec;
    pki_crl(&spec, "root", KIT_KEY(0));
    pki_drop(&spec.parts, PKI_OID_AKI);
    crl_kit_add(&lists, &spec, KIT_KEY(0));
    struct hf_crl_set *set = crl_kit_set(&lists);
    for (size_t round = 0; round < 3; round++) {
        for (size_t kind = 0; kind < 2; kind++) {
            for (size_t i = 0; i < 6; i++) {
                bool held;
                struct hf_cert view;
                EVP_PKEY *key = pki_key(kind == 0 ? PKI_P256 : PKI_ED25519, i);
                kit_root(&self[i], "root", key);
                HF_CHECK_OK(hf_cert_parse(pki_span(&self[i]), &view));
                HF_CHECK_OK(hf_listed_signature(&set->lists[0], &view, &held));
                HF_CHECK(held == (kind == 0 && i == 0));
            }
        }
    }
    size_t kept = 0;
    const struct hf_crl_verdict *at = atomic_load(&set->lists[0].verdicts);
    for (; at != NULL; at = at->next) {
        kept++;
    }
    HF_CHECK(kept == HF_CRL_VERDICTS_MAX);
    HF_CHECK(atomic_load(&set->lists[0].verdict_count) == HF_CRL_VERDICTS_MAX);
    hf_crl_set_unref(set);
}

#define MANY 100000

/* One reading and one index, whatever the size: then each question is 17 comparisons. */
static void a_large_list_is_read_once(void)
{
    static uint8_t entries[MANY * 23 + 8];
    static uint8_t der[MANY * 23 + 4096];
    struct pki_crl_spec spec;
    struct der_writer w = {entries, sizeof(entries), 0};
    for (uint32_t i = MANY; i > 0; i--) {
        uint8_t serial[4] = {0x40, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        der_raw(&w, DER_BYTES("\x30\x15\x02\x04"));
        der_raw(&w, (struct der_bytes){serial, 4});
        der_raw(&w, DER_BYTES("\x17\x0d"
                              "260101000000Z"));
    }
    pki_crl(&spec, "root", KIT_KEY(0));
    struct der_writer whole = {der, sizeof(der), 0};
    der_element(&whole, 0x30, der_done(&w));
    static uint8_t kept[sizeof(entries) + 8];
    HF_CHECK(hf_mem_copy(kept, sizeof(kept), der, whole.len));
    spec.entries_raw = (struct der_bytes){kept, whole.len};
    spec.count = 1;
    size_t len = pki_crl_make(&spec, KIT_KEY(0), der, sizeof(der));
    struct hf_crl_set *set;
    HF_CHECK_OK(hf_crl_set_new(der, len, &set));
    HF_CHECK(hf_crl_set_entries(set) == MANY);
    HF_CHECK(hf_crl_find(&set->lists[0].crl, HF_SPAN("\x40\x00\x00\x01")) != NULL);
    HF_CHECK(hf_crl_find(&set->lists[0].crl, HF_SPAN("\x40\x01\x86\xa0")) != NULL);
    HF_CHECK(hf_crl_find(&set->lists[0].crl, HF_SPAN("\x40\x01\x86\xa1")) == NULL);
    HF_CHECK(hf_crl_find(&set->lists[0].crl, HF_SPAN("\x40\x00\x00\x00")) == NULL);
    hf_crl_set_unref(set);
}

static void sets_have_limits(void)
{
    static uint8_t der[600000];
    static struct crl_lists one;
    struct hf_crl_set *set;
    size_t len = 0;
    one.len = 0;
    crl_kit_add_plain(&one, "root", KIT_KEY(0));
    for (size_t i = 0; i < HF_CRL_MAX; i++) {
        HF_CHECK(hf_mem_copy(der + len, sizeof(der) - len, one.der, one.len));
        len += one.len;
    }
    HF_CHECK_OK(hf_crl_set_new(der, len, &set));
    HF_CHECK(hf_crl_set_count(set) == HF_CRL_MAX);
    hf_crl_set_unref(hf_crl_set_ref(set));
    hf_crl_set_unref(set);
    HF_CHECK(hf_mem_copy(der + len, sizeof(der) - len, one.der, one.len));
    HF_CHECK_CODE(hf_crl_set_new(der, len + one.len, &set), HF_E_LIMIT);
    /* Zeros, so that only the size is refused before the first list is read. */
    uint8_t *large = hf_mem_new(HF_CRL_SET_BYTES_MAX + 1);
    HF_CHECK_CODE(hf_crl_set_new(large, HF_CRL_SET_BYTES_MAX + 1, &set), HF_E_LIMIT);
    HF_CHECK(hf_crl_set_new(large, HF_CRL_SET_BYTES_MAX, &set).code != HF_E_LIMIT);
    hf_mem_free(large);
    HF_CHECK_CODE(hf_crl_set_new(NULL, 0, &set), HF_E_CRL_INVALID);
    HF_CHECK_CODE(hf_crl_set_new(NULL, 1, &set), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_crl_set_new(der, 1, NULL), HF_E_BAD_ARGUMENT);
    /* The place of the one that is broken. */
    der[one.len + 20] ^= 1;
    HF_CHECK(!hf_is_ok(hf_crl_set_new(der, 3 * one.len, &set)) && set == NULL);
    HF_CHECK(kit_depth() == 1);
    hf_crl_set_unref(NULL);
    HF_CHECK(hf_crl_set_ref(NULL) == NULL);
}

static void verifiers_want_lists_and_a_policy_or_neither(void)
{
    static struct crl_lists lists;
    struct hf_verifier *verifier;
    lists.len = 0;
    crl_kit_add_plain(&lists, "root", KIT_KEY(0));
    struct hf_crl_set *set = crl_kit_set(&lists);
    HF_CHECK_CODE(hf_verifier_new_web_crls(crl_kit_root_cert.der, crl_kit_root_cert.len, 7, set, 0,
                                           &verifier),
                  HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_verifier_new_web_crls(crl_kit_root_cert.der, crl_kit_root_cert.len, 7, set, 3,
                                           &verifier),
                  HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_verifier_new_web_crls(crl_kit_root_cert.der, crl_kit_root_cert.len, 7, NULL,
                                           HF_CRL_REQUIRED, &verifier),
                  HF_E_BAD_ARGUMENT);
    HF_CHECK(verifier == NULL);
    HF_CHECK_OK(hf_verifier_new_web_crls(crl_kit_root_cert.der, crl_kit_root_cert.len, 7, set,
                                         HF_CRL_REQUIRED, &verifier));
    hf_crl_set_unref(set);
    struct kit_chain chain;
    struct hf_peer peer;
    HF_CHECK_CODE(hf_verifier_verify_web(verifier, kit_chain(&chain, CRL_KIT_CHAIN), PKI_NOW,
                                         HF_PURPOSE_SERVER, HF_NAME_NONE, NULL, 0, &peer),
                  HF_E_CRL_MISSING);
    hf_verifier_unref(verifier);
}

/* Fail closed: whatever allocation fails, a revoked chain is not accepted, and nothing leaks. */
static void every_failing_allocation_refuses(void)
{
    static struct crl_lists lists;
    struct pki_crl_spec spec;
    lists.len = 0;
    crl_kit_add_plain(&lists, "root", KIT_KEY(0));
    pki_crl(&spec, "middle", KIT_KEY(1));
    spec.entries = &crl_kit_revoked_leaf;
    spec.count = 1;
    crl_kit_add(&lists, &spec, KIT_KEY(1));
    size_t failures = 0;
    size_t before = hf_mem_live();
    for (size_t k = 1; k < 200; k++) {
        struct hf_crl_set *set = NULL;
        hf_mem_fail_at(k);
        hf_result r = hf_crl_set_new(lists.der, lists.len, &set);
        HF_CHECK(hf_is_ok(r) == (set != NULL));
        if (hf_is_ok(r)) {
            r = crl_kit_judge(CRL_KIT_CHAIN, set, HF_CRL_IF_AVAILABLE, PKI_NOW);
        }
        hf_mem_fail_at(0);
        hf_crl_set_unref(set);
        HF_CHECK(!hf_is_ok(r));
        failures += r.code == HF_E_OUT_OF_MEMORY ? 1 : 0;
    }
    HF_CHECK(failures >= 5);
    HF_CHECK(hf_mem_live() <= before + 2);
}

/* And without a verdict on its signature a list did not hold. */
static void what_could_not_be_checked_did_not_hold(void)
{
    static struct crl_lists lists;
    struct hf_cert issuer;
    lists.len = 0;
    crl_kit_add_plain(&lists, "root", KIT_KEY(0));
    HF_CHECK_OK(hf_cert_parse(pki_span(&crl_kit_root_cert), &issuer));
    size_t k = 0;
    for (bool came = true; came && k < 100;) {
        struct hf_crl_set *set = crl_kit_set(&lists);
        bool held = true;
        hf_mem_fail_at(++k);
        hf_result r = hf_listed_signature(&set->lists[0], &issuer, &held);
        came = !hf_mem_fail_pending();
        hf_mem_fail_at(0);
        HF_CHECK(hf_is_ok(r) == held);
        hf_crl_set_unref(set);
    }
    HF_CHECK(k > 1);
}

static struct hf_crl_set *shared;

static void *judge_in_a_thread(void *surprises)
{
    size_t *count = surprises;
    for (size_t i = 0; i < 30; i++) {
        if (!hf_is_ok(crl_kit_judge(CRL_KIT_CHAIN, shared, HF_CRL_REQUIRED, PKI_NOW))) {
            ++*count;
        }
    }
    return NULL;
}

/* Under TSan: the first to ask all check signatures, and none waits. */
static void threads_share_lists(void)
{
    static struct crl_lists lists;
    pthread_t threads[4];
    size_t surprises[4] = {0};
    lists.len = 0;
    crl_kit_add_plain(&lists, "middle", KIT_KEY(1));
    crl_kit_add_plain(&lists, "root", KIT_KEY(0));
    shared = crl_kit_set(&lists);
    for (size_t i = 0; i < 4; i++) {
        HF_CHECK(pthread_create(&threads[i], NULL, judge_in_a_thread, &surprises[i]) == 0);
    }
    for (size_t i = 0; i < 4; i++) {
        HF_CHECK(pthread_join(threads[i], NULL) == 0);
        HF_CHECK(surprises[i] == 0);
    }
    hf_crl_set_unref(shared);
}

static void nothing_is_left(void)
{
    crl_kit_clear();
    HF_CHECK(hf_mem_live() == 0);
}

HF_TESTS({"make the world", crl_kit_world},
         {"a signature is checked once", a_signature_is_checked_once},
         {"what is remembered is bounded", what_is_remembered_is_bounded},
         {"a large list is read once", a_large_list_is_read_once},
         {"sets have limits", sets_have_limits},
         {"verifiers want lists and a policy, or neither",
          verifiers_want_lists_and_a_policy_or_neither},
         {"every failing allocation refuses", every_failing_allocation_refuses},
         {"what could not be checked did not hold", what_could_not_be_checked_did_not_hold},
         {"threads share lists", threads_share_lists}, {"nothing is left", nothing_is_left})
