/* SPDX-License-Identifier: Apache-2.0
 *
 * cached == uncached (P3): the same question to a verifier with a cache and to one without. The
 * input is a run of operations: chains in any composition, under changing bundles, policies, rules,
 * purposes and times, with one cache for all of it. Code and peer must be the same each time.
 *
 * What an attacker must hold: certificates that are accepted for something, to be presented where
 * they are not.
 */
#include <stdio.h>
#include <stdlib.h>

#include "chain_pool.h"
#include "kit.h"
#include "policy/verifier.h"

#define SETS 4
#define POLICIES 3
#define CERTS_MAX 4

#define REQUIRE(cond) require((cond), #cond, __LINE__)

static void require(bool holds, const char *what, int line)
{
    if (!holds) {
        (void)fprintf(stderr, "line %d: does not hold: %s\n", line, what);
        abort();
    }
}

/* [set][policy][rules][cached or not] */
static struct hf_verifier *verifiers[SETS][POLICIES][2][2];
static struct hf_chain_cache *cache;

static struct hf_policy *make_policy(size_t which)
{
    static const struct hf_policy_node nodes[POLICIES] = {
        {.op = HF_POLICY_ANY},
        {.op = HF_POLICY_TRUST_DOMAIN, .text = (const uint8_t *)"a.example", .len = 9},
        {.op = HF_POLICY_EXACTLY, .text = (const uint8_t *)"spiffe://a.example/web", .len = 22}};
    struct hf_policy *policy;
    REQUIRE(hf_is_ok(hf_policy_new(&nodes[which], 1, &policy)));
    return policy;
}

/* The usual bundles; the authorities the other way round; one with both; one with a CA in the place
 * of its root. */
static struct hf_bundle_set *make_set(size_t which)
{
    const struct pki_cert *root = chain_pool_cert(POOL_ROOT);
    const struct pki_cert *other = chain_pool_cert(POOL_OTHER_ROOT);
    const struct pki_cert *middle = chain_pool_cert(POOL_MIDDLE);
    struct hf_bundle *both[2];
    switch (which) {
    case 0:
        both[0] = kit_bundle("a.example", KIT_CERTS(root));
        both[1] = kit_bundle("b.example", KIT_CERTS(other));
        break;
    case 1:
        both[0] = kit_bundle("a.example", KIT_CERTS(other));
        both[1] = kit_bundle("b.example", KIT_CERTS(root));
        break;
    case 2:
        both[0] = kit_bundle("a.example", KIT_CERTS(root, other));
        both[1] = kit_bundle("b.example", KIT_NO_CERTS);
        break;
    default:
        both[0] = kit_bundle("a.example", KIT_CERTS(middle));
        both[1] = kit_bundle("b.example", KIT_CERTS(root));
        break;
    }
    return kit_set(both, 2);
}

static void make_world(void)
{
    /* Few places, so that entries have to go. */
    struct hf_chain_cache_limits limits = {.max_entries = 24, .max_age = 100};
    REQUIRE(hf_is_ok(hf_chain_cache_new(&limits, &cache)));
    for (size_t s = 0; s < SETS; s++) {
        struct hf_bundle_set *set = make_set(s);
        for (size_t p = 0; p < POLICIES; p++) {
            struct hf_policy *policy = make_policy(p);
            for (int i = 0; i < 4; i++) {
                REQUIRE(hf_is_ok(hf_verifier_new(set, policy, i / 2, i % 2 == 0 ? NULL : cache,
                                                 &verifiers[s][p][i / 2][i % 2])));
            }
            hf_policy_unref(policy);
        }
        hf_bundle_set_unref(set);
    }
}

struct question {
    struct hf_verifier *plain;
    struct hf_verifier *cached;
    struct kit_chain chain;
    int64_t at;
    int purpose;
};

static void ask(const struct question *q)
{
    struct hf_peer plain;
    struct hf_peer cached;
    hf_result p = hf_verifier_verify(q->plain, &q->chain.chain, q->at, q->purpose, &plain);
    hf_result c = hf_verifier_verify(q->cached, &q->chain.chain, q->at, q->purpose, &cached);
    REQUIRE(p.code == c.code);
    REQUIRE(hf_mem_equal(&plain, sizeof(plain), &cached, sizeof(cached)));
}

/* The three bytes: whom, when and what. A new chain takes more. */
static bool step(struct question *q, struct hf_span *left)
{
    static const int64_t times[8] = {0, 1, -1, -3600, -3601, 3599, 3600, 1000};
    struct hf_span op;
    uint8_t more;
    if (!hf_span_take(left, 3, &op)) {
        return false;
    }
    size_t set = op.data[0] % SETS;
    size_t policy = op.data[0] / SETS % POLICIES;
    int rules = op.data[0] >> 7;
    q->plain = verifiers[set][policy][rules][0];
    q->cached = verifiers[set][policy][rules][1];
    q->at = PKI_NOW + times[op.data[1] % 8];
    q->purpose = (op.data[1] >> 3) % 3;
    if (op.data[1] >= 0xf0) {
        static int64_t now;
        now += op.data[1] - 0xf0 + 30;
        hf_clock_monotonic_set(now);
    }
    if (op.data[2] == 0xff) {
        hf_chain_cache_clear(cache);
    }
    const struct pki_cert *certs[CERTS_MAX];
    size_t count = 0;
    size_t wanted = op.data[2] % (CERTS_MAX + 1);
    while (count < wanted && hf_span_take_u8(left, &more)) {
        certs[count++] = chain_pool_cert(more % CHAIN_POOL);
    }
    if (count != 0) {
        (void)kit_chain(&q->chain, (struct kit_certs){certs, count});
    }
    ask(q);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct question q;
    struct hf_span left = hf_span_of(data, size);
    if (cache == NULL) {
        make_world();
    }
    hf_chain_cache_clear(cache);
    (void)kit_chain(&q.chain, KIT_CERTS(chain_pool_cert(POOL_LEAF), chain_pool_cert(POOL_MIDDLE)));
    while (step(&q, &left)) {
    }
    return 0;
}
