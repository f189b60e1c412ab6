/* SPDX-License-Identifier: Apache-2.0
 *
 * Private keys: PKCS#8, SEC1 or PKCS#1, unencrypted DER.
 *
 * They are read here and not by OpenSSL's decoders, for two reasons: those leave copies of the key
 * in freed memory (decode_der2key.c, 3.5), and they take BER and trailing bytes.
 */
#ifndef HF_X509_PRIVATE_KEY_H
#define HF_X509_PRIVATE_KEY_H

#include "x509/certificate.h"
#include "x509/ossl.h"

#define HF_RSA_NUMBERS 8

/* Spans into the caller's DER; nothing is copied. */
struct hf_private_key {
    enum hf_key_kind kind;
    struct hf_span scalar;              /* EC and Ed25519 */
    struct hf_span rsa[HF_RSA_NUMBERS]; /* n e d p q dP dQ qInv, without leading zeros */
};

/* Which of the three forms it is shows in its structure. HF_E_KEY_INVALID. */
HF_MUST_USE hf_result hf_private_key_read(struct hf_span der, struct hf_private_key *out);

/* The key pair of a certificate: its public key, this private one, and a signature that proves
 * that they belong together. The caller frees it. HF_E_KEY_MISMATCH, HF_E_KEY_INVALID. */
HF_MUST_USE hf_result hf_private_key_pair(const struct hf_private_key *key,
                                          const struct hf_cert *cert, X509 *x509, EVP_PKEY **out);

#endif
