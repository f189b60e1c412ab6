/* SPDX-License-Identifier: Apache-2.0
 *
 * Verdicts from the verified-chain cache, in the place of a judgement (P3).
 *
 * Theory of operation. The judge (judge.h) is a function of: the presented certificates, the
 * content of one bundle, that of its trust domain's revocation lists where they are asked, the
 * rules, the purpose, and the time. All but the time are in the key of an entry, the policies too.
 * Of the time the judge only ever asks, of one certificate or list or another, whether it lies in
 * its validity; so between two moments at which some certificate that was presented or is in the
 * bundle, or some list, begins or ends to be valid, the answer stays the same, the path that is
 * found and everything else in the record of the peer included. An entry holds for that
 * span of time and no longer: what is recalled is what a new judgement would say.
 *
 * The identity is not remembered at all: it is read anew, strictly, from the presented leaf. What
 * is odd in any way is not answered, and so goes to the judge.
 */
#ifndef HF_VERIFY_RECALL_H
#define HF_VERIFY_RECALL_H

#include "verify/chain_cache.h"
#include "verify/judge.h"

/* Whose question it is; all of it is in the key but the cache. */
struct hf_recaller {
    struct hf_chain_cache *cache; /* NULL: nothing is remembered */
    const struct hf_bundle_set *bundles;
    int rules;
    const uint8_t *policy; /* content digest of the policy; NULL: nothing is remembered */
    const struct hf_crl_book *crls;
    int crl_policy; /* HF_CRL_*; 0 asks no lists */
};

/* What a look-up that found nothing leaves for the judgement after it. */
struct hf_recall_miss {
    bool keyed;                  /* the rest is there */
    uint8_t key[HF_DIGEST_SIZE]; /* where to enter an acceptance */
    uint8_t chain_digest[HF_DIGEST_SIZE];
};

/* True: `out` is what hf_judge_svid() would fill it with. It is authenticated, not authorized. */
bool hf_recall(const struct hf_recaller *recaller, const struct hf_presented *presented,
               struct hf_recall_miss *miss, struct hf_peer *out);

/* The judge accepted what was not found: remember `peer`. Never fails. */
void hf_recall_keep(const struct hf_recaller *recaller, const struct hf_presented *presented,
                    const struct hf_recall_miss *miss, const struct hf_peer *peer);

#endif
