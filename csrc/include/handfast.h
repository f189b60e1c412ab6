/* SPDX-License-Identifier: Apache-2.0
 *
 * handfast.h - the public face of the C engine, and its manual.
 *
 * What it is. A C11 library that verifies SPIFFE X.509-SVIDs and runs mutual TLS on OpenSSL.
 * It knows no Python, opens no file, reads no environment and writes no log. Errors, names,
 * certificates, bundles and verdicts are here; the other headers, which this one includes, have one
 * part each, handfast_tls.h the connections.
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

#ifdef __cplusplus
}
#endif

#include "handfast_tls.h"

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
