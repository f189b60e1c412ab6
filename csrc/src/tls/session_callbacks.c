/* SPDX-License-Identifier: Apache-2.0
 *
 * Where OpenSSL asks for sessions, and hands them over.
 */
#include "tls/session.h"

static bool has_id(const SSL_SESSION *session, struct hf_span id)
{
    unsigned len = 0;
    const unsigned char *own = SSL_SESSION_get_id(session, &len);
    return hf_span_equal(hf_span_of(own, len), id);
}

/* The first look: a session that does not hold is not there, and a full handshake follows. */
static SSL_SESSION *look_up(struct hf_conn *conn, struct hf_span id)
{
    struct hf_session_store *store = conn->config->sessions;
    struct hf_peer peer;
    if (conn->looks_left == 0) {
        return NULL;
    }
    SSL_SESSION *session = hf_session_store_take(store, id.data);
    if (session == NULL) {
        return NULL;
    }
    conn->looks_left--;
    if (!hf_is_ok(hf_session_recheck(conn->config, hf_session_facts_of(session), &peer))) {
        hf_session_store_refused(store);
        SSL_SESSION_free(session);
        return NULL;
    }
    return session;
}

SSL_SESSION *hf_session_get_callback(SSL *ssl, const unsigned char *data, int len, int *copy)
{
    struct hf_conn *conn = SSL_get_app_data(ssl);
    struct hf_span id = hf_span_of(data, len < 0 ? 0 : (size_t)len);
    *copy = 0;
    if (conn == NULL || conn->ssl != ssl || conn->state != HF_CONN_HANDSHAKE ||
        conn->config->sessions == NULL || id.len != HF_DIGEST_SIZE) {
        return NULL;
    }
    /* After a HelloRetryRequest the same ClientHello asks again for what it has taken. */
    if (conn->taken == NULL || !has_id(conn->taken, id)) {
        SSL_SESSION_free(conn->taken);
        conn->taken = look_up(conn, id);
    }
    if (conn->taken == NULL || SSL_SESSION_up_ref(conn->taken) != 1) {
        return NULL;
    }
    return conn->taken;
}

int hf_session_new_callback(SSL *ssl, SSL_SESSION *session)
{
    struct hf_conn *conn = SSL_get_app_data(ssl);
    /* In TLS 1.2 this comes before the connection was admitted: hf_session_opened() does it. */
    if (conn != NULL && conn->ssl == ssl && conn->state == HF_CONN_OPEN &&
        SSL_SESSION_get_protocol_version(session) == TLS1_3_VERSION) {
        hf_session_keep(conn, session);
    }
    return 0; /* a copy was kept */
}
