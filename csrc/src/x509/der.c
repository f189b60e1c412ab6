/* SPDX-License-Identifier: Apache-2.0
 *
 * Tags and lengths.
 */
#include "x509/der.h"

/* The bytes of a length after its first byte 0x80 | octets. */
static hf_result read_long_length(struct hf_span *rest, size_t octets, size_t *out)
{
    struct hf_span digits;
    /* 0x80 is the indefinite form of BER. */
    HF_NEED_SEEN(octets != 0, HF_E_DER_LENGTH, "a definite length", "an indefinite one");
    HF_NEED_SEEN(octets <= 3, HF_E_DER_TOO_LARGE, "at most 3 bytes of length", "%zu", octets);
    HF_NEED(hf_span_take(rest, octets, &digits), HF_E_DER_TRUNCATED);
    size_t len = 0;
    for (size_t i = 0; i < octets; i++) {
        len = len << 8 | digits.data[i];
    }
    HF_NEED_SEEN(len >= 0x80 && digits.data[0] != 0, HF_E_DER_LENGTH, "the shortest form",
                 "%zu in %zu bytes", len, octets);
    *out = len;
    return hf_ok();
}

static hf_result take_next(struct hf_span *from, size_t max, struct hf_der *out)
{
    static const struct hf_der none;
    uint8_t first;
    size_t len;
    struct hf_span rest = *from;
    *out = none;
    HF_NEED(hf_span_take_u8(&rest, &out->tag), HF_E_DER_TRUNCATED);
    HF_NEED_SEEN((out->tag & 0x1f) != 0x1f, HF_E_DER_TAG, "a tag of one byte", "0x%02x", out->tag);
    HF_NEED(hf_span_take_u8(&rest, &first), HF_E_DER_TRUNCATED);
    len = first;
    if (first >= 0x80) {
        HF_TRY(read_long_length(&rest, first & 0x7fu, &len));
    }
    HF_NEED_SEEN(len <= max, HF_E_DER_TOO_LARGE, "an element within the limit", "%zu, allowed %zu",
                 len, max);
    HF_NEED_SEEN(hf_span_take(&rest, len, &out->content), HF_E_DER_TRUNCATED,
                 "as many bytes as the length says", "%zu of %zu", rest.len, len);
    out->whole = hf_span_of(from->data, from->len - rest.len);
    *from = rest;
    return hf_ok();
}

hf_result hf_der_next(struct hf_span *from, struct hf_der *out)
{
    return take_next(from, HF_DER_ELEMENT_MAX, out);
}

static hf_result take_tagged(struct hf_span *from, uint8_t tag, size_t max, struct hf_der *out)
{
    static const struct hf_der none;
    *out = none;
    HF_NEED(from->len != 0, HF_E_DER_TRUNCATED);
    if (from->data[0] != tag) {
        HF_FAIL_SEEN(HF_E_DER_TAG, "another element", "tag 0x%02x instead of 0x%02x", from->data[0],
                     tag);
    }
    return take_next(from, max, out);
}

hf_result hf_der_take_whole(struct hf_span *from, uint8_t tag, struct hf_der *out)
{
    return take_tagged(from, tag, HF_DER_ELEMENT_MAX, out);
}

hf_result hf_der_take_large(struct hf_span *from, uint8_t tag, struct hf_der *out)
{
    return take_tagged(from, tag, HF_DER_LARGE_MAX, out);
}

hf_result hf_der_take(struct hf_span *from, uint8_t tag, struct hf_span *content)
{
    struct hf_der element;
    *content = hf_span_of(NULL, 0);
    HF_TRY(hf_der_take_whole(from, tag, &element));
    *content = element.content;
    return hf_ok();
}

hf_result hf_der_end(struct hf_span rest)
{
    HF_NEED_SEEN(rest.len == 0, HF_E_DER_TRAILING, "the end", "%zu more bytes", rest.len);
    return hf_ok();
}

hf_result hf_der_check_nested(struct hf_span content)
{
    /* The way back up; a loop, so that the stack does not depend on what a peer sends. */
    struct hf_span up[HF_DER_DEPTH_MAX];
    size_t depth = 0;
    struct hf_span rest = content;
    for (;;) {
        struct hf_der element;
        while (rest.len == 0) {
            if (depth == 0) {
                return hf_ok();
            }
            depth--;
            rest = up[depth];
        }
        HF_TRY(hf_der_next(&rest, &element));
        if ((element.tag & HF_DER_CONSTRUCTED) == 0) {
            continue;
        }
        HF_NEED(depth < HF_DER_DEPTH_MAX, HF_E_DER_TOO_DEEP);
        up[depth] = rest;
        depth++;
        rest = element.content;
    }
}
