/* SPDX-License-Identifier: Apache-2.0
 *
 * handfast_tls.h - connections: who we are in them, how they are configured, and their life from
 * the first byte to the close_notify. Included by handfast.h.
 *
 * A connection is driven with bytes (receive, outgoing) or on a socket of the caller's (the _fd
 * forms); the two are the same steps. Nothing of the application goes either way before the peer
 * was authenticated and authorized.
 */
#ifndef HANDFAST_TLS_H
#define HANDFAST_TLS_H

#include "handfast.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- own identity ------------------------------------------------------------------------- */

struct hf_svid; /* a chain and its private key: immutable, counted; the key is wiped at the end */

/* chain: concatenated DER, leaf first; key: PKCS#8, SEC1 or PKCS#1 DER, unencrypted. The leaf must
 * keep the strict SVID rules and fit the key (HF_E_KEY_MISMATCH). A self-signed root at the end of
 * the chain is dropped: the root is never sent. */
HF_MUST_USE hf_result hf_svid_new(const uint8_t *chain, size_t chain_len, const uint8_t *key,
                                  size_t key_len, struct hf_svid **out);
/* A server's certificate of the public web: what hf_svid_new() does, without the rules of SVIDs.
 * Good for one-way servers only. */
HF_MUST_USE hf_result hf_svid_web_new(const uint8_t *chain, size_t chain_len, const uint8_t *key,
                                      size_t key_len, struct hf_svid **out);
struct hf_svid *hf_svid_ref(struct hf_svid *svid);
void hf_svid_unref(struct hf_svid *svid);

/* ---- configuration ------------------------------------------------------------------------ */

#define HF_ROLE_CLIENT 1
#define HF_ROLE_SERVER 2

#define HF_TLS12 0x0303
#define HF_TLS13 0x0304

struct hf_config;        /* one immutable SSL_CTX and all that belongs to it: counted */
struct hf_session_store; /* handfast_sessions.h */
struct hf_ticket_keys;   /* handfast_tickets.h */

struct hf_config_spec {
    int role;             /* HF_ROLE_* */
    int min_version;      /* HF_TLS12 or HF_TLS13 (default when 0) */
    struct hf_svid *svid; /* own identity; NULL only for a client without; reference taken */
    struct hf_verifier *verifier; /* reference taken; a web verifier makes a one-way client */
    const char *groups;           /* NULL: the default list; OpenSSL's syntax */
    const char *ciphersuites;     /* NULL: the default list (TLS 1.3) */
    const uint8_t *alpn;          /* wire form (length-prefixed names), in order of preference */
    size_t alpn_len;
    int key_log; /* 1: keep key log lines for hf_conn_key_log(); explicit only */
    /* Reference taken. NULL: no session is ever resumed, which is also the way of web clients. */
    struct hf_session_store *sessions;
    /* A server: sessions travel in tickets sealed with these, and wait nowhere. Reference taken.
     * With them `sessions` is NULL. */
    struct hf_ticket_keys *tickets;
    /* 1: one-way TLS, said and never inferred. A server asks nobody for a certificate, has no
     * verifier and knows no peer (hf_conn_peer: HF_E_WRONG_STATE); a client with a SPIFFE verifier
     * has no SVID. Nothing is resumed. */
    int one_way;
};

HF_MUST_USE hf_result hf_config_new(const struct hf_config_spec *spec, struct hf_config **out);
struct hf_config *hf_config_ref(struct hf_config *config);
void hf_config_unref(struct hf_config *config);

/* What the context really says, for tests and audits. */
struct hf_config_facts {
    uint64_t options; /* SSL_CTX_get_options */
    uint64_t mode;    /* SSL_CTX_get_mode */
    int64_t session_cache_mode;
    int64_t max_cert_list;
    int32_t verify_mode;
    int32_t min_version;
    int32_t max_version;
    int32_t num_tickets;
    uint32_t max_early_data;
    uint32_t recv_max_early_data;
    int32_t store_objects;       /* objects in the SSL_CTX's own X509_STORE: must be 0 */
    int32_t post_handshake_auth; /* 1 when the client offers it: must be 0 */
};
HF_MUST_USE hf_result hf_config_inspect(const struct hf_config *config,
                                        struct hf_config_facts *out);

/* ---- connection --------------------------------------------------------------------------- */

struct hf_conn; /* one TLS connection: owned, one thread at a time */

/* What a step is waiting for; a set of bits. */
#define HF_WANT_NOTHING 0
#define HF_WANT_READ 1
#define HF_WANT_WRITE 2

/* Takes a reference on config. server_name: SNI and, for a web client, the name to be verified
 * (HF_NAME_*); NULL/NONE otherwise. No SSL object is made before the first byte arrives (server)
 * or the handshake starts (client): threat D2. */
HF_MUST_USE hf_result hf_conn_new(struct hf_config *config, int name_kind,
                                  const uint8_t *server_name, size_t server_name_len,
                                  struct hf_conn **out);
void hf_conn_free(struct hf_conn *conn);

/* sans-IO: bytes from the peer in, bytes for the peer out. receive() only stores (bounded:
 * HF_E_LIMIT); receive_eof() says that no more will come. outgoing() borrows what is to be sent,
 * valid until the next call on the connection; consumed() drops the first n bytes of it. */
HF_MUST_USE hf_result hf_conn_receive(struct hf_conn *conn, const uint8_t *data, size_t len);
HF_MUST_USE hf_result hf_conn_receive_eof(struct hf_conn *conn);
HF_MUST_USE hf_result hf_conn_outgoing(struct hf_conn *conn, const uint8_t **data, size_t *len);
HF_MUST_USE hf_result hf_conn_consumed(struct hf_conn *conn, size_t len);

