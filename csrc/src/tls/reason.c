/* SPDX-License-Identifier: Apache-2.0
 *
 * From OpenSSL's reasons to ours. That something failed is known already, from a return value;
 * here is only said what.
 */
#include <openssl/err.h>
#include <string.h>

#include "tls/connection.h"

static const struct {
    int reason;
    uint32_t code;
} known[] = {
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, HF_E_NO_CERTIFICATE},
    {SSL_R_BAD_SIGNATURE, HF_E_BAD_PROOF},
    {SSL_R_HTTP_REQUEST, HF_E_NOT_TLS},
    {SSL_R_HTTPS_PROXY_REQUEST, HF_E_NOT_TLS},
    {SSL_R_UNSUPPORTED_PROTOCOL, HF_E_VERSION_MISMATCH},
    {SSL_R_WRONG_SSL_VERSION, HF_E_VERSION_MISMATCH},
    {SSL_R_VERSION_TOO_LOW, HF_E_VERSION_MISMATCH},
    {SSL_R_VERSION_TOO_HIGH, HF_E_VERSION_MISMATCH},
    {SSL_R_INAPPROPRIATE_FALLBACK, HF_E_VERSION_MISMATCH},
    {SSL_R_NO_SHARED_CIPHER, HF_E_INCOMPATIBLE},
    {SSL_R_NO_SUITABLE_KEY_SHARE, HF_E_INCOMPATIBLE},
    {SSL_R_NO_SUITABLE_GROUPS, HF_E_INCOMPATIBLE},
    {SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, HF_E_INCOMPATIBLE},
    {SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, HF_E_INCOMPATIBLE},
    {SSL_R_UNSUPPORTED_ELLIPTIC_CURVE, HF_E_INCOMPATIBLE},
    {SSL_R_WRONG_SIGNATURE_TYPE, HF_E_INCOMPATIBLE},
    {SSL_R_SIGNATURE_ALGORITHMS_ERROR, HF_E_INCOMPATIBLE},
    {SSL_R_INCONSISTENT_EXTMS, HF_E_INCOMPATIBLE},
    {SSL_R_UNSAFE_LEGACY_RENEGOTIATION_DISABLED, HF_E_INCOMPATIBLE},
    {SSL_R_NO_APPLICATION_PROTOCOL, HF_E_NO_APPLICATION_PROTOCOL},
    {SSL_R_UNEXPECTED_EOF_WHILE_READING, HF_E_TRUNCATED},
};

#define KNOWN (sizeof(known) / sizeof(known[0]))

#define ALERT_NUMBER_MAX 255

struct cause {
    unsigned long packed; /* 0: OpenSSL gave none */
    int reason;
    bool no_memory;
    bool short_record;
};

/* A record of TLS 1.2 without room for nonce and tag, such as a second ChangeCipherSpec, is an
 * internal error to OpenSSL (by two names: 3.2 moved it), and of the peer's making all the same. */
static bool is_short_record(unsigned long packed, const char *function)
{
    return ERR_GET_LIB(packed) == ERR_LIB_SSL && ERR_GET_REASON(packed) == ERR_R_INTERNAL_ERROR &&
           function != NULL &&
           (strcmp(function, "tls1_cipher") == 0 || strcmp(function, "tls1_enc") == 0);
}

/* The oldest entry of libssl, or the oldest of all: libcrypto's come before it. */
static struct cause take_cause(void)
{
    struct cause cause = {0};
    bool from_ssl = false;
    const char *function;
    for (unsigned long packed;
         (packed = ERR_get_error_all(NULL, NULL, &function, NULL, NULL)) != 0;) {
        bool ssl = ERR_GET_LIB(packed) == ERR_LIB_SSL;
        cause.no_memory |= ERR_GET_REASON(packed) == ERR_R_MALLOC_FAILURE;
        cause.short_record |= is_short_record(packed, function);
        if (cause.packed == 0 || (ssl && !from_ssl)) {
            cause.packed = packed;
            cause.reason = ERR_GET_REASON(packed);
            from_ssl = ssl;
        }
    }
    return cause;
}

static hf_result with_reason(hf_result r, struct cause cause)
{
    hf_error_current()->openssl_reason = (uint32_t)cause.reason;
    return r;
}

