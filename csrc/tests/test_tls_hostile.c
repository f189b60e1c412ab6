/* SPDX-License-Identifier: Apache-2.0
 *
 * Peers on plain OpenSSL that do what ours never would (threat R12): renegotiation, resumption,
 * post-handshake authentication, raw public keys, old versions, no extended master secret, keys
 * that are not theirs.
 */
#include <openssl/err.h>
#include <string.h>

#include "hf_test.h"
#include "tls_kit.h"

static struct tls_who ours;
static struct tls_who theirs;
static struct hf_config *config;
static SSL_CTX *plain;

static void start(int our_role)
{
    tls_who(&ours, our_role);
    tls_who(&theirs, HF_ROLE_CLIENT + HF_ROLE_SERVER - our_role);
    ours.min_version = HF_TLS12;
    config = tls_config(&ours);
    plain = tls_plain_ctx(&theirs);
}

static void finish(void)
{
    hf_config_unref(config);
    SSL_CTX_free(plain);
}

static void shake(struct tls_end *conn, struct tls_end *peer)
{
    bool we_serve = config->role == HF_ROLE_SERVER;
    tls_end_conn(conn, config);
    tls_end_plain(peer, plain, !we_serve);
    tls_drive(we_serve ? peer : conn, we_serve ? conn : peer, SIZE_MAX);
}

static void drop(struct tls_end *conn, struct tls_end *peer)
{
    tls_end_free(conn);
    tls_end_free(peer);
}

/* The negative control of this file: a plain peer that behaves is let in, in both versions. */
static void a_plain_peer_is_welcome(void)
{
    for (int role = HF_ROLE_CLIENT; role <= HF_ROLE_SERVER; role++) {
        for (int tls12 = 0; tls12 < 2; tls12++) {
            struct tls_end conn;
            struct tls_end peer;
            struct hf_peer who;
            start(role);
            HF_CHECK(
                SSL_CTX_set_max_proto_version(plain, tls12 ? TLS1_2_VERSION : TLS1_3_VERSION) == 1);
            shake(&conn, &peer);
            HF_CHECK_OK(conn.result);
            HF_CHECK(tls_talk(&conn, &peer));
            HF_CHECK_OK(hf_conn_peer(conn.conn, &who));
            HF_CHECK(strcmp(who.id, role == HF_ROLE_CLIENT ? TLS_SERVER_ID : TLS_CLIENT_ID) == 0);
            drop(&conn, &peer);
            finish();
        }
    }
}

