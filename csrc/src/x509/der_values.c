/* SPDX-License-Identifier: Apache-2.0
 *
 * The primitive values: one encoding each.
 */
#include "x509/der.h"

hf_result hf_der_take_boolean(struct hf_span *from, bool *out)
{
    struct hf_span content;
    *out = false;
    HF_TRY(hf_der_take(from, HF_DER_BOOLEAN, &content));
    HF_NEED_SEEN(content.len == 1 && (content.data[0] == 0 || content.data[0] == 0xff),
                 HF_E_DER_VALUE, "a boolean 00 or ff", "another value");
    *out = content.data[0] != 0;
    return hf_ok();
}

hf_result hf_der_check_integer(struct hf_span content)
{
    HF_NEED_SEEN(content.len != 0, HF_E_DER_VALUE, "an integer", "no bytes");
    if (content.len == 1) {
        return hf_ok();
    }
    /* Nine equal bits at the start could be eight. */
    bool padded = (content.data[0] == 0x00 && content.data[1] < 0x80) ||
                  (content.data[0] == 0xff && content.data[1] >= 0x80);
    HF_NEED_SEEN(!padded, HF_E_DER_VALUE, "the shortest form of an integer", "a padded one");
    return hf_ok();
}

hf_result hf_der_take_integer(struct hf_span *from, struct hf_span *out)
{
    HF_TRY(hf_der_take(from, HF_DER_INTEGER, out));
    return hf_der_check_integer(*out);
}

hf_result hf_der_take_small(struct hf_span *from, int32_t *out)
{
    struct hf_span content;
    uint32_t value = 0;
    *out = 0;
    HF_TRY(hf_der_take_integer(from, &content));
    HF_NEED_SEEN(content.len <= 4 && content.data[0] < 0x80, HF_E_DER_VALUE,
                 "an integer from 0 to 2147483647", "another one");
    for (size_t i = 0; i < content.len; i++) {
        value = value << 8 | content.data[i];
    }
    *out = (int32_t)value;
    return hf_ok();
}

hf_result hf_der_take_null(struct hf_span *from)
{
    struct hf_span content;
    HF_TRY(hf_der_take(from, HF_DER_NULL, &content));
    HF_NEED_SEEN(content.len == 0, HF_E_DER_VALUE, "an empty NULL", "%zu bytes", content.len);
    return hf_ok();
}

hf_result hf_der_check_oid(struct hf_span content)
{
    HF_NEED_SEEN(content.len <= HF_DER_OID_MAX, HF_E_DER_TOO_LARGE,
                 "an object identifier of at most 64 bytes", "%zu", content.len);
    HF_NEED_SEEN(content.len != 0 && content.data[content.len - 1] < 0x80, HF_E_DER_VALUE,
                 "a whole object identifier", "an unfinished one");
    bool starts = true;
    for (size_t i = 0; i < content.len; i++) {
        HF_NEED_SEEN(!starts || content.data[i] != 0x80, HF_E_DER_VALUE,
                     "the shortest form of an object identifier", "a padded one");
        starts = content.data[i] < 0x80;
    }
    return hf_ok();
}

hf_result hf_der_take_oid(struct hf_span *from, struct hf_span *out)
{
    HF_TRY(hf_der_take(from, HF_DER_OID, out));
    return hf_der_check_oid(*out);
}

/* The content of a bit string loses its first byte, which is the number of unused bits. */
static hf_result split_bits(struct hf_span *out, uint8_t *unused)
{
    HF_NEED_SEEN(hf_span_take_u8(out, unused) && *unused <= 7 && (*unused == 0 || out->len != 0),
                 HF_E_DER_VALUE, "a bit string with 0 to 7 unused bits", "another value");
    return hf_ok();
}

hf_result hf_der_take_octet_bits(struct hf_span *from, struct hf_span *out)
{
    uint8_t unused;
    HF_TRY(hf_der_take(from, HF_DER_BIT_STRING, out));
    HF_TRY(split_bits(out, &unused));
    HF_NEED_SEEN(unused == 0, HF_E_DER_VALUE, "a bit string of whole bytes", "%u unused bits",
                 unused);
    return hf_ok();
}

hf_result hf_der_check_flags(struct hf_span bits, bool padded, uint32_t *out)
{
    uint8_t unused;
    *out = 0;
    HF_TRY(split_bits(&bits, &unused));
    HF_NEED_SEEN(bits.len <= 2, HF_E_DER_VALUE, "at most 16 named bits", "%zu bytes", bits.len);
    if (bits.len == 0) {
        return hf_ok();
    }
    /* spec: X.690 11.2.2: trailing zero bits are left out, so the last used bit is a one. */
    unsigned last = bits.data[bits.len - 1];
    HF_NEED_SEEN((padded || (last & (1u << unused)) != 0) && (last & ((1u << unused) - 1)) == 0,
                 HF_E_DER_VALUE, "a bit list that ends with a one", "trailing zero bits");
    for (uint32_t i = 0; i < 8 * bits.len; i++) {
        *out |= (uint32_t)(bits.data[i / 8] >> (7 - i % 8) & 1) << i;
    }
    return hf_ok();
}

hf_result hf_der_take_flags(struct hf_span *from, bool padded, uint32_t *out)
{
    struct hf_span content;
    *out = 0;
    HF_TRY(hf_der_take(from, HF_DER_BIT_STRING, &content));
    return hf_der_check_flags(content, padded, out);
}
