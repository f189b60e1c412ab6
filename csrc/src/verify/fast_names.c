/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenSSL folds texts into a canonical form (x_name.c: asn1_string_canon): UTF-8, lower case in
 * ASCII, white space trimmed and runs of it made one. Here all white space is left out, so that
 * whatever is one name to OpenSSL is one name here; and what is hard to compare counts as equal.
 */
#include "verify/fast_names.h"

#include "x509/cert_parts.h"

#define UTF8_STRING 0x0c
#define NUMERIC_STRING 0x12
#define PRINTABLE_STRING 0x13
#define IA5_STRING 0x16

/* Texts whose bytes are UTF-8 as they are: OpenSSL folds these by case and space alone. */
static bool is_utf8_text(uint8_t tag)
{
    return tag == UTF8_STRING || tag == NUMERIC_STRING || tag == PRINTABLE_STRING ||
           tag == IA5_STRING;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

/* The next byte that is no space, in lower case; -1 at the end. */
static int next_letter(struct hf_span *text)
{
    uint8_t c;
    while (hf_span_take_u8(text, &c)) {
        if (!is_space(c)) {
            return lower(c);
        }
    }
    return -1;
}

static bool texts_differ(struct hf_span a, struct hf_span b)
{
    for (;;) {
        int x = next_letter(&a);
        int y = next_letter(&b);
        if (x != y || x < 0) {
            return x != y;
        }
    }
}

/* One attribute each: SEQUENCE { type, value }. */
static bool attributes_differ(struct hf_span a, struct hf_span b)
{
    struct hf_span types[2];
    struct hf_der values[2];
    if (!hf_is_ok(hf_der_take_oid(&a, &types[0])) || !hf_is_ok(hf_der_next(&a, &values[0])) ||
        !hf_is_ok(hf_der_take_oid(&b, &types[1])) || !hf_is_ok(hf_der_next(&b, &values[1]))) {
        return false;
    }
    if (!hf_span_equal(types[0], types[1])) {
        return true;
    }
    if (values[0].tag == HF_DER_BIT_STRING && values[1].tag == HF_DER_BIT_STRING) {
        return !hf_span_equal(values[0].content, values[1].content);
    }
    return is_utf8_text(values[0].tag) && is_utf8_text(values[1].tag) &&
           texts_differ(values[0].content, values[1].content);
}

/* One RelativeDistinguishedName each. With several attributes in it, their order does not count:
 * those are not compared. */
static bool parts_differ(struct hf_span a, struct hf_span b)
{
    struct hf_span attributes[2];
    if (!hf_is_ok(hf_der_take(&a, HF_DER_SEQUENCE, &attributes[0])) ||
        !hf_is_ok(hf_der_take(&b, HF_DER_SEQUENCE, &attributes[1]))) {
        return false;
    }
    return a.len == 0 && b.len == 0 && attributes_differ(attributes[0], attributes[1]);
}

bool hf_fast_differ(struct hf_span left, struct hf_span right)
{
    struct hf_span a;
    struct hf_span b;
    struct hf_span parts[2];
    if (!hf_is_ok(hf_der_take(&left, HF_DER_SEQUENCE, &parts[0])) ||
        !hf_is_ok(hf_der_take(&right, HF_DER_SEQUENCE, &parts[1]))) {
        return false;
    }
    while (parts[0].len != 0 && parts[1].len != 0) {
        if (!hf_is_ok(hf_der_take(&parts[0], HF_DER_SET, &a)) ||
            !hf_is_ok(hf_der_take(&parts[1], HF_DER_SET, &b))) {
            return false;
        }
        if (parts_differ(a, b)) {
            return true;
        }
    }
    return parts[0].len != parts[1].len;
}

bool hf_fast_names_differ(const struct hf_cert *cert)
{
    /* An issuer never is empty: the reader. */
    return cert->subject_empty || hf_fast_differ(cert->issuer, cert->subject);
}