/* CVE-2021-3449's door, from both sides. */
static void renegotiation_is_refused(void)
{
    for (int role = HF_ROLE_CLIENT; role <= HF_ROLE_SERVER; role++) {
        struct tls_end conn;
        struct tls_end peer;
        start(role);
        HF_CHECK(SSL_CTX_set_max_proto_version(plain, TLS1_2_VERSION) == 1);
        (void)SSL_CTX_set_options(plain, SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
        shake(&conn, &peer);
        HF_CHECK(tls_talk(&conn, &peer));
        const struct hf_verdict *verdict = conn.conn->verdict;
        HF_CHECK(SSL_renegotiate(peer.ssl) == 1);
        (void)SSL_do_handshake(peer.ssl);
        (void)tls_carry(&peer, &conn, SIZE_MAX);
        (void)tls_carry(&conn, &peer, SIZE_MAX);
        (void)tls_carry(&peer, &conn, SIZE_MAX);
        HF_CHECK(SSL_num_renegotiations(conn.conn->ssl) == 0);
        HF_CHECK(SSL_in_init(conn.conn->ssl) == 0 || conn.conn->state == HF_CONN_FAILED);
        HF_CHECK(conn.conn->verdict == verdict);
        hf_ossl_clear();
        drop(&conn, &peer);
        finish();
    }
}

static void check_never_resumed(int role, int version)
{
    struct tls_end conn;
    struct tls_end peer;
    SSL_SESSION *session;
    start(role);
    HF_CHECK(SSL_CTX_set_max_proto_version(plain, version) == 1);
    HF_CHECK(SSL_CTX_set_num_tickets(plain, 2) == 1);
    (void)SSL_CTX_set_session_cache_mode(plain, SSL_SESS_CACHE_BOTH);
    HF_CHECK(SSL_CTX_set_session_id_context(plain, (const uint8_t *)"x", 1) == 1);
    shake(&conn, &peer);
    HF_CHECK(tls_talk(&conn, &peer));
    session = SSL_get1_session(role == HF_ROLE_SERVER ? peer.ssl : conn.conn->ssl);
    if (role == HF_ROLE_SERVER) {
        /* We gave it nothing to come back with. */
        HF_CHECK(version == TLS1_2_VERSION || SSL_SESSION_is_resumable(session) == 0);
        HF_CHECK(SSL_SESSION_has_ticket(session) == 0);
    }
    SSL_set_shutdown(peer.ssl, SSL_SENT_SHUTDOWN);
    drop(&conn, &peer);

    tls_end_conn(&conn, config);
    tls_end_plain(&peer, plain, role == HF_ROLE_CLIENT);
    if (role == HF_ROLE_SERVER) {
        HF_CHECK(SSL_set_session(peer.ssl, session) == 1);
    }
    tls_drive(role == HF_ROLE_SERVER ? &peer : &conn, role == HF_ROLE_SERVER ? &conn : &peer,
              SIZE_MAX);
    HF_CHECK_OK(conn.result);
    HF_CHECK(SSL_session_reused(peer.ssl) == 0);
    HF_CHECK(SSL_session_reused(conn.conn->ssl) == 0);
    HF_CHECK(conn.conn->verdict != NULL && tls_talk(&conn, &peer));
    SSL_SESSION_free(session);
    drop(&conn, &peer);
    finish();
}

/* Resumption is off: a client that tries gets a full handshake, and ours never tries. */
static void nothing_is_resumed(void)
{
    for (int role = HF_ROLE_CLIENT; role <= HF_ROLE_SERVER; role++) {
        check_never_resumed(role, TLS1_2_VERSION);
        check_never_resumed(role, TLS1_3_VERSION);
    }
}

static void post_handshake_authentication_never_happens(void)
{
    struct tls_end conn;
    struct tls_end peer;
    /* A client that offers it is served as any other. */
    start(HF_ROLE_SERVER);
    SSL_CTX_set_post_handshake_auth(plain, 1);
    shake(&conn, &peer);
    HF_CHECK(tls_talk(&conn, &peer));
    drop(&conn, &peer);
    finish();
    /* A server cannot ask ours: it was not offered. */
    start(HF_ROLE_CLIENT);
    shake(&conn, &peer);
    HF_CHECK(tls_talk(&conn, &peer));
    HF_CHECK(SSL_verify_client_post_handshake(peer.ssl) == 0);
    HF_CHECK(ERR_GET_REASON(ERR_peek_error()) == SSL_R_EXTENSION_NOT_RECEIVED);
    hf_ossl_clear();
    drop(&conn, &peer);
    finish();
}

#if OPENSSL_VERSION_NUMBER >= 0x30200000L
/* CVE-2024-12797. With a certificate beside it the raw key is ignored; alone it is no identity. */
static void raw_public_keys_are_not_taken(void)
{
    static const unsigned char raw_first[] = {TLSEXT_cert_type_rpk, TLSEXT_cert_type_x509};
    for (int role = HF_ROLE_CLIENT; role <= HF_ROLE_SERVER; role++) {
        struct tls_end conn;
        struct tls_end peer;
        start(role);
        HF_CHECK(SSL_CTX_set1_client_cert_type(plain, raw_first, sizeof(raw_first)) == 1);
        HF_CHECK(SSL_CTX_set1_server_cert_type(plain, raw_first, sizeof(raw_first)) == 1);
        shake(&conn, &peer);
        HF_CHECK_OK(conn.result);
        HF_CHECK(tls_talk(&conn, &peer));
        HF_CHECK(SSL_get0_peer_rpk(conn.conn->ssl) == NULL);
        HF_CHECK(conn.conn->presented != NULL);
        drop(&conn, &peer);

        HF_CHECK(SSL_CTX_set1_client_cert_type(plain, raw_first, 1) == 1);
        HF_CHECK(SSL_CTX_set1_server_cert_type(plain, raw_first, 1) == 1);
        shake(&conn, &peer);
        HF_CHECK(!conn.done || conn.conn->verdict != NULL);
        HF_CHECK(conn.conn->ssl == NULL || SSL_get0_peer_rpk(conn.conn->ssl) == NULL);
        HF_CHECK(!tls_talk(&conn, &peer) || conn.conn->presented != NULL);
        drop(&conn, &peer);
        finish();
    }
}
#define RAW_PUBLIC_KEYS {"raw public keys are not taken", raw_public_keys_are_not_taken},
#else
#define RAW_PUBLIC_KEYS
#endif

static void an_old_version_is_refused(void)
{
    struct tls_end conn;
    struct tls_end peer;
    start(HF_ROLE_SERVER);
    hf_config_unref(config);
    ours.min_version = HF_TLS13;
    config = tls_config(&ours);
    HF_CHECK(SSL_CTX_set_max_proto_version(plain, TLS1_2_VERSION) == 1);
    shake(&conn, &peer);
    HF_CHECK_CODE(conn.result, HF_E_VERSION_MISMATCH);
    HF_CHECK(conn.error.alert == HF_ALERT_PROTOCOL_VERSION);
    HF_CHECK(peer.plain_alert == HF_ALERT_PROTOCOL_VERSION);
    drop(&conn, &peer);
    finish();

    start(HF_ROLE_CLIENT);
    hf_config_unref(config);
    ours.min_version = HF_TLS13;
    config = tls_config(&ours);
    HF_CHECK(SSL_CTX_set_max_proto_version(plain, TLS1_2_VERSION) == 1);
    shake(&conn, &peer);
    HF_CHECK_CODE(conn.result, HF_E_PEER_ALERT);
    HF_CHECK(conn.error.alert == HF_ALERT_PROTOCOL_VERSION);
    drop(&conn, &peer);
    finish();
}

/* TLS 1.1 is a hello of 1.2 with another number: this OpenSSL cannot speak it any more. */
static void version_11_is_refused(void)
{
    uint8_t hello[1024];
    struct tls_end conn;
    struct tls_end peer;
    start(HF_ROLE_SERVER);
    HF_CHECK(SSL_CTX_set_max_proto_version(plain, TLS1_2_VERSION) == 1);
    tls_end_conn(&conn, config);
    tls_end_plain(&peer, plain, false);
    (void)SSL_do_handshake(peer.ssl);
    int len = BIO_read(SSL_get_wbio(peer.ssl), hello, (int)sizeof(hello));
    HF_CHECK(len > 11 && hello[9] == 3 && hello[10] == 3);
    hello[10] = 2;
    HF_CHECK_OK(hf_conn_receive(conn.conn, hello, (size_t)len));
    tls_step(&conn);
    HF_CHECK_CODE(conn.result, HF_E_VERSION_MISMATCH);
    HF_CHECK(conn.error.alert == HF_ALERT_PROTOCOL_VERSION);
    hf_ossl_clear();
    drop(&conn, &peer);
    finish();
}

static void without_extended_master_secret(void)
{
    for (int role = HF_ROLE_CLIENT; role <= HF_ROLE_SERVER; role++) {
        struct tls_end conn;
        struct tls_end peer;
        start(role);
        HF_CHECK(SSL_CTX_set_max_proto_version(plain, TLS1_2_VERSION) == 1);
        (void)SSL_CTX_set_options(plain, SSL_OP_NO_EXTENDED_MASTER_SECRET);
        shake(&conn, &peer);
        HF_CHECK_CODE(conn.result, HF_E_INCOMPATIBLE);
        HF_CHECK(!conn.done);
#ifdef HF_OPENSSL_PINNED
        HF_CHECK(peer.plain_alert == HF_ALERT_HANDSHAKE_FAILURE);
#endif
        drop(&conn, &peer);
        finish();
    }
}

static void nothing_in_common(void)
{
    struct tls_end conn;
    struct tls_end peer;
    start(HF_ROLE_SERVER);
    HF_CHECK(SSL_CTX_set1_groups_list(plain, "X448") == 1);
    shake(&conn, &peer);
    HF_CHECK_CODE(conn.result, HF_E_INCOMPATIBLE);
    HF_CHECK(peer.plain_alert == HF_ALERT_HANDSHAKE_FAILURE);
    drop(&conn, &peer);
    finish();

    start(HF_ROLE_SERVER);
    HF_CHECK(SSL_CTX_set_max_proto_version(plain, TLS1_2_VERSION) == 1);
    HF_CHECK(SSL_CTX_set_cipher_list(plain, "ECDHE-ECDSA-AES128-SHA256") == 1);
    shake(&conn, &peer);
    HF_CHECK_CODE(conn.result, HF_E_INCOMPATIBLE);
    drop(&conn, &peer);
    finish();
}

/* Somebody else's certificate, and another key: the proof of possession fails. Checked on the wire,
 * since no API signs with a key that does not fit: a byte of the signature is turned. */
static int spoil;
static void spoil_proof(int write_p, int version, int content_type, const void *data, size_t len,
                        SSL *ssl, void *arg)
{
    (void)version;
    (void)ssl;
    (void)arg;
    const uint8_t *bytes = data;
    if (!write_p && content_type == SSL3_RT_HANDSHAKE && len > 4 &&
        bytes[0] == SSL3_MT_CERTIFICATE_VERIFY) {
        /* OpenSSL's own buffer, which it reads after this callback. */
        ((uint8_t *)(uintptr_t)bytes)[len - 1] ^= 1;
        spoil++;
    }
}

static void a_wrong_proof_of_possession(void)
{
    struct tls_end conn;
    struct tls_end peer;
    start(HF_ROLE_SERVER);
    (void)SSL_CTX_clear_options(plain, SSL_OP_ENABLE_MIDDLEBOX_COMPAT);
    tls_end_conn(&conn, config);
    tls_end_plain(&peer, plain, false);
    tls_step(&peer);
    (void)tls_carry(&peer, &conn, SIZE_MAX);
    (void)tls_carry(&conn, &peer, SIZE_MAX);
    /* The verdict was the business of our callback; the proof comes after it. Feed the chain
     * first, then take the place of our callback for the next message. */
    uint8_t wire[4096];
    int len = BIO_read(SSL_get_wbio(peer.ssl), wire, (int)sizeof(wire));
    size_t first = 5 + ((size_t)wire[3] << 8 | wire[4]);
    HF_CHECK(len > (int)first);
    HF_CHECK_OK(hf_conn_receive(conn.conn, wire, first));
    tls_step(&conn);
    HF_CHECK_OK(conn.result);
    HF_CHECK(conn.conn->verdict != NULL && !conn.done);
    SSL_set_msg_callback(conn.conn->ssl, spoil_proof);
    HF_CHECK_OK(hf_conn_receive(conn.conn, wire + first, (size_t)len - first));
    tls_step(&conn);
    HF_CHECK(spoil == 1);
    HF_CHECK_CODE(conn.result, HF_E_BAD_PROOF);
    (void)tls_carry(&conn, &peer, SIZE_MAX);
    HF_CHECK(peer.plain_alert == SSL_AD_DECRYPT_ERROR);
    drop(&conn, &peer);
    finish();
}

/* An alert where no alert may be is no end of a handshake either. */
static void close_in_the_middle_is_told(void)
{
    struct tls_end conn;
    struct tls_end peer;
    start(HF_ROLE_SERVER);
    tls_end_conn(&conn, config);
    tls_end_plain(&peer, plain, false);
    tls_step(&peer);
    (void)tls_carry(&peer, &conn, SIZE_MAX);
    HF_CHECK_OK(conn.result);
    HF_CHECK_OK(hf_conn_receive(conn.conn, (const uint8_t *)"\x15\x03\x03\x00\x02\x01\x00", 7));
    tls_step(&conn);
    HF_CHECK(!hf_is_ok(conn.result) && !conn.done);
    drop(&conn, &peer);
    finish();
}

HF_TESTS({"a plain peer is welcome", a_plain_peer_is_welcome},
         {"renegotiation is refused", renegotiation_is_refused},
         {"nothing is resumed", nothing_is_resumed},
         {"post-handshake authentication never happens",
          post_handshake_authentication_never_happens},
         RAW_PUBLIC_KEYS{"an old version is refused", an_old_version_is_refused},
         {"version 1.1 is refused", version_11_is_refused},
         {"without extended master secret", without_extended_master_secret},
         {"nothing in common", nothing_in_common},
         {"a wrong proof of possession", a_wrong_proof_of_possession},
         {"close in the middle is told", close_in_the_middle_is_told})
