/* SPDX-License-Identifier: Apache-2.0
 *
 * The key schedule's function of TLS 1.3 (RFC 8446, 7.1), for our provider (own_provider.h).
 *
 * libssl calls it 38 times in a full handshake of both ends, each time through a KDF that fetches a
 * MAC that fetches a digest, with some fifteen allocations: six per cent of all instructions, and a
 * third of the allocations. This one has its digests ready and allocates nothing.
 */
#ifndef HF_X509_TLS13_KDF_H
#define HF_X509_TLS13_KDF_H

#include <openssl/core.h>

#include "base/result.h"

/* A KDF's, as "TLS13-KDF". */
extern const OSSL_DISPATCH hf_tls13_kdf_functions[];

#endif
