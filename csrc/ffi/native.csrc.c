/* SPDX-License-Identifier: Apache-2.0
 *
 * The prelude of the generated module: wrappers that flatten hf_result to a number, return new
 * objects as pointers (NULL: see hf_error_copy()), and put into one crossing what Python would
 * otherwise need several for. Each crossing lets go of the GIL and takes it again, so a step of a
 * connection also says what it left to be sent. Nothing here decides anything.
 */
#include <stdatomic.h>

#include "handfast.h"

/* ---- objects that Python holds ------------------------------------------------------------ */

enum {
    HF_FFI_BUNDLE,
    HF_FFI_BUNDLE_SET,
    HF_FFI_POLICY,
    HF_FFI_VERIFIER,
    HF_FFI_SVID,
    HF_FFI_CONFIG,
    HF_FFI_CONN,
    HF_FFI_CHAIN_CACHE,
    HF_FFI_CRL_SET,
    HF_FFI_CRL_BOOK,
    HF_FFI_SESSION_STORE,
    HF_FFI_ACCEPTOR,
    HF_FFI_TICKET_KEYS,
    HF_FFI_PRESENTED,
    HF_FFI_KINDS
};

static atomic_size_t hf_ffi_counts[HF_FFI_KINDS];

static size_t hf_ffi_live(int kind)
{
    if (kind < 0 || kind >= HF_FFI_KINDS) {
        return 0;
    }
    return atomic_load(&hf_ffi_counts[kind]);
}

/* Count what was made. A failure is told by NULL alone: its code is in the record. */
#define HF_FFI_MADE(kind, expr, pointer)                                                           \
    do {                                                                                           \
        if ((expr).code != 0) {                                                                    \
            return NULL;                                                                           \
        }                                                                                          \
        atomic_fetch_add(&hf_ffi_counts[kind], 1);                                                 \
        return (pointer);                                                                          \
    } while (0)

#define HF_FFI_RELEASE(kind, wrapper, type, release)                                               \
    static void wrapper(struct type *object)                                                       \
    {                                                                                              \
        release(object);                                                                           \
        atomic_fetch_sub(&hf_ffi_counts[kind], 1);                                                 \
    }

HF_FFI_RELEASE(HF_FFI_BUNDLE, hf_ffi_bundle_unref, hf_bundle, hf_bundle_unref)
HF_FFI_RELEASE(HF_FFI_BUNDLE_SET, hf_ffi_bundle_set_unref, hf_bundle_set, hf_bundle_set_unref)
HF_FFI_RELEASE(HF_FFI_POLICY, hf_ffi_policy_unref, hf_policy, hf_policy_unref)
HF_FFI_RELEASE(HF_FFI_VERIFIER, hf_ffi_verifier_unref, hf_verifier, hf_verifier_unref)
HF_FFI_RELEASE(HF_FFI_SVID, hf_ffi_svid_unref, hf_svid, hf_svid_unref)
HF_FFI_RELEASE(HF_FFI_CONFIG, hf_ffi_config_unref, hf_config, hf_config_unref)
HF_FFI_RELEASE(HF_FFI_CONN, hf_ffi_conn_free, hf_conn, hf_conn_free)

/* ---- library, IDs, certificates ----------------------------------------------------------- */

static uint32_t hf_ffi_library_init(void)
{
    return hf_library_init().code;
}

struct hf_ffi_id {
    size_t trust_domain_len;
    size_t path_len;
};

static uint32_t hf_ffi_spiffe_id_parse(const uint8_t *text, size_t len, struct hf_ffi_id *out)
{
    struct hf_spiffe_id id;
    uint32_t code = hf_spiffe_id_parse(text, len, &id).code;
    out->trust_domain_len = code == 0 ? id.trust_domain_len : 0;
    out->path_len = code == 0 ? id.path_len : 0;
    return code;
}

static uint32_t hf_ffi_spiffe_id_parse_lenient(const uint8_t *text, size_t len, char *out,
                                               size_t *out_len)
{
    return hf_spiffe_id_parse_lenient(text, len, out, out_len).code;
}

static uint32_t hf_ffi_trust_domain_parse(const uint8_t *text, size_t len)
{
    return hf_trust_domain_parse(text, len).code;
}

