/* SPDX-License-Identifier: Apache-2.0
 *
 * Telling the peer why it was refused.
 */
#ifndef HF_TLS_ALERT_H
#define HF_TLS_ALERT_H

#include <openssl/ssl.h>

#include "base/result.h"

/* The X509_V_ERR number for which OpenSSL sends this alert when a verify callback refuses; for an
 * alert that has none, one that becomes certificate_unknown, the nearest in meaning. */
int hf_alert_x509_error(int alert);

/* True when hf_alert_x509_error() gives exactly this alert. */
bool hf_alert_has_x509_error(int alert);

/* Send a fatal alert now and keep OpenSSL from sending another one. False when this build cannot
 * (a system OpenSSL hides what it takes): the caller leaves the alert to OpenSSL then. */
bool hf_alert_send(SSL *ssl, int alert);

#endif
