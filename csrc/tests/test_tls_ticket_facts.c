/* SPDX-License-Identifier: Apache-2.0
 *
 * R7: what a ticket carries: every fact comes back as it went in, limits are met exactly, and what
 * is not of the form is refused whole. Changed bytes: test_tls_ticket_keys.c.
 */
#include <string.h>

#include "base/clock.h"
#include "hf_test.h"
#include "resume_kit.h"
#include "tls/ticket_facts.h"
#include "tls/ticket_keys.h"
#include "verify/peer.h"
#include "verify/presented.h"

static struct resume_world world;

/* A server's open connection, which has ticket keys. */
static struct hf_conn *start(void)
{
    resume_start_tickets(&world, HF_TLS13);
    HF_CHECK(resume_meets_anew(&world));
    return world.pair.server.conn;
}

struct written {
    uint8_t *data;
    size_t len;
};

static struct written write_facts(const struct hf_conn *conn)
{
    struct written w;
    HF_CHECK_OK(hf_ticket_facts_write(conn, &w.data, &w.len));
    return w;
}

static struct hf_session_facts *read_facts(const struct written *w, struct hf_span leaf)
{
    struct hf_session_facts *facts;
    const uint8_t *instance = hf_ticket_keys_instance(world.server.tickets);
    HF_CHECK_OK(hf_ticket_facts_read(hf_span_of(w->data, w->len), leaf, instance, &facts));
    return facts;
}

static bool is_refused(struct hf_span data, struct hf_span leaf)
{
    struct hf_session_facts *facts;
    const uint8_t *instance = hf_ticket_keys_instance(world.server.tickets);
    hf_result r = hf_ticket_facts_read(data, leaf, instance, &facts);
    HF_CHECK(hf_is_ok(r) == (facts != NULL));
    hf_session_facts_unref(facts);
    return r.code == HF_E_PROTOCOL;
}

static struct hf_span leaf_of(const struct hf_conn *conn)
{
    return hf_span_of(conn->presented->der, conn->presented->lengths[0]);
}

/* Numbers with other bits in every byte; those of the ID and of the chain are what they are. */
static void every_fact_comes_back(void)
{
    struct hf_conn *conn = start();
    struct hf_peer peer;
    hf_peer_clear(&peer);
    HF_CHECK(hf_mem_copy(&peer, sizeof(peer), conn->verdict->peer, conn->verdict->peer_len));
    peer.not_before = INT64_C(0x0102030405060708);
    peer.not_after = INT64_C(0x1112131415161718);
    peer.leaf_not_before = -INT64_C(0x2122232425262728);
    peer.leaf_not_after = INT64_C(0x3132333435363738);
    peer.verified_at = INT64_C(0x4142434445464748);
    peer.path_length = 0x51525354;
    for (size_t i = 0; i < HF_DIGEST_SIZE; i++) {
        peer.bundle_digest[i] = (uint8_t)(i + 1);
        peer.anchor_digest[i] = (uint8_t)(i + 101);
    }
    HF_CHECK(
        hf_mem_copy(conn->verdict->peer, conn->verdict->peer_len, &peer, conn->verdict->peer_len));
    conn->authenticated_at = INT64_C(0x6162636465666768);
    conn->authenticated_monotonic = -INT64_C(0x7172737475767778);
    conn->own_not_after = INT64_C(0x0807060504030201);
    struct written w = write_facts(conn);
    struct hf_session_facts *facts = read_facts(&w, leaf_of(conn));
    HF_CHECK(w.data[0] == 1); /* of every release that shares keys with this one */
    HF_CHECK(facts->authenticated_at == conn->authenticated_at);
    HF_CHECK(facts->authenticated_monotonic == conn->authenticated_monotonic);
    HF_CHECK(facts->own_not_after == conn->own_not_after);
    HF_CHECK(hf_mem_equal(facts->context, HF_DIGEST_SIZE, conn->config->session_context,
                          HF_DIGEST_SIZE));
    HF_CHECK(
        hf_mem_equal(facts->peer, facts->peer_len, conn->verdict->peer, conn->verdict->peer_len));
    HF_CHECK(facts->presented->count == 1);
    HF_CHECK(hf_mem_equal(facts->presented->der, facts->presented->der_len, conn->presented->der,
                          conn->presented->der_len));
    hf_session_facts_unref(facts);
    hf_mem_free(w.data);
    resume_finish(&world);
}

