/* SPDX-License-Identifier: Apache-2.0
 *
 * The verdict on the peer, made inside the handshake. OpenSSL's objects are used, but only after
 * each was found to be, byte for byte, the certificate that was on the wire.
 */
#include "tls/verify_callback.h"

#include "tls/alert.h"
#include "tls/connection.h"

void hf_message_callback(int write_p, int version, int content_type, const void *data, size_t len,
                         SSL *ssl, void *arg)
{
    struct hf_conn *conn = arg;
    const uint8_t *bytes = data;
    (void)version;
    if (write_p) {
        if (content_type == SSL3_RT_ALERT && len == 2 && bytes[0] == SSL3_AL_FATAL) {
            conn->alert_sent = bytes[1];
        }
        return;
    }
    if (content_type != SSL3_RT_HANDSHAKE || len == 0 || bytes[0] != SSL3_MT_CERTIFICATE) {
        return;
    }
    hf_result r;
    if (conn->presented != NULL) {
        r = hf_error_set_seen(HF_E_PROTOCOL, __FILE__, __LINE__, "one Certificate message", "two");
    } else {
        r = hf_presented_read(hf_span_of(data, len), SSL_version(ssl), &conn->presented);
    }
    conn->presented_code = r.code;
    if (!hf_is_ok(r) && conn->refusal == NULL) {
        conn->refusal = hf_mem_new(sizeof(*conn->refusal));
        if (conn->refusal != NULL) {
            *conn->refusal = *hf_error_current();
        }
    }
}

void hf_count_callback(int write_p, int version, int content_type, const void *data, size_t len,
                       SSL *ssl, void *arg)
{
    struct hf_conn *conn = arg;
    (void)version;
    (void)data;
    (void)len;
    (void)ssl;
    if (write_p || content_type != SSL3_RT_HANDSHAKE) {
        return;
    }
    if (conn->messages_left == 0) {
        conn->transport.stopped = true;
        return;
    }
    conn->messages_left--;
}

static void free_der_at(unsigned char **der)
{
    OPENSSL_free(*der);
}

/* OpenSSL reads BER here and there; what it would write must be what came. */
hf_result hf_same_bytes(X509 *x509, struct hf_span der, size_t depth)
{
    HF_DEFER(free_der_at) unsigned char *encoded = NULL;
    HF_NEED(x509 != NULL, HF_E_INTERNAL);
    int len = i2d_X509(x509, &encoded);
    if (len < 0 || !hf_span_equal(hf_span_of(encoded, (size_t)len), der)) {
        hf_result r = hf_error_set_seen(HF_E_DER_VALUE, __FILE__, __LINE__, "a certificate in DER",
                                        "another encoding");
        hf_error_current()->depth = (int32_t)depth;
        return r;
    }
    return hf_ok();
}

static hf_result collect(const struct hf_conn *conn, X509_STORE_CTX *store, X509 **x509s)
{
    STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(store);
    const struct hf_presented_chain *chain = conn->presented;
    if (conn->presented_code != HF_OK) {
        return conn->refusal == NULL ? hf_error_set(conn->presented_code, __FILE__, __LINE__)
                                     : hf_error_restore(conn->refusal);
    }
    HF_NEED(chain != NULL && sk_X509_num(sent) == (int)chain->count &&
                sk_X509_value(sent, 0) == X509_STORE_CTX_get0_cert(store),
            HF_E_INTERNAL);
    size_t at = 0;
    for (size_t i = 0; i < chain->count; i++) {
        x509s[i] = sk_X509_value(sent, (int)i);
        HF_TRY(hf_same_bytes(x509s[i], hf_span_of(chain->der + at, chain->lengths[i]), i));
        at += chain->lengths[i];
    }
    return hf_ok();
}

hf_result hf_verdict_bind(struct hf_conn *conn, const struct hf_peer *peer, const X509 *leaf)
{
    size_t len = offsetof(struct hf_peer, id) + peer->id_len + 1;
    struct hf_verdict *verdict = hf_mem_new(sizeof(*verdict) + len);
    HF_NEED_MEM(verdict);
    verdict->ssl = conn->ssl;
    verdict->leaf = leaf;
    verdict->peer_len = len;
    (void)hf_mem_copy(verdict->peer, len, peer, len);
    conn->verdict = verdict;
    return hf_ok();
}

static hf_result judge(struct hf_conn *conn, X509_STORE_CTX *store)
{
    X509 *x509s[HF_CHAIN_MAX] = {NULL};
    struct hf_peer peer;
    bool is_server = conn->config->role == HF_ROLE_SERVER;
    /* One handshake, one verdict: OpenSSL never asks twice while renegotiation is off. */
    HF_NEED(conn->state == HF_CONN_HANDSHAKE && conn->verdict == NULL, HF_E_INTERNAL);
    HF_NEED_SEEN(!conn->config->anonymous, HF_E_PROTOCOL, "no certificate: none was asked for",
                 "one");
    HF_TRY(collect(conn, store, x509s));
    struct hf_chain chain = hf_presented_view(conn->presented);
    struct hf_presented presented = {
        .chain = &chain,
        .x509s = x509s,
        .at = hf_clock_now(),
        .purpose = is_server ? HF_PURPOSE_CLIENT : HF_PURPOSE_SERVER,
    };
    struct hf_name name = {conn->name_kind, hf_span_of(conn->name, conn->name_len)};
    HF_TRY(hf_verifier_judge(conn->config->verifier, &presented, conn->config->web ? &name : NULL,
                             &peer));
    return hf_verdict_bind(conn, &peer, x509s[0]);
}

/* Keep the reason, and have the peer told. */
static void refuse(struct hf_conn *conn, X509_STORE_CTX *store, hf_result refusal)
{
    const struct hf_error_row *row = hf_error_row_of(refusal.code);
    int alert = row == NULL || row->alert < 0 ? HF_ALERT_CERTIFICATE_UNKNOWN : row->alert;
    if (conn->refusal == NULL) {
        conn->refusal = hf_mem_new(sizeof(*conn->refusal));
    }
    if (conn->refusal != NULL) {
        *conn->refusal = *hf_error_current();
    }
    conn->presented_code = refusal.code;
    X509_STORE_CTX_set_error(store, hf_alert_x509_error(alert));
    if (!hf_alert_has_x509_error(alert)) {
        (void)hf_alert_send(conn->ssl, alert);
    }
}

int hf_verify_callback(X509_STORE_CTX *store, void *unused)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct hf_conn *conn = ssl == NULL ? NULL : SSL_get_app_data(ssl);
    (void)unused;
    if (conn == NULL || conn->ssl != ssl) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_UNSPECIFIED);
        return 0;
    }
    hf_result r = judge(conn, store);
    hf_ossl_clear();
    if (!hf_is_ok(r)) {
        refuse(conn, store, r);
        return 0;
    }
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
}
