/* SPDX-License-Identifier: Apache-2.0
 *
 * X25519 for our provider (own_provider.h): keys, most of them ephemeral ones of libssl's, and what
 * two of them agree on.
 *
 * Of the 850 microseconds of a full handshake of both ends, OpenSSL takes 45 to make two key
 * shares. Eight made at once (x25519_pool.h) take a seventh of that each.
 */
#ifndef HF_X509_X25519_H
#define HF_X509_X25519_H

#include <openssl/core.h>

#include "base/refcount.h"
#include "x509/x25519_scalar.h"

/* As OpenSSL's own provider names it. */
#define HF_X25519_NAMES "X25519:1.3.101.110"

/* What both parts know of a key. Written by one thread at a time, as every EVP_PKEY. */
struct hf_x25519_key {
    struct hf_refcount references;
    bool has_public;
    bool has_private; /* and then the public one, too */
    uint8_t public_key[HF_X25519_SIZE];
    uint8_t private_key[HF_X25519_SIZE];
};

/* Drop a reference; the last one wipes. NULL is fine. */
void hf_x25519_key_free(struct hf_x25519_key *key);

/* A KEYMGMT's and a KEYEXCH's. */
extern const OSSL_DISPATCH hf_x25519_key_functions[];
extern const OSSL_DISPATCH hf_x25519_exchange_functions[];

#endif