/* The connection's peer presented this. */
static void chain_of(struct hf_conn *conn, const uint32_t *lengths, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        len += lengths[i];
    }
    struct hf_presented_chain *chain = hf_mem_new(sizeof(*chain) + len);
    hf_refcount_init(&chain->refs);
    for (size_t i = 0; i < count; i++) {
        chain->lengths[i] = lengths[i];
    }
    for (size_t i = 0; i < len; i++) {
        chain->der[i] = (uint8_t)(i * 7 >> 3);
    }
    chain->count = count;
    chain->der_len = len;
    hf_presented_unref(conn->presented);
    conn->presented = chain;
    struct hf_chain view = hf_presented_view(chain);
    struct hf_peer peer;
    hf_peer_clear(&peer);
    HF_CHECK(hf_mem_copy(&peer, sizeof(peer), conn->verdict->peer, conn->verdict->peer_len));
    HF_CHECK_OK(hf_chain_digest(&view, peer.chain_digest));
    HF_CHECK(
        hf_mem_copy(conn->verdict->peer, conn->verdict->peer_len, &peer, conn->verdict->peer_len));
}

/* As many certificates, and as many bytes of them, as a ticket may carry; not one more. */
static void limits_are_met_exactly(void)
{
    const struct {
        uint32_t lengths[HF_CHAIN_MAX];
        size_t count;
        bool fits;
    } chains[] = {
        {{1}, 1, true},
        {{1, 1}, 2, true},
        {{300, 256, 255, 1, 2, 3, 4, 5}, HF_CHAIN_MAX, true},
        {{1, 300, 256, 255, 2, 3, 4, 5}, HF_CHAIN_MAX, true},
        {{HF_TICKET_CHAIN_MAX}, 1, true},
        {{HF_TICKET_CHAIN_MAX + 1}, 1, false},
        {{1, HF_TICKET_CHAIN_MAX - 1}, 2, true},
        {{1, HF_TICKET_CHAIN_MAX}, 2, false},
        {{1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024}, HF_CHAIN_MAX, true},
    };
    struct hf_conn *conn = start();
    for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++) {
        struct written w;
        chain_of(conn, chains[i].lengths, chains[i].count);
        hf_result r = hf_ticket_facts_write(conn, &w.data, &w.len);
        HF_CHECK_CODE(r, chains[i].fits ? HF_OK : HF_E_CHAIN_TOO_LARGE);
        HF_CHECK((w.data != NULL) == chains[i].fits);
        if (chains[i].fits) {
            struct hf_session_facts *facts = read_facts(&w, leaf_of(conn));
            HF_CHECK(facts->presented->count == chains[i].count);
            for (size_t k = 0; k < chains[i].count; k++) {
                HF_CHECK(facts->presented->lengths[k] == chains[i].lengths[k]);
            }
            HF_CHECK(hf_mem_equal(facts->presented->der, facts->presented->der_len,
                                  conn->presented->der, conn->presented->der_len));
            hf_session_facts_unref(facts);
        }
        hf_mem_free(w.data);
    }
    resume_finish(&world);
}

/* Without a number of certificates; with nine, an empty one, too many bytes of them. The number of
 * those that follow the leaf is the last byte of a chain of one. */
static void longer_ones_are_refused(void)
{
    static uint8_t forged[2 * HF_TICKET_CHAIN_MAX];
    static const uint8_t leaf[HF_TICKET_CHAIN_MAX];
    static const uint32_t one[] = {1};
    struct hf_conn *conn = start();
    chain_of(conn, one, 1);
    struct written w = write_facts(conn);
    HF_CHECK(hf_mem_copy(forged, sizeof(forged), w.data, w.len));
    HF_CHECK(!is_refused(hf_span_of(forged, w.len), leaf_of(conn)));
    HF_CHECK(is_refused(hf_span_of(forged, w.len - 1), leaf_of(conn)));
    for (uint8_t more = 1; more <= HF_CHAIN_MAX + 1; more++) {
        forged[w.len - 1] = more;
        for (size_t i = 0; i < more; i++) {
            forged[w.len + 3 * i + 1] = 1; /* of one byte each */
        }
        HF_CHECK(is_refused(hf_span_of(forged, w.len + 3 * (size_t)more), leaf_of(conn)));
    }
    forged[w.len - 1] = 1;
    forged[w.len + 1] = 0;
    HF_CHECK(is_refused(hf_span_of(forged, w.len + 2), leaf_of(conn)));
    forged[w.len + 1] = 1;
    HF_CHECK(is_refused(hf_span_of(forged, w.len + 3), hf_span_of(leaf, sizeof(leaf))));
    hf_mem_free(w.data);
    resume_finish(&world);
}

