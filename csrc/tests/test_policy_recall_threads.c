/* SPDX-License-Identifier: Apache-2.0
 *
 * One cache, many threads, and bundles that come and go while they verify (threats C4, D8): an
 * acceptance that is entered late is never found by who has another bundle. And verdicts without
 * memory (C7). Worth most under the thread sanitizer.
 */
#include <pthread.h>

#include "hf_test.h"
#include "recall_kit.h"

#define THREADS 4
#define VERDICTS 1500
#define SETS 3
#define CHAINS 3

static struct pki_cert root, other_root, by_root, by_other, middle, by_middle;
static struct kit_chain chains[CHAINS];
static struct hf_bundle_set *sets[SETS];
static uint32_t expected[SETS][CHAINS];
static struct hf_policy *policy;
static struct hf_chain_cache *cache;
static pthread_barrier_t rounds;

static void make_world(void)
{
    const struct hf_policy_node anybody = {.op = HF_POLICY_ANY};
    kit_root(&root, "root", KIT_KEY(0));
    kit_root(&other_root, "other", KIT_KEY(1));
    kit_intermediate(&middle, "root", KIT_KEY(0), "middle", KIT_KEY(2));
    kit_leaf(&by_root, "root", KIT_KEY(0), "spiffe://a.example/1");
    kit_leaf(&by_other, "other", KIT_KEY(1), "spiffe://a.example/2");
    kit_leaf(&by_middle, "middle", KIT_KEY(2), "spiffe://a.example/3");
    (void)kit_chain(&chains[0], KIT_CERTS(&by_root));
    (void)kit_chain(&chains[1], KIT_CERTS(&by_other));
    (void)kit_chain(&chains[2], KIT_CERTS(&by_middle, &middle));
    sets[0] = kit_set1("a.example", KIT_CERTS(&root));
    sets[1] = kit_set1("a.example", KIT_CERTS(&other_root));
    sets[2] = kit_set1("a.example", KIT_CERTS(&root, &other_root));
    HF_CHECK_OK(hf_policy_new(&anybody, 1, &policy));
}

static uint32_t verdict(size_t set, size_t chain, struct hf_chain_cache *with, struct hf_peer *out)
{
    struct hf_verifier *verifier;
    out->id_len = 0;
    if (!hf_is_ok(hf_verifier_new(sets[set], policy, HF_RULES_STRICT, with, &verifier))) {
        return HF_E_INTERNAL;
    }
    uint32_t code =
        hf_verifier_verify(verifier, &chains[chain].chain, PKI_NOW, HF_PURPOSE_CLIENT, out).code;
    hf_verifier_unref(verifier);
    return code;
}

struct worker {
    pthread_t thread;
    size_t number;
    size_t wrong;
};

/* All threads begin each round together, with different bundles about the same chain: one judges
 * and enters while the others look. */
static void *work(void *arg)
{
    struct worker *worker = arg;
    for (size_t i = 0; i < VERDICTS; i++) {
        struct hf_peer peer;
        if (i % 50 == 0) {
            (void)pthread_barrier_wait(&rounds);
        }
        if (i % 50 == 0 && worker->number == 0) {
            hf_chain_cache_clear(cache);
        }
        size_t set = (worker->number + i) % SETS;
        size_t chain = i / SETS % CHAINS;
        uint32_t code = verdict(set, chain, cache, &peer);
        bool own = code != HF_OK || hf_mem_equal(peer.bundle_digest, HF_DIGEST_SIZE,
                                                 sets[set]->bundles[0]->digest, HF_DIGEST_SIZE);
        worker->wrong += code != expected[set][chain] || !own;
    }
    return NULL;
}

/* C4 */
static void bundles_come_and_go_while_threads_verify(void)
{
    struct worker workers[THREADS];
    struct hf_chain_cache_statistics now;
    struct hf_peer peer;
    for (size_t set = 0; set < SETS; set++) {
        for (size_t chain = 0; chain < CHAINS; chain++) {
            expected[set][chain] = verdict(set, chain, NULL, &peer);
        }
    }
    HF_CHECK(expected[0][0] == HF_OK && expected[0][1] == HF_E_UNKNOWN_AUTHORITY);
    HF_CHECK(expected[1][1] == HF_OK && expected[1][2] == HF_E_UNKNOWN_AUTHORITY);
    cache = recall_cache(0);
    HF_CHECK(pthread_barrier_init(&rounds, NULL, THREADS) == 0);
    for (size_t i = 0; i < THREADS; i++) {
        workers[i].number = i;
        workers[i].wrong = 0;
        HF_CHECK(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        HF_CHECK(pthread_join(workers[i].thread, NULL) == 0);
        HF_CHECK(workers[i].wrong == 0);
    }
    (void)pthread_barrier_destroy(&rounds);
    hf_chain_cache_statistics(cache, &now);
    HF_CHECK(now.hits > 100 && now.inserts > 10);
    hf_chain_cache_unref(cache);
}

/* C7, D7: whichever allocation fails, a verdict is the right one or none, and the cache goes on:
 * nobody waits for what another one did not finish. */
static void verdicts_without_memory(void)
{
    struct hf_peer peer;
    size_t good = 0;
    for (size_t k = 1; good < 3 && k < 200; k++) {
        cache = recall_cache(0);
        hf_mem_fail_at(k);
        uint32_t code = verdict(2, 2, cache, &peer);
        bool unharmed = code == HF_OK;
        hf_mem_fail_at(0);
        HF_CHECK(unharmed || (peer.id_len == 0 && code != HF_OK));
        good += unharmed;
        for (int i = 0; i < 2; i++) {
            HF_CHECK(verdict(2, 2, cache, &peer) == HF_OK && peer.path_length == 3);
            HF_CHECK(verdict(1, 2, cache, &peer) == HF_E_UNKNOWN_AUTHORITY);
        }
        hf_chain_cache_unref(cache);
    }
    HF_CHECK(good == 3);
}

HF_TESTS({"make the world", make_world},
         {"bundles come and go while threads verify", bundles_come_and_go_while_threads_verify},
         {"verdicts without memory", verdicts_without_memory})