/* Go on with the handshake. *done becomes 1 when it is finished AND the peer was authenticated AND
 * authorized (C14). Not done and no error: it waits for *want. After a failure the alert for the
 * peer is in outgoing(); every later call repeats the same failure. */
HF_MUST_USE hf_result hf_conn_handshake(struct hf_conn *conn, int *done, uint32_t *want);

/* Application data, only after the handshake (A9: HF_E_WRONG_STATE before). write() takes all of
 * `data` into the outgoing buffer (HF_E_LIMIT, and nothing taken, beyond 64 MiB unsent). read():
 * *len bytes, 0 with *want == READ when nothing is there, HF_E_CLOSED after the peer's
 * close_notify, HF_E_TRUNCATED at an end without one. */
HF_MUST_USE hf_result hf_conn_write(struct hf_conn *conn, const uint8_t *data, size_t len);
HF_MUST_USE hf_result hf_conn_read(struct hf_conn *conn, uint8_t *out, size_t cap, size_t *len,
                                   uint32_t *want);

/* Queue a KeyUpdate: what is sent after it is under new keys, and with `ask_peer` the peer is asked
 * for new keys of its own direction. TLS 1.3 and before our close_notify only: HF_E_WRONG_STATE
 * otherwise, and while a message of the peer is there in part. */
HF_MUST_USE hf_result hf_conn_key_update(struct hf_conn *conn, int ask_peer);

/* Queue our close_notify; reading goes on until the peer's. Idempotent. */
HF_MUST_USE hf_result hf_conn_close(struct hf_conn *conn);

/* The fd form: the same steps with recv() before and send() after in one call, on a non-blocking
 * socket that stays the caller's. *want tells what to wait for; NOTHING: the step is complete.
 * A failed handshake sends its alert before it returns. */
HF_MUST_USE hf_result hf_conn_handshake_fd(struct hf_conn *conn, int fd, int *done, uint32_t *want);
HF_MUST_USE hf_result hf_conn_read_fd(struct hf_conn *conn, int fd, uint8_t *out, size_t cap,
                                      size_t *len, uint32_t *want);
/* *taken: bytes of `data` encrypted into the outgoing buffer: all while the socket keeps up, fewer
 * or none when it does not. *want == WRITE: flush_fd when writable, then the rest. HF_E_RESET and
 * HF_E_IO are about sending alone: what the peer said last can still be read. */
HF_MUST_USE hf_result hf_conn_write_fd(struct hf_conn *conn, int fd, const uint8_t *data,
                                       size_t len, size_t *taken, uint32_t *want);
HF_MUST_USE hf_result hf_conn_flush_fd(struct hf_conn *conn, int fd, uint32_t *want);

/* Close and flush in one, for a socket that the caller closes right after (unless *want == WRITE):
 * the close_notify then shares a packet with the socket's own end, where nothing is left unread. A
 * connection that failed has none, but its alert may still wait. */
HF_MUST_USE hf_result hf_conn_close_fd(struct hf_conn *conn, int fd, uint32_t *want);

/* Facts, after the handshake (HF_E_WRONG_STATE before). peer() and the chain outlive nothing:
 * copied, or borrowed until hf_conn_free. The chain is also there after a refused handshake, for
 * diagnosis (hf_conn_presented), clearly unverified. */
HF_MUST_USE hf_result hf_conn_peer(const struct hf_conn *conn, struct hf_peer *out);
HF_MUST_USE hf_result hf_conn_presented(const struct hf_conn *conn, struct hf_chain *out);

/* The same chain to be kept, without a copy of it: immutable, counted, and good on any thread after
 * the connection is gone. */
struct hf_presented_chain;
HF_MUST_USE hf_result hf_conn_presented_keep(const struct hf_conn *conn,
                                             struct hf_presented_chain **out);
/* Borrowed until the last unref. */
struct hf_chain hf_presented_view(const struct hf_presented_chain *chain);
void hf_presented_unref(struct hf_presented_chain *chain);

HF_MUST_USE hf_result hf_conn_alpn(const struct hf_conn *conn, const uint8_t **name, size_t *len);
struct hf_conn_facts {
    int32_t version;    /* HF_TLS12, HF_TLS13 */
    int32_t resumed;    /* 0 or 1 */
    char cipher[64];    /* OpenSSL's standard name */
    char group[64];     /* key exchange group */
    char signature[64]; /* the peer's CertificateVerify algorithm */
};
HF_MUST_USE hf_result hf_conn_facts(const struct hf_conn *conn, struct hf_conn_facts *out);
/* One of them alone, which is asked most: 0 or 1. */
HF_MUST_USE hf_result hf_conn_resumed(const struct hf_conn *conn, int *out);

/* RFC 9266 tls-exporter: 32 bytes, the same on both ends. */
HF_MUST_USE hf_result hf_conn_channel_binding(struct hf_conn *conn, uint8_t out[32]);

/* Take the key log lines so far (each NUL-free, ending in '\n'); borrowed until the next call. */
HF_MUST_USE hf_result hf_conn_key_log(struct hf_conn *conn, const char **lines, size_t *len);

/* Bytes buffered inwards and outwards, for limits and statistics. */
size_t hf_conn_pending_in(const struct hf_conn *conn);
size_t hf_conn_pending_out(const struct hf_conn *conn);

#ifdef __cplusplus
}
#endif

#endif
