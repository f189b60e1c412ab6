/* SPDX-License-Identifier: Apache-2.0
 *
 * handfast.h - the public face of the C engine, and its manual.
 *
 * What it is. A C11 library that verifies SPIFFE X.509-SVIDs and runs mutual TLS on OpenSSL.
 * It knows no Python, opens no file, reads no environment and writes no log.
 *
 * Results. Every function that can fail returns hf_result; `code` is 0 (HF_OK) or one of the
 * codes of HF_ERRORS in "base/error_codes.h" (category in the high byte). The details of the
 * last failure of the calling thread are copied out by hf_error_copy(). Out-parameters come last
 * and are zeroed before anything else happens, so a forgotten check never reads stale data.
 *
 * Ownership. `_new` makes, `_free` destroys; `_ref`/`_unref` count references on immutable
 * snapshots (bundles, bundle sets, policies, SVIDs, verifiers, configurations). Pointers passed in
 * are borrowed for the call unless the text says that a reference is taken. NULL is accepted by
 * every _free and _unref.
 *
 * Threads. Immutable snapshots may be used by any number of threads at once. A connection belongs
 * to one thread at a time; a second entry is refused with HF_E_BUSY, never a race. After a fork
 * one process may go on with it, never both: they would encrypt under the same nonces.
 *
 * Time. Seconds since 1970-01-01 UTC as int64_t. HF_TIME_NOW asks the engine's clock.
 */
#ifndef HANDFAST_H
#define HANDFAST_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define HF_MUST_USE __attribute__((warn_unused_result))
#else
#define HF_MUST_USE
#endif

/* The one typedef'd struct: a result cannot be mistaken for a count or a boolean. */
typedef struct hf_result {
    uint32_t code;
} hf_result;

#define HF_ID_MAX 2048           /* bytes of a SPIFFE ID: ID-17 */
#define HF_TRUST_DOMAIN_MAX 255  /* bytes of a trust domain name: ID-19 */
#define HF_CHAIN_MAX 8           /* certificates a peer may present: C10 */
#define HF_CHAIN_BYTES_MAX 32768 /* bytes of DER a peer may present: C10 */
#define HF_BUNDLE_MAX 1000       /* authorities in one bundle */
#define HF_DIGEST_SIZE 32        /* SHA-256 */
#define HF_TIME_NOW INT64_MIN    /* "at the engine's clock" */

/* ---- errors ------------------------------------------------------------------------------- */

#define HF_DETAIL_MAX 255

/* One failure in full. Text fields are NUL-terminated UTF-8, cut at their size, and contain only
 * printable characters: what a peer sent is escaped before it gets here. */
struct hf_error {
    uint32_t code;
    uint32_t line;           /* where in the engine: for bug reports */
    int32_t depth;           /* place among those presented: 0 leaf, an authority behind them; -1 */
    int32_t alert;           /* TLS alert sent (or received: PEER_ALERT); -1 none */
    int32_t system;          /* errno of a failed system call, 0 none */
    uint32_t openssl_reason; /* OpenSSL's reason or X509_V_ERR number, 0 none */
    int64_t skew;            /* seconds: how far outside a validity window; 0 none */
    const char *file;        /* static string, never NULL after a failure */
    char expected[HF_DETAIL_MAX + 1]; /* what the rule wants */
    char seen[HF_DETAIL_MAX + 1];     /* what was there */
    char claimed_id[HF_ID_MAX + 1];   /* SPIFFE ID the peer claims: NOT verified; "" none */
};

/* One row of the error table, the same for C and Python. */
struct hf_error_row {
    uint32_t code;
    int32_t alert;        /* TLS alert that tells the peer; -1 none fits */
    const char *name;     /* stable, lower case: "certificate_expired" */
    const char *category; /* "certificate" */
    const char *text;     /* one sentence */
    const char *hint;     /* what to do */
};

/* Copy the calling thread's last failure. Never fails; code 0 when nothing failed yet. */
void hf_error_copy(struct hf_error *out);

/* The whole table; returns the number of rows. The rows are static. */
size_t hf_error_table(const struct hf_error_row **rows);

/* ---- library ------------------------------------------------------------------------------ */

/* Make the engine's own OSSL_LIB_CTX (no configuration file, no atexit handler). Idempotent and
 * thread-safe; every other function calls it. Refuses OpenSSL 4.0.0-4.0.2 (CVE-2026-84783) and
 * anything before 3.0.0 with HF_E_OPENSSL_VERSION. */
HF_MUST_USE hf_result hf_library_init(void);

/* Static strings: the OpenSSL whose headers were compiled in, the one running, the build's name
 * ("pinned" or "system"). */
const char *hf_openssl_built(void);
const char *hf_openssl_running(void);
const char *hf_openssl_origin(void);

/* The one that runs, with its day: "OpenSSL 3.5.7 9 Jun 2026". */
const char *hf_openssl_text(void);

/* How that OpenSSL was built, as far as the build knows: "O3, LTO, PGO"; "distribution" for the
 * system's. */
