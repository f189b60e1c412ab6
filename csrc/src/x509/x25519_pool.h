/* SPDX-License-Identifier: Apache-2.0
 *
 * X25519 keys made ahead: each thread has up to eight, each of which is handed out once.
 */
#ifndef HF_X509_X25519_POOL_H
#define HF_X509_X25519_POOL_H

#include "x509/x25519_scalar.h"

struct hf_x25519_pool;

/* A new key, clamped, that nobody else has or gets; false when there are no random bytes, or in
 * builds without lanes. */
bool hf_x25519_take(uint8_t private_key[HF_X25519_SIZE], uint8_t public_key[HF_X25519_SIZE]);

/* For tests: how many this thread has ready. */
size_t hf_x25519_ahead(void);

/* At the end of its thread. NULL is fine. */
void hf_x25519_pool_free(struct hf_x25519_pool *pool);

#endif
