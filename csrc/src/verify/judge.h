/* SPDX-License-Identifier: Apache-2.0
 *
 * Authentication: from a chain as presented to an identity, or a refusal. Authorization is the
 * next room's (policy/verifier.h), which is the only caller beside tests and fuzzers.
 */
#ifndef HF_VERIFY_JUDGE_H
#define HF_VERIFY_JUDGE_H

#include "x509/bundle.h"

/* What is judged: certificates as presented, leaf first. `x509s`, when not NULL, are the caller's
 * decoded objects of the same certificates in the same order (the TLS layer has them already). */
struct hf_presented {
    const struct hf_chain *chain;
    X509 *const *x509s;
    int64_t at;            /* resolved: never HF_TIME_NOW */
    int purpose;           /* HF_PURPOSE_* of the peer */
    const uint8_t *digest; /* hf_chain_digest() of the chain, from a caller who has it; else NULL */
    /* A view that was read before, of bytes that are still there: an equal certificate behind the
     * leaf is not read again. NULL: none. */
    const struct hf_cert *met;
};

/* What every judgement keeps to:
 * - Presented certificates after the leaf may come in any order, twice, or be of no use; each must
 *   be readable all the same. One that is not a CA is never an issuer and is otherwise ignored.
 * - A peer holds from not_before on and until before not_after: in the second of notAfter itself a
 *   chain has expired (OpenSSL's reading, stricter than RFC 5280's).
 * - The depth in a failure is the place of the certificate in what was presented: 0 the leaf. An
 *   authority that was not presented stands one behind the last. For a chain in its usual order
 *   that is the depth as OpenSSL counts it.
 * - A refusal leaves a record of zeros in `out`. */

/* By which way paths are verified. Only tests and fuzzers have reason to choose. */
enum hf_way {
    HF_WAY_ANY = 0, /* the fast path for what it covers, else the general one */
    HF_WAY_GENERAL, /* X509_verify_cert alone */
    HF_WAY_FAST,    /* what the fast path does not cover is refused: HF_E_CHAIN_REJECTED */
};

struct hf_judge_options {
    int rules; /* HF_RULES_* */
    enum hf_way way;
    const struct hf_crl_book *crls; /* borrowed */
    int crl_policy;                 /* HF_CRL_*; 0 asks no lists */
};

/* Strict views, SVID rules, the bundle of the leaf's own trust domain and no other (P1), then every
 * path from the presented certificates to one of its authorities within bounded work. */
HF_MUST_USE hf_result hf_judge_svid(const struct hf_bundle_set *bundles,
                                    const struct hf_presented *presented,
                                    const struct hf_judge_options *options, struct hf_peer *out);

/* An expected name of a web peer; kind HF_NAME_NONE compares nothing. */
struct hf_name {
    int kind;
    struct hf_span text;
};

/* What is asked of a web path beside its roots. */
struct hf_web_terms {
    uint32_t max_depth;         /* intermediates between leaf and root */
    const struct hf_name *name; /* NULL compares nothing */
    struct hf_crl_set *crls;    /* borrowed; NULL asks none */
    int crl_policy;             /* HF_CRL_*, 0 without lists */
};

HF_MUST_USE hf_result hf_judge_web(const struct hf_bundle *roots,
                                   const struct hf_presented *presented,
                                   const struct hf_web_terms *terms, struct hf_peer *out);

#endif
