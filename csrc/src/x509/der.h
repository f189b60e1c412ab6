/* SPDX-License-Identifier: Apache-2.0
 *
 * A strict DER reader over borrowed bytes. Every function takes one element off the front of a
 * span; what is taken can be read in one way only, everything else is refused:
 *   - lengths definite, minimal and within the span; tags in the one-byte form;
 *   - no element over HF_DER_ELEMENT_MAX, no OID over HF_DER_OID_MAX bytes (CVE-2023-2650);
 *   - booleans 00 or FF, integers minimal, unused bits of bit strings zero, OIDs minimal.
 * On failure the span is left as it was and the outputs are empty.
 */
#ifndef HF_X509_DER_H
#define HF_X509_DER_H

#include "base/span.h"

/* A certificate is the largest element there is, and no larger one is ever accepted. */
#define HF_DER_ELEMENT_MAX HF_CHAIN_BYTES_MAX
#define HF_DER_LARGE_MAX 0xffffffu
#define HF_DER_OID_MAX 64
#define HF_DER_DEPTH_MAX 12

#define HF_DER_BOOLEAN 0x01
#define HF_DER_INTEGER 0x02
#define HF_DER_BIT_STRING 0x03
#define HF_DER_OCTET_STRING 0x04
#define HF_DER_NULL 0x05
#define HF_DER_OID 0x06
#define HF_DER_ENUMERATED 0x0a
#define HF_DER_UTC_TIME 0x17
#define HF_DER_GENERALIZED_TIME 0x18
#define HF_DER_SEQUENCE 0x30
#define HF_DER_SET 0x31
#define HF_DER_CONSTRUCTED 0x20
/* Context tags: primitive and constructed. */
#define HF_DER_CONTEXT(n) (0x80 | (n))
#define HF_DER_CONTEXT_OF(n) (0xa0 | (n))

struct hf_der {
    uint8_t tag;
    struct hf_span whole; /* with its header */
    struct hf_span content;
};

/* Whatever comes next. */
HF_MUST_USE hf_result hf_der_next(struct hf_span *from, struct hf_der *out);

/* The same up to HF_DER_LARGE_MAX, for files that somebody here chose to load (CRLs): nothing that
 * a peer sends is read with it. */
HF_MUST_USE hf_result hf_der_take_large(struct hf_span *from, uint8_t tag, struct hf_der *out);

/* An element with this tag: its content, or all of it too. */
HF_MUST_USE hf_result hf_der_take(struct hf_span *from, uint8_t tag, struct hf_span *content);
HF_MUST_USE hf_result hf_der_take_whole(struct hf_span *from, uint8_t tag, struct hf_der *out);

/* True when the next element has this tag: for OPTIONAL and DEFAULT. */
static inline bool hf_der_peek(struct hf_span from, uint8_t tag)
{
    return from.len != 0 && from.data[0] == tag;
}

/* Nothing may be left. */
HF_MUST_USE hf_result hf_der_end(struct hf_span rest);

/* Values. An integer comes as its content bytes, two's complement. */
HF_MUST_USE hf_result hf_der_take_boolean(struct hf_span *from, bool *out);
HF_MUST_USE hf_result hf_der_take_integer(struct hf_span *from, struct hf_span *out);
HF_MUST_USE hf_result hf_der_take_null(struct hf_span *from);
HF_MUST_USE hf_result hf_der_take_oid(struct hf_span *from, struct hf_span *out);
/* A non-negative integer of at most 31 bits. */
HF_MUST_USE hf_result hf_der_take_small(struct hf_span *from, int32_t *out);
/* A bit string of whole bytes. */
HF_MUST_USE hf_result hf_der_take_octet_bits(struct hf_span *from, struct hf_span *out);
/* A named bit list of at most 16 bits: bit i of the list is bit i of `out`. In DER it ends with a
 * one, so the empty list has no content byte; `padded` allows zeros after it. */
HF_MUST_USE hf_result hf_der_take_flags(struct hf_span *from, bool padded, uint32_t *out);

/* The rules above for values whose tag was replaced by a context tag. */
HF_MUST_USE hf_result hf_der_check_integer(struct hf_span content);
HF_MUST_USE hf_result hf_der_check_oid(struct hf_span content);
HF_MUST_USE hf_result hf_der_check_flags(struct hf_span content, bool padded, uint32_t *out);

/* All of `content` is a run of well-formed elements, nested at most HF_DER_DEPTH_MAX deep: for
 * parts that nobody here looks into. */
HF_MUST_USE hf_result hf_der_check_nested(struct hf_span content);

#endif
