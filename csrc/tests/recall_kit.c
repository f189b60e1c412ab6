/* SPDX-License-Identifier: Apache-2.0 */
#include "recall_kit.h"

#include <stdio.h>
#include <stdlib.h>

static void need(hf_result r, const char *what)
{
    if (!hf_is_ok(r)) {
        (void)fprintf(stderr, "recall kit: %s: code %#x\n", what, (unsigned)r.code);
        abort();
    }
}

static uint32_t verify(const struct recall_question *question, struct hf_policy *policy,
                       struct hf_chain_cache *cache, const struct hf_chain *chain,
                       struct hf_peer *out)
{
    struct hf_verifier *verifier;
    need(hf_verifier_new_crls(question->set, policy, question->rules, cache, question->book,
                              question->crl_policy, &verifier),
         "verifier");
    uint32_t code = hf_verifier_verify(verifier, chain, question->at == 0 ? PKI_NOW : question->at,
                                       question->purpose, out)
                        .code;
    hf_verifier_unref(verifier);
    return code;
}

struct recall_answer recall_ask(struct hf_chain_cache *cache, struct recall_question question)
{
    static const struct hf_policy_node anybody = {.op = HF_POLICY_ANY};
    static struct kit_chain chain;
    struct recall_answer answer = {0};
    struct hf_peer plain;
    struct hf_policy *policy = NULL;
    struct hf_chain_cache_statistics before;
    struct hf_chain_cache_statistics after;
    if (!question.no_policy) {
        need(hf_policy_new(question.policy == NULL ? &anybody : question.policy,
                           question.policy == NULL ? 1 : question.policy_count, &policy),
             "policy");
    }
    (void)kit_chain(&chain, question.certs);
    uint32_t code = verify(&question, policy, NULL, &chain.chain, &plain);
    hf_chain_cache_statistics(cache, &before);
    answer.code = verify(&question, policy, cache, &chain.chain, &answer.peer);
    hf_chain_cache_statistics(cache, &after);
    answer.hit = after.hits != before.hits;
    answer.kept = after.inserts != before.inserts;
    answer.same = code == answer.code &&
                  hf_mem_equal(&plain, sizeof(plain), &answer.peer, sizeof(answer.peer));
    hf_policy_unref(policy);
    return answer;
}

struct hf_chain_cache *recall_cache(size_t entries)
{
    const struct hf_chain_cache_limits limits = {.max_entries = entries};
    struct hf_chain_cache *cache;
    need(hf_chain_cache_new(&limits, &cache), "cache");
    return cache;
}
