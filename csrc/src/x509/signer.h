/* SPDX-License-Identifier: Apache-2.0
 *
 * An issuer's key, decoded and checked once: immutable, counted, shared by threads.
 */
#ifndef HF_X509_SIGNER_H
#define HF_X509_SIGNER_H

#include "base/refcount.h"
#include "x509/certificate.h"
#include "x509/ossl.h"

#define HF_POINT_MAX 133 /* P-521 */

struct hf_signer {
    struct hf_refcount refs;
    enum hf_key_kind kind;
    EVP_PKEY *key;
    uint8_t id[HF_DIGEST_SIZE]; /* SHA-256 of the SubjectPublicKeyInfo: the same key, the same id */
    uint8_t point_len;          /* 0 unless EC */
    uint8_t point[HF_POINT_MAX]; /* EC: 04 || X || Y, on its curve */
};

/* The key of this certificate. HF_E_CERT_KEY when OpenSSL does not take it: a point that is not on
 * its curve. */
HF_MUST_USE hf_result hf_signer_new(const struct hf_cert *issuer, struct hf_signer **out);
struct hf_signer *hf_signer_ref(struct hf_signer *signer);
void hf_signer_unref(struct hf_signer *signer); /* NULL is nobody */

#endif
