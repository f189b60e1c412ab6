/* SPDX-License-Identifier: Apache-2.0 */
#include "tls_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void broken(const char *what)
{
    const struct hf_error *e = hf_error_current();
    (void)fprintf(stderr, "tls_kit: %s (code %#x at %s:%u, expected '%s', seen '%s')\n", what,
                  e->code, e->file == NULL ? "-" : e->file, e->line, e->expected, e->seen);
    exit(2);
}

static void need(bool holds, const char *what)
{
    if (!holds) {
        broken(what);
    }
}

static void need_ok(hf_result r, const char *what)
{
    need(hf_is_ok(r), what);
}

void tls_who_leaf(struct tls_who *who, const struct pki_spec *spec, EVP_PKEY *key)
{
    pki_make(spec, KIT_KEY(0), &who->chain[0]);
    who->chain_count = 1;
    who->key = key;
}

void tls_who_key(struct tls_who *out, int role, enum pki_kind kind)
{
    static const struct tls_who empty;
    struct pki_spec spec;
    EVP_PKEY *key = pki_key(kind, role == HF_ROLE_CLIENT ? 6 : 7);
    hf_clock_set(PKI_NOW);
    *out = empty;
    out->role = role;
    kit_root(&out->authority, "root", KIT_KEY(0));
    pki_leaf(&spec, "root", role == HF_ROLE_CLIENT ? TLS_CLIENT_ID : TLS_SERVER_ID, key);
    tls_who_leaf(out, &spec, key);
}

void tls_who(struct tls_who *out, int role)
{
    tls_who_key(out, role, PKI_P256);
}

hf_result tls_config_try(const struct tls_who *who, struct hf_config **out)
{
    static const struct hf_policy_node anybody = {.op = HF_POLICY_ANY};
    static uint8_t chain[sizeof(who->chain)];
    static uint8_t key[8192];
    const struct pki_cert *certs[4];
    struct hf_svid *svid;
    struct hf_policy *policy;
    struct hf_verifier *verifier;
    for (size_t i = 0; i < who->chain_count; i++) {
        certs[i] = &who->chain[i];
    }
    size_t chain_len = pki_concat(certs, who->chain_count, chain, sizeof(chain));
    size_t key_len = pki_key_der(who->key, PKI_PKCS8, key, sizeof(key));
    struct kit_certs authorities = KIT_CERTS(&who->authority, who->also);
    authorities.count = who->also == NULL ? 1 : 2;
    struct hf_bundle_set *set = kit_set1(TLS_DOMAIN, authorities);
    need_ok(hf_svid_new(chain, chain_len, key, key_len, &svid), "svid");
    need_ok(hf_policy_new(who->policy == NULL ? &anybody : who->policy,
                          who->policy == NULL ? 1 : who->policy_count, &policy),
            "policy");
    need_ok(hf_verifier_new_crls(set, policy, HF_RULES_STRICT, who->cache, who->book,
                                 who->crl_policy, &verifier),
            "verifier");
    const struct hf_config_spec spec = {
        .role = who->role,
        .min_version = who->min_version,
        .svid = svid,
        .verifier = verifier,
        .groups = who->groups,
        .ciphersuites = who->ciphersuites,
        .alpn = (const uint8_t *)who->alpn,
        .alpn_len = who->alpn == NULL ? 0 : strlen(who->alpn),
        .key_log = who->key_log,
        .sessions = who->sessions,
        .tickets = who->tickets,
    };
    hf_result r = hf_config_new(&spec, out);
    hf_bundle_set_unref(set);
    hf_svid_unref(svid);
    hf_policy_unref(policy);
    hf_verifier_unref(verifier);
    return r;
}

struct hf_config *tls_config(const struct tls_who *who)
{
    struct hf_config *config;
    need_ok(tls_config_try(who, &config), "config");
    return config;
}

