/* SPDX-License-Identifier: Apache-2.0
 *
 * The key schedule's function of TLS 1.3 (RFC 8446, 7.1), as a provider of OpenSSL's.
 *
 * libssl calls it 38 times in a full handshake of both ends, each time through a KDF that fetches a
 * MAC that fetches a digest, with some fifteen allocations: six per cent of all instructions, and a
 * third of the allocations. This one has its digests ready and allocates nothing.
 */
#ifndef HF_X509_TLS13_KDF_H
#define HF_X509_TLS13_KDF_H

#include <openssl/types.h>

#include "base/result.h"

/* Make it known to a context, and load it; NULL when that failed. That it is preferred to the one
 * of OpenSSL's default provider is for the context's default properties to say. */
OSSL_PROVIDER *hf_tls13_kdf_load(OSSL_LIB_CTX *ctx);

#endif
