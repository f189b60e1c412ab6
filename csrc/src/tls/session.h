/* SPDX-License-Identifier: Apache-2.0
 *
 * Sessions that are resumed without granting more than they did (P4; handfast_sessions.h says what
 * is bound to what).
 *
 * Theory of operation. OpenSSL checks nothing of the peer when it resumes, so whatever a session
 * rests on travels with it, as struct hf_session_facts in its ex_data, and is looked at twice. Both
 * looks are hf_session_recheck(), and neither relies on the other:
 *
 *   1. before: the server's look-up callback (session_callbacks.c), a client before it offers. What
 *      does not hold here is not there: a clean full handshake.
 *   2. after: hf_session_admit(), from hf_conn_admit(), whenever SSL_session_reused() says so and
 *      however the session came in. What does not hold here ends the connection.
 *
 * OpenSSL's own comparison of the session id context comes between the two. Sessions are stored as
 * copies: what a connection does to its own (OpenSSL marks it when a connection ends badly) is
 * nobody else's.
 */
#ifndef HF_TLS_SESSION_H
#define HF_TLS_SESSION_H

#include "tls/connection.h"
#include "tls/session_store.h"

/* session_context.c: of a configuration, the part of the context that is known before any byte. */
HF_MUST_USE hf_result hf_session_context(const struct hf_config_spec *spec,
                                         uint8_t out[HF_DIGEST_SIZE]);
/* SSL_CTX_set_client_hello_cb: binds what the ClientHello asks for, too. */
int hf_session_hello_callback(SSL *ssl, int *alert, void *unused);
/* The key of a client's sessions: its configuration, the caller's key and the server name. */
HF_MUST_USE hf_result hf_session_client_key(const struct hf_conn *conn, struct hf_span key,
                                            uint8_t out[HF_DIGEST_SIZE]);

/* session_facts.c: immutable, counted. */
struct hf_session_facts {
    struct hf_refcount refs;
    int64_t authenticated_at; /* the peer proved to hold its key */
    int64_t authenticated_monotonic;
    int64_t own_not_after;           /* of our SVID in the full handshake */
    uint8_t context[HF_DIGEST_SIZE]; /* hf_session_context() */
    struct hf_presented_chain *presented;
    size_t peer_len;
    uint8_t peer[]; /* as in struct hf_verdict */
};

/* With the numbers and the context of `head`, and no chain yet. */
HF_MUST_USE hf_result hf_session_facts_new(const struct hf_session_facts *head,
                                           const struct hf_peer *peer,
                                           struct hf_session_facts **out);
void hf_session_facts_unref(struct hf_session_facts *facts);

/* Once, before anything else here. */
HF_MUST_USE hf_result hf_session_init(void);
/* Borrowed; NULL when the session is not one of ours. */
const struct hf_session_facts *hf_session_facts_of(const SSL_SESSION *session);
/* Give the facts to a session that nobody else has; they are gone whatever happens. */
HF_MUST_USE hf_result hf_session_facts_put(SSL_SESSION *session, struct hf_session_facts *facts);
/* Write what is known of an open connection's peer to such a session. */
HF_MUST_USE hf_result hf_session_facts_attach(const struct hf_conn *conn, SSL_SESSION *session);
/* Of a session that only its open connection has: what the verdict needed of them, the connection
 * has itself. */
void hf_session_facts_drop(SSL_SESSION *session);

/* session_recheck.c. The peer proved to hold its key, and we showed our SVID, just now. */
void hf_session_begin(struct hf_conn *conn);
/* Everything that a session rests on, now. `facts` may be NULL. */
HF_MUST_USE hf_result hf_session_recheck(const struct hf_config *config,
                                         const struct hf_session_facts *facts, struct hf_peer *out);
/* The second look: the connection resumed. Makes its verdict. */
HF_MUST_USE hf_result hf_session_admit(struct hf_conn *conn);

/* At most so many sessions are looked at for one connection: each look may be a verification. */
#define HF_SESSION_LOOKS_MAX 4

/* session_callbacks.c: both of the context. */
SSL_SESSION *hf_session_get_callback(SSL *ssl, const unsigned char *id, int id_len, int *copy);
int hf_session_new_callback(SSL *ssl, SSL_SESSION *session);

/* session_flow.c, for steps of a connection. All of them are without effect where sessions are off.
 *
 * A client that starts offers a session that holds. */
HF_MUST_USE hf_result hf_session_offer(struct hf_conn *conn);
/* Keep a copy of this session of an open connection. Never fails. */
void hf_session_keep(const struct hf_conn *conn, const SSL_SESSION *session);
/* Let go of OpenSSL's certificates of an open connection as soon as no ticket needs them any more.
 * Sessions are kept after this, so a store holds none either. */
void hf_session_shed(struct hf_conn *conn);
/* A handshake of TLS 1.2 is over and was admitted: its session is there already. */
void hf_session_opened(struct hf_conn *conn);
/* A server is about to write for the first time: let the ticket go before it. Earlier there is no
 * telling whether the peer reads at all (openssl issue 7948). */
void hf_session_before_write(struct hf_conn *conn);
/* The open connection ended in an error: its sessions are of no use (RFC 8446 6.2, RFC 5246 7.2).
 */
void hf_session_discard(struct hf_conn *conn);

#endif
