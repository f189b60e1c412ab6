/* SPDX-License-Identifier: Apache-2.0
 *
 * X25519 through EVP, as libssl asks for it. `properties` NULL is what the engine's context
 * prefers; "provider=default" is OpenSSL's own.
 */
#ifndef HF_TESTS_X25519_KIT_H
#define HF_TESTS_X25519_KIT_H

#include <openssl/evp.h>

#include "x509/ossl.h"
#include "x509/x25519_scalar.h"

/* The provider that must serve it here: "handfast" where there are lanes, "default" elsewhere. */
const char *x25519_ours(void);

/* A new key; NULL when none could be made. */
EVP_PKEY *x25519_made(const char *properties);

/* From bytes; NULL when they were refused. */
EVP_PKEY *x25519_private(const char *properties, const uint8_t *bytes, size_t len);
EVP_PKEY *x25519_public(const char *properties, const uint8_t *bytes, size_t len);

/* What they agree on; false when that was refused. */
bool x25519_agree(const char *properties, EVP_PKEY *mine, EVP_PKEY *peer, uint8_t out[32]);
bool x25519_agree_raw(const char *properties, const uint8_t mine[32], const uint8_t peer[32],
                      uint8_t out[32]);

/* The parts of a key. */
bool x25519_parts(const EVP_PKEY *key, uint8_t private_key[32], uint8_t public_key[32]);

#endif