void tls_good_configs(enum pki_kind kind, struct hf_config **client, struct hf_config **server)
{
    static struct tls_who who;
    tls_who_key(&who, HF_ROLE_CLIENT, kind);
    *client = tls_config(&who);
    tls_who_key(&who, HF_ROLE_SERVER, kind);
    *server = tls_config(&who);
}

static void start_end(struct tls_end *out)
{
    static const struct tls_end empty;
    *out = empty;
    out->plain_alert = -1;
}

void tls_end_conn(struct tls_end *out, struct hf_config *config)
{
    start_end(out);
    need_ok(hf_conn_new(config, HF_NAME_NONE, NULL, 0, &out->conn), "connection");
}

static void note_alert(int write_p, int version, int content_type, const void *data, size_t len,
                       SSL *ssl, void *arg)
{
    struct tls_end *end = arg;
    const uint8_t *bytes = data;
    (void)version;
    (void)ssl;
    if (!write_p && content_type == SSL3_RT_ALERT && len == 2 && bytes[0] == SSL3_AL_FATAL) {
        end->plain_alert = bytes[1];
    }
}

void tls_end_plain(struct tls_end *out, SSL_CTX *ctx, bool server)
{
    BIO *in = BIO_new(BIO_s_mem());
    BIO *to_peer = BIO_new(BIO_s_mem());
    start_end(out);
    out->ssl = SSL_new(ctx);
    need(out->ssl != NULL && in != NULL && to_peer != NULL, "plain peer");
    (void)BIO_set_mem_eof_return(in, -1);
    SSL_set_bio(out->ssl, in, to_peer);
    SSL_set_msg_callback(out->ssl, note_alert);
    SSL_set_msg_callback_arg(out->ssl, out);
    if (server) {
        SSL_set_accept_state(out->ssl);
    } else {
        SSL_set_connect_state(out->ssl);
    }
}

void tls_forget_chains(const struct hf_conn *conn)
{
    if (conn != NULL) {
        hf_chain_share_clear(&conn->config->chains);
    }
}

void tls_end_free(struct tls_end *end)
{
    hf_conn_free(end->conn);
    SSL_free(end->ssl);
    end->conn = NULL;
    end->ssl = NULL;
}

static void keep_result(struct tls_end *end, hf_result r)
{
    end->result = r;
    if (!hf_is_ok(r)) {
        hf_error_copy(&end->error);
    }
}

static void step_conn(struct tls_end *end)
{
    uint32_t want;
    int done = 0;
    if (!end->done) {
        keep_result(end, hf_conn_handshake(end->conn, &done, &want));
        end->done = done != 0;
        return;
    }
    uint8_t byte;
    size_t len;
    keep_result(end, hf_conn_read(end->conn, &byte, 1, &len, &want));
}

static void step_plain(struct tls_end *end)
{
    char byte;
    hf_ossl_clear();
    if (!end->done) {
        end->done = SSL_do_handshake(end->ssl) == 1;
    }
    if (end->done) {
        (void)SSL_read(end->ssl, &byte, 1);
    }
    hf_ossl_clear();
}

void tls_step(struct tls_end *end)
{
    if (end->conn != NULL) {
        if (hf_is_ok(end->result)) {
            step_conn(end);
        }
        return;
    }
    step_plain(end);
}

static void give(struct tls_end *to, const uint8_t *data, size_t len)
{
    if (to->conn != NULL) {
        hf_result r = hf_conn_receive(to->conn, data, len);
        if (hf_is_ok(to->result) && !hf_is_ok(r)) {
            keep_result(to, r);
        }
        return;
    }
    need(BIO_write(SSL_get_rbio(to->ssl), data, (int)len) == (int)len, "memory BIO");
}

/* Up to `cap` bytes of what the end has to send. */
static size_t take(struct tls_end *from, uint8_t *out, size_t cap)
{
    if (from->conn == NULL) {
        int n = BIO_read(SSL_get_wbio(from->ssl), out, (int)cap);
        return n > 0 ? (size_t)n : 0;
    }
    const uint8_t *data;
    size_t len;
    need_ok(hf_conn_outgoing(from->conn, &data, &len), "outgoing");
    len = len < cap ? len : cap;
    need(hf_mem_copy(out, cap, data, len), "copy");
    need_ok(hf_conn_consumed(from->conn, len), "consumed");
    return len;
}