const char *hf_openssl_build(void);

/* Whose blocks OpenSSL and the engine use: "mimalloc 2.3.2" (hidden in this library, which alone
 * allocates from it) or "system", which is the C library's. Static. */
const char *hf_allocator(void);

/* Stay with the C library's, for tools that watch malloc. Only before everything else here but the
 * clock; returns 1 when it is so, 0 when it was too late. */
int hf_allocator_use_system(void);

/* Tests only: 1 when a block that is alive lies in our own mimalloc. */
int hf_allocator_owns(const void *block);

/* The engine's wall clock. A test may fix it; hf_clock_reset() goes back to the system's. */
int64_t hf_clock_now(void);
void hf_clock_set(int64_t seconds);
void hf_clock_reset(void);

/* ---- SPIFFE IDs --------------------------------------------------------------------------- */

/* A parsed ID borrows the caller's bytes. `id` is the whole ID, `trust_domain` and `path` lie in
 * it; path is empty or starts with '/'. */
struct hf_spiffe_id {
    const uint8_t *id;
    size_t id_len;
    const uint8_t *trust_domain;
    size_t trust_domain_len;
    const uint8_t *path;
    size_t path_len;
};

/* Strict, byte-exact, never normalising (ID-01..ID-21, upper case refused). `out` borrows `text`.
 * Errors: HF_E_ID_*. */
HF_MUST_USE hf_result hf_spiffe_id_parse(const uint8_t *text, size_t len, struct hf_spiffe_id *out);

/* A bare trust domain name by the same rules. */
HF_MUST_USE hf_result hf_trust_domain_parse(const uint8_t *text, size_t len);

/* For what people type: ASCII-only folding of scheme and trust domain to lower case, then strict.
 * `out` needs HF_ID_MAX + 1 bytes and is NUL-terminated. */
HF_MUST_USE hf_result hf_spiffe_id_parse_lenient(const uint8_t *text, size_t len, char *out,
                                                 size_t *out_len);

/* ---- certificates ------------------------------------------------------------------------- */

/* How strictly leaves and intermediates are judged (docs/explanation/svid-rules).
 * STRICT: key usage present, critical, with digitalSignature; EKU, when present, has the purpose
 * asked for; an intermediate's URI SAN, when present, is its own trust domain without a path.
 * COMPATIBLE: what the standard leaves to the issuer is tolerated (absent key usage, EKU
 * "any", IDs of other trust domains on intermediates); every MUST of section 5 still holds. */
#define HF_RULES_STRICT 0
#define HF_RULES_COMPATIBLE 1

/* What the peer is to us. EITHER wants both purposes when an EKU is present (X509-25). */
#define HF_PURPOSE_EITHER 0
#define HF_PURPOSE_CLIENT 1
#define HF_PURPOSE_SERVER 2

/* Split concatenated DER certificates: `lengths` gets up to `cap` entries, `count` their number.
 * Errors: HF_E_DER_*, HF_E_CHAIN_TOO_LONG when there are more than `cap`. */
HF_MUST_USE hf_result hf_der_split(const uint8_t *der, size_t len, uint32_t *lengths, size_t cap,
                                   size_t *count);

/* Read one certificate strictly and judge it as an SVID leaf (or, signing != 0, as an SVID
 * signing certificate) without any path. Used by `handfast inspect`, and as the fuzz entry. */
HF_MUST_USE hf_result hf_certificate_check(const uint8_t *der, size_t len, int signing, int rules);

/* ---- trust bundles ------------------------------------------------------------------------ */

struct hf_bundle;     /* the authorities of one trust domain: immutable, counted */
struct hf_bundle_set; /* bundles by trust domain, never pooled (P1): immutable, counted */

/* Concatenated DER authorities, possibly none (an empty bundle trusts nobody). Duplicates count
 * once. Each must be a CA (X509-08) with an allowed key. Order does not change the digest. */
HF_MUST_USE hf_result hf_bundle_new(const uint8_t *trust_domain, size_t trust_domain_len,
                                    const uint8_t *der, size_t der_len, struct hf_bundle **out);
struct hf_bundle *hf_bundle_ref(struct hf_bundle *bundle);
void hf_bundle_unref(struct hf_bundle *bundle);
size_t hf_bundle_count(const struct hf_bundle *bundle);
/* SHA-256 over the content (trust domain and sorted authorities), never a counter. */
void hf_bundle_digest(const struct hf_bundle *bundle, uint8_t out[HF_DIGEST_SIZE]);
/* Process-wide number of the snapshot, growing: to tell which one is newer in a log. */
uint64_t hf_bundle_generation(const struct hf_bundle *bundle);

/* Takes a reference on each bundle. Two bundles of one trust domain: HF_E_BUNDLE_DUPLICATE. */
HF_MUST_USE hf_result hf_bundle_set_new(struct hf_bundle *const *bundles, size_t count,
                                        struct hf_bundle_set **out);
