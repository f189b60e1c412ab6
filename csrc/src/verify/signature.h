/* SPDX-License-Identifier: Apache-2.0
 *
 * One signature, by OpenSSL's EVP.
 */
#ifndef HF_VERIFY_SIGNATURE_H
#define HF_VERIFY_SIGNATURE_H

#include "x509/signer.h"

/* What is signed, ready to be checked by any lane. */
struct hf_signed {
    enum hf_signature_kind kind;
    struct hf_span tbs;
    struct hf_span signature;
};

static inline struct hf_signed hf_signed_of(const struct hf_cert *cert)
{
    struct hf_signed s = {cert->signature_kind, cert->tbs, cert->signature};
    return s;
}

#define HF_SIGNATURE_DIGEST_MAX 64

/* This kind of signature can be made by this kind of key. */
bool hf_signature_fits(enum hf_signature_kind signature, enum hf_key_kind key);

/* The digest that is signed, in this thread's context. Not for Ed25519, which signs the message
 * itself: HF_E_BAD_ARGUMENT. */
HF_MUST_USE hf_result hf_signature_digest(const struct hf_signed *what,
                                          uint8_t out[HF_SIGNATURE_DIGEST_MAX], size_t *len);

/* HF_E_BAD_SIGNATURE when it does not hold, for whatever reason. */
HF_MUST_USE hf_result hf_signature_verify(const struct hf_signer *signer,
                                          const struct hf_signed *what);

/* Signatures verified by this process, for statistics and tests. */
uint64_t hf_signature_count(void);

#endif