static hf_result peer_alert(struct cause cause)
{
    int alert = cause.reason - SSL_AD_REASON_OFFSET;
    hf_result r =
        hf_error_set_seen(HF_E_PEER_ALERT, __FILE__, __LINE__, "", "the peer's alert: %s (%d)",
                          SSL_alert_desc_string_long(alert), alert);
    hf_error_current()->alert = alert;
    return with_reason(r, cause);
}

/* OpenSSL stopped at the Certificate message before it asked us. Our own readers say it better. */
static hf_result unreadable_certificates(struct hf_conn *conn, struct cause cause)
{
    struct hf_peer peer;
    if (cause.reason == SSL_R_EXCESSIVE_MESSAGE_SIZE) {
        HF_FAIL_SEEN(HF_E_CHAIN_TOO_LARGE, "at most 32,768 bytes of certificates",
                     "a longer Certificate message");
    }
    if (conn->presented == NULL || conn->config->anonymous) {
        return hf_ok();
    }
    struct hf_chain chain = hf_presented_view(conn->presented);
    struct hf_presented presented = {
        .chain = &chain,
        .at = hf_clock_now(),
        .purpose = conn->config->role == HF_ROLE_SERVER ? HF_PURPOSE_CLIENT : HF_PURPOSE_SERVER,
    };
    struct hf_name name = {conn->name_kind, hf_span_of(conn->name, conn->name_len)};
    HF_TRY(hf_verifier_judge(conn->config->verifier, &presented, conn->config->web ? &name : NULL,
                             &peer));
    HF_FAIL_SEEN(HF_E_DER_VALUE, "certificates that can be read", "OpenSSL reason %d",
                 cause.reason);
}

/* Certificates that were judged are not what a failure is about, although OpenSSL's state names
 * them until the next message is there in good order. */
static bool at_certificate(const struct hf_conn *conn)
{
    OSSL_HANDSHAKE_STATE state = SSL_get_state(conn->ssl);
    return conn->state == HF_CONN_HANDSHAKE && conn->verdict == NULL &&
           (state == TLS_ST_SR_CERT || state == TLS_ST_CR_CERT);
}

static uint32_t code_of(const struct hf_conn *conn, struct cause cause)
{
    for (size_t i = 0; i < KNOWN; i++) {
        if (ERR_GET_LIB(cause.packed) == ERR_LIB_SSL && known[i].reason == cause.reason) {
            return known[i].code;
        }
    }
    if (cause.short_record) {
        return HF_E_PROTOCOL;
    }
    /* OpenSSL blames the peer or itself by the alert it sends. */
    return conn->alert_sent == HF_ALERT_INTERNAL_ERROR || cause.packed == 0 ? HF_E_OPENSSL
                                                                            : HF_E_PROTOCOL;
}

hf_result hf_conn_explain(struct hf_conn *conn, int ssl_error)
{
    struct cause cause = take_cause();
    if (conn->transport.no_memory || cause.no_memory) {
        HF_FAIL(HF_E_OUT_OF_MEMORY);
    }
    if (conn->presented_code != HF_OK) {
        return conn->refusal == NULL ? hf_error_set(conn->presented_code, __FILE__, __LINE__)
                                     : hf_error_restore(conn->refusal);
    }
    if (ssl_error == SSL_ERROR_ZERO_RETURN) {
        HF_FAIL_SEEN(HF_E_CLOSED, "a handshake", "close_notify in the middle of it");
    }
    if (ERR_GET_LIB(cause.packed) == ERR_LIB_SSL && cause.reason >= SSL_AD_REASON_OFFSET &&
        cause.reason <= SSL_AD_REASON_OFFSET + ALERT_NUMBER_MAX) {
        return peer_alert(cause);
    }
    if (at_certificate(conn)) {
        hf_result r = unreadable_certificates(conn, cause);
        if (!hf_is_ok(r)) {
            return r;
        }
    }
    const char *text = cause.packed == 0 ? NULL : ERR_reason_error_string(cause.packed);
    return with_reason(hf_error_set_seen(code_of(conn, cause), __FILE__, __LINE__, "",
                                         "OpenSSL: %s", text == NULL ? "no reason given" : text),
                       cause);
}