static uint32_t hf_ffi_der_split(const uint8_t *der, size_t len, uint32_t *lengths, size_t cap,
                                 size_t *count)
{
    return hf_der_split(der, len, lengths, cap, count).code;
}

static uint32_t hf_ffi_certificate_check(const uint8_t *der, size_t len, int signing, int rules)
{
    return hf_certificate_check(der, len, signing, rules).code;
}

/* ---- snapshots ---------------------------------------------------------------------------- */

static struct hf_bundle *hf_ffi_bundle_new(const uint8_t *trust_domain, size_t trust_domain_len,
                                           const uint8_t *der, size_t der_len)
{
    struct hf_bundle *out = NULL;
    HF_FFI_MADE(HF_FFI_BUNDLE, hf_bundle_new(trust_domain, trust_domain_len, der, der_len, &out),
                out);
}

static struct hf_bundle_set *hf_ffi_bundle_set_new(struct hf_bundle *const *bundles, size_t count)
{
    struct hf_bundle_set *out = NULL;
    HF_FFI_MADE(HF_FFI_BUNDLE_SET, hf_bundle_set_new(bundles, count, &out), out);
}

static struct hf_policy *hf_ffi_policy_new(const struct hf_policy_node *nodes, size_t count)
{
    struct hf_policy *out = NULL;
    HF_FFI_MADE(HF_FFI_POLICY, hf_policy_new(nodes, count, &out), out);
}

static uint32_t hf_ffi_policy_check(const struct hf_policy *policy, const uint8_t *id, size_t len)
{
    return hf_policy_check(policy, id, len).code;
}

static struct hf_verifier *hf_ffi_verifier_new(struct hf_bundle_set *bundles,
                                               struct hf_policy *policy, int rules,
                                               struct hf_chain_cache *cache)
{
    struct hf_verifier *out = NULL;
    HF_FFI_MADE(HF_FFI_VERIFIER, hf_verifier_new(bundles, policy, rules, cache, &out), out);
}

static struct hf_verifier *hf_ffi_verifier_new_web(const uint8_t *roots, size_t roots_len,
                                                   uint32_t max_depth)
{
    struct hf_verifier *out = NULL;
    HF_FFI_MADE(HF_FFI_VERIFIER, hf_verifier_new_web(roots, roots_len, max_depth, &out), out);
}

static uint32_t hf_ffi_verifier_verify(struct hf_verifier *verifier, const uint8_t *der,
                                       const uint32_t *lengths, size_t count, int64_t at,
                                       int purpose, struct hf_peer *out)
{
    const struct hf_chain chain = {der, lengths, count};
    return hf_verifier_verify(verifier, &chain, at, purpose, out).code;
}

static uint32_t hf_ffi_verifier_verify_web(struct hf_verifier *verifier, const uint8_t *der,
                                           const uint32_t *lengths, size_t count, int64_t at,
                                           int purpose, int name_kind, const uint8_t *name,
                                           size_t name_len, struct hf_peer *out)
{
    const struct hf_chain chain = {der, lengths, count};
    return hf_verifier_verify_web(verifier, &chain, at, purpose, name_kind, name, name_len, out)
        .code;
}

static struct hf_svid *hf_ffi_svid_new(const uint8_t *chain, size_t chain_len, const uint8_t *key,
                                       size_t key_len)
{
    struct hf_svid *out = NULL;
    HF_FFI_MADE(HF_FFI_SVID, hf_svid_new(chain, chain_len, key, key_len, &out), out);
}

static struct hf_svid *hf_ffi_svid_web_new(const uint8_t *chain, size_t chain_len,
                                           const uint8_t *key, size_t key_len)
{
    struct hf_svid *out = NULL;
    HF_FFI_MADE(HF_FFI_SVID, hf_svid_web_new(chain, chain_len, key, key_len, &out), out);
}

