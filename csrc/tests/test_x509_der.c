/* SPDX-License-Identifier: Apache-2.0
 *
 * The DER reader: one encoding for each value, and every other one refused.
 */
#include "hf_test.h"
#include "x509/der.h"
#include "x509_bytes.h"

static hf_result next(const char *hex)
{
    struct x509_bytes bytes;
    struct hf_span from = x509_hex(hex, &bytes);
    struct hf_der element;
    size_t before = from.len;
    hf_result r = hf_der_next(&from, &element);
    HF_CHECK(hf_is_ok(r) || (from.len == before && element.whole.len == 0));
    return r;
}

static void lengths_are_definite_minimal_and_inside(void)
{
    HF_CHECK_OK(next("0400"));
    HF_CHECK_OK(next("0401ff"));
    HF_CHECK_CODE(next(""), HF_E_DER_TRUNCATED);
    HF_CHECK_CODE(next("04"), HF_E_DER_TRUNCATED);
    HF_CHECK_CODE(next("0401"), HF_E_DER_TRUNCATED);
    HF_CHECK_CODE(next("0481"), HF_E_DER_TRUNCATED);
    HF_CHECK_CODE(next("048201"), HF_E_DER_TRUNCATED);
    HF_CHECK_CODE(next("04820100"), HF_E_DER_TRUNCATED);
    HF_CHECK_CODE(next("308000000000"), HF_E_DER_LENGTH);
    HF_CHECK_CODE(next("04810100"), HF_E_DER_LENGTH);
    HF_CHECK_CODE(next("04817f"), HF_E_DER_LENGTH);
    HF_CHECK_CODE(next("0482008000"), HF_E_DER_LENGTH);
    HF_CHECK_CODE(next("0483000100"), HF_E_DER_LENGTH);
    HF_CHECK_CODE(next("0482000100"), HF_E_DER_LENGTH);
}

static void elements_have_a_largest_size(void)
{
    static uint8_t large[HF_DER_ELEMENT_MAX + 8] = {0x04, 0x82, 0x80, 0x00};
    struct hf_span from = hf_span_of(large, 4 + HF_DER_ELEMENT_MAX);
    struct hf_der element;
    HF_CHECK_OK(hf_der_next(&from, &element));
    HF_CHECK(element.content.len == HF_DER_ELEMENT_MAX && from.len == 0);
    large[3] = 0x01;
    from = hf_span_of(large, 5 + HF_DER_ELEMENT_MAX);
    HF_CHECK_CODE(hf_der_next(&from, &element), HF_E_DER_TOO_LARGE);
    HF_CHECK_CODE(next("0484000000010000"), HF_E_DER_TOO_LARGE);
    HF_CHECK_CODE(next("04ffffffffffffff"), HF_E_DER_TOO_LARGE);
    HF_CHECK_CODE(next("0483ffffff"), HF_E_DER_TOO_LARGE);
}

static void tags_have_one_byte(void)
{
    HF_CHECK_CODE(next("1f8100"), HF_E_DER_TAG);
    HF_CHECK_CODE(next("bf2100"), HF_E_DER_TAG);
    HF_CHECK_OK(next("de00"));
}

static void an_element_is_taken_with_its_tag_only(void)
{
    struct x509_bytes bytes;
    struct hf_span from = x509_hex("0401aa 020105", &bytes);
    struct hf_span content;
    struct hf_der whole;
    HF_CHECK_CODE(hf_der_take(&from, HF_DER_INTEGER, &content), HF_E_DER_TAG);
    HF_CHECK(from.len == 6 && content.len == 0);
    HF_CHECK(hf_der_peek(from, HF_DER_OCTET_STRING) && !hf_der_peek(from, HF_DER_INTEGER));
    HF_CHECK_OK(hf_der_take(&from, HF_DER_OCTET_STRING, &content));
    HF_CHECK(content.len == 1 && content.data[0] == 0xaa);
    HF_CHECK_CODE(hf_der_end(from), HF_E_DER_TRAILING);
    HF_CHECK_OK(hf_der_take_whole(&from, HF_DER_INTEGER, &whole));
    HF_CHECK(whole.whole.len == 3 && whole.content.len == 1 && whole.tag == HF_DER_INTEGER);
    HF_CHECK_OK(hf_der_end(from));
    HF_CHECK_CODE(hf_der_take(&from, HF_DER_INTEGER, &content), HF_E_DER_TRUNCATED);
    HF_CHECK(!hf_der_peek(from, HF_DER_INTEGER));
}

static hf_result boolean(const char *hex, bool *out)
{
    struct x509_bytes bytes;
    struct hf_span from = x509_hex(hex, &bytes);
    return hf_der_take_boolean(&from, out);
}

