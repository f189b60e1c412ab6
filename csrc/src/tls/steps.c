/* SPDX-License-Identifier: Apache-2.0
 *
 * The memory form: bytes in, a step, bytes out.
 */
#include <openssl/err.h>

#include "tls/session.h"

/* OpenSSL wants bytes that are not there: wait for them, or the stream ended too early. */
static hf_result starved(struct hf_conn *conn, uint32_t *want)
{
    if (conn->eof) {
        hf_result r = hf_error_set_seen(HF_E_TRUNCATED, __FILE__, __LINE__,
                                        conn->was_open ? "close_notify" : "a whole handshake",
                                        "the end of the stream");
        return hf_conn_fail(conn, r);
    }
    *want = HF_WANT_READ;
    return hf_ok();
}

/* One step of OpenSSL's. The first ones of a configuration keep forks out: see ossl.h. */
static int do_handshake(struct hf_conn *conn)
{
    atomic_int *first_uses = &conn->config->first_uses;
    if (atomic_load_explicit(first_uses, memory_order_relaxed) <= 0) {
        return SSL_do_handshake(conn->ssl);
    }
    atomic_fetch_sub_explicit(first_uses, 1, memory_order_relaxed);
    hf_ossl_first_use_begin();
    int result = SSL_do_handshake(conn->ssl);
    hf_ossl_first_use_end();
    return result;
}

static hf_result open_door(struct hf_conn *conn, int *done)
{
    hf_result r = hf_conn_admit(conn);
    if (!hf_is_ok(r)) {
        return hf_conn_fail(conn, r);
    }
    hf_buffer_relax(&conn->transport.in);
    *done = 1;
    return hf_ok();
}

hf_result hf_conn_step_handshake(struct hf_conn *conn, int *done, uint32_t *want)
{
    if (conn->state == HF_CONN_FAILED) {
        return hf_conn_repeat(conn);
    }
    if (conn->state == HF_CONN_OPEN) {
        *done = 1;
        return hf_ok();
    }
    HF_NEED(!conn->closed, HF_E_WRONG_STATE);
    hf_result r = hf_conn_recognise(conn);
    if (!hf_is_ok(r)) {
        return hf_conn_fail(conn, r);
    }
    /* A server has nothing to do before a record is there; a client has. */
    bool waits = !conn->recognised &&
                 (conn->config->role == HF_ROLE_SERVER || hf_buffer_len(&conn->transport.in) != 0);
    if (waits) {
        return starved(conn, want);
    }
    if (conn->ssl == NULL) {
        r = hf_conn_start(conn);
        if (!hf_is_ok(r)) {
            return hf_conn_fail(conn, r);
        }
    }
    hf_ossl_clear();
    int result = do_handshake(conn);
    if (result == 1) {
        atomic_store_explicit(&conn->config->first_uses, 0, memory_order_relaxed);
        return open_door(conn, done);
    }
    int error = SSL_get_error(conn->ssl, result);
    if (error == SSL_ERROR_WANT_READ) {
        return starved(conn, want);
    }
    return hf_conn_fail(conn, hf_conn_explain(conn, error));
}

/* Failed, not there yet, or open. */
static hf_result need_open(const struct hf_conn *conn)
{
    if (conn->state == HF_CONN_FAILED) {
        return hf_conn_repeat(conn);
    }
    HF_NEED_SEEN(conn->state == HF_CONN_OPEN, HF_E_WRONG_STATE, "a finished handshake",
                 "one under way");
    return hf_ok();
}

static hf_result flooded(struct hf_conn *conn)
{
    hf_result r = hf_error_set_seen(HF_E_PROTOCOL, __FILE__, __LINE__,
                                    "few KeyUpdates and tickets between data", "a flood of them");
    return hf_conn_fail(conn, r);
}

/* Data earns the peer more messages, up to what it had at first. */
static void grant(struct hf_conn *conn, size_t len)
{
    size_t credit = conn->data_credit + len;
    size_t earned = credit / HF_CONN_DATA_PER_MESSAGE;
    size_t left = conn->messages_left + earned;
    conn->data_credit = (uint32_t)(credit % HF_CONN_DATA_PER_MESSAGE);
    conn->messages_left = (uint16_t)(left < HF_CONN_MESSAGES_MAX ? left : HF_CONN_MESSAGES_MAX);
}

hf_result hf_conn_step_read(struct hf_conn *conn, uint8_t *out, size_t cap, size_t *len,
                            uint32_t *want)
{
    HF_TRY(need_open(conn));
    HF_NEED(!conn->peer_closed, HF_E_CLOSED);
    hf_ossl_clear();
    int result = SSL_read_ex(conn->ssl, out, cap, len);
    if (result == 1) {
        grant(conn, *len);
        hf_buffer_relax(&conn->transport.in);
        return hf_ok();
    }
    *len = 0;
    int error = SSL_get_error(conn->ssl, result);
    if (conn->transport.stopped) {
        return flooded(conn);
    }
    if (error == SSL_ERROR_WANT_READ) {
        hf_buffer_relax(&conn->transport.in);
        return starved(conn, want);
    }
    if (error == SSL_ERROR_ZERO_RETURN) {
        conn->peer_closed = true;
        hf_buffer_clear(&conn->transport.in);
        HF_FAIL(HF_E_CLOSED);
    }
    return hf_conn_fail(conn, hf_conn_explain(conn, error));
}

/* After the first record of a message that goes on in the next one, OpenSSL is in a handshake again
 * and writes nothing before the rest came. Data that was taken cannot wait for the peer. */
static hf_result in_pieces(void)
{
    return hf_error_set_seen(HF_E_INCOMPATIBLE, __FILE__, __LINE__,
                             "KeyUpdates and tickets that fit into a record",
                             "a part of one, and no more of it when there was data to send");
}