static struct hf_config *hf_ffi_config_new(int role, int min_version, struct hf_svid *svid,
                                           struct hf_verifier *verifier, const char *groups,
                                           const char *ciphersuites, const uint8_t *alpn,
                                           size_t alpn_len, int key_log,
                                           struct hf_session_store *sessions,
                                           struct hf_ticket_keys *tickets, int one_way)
{
    const struct hf_config_spec spec = {
        .role = role,
        .min_version = min_version,
        .svid = svid,
        .verifier = verifier,
        .groups = groups,
        .ciphersuites = ciphersuites,
        .alpn = alpn,
        .alpn_len = alpn_len,
        .key_log = key_log,
        .sessions = sessions,
        .tickets = tickets,
        .one_way = one_way,
    };
    struct hf_config *out = NULL;
    HF_FFI_MADE(HF_FFI_CONFIG, hf_config_new(&spec, &out), out);
}

static uint32_t hf_ffi_config_inspect(const struct hf_config *config, struct hf_config_facts *out)
{
    return hf_config_inspect(config, out).code;
}

/* ---- connection --------------------------------------------------------------------------- */

struct hf_ffi_step {
    const uint8_t *out;
    size_t out_len;
    size_t len;
    uint32_t want;
};

/* Show what waits to be sent: also after a failure, when it is the alert for the peer. Every step
 * ends with it, those on a socket too: they move and free the buffer that an earlier step showed,
 * and what is read through a stale pointer would go out to the peer. */
static uint32_t hf_ffi_peek(struct hf_conn *conn, uint32_t code, struct hf_ffi_step *step)
{
    uint32_t peeked = hf_conn_outgoing(conn, &step->out, &step->out_len).code;
    return code != 0 ? code : peeked;
}

static struct hf_conn *hf_ffi_conn_new(struct hf_config *config, int name_kind, const uint8_t *name,
                                       size_t name_len)
{
    struct hf_conn *out = NULL;
    HF_FFI_MADE(HF_FFI_CONN, hf_conn_new(config, name_kind, name, name_len, &out), out);
}

static uint32_t hf_ffi_conn_receive(struct hf_conn *conn, const uint8_t *data, size_t len,
                                    struct hf_ffi_step *step)
{
    return hf_ffi_peek(conn, hf_conn_receive(conn, data, len).code, step);
}

static uint32_t hf_ffi_conn_receive_eof(struct hf_conn *conn, struct hf_ffi_step *step)
{
    return hf_ffi_peek(conn, hf_conn_receive_eof(conn).code, step);
}

static uint32_t hf_ffi_conn_consumed(struct hf_conn *conn, size_t len, struct hf_ffi_step *step)
{
    return hf_ffi_peek(conn, hf_conn_consumed(conn, len).code, step);
}

/* One number says how a handshake goes on, since Python reads each field of a structure by name:
 * what it waits for (two bits), and 4 when it is done; or, below zero, the negative code. */
static int64_t hf_ffi_progress(uint32_t code, int done, uint32_t want)
{
    return code != 0 ? -(int64_t)code : (int64_t)want + (done != 0 ? 4 : 0);
}

/* `taken` bytes of what was shown were copied, and `data` came, since the last step. */
static int64_t hf_ffi_conn_handshake(struct hf_conn *conn, size_t taken, const uint8_t *data,
                                     size_t len, struct hf_ffi_step *step)
{
    int done = 0;
    uint32_t want = 0;
    uint32_t code = taken == 0 ? 0 : hf_conn_consumed(conn, taken).code;
    if (code == 0 && len != 0) {
        code = hf_conn_receive(conn, data, len).code;
    }
    if (code == 0) {
        code = hf_conn_handshake(conn, &done, &want).code;
    }
    return hf_ffi_progress(hf_ffi_peek(conn, code, step), done, want);
}

static uint32_t hf_ffi_conn_write(struct hf_conn *conn, const uint8_t *data, size_t len,
                                  struct hf_ffi_step *step)
{
    return hf_ffi_peek(conn, hf_conn_write(conn, data, len).code, step);
}

/* Read until `out` is full or nothing is there. A failure after some bytes waits for the next
 * call: the connection repeats it, and the bytes before it are good. */
static uint32_t hf_ffi_conn_read(struct hf_conn *conn, uint8_t *out, size_t cap,
                                 struct hf_ffi_step *step)
{
    uint32_t code = 0;
    step->len = 0;
    do {
        size_t got = 0;
        code = hf_conn_read(conn, out + step->len, cap - step->len, &got, &step->want).code;
        if (code != 0 || got == 0) {
            break;
        }
        step->len += got;
    } while (step->len < cap);
    return hf_ffi_peek(conn, step->len > 0 ? 0 : code, step);
}

