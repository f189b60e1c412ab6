/* SPDX-License-Identifier: Apache-2.0
 *
 * A provider of OpenSSL's with what the engine does faster than OpenSSL's own: the key schedule of
 * TLS 1.3, and X25519 where there are lanes for its keys.
 */
#ifndef HF_X509_OWN_PROVIDER_H
#define HF_X509_OWN_PROVIDER_H

#include <openssl/types.h>

/* Make it known to a context as "handfast", and load it; NULL when that failed. That it is
 * preferred to OpenSSL's default provider is for the context's default properties to say. */
OSSL_PROVIDER *hf_own_provider_load(OSSL_LIB_CTX *ctx);

#endif
