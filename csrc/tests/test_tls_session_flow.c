/* SPDX-License-Identifier: Apache-2.0
 *
 * What happens to sessions in the life of a connection, call by call: who may name a destination,
 * what is told of a proof, and what a connection keeps and lets go.
 */
#include "hf_test.h"
#include "resume_kit.h"
#include "tls/session.h"
#include "tls/shed.h"

static struct resume_world world;
static const uint8_t key[] = "db:443";

HF_MUST_USE static hf_result name_it(struct hf_conn *conn)
{
    return hf_conn_set_session_key(conn, key, sizeof(key));
}

/* R9: a destination is a client's, and is named before anything is offered. */
static void a_destination_is_named_before_the_handshake(void)
{
    resume_start(&world, HF_TLS13);
    resume_prepare(&world); /* has named one */
    struct hf_conn *conn = world.pair.client.conn;
    HF_CHECK(conn->session_keyed);
    HF_CHECK_OK(name_it(conn));
    HF_CHECK_OK(hf_conn_set_session_key(conn, NULL, 0));
    HF_CHECK_CODE(hf_conn_set_session_key(conn, NULL, 1), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(name_it(world.pair.server.conn), HF_E_WRONG_STATE);
    HF_CHECK(!world.pair.server.conn->session_keyed);
    atomic_store(&conn->busy, true);
    HF_CHECK_CODE(name_it(conn), HF_E_BUSY);
    atomic_store(&conn->busy, false);
    HF_CHECK_OK(name_it(conn));
    conn->state = HF_CONN_FAILED;
    HF_CHECK_CODE(name_it(conn), HF_E_WRONG_STATE);
    conn->state = HF_CONN_HANDSHAKE;
    tls_step(&world.pair.client);
    HF_CHECK_CODE(name_it(conn), HF_E_WRONG_STATE);
    resume_finish(&world);
}

/* R9: what one destination gave is not offered to another, be it the same server. */
static void each_destination_has_its_own(void)
{
    static const uint8_t other[] = "api:443";
    for (size_t way = 0; way < RESUME_WAYS; way++) {
        resume_start_way(&world, way);
        HF_CHECK(resume_meets_anew(&world));
        for (int same = 0; same <= 1; same++) {
            resume_prepare(&world);
            if (same == 0) {
                HF_CHECK_OK(
                    hf_conn_set_session_key(world.pair.client.conn, other, sizeof(other) - 1));
            }
            tls_drive(&world.pair.client, &world.pair.server, SIZE_MAX);
            HF_CHECK(resume_both_open(&world) && resume_resumed(&world) == (same == 1));
        }
        resume_finish(&world);
    }
}

/* R3: a session that is over is not offered, and that is counted; it is gone then. */
static void what_is_over_is_not_offered(void)
{
    struct hf_session_statistics now;
    resume_start(&world, HF_TLS13);
    resume_renew(&world.server, TLS_SERVER_ID, 300);
    HF_CHECK(resume_meets_anew(&world));
    resume_clock(300);
    for (int i = 0; i < 2; i++) {
        resume_prepare(&world);
        tls_step(&world.pair.client);
        HF_CHECK(SSL_get0_session(world.pair.client.conn->ssl) == NULL ||
                 SSL_SESSION_is_resumable(SSL_get0_session(world.pair.client.conn->ssl)) == 0);
        hf_session_store_statistics(world.client.sessions, &now);
        HF_CHECK(now.refused == 1 && now.entries == 0);
    }
    resume_finish(&world);
}

/* Of a server that resumes nothing a client keeps nothing. */
static void what_cannot_be_resumed_is_not_kept(void)
{
    for (int version = HF_TLS12; version <= HF_TLS13; version++) {
        struct hf_session_statistics now;
        resume_start(&world, version);
        hf_session_store_unref(world.server.sessions);
        world.server.sessions = NULL;
        HF_CHECK(resume_meets_anew(&world));
        hf_session_store_statistics(world.client.sessions, &now);
        HF_CHECK(now.entries == 0 && now.inserts == 0);
        resume_finish(&world);
    }
}

/* TLS 1.2, R2: what is known of the peer now takes the place of what was known before. */
static void what_is_known_anew_takes_its_place(void)
{
    struct pki_cert next;
    kit_root(&next, "next", KIT_KEY(1));
    for (int role = HF_ROLE_CLIENT; role <= HF_ROLE_SERVER; role++) {
        struct hf_session_statistics now;
        resume_start(&world, HF_TLS12);
        struct tls_who *who = role == HF_ROLE_CLIENT ? &world.client : &world.server;
        HF_CHECK(resume_meets_anew(&world));
        who->also = &next;
        HF_CHECK(resume_resumes(&world) && resume_resumes(&world));
        hf_session_store_statistics(who->sessions, &now);
        HF_CHECK(now.entries == 1 && now.inserts == 2 && now.evictions == 0);
        resume_finish(&world);
    }
}

/* Without a store there is nothing to name it for, and that is no mistake. */
static void without_a_store_it_is_nothing(void)
{
    struct tls_end end;
    resume_start(&world, HF_TLS13);
    hf_session_store_unref(world.client.sessions);
    world.client.sessions = NULL;
    struct hf_config *config = tls_config(&world.client);
    tls_end_conn(&end, config);
    HF_CHECK_OK(name_it(end.conn));
    HF_CHECK(!end.conn->session_keyed);
    tls_end_free(&end);
    hf_config_unref(config);
    resume_finish(&world);
}

static void the_proof_is_told_of_an_open_connection(void)
{
    int64_t when = 1;
    resume_start(&world, HF_TLS13);
    resume_prepare(&world);
    struct hf_conn *conn = world.pair.server.conn;
    HF_CHECK_CODE(hf_conn_authenticated_at(conn, &when), HF_E_WRONG_STATE);
    HF_CHECK(when == 0);
    tls_drive(&world.pair.client, &world.pair.server, SIZE_MAX);
    HF_CHECK_OK(hf_conn_authenticated_at(conn, &when));
    HF_CHECK(when == PKI_NOW);
    HF_CHECK_CODE(hf_conn_authenticated_at(conn, NULL), HF_E_BAD_ARGUMENT);
    atomic_store(&conn->busy, true);
    HF_CHECK_CODE(hf_conn_authenticated_at(conn, &when), HF_E_BUSY);
    HF_CHECK(when == 0);
    atomic_store(&conn->busy, false);
    /* The peer's chain was judged, and its key not proved yet. */
    conn->was_open = false;
    HF_CHECK_CODE(hf_conn_authenticated_at(conn, &when), HF_E_WRONG_STATE);
    conn->was_open = true;
    /* Nobody was asked: there is no proof. */
    struct hf_verdict *verdict = conn->verdict;
    conn->verdict = NULL;
    when = 1;
    HF_CHECK_CODE(hf_conn_authenticated_at(conn, &when), HF_E_WRONG_STATE);
    HF_CHECK(when == 0);
    conn->verdict = verdict;
    resume_finish(&world);
}

/* An open connection lets go of OpenSSL's certificates at once, where no ticket needs them. */
static void certificates_go_with_the_handshake(void)
{
    for (size_t way = 0; way < RESUME_WAYS; way++) {
        resume_start_way(&world, way);
        resume_prepare(&world);
        tls_drive(&world.pair.client, &world.pair.server, SIZE_MAX);
        HF_CHECK(resume_both_open(&world));
        bool needed = way == 3 || !hf_shed_possible();
        HF_CHECK((SSL_get0_peer_certificate(world.pair.server.conn->ssl) != NULL) == needed);
        HF_CHECK((world.pair.server.conn->verdict->leaf != NULL) == needed);
        resume_finish(&world);
    }
}

/* A ticket for each connection that writes, one, and none of those that resume nothing. */
static void one_ticket_before_the_first_write(void)
{
    struct hf_session_statistics before;
    struct hf_session_statistics now;
    resume_start(&world, HF_TLS13);
    HF_CHECK(resume_meets_anew(&world));
    struct hf_conn *conn = world.pair.server.conn;
    HF_CHECK(conn->ticket_sent && !world.pair.client.conn->ticket_sent);
    hf_session_store_statistics(world.server.sessions, &before);
    HF_CHECK(before.inserts == 1);
    HF_CHECK(tls_talk(&world.pair.client, &world.pair.server));
    hf_session_store_statistics(world.server.sessions, &now);
    HF_CHECK(now.inserts == 1);
    resume_finish(&world);
    resume_start(&world, HF_TLS12);
    HF_CHECK(resume_meets_anew(&world) && !world.pair.server.conn->ticket_sent);
    resume_finish(&world);
}

HF_TESTS({"a destination is named before the handshake",
          a_destination_is_named_before_the_handshake},
         {"each destination has its own", each_destination_has_its_own},
         {"what is over is not offered", what_is_over_is_not_offered},
         {"what cannot be resumed is not kept", what_cannot_be_resumed_is_not_kept},
         {"what is known anew takes its place", what_is_known_anew_takes_its_place},
         {"without a store it is nothing", without_a_store_it_is_nothing},
         {"the proof is told of an open connection", the_proof_is_told_of_an_open_connection},
         {"certificates go with the handshake", certificates_go_with_the_handshake},
         {"one ticket before the first write", one_ticket_before_the_first_write})
