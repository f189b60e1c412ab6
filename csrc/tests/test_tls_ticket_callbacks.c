/* SPDX-License-Identifier: Apache-2.0
 *
 * R4, R7: who gets a ticket, and which are looked at: the callbacks by themselves, asked what
 * OpenSSL never asks them.
 */
#include "hf_test.h"
#include "ossl_memory.h"
#include "resume_kit.h"
#include "tls/ticket.h"
#include "tls/ticket_keys.h"

static struct resume_world world;

static struct hf_conn *start(bool resumed)
{
    resume_start_tickets(&world, HF_TLS13);
    HF_CHECK(resume_meets_anew(&world));
    HF_CHECK(!resumed || resume_resumes(&world));
    return world.pair.server.conn;
}

static bool gets_a_ticket(struct hf_conn *conn, SSL *ssl)
{
    conn->ticket_ready = true;
    HF_CHECK(hf_ticket_make_callback(ssl, NULL) == 1);
    return conn->ticket_ready;
}

/* An SSL that says it is this connection's. */
static SSL *impostor(struct hf_conn *conn)
{
    SSL *ssl = SSL_new(conn->config->ctx);
    HF_CHECK(SSL_set_app_data(ssl, conn) == 1);
    return ssl;
}

static void only_who_was_authenticated_gets_one(void)
{
    struct hf_conn *conn = start(false);
    struct hf_verdict *verdict = conn->verdict;
    struct hf_presented_chain *presented = conn->presented;
    struct hf_ticket_keys *tickets = conn->config->tickets;
    HF_CHECK(gets_a_ticket(conn, conn->ssl));
    conn->verdict = NULL;
    HF_CHECK(!gets_a_ticket(conn, conn->ssl));
    conn->presented = NULL;
    HF_CHECK(!gets_a_ticket(conn, conn->ssl));
    conn->verdict = verdict;
    HF_CHECK(!gets_a_ticket(conn, conn->ssl));
    conn->presented = presented;
    conn->config->tickets = NULL;
    HF_CHECK(!gets_a_ticket(conn, conn->ssl));
    conn->config->tickets = tickets;
    conn->state = HF_CONN_FAILED;
    HF_CHECK(!gets_a_ticket(conn, conn->ssl));
    conn->state = HF_CONN_OPEN;
    SSL *ssl = impostor(conn);
    HF_CHECK(!gets_a_ticket(conn, ssl));
    HF_CHECK(SSL_set_app_data(ssl, NULL) == 1);
    HF_CHECK(hf_ticket_make_callback(ssl, NULL) == 1);
    SSL_free(ssl);
    resume_finish(&world);
}

/* The peer of a resumed session has not proved anew to hold its key: it gets a ticket when the
 * connection is open, as old as the proof, and none before, when one would begin. */
static void a_resumed_connection_proves_nothing(void)
{
    for (int resumed = 0; resumed <= 1; resumed++) {
        struct hf_conn *conn = start(resumed == 1);
        int64_t before = conn->authenticated_at;
        resume_clock(100);
        HF_CHECK(gets_a_ticket(conn, conn->ssl));
        HF_CHECK(conn->authenticated_at == before);
        conn->state = HF_CONN_HANDSHAKE;
        HF_CHECK(gets_a_ticket(conn, conn->ssl) == (resumed == 0));
        HF_CHECK(conn->authenticated_at == before + (resumed == 0 ? 100 : 0));
        conn->state = HF_CONN_OPEN;
        resume_finish(&world);
    }
}

/* ---- looking ------------------------------------------------------------------------------ */

static SSL_TICKET_RETURN open_as(SSL *ssl, SSL_SESSION *session, SSL_TICKET_STATUS status)
{
    return hf_ticket_open_callback(ssl, session, NULL, 0, status, NULL);
}

static struct hf_ticket_statistics counts(void)
{
    struct hf_ticket_statistics now;
    hf_ticket_keys_statistics(world.server.tickets, &now);
    return now;
}

/* A server's open connection that has not sent its ticket, so that the certificate is there; and a
 * session as OpenSSL has it of a ticket that it opened. */
static struct hf_conn *before_the_ticket(SSL_SESSION **session)
{
    resume_start_tickets(&world, HF_TLS13);
    resume_prepare(&world);
    tls_drive(&world.pair.client, &world.pair.server, SIZE_MAX);
    struct hf_conn *conn = world.pair.server.conn;
    HF_CHECK(resume_both_open(&world) && gets_a_ticket(conn, conn->ssl));
    *session = SSL_SESSION_dup(SSL_get0_session(conn->ssl));
    HF_CHECK(*session != NULL);
    return conn;
}