/* The reader counts the bytes itself: here the writer is told one less than there are. */
static void the_reader_has_the_same_limit(void)
{
    const uint32_t half = HF_TICKET_CHAIN_MAX / 2;
    for (uint32_t more = 0; more <= 1; more++) {
        struct hf_conn *conn = start();
        chain_of(conn, (uint32_t[]){half + more, half}, 2);
        conn->presented->der_len = HF_TICKET_CHAIN_MAX;
        struct written w = write_facts(conn);
        HF_CHECK(is_refused(hf_span_of(w.data, w.len), leaf_of(conn)) == (more == 1));
        hf_mem_free(w.data);
        resume_finish(&world);
    }
}

static void no_certificate_is_empty(void)
{
    for (uint32_t last = 0; last <= 1; last++) {
        struct hf_conn *conn = start();
        chain_of(conn, (uint32_t[]){5, last}, 2);
        struct written w = write_facts(conn);
        HF_CHECK(is_refused(hf_span_of(w.data, w.len), leaf_of(conn)) == (last == 0));
        hf_mem_free(w.data);
        resume_finish(&world);
    }
}

/* What the writer never writes: an ID that is none, or whose trust domain has another length. */
static void an_id_is_parsed_again(void)
{
    struct hf_conn *conn = start();
    struct hf_peer *peer = (struct hf_peer *)(void *)conn->verdict->peer;
    struct written w;
    for (int i = 0; i < 4; i++) {
        peer->trust_domain_len = (uint16_t)(peer->trust_domain_len + (i == 1) - (i == 2));
        peer->id[0] = i == 3 ? 'S' : 's';
        w = write_facts(conn);
        HF_CHECK(is_refused(hf_span_of(w.data, w.len), leaf_of(conn)) == (i != 0));
        hf_mem_free(w.data);
        peer->trust_domain_len = sizeof(TLS_DOMAIN) - 1;
    }
    resume_finish(&world);
}

/* R4: the age that another machine's ticket has by the wall clock, and never less than none. */
static void ages_of_another_machine(void)
{
    static const uint8_t elsewhere[HF_TICKET_INSTANCE_SIZE];
    const int64_t ages[][2] = {{0, 0},
                               {1, 1},
                               {600, 600},
                               {-1, 0},
                               {-600, 0},
                               {HF_SESSION_AGE_MAX, HF_SESSION_AGE_MAX},
                               {HF_SESSION_AGE_MAX + 1, HF_SESSION_AGE_MAX}};
    struct hf_conn *conn = start();
    struct written w = write_facts(conn);
    for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
        struct hf_session_facts *facts;
        hf_clock_set(PKI_NOW + ages[i][0]);
        hf_clock_monotonic_set(5000000);
        HF_CHECK_OK(
            hf_ticket_facts_read(hf_span_of(w.data, w.len), leaf_of(conn), elsewhere, &facts));
        HF_CHECK(facts->authenticated_at == PKI_NOW);
        HF_CHECK(facts->authenticated_monotonic == 5000000 - ages[i][1]);
        hf_session_facts_unref(facts);
        facts = read_facts(&w, leaf_of(conn));
        HF_CHECK(facts->authenticated_monotonic == conn->authenticated_monotonic);
        hf_session_facts_unref(facts);
    }
    hf_mem_free(w.data);
    resume_finish(&world);
}

/* D7. */
static void without_memory_there_are_none(void)
{
    struct hf_conn *conn = start();
    struct hf_span leaf = leaf_of(conn);
    const uint8_t *instance = hf_ticket_keys_instance(world.server.tickets);
    size_t before = hf_mem_live();
    bool came = true;
    size_t k = 0;
    while (came) {
        struct written w;
        struct hf_session_facts *facts = NULL;
        hf_mem_fail_at(++k);
        hf_result r = hf_ticket_facts_write(conn, &w.data, &w.len);
        HF_CHECK(hf_is_ok(r) == (w.data != NULL));
        if (hf_is_ok(r)) {
            r = hf_ticket_facts_read(hf_span_of(w.data, w.len), leaf, instance, &facts);
            HF_CHECK(hf_is_ok(r) == (facts != NULL));
        }
        came = !hf_mem_fail_pending();
        hf_mem_fail_at(0);
        HF_CHECK(hf_is_ok(r) == !came);
        hf_session_facts_unref(facts);
        hf_mem_free(w.data);
        HF_CHECK(hf_mem_live() == before);
    }
    HF_CHECK(k == 4);
    resume_finish(&world);
}

HF_TESTS({"every fact comes back", every_fact_comes_back},
         {"limits are met exactly", limits_are_met_exactly},
         {"longer ones are refused", longer_ones_are_refused},
         {"the reader has the same limit", the_reader_has_the_same_limit},
         {"no certificate is empty", no_certificate_is_empty},
         {"an ID is parsed again", an_id_is_parsed_again},
         {"ages of another machine", ages_of_another_machine},
         {"without memory there are none", without_memory_there_are_none})
