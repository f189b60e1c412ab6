/* SPDX-License-Identifier: Apache-2.0
 *
 * Verifiers: authentication, then authorization. The policy is asked on every judgement, with the
 * identity that this judgement proved, and a peer is handed out only after it said yes. A verdict
 * that is recalled (verify/recall.h) takes the place of authentication and of nothing else.
 */
#include "policy/verifier.h"

#include "base/clock.h"
#include "id/spiffe_id.h"
#include "verify/peer.h"
#include "verify/recall.h"

#define MAX_DEPTH_MAX (HF_CHAIN_MAX - 1)

static hf_result make(enum hf_verifier_kind kind, struct hf_verifier **out)
{
    struct hf_verifier *verifier = hf_mem_new(sizeof(*verifier));
    HF_NEED_MEM(verifier);
    hf_refcount_init(&verifier->refs);
    verifier->kind = kind;
    *out = verifier;
    return hf_ok();
}

static hf_result check_crl_policy(bool lists, int policy)
{
    bool known = lists ? policy == HF_CRL_REQUIRED || policy == HF_CRL_IF_AVAILABLE : policy == 0;
    HF_NEED_SEEN(known, HF_E_BAD_ARGUMENT, "HF_CRL_* with CRLs, 0 without", "%d", policy);
    return hf_ok();
}

hf_result hf_verifier_new(struct hf_bundle_set *bundles, struct hf_policy *policy, int rules,
                          struct hf_chain_cache *cache, struct hf_verifier **out)
{
    return hf_verifier_new_crls(bundles, policy, rules, cache, NULL, 0, out);
}

hf_result hf_verifier_new_crls(struct hf_bundle_set *bundles, struct hf_policy *policy, int rules,
                               struct hf_chain_cache *cache, struct hf_crl_book *book,
                               int crl_policy, struct hf_verifier **out)
{
    HF_NEED_PTR(out);
    *out = NULL;
    HF_NEED_PTR(bundles);
    HF_TRY(check_crl_policy(book != NULL, crl_policy));
    HF_NEED_SEEN(rules == HF_RULES_STRICT || rules == HF_RULES_COMPATIBLE, HF_E_BAD_ARGUMENT,
                 "HF_RULES_STRICT or HF_RULES_COMPATIBLE", "%d", rules);
    HF_TRY(make(HF_VERIFIER_SPIFFE, out));
    (*out)->rules = rules;
    (*out)->bundles = hf_bundle_set_ref(bundles);
    (*out)->policy = hf_policy_ref(policy);
    (*out)->cache = hf_chain_cache_ref(cache);
    (*out)->book = hf_crl_book_ref(book);
    (*out)->crl_policy = crl_policy;
    return hf_ok();
}

hf_result hf_verifier_new_web(const uint8_t *roots, size_t roots_len, uint32_t max_depth,
                              struct hf_verifier **out)
{
    return hf_verifier_new_web_crls(roots, roots_len, max_depth, NULL, 0, out);
}

hf_result hf_verifier_new_web_crls(const uint8_t *roots, size_t roots_len, uint32_t max_depth,
                                   struct hf_crl_set *crls, int crl_policy,
                                   struct hf_verifier **out)
{
    HF_NEED_PTR(out);
    *out = NULL;
    HF_TRY(check_crl_policy(crls != NULL, crl_policy));
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
    verifier->crls = hf_crl_set_ref(crls);
    verifier->crl_policy = crl_policy;
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
    hf_chain_cache_unref(verifier->cache);
    hf_bundle_unref(verifier->roots);
    hf_crl_book_unref(verifier->book);
    hf_crl_set_unref(verifier->crls);
    hf_mem_free(verifier);
}

/* The identity was proved; may it come in? On refusal nothing of the peer is handed out. */
hf_result hf_verifier_authorize(const struct hf_verifier *verifier, struct hf_peer *peer)
{
    const struct hf_policy *policy = verifier->policy;
    const uint8_t *text = (const uint8_t *)peer->id;
    size_t path = HF_SPIFFE_SCHEME_LEN + peer->trust_domain_len;
    /* The parts as they were parsed from the certificate, without parsing again. */
    struct hf_spiffe_id id = {
        text,        peer->id_len,       text + HF_SPIFFE_SCHEME_LEN, peer->trust_domain_len,
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

static hf_result judge_svid(const struct hf_verifier *verifier,
                            const struct hf_presented *presented, struct hf_peer *out)
{
    const struct hf_recaller recaller = {.cache = verifier->cache,
                                         .bundles = verifier->bundles,
                                         .rules = verifier->rules,
                                         .policy = hf_policy_digest(verifier->policy),
                                         .crls = verifier->book,
                                         .crl_policy = verifier->crl_policy};
    struct hf_recall_miss miss;
    if (hf_recall(&recaller, presented, &miss, out)) {
        return hf_verifier_authorize(verifier, out);
    }
    const struct hf_judge_options options = hf_verifier_options(verifier, HF_WAY_ANY);
    struct hf_presented known = *presented;
    if (miss.keyed) {
        known.digest = miss.chain_digest;
    }
    HF_TRY(hf_judge_svid(verifier->bundles, &known, &options, out));
    HF_TRY(hf_verifier_authorize(verifier, out));
    /* Who is refused by the policy is not remembered either: he could make us forget others. */
    hf_recall_keep(&recaller, presented, &miss, out);
    return hf_ok();
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
        struct hf_web_terms terms = {verifier->max_depth, name, verifier->crls,
                                     verifier->crl_policy};
        return hf_judge_web(verifier->roots, presented, &terms, out);
    }
    return judge_svid(verifier, presented, out);
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