static void booleans_are_canonical(void)
{
    bool value;
    HF_CHECK(hf_is_ok(boolean("0101ff", &value)) && value);
    HF_CHECK(hf_is_ok(boolean("010100", &value)) && !value);
    HF_CHECK_CODE(boolean("010101", &value), HF_E_DER_VALUE);
    HF_CHECK_CODE(boolean("0101fe", &value), HF_E_DER_VALUE);
    HF_CHECK_CODE(boolean("0100", &value), HF_E_DER_VALUE);
    HF_CHECK_CODE(boolean("0102ffff", &value), HF_E_DER_VALUE);
    HF_CHECK_CODE(boolean("0201ff", &value), HF_E_DER_TAG);
    HF_CHECK(!value);
}

static hf_result integer(const char *hex)
{
    struct x509_bytes bytes;
    struct hf_span from = x509_hex(hex, &bytes);
    struct hf_span out;
    return hf_der_take_integer(&from, &out);
}

static void integers_are_minimal(void)
{
    static const char *const good[] = {"020100",   "02017f",   "020180",
                                       "02020080", "0202ff7f", "0203010000"};
    static const char *const bad[] = {"0200",     "02020000", "0202007f",
                                      "0202ff80", "0202ffff", "0203000001"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        HF_CHECK_OK(integer(good[i]));
        HF_CHECK_CODE(integer(bad[i]), HF_E_DER_VALUE);
    }
}

static hf_result small(const char *hex, int32_t *out)
{
    struct x509_bytes bytes;
    struct hf_span from = x509_hex(hex, &bytes);
    return hf_der_take_small(&from, out);
}

static void small_integers_have_31_bits(void)
{
    int32_t value;
    HF_CHECK(hf_is_ok(small("020100", &value)) && value == 0);
    HF_CHECK(hf_is_ok(small("02020080", &value)) && value == 128);
    HF_CHECK(hf_is_ok(small("02047fffffff", &value)) && value == INT32_MAX);
    HF_CHECK_CODE(small("02050080000000", &value), HF_E_DER_VALUE);
    HF_CHECK_CODE(small("0201ff", &value), HF_E_DER_VALUE);
    HF_CHECK_CODE(small("020480000000", &value), HF_E_DER_VALUE);
    HF_CHECK_CODE(small("0200", &value), HF_E_DER_VALUE);
}

static hf_result oid(const char *hex)
{
    struct x509_bytes bytes;
    struct hf_span from = x509_hex(hex, &bytes);
    struct hf_span out;
    return hf_der_take_oid(&from, &out);
}

static void object_identifiers_are_minimal_and_bounded(void)
{
    HF_CHECK_OK(oid("0603551d11"));
    HF_CHECK_OK(oid("06082a8648ce3d030107"));
    HF_CHECK_CODE(oid("0600"), HF_E_DER_VALUE);
    HF_CHECK_CODE(oid("0602558f"), HF_E_DER_VALUE);
    HF_CHECK_CODE(oid("06028001"), HF_E_DER_VALUE);
    HF_CHECK_CODE(oid("0603558001"), HF_E_DER_VALUE);
    HF_CHECK_OK(oid("0603558100")); /* 128: a continued 1, then 0 */
    HF_CHECK_CODE(oid("0403551d11"), HF_E_DER_TAG);
    /* CVE-2023-2650: a huge object identifier costs quadratic time elsewhere. */
    uint8_t bytes[2 + HF_DER_OID_MAX + 1] = {0x06, HF_DER_OID_MAX};
    struct hf_span from = hf_span_of(bytes, 2 + HF_DER_OID_MAX);
    struct hf_span out;
    HF_CHECK_OK(hf_der_take_oid(&from, &out));
    bytes[1] = HF_DER_OID_MAX + 1;
    from = hf_span_of(bytes, sizeof(bytes));
    HF_CHECK_CODE(hf_der_take_oid(&from, &out), HF_E_DER_TOO_LARGE);
}

static hf_result octet_bits(const char *hex)
{
    struct x509_bytes bytes;
    struct hf_span from = x509_hex(hex, &bytes);
    struct hf_span out;
    return hf_der_take_octet_bits(&from, &out);
}

static void bit_strings_say_their_unused_bits(void)
{
    HF_CHECK_OK(octet_bits("030100"));
    HF_CHECK_OK(octet_bits("0302 00ff"));
    HF_CHECK_CODE(octet_bits("0300"), HF_E_DER_VALUE);
    HF_CHECK_CODE(octet_bits("030101"), HF_E_DER_VALUE);
    HF_CHECK_CODE(octet_bits("0302 01fe"), HF_E_DER_VALUE);
    HF_CHECK_CODE(octet_bits("0302 08ff"), HF_E_DER_VALUE);
    HF_CHECK_CODE(octet_bits("2302 0000"), HF_E_DER_TAG); /* constructed: BER */
}

