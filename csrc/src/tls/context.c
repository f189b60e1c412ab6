/* SPDX-License-Identifier: Apache-2.0
 *
 * The one place that makes an SSL_CTX. Each setting says what it is against; test_tls_config.c
 * asserts them on every kind of context that can be made here.
 */
#include "tls/config.h"
#include "tls/keylog.h"
#include "tls/session.h"
#include "tls/ticket.h"
#include "tls/verify_callback.h"

/* Classical first, with one key share: a hybrid share costs 13 to 49 % of all handshakes. The
 * hybrid is offered, so a peer that insists on it gets it (one round trip more), and
 * groups="X25519MLKEM768:X25519" puts it first for those who fear recorded traffic. P-384 and P-521
 * are there because TLS 1.2 takes the list for the curves of certificates too. */
#if OPENSSL_VERSION_NUMBER >= 0x30500000L
#define DEFAULT_GROUPS "X25519:P-256:P-384:P-521:X25519MLKEM768"
#else
#define DEFAULT_GROUPS "X25519:P-256:P-384:P-521"
#endif

/* AES-128 first: its SHA-256 has instructions of its own on the machines that count handshakes. */
#define DEFAULT_CIPHERSUITES                                                                       \
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

/* TLS 1.2: forward secrecy and AEAD, nothing else. */
#define CIPHERS_12                                                                                 \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                                   \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"                                   \
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"

/* The keys and hashes of the certificate allow-list. PKCS#1 is for signatures inside chains and
 * for TLS 1.2; TLS 1.3 does not take it for a proof of possession. */
#define SIGNATURE_ALGORITHMS                                                                       \
    "ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:ecdsa_secp521r1_sha512:ed25519:"                \
    "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:"                                 \
    "rsa_pkcs1_sha256:rsa_pkcs1_sha384:rsa_pkcs1_sha512"

/* 112 bits: RSA of 2,048 bits and better. The default of 3.2 and later; 3.0's is lower. */
#define SECURITY_LEVEL 2

/* Lengths and extensions around HF_CHAIN_BYTES_MAX of certificates (OpenSSL's own: 100 KB). */
#define CERTIFICATE_MESSAGE_MAX (HF_CHAIN_BYTES_MAX + 1024)

static void free_at(SSL_CTX **ctx)
{
    SSL_CTX_free(*ctx);
}

static void set_options(SSL_CTX *ctx, const struct hf_config *config)
{
    uint64_t on = SSL_OP_NO_RENEGOTIATION /* CVE-2021-3449 */
                  | SSL_OP_NO_COMPRESSION;
    bool takes_tickets = config->role == HF_ROLE_CLIENT && config->sessions != NULL;
    if (config->tickets == NULL && !takes_tickets) {
        on |= SSL_OP_NO_TICKET; /* sessions stay in the process */
    }
    /* The fake ChangeCipherSpec of TLS 1.3 costs a record on both sides. */
    uint64_t off = SSL_OP_ENABLE_MIDDLEBOX_COMPAT | SSL_OP_LEGACY_SERVER_CONNECT |
                   SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF |
                   SSL_OP_ALLOW_NO_DHE_KEX | SSL_OP_NO_EXTENDED_MASTER_SECRET;
#ifdef SSL_OP_ALLOW_CLIENT_RENEGOTIATION
    off |= SSL_OP_ALLOW_CLIENT_RENEGOTIATION;
#endif
#ifdef SSL_OP_ENABLE_KTLS
    off |= SSL_OP_ENABLE_KTLS;
#endif
#ifdef SSL_OP_NO_RX_CERTIFICATE_COMPRESSION
    /* CVE-2025-66199: 22 MiB a connection. */
    on |= SSL_OP_NO_RX_CERTIFICATE_COMPRESSION | SSL_OP_NO_TX_CERTIFICATE_COMPRESSION;
#endif
    (void)SSL_CTX_set_options(ctx, on);
    (void)SSL_CTX_clear_options(ctx, off);
    /* NO_AUTO_CHAIN: exactly our chain is sent, nothing looked up. RELEASE_BUFFERS: 34 KB less for
     * each idle connection; shed.h says what else it does not keep. */
    (void)SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN | SSL_MODE_RELEASE_BUFFERS);
}

/* OpenSSL keeps no session by itself, and would not verify the peer of one again (threats, section
 * 0): session.h does both. Early data is off, with sessions and without. */
static hf_result set_sessions(SSL_CTX *ctx, const struct hf_config *config)
{
    bool server = config->role == HF_ROLE_SERVER;
    long mode = SSL_SESS_CACHE_OFF;
    HF_TRY(hf_session_init());
    if (config->session_max_age != 0) {
        (void)SSL_CTX_set_timeout(ctx, (long)config->session_max_age);
    }
    if (config->session_max_age != 0 && server) {
        SSL_CTX_set_client_hello_cb(ctx, hf_session_hello_callback, NULL);
    }
    if (config->sessions != NULL) {
        mode = SSL_SESS_CACHE_NO_INTERNAL | SSL_SESS_CACHE_NO_AUTO_CLEAR;
        mode |= server ? SSL_SESS_CACHE_SERVER : SSL_SESS_CACHE_CLIENT;
        SSL_CTX_sess_set_new_cb(ctx, hf_session_new_callback);
    }
    if (config->sessions != NULL && server) {
        SSL_CTX_sess_set_get_cb(ctx, hf_session_get_callback);
    }
    /* Never both: where tickets are opened, nothing is looked up. */
    if (config->tickets != NULL) {
        HF_TRY_OSSL(SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, hf_ticket_key_callback) == 1 &&
                        SSL_CTX_set_session_ticket_cb(ctx, hf_ticket_make_callback,
                                                      hf_ticket_open_callback, NULL) == 1,
                    HF_E_OPENSSL);
    }
    (void)SSL_CTX_set_session_cache_mode(ctx, mode);
    /* Not after the handshake: see hf_session_before_write(). */
    HF_TRY_OSSL(SSL_CTX_set_num_tickets(ctx, 0) == 1, HF_E_OPENSSL);
    HF_TRY_OSSL(SSL_CTX_set_max_early_data(ctx, 0) == 1, HF_E_OPENSSL);
    HF_TRY_OSSL(SSL_CTX_set_recv_max_early_data(ctx, 0) == 1, HF_E_OPENSSL);
    HF_TRY_OSSL(SSL_CTX_set_session_id_context(ctx, config->session_context, HF_DIGEST_SIZE) == 1,
                HF_E_OPENSSL);
    return hf_ok();
}

