/* SPDX-License-Identifier: Apache-2.0
 *
 * What was presented, asked one by one: limits to the byte, what is read and what is taken over,
 * digests. Verdicts alone do not show these (tools/mutate.py).
 */
#include "verify/presented.h"

#include <string.h>

#include "hf_test.h"
#include "kit.h"
#include "verify/peer.h"

#define ID "spiffe://a.example/web"

static struct pki_cert root, middle, leaf;

static void make_world(void)
{
    kit_root(&root, "root", KIT_KEY(0));
    kit_intermediate(&middle, "root", KIT_KEY(0), "middle", KIT_KEY(1));
    kit_leaf(&leaf, "middle", KIT_KEY(1), ID);
}

/* C10: as many bytes as the limit says, and not one more; in one certificate or in several. */
static void bytes_are_counted_exactly(void)
{
    static const uint8_t bytes[1];
    static const struct {
        uint32_t lengths[2];
        size_t count;
        bool within;
    } cases[] = {
        {{HF_CHAIN_BYTES_MAX, 0}, 1, true},     {{HF_CHAIN_BYTES_MAX + 1, 0}, 1, false},
        {{HF_CHAIN_BYTES_MAX, 0}, 2, true},     {{HF_CHAIN_BYTES_MAX, 1}, 2, false},
        {{HF_CHAIN_BYTES_MAX - 1, 1}, 2, true}, {{HF_CHAIN_BYTES_MAX - 1, 2}, 2, false},
        {{1, HF_CHAIN_BYTES_MAX - 1}, 2, true}, {{1, HF_CHAIN_BYTES_MAX}, 2, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hf_chain chain = {bytes, cases[i].lengths, cases[i].count};
        HF_CHECK_CODE(hf_chain_check_limits(&chain),
                      cases[i].within ? HF_OK : HF_E_CHAIN_TOO_LARGE);
    }
}

/* A pool as it was read, from memory that was full of something else. */
static void read_pool(struct kit_certs presented, const struct hf_cert *met, struct hf_pool *out)
{
    static struct kit_chain chain;
    static struct hf_presented in;
    in = (struct hf_presented){.chain = kit_chain(&chain, presented), .met = met};
    (void)memset(out, 0x5a, sizeof(*out));
    HF_CHECK_OK(hf_pool_init(&in, out));
    HF_CHECK(out->count == presented.count && out->issuers_verified == 0);
}

static void what_came_before_is_marked(void)
{
    static const bool expected[] = {false, true, false, false, true, true};
    static struct hf_pool pool;
    read_pool(KIT_CERTS(&leaf, &leaf, &middle, &root, &middle, &leaf), NULL, &pool);
    for (size_t i = 0; i < pool.count; i++) {
        HF_CHECK(pool.repeated[i] == expected[i]);
    }
    hf_pool_wipe(&pool);
}

/* A view that is there is taken over for equal bytes, never for the leaf. */
static void a_view_that_is_there_is_taken(void)
{
    static struct pki_cert elsewhere;
    static struct hf_pool pool;
    struct hf_cert met;
    elsewhere = middle;
    HF_CHECK_OK(hf_cert_parse(pki_span(&elsewhere), &met));
    read_pool(KIT_CERTS(&leaf, &root, &middle, &middle), &met, &pool);
    HF_CHECK(pool.certs[1].der.data != met.der.data);
    HF_CHECK(hf_span_equal(pool.certs[1].der, pki_span(&root)));
    HF_CHECK(pool.certs[2].der.data == met.der.data && pool.certs[3].der.data == met.der.data);
    HF_CHECK(pool.repeated[3]);
    hf_pool_wipe(&pool);
    read_pool(KIT_CERTS(&leaf, &middle), &met, &pool);
    HF_CHECK(pool.certs[1].der.data == met.der.data);
    hf_pool_wipe(&pool);
    elsewhere = leaf;
    HF_CHECK_OK(hf_cert_parse(pki_span(&elsewhere), &met));
    read_pool(KIT_CERTS(&leaf, &middle), &met, &pool);
    HF_CHECK(pool.certs[0].der.data != met.der.data);
    hf_pool_wipe(&pool);
}

static void objects_are_made_once_and_freed_once(void)
{
    static struct hf_pool pool;
    X509 *first = NULL;
    X509 *again = NULL;
    X509 *const missing[2] = {NULL, NULL};
    read_pool(KIT_CERTS(&leaf, &middle), NULL, &pool);
    HF_CHECK_OK(hf_pool_x509(&pool, 1, &first));
    HF_CHECK_OK(hf_pool_x509(&pool, 1, &again));
    HF_CHECK(first != NULL && first == again);
    hf_pool_wipe(&pool);
    HF_CHECK(pool.decoded[1] == NULL);
    hf_pool_wipe(&pool);
    struct hf_presented in = *pool.in;
    in.x509s = missing;
    pool.in = &in;
    HF_CHECK_CODE(hf_pool_x509(&pool, 1, &again), HF_E_BAD_ARGUMENT);
    HF_CHECK(again == NULL);
}

/* C1: all four bytes of a length, though no certificate within the limits needs the upper two. */
static void lengths_are_four_bytes(void)
{
    static const uint32_t length = 0x01020304;
    uint8_t *bytes = hf_mem_new(length);
    uint8_t expected[HF_DIGEST_SIZE];
    uint8_t got[HF_DIGEST_SIZE];
    (void)memset(bytes, 'x', length);
    struct hf_chain chain = {bytes, &length, 1};
    struct hf_span parts[2] = {HF_SPAN("\x01\x02\x03\x04"), hf_span_of(bytes, length)};
    HF_CHECK_OK(hf_ossl_sha256(parts, 2, expected));
    HF_CHECK_OK(hf_chain_digest(&chain, got));
    HF_CHECK(hf_mem_equal(got, HF_DIGEST_SIZE, expected, HF_DIGEST_SIZE));
    hf_mem_free(bytes);
}

static void a_digest_that_is_there_is_taken(void)
{
    static struct hf_pool pool;
    static uint8_t known[HF_DIGEST_SIZE] = {1, 2, 3};
    uint8_t got[HF_DIGEST_SIZE] = {0};
    read_pool(KIT_CERTS(&leaf, &middle), NULL, &pool);
    struct hf_presented in = *pool.in;
    in.digest = known;
    pool.in = &in;
    HF_CHECK_OK(hf_pool_digest(&pool, got));
    HF_CHECK(hf_mem_equal(got, HF_DIGEST_SIZE, known, HF_DIGEST_SIZE));
    hf_pool_wipe(&pool);
}

/* An ID in a record ends where it ends, also for those who read it as text. */
static void an_id_ends_with_a_nul(void)
{
    static const uint8_t digest[HF_DIGEST_SIZE];
    struct hf_cert cert;
    struct hf_spiffe_id id;
    struct hf_peer peer;
    HF_CHECK_OK(hf_cert_parse(pki_span(&leaf), &cert));
    HF_CHECK_OK(hf_spiffe_id_parse((const uint8_t *)ID, strlen(ID), &id));
    const struct hf_verdict_facts facts = {
        .leaf = &cert, .chain_digest = digest, .bundle_digest = digest, .anchor_digest = digest};
    (void)memset(&peer, 'x', sizeof(peer));
    HF_CHECK_OK(hf_peer_write(&facts, &id, &peer));
    HF_CHECK(hf_mem_equal(peer.id, sizeof(ID), ID, sizeof(ID)));
}

static void nothing_is_left(void)
{
    HF_CHECK(hf_mem_live() == 0);
}

HF_TESTS({"make the world", make_world}, {"bytes are counted exactly", bytes_are_counted_exactly},
         {"what came before is marked", what_came_before_is_marked},
         {"a view that is there is taken", a_view_that_is_there_is_taken},
         {"objects are made once and freed once", objects_are_made_once_and_freed_once},
         {"lengths are four bytes", lengths_are_four_bytes},
         {"a digest that is there is taken", a_digest_that_is_there_is_taken},
         {"an ID ends with a NUL", an_id_ends_with_a_nul}, {"nothing is left", nothing_is_left})
