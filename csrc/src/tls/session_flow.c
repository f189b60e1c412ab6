/* SPDX-License-Identifier: Apache-2.0
 *
 * What happens to sessions in the life of a connection.
 */
#include "tls/session.h"
#include "tls/shed.h"

hf_result hf_conn_set_session_key(struct hf_conn *conn, const uint8_t *key, size_t len)
{
    HF_CONN_ENTER(conn);
    HF_NEED(key != NULL || len == 0, HF_E_BAD_ARGUMENT);
    HF_NEED_SEEN(conn->config->role == HF_ROLE_CLIENT && conn->ssl == NULL &&
                     conn->state == HF_CONN_HANDSHAKE,
                 HF_E_WRONG_STATE, "a client before its handshake", "another connection");
    if (conn->config->sessions == NULL) {
        return hf_ok();
    }
    HF_TRY(hf_session_client_key(conn, hf_span_of(key, len), conn->session_key));
    conn->session_keyed = true;
    return hf_ok();
}

hf_result hf_conn_authenticated_at(const struct hf_conn *conn, int64_t *out)
{
    HF_NEED_PTR(out);
    *out = 0;
    HF_CONN_ENTER(conn);
    HF_NEED_SEEN(conn->was_open, HF_E_WRONG_STATE, "a finished handshake",
                 "one that is not, or failed");
    HF_NEED_SEEN(conn->verdict != NULL, HF_E_WRONG_STATE, "a peer that was authenticated",
                 "one of a one-way server, which asks nobody");
    *out = conn->authenticated_at;
    return hf_ok();
}

hf_result hf_session_offer(struct hf_conn *conn)
{
    struct hf_session_store *store = conn->config->sessions;
    struct hf_peer peer;
    if (!conn->session_keyed) {
        return hf_ok();
    }
    SSL_SESSION *session = hf_session_store_take(store, conn->session_key);
    if (session == NULL) {
        return hf_ok();
    }
    /* The first look, of a client. */
    if (!hf_is_ok(hf_session_recheck(conn->config, hf_session_facts_of(session), &peer))) {
        hf_session_store_refused(store);
        SSL_SESSION_free(session);
        return hf_ok();
    }
    int set = SSL_set_session(conn->ssl, session);
    SSL_SESSION_free(session);
    HF_TRY_OSSL(set == 1, HF_E_OPENSSL);
    return hf_ok();
}

static bool find_key(const struct hf_conn *conn, const SSL_SESSION *session,
                     uint8_t key[HF_DIGEST_SIZE])
{
    if (conn->config->sessions == NULL) {
        return false;
    }
    if (conn->config->role == HF_ROLE_CLIENT) {
        return conn->session_keyed &&
               hf_mem_copy(key, HF_DIGEST_SIZE, conn->session_key, HF_DIGEST_SIZE);
    }
    unsigned len = 0;
    const unsigned char *id = SSL_SESSION_get_id(session, &len);
    return len == HF_DIGEST_SIZE && hf_mem_copy(key, HF_DIGEST_SIZE, id, len);
}

void hf_session_keep(const struct hf_conn *conn, const SSL_SESSION *session)
{
    struct hf_session_store *store = conn->config->sessions;
    uint8_t key[HF_DIGEST_SIZE];
    if (!find_key(conn, session, key) || conn->presented->der_len > HF_SESSION_CHAIN_MAX) {
        return;
    }
    SSL_SESSION *copy = SSL_SESSION_dup(session);
    if (copy == NULL || !hf_is_ok(hf_session_facts_attach(conn, copy))) {
        SSL_SESSION_free(copy);
        return;
    }
    int64_t deadline = conn->authenticated_monotonic + hf_session_store_max_age(store);
    hf_session_store_put(store, key, copy, deadline, HF_SESSIONS_PER_KEY);
}

/* Whether the chain was judged anew, by a bundle that the kept session does not know of. */
static bool judged_anew(const struct hf_conn *conn, const SSL_SESSION *session)
{
    const struct hf_session_facts *facts = hf_session_facts_of(session);
    return facts == NULL || !hf_mem_equal(facts->peer, facts->peer_len, conn->verdict->peer,
                                          conn->verdict->peer_len);
}

/* TLS 1.2: a session is kept once, and again when what is known of its peer changed. */
static void keep_resumable(const struct hf_conn *conn)
{
    const SSL_SESSION *session = SSL_get0_session(conn->ssl);
    uint8_t key[HF_DIGEST_SIZE];
    unsigned len = 0;
    bool reused = SSL_session_reused(conn->ssl) != 0;
    if (SSL_SESSION_get_id(session, &len) == NULL || len == 0 || !find_key(conn, session, key) ||
        (reused && !judged_anew(conn, session))) {
        return;
    }
    if (reused) {
        hf_session_store_forget(conn->config->sessions, key);
    }
    hf_session_keep(conn, session);
}

void hf_session_opened(struct hf_conn *conn)
{
    SSL_SESSION_free(conn->taken);
    conn->taken = NULL;
    if (SSL_version(conn->ssl) != TLS1_3_VERSION) {
        keep_resumable(conn);
    }
    hf_session_facts_drop(SSL_get_session(conn->ssl));
}

/* A ticket carries the peer's certificate as OpenSSL has it (ticket_facts.h). */
static bool ticket_to_come(const struct hf_conn *conn)
{
    return conn->config->tickets != NULL && conn->config->role == HF_ROLE_SERVER &&
           SSL_version(conn->ssl) == TLS1_3_VERSION && !conn->ticket_sent;
}

void hf_session_shed(struct hf_conn *conn)
{
    if (conn->verdict != NULL && conn->verdict->leaf != NULL && !ticket_to_come(conn) &&
        hf_shed_certificates(conn->ssl)) {
        conn->verdict->leaf = NULL; /* it was compared; now it would dangle */
    }
}

void hf_session_before_write(struct hf_conn *conn)
{
    if (conn->ticket_sent || conn->config->session_max_age == 0 ||
        conn->config->role != HF_ROLE_SERVER || SSL_version(conn->ssl) != TLS1_3_VERSION) {
        return;
    }
    /* Refused in the middle of another message of the handshake layer: at the next write then. */
    conn->ticket_sent = SSL_new_session_ticket(conn->ssl) == 1;
}

void hf_session_discard(struct hf_conn *conn)
{
    uint8_t key[HF_DIGEST_SIZE];
    if (conn->was_open && conn->ssl != NULL && find_key(conn, SSL_get0_session(conn->ssl), key)) {
        hf_session_store_forget(conn->config->sessions, key);
    }
}
