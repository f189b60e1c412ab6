/* SPDX-License-Identifier: Apache-2.0
 *
 * What is asked of a path: the parts of a judgement that stay the same for every candidate.
 */
#ifndef HF_VERIFY_QUESTION_H
#define HF_VERIFY_QUESTION_H

#include "verify/path.h"

struct hf_question {
    int64_t at;
    int purpose; /* HF_PURPOSE_* */
    int rules;   /* HF_RULES_*; web paths are judged by their own */
    bool web;
    enum hf_way way;
    struct hf_span trust_domain;       /* SPIFFE: the leaf's; text of the ID in its certificate */
    uint32_t max_depth;                /* web: intermediates between leaf and anchor */
    const struct hf_name *name;        /* web: what the leaf must be named, NULL for nothing */
    int crl_policy;                    /* HF_CRL_*; 0 asks no lists */
    struct hf_crl_set *crls_unclaimed; /* SPIFFE: good for whoever has their signer on the path */
    struct hf_crl_set *crls;           /* NULL: there are none */
    bool crls_unusable;                /* SPIFFE: the trust domain's lists cannot be read */
};

/* Bits of HF_EKU_* that the purpose needs. */
static inline uint32_t hf_purpose_eku(int purpose)
{
    switch (purpose) {
    case HF_PURPOSE_CLIENT:
        return HF_EKU_CLIENT;
    case HF_PURPOSE_SERVER:
        return HF_EKU_SERVER;
    default:
        return HF_EKU_CLIENT | HF_EKU_SERVER;
    }
}

#endif
