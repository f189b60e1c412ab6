/* SPDX-License-Identifier: Apache-2.0
 *
 * A ClientHello may name very many sessions, and each look at one may be a verification: no more
 * than HF_SESSION_LOOKS_MAX are looked at, however many there are.
 */
#include "hello_kit.h"
#include "hf_test.h"
#include "resume_kit.h"
#include "tls/session.h"

#define OFFERED (HF_SESSION_LOOKS_MAX + 2)

static struct resume_world world;

static void put_extension(struct hello_bytes *list, size_t type, struct hf_span body)
{
    hello_put_number(list, type, 2);
    hello_put_number(list, body.len, 2);
    hello_put(list, body);
}

/* RFC 8446 4.2.11. Nobody has the secrets: the binders are wrong. */
static void put_sessions(struct hello_bytes *list, SSL_SESSION *const sessions[OFFERED])
{
    static const uint8_t binder[1 + 32] = {32};
    static struct hello_bytes names;
    static struct hello_bytes body;
    names.len = 0;
    body.len = 0;
    for (size_t i = 0; i < OFFERED; i++) {
        const unsigned char *name;
        size_t len;
        SSL_SESSION_get0_ticket(sessions[i], &name, &len);
        hello_put_number(&names, len, 2);
        hello_put(&names, hf_span_of(name, len));
        hello_put_number(&names, 0, 4);
    }
    hello_put_number(&body, names.len, 2);
    hello_put(&body, hf_span_of(names.data, names.len));
    hello_put_number(&body, OFFERED * sizeof(binder), 2);
    for (size_t i = 0; i < OFFERED; i++) {
        hello_put(&body, hf_span_of(binder, sizeof(binder)));
    }
    put_extension(list, TLSEXT_TYPE_psk, hf_span_of(body.data, body.len));
}

/* What OpenSSL's own clients never send: all of them in one ClientHello. */
static void offer(struct tls_end *server, SSL_SESSION *const sessions[OFFERED])
{
    static const uint8_t versions[] = {2, 3, 4};
    static const uint8_t groups[] = {0, 2, 0, 0x1d};
    static const uint8_t algorithms[] = {0, 2, 4, 3};
    static const uint8_t modes[] = {1, 1};
    static const uint8_t share[2 + 4 + 32] = {0, 36, 0, 0x1d, 0, 32, 9};
    static struct hello_bytes list;
    static struct hello_bytes message;
    static struct hello_bytes records;
    list.len = 0;
    records.len = 0;
    put_extension(&list, TLSEXT_TYPE_supported_versions, hf_span_of(versions, sizeof(versions)));
    put_extension(&list, TLSEXT_TYPE_supported_groups, hf_span_of(groups, sizeof(groups)));
    put_extension(&list, TLSEXT_TYPE_signature_algorithms,
                  hf_span_of(algorithms, sizeof(algorithms)));
    put_extension(&list, TLSEXT_TYPE_psk_kex_modes, hf_span_of(modes, sizeof(modes)));
    put_extension(&list, TLSEXT_TYPE_key_share, hf_span_of(share, sizeof(share)));
    put_sessions(&list, sessions);
    hello_message(&message, hf_span_of(list.data, list.len));
    hello_records(&records, &message, 16384);
    HF_CHECK_OK(hf_conn_receive(server->conn, records.data, records.len));
    tls_step(server);
}

/* How many were looked at, and how many of these did not hold. */
static void read_counts(uint64_t *looks, uint64_t *refused)
{
    struct hf_session_statistics store;
    struct hf_ticket_statistics tickets;
    hf_session_store_statistics(world.server.sessions, &store);
    *looks = store.hits;
    *refused = store.refused;
    if (world.server.tickets != NULL) {
        hf_ticket_keys_statistics(world.server.tickets, &tickets);
        *looks = tickets.opened;
        *refused = tickets.refused;
    }
}

/* R6: while the client's certificate is good the first of its sessions is taken, and the binder
 * refused; when it is over each look is in vain, and after the last that is allowed a full
 * handshake begins. */
