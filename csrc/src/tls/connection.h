/* SPDX-License-Identifier: Apache-2.0
 *
 * Connections from the inside.
 *
 * Theory of operation. A connection is OpenSSL's machine between two buffers of ours (transport.h).
 * A step clears OpenSSL's error queue, calls one function of OpenSSL and looks at its return value;
 * the queue is read only to say why something failed, never to decide whether (C13). There are
 * three states:
 *
 *   HANDSHAKE --hf_conn_admit()--> OPEN
 *       \___________any failure______/___> FAILED (for good: every call repeats the record)
 *
 * Invariants:
 *   1. Application data moves only in OPEN (A9). A failure empties what is buffered inwards.
 *   2. OPEN is entered in hf_conn_admit() alone, which wants all of C14.
 *   3. `verdict` is written in hf_verify_callback() and, of a resumed session, hf_session_admit()
 *      alone, and names the SSL and the leaf that it was made for.
 *   4. Bytes that do not look like TLS never reach OpenSSL, and a server has no SSL before the
 *      first byte came (D2).
 *   5. Past HF_CONN_MESSAGES_MAX the transport stops, and the step that notices fails.
 *   6. The end of the stream is ours to judge: OpenSSL is only ever told "nothing there yet".
 */
#ifndef HF_TLS_CONNECTION_H
#define HF_TLS_CONNECTION_H

#include <stdatomic.h>

#include "tls/config.h"
#include "tls/presented.h"
#include "tls/transport.h"

/* Unread bytes of the peer: a whole flight with the largest chain before the handshake's end, four
 * maximal records and more after it. */
#define HF_CONN_IN_HANDSHAKE_MAX 65536
#define HF_CONN_IN_MAX 1048576
/* Bytes waiting to be sent in the memory form, which takes whatever it is given. */
#define HF_CONN_OUT_MAX 67108864

/* After the handshake a peer may send KeyUpdates and tickets: these at once, and one more for each
 * 16 KiB of data. A flood of them costs us much and the peer little (D3). */
#define HF_CONN_MESSAGES_MAX 32
#define HF_CONN_DATA_PER_MESSAGE 16384

enum hf_conn_state { HF_CONN_HANDSHAKE = 0, HF_CONN_OPEN, HF_CONN_FAILED };

struct hf_verdict {
    const SSL *ssl;   /* whose peer was judged */
    const X509 *leaf; /* and which certificate */
    size_t peer_len;  /* struct hf_peer up to the end of its ID: the rest is not worth memory */
    uint8_t peer[];
};

struct hf_keylog {
    char *lines;
    size_t len;
    bool taken; /* the caller has them: dropped at the next chance */
};

struct hf_conn {
    atomic_bool busy;
    uint8_t state; /* enum hf_conn_state */
    bool was_open;
    bool eof;           /* nothing more will come */
    bool recognised;    /* the first bytes were TLS, and are enough to begin with */
    bool peer_closed;   /* its close_notify came */
    bool closed;        /* ours was queued, or there never was anything to close */
    int16_t alert_sent; /* in the handshake; -1 none */
    int16_t name_kind;
    uint16_t messages_left; /* handshake messages that may still come before more data does */
    uint32_t data_credit;   /* bytes of data since the last message was granted */
    uint32_t failed_code;
    uint32_t presented_code; /* why the Certificate message was refused */
    int32_t send_errno;      /* the socket takes nothing any more */
    bool session_keyed;      /* a client: session_key is there */
    bool ticket_sent;
    struct hf_config *config;
    SSL *ssl;
    SSL_SESSION *taken;       /* a server, in the handshake: out of the store */
    int64_t authenticated_at; /* the peer proved to hold its key */
    int64_t authenticated_monotonic;
    uint8_t session_key[HF_DIGEST_SIZE];
    struct hf_transport transport;
    struct hf_presented_chain *presented;
    struct hf_verdict *verdict;
    struct hf_error *failure; /* NULL when there was no memory for it: failed_code is there */
    struct hf_error *refusal; /* of the verify callback, until the failure takes it */
    char *name;               /* NUL-terminated when DNS */
    size_t name_len;
    struct hf_keylog key_log;
    /* Sessions (session.h) */
    int64_t own_not_after; /* of our SVID when the peer proved to hold its key */
    uint8_t looks_left;    /* at sessions that the peer asks for */
    bool ticket_ready;     /* its facts are in it: it may be sealed */
};

/* One thread at a time; const because facts are asked of const connections. */
HF_MUST_USE hf_result hf_conn_enter(const struct hf_conn *conn);
void hf_conn_leave_at(const struct hf_conn **conn);
#define HF_CONN_ENTER(conn)                                                                        \
    HF_TRY(hf_conn_enter(conn));                                                                   \
    HF_DEFER(hf_conn_leave_at) const struct hf_conn *hf_held_ = (conn);                            \
    (void)hf_held_

/* connection.c: make the SSL; the failure becomes the connection's for ever; the same again. */
HF_MUST_USE hf_result hf_conn_start(struct hf_conn *conn);
HF_MUST_USE hf_result hf_conn_fail(struct hf_conn *conn, hf_result failure);
HF_MUST_USE hf_result hf_conn_repeat(const struct hf_conn *conn);

/* first_bytes.c: HF_E_NOT_TLS unless what came so far can be the start of TLS. */
HF_MUST_USE hf_result hf_conn_recognise(struct hf_conn *conn);

/* reason.c: what the call on OpenSSL that just failed means. Never OK. */
HF_MUST_USE hf_result hf_conn_explain(struct hf_conn *conn, int ssl_error);

/* admission.c: the handshake is over for OpenSSL; is it for us (C14)? */
HF_MUST_USE hf_result hf_conn_admit(struct hf_conn *conn);

/* steps.c: the memory form without entering; the fd form is made of the same. */
HF_MUST_USE hf_result hf_conn_step_handshake(struct hf_conn *conn, int *done, uint32_t *want);
HF_MUST_USE hf_result hf_conn_step_read(struct hf_conn *conn, uint8_t *out, size_t cap, size_t *len,
                                        uint32_t *want);
HF_MUST_USE hf_result hf_conn_step_write(struct hf_conn *conn, const uint8_t *data, size_t len);

/* keylog.c */
void hf_keylog_wipe(struct hf_keylog *log);

/* servername.c: a name that may be sent or verified, copied. */
HF_MUST_USE hf_result hf_conn_set_name(struct hf_conn *conn, int kind, struct hf_span name);

#endif
