/* SPDX-License-Identifier: Apache-2.0
 *
 * cached == uncached (P3): the same question to a verifier with a cache and to
 * one without. The input is a run of operations: chains in any composition,
 * under changing bundles, revocation lists, policies, rules, purposes and
 * times, with one cache for all of it. Code and peer must be the same each
 * time.
 *
 * What an attacker must hold: certificates that are accepted for something, to
 * be presented where they are not.
 */
#include <stdio.h>
#include <stdlib.h>

#include "chain_pool.h"
#include "kit.h"
#include "pki_crl.h"
#include "policy/verifier.h"

#define SETS 4
#define POLICIES 3
#define CERTS_MAX 4
#define BOOKS 4

#define REQUIRE(cond) require((cond), #cond, __LINE__)

static void require(bool holds, const char *what, int line)
{
    if (!holds) {
        (void)fprintf(stderr, "line %d: does not hold: %s\n", line, what);
        abort();
    }
}

/* [set][policy][lists][rules][cached or not] */
static struct hf_verifier *verifiers[SETS][POLICIES][BOOKS][2][2];
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

/* The usual bundles; the authorities the other way round; one with both; one
 * with a CA in the place of its root. */
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

/* A list of an issuer of the pool's, with an entry for this certificate; NULL:
 * with none. */
static size_t make_list(enum chain_pool_place issuer, const char *name, const struct pki_cert *cert,
                        int64_t until, uint8_t *out, size_t cap)
{
    struct pki_crl_spec spec;
    struct pki_revoked entry = {.serial = DER_NONE};
    pki_crl(&spec, name, chain_pool_key(issuer));
    spec.next_update = until;
    if (cert != NULL) {
        struct hf_cert view;
        REQUIRE(hf_is_ok(hf_cert_parse(pki_span(cert), &view)));
        entry.serial = (struct der_bytes){view.serial.data, view.serial.len};
        spec.entries = &entry;
        spec.count = 1;
    }
    return pki_crl_make(&spec, chain_pool_key(issuer), out, cap);
}

static struct hf_crl_set *make_lists(const struct pki_cert *of_root,
                                     const struct pki_cert *of_middle)
{
    static uint8_t der[4096];
    struct hf_crl_set *lists;
    size_t len = make_list(POOL_ROOT, "root", of_root, PKI_NOW + 1000, der, sizeof(der));
    len +=
        make_list(POOL_MIDDLE, "middle", of_middle, PKI_NOW + 3000, der + len, sizeof(der) - len);
    len += make_list(POOL_OTHER_ROOT, "other", NULL, PKI_NOW + 2000, der + len, sizeof(der) - len);
    REQUIRE(hf_is_ok(hf_crl_set_new(der, len, &lists)));
    return lists;
}

/* None; lists that name nobody; such that name a leaf and an intermediate,
 * whose they are unknown; one trust domain's that revoke, and another's that
 * cannot be used. */
static struct hf_crl_book *make_book(size_t which)
{
    const uint8_t *a = (const uint8_t *)"a.example";
    const uint8_t *b = (const uint8_t *)"b.example";
    struct hf_crl_set *good = make_lists(NULL, NULL);
    struct hf_crl_set *bad = make_lists(chain_pool_cert(POOL_UPPER), chain_pool_cert(POOL_LEAF));
    const struct hf_crl_page pages[2] = {{a, 9, which == 3 ? bad : good}, {b, 9, NULL}};
    struct hf_crl_book *book = NULL;
    REQUIRE(which == 0 || hf_is_ok(hf_crl_book_new(pages,
                                                   which == 2   ? 0
                                                   : which == 3 ? 2
                                                                : 1,
                                                   which == 2 ? bad : NULL, &book)));
    hf_crl_set_unref(good);
    hf_crl_set_unref(bad);
    return book;
}

/* All that ask one policy of one set. */
static void make_verifiers(size_t s, size_t p, struct hf_bundle_set *set, struct hf_policy *policy)
{
    for (size_t b = 0; b < BOOKS; b++) {
        struct hf_crl_book *book = make_book(b);
        int asks = b == 0 ? 0 : b == 1 ? HF_CRL_REQUIRED : HF_CRL_IF_AVAILABLE;
        for (int i = 0; i < 4; i++) {
            REQUIRE(hf_is_ok(hf_verifier_new_crls(set, policy, i / 2, i % 2 == 0 ? NULL : cache,
                                                  book, asks, &verifiers[s][p][b][i / 2][i % 2])));
        }
        hf_crl_book_unref(book);
    }
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
            make_verifiers(s, p, set, policy);
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
    int64_t now; /* of the steady clock */
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

/* The three bytes: whom, when and what. A new chain takes more. Verdicts change at the ends of
 * certificates and of lists: the seconds before and after those are asked about, too. */
static bool step(struct question *q, struct hf_span *left)
{
    static const int64_t times[8] = {0, 1, -1, -3600, 2000, 3000, 3600, 1000};
    static const int64_t around[3] = {0, 1, -1};
    struct hf_span op;
    uint8_t more;
    if (!hf_span_take(left, 3, &op)) {
        return false;
    }
    size_t set = op.data[0] % SETS;
    size_t policy = op.data[0] / SETS % POLICIES;
    size_t lists = op.data[2] >> 6;
    int rules = op.data[0] >> 7;
    q->plain = verifiers[set][policy][lists][rules][0];
    q->cached = verifiers[set][policy][lists][rules][1];
    q->at = PKI_NOW + times[op.data[1] % 8] + around[(op.data[1] >> 3) / 3 % 3];
    q->purpose = (op.data[1] >> 3) % 3;
    if (op.data[1] >= 0xf0) {
        q->now += op.data[1] - 0xf0 + 30;
        hf_clock_monotonic_set(q->now);
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

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    make_world();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct question q;
    struct hf_span left = hf_span_of(data, size);
    hf_chain_cache_clear(cache);
    q.now = 1000; /* the same for the same input, whatever came before it */
    hf_clock_monotonic_set(q.now);
    (void)kit_chain(&q.chain, KIT_CERTS(chain_pool_cert(POOL_LEAF), chain_pool_cert(POOL_MIDDLE)));
    while (step(&q, &left)) {
    }
    return 0;
}