static hf_result flags(const char *hex, uint32_t *out)
{
    struct x509_bytes bytes;
    struct hf_span from = x509_hex(hex, &bytes);
    return hf_der_take_flags(&from, false, out);
}

static void named_bits_end_with_a_one(void)
{
    uint32_t bits;
    HF_CHECK(hf_is_ok(flags("0302 0780", &bits)) && bits == 0x1);
    HF_CHECK(hf_is_ok(flags("0302 0106", &bits)) && bits == 0x60);
    HF_CHECK(hf_is_ok(flags("0302 00ff", &bits)) && bits == 0xff);
    HF_CHECK(hf_is_ok(flags("0303 070080", &bits)) && bits == 0x100);
    HF_CHECK(hf_is_ok(flags("030100", &bits)) && bits == 0);
    HF_CHECK_CODE(flags("0302 0080", &bits), HF_E_DER_VALUE);
    HF_CHECK_CODE(flags("0302 0781", &bits), HF_E_DER_VALUE);
    HF_CHECK_CODE(flags("0302 0000", &bits), HF_E_DER_VALUE);
    HF_CHECK_CODE(flags("0303 078000", &bits), HF_E_DER_VALUE);
    HF_CHECK_CODE(flags("0304 00000001", &bits), HF_E_DER_VALUE);
    HF_CHECK(bits == 0);
    struct x509_bytes bytes;
    struct hf_span padded = x509_hex("0302 0006 0302 0206 0302 0207", &bytes);
    HF_CHECK(hf_is_ok(hf_der_take_flags(&padded, true, &bits)) && bits == 0x60);
    HF_CHECK_CODE(hf_der_take_flags(&padded, true, &bits), HF_E_DER_VALUE); /* unused, but set */
}

static void null_is_empty(void)
{
    struct x509_bytes bytes;
    struct hf_span from = x509_hex("0500", &bytes);
    HF_CHECK_OK(hf_der_take_null(&from));
    from = x509_hex("050100", &bytes);
    HF_CHECK_CODE(hf_der_take_null(&from), HF_E_DER_VALUE);
}

static hf_result nested(size_t depth)
{
    uint8_t bytes[2 * (HF_DER_DEPTH_MAX + 4)];
    for (size_t i = 0; i < depth; i++) {
        bytes[2 * i] = 0x30;
        bytes[2 * i + 1] = (uint8_t)(2 * (depth - 1 - i));
    }
    return hf_der_check_nested(hf_span_of(bytes, 2 * depth));
}

static void nesting_is_bounded(void)
{
    HF_CHECK_OK(nested(0));
    HF_CHECK_OK(nested(1));
    HF_CHECK_OK(nested(HF_DER_DEPTH_MAX));
    HF_CHECK_CODE(nested(HF_DER_DEPTH_MAX + 1), HF_E_DER_TOO_DEEP);
}

static void nested_content_is_well_formed_to_the_end(void)
{
    struct x509_bytes bytes;
    HF_CHECK_OK(hf_der_check_nested(x509_hex("3006 3000 0402aabb 0500", &bytes)));
    HF_CHECK_CODE(hf_der_check_nested(x509_hex("3003 0402aa", &bytes)), HF_E_DER_TRUNCATED);
    HF_CHECK_CODE(hf_der_check_nested(x509_hex("3002 3080", &bytes)), HF_E_DER_LENGTH);
    HF_CHECK_CODE(hf_der_check_nested(x509_hex("0500 05", &bytes)), HF_E_DER_TRUNCATED);
}

HF_TESTS({"lengths are definite, minimal and inside", lengths_are_definite_minimal_and_inside},
         {"elements have a largest size", elements_have_a_largest_size},
         {"tags have one byte", tags_have_one_byte},
         {"an element is taken with its tag only", an_element_is_taken_with_its_tag_only},
         {"booleans are canonical", booleans_are_canonical},
         {"integers are minimal", integers_are_minimal},
         {"small integers have 31 bits", small_integers_have_31_bits},
         {"object identifiers are minimal and bounded", object_identifiers_are_minimal_and_bounded},
         {"bit strings say their unused bits", bit_strings_say_their_unused_bits},
         {"named bits end with a one", named_bits_end_with_a_one}, {"null is empty", null_is_empty},
         {"nesting is bounded", nesting_is_bounded},
         {"nested content is well-formed", nested_content_is_well_formed_to_the_end})
