/* SPDX-License-Identifier: Apache-2.0
 *
 * What goes into a ticket, and the first look at what comes out of one.
 */
#include "tls/ticket.h"
#include "tls/ticket_facts.h"
#include "tls/ticket_keys.h"

/* In TLS 1.3 the connection is open when its ticket is made. In 1.2 it is about to be: the peer has
 * proved to hold its key, and if we then refuse it for something else, we shall refuse it again. A
 * resumed connection of 1.2 gets no new ticket. */
static bool may_have_ticket(const struct hf_conn *conn, const SSL *ssl)
{
    return conn != NULL && conn->ssl == ssl && conn->config->tickets != NULL &&
           conn->verdict != NULL && conn->presented != NULL &&
           (conn->state == HF_CONN_OPEN ||
            (conn->state == HF_CONN_HANDSHAKE && SSL_session_reused(ssl) == 0));
}

static bool fill(struct hf_conn *conn, SSL_SESSION *session)
{
    HF_DEFER(hf_mem_free_at) uint8_t *data = NULL;
    size_t len;
    if (conn->state == HF_CONN_HANDSHAKE) {
        hf_session_begin(conn);
    }
    return hf_is_ok(hf_ticket_facts_write(conn, &data, &len)) &&
           SSL_SESSION_set1_ticket_appdata(session, data, len) == 1;
}

int hf_ticket_make_callback(SSL *ssl, void *unused)
{
    struct hf_conn *conn = SSL_get_app_data(ssl);
    (void)unused;
    if (conn != NULL) {
        /* Without facts there is no ticket (hf_ticket_key_callback()), and no harm. */
        conn->ticket_ready = may_have_ticket(conn, ssl) && fill(conn, SSL_get0_session(ssl));
    }
    return 1;
}

static void free_der_at(unsigned char **der)
{
    OPENSSL_free(*der);
}

static hf_result first_look(const struct hf_conn *conn, SSL_SESSION *session)
{
    const struct hf_config *config = conn->config;
    struct hf_session_facts *facts;
    struct hf_peer peer;
    void *data = NULL;
    size_t len = 0;
    HF_DEFER(free_der_at) unsigned char *leaf = NULL;
    X509 *x509 = SSL_SESSION_get0_peer(session);
    HF_NEED_SEEN(x509 != NULL && SSL_SESSION_get0_ticket_appdata(session, &data, &len) == 1,
                 HF_E_PROTOCOL, "a ticket of ours", "one without what we know");
    int leaf_len = i2d_X509(x509, &leaf);
    HF_NEED(leaf_len > 0, HF_E_OPENSSL);
    HF_TRY(hf_ticket_facts_read(hf_span_of(data, len), hf_span_of(leaf, (size_t)leaf_len),
                                hf_ticket_keys_instance(config->tickets), &facts));
    HF_TRY(hf_session_facts_put(session, facts));
    return hf_session_recheck(config, hf_session_facts_of(session), &peer);
}

SSL_TICKET_RETURN hf_ticket_open_callback(SSL *ssl, SSL_SESSION *session, const unsigned char *name,
                                          size_t name_len, SSL_TICKET_STATUS status, void *unused)
{
    struct hf_conn *conn = SSL_get_app_data(ssl);
    (void)name;
    (void)name_len;
    (void)unused;
    if (conn == NULL || conn->ssl != ssl || conn->config->tickets == NULL ||
        status == SSL_TICKET_EMPTY || conn->looks_left == 0) {
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    }
    struct hf_ticket_keys *keys = conn->config->tickets;
    if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) {
        hf_ticket_keys_count(keys, HF_TICKET_UNKNOWN);
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    }
    conn->looks_left--;
    hf_ticket_keys_count(keys, HF_TICKET_OPENED);
    if (!hf_is_ok(first_look(conn, session))) {
        hf_ticket_keys_count(keys, HF_TICKET_REFUSED);
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    }
    return SSL_TICKET_RETURN_USE;
}