size_t tls_carry(struct tls_end *from, struct tls_end *to, size_t chunk)
{
    uint8_t piece[16384];
    size_t total = 0;
    chunk = chunk < sizeof(piece) ? chunk : sizeof(piece);
    for (size_t n; (n = take(from, piece, chunk)) != 0;) {
        give(to, piece, n);
        tls_step(to);
        total += n;
    }
    return total;
}

void tls_drive(struct tls_end *client, struct tls_end *server, size_t chunk)
{
    size_t moved;
    tls_step(client);
    do {
        moved = tls_carry(client, server, chunk);
        moved += tls_carry(server, client, chunk);
    } while (moved != 0);
}

void tls_pair_run(struct tls_pair *out, const struct tls_who *client, const struct tls_who *server)
{
    struct hf_config *client_config = tls_config(client);
    struct hf_config *server_config = tls_config(server);
    tls_end_conn(&out->client, client_config);
    tls_end_conn(&out->server, server_config);
    hf_config_unref(client_config);
    hf_config_unref(server_config);
    tls_drive(&out->client, &out->server, SIZE_MAX);
}

void tls_pair_free(struct tls_pair *pair)
{
    tls_end_free(&pair->client);
    tls_end_free(&pair->server);
}

static int believe(X509_STORE_CTX *store, void *unused)
{
    (void)unused;
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
}

SSL_CTX *tls_plain_ctx(const struct tls_who *who)
{
    return tls_plain_ctx_by(who, NULL);
}

SSL_CTX *tls_plain_ctx_by(const struct tls_who *who, const char *properties)
{
    SSL_CTX *ctx = SSL_CTX_new_ex(hf_ossl_ctx(), properties, TLS_method());
    need(ctx != NULL, "plain context");
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, believe, NULL);
    SSL_CTX_set_security_level(ctx, 0);
    need(who->ciphersuites == NULL || SSL_CTX_set_ciphersuites(ctx, who->ciphersuites) == 1,
         "plain cipher suites");
    for (size_t i = 0; i < who->chain_count; i++) {
        X509 *x509;
        need_ok(hf_ossl_x509(pki_span(&who->chain[i]), &x509), "plain certificate");
        if (i == 0) {
            need(SSL_CTX_use_certificate(ctx, x509) == 1, "plain leaf");
            X509_free(x509);
        } else {
            need(SSL_CTX_add0_chain_cert(ctx, x509) == 1, "plain chain");
        }
    }
    need(who->chain_count == 0 || SSL_CTX_use_PrivateKey(ctx, who->key) == 1, "plain key");
    return ctx;
}

static bool say(struct tls_end *from, struct tls_end *to)
{
    static const uint8_t word[] = "handfast";
    uint8_t heard[sizeof(word)] = {0};
    size_t len = 0;
    uint8_t wire[32768]; /* a ticket may come first */
    if (from->conn != NULL) {
        if (!hf_is_ok(hf_conn_write(from->conn, word, sizeof(word)))) {
            return false;
        }
    } else if (SSL_write_ex(from->ssl, word, sizeof(word), &len) != 1) {
        return false;
    }
    size_t n = take(from, wire, sizeof(wire));
    give(to, wire, n);
    if (to->conn != NULL) {
        uint32_t want;
        hf_result r = hf_conn_read(to->conn, heard, sizeof(heard), &len, &want);
        return hf_is_ok(r) && hf_mem_equal(heard, len, word, sizeof(word));
    }
    return SSL_read_ex(to->ssl, heard, sizeof(heard), &len) == 1 &&
           hf_mem_equal(heard, len, word, sizeof(word));
}

bool tls_talk(struct tls_end *one, struct tls_end *other)
{
    return one->done && other->done && say(one, other) && say(other, one);
}
