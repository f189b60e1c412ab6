/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers are big endian byte strings of one length, so comparing them is comparing bytes.
 */
#include "verify/ecdsa_values.h"

#include "x509/der.h"

/* spec: SEC 2, 2.4.2 and 2.5.1 */
static const struct hf_ecdsa_curve p256 = {
    32,
    {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
     0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51},
};

static const struct hf_ecdsa_curve p384 = {
    48,
    {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf, 0x58, 0x1a, 0x0d, 0xb2,
     0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73},
};

const struct hf_ecdsa_curve *hf_ecdsa_curve_of(enum hf_key_kind kind)
{
    switch (kind) {
    case HF_KEY_P256:
        return &p256;
    case HF_KEY_P384:
        return &p384;
    default:
        return NULL;
    }
}

/* The content of a DER integer, right-aligned; false unless 1 <= it < n. */
static bool place(const struct hf_ecdsa_curve *curve, struct hf_span integer, uint8_t *out)
{
    bool any = false;
    if (integer.data[0] >= 0x80) {
        return false;
    }
    /* Minimal already, so there is one zero at most: the one that keeps it positive. */
    if (integer.data[0] == 0) {
        integer = hf_span_of(integer.data + 1, integer.len - 1);
    }
    if (integer.len > curve->len) {
        return false;
    }
    size_t pad = curve->len - integer.len;
    for (size_t i = 0; i < curve->len; i++) {
        out[i] = i < pad ? 0 : integer.data[i - pad];
        any |= out[i] != 0;
    }
    return any && hf_mem_compare(out, curve->len, curve->order, curve->len) < 0;
}

bool hf_ecdsa_read_signature(const struct hf_ecdsa_curve *curve, struct hf_span der,
                             uint8_t r[HF_ECDSA_MAX], uint8_t s[HF_ECDSA_MAX])
{
    struct hf_span content;
    struct hf_span first;
    struct hf_span second;
    uint8_t numbers[2][HF_ECDSA_MAX];
    bool is_der = hf_is_ok(hf_der_take(&der, HF_DER_SEQUENCE, &content)) && der.len == 0 &&
                  hf_is_ok(hf_der_take_integer(&content, &first)) &&
                  hf_is_ok(hf_der_take_integer(&content, &second)) && content.len == 0;
    if (!is_der || !place(curve, first, numbers[0]) || !place(curve, second, numbers[1])) {
        return false;
    }
    return hf_mem_copy(r, HF_ECDSA_MAX, numbers[0], curve->len) &&
           hf_mem_copy(s, HF_ECDSA_MAX, numbers[1], curve->len);
}

void hf_ecdsa_read_digest(const struct hf_ecdsa_curve *curve, struct hf_span digest,
                          uint8_t e[HF_ECDSA_MAX])
{
    /* Both orders fill whole bytes, so "leftmost bits" are leftmost bytes. */
    size_t len = digest.len < curve->len ? digest.len : curve->len;
    size_t pad = curve->len - len;
    for (size_t i = 0; i < curve->len; i++) {
        e[i] = i < pad ? 0 : digest.data[i - pad];
    }
    if (hf_mem_compare(e, curve->len, curve->order, curve->len) < 0) {
        return;
    }
    /* Both orders have their top bit set: e < 2n, and taking n away once is enough. */
    unsigned borrow = 0;
    for (size_t i = curve->len; i-- > 0;) {
        unsigned difference = 256u + e[i] - curve->order[i] - borrow;
        e[i] = (uint8_t)(difference & 0xffu);
        borrow = 1u - (difference >> 8);
    }
}
