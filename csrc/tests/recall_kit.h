/* SPDX-License-Identifier: Apache-2.0
 *
 * One question asked twice, of a verifier with a cache and of one without: for the tests of P3,
 * which all say that the two answers are one.
 */
#ifndef HF_TESTS_RECALL_KIT_H
#define HF_TESTS_RECALL_KIT_H

#include "kit.h"
#include "policy/verifier.h"

struct recall_question {
    struct hf_bundle_set *set;
    struct kit_certs certs;
    const struct hf_policy_node *policy; /* NULL: anybody */
    size_t policy_count;
    bool no_policy; /* default deny */
    int rules;
    int purpose;
    int64_t at; /* 0: PKI_NOW */
    struct hf_crl_book *book;
    int crl_policy;
};

struct recall_answer {
    uint32_t code;
    bool same; /* with and without the cache: the code, and every byte of the peer */
    bool hit;  /* the cache gave it */
    bool kept; /* the cache took it */
    struct hf_peer peer;
};

struct recall_answer recall_ask(struct hf_chain_cache *cache, struct recall_question question);

/* A cache of `entries` places; 0: the default. A failure is a bug of the test. */
struct hf_chain_cache *recall_cache(size_t entries);

/* What an answer is, for checks. */
static inline bool recall_is_hit(struct recall_answer answer)
{
    return answer.same && answer.code == HF_OK && answer.hit && !answer.kept;
}

/* Accepted by a judgement, and kept. */
static inline bool recall_is_judged(struct recall_answer answer)
{
    return answer.same && answer.code == HF_OK && !answer.hit && answer.kept;
}

static inline bool recall_is_refused(struct recall_answer answer, uint32_t code)
{
    return answer.same && answer.code == code && !answer.kept && answer.peer.id_len == 0;
}

#endif
