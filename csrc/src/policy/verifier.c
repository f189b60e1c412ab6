/* SPDX-License-Identifier: Apache-2.0
 *
 * Verifiers: authentication, then authorization. The policy is asked on every judgement, with the
 * identity that this judgement proved, and a peer is handed out only after it said yes.
 */
#include "policy/verifier.h"

#include "base/clock.h"
#include "id/spiffe_id.h"
#include "verify/peer.h"

#define MAX_DEPTH_MAX (HF_CHAIN_MAX - 1)
#define SCHEME_LEN (sizeof("spiffe://") - 1)

static hf_result make(enum hf_verifier_kind kind, struct hf_verifier **out)
{
    struct hf_verifier *verifier = hf_mem_new(sizeof(*verifier));
    HF_NEED_MEM(verifier);
    hf_refcount_init(&verifier->refs);
    verifier->kind = kind;
    *out = verifier;
    return hf_ok();
}

hf_result hf_verifier_new(struct hf_bundle_set *bundles, struct hf_policy *policy, int rules,
                          struct hf_verifier **out)
{
    HF_NEED_PTR(out);
    *out = NULL;
    HF_NEED_PTR(bundles);
    HF_NEED_SEEN(rules == HF_RULES_STRICT || rules == HF_RULES_COMPATIBLE, HF_E_BAD_ARGUMENT,
                 "HF_RULES_STRICT or HF_RULES_COMPATIBLE", "%d", rules);
    HF_TRY(make(HF_VERIFIER_SPIFFE, out));
    (*out)->rules = rules;
    (*out)->bundles = hf_bundle_set_ref(bundles);
    (*out)->policy = hf_policy_ref(policy);
    return hf_ok();
}

hf_result hf_verifier_new_web(const uint8_t *roots, size_t roots_len, uint32_t max_depth,
                              struct hf_verifier **out)
{
    HF_NEED_PTR(out);
    *out = NULL;
    HF_NEED_SEEN(max_depth <= MAX_DEPTH_MAX, HF_E_BAD_ARGUMENT, "a depth of at most 7", "%u",
                 (unsigned)max_depth);
    struct hf_verifier *verifier = NULL;
    size_t skipped = 0; /* keys that are not allowed: what they signed is not accepted either */
    HF_TRY(make(HF_VERIFIER_WEB, &verifier));
    hf_result r = hf_bundle_new_roots(roots, roots_len, &skipped, &verifier->roots);
    if (!hf_is_ok(r)) {
        hf_verifier_unref(verifier);
        return r;
    }
    verifier->max_depth = max_depth;
    *out = verifier;
    return hf_ok();
}

struct hf_verifier *hf_verifier_ref(struct hf_verifier *verifier)
{
    if (verifier != NULL) {
        hf_refcount_take(&verifier->refs);
    }
    return verifier;
}

void hf_verifier_unref(struct hf_verifier *verifier)
{
    if (verifier == NULL || !hf_refcount_drop(&verifier->refs)) {
        return;
    }
    hf_bundle_set_unref(verifier->bundles);
    hf_policy_unref(verifier->policy);
    hf_bundle_unref(verifier->roots);
    hf_mem_free(verifier);
}

/* The identity was proved; may it come in? On refusal nothing of the peer is handed out. */
static hf_result authorize(const struct hf_policy *policy, struct hf_peer *peer)
{
    const uint8_t *text = (const uint8_t *)peer->id;
    size_t path = SCHEME_LEN + peer->trust_domain_len;
    /* The parts as they were parsed from the certificate, without parsing again. */
    struct hf_spiffe_id id = {
        text,        peer->id_len,       text + SCHEME_LEN, peer->trust_domain_len,
        text + path, peer->id_len - path};
    if (hf_policy_allows(policy, &id)) {
        return hf_ok();
    }
    hf_result r = hf_policy_refuse(policy, &id);
    /* The record says what was claimed, and the code that the claim was proved. */
    hf_error_current()->depth = 0;
    hf_spiffe_id_claim(&id);
    hf_peer_clear(peer);
    return r;
}

hf_result hf_verifier_judge(const struct hf_verifier *verifier,
                            const struct hf_presented *presented, const struct hf_name *name,
                            struct hf_peer *out)
{
    HF_NEED_PTR(out);
    hf_peer_clear(out);
    HF_NEED_PTR(verifier);
    HF_NEED_PTR(presented);
    HF_NEED_SEEN(presented->purpose >= HF_PURPOSE_EITHER && presented->purpose <= HF_PURPOSE_SERVER,
                 HF_E_BAD_ARGUMENT, "a purpose (HF_PURPOSE_*)", "%d", presented->purpose);
    if (verifier->kind == HF_VERIFIER_WEB) {
        return hf_judge_web(verifier->roots, presented, verifier->max_depth, name, out);
    }
    HF_TRY(hf_judge_svid(verifier->bundles, presented, verifier->rules, out));
    return authorize(verifier->policy, out);
}

static hf_result verify(const struct hf_verifier *verifier, enum hf_verifier_kind kind,
                        const struct hf_chain *chain, int64_t at, int purpose,
                        const struct hf_name *name, struct hf_peer *out)
{
    HF_NEED_PTR(out);
    hf_peer_clear(out);
    HF_NEED_PTR(verifier);
    HF_NEED_SEEN(verifier->kind == kind, HF_E_BAD_ARGUMENT,
                 "a verifier of the kind that the function is for", "a %s verifier",
                 verifier->kind == HF_VERIFIER_WEB ? "web" : "SPIFFE");
    struct hf_presented presented = {
        .chain = chain, .x509s = NULL, .at = hf_clock_resolve(at), .purpose = purpose};
    return hf_verifier_judge(verifier, &presented, name, out);
}

hf_result hf_verifier_verify(struct hf_verifier *verifier, const struct hf_chain *chain, int64_t at,
                             int purpose, struct hf_peer *out)
{
    return verify(verifier, HF_VERIFIER_SPIFFE, chain, at, purpose, NULL, out);
}

hf_result hf_verifier_verify_web(struct hf_verifier *verifier, const struct hf_chain *chain,
                                 int64_t at, int purpose, int name_kind, const uint8_t *name,
                                 size_t name_len, struct hf_peer *out)
{
    struct hf_name expected = {name_kind, hf_span_of(name, name_len)};
    return verify(verifier, HF_VERIFIER_WEB, chain, at, purpose, &expected, out);
}