struct hf_bundle_set *hf_bundle_set_ref(struct hf_bundle_set *set);
void hf_bundle_set_unref(struct hf_bundle_set *set);

/* ---- authorization ------------------------------------------------------------------------ */

struct hf_policy; /* a compiled authorizer: immutable, counted */

#define HF_POLICY_ANY 1          /* everybody who authenticated */
#define HF_POLICY_TRUST_DOMAIN 2 /* text: a trust domain name */
#define HF_POLICY_EXACTLY 3      /* text: a SPIFFE ID */
#define HF_POLICY_PREFIX 4       /* text: a SPIFFE ID; it and what lies below it, whole segments */
#define HF_POLICY_AND 5          /* count: operands, at least 1 */
#define HF_POLICY_OR 6
#define HF_POLICY_NOT 7

struct hf_policy_node {
    uint32_t op;
    uint32_t count;
    const uint8_t *text;
    size_t len;
};

#define HF_POLICY_NODES_MAX 65536
#define HF_POLICY_STACK_MAX 64 /* operands waiting at once */

/* Postfix program; must leave exactly one verdict. Runs of EXACTLY under one OR become a sorted
 * set. Errors: HF_E_POLICY_INVALID, HF_E_ID_*. */
HF_MUST_USE hf_result hf_policy_new(const struct hf_policy_node *nodes, size_t count,
                                    struct hf_policy **out);
struct hf_policy *hf_policy_ref(struct hf_policy *policy);
void hf_policy_unref(struct hf_policy *policy);
/* Ask it. `id` must parse strictly. HF_E_NOT_AUTHORIZED when it says no. */
HF_MUST_USE hf_result hf_policy_check(const struct hf_policy *policy, const uint8_t *id,
                                      size_t len);

/* ---- verification ------------------------------------------------------------------------- */

/* Whom we talk to, and how long that holds. Filled only by a verification that succeeded. */
struct hf_peer {
    int64_t not_before; /* window of the whole built chain, anchor included */
    int64_t not_after;
    int64_t leaf_not_before; /* of the leaf alone */
    int64_t leaf_not_after;
    int64_t verified_at;  /* when this verdict was made */
    uint32_t path_length; /* certificates of the built path, anchor included */
    uint16_t trust_domain_len;
    uint16_t id_len;                       /* 0 for a web peer, which has no SPIFFE ID */
    uint8_t chain_digest[HF_DIGEST_SIZE];  /* of what was presented, length-prefixed, in order */
    uint8_t bundle_digest[HF_DIGEST_SIZE]; /* of the bundle it was judged by */
    uint8_t anchor_digest[HF_DIGEST_SIZE]; /* SHA-256 of the anchor's DER */
    char id[HF_ID_MAX + 1];                /* NUL-terminated */
};

/* A chain as presented: `count` certificates, leaf first, back to back in `der`. */
struct hf_chain {
    const uint8_t *der;
    const uint32_t *lengths;
    size_t count;
};

struct hf_verifier; /* what a peer must show, SPIFFE or web: immutable, counted */

/* SPIFFE: takes references on all three. policy NULL refuses everybody (default deny); cache NULL
 * remembers nothing (handfast_cache.h). */
struct hf_chain_cache;
HF_MUST_USE hf_result hf_verifier_new(struct hf_bundle_set *bundles, struct hf_policy *policy,
                                      int rules, struct hf_chain_cache *cache,
                                      struct hf_verifier **out);

#define HF_NAME_NONE 0
#define HF_NAME_DNS 1 /* ASCII host name (A-labels) */
#define HF_NAME_IP 2  /* 4 or 16 raw bytes */

/* General RFC 5280 paths to `roots` (concatenated DER), for the public web and plain client
 * certificates. max_depth counts intermediates between leaf and root. */
HF_MUST_USE hf_result hf_verifier_new_web(const uint8_t *roots, size_t roots_len,
                                          uint32_t max_depth, struct hf_verifier **out);
struct hf_verifier *hf_verifier_ref(struct hf_verifier *verifier);
void hf_verifier_unref(struct hf_verifier *verifier);

/* Judge a chain at a time. SPIFFE verifiers run the policy too; `purpose` is HF_PURPOSE_*. */
HF_MUST_USE hf_result hf_verifier_verify(struct hf_verifier *verifier, const struct hf_chain *chain,
                                         int64_t at, int purpose, struct hf_peer *out);

/* The same for a web verifier. `name` as HF_NAME_* says. With name_kind NONE no name is compared.
 */
HF_MUST_USE hf_result hf_verifier_verify_web(struct hf_verifier *verifier,
                                             const struct hf_chain *chain, int64_t at, int purpose,
                                             int name_kind, const uint8_t *name, size_t name_len,
                                             struct hf_peer *out);

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

#include "handfast_acceptor.h"
#include "handfast_batch.h"
#include "handfast_cache.h"
#include "handfast_crl.h"
#include "handfast_lanes.h"
#include "handfast_ports.h"
#include "handfast_sessions.h"
#include "handfast_tickets.h"
#include "handfast_ways.h"

#endif