static hf_result set_algorithms(SSL_CTX *ctx, const struct hf_config_spec *spec)
{
    const char *groups = spec->groups == NULL ? DEFAULT_GROUPS : spec->groups;
    const char *suites = spec->ciphersuites == NULL ? DEFAULT_CIPHERSUITES : spec->ciphersuites;
    SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
    HF_TRY_OSSL(SSL_CTX_set_cipher_list(ctx, CIPHERS_12) == 1, HF_E_OPENSSL);
    HF_TRY_OSSL(SSL_CTX_set1_sigalgs_list(ctx, SIGNATURE_ALGORITHMS) == 1, HF_E_OPENSSL);
    HF_NEED_SEEN(groups[0] != '\0' && SSL_CTX_set1_groups_list(ctx, groups) == 1,
                 HF_E_CONFIG_INVALID, "groups that this OpenSSL knows, as \"X25519:P-256\"",
                 "%.200s", groups);
    HF_NEED_SEEN(suites[0] != '\0' && SSL_CTX_set_ciphersuites(ctx, suites) == 1,
                 HF_E_CONFIG_INVALID, "cipher suites of TLS 1.3, as \"TLS_AES_128_GCM_SHA256\"",
                 "%.200s", suites);
    return hf_ok();
}

static hf_result set_identity(SSL_CTX *ctx, const struct hf_svid *svid)
{
    if (svid == NULL) {
        return hf_ok();
    }
    if (SSL_CTX_use_cert_and_key(ctx, svid->leaf, svid->key, svid->intermediates, 1) != 1) {
        /* What is left to go wrong with a checked SVID: a signature below the security level. */
        HF_FAIL_OSSL(HF_E_CONFIG_INVALID);
    }
    return hf_ok();
}

/* Both sides verify; the verdict is ours alone, and the context's own store stays empty. A one-way
 * server asks for no certificate, and the callback refuses one that came all the same. */
static hf_result set_verification(SSL_CTX *ctx, bool anonymous)
{
    int mode = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_CTX_set_verify(ctx, anonymous ? SSL_VERIFY_NONE : mode, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, hf_verify_callback, NULL);
    SSL_CTX_set_post_handshake_auth(ctx, 0);
    (void)SSL_CTX_set_max_cert_list(ctx, CERTIFICATE_MESSAGE_MAX);
#if OPENSSL_VERSION_NUMBER >= 0x30200000L
    /* Raw public keys, by which CVE-2024-12797 went around verification. */
    HF_TRY_OSSL(SSL_CTX_set1_client_cert_type(ctx, NULL, 0) == 1, HF_E_OPENSSL);
    HF_TRY_OSSL(SSL_CTX_set1_server_cert_type(ctx, NULL, 0) == 1, HF_E_OPENSSL);
#endif
    return hf_ok();
}

hf_result hf_context_new(const struct hf_config *config, const struct hf_config_spec *spec,
                         SSL_CTX **out)
{
    int min_version = spec->min_version == 0 ? HF_TLS13 : spec->min_version;
    *out = NULL;
    HF_TRY(hf_library_init());
    hf_ossl_clear();
    HF_DEFER(free_at) SSL_CTX *ctx = SSL_CTX_new_ex(hf_ossl_ctx(), NULL, TLS_method());
    if (ctx == NULL) {
        HF_FAIL_OSSL(HF_E_OPENSSL);
    }
    HF_TRY_OSSL(SSL_CTX_set_min_proto_version(ctx, min_version) == 1, HF_E_OPENSSL);
    HF_TRY_OSSL(SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1, HF_E_OPENSSL);
    /* Whole records are in memory already: reading ahead would only copy them once more. */
    SSL_CTX_set_read_ahead(ctx, 0);
    set_options(ctx, config);
    HF_TRY(set_sessions(ctx, config));
    HF_TRY(set_algorithms(ctx, spec));
    HF_TRY(set_identity(ctx, spec->svid));
    HF_TRY(set_verification(ctx, config->anonymous));
    if (spec->key_log) {
        SSL_CTX_set_keylog_callback(ctx, hf_keylog_callback);
    }
    if (spec->alpn_len != 0 && spec->role == HF_ROLE_CLIENT) {
        /* Returns 0 for success, unlike everything around it. */
        HF_NEED(SSL_CTX_set_alpn_protos(ctx, spec->alpn, (unsigned)spec->alpn_len) == 0,
                HF_E_OPENSSL);
    }
    *out = ctx;
    ctx = NULL;
    return hf_ok();
}
