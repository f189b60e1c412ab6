/* SPDX-License-Identifier: Apache-2.0
 *
 * Verifiers from the inside: authentication (verify/judge.h) and then authorization, in one call
 * that the TLS layer makes during a handshake and hf_verifier_verify() makes outside of one.
 */
#ifndef HF_POLICY_VERIFIER_H
#define HF_POLICY_VERIFIER_H

#include "policy/policy.h"
#include "verify/judge.h"

enum hf_verifier_kind { HF_VERIFIER_SPIFFE = 1, HF_VERIFIER_WEB };

struct hf_verifier {
    struct hf_refcount refs;
    enum hf_verifier_kind kind;
    int rules;
    uint32_t max_depth;
    struct hf_bundle_set *bundles; /* SPIFFE */
    struct hf_policy *policy;      /* SPIFFE; NULL refuses everybody */
    struct hf_chain_cache *cache;  /* SPIFFE; NULL remembers nothing */
    struct hf_bundle *roots;       /* WEB */
    struct hf_crl_book *book;      /* SPIFFE: lists by trust domain */
    struct hf_crl_set *crls;       /* WEB */
    int crl_policy;                /* HF_CRL_*; 0 asks no lists */
};

/* How an SVID verifier asks its judge. */
static inline struct hf_judge_options hf_verifier_options(const struct hf_verifier *verifier,
                                                          enum hf_way way)
{
    const struct hf_judge_options options = {verifier->rules, way, verifier->book,
                                             verifier->crl_policy};
    return options;
}

/* The second half of a SPIFFE verdict: whoever authenticated by other ways than the entry below (a
 * batch) comes here before anything is handed out. On refusal `peer` is nobody. */
HF_MUST_USE hf_result hf_verifier_authorize(const struct hf_verifier *verifier,
                                            struct hf_peer *peer);

/* The one entry for both kinds. `name` is for web verifiers; NULL compares nothing. */
HF_MUST_USE hf_result hf_verifier_judge(const struct hf_verifier *verifier,
                                        const struct hf_presented *presented,
                                        const struct hf_name *name, struct hf_peer *out);

#endif
