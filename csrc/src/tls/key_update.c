/* SPDX-License-Identifier: Apache-2.0
 *
 * New keys on a long connection (RFC 8446, 4.6.3): a key is good for a limited number of records
 * (5.5), and OpenSSL counts none. The peer's requests are answered by OpenSSL itself, before our
 * next data; how many of them may come is counted in steps.c.
 */
#include "tls/connection.h"

hf_result hf_conn_key_update(struct hf_conn *conn, int ask_peer)
{
    HF_CONN_ENTER(conn);
    if (conn->state == HF_CONN_FAILED) {
        return hf_conn_repeat(conn);
    }
    HF_NEED_SEEN(conn->state == HF_CONN_OPEN, HF_E_WRONG_STATE, "a finished handshake",
                 "one under way");
    HF_NEED_SEEN(SSL_version(conn->ssl) == TLS1_3_VERSION, HF_E_WRONG_STATE, "TLS 1.3",
                 "an older version, which has no KeyUpdate");
    HF_NEED_SEEN(!conn->closed && SSL_is_init_finished(conn->ssl), HF_E_WRONG_STATE,
                 "a connection between two messages",
                 "one that is closed, or in the middle of a message of the peer");
    hf_ossl_clear();
    int type = ask_peer ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED;
    int result = SSL_key_update(conn->ssl, type);
    if (result == 1) {
        /* Written now, not before the next data: our buffer takes it, so this never waits. */
        result = SSL_do_handshake(conn->ssl);
    }
    if (result != 1) {
        return hf_conn_fail(conn, hf_conn_explain(conn, SSL_get_error(conn->ssl, result)));
    }
    return hf_ok();
}
