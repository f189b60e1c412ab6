/* SPDX-License-Identifier: Apache-2.0
 *
 * What OpenSSL keeps of a handshake and an open connection has no use for.
 */
#ifndef HF_TLS_SHED_H
#define HF_TLS_SHED_H

#include <openssl/ssl.h>

#include "base/result.h"

/* After the handshake: let go of the key exchange's keys and of what negotiation left. Afterwards
 * the temporary keys and the lists of what the peer offered are NULL or empty; everything else
 * works as before. False, and nothing done, where this build cannot (a system's OpenSSL hides what
 * it takes). */
bool hf_shed_handshake(SSL *ssl);

/* The same of the peer's decoded certificates, while nobody else has the session:
 * SSL_get0_peer_certificate() and the chain are NULL then, and sessions that come of this one have
 * none either. */
bool hf_shed_certificates(SSL *ssl);

/* Whether this build can: then sessions of open connections have no certificates of OpenSSL's. */
bool hf_shed_possible(void);

#endif
