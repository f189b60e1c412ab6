/* SPDX-License-Identifier: Apache-2.0
 *
 * What one thread keeps of OpenSSL's between operations, so that none of them allocates, fetches or
 * takes a lock for it. Freed when the thread ends.
 */
#ifndef HF_X509_SCRATCH_H
#define HF_X509_SCRATCH_H

#include "x509/certificate.h"
#include "x509/ossl.h"
#include "x509/x25519_pool.h"

/* Keys that a thread verifies with, again and again: one in most meshes, two or three during a
 * rotation. The last used comes first. */
#define HF_SCRATCH_KEYS 16

struct hf_scratch_key {
    uint8_t id[HF_DIGEST_SIZE]; /* the signer's */
    enum hf_signature_kind kind;
    EVP_PKEY_CTX *ctx; /* ready for EVP_PKEY_verify; NULL: unused, and so are all behind it */
};

struct hf_scratch {
    EVP_MD_CTX *md;      /* for one digest from init to final */
    EVP_MD_CTX *message; /* for a verification that wants the whole message: Ed25519 */
    bool message_used;
    EVP_MD_CTX *secret; /* for the key schedule, which resets it when it is done */
    BN_CTX *numbers;
    struct hf_x25519_pool *x25519; /* made on demand */
    EC_POINT *points[3];           /* made on demand; P-256, P-384, P-521 */
    struct hf_scratch_key keys[HF_SCRATCH_KEYS];
};

/* This thread's own: never to be handed to another one, and not to be kept. */
HF_MUST_USE hf_result hf_scratch_get(struct hf_scratch **out);

/* An uncompressed point of a named curve (65, 97 or 133 bytes) lies on it. False also when there
 * is no memory to tell. */
bool hf_scratch_on_curve(struct hf_span point);

#endif
