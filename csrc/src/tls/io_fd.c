/* SPDX-License-Identifier: Apache-2.0
 *
 * The fd form: recv, the same steps, send, in one call, so that a caller waits for readiness and
 * does nothing else.
 *
 * A socket that takes nothing any more (the peer is gone) does not fail the connection: what the
 * peer said last, often the alert that explains it all, may still be read. Writing stays refused.
 */
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "tls/connection.h"

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* such systems have SO_NOSIGPIPE, which is the socket's owner's to set */
#endif
#ifndef MSG_MORE
#define MSG_MORE 0
#endif

/* A maximal record and what goes around it. */
#define RECV_SIZE 17408
/* Encrypted at once by write_fd: four maximal records, then the socket is asked. */
#define WRITE_PIECE 65536

static hf_result system_failure(int number, const char *what)
{
    bool reset = number == ECONNRESET || number == EPIPE;
    hf_result r = hf_error_set_seen(reset ? HF_E_RESET : HF_E_IO, __FILE__, __LINE__, "",
                                    "%s failed with errno %d", what, number);
    hf_error_current()->system = number;
    return r;
}

/* Send what waits. *want becomes WRITE when some of it could not be sent now. */
static hf_result flush_as(struct hf_conn *conn, int fd, uint32_t *want, int flags)
{
    struct hf_buffer *out = &conn->transport.out;
    while (hf_buffer_len(out) != 0 && conn->send_errno == 0) {
        struct hf_span waiting = hf_buffer_span(out);
        ssize_t n = send(fd, waiting.data, waiting.len, MSG_NOSIGNAL | flags);
        if (n >= 0) {
            hf_buffer_drop(out, (size_t)n);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            *want |= HF_WANT_WRITE;
            return hf_ok();
        } else if (errno != EINTR) {
            conn->send_errno = errno;
        }
    }
    if (conn->send_errno != 0) {
        hf_buffer_clear(out);
        return system_failure(conn->send_errno, "send");
    }
    if (conn->state != HF_CONN_HANDSHAKE) {
        hf_buffer_relax(out);
    }
    return hf_ok();
}

static hf_result flush(struct hf_conn *conn, int fd, uint32_t *want)
{
    return flush_as(conn, fd, want, 0);
}

enum fill { FILLED, ENDED, NOTHING_THERE };

/* Receive once. A failure of the socket is the connection's. */
static hf_result fill(struct hf_conn *conn, int fd, enum fill *out)
{
    struct hf_buffer *in = &conn->transport.in;
    ssize_t n;
    *out = NOTHING_THERE;
    if (!hf_buffer_reserve(in, RECV_SIZE)) {
        return hf_conn_fail(conn, hf_error_set(HF_E_OUT_OF_MEMORY, __FILE__, __LINE__));
    }
    do {
        n = recv(fd, in->data + in->end, RECV_SIZE, 0);
    } while (n < 0 && errno == EINTR);
    if (n > 0) {
        in->end += (size_t)n;
        *out = FILLED;
    } else if (n == 0) {
        conn->eof = true;
        *out = ENDED;
    } else if (errno != EAGAIN && errno != EWOULDBLOCK) {
        return hf_conn_fail(conn, system_failure(errno, "recv"));
    }
    return hf_ok();
}

/* Send the alert of a failure if the socket takes it, and fail. */
static hf_result fail_with_alert(struct hf_conn *conn, int fd)
{
    uint32_t ignored = 0;
    hf_result sent = flush(conn, fd, &ignored);
    (void)sent;
    return hf_conn_repeat(conn);
}