static void only_what_opened_is_looked_at(void)
{
    static const SSL_TICKET_STATUS bad[] = {SSL_TICKET_FATAL_ERR_MALLOC, SSL_TICKET_FATAL_ERR_OTHER,
                                            SSL_TICKET_NONE, SSL_TICKET_EMPTY,
                                            SSL_TICKET_NO_DECRYPT};
    SSL_SESSION *session;
    struct hf_conn *conn = before_the_ticket(&session);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        conn->looks_left = 2;
        HF_CHECK(open_as(conn->ssl, session, bad[i]) == SSL_TICKET_RETURN_IGNORE_RENEW);
        HF_CHECK(conn->looks_left == 2 && counts().opened == 0);
    }
    HF_CHECK(counts().unknown == 4); /* all but the one that is empty */
    HF_CHECK(open_as(conn->ssl, session, SSL_TICKET_SUCCESS) == SSL_TICKET_RETURN_USE);
    HF_CHECK(open_as(conn->ssl, session, SSL_TICKET_SUCCESS_RENEW) == SSL_TICKET_RETURN_USE);
    HF_CHECK(conn->looks_left == 0 && counts().opened == 2);
    HF_CHECK(open_as(conn->ssl, session, SSL_TICKET_SUCCESS) == SSL_TICKET_RETURN_IGNORE_RENEW);
    HF_CHECK(counts().opened == 2 && counts().refused == 0);
    SSL_SESSION_free(session);
    resume_finish(&world);
}

static void nobody_elses_ticket_is_looked_at(void)
{
    SSL_SESSION *session;
    struct hf_conn *conn = before_the_ticket(&session);
    struct hf_ticket_keys *tickets = conn->config->tickets;
    SSL *ssl = impostor(conn);
    HF_CHECK(open_as(ssl, session, SSL_TICKET_SUCCESS) == SSL_TICKET_RETURN_IGNORE_RENEW);
    HF_CHECK(SSL_set_app_data(ssl, NULL) == 1);
    HF_CHECK(open_as(ssl, session, SSL_TICKET_SUCCESS) == SSL_TICKET_RETURN_IGNORE_RENEW);
    SSL_free(ssl);
    conn->config->tickets = NULL;
    HF_CHECK(open_as(conn->ssl, session, SSL_TICKET_SUCCESS) == SSL_TICKET_RETURN_IGNORE_RENEW);
    conn->config->tickets = tickets;
    HF_CHECK(counts().opened == 0);
    /* Sealed with our keys, and nothing of ours in it, or no certificate. */
    SSL_SESSION *empty = SSL_SESSION_new();
    HF_CHECK(open_as(conn->ssl, empty, SSL_TICKET_SUCCESS) == SSL_TICKET_RETURN_IGNORE_RENEW);
    HF_CHECK(SSL_SESSION_set1_ticket_appdata(session, "", 0) == 1);
    HF_CHECK(open_as(conn->ssl, session, SSL_TICKET_SUCCESS) == SSL_TICKET_RETURN_IGNORE_RENEW);
    HF_CHECK(counts().opened == 2 && counts().refused == 2);
    HF_CHECK(counts().issued == 0 && counts().unknown == 0 && counts().rotations == 0);
    SSL_SESSION_free(empty);
    SSL_SESSION_free(session);
    resume_finish(&world);
}

/* D7: whatever allocation of OpenSSL's fails, a ticket is used after a look at it or not at all. */
static void without_memory_it_is_not_used(void)
{
    SSL_SESSION *session;
    struct hf_conn *conn = before_the_ticket(&session);
    uint64_t used = 0;
    size_t k = 0;
    for (bool came = true; came && k < 100;) {
        conn->looks_left = 1;
        atomic_store(&countdown, ++k);
        SSL_TICKET_RETURN r = open_as(conn->ssl, session, SSL_TICKET_SUCCESS);
        came = atomic_exchange(&countdown, 0) == 0;
        HF_CHECK(came || r == SSL_TICKET_RETURN_USE);
        used += r == SSL_TICKET_RETURN_USE;
    }
    HF_CHECK(k > 1 && used >= 1 && counts().opened == k && counts().refused == k - used);
    SSL_SESSION_free(session);
    resume_finish(&world);
}

HF_TESTS({"only who was authenticated gets one", only_who_was_authenticated_gets_one},
         {"a resumed connection proves nothing", a_resumed_connection_proves_nothing},
         {"only what opened is looked at", only_what_opened_is_looked_at},
         {"nobody else's ticket is looked at", nobody_elses_ticket_is_looked_at},
         {"without memory it is not used", without_memory_it_is_not_used})
