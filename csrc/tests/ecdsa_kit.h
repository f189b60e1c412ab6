/* SPDX-License-Identifier: Apache-2.0
 *
 * ECDSA by numbers, for tests of the signature lanes: signatures made with a chosen nonce, digests
 * and public keys that nobody meets by chance, and OpenSSL's verdict on any of it.
 */
#ifndef HF_TESTS_ECDSA_KIT_H
#define HF_TESTS_ECDSA_KIT_H

#include <openssl/bn.h>
#include <openssl/ec.h>

#include "verify/signature_mb.h"

/* Enough for DER with numbers of 80 bytes each. */
#define ECDSA_DER_MAX 192

/* One signature with its key and digest. */
struct ecdsa_case {
    enum hf_key_kind kind;
    uint8_t point[97];
    uint8_t digest[64];
    size_t digest_len;
    uint8_t der[ECDSA_DER_MAX];
    size_t der_len;
};

/* A curve, its order and a private key; everything lives until ecdsa_free. */
struct ecdsa {
    enum hf_key_kind kind;
    size_t len; /* bytes of a coordinate */
    BN_CTX *ctx;
    EC_GROUP *group;
    BIGNUM *n;
    BIGNUM *p;
    BIGNUM *d;
    EC_POINT *q;
};

/* HF_KEY_P256 or HF_KEY_P384, with a random key. Failures of OpenSSL end the process. */
void ecdsa_init(struct ecdsa *e, enum hf_key_kind kind);
void ecdsa_free(struct ecdsa *e);

/* Another private key: random, or this small one (1: Q = G; -1: Q = -G). */
void ecdsa_new_key(struct ecdsa *e);
void ecdsa_set_key(struct ecdsa *e, int d);

/* A digest of this many random bytes, or this number on the curve's length. */
void ecdsa_random_digest(struct ecdsa_case *c, size_t len);
void ecdsa_digest_of(const struct ecdsa *e, const BIGNUM *value, struct ecdsa_case *c);

/* Sign the case's digest with the key: with nonce k, or a random one (NULL). */
void ecdsa_sign(const struct ecdsa *e, const BIGNUM *k, struct ecdsa_case *c);

/* Write r and s, whatever they are, and the key's point into the case. */
void ecdsa_write(const struct ecdsa *e, const BIGNUM *r, const BIGNUM *s, struct ecdsa_case *c);
/* Read them back; the caller frees them. */
void ecdsa_read(const struct ecdsa_case *c, BIGNUM **r, BIGNUM **s);

/* The number e that ECDSA makes of a digest, modulo n; the caller frees it. */
BIGNUM *ecdsa_number(const struct ecdsa *e, const struct ecdsa_case *c);

/* What OpenSSL says. */
bool ecdsa_openssl(const struct ecdsa_case *c);

struct hf_mb_job ecdsa_job(const struct ecdsa_case *c);

/* How often lanes and OpenSSL were asked about the same signature, and what they said. */
struct ecdsa_tally {
    size_t both;
    size_t openssl_alone; /* a miss: costs time, nothing else */
    size_t lane_alone;    /* a wrong acceptance */
};

/* Ask both, up to eight cases of one curve at once. False when a lane takes what OpenSSL refuses,
 * or misses one of those that must hold although there are lanes. */
bool ecdsa_compare(const struct ecdsa_case *cases, const bool *must_hold, size_t count,
                   struct ecdsa_tally *tally);

#endif