static void no_more_than_a_few(void)
{
    for (size_t way = 1; way < RESUME_WAYS; way += 2) {
        for (int64_t now = 299; now <= 300; now++) {
            SSL_SESSION *sessions[OFFERED];
            struct tls_end server;
            uint64_t looks;
            uint64_t refused;
            resume_start_way(&world, way);
            world.server.ciphersuites = "TLS_AES_128_GCM_SHA256"; /* as in hello_message() */
            resume_renew(&world.client, TLS_CLIENT_ID, 300);
            for (size_t i = 0; i < OFFERED; i++) {
                HF_CHECK(!resume_theirs(&world, NULL, NULL, NULL, &sessions[i]));
            }
            resume_clock(now);
            struct hf_config *config = tls_config(&world.server);
            tls_end_conn(&server, config);
            offer(&server, sessions);
            read_counts(&looks, &refused);
            HF_CHECK(looks == (now == 299 ? 1 : HF_SESSION_LOOKS_MAX));
            HF_CHECK(refused == (now == 299 ? 0 : HF_SESSION_LOOKS_MAX));
            HF_CHECK(hf_is_ok(server.result) == (now == 300) && !server.done);
            tls_end_free(&server);
            hf_config_unref(config);
            for (size_t i = 0; i < OFFERED; i++) {
                SSL_SESSION_free(sessions[i]);
            }
            resume_finish(&world);
        }
    }
}

/* RFC 8446 4.2.11: a session of another hash than the handshake's is passed over, and the next one
 * is looked at for itself. */
static void each_name_is_looked_up(void)
{
    for (size_t way = 1; way < RESUME_WAYS; way += 2) {
        SSL_SESSION *sessions[OFFERED];
        struct tls_end server;
        uint64_t looks;
        uint64_t refused;
        size_t before = hf_mem_live();
        resume_start_way(&world, way);
        world.server.ciphersuites = "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256";
        for (size_t i = 0; i < OFFERED; i++) {
            world.client.ciphersuites =
                i == 0 ? "TLS_AES_256_GCM_SHA384" : "TLS_AES_128_GCM_SHA256";
            HF_CHECK(!resume_theirs(&world, NULL, NULL, NULL, &sessions[i]));
        }
        struct hf_config *config = tls_config(&world.server);
        tls_end_conn(&server, config);
        offer(&server, sessions);
        read_counts(&looks, &refused);
        HF_CHECK(looks == 2 && refused == 0);
        HF_CHECK(!hf_is_ok(server.result)); /* the second one's binder */
        tls_end_free(&server);
        hf_config_unref(config);
        for (size_t i = 0; i < OFFERED; i++) {
            SSL_SESSION_free(sessions[i]);
        }
        resume_finish(&world);
        HF_CHECK(hf_mem_live() == before); /* the one that was passed over is let go */
    }
}

/* RFC 5246 7.4.1.2 allows shorter ones than ours, which are nobody's. */
static void an_id_of_another_length_is_not_looked_up(void)
{
    struct hf_session_statistics before;
    struct hf_session_statistics now;
    SSL_SESSION *session;
    unsigned len;
    resume_start(&world, HF_TLS12);
    HF_CHECK(!resume_theirs(&world, NULL, NULL, NULL, &session));
    const unsigned char *id = SSL_SESSION_get_id(session, &len);
    HF_CHECK(len == HF_DIGEST_SIZE);
    hf_session_store_statistics(world.server.sessions, &before);
    for (unsigned shorter = 0; shorter <= 1; shorter++) {
        SSL_SESSION *offered = SSL_SESSION_dup(session);
        HF_CHECK(SSL_SESSION_set1_id(offered, id, len - shorter) == 1);
        HF_CHECK(resume_theirs(&world, NULL, NULL, offered, NULL) == (shorter == 0));
        SSL_SESSION_free(offered);
    }
    hf_session_store_statistics(world.server.sessions, &now);
    HF_CHECK(now.hits == 1 && now.misses == before.misses);
    SSL_SESSION_free(session);
    resume_finish(&world);
}

HF_TESTS({"no more than a few", no_more_than_a_few},
         {"each name is looked up", each_name_is_looked_up},
         {"an id of another length is not looked up", an_id_of_another_length_is_not_looked_up})