hf_result hf_conn_step_write(struct hf_conn *conn, const uint8_t *data, size_t len)
{
    size_t written = 0;
    HF_TRY(need_open(conn));
    HF_NEED_SEEN(!conn->closed, HF_E_WRONG_STATE, "a connection that is not closed",
                 "a closed one");
    if (len == 0) {
        return hf_ok();
    }
    hf_ossl_clear();
    hf_session_before_write(conn);
    int result = SSL_write_ex(conn->ssl, data, len, &written);
    if (result == 1 && written == len) {
        hf_session_shed(conn);
        return hf_ok();
    }
    int error = SSL_get_error(conn->ssl, result);
    if (conn->transport.stopped) {
        return flooded(conn);
    }
    return hf_conn_fail(conn,
                        error == SSL_ERROR_WANT_READ ? in_pieces() : hf_conn_explain(conn, error));
}

hf_result hf_conn_receive(struct hf_conn *conn, const uint8_t *data, size_t len)
{
    HF_CONN_ENTER(conn);
    HF_NEED(data != NULL || len == 0, HF_E_BAD_ARGUMENT);
    if (conn->state == HF_CONN_FAILED) {
        return hf_conn_repeat(conn);
    }
    HF_NEED_SEEN(!conn->eof, HF_E_WRONG_STATE, "nothing after the end of the stream", "%zu bytes",
                 len);
    if (conn->peer_closed) {
        return hf_ok(); /* after close_notify nothing counts */
    }
    size_t max = conn->state == HF_CONN_OPEN ? HF_CONN_IN_MAX : HF_CONN_IN_HANDSHAKE_MAX;
    size_t waiting = hf_buffer_len(&conn->transport.in);
    HF_NEED_SEEN(len <= max && waiting <= max - len, HF_E_LIMIT, "fewer unread bytes",
                 "%zu waiting and %zu more; at most %zu", waiting, len, max);
    HF_NEED(hf_buffer_append(&conn->transport.in, hf_span_of(data, len)), HF_E_OUT_OF_MEMORY);
    return hf_ok();
}

hf_result hf_conn_receive_eof(struct hf_conn *conn)
{
    HF_CONN_ENTER(conn);
    if (conn->state == HF_CONN_FAILED) {
        return hf_conn_repeat(conn);
    }
    conn->eof = true;
    return hf_ok();
}

hf_result hf_conn_outgoing(struct hf_conn *conn, const uint8_t **data, size_t *len)
{
    HF_NEED_PTR(data);
    HF_NEED_PTR(len);
    *data = NULL;
    *len = 0;
    HF_CONN_ENTER(conn);
    struct hf_span waiting = hf_buffer_span(&conn->transport.out);
    *data = waiting.data;
    *len = waiting.len;
    return hf_ok();
}

hf_result hf_conn_consumed(struct hf_conn *conn, size_t len)
{
    HF_CONN_ENTER(conn);
    size_t waiting = hf_buffer_len(&conn->transport.out);
    HF_NEED_SEEN(len <= waiting, HF_E_BAD_ARGUMENT, "no more than was outgoing", "%zu of %zu bytes",
                 len, waiting);
    hf_buffer_drop(&conn->transport.out, len);
    if (conn->state != HF_CONN_HANDSHAKE) {
        hf_buffer_relax(&conn->transport.out);
    }
    return hf_ok();
}

hf_result hf_conn_handshake(struct hf_conn *conn, int *done, uint32_t *want)
{
    HF_NEED_PTR(done);
    HF_NEED_PTR(want);
    *done = 0;
    *want = HF_WANT_NOTHING;
    HF_CONN_ENTER(conn);
    return hf_conn_step_handshake(conn, done, want);
}

hf_result hf_conn_read(struct hf_conn *conn, uint8_t *out, size_t cap, size_t *len, uint32_t *want)
{
    HF_NEED_PTR(len);
    HF_NEED_PTR(want);
    *len = 0;
    *want = HF_WANT_NOTHING;
    HF_NEED_SEEN(out != NULL && cap != 0, HF_E_BAD_ARGUMENT, "room for a byte", "none");
    HF_CONN_ENTER(conn);
    return hf_conn_step_read(conn, out, cap, len, want);
}

hf_result hf_conn_write(struct hf_conn *conn, const uint8_t *data, size_t len)
{
    HF_CONN_ENTER(conn);
    HF_NEED(data != NULL || len == 0, HF_E_BAD_ARGUMENT);
    size_t waiting = hf_buffer_len(&conn->transport.out);
    HF_NEED_SEEN(len <= HF_CONN_OUT_MAX && waiting <= HF_CONN_OUT_MAX - len, HF_E_LIMIT,
                 "fewer unsent bytes", "%zu waiting and %zu more; at most %d", waiting, len,
                 HF_CONN_OUT_MAX);
    return hf_conn_step_write(conn, data, len);
}

hf_result hf_conn_close(struct hf_conn *conn)
{
    HF_CONN_ENTER(conn);
    if (conn->state == HF_CONN_FAILED) {
        return hf_conn_repeat(conn);
    }
    /* In the middle of a handshake there is nothing to close in good order. */
    bool was_closed = conn->closed;
    conn->closed = true;
    if (was_closed || conn->state != HF_CONN_OPEN) {
        return hf_ok();
    }
    hf_ossl_clear();
    int result = SSL_shutdown(conn->ssl);
    if (result < 0) {
        return hf_conn_fail(conn, hf_conn_explain(conn, SSL_get_error(conn->ssl, result)));
    }
    return hf_ok();
}
