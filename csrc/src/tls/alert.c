/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenSSL chooses the alert for a refused certificate from the X509_V_ERR number alone
 * (ssl_x509err2alert in ssl/statem/statem_lib.c). Its table knows most alerts of ours, but not
 * access_denied (49), the one that tells a peer "I know you, and no".
 *
 * For that one the pinned build calls ssl3_send_alert() of libssl. Why this is sound:
 *   - The symbol is in libssl.a with external linkage, and the pin (csrc/openssl.pin) fixes the
 *     source it comes from; another version is a change of the pin, and test_tls_alerts.c fails
 *     when the peer does not receive the alert.
 *   - Its first argument is the SSL_CONNECTION. Without QUIC (the pin builds no-quic) every SSL is
 *     one: SSL_CONNECTION starts with the SSL, and the conversion macro is a cast.
 *   - It is what OpenSSL itself calls a moment later, in the same state and with the same keys,
 *     from SSLfatal() after the callback refused: write the alert, or nothing.
 *   - SSL_SENT_SHUTDOWN is then set, on which ssl3_send_alert() returns at its top, so that
 *     OpenSSL's own second alert is not sent.
 */
#include "tls/alert.h"

#include <openssl/x509_vfy.h>

static const struct {
    int alert;
    int error;
} known[] = {
    {SSL_AD_BAD_CERTIFICATE, X509_V_ERR_CERT_REJECTED},
    {SSL_AD_UNSUPPORTED_CERTIFICATE, X509_V_ERR_INVALID_PURPOSE},
    {SSL_AD_CERTIFICATE_REVOKED, X509_V_ERR_CERT_REVOKED},
    {SSL_AD_CERTIFICATE_EXPIRED, X509_V_ERR_CERT_HAS_EXPIRED},
    {SSL_AD_UNKNOWN_CA, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY},
    {SSL_AD_DECRYPT_ERROR, X509_V_ERR_CERT_SIGNATURE_FAILURE},
    {SSL_AD_HANDSHAKE_FAILURE, X509_V_ERR_APPLICATION_VERIFICATION},
    {SSL_AD_INTERNAL_ERROR, X509_V_ERR_UNSPECIFIED},
    /* Not in OpenSSL's table, for which its default is this alert. */
    {SSL_AD_CERTIFICATE_UNKNOWN, X509_V_ERR_SUBTREE_MINMAX},
};

#define KNOWN (sizeof(known) / sizeof(known[0]))

bool hf_alert_has_x509_error(int alert)
{
    for (size_t i = 0; i < KNOWN; i++) {
        if (known[i].alert == alert) {
            return true;
        }
    }
    return false;
}

int hf_alert_x509_error(int alert)
{
    for (size_t i = 0; i < KNOWN; i++) {
        if (known[i].alert == alert) {
            return known[i].error;
        }
    }
    return X509_V_ERR_SUBTREE_MINMAX;
}

#ifdef HF_OPENSSL_PINNED

struct ssl_connection_st;
int ssl3_send_alert(struct ssl_connection_st *connection, int level, int description);

bool hf_alert_send(SSL *ssl, int alert)
{
    (void)ssl3_send_alert((struct ssl_connection_st *)ssl, SSL3_AL_FATAL, alert);
    SSL_set_shutdown(ssl, SSL_get_shutdown(ssl) | SSL_SENT_SHUTDOWN);
    return true;
}

#else

bool hf_alert_send(SSL *ssl, int alert)
{
    (void)ssl;
    (void)alert;
    return false;
}

#endif
