/* SPDX-License-Identifier: Apache-2.0
 *
 * The arithmetic of X25519 (RFC 7748, 5), all of it other people's: one key at a time by OpenSSL,
 * eight public keys at a time by crypto_mb.
 */
#ifndef HF_X509_X25519_SCALAR_H
#define HF_X509_X25519_SCALAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HF_X25519_SIZE 32
#define HF_X25519_LANES 8
#define HF_X25519_EIGHT ((size_t)HF_X25519_LANES * HF_X25519_SIZE) /* eight keys in a row */

/* Where the lanes are to be found: built in beside the pinned OpenSSL, allowed, supported by this
 * CPU, and right in their self-test, which the first question runs (half a millisecond). */
bool hf_x25519_lanes_available(void);

/* Both in a constant time, and false in builds where hf_x25519_lanes_available() is. The second one
 * is false as well, with zeros, for a peer's point of small order: the secret would be one that
 * everybody knows. */
bool hf_x25519_public(uint8_t out[HF_X25519_SIZE], const uint8_t private_key[HF_X25519_SIZE]);
bool hf_x25519_shared(uint8_t out[HF_X25519_SIZE], const uint8_t private_key[HF_X25519_SIZE],
                      const uint8_t peer[HF_X25519_SIZE]);

/* Eight public keys, by lanes that are available; false when crypto_mb says that one is wrong. */
bool hf_x25519_public_eight(uint8_t out[HF_X25519_EIGHT],
                            const uint8_t private_keys[HF_X25519_EIGHT]);

/* For tests: whether `run` computes what OpenSSL does, in every lane. */
bool hf_x25519_self_test(bool (*run)(uint8_t *, const uint8_t *));

#endif
