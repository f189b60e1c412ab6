/* SPDX-License-Identifier: Apache-2.0
 *
 * The door from HANDSHAKE to OPEN. SSL_get_verify_result() alone proves nothing: it says OK also
 * when no certificate was sent, and for a resumed session (C14). So all of this is asked for; what
 * a resumed session rests on is asked by session.h, which then makes the verdict. A one-way server,
 * which must know nobody, is asked for the opposite.
 */
#include "tls/alert.h"
#include "tls/session.h"
#include "tls/shed.h"
#include "tls/verify_callback.h"

/* A one-way server asked nobody for anything: it must know nobody, either. */
static hf_result check_nobody(const struct hf_conn *conn)
{
    HF_NEED_SEEN(conn->verdict == NULL && conn->presented == NULL &&
                     SSL_get0_peer_certificate(conn->ssl) == NULL &&
                     SSL_session_reused(conn->ssl) == 0,
                 HF_E_INTERNAL, "a peer without a certificate or a session", "another");
    return hf_ok();
}

static hf_result check_peer(struct hf_conn *conn)
{
    const SSL *ssl = conn->ssl;
    HF_NEED_SEEN(SSL_is_init_finished(ssl) == 1, HF_E_INTERNAL, "a finished handshake",
                 "one under way");
    if (conn->config->anonymous) {
        return check_nobody(conn);
    }
    const X509 *leaf = SSL_get0_peer_certificate(ssl);
    if (SSL_session_reused(ssl) != 0) {
        HF_TRY(hf_session_admit(conn));
    } else {
        HF_NEED_SEEN(leaf != NULL, HF_E_NO_CERTIFICATE, "a certificate of the peer", "none");
        hf_session_begin(conn);
    }
    const struct hf_verdict *verdict = conn->verdict;
    HF_NEED_SEEN(verdict != NULL, HF_E_INTERNAL, "our own verdict on the peer", "none");
    HF_NEED_SEEN(verdict->ssl == ssl && verdict->leaf == leaf, HF_E_INTERNAL,
                 "a verdict on this peer", "one on another");
    return hf_ok();
}

static hf_result check_parameters(const struct hf_conn *conn)
{
    const struct hf_config *config = conn->config;
    const unsigned char *name = NULL;
    unsigned name_len = 0;
    int version = SSL_version(conn->ssl);
    HF_NEED_SEEN(version >= config->min_version && version <= HF_TLS13, HF_E_VERSION_MISMATCH,
                 "TLS 1.2 or 1.3, as configured", "version %#x", (unsigned)version);
    /* Without it a TLS 1.2 session has no channel binding, and the triple handshake works. There is
     * no option to demand it. */
    HF_NEED_SEEN(version == HF_TLS13 || SSL_get_extms_support(conn->ssl) == 1, HF_E_INCOMPATIBLE,
                 "the extended master secret (RFC 7627) in TLS 1.2", "a peer without it");
    SSL_get0_alpn_selected(conn->ssl, &name, &name_len);
    HF_NEED_SEEN(name_len == 0 || hf_alpn_contains(hf_span_of(config->alpn, config->alpn_len),
                                                   hf_span_of(name, name_len)),
                 HF_E_PROTOCOL, "an application protocol of ours", "another");
    return hf_ok();
}

static hf_result admit(struct hf_conn *conn)
{
    HF_TRY(check_peer(conn));
    return check_parameters(conn);
}

/* Of a verified peer, and before a session holds the chain, too. */
static void share_chain(struct hf_conn *conn)
{
    if (conn->presented != NULL && conn->verdict != NULL) {
        const uint8_t *digest = conn->verdict->peer + offsetof(struct hf_peer, chain_digest);
        conn->presented = hf_chain_share(&conn->config->chains, conn->presented, digest);
    }
}

hf_result hf_conn_admit(struct hf_conn *conn)
{
    hf_result r = admit(conn);
    if (!hf_is_ok(r)) {
        const struct hf_error_row *row = hf_error_row_of(r.code);
        int alert = row == NULL || row->alert < 0 ? HF_ALERT_HANDSHAKE_FAILURE : row->alert;
        (void)hf_alert_send(conn->ssl, alert);
        return r;
    }
    SSL_set_msg_callback(conn->ssl, hf_count_callback);
    conn->messages_left = HF_CONN_MESSAGES_MAX;
    conn->state = HF_CONN_OPEN;
    conn->was_open = true;
    share_chain(conn);
    /* Whatever the peer is asked for later was copied from the wire, and stays. */
    (void)hf_shed_handshake(conn->ssl);
    hf_session_shed(conn);
    hf_session_opened(conn);
    return hf_ok();
}