static uint32_t hf_ffi_conn_key_update(struct hf_conn *conn, int ask_peer, struct hf_ffi_step *step)
{
    return hf_ffi_peek(conn, hf_conn_key_update(conn, ask_peer).code, step);
}

static uint32_t hf_ffi_conn_close(struct hf_conn *conn, struct hf_ffi_step *step)
{
    return hf_ffi_peek(conn, hf_conn_close(conn).code, step);
}

static int64_t hf_ffi_conn_handshake_fd(struct hf_conn *conn, int fd, struct hf_ffi_step *step)
{
    int done = 0;
    uint32_t want = 0;
    uint32_t code = hf_conn_handshake_fd(conn, fd, &done, &want).code;
    return hf_ffi_progress(hf_ffi_peek(conn, code, step), done, want);
}

static uint32_t hf_ffi_conn_read_fd(struct hf_conn *conn, int fd, uint8_t *out, size_t cap,
                                    struct hf_ffi_step *step)
{
    step->len = 0;
    return hf_ffi_peek(conn, hf_conn_read_fd(conn, fd, out, cap, &step->len, &step->want).code,
                       step);
}

static uint32_t hf_ffi_conn_write_fd(struct hf_conn *conn, int fd, const uint8_t *data, size_t len,
                                     struct hf_ffi_step *step)
{
    step->len = 0;
    return hf_ffi_peek(conn, hf_conn_write_fd(conn, fd, data, len, &step->len, &step->want).code,
                       step);
}

static uint32_t hf_ffi_conn_flush_fd(struct hf_conn *conn, int fd, struct hf_ffi_step *step)
{
    return hf_ffi_peek(conn, hf_conn_flush_fd(conn, fd, &step->want).code, step);
}

static uint32_t hf_ffi_conn_close_fd(struct hf_conn *conn, int fd, struct hf_ffi_step *step)
{
    return hf_ffi_peek(conn, hf_conn_close_fd(conn, fd, &step->want).code, step);
}

/* The peer, and what it presented for keeping, in one crossing. */
struct hf_ffi_met {
    struct hf_presented_chain *kept;
    struct hf_peer peer;
};

/* How many bytes of `out` say something, up to the end of the ID; or the negative code. */
static int64_t hf_ffi_conn_met(const struct hf_conn *conn, struct hf_ffi_met *out)
{
    uint32_t code = hf_conn_peer(conn, &out->peer).code;
    out->kept = NULL;
    if (code == 0) {
        code = hf_conn_presented_keep(conn, &out->kept).code;
    }
    if (code == 0) {
        atomic_fetch_add(&hf_ffi_counts[HF_FFI_PRESENTED], 1);
    }
    return code != 0 ? -(int64_t)code
                     : (int64_t)(offsetof(struct hf_ffi_met, peer) + offsetof(struct hf_peer, id) +
                                 out->peer.id_len);
}

static uint32_t hf_ffi_conn_presented(const struct hf_conn *conn, struct hf_chain *out)
{
    return hf_conn_presented(conn, out).code;
}

static uint32_t hf_ffi_conn_alpn(const struct hf_conn *conn, const uint8_t **name, size_t *len)
{
    return hf_conn_alpn(conn, name, len).code;
}

static uint32_t hf_ffi_conn_facts(const struct hf_conn *conn, struct hf_conn_facts *out)
{
    return hf_conn_facts(conn, out).code;
}

/* 0 or 1, or the negative code. */
static int64_t hf_ffi_conn_resumed(const struct hf_conn *conn)
{
    int resumed;
    uint32_t code = hf_conn_resumed(conn, &resumed).code;
    return code == 0 ? resumed : -(int64_t)code;
}

static uint32_t hf_ffi_conn_channel_binding(struct hf_conn *conn, uint8_t *out)
{
    return hf_conn_channel_binding(conn, out).code;
}

static uint32_t hf_ffi_conn_key_log(struct hf_conn *conn, const char **lines, size_t *len)
{
    return hf_conn_key_log(conn, lines, len).code;
}
