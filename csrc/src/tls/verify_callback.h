/* SPDX-License-Identifier: Apache-2.0
 *
 * The places where OpenSSL asks and tells us what happens in a handshake, and after it.
 */
#ifndef HF_TLS_VERIFY_CALLBACK_H
#define HF_TLS_VERIFY_CALLBACK_H

#include "tls/connection.h"

/* SSL_CTX_set_cert_verify_callback: 1 only with a verdict stored in the connection. */
int hf_verify_callback(X509_STORE_CTX *store, void *unused);

/* SSL_set_msg_callback until the handshake is over: keeps the peer's Certificate message and the
 * number of the alert that was sent. `conn` is the argument. */
void hf_message_callback(int write_p, int version, int content_type, const void *data, size_t len,
                         SSL *ssl, void *conn);

/* SSL_set_msg_callback from then on: counts what is not data (D3). */
void hf_count_callback(int write_p, int version, int content_type, const void *data, size_t len,
                       SSL *ssl, void *conn);

/* OpenSSL's certificate is, byte for byte, this one; `depth` is for the record of a refusal. */
HF_MUST_USE hf_result hf_same_bytes(X509 *x509, struct hf_span der, size_t depth);

/* Make the connection's verdict: on this peer, who showed this leaf. */
HF_MUST_USE hf_result hf_verdict_bind(struct hf_conn *conn, const struct hf_peer *peer,
                                      const X509 *leaf);

#endif