hf_result hf_conn_handshake_fd(struct hf_conn *conn, int fd, int *done, uint32_t *want)
{
    HF_NEED_PTR(done);
    HF_NEED_PTR(want);
    *done = 0;
    *want = HF_WANT_NOTHING;
    HF_CONN_ENTER(conn);
    for (;;) {
        enum fill filled;
        *want = HF_WANT_NOTHING;
        hf_result r = hf_conn_step_handshake(conn, done, want);
        if (!hf_is_ok(r)) {
            return conn->state == HF_CONN_FAILED ? fail_with_alert(conn, fd) : r;
        }
        hf_result sent = flush(conn, fd, want);
        if (*done != 0) {
            return hf_ok(); /* a broken socket shows itself at the next use */
        }
        r = fill(conn, fd, &filled);
        if (!hf_is_ok(r)) {
            return r;
        }
        if (filled == NOTHING_THERE) {
            if (conn->send_errno != 0) {
                sent = system_failure(conn->send_errno, "send");
                return hf_conn_fail(conn, sent);
            }
            /* The peer may let us wait until its deadline, and ten thousand others, too (D2). */
            hf_buffer_shrink(&conn->transport.in);
            hf_buffer_relax(&conn->transport.out);
            return hf_ok();
        }
    }
}

hf_result hf_conn_read_fd(struct hf_conn *conn, int fd, uint8_t *out, size_t cap, size_t *len,
                          uint32_t *want)
{
    HF_NEED_PTR(len);
    HF_NEED_PTR(want);
    *len = 0;
    *want = HF_WANT_NOTHING;
    HF_NEED_SEEN(out != NULL && cap != 0, HF_E_BAD_ARGUMENT, "room for a byte", "none");
    HF_CONN_ENTER(conn);
    for (;;) {
        enum fill filled;
        uint32_t unsent = 0;
        *want = HF_WANT_NOTHING;
        hf_result r = hf_conn_step_read(conn, out, cap, len, want);
        if (!hf_is_ok(r)) {
            return conn->state == HF_CONN_FAILED ? fail_with_alert(conn, fd) : r;
        }
        /* An answer to a KeyUpdate; a socket that does not take it is for the next write to tell.
         */
        hf_result sent = flush(conn, fd, &unsent);
        (void)sent;
        if (*len != 0) {
            return hf_ok();
        }
        r = fill(conn, fd, &filled);
        if (!hf_is_ok(r)) {
            return r;
        }
        if (filled == NOTHING_THERE) {
            hf_buffer_relax(&conn->transport.in);
            *want |= unsent;
            return hf_ok();
        }
    }
}

hf_result hf_conn_write_fd(struct hf_conn *conn, int fd, const uint8_t *data, size_t len,
                           size_t *taken, uint32_t *want)
{
    HF_NEED_PTR(taken);
    HF_NEED_PTR(want);
    *taken = 0;
    *want = HF_WANT_NOTHING;
    HF_NEED(data != NULL || len == 0, HF_E_BAD_ARGUMENT);
    HF_CONN_ENTER(conn);
    do {
        size_t piece = len - *taken < WRITE_PIECE ? len - *taken : WRITE_PIECE;
        HF_TRY(flush(conn, fd, want));
        if (*want != HF_WANT_NOTHING) {
            return hf_ok();
        }
        hf_result r = hf_conn_step_write(conn, data + *taken, piece);
        if (!hf_is_ok(r)) {
            return conn->state == HF_CONN_FAILED ? fail_with_alert(conn, fd) : r;
        }
        *taken += piece;
        HF_TRY(flush(conn, fd, want));
    } while (*taken < len && *want == HF_WANT_NOTHING);
    return hf_ok();
}

hf_result hf_conn_flush_fd(struct hf_conn *conn, int fd, uint32_t *want)
{
    HF_NEED_PTR(want);
    *want = HF_WANT_NOTHING;
    HF_CONN_ENTER(conn);
    return flush(conn, fd, want);
}

/* The system keeps the close_notify back for the end that follows at once, and sends one packet
 * instead of two. Where the peer's bytes lie unread, closing would reset the connection and drop
 * what is kept back, so there it goes out by itself. */
static int last_flags(int fd)
{
    int unread = 0;
    return ioctl(fd, FIONREAD, &unread) == 0 && unread == 0 ? MSG_MORE : 0;
}

hf_result hf_conn_close_fd(struct hf_conn *conn, int fd, uint32_t *want)
{
    HF_NEED_PTR(want);
    *want = HF_WANT_NOTHING;
    hf_result closed = hf_conn_close(conn);
    (void)closed;
    HF_CONN_ENTER(conn);
    return flush_as(conn, fd, want, last_flags(fd));
}
