/* SPDX-License-Identifier: Apache-2.0
 *
 * Our own identity from the inside: the chain as it will be sent, and the private key.
 */
#ifndef HF_X509_SVID_H
#define HF_X509_SVID_H

#include "base/refcount.h"
#include "x509/certificate.h"
#include "x509/ossl.h"

struct hf_svid {
    struct hf_refcount refs;
    X509 *leaf;
    STACK_OF(X509) * intermediates; /* in order, without a self-signed root */
    EVP_PKEY *key;
    uint8_t digest[HF_DIGEST_SIZE]; /* of the chain, length-prefixed */
    int64_t not_before;             /* of the leaf */
    int64_t not_after;
    size_t id_len; /* 0: of the public web, and no SVID */
    char id[HF_ID_MAX + 1];
};

#endif
