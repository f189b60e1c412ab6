/* SPDX-License-Identifier: Apache-2.0
 *
 * ECDSA's numbers, made ready for code that trusts its input: a signature read strictly, r and s
 * known to be in range, a digest cut and reduced as the standard says. Public values only.
 */
#ifndef HF_VERIFY_ECDSA_VALUES_H
#define HF_VERIFY_ECDSA_VALUES_H

#include "base/span.h"
#include "x509/certificate.h"

/* The bytes of a number on the largest curve here (P-384). */
#define HF_ECDSA_MAX 48

struct hf_ecdsa_curve {
    size_t len; /* bytes of a coordinate, and of the order */
    uint8_t order[HF_ECDSA_MAX];
};

/* P-256 and P-384; NULL for every other kind of key. */
const struct hf_ecdsa_curve *hf_ecdsa_curve_of(enum hf_key_kind kind);

/* SEQUENCE { INTEGER r, INTEGER s } in DER and nothing else, with 1 <= r, s < n. Both come out big
 * endian, curve->len bytes. False, with nothing written, for anything else: what is taken here is
 * a subset of what OpenSSL takes. */
bool hf_ecdsa_read_signature(const struct hf_ecdsa_curve *curve, struct hf_span der,
                             uint8_t r[HF_ECDSA_MAX], uint8_t s[HF_ECDSA_MAX]);

/* The number e of ECDSA: the leftmost bytes of a digest that is longer than the order, modulo the
 * order; big endian, curve->len bytes. Zero is a possible answer. */
void hf_ecdsa_read_digest(const struct hf_ecdsa_curve *curve, struct hf_span digest,
                          uint8_t e[HF_ECDSA_MAX]);

#endif
