/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts in names. They are never an identity here, but they are shown and compared by others, so
 * their bytes must be text of the type they claim: OpenSSL refuses (and compares) by it too.
 */
#include "x509/cert_parts.h"

#define UTF8_STRING 0x0c
#define NUMERIC_STRING 0x12
#define PRINTABLE_STRING 0x13
#define TELETEX_STRING 0x14
#define IA5_STRING 0x16
#define BMP_STRING 0x1e

hf_result hf_cert_check_ascii(struct hf_span text)
{
    for (size_t i = 0; i < text.len; i++) {
        HF_NEED_SEEN(text.data[i] < 0x80, HF_E_CERT_EXTENSION, "a name in ASCII", "byte 0x%02x",
                     text.data[i]);
    }
    return hf_ok();
}

/* Length of the character that begins with this byte, 0 when none does. */
static size_t utf8_length(uint8_t first)
{
    if (first < 0x80) {
        return 1;
    }
    return first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
}

/* One character: no overlong form, no surrogate, nothing above U+10FFFF (RFC 3629). */
static bool is_utf8(const uint8_t *text, size_t len)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t point = text[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return false;
        }
        point = point << 6 | (text[i] & 0x3fu);
    }
    return point >= least[len] && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
}

static bool check_utf8(struct hf_span text)
{
    size_t at = 0;
    while (at < text.len) {
        size_t len = utf8_length(text.data[at]);
        if (len == 0 || len > text.len - at || (len > 1 && !is_utf8(text.data + at, len))) {
            return false;
        }
        at += len;
    }
    return true;
}

static bool check_bmp(struct hf_span text)
{
    for (size_t i = 0; i + 1 < text.len; i += 2) {
        if (text.data[i] >= 0xd8 && text.data[i] <= 0xdf) {
            return false;
        }
    }
    return text.len % 2 == 0;
}

hf_result hf_cert_check_text(struct hf_span der)
{
    struct hf_der text;
    HF_TRY(hf_der_next(&der, &text));
    HF_TRY(hf_der_end(der));
    switch (text.tag) {
    case UTF8_STRING:
        HF_NEED_SEEN(check_utf8(text.content), HF_E_DER_VALUE, "UTF-8", "other bytes");
        return hf_ok();
    case PRINTABLE_STRING:
    case IA5_STRING:
    case NUMERIC_STRING:
        HF_NEED_SEEN(hf_is_ok(hf_cert_check_ascii(text.content)), HF_E_DER_VALUE, "ASCII",
                     "other bytes");
        return hf_ok();
    case TELETEX_STRING: /* any bytes: read as Latin-1 wherever it is read */
        return hf_ok();
    case BMP_STRING:
        HF_NEED_SEEN(check_bmp(text.content), HF_E_DER_VALUE, "UCS-2", "other bytes");
        return hf_ok();
    default:
        HF_FAIL_SEEN(HF_E_DER_TAG, "a text", "tag 0x%02x", text.tag);
    }
}

/* spec: X.520 6.1.1; and OpenSSL refuses an EDI party's name of another kind. */
hf_result hf_cert_check_directory_string(struct hf_span der)
{
    HF_NEED_SEEN(!hf_der_peek(der, IA5_STRING) && !hf_der_peek(der, NUMERIC_STRING), HF_E_DER_TAG,
                 "a DirectoryString", "tag 0x%02x", der.data[0]);
    return hf_cert_check_text(der);
}
