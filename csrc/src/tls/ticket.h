/* SPDX-License-Identifier: Apache-2.0
 *
 * Where OpenSSL makes, seals and opens tickets: all three callbacks of a server's context.
 *
 * Theory of operation. The make callback writes what the session rests on into the ticket
 * (ticket_facts.h), the key callback seals it, or does not when there is nothing in it. The open
 * callback takes the first look at what comes back; from there on a session of a ticket is like one
 * of a store: its facts are in its ex_data, and the second look (hf_session_admit()) asks for them.
 * OpenSSL opens a ticket only after its MAC was found good.
 */
#ifndef HF_TLS_TICKET_H
#define HF_TLS_TICKET_H

#include "tls/session.h"

/* ticket_seal.c: SSL_CTX_set_tlsext_ticket_key_evp_cb */
int hf_ticket_key_callback(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                           EVP_MAC_CTX *mac, int seal);

/* ticket_callbacks.c: SSL_CTX_set_session_ticket_cb */
int hf_ticket_make_callback(SSL *ssl, void *unused);
SSL_TICKET_RETURN hf_ticket_open_callback(SSL *ssl, SSL_SESSION *session, const unsigned char *name,
                                          size_t name_len, SSL_TICKET_STATUS status, void *unused);

#endif
