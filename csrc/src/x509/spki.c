/* SPDX-License-Identifier: Apache-2.0
 *
 * SubjectPublicKeyInfo: named curves with uncompressed points only (explicit parameters cost
 * CVE-2022-0778), RSA within bounds that keep one verification cheap, Ed25519. That a point lies on
 * its curve is OpenSSL's to say: for authorities when a bundle is made, for a leaf when its
 * signature is verified.
 */
#include "x509/cert_parts.h"

#define EC "\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"
#define RSA "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00"

#define RSA_BYTES_MIN (2048 / 8)
#define RSA_BYTES_MAX (8192 / 8)

struct row {
    const char *algorithm; /* content of the AlgorithmIdentifier, as in algorithms.c */
    size_t len;
    enum hf_key_kind kind;
    uint32_t bits;
    size_t key_len; /* 0: not fixed */
};

#define ROW(text, kind, bits, key_len) {text, sizeof(text) - 1, kind, bits, key_len}

static const struct row rows[] = {
    ROW(EC "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", HF_KEY_P256, 256, 65),
    ROW(RSA, HF_KEY_RSA, 0, 0),
    ROW(EC "\x06\x05\x2b\x81\x04\x00\x22", HF_KEY_P384, 384, 97),
    ROW(EC "\x06\x05\x2b\x81\x04\x00\x23", HF_KEY_P521, 521, 133),
    ROW("\x06\x03\x2b\x65\x70", HF_KEY_ED25519, 256, 32),
};

static const struct row *find(struct hf_span algorithm)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (hf_mem_equal(algorithm.data, algorithm.len, rows[i].algorithm, rows[i].len)) {
            return &rows[i];
        }
    }
    return NULL;
}

enum hf_key_kind hf_cert_key_kind(struct hf_span algorithm)
{
    const struct row *row = find(algorithm);
    return row == NULL ? HF_KEY_NONE : row->kind;
}

enum hf_key_kind hf_cert_curve_kind(struct hf_span curve)
{
    struct hf_span ec = HF_SPAN(EC);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hf_span rest = hf_span_of(rows[i].algorithm, rows[i].len);
        struct hf_span head;
        if (hf_span_take(&rest, ec.len, &head) && hf_span_equal(head, ec) &&
            hf_span_equal(rest, curve)) {
            return rows[i].kind;
        }
    }
    return HF_KEY_NONE;
}

static hf_result check_exponent(struct hf_span e)
{
    uint64_t value = 0;
    for (size_t i = 0; i < e.len && i < 6; i++) {
        value = value << 8 | e.data[i];
    }
    /* A leading zero byte may stand before four others. */
    HF_NEED_SEEN(e.len <= 5 && value >= 3 && value % 2 == 1 && value <= UINT32_MAX, HF_E_CERT_KEY,
                 "an odd RSA exponent from 3 to 2^32", "%zu bytes", e.len);
    return hf_ok();
}

/* RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER } */
static hf_result read_rsa(struct hf_span key, uint32_t *bits)
{
    struct hf_span numbers;
    struct hf_span n;
    struct hf_span e;
    HF_TRY(hf_der_take(&key, HF_DER_SEQUENCE, &numbers));
    HF_TRY(hf_der_end(key));
    HF_TRY(hf_der_take_integer(&numbers, &n));
    HF_TRY(hf_der_take_integer(&numbers, &e));
    HF_TRY(hf_der_end(numbers));
    /* A whole number of bytes: the top bit is set, so the encoding begins with a zero byte. */
    HF_NEED_SEEN(n.data[0] == 0 && n.len >= RSA_BYTES_MIN + 1 && n.len <= RSA_BYTES_MAX + 1,
                 HF_E_CERT_KEY, "an RSA modulus of 2048 to 8192 bits, a multiple of 8", "%zu bytes",
                 n.len);
    HF_NEED_SEEN(n.data[n.len - 1] % 2 == 1, HF_E_CERT_KEY, "an odd RSA modulus", "an even one");
    HF_NEED(e.data[0] < 0x80, HF_E_CERT_KEY);
    HF_TRY(check_exponent(e));
    *bits = (uint32_t)(8 * (n.len - 1));
    return hf_ok();
}

hf_result hf_cert_read_spki(struct hf_span content, struct hf_cert *cert)
{
    struct hf_span algorithm;
    struct hf_span key;
    char shown[128];
    HF_TRY(hf_der_take(&content, HF_DER_SEQUENCE, &algorithm));
    HF_TRY(hf_der_take_octet_bits(&content, &key));
    HF_TRY(hf_der_end(content));
    const struct row *row = find(algorithm);
    if (row == NULL) {
        hf_error_escape(shown, sizeof(shown), algorithm.data, algorithm.len);
        HF_FAIL_SEEN(HF_E_CERT_KEY, "a key algorithm of the list, with its exact parameters",
                     "DER %s", shown);
    }
    cert->key_kind = row->kind;
    cert->key_bits = row->bits;
    cert->public_key = key;
    if (row->kind == HF_KEY_RSA) {
        return read_rsa(key, &cert->key_bits);
    }
    HF_NEED_SEEN(key.len == row->key_len, HF_E_CERT_KEY, "a key of the length of its curve",
                 "%zu bytes", key.len);
    HF_NEED_SEEN(row->kind == HF_KEY_ED25519 || key.data[0] == 0x04, HF_E_CERT_KEY,
                 "an uncompressed point", "form 0x%02x", key.data[0]);
    return hf_ok();
}
