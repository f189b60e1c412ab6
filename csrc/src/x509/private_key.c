/* SPDX-License-Identifier: Apache-2.0
 *
 * The DER of private keys: RFC 5208/5958 (PKCS#8), RFC 5915 (SEC1), RFC 8017 A.1.2 (PKCS#1).
 */
#include "x509/private_key.h"

#include "x509/cert_parts.h"

static hf_result take_version(struct hf_span *from, int32_t most)
{
    int32_t version;
    HF_TRY(hf_der_take_small(from, &version));
    HF_NEED_SEEN(version <= most, HF_E_KEY_INVALID, "a known version of the structure", "%d",
                 (int)version);
    return hf_ok();
}

/* [0] parameters OPTIONAL: a named curve. `kind` is known from PKCS#8, or NONE. */
static hf_result take_curve(struct hf_span *from, enum hf_key_kind *kind)
{
    struct hf_span parameters;
    if (!hf_der_peek(*from, HF_DER_CONTEXT_OF(0))) {
        HF_NEED_SEEN(*kind != HF_KEY_NONE, HF_E_KEY_INVALID, "the name of a curve", "none");
        return hf_ok();
    }
    HF_TRY(hf_der_take(from, HF_DER_CONTEXT_OF(0), &parameters));
    enum hf_key_kind named = hf_cert_curve_kind(parameters);
    HF_NEED_SEEN(named != HF_KEY_NONE && (*kind == HF_KEY_NONE || *kind == named), HF_E_KEY_INVALID,
                 "P-256, P-384 or P-521, the same everywhere", "another curve");
    *kind = named;
    return hf_ok();
}

/* ECPrivateKey ::= SEQUENCE { version 1, privateKey, [0] parameters, [1] publicKey }. The public
 * key is not read: the certificate's is used, and proven. */
static hf_result read_ec(struct hf_span content, struct hf_private_key *out)
{
    struct hf_span public_key;
    HF_TRY(take_version(&content, 1));
    HF_TRY(hf_der_take(&content, HF_DER_OCTET_STRING, &out->scalar));
    HF_TRY(take_curve(&content, &out->kind));
    if (hf_der_peek(content, HF_DER_CONTEXT_OF(1))) {
        HF_TRY(hf_der_take(&content, HF_DER_CONTEXT_OF(1), &public_key));
    }
    HF_TRY(hf_der_end(content));
    size_t most = out->kind == HF_KEY_P256 ? 32 : out->kind == HF_KEY_P384 ? 48 : 66;
    HF_NEED_SEEN(out->scalar.len != 0 && out->scalar.len <= most, HF_E_KEY_INVALID,
                 "a private key of the length of its curve", "%zu bytes", out->scalar.len);
    return hf_ok();
}

/* RSAPrivateKey ::= SEQUENCE { version 0, n, e, d, p, q, dP, dQ, qInv } */
static hf_result read_rsa(struct hf_span content, struct hf_private_key *out)
{
    out->kind = HF_KEY_RSA;
    HF_TRY(take_version(&content, 0)); /* 1 has more than two primes */
    for (size_t i = 0; i < HF_RSA_NUMBERS; i++) {
        struct hf_span *number = &out->rsa[i];
        HF_TRY(hf_der_take_integer(&content, number));
        HF_NEED_SEEN(number->data[0] < 0x80, HF_E_KEY_INVALID, "positive numbers",
                     "a negative one");
        if (number->data[0] == 0) {
            *number = hf_span_of(number->data + 1, number->len - 1);
        }
        HF_NEED_SEEN(number->len != 0 && number->len <= 8192 / 8, HF_E_KEY_INVALID,
                     "numbers of at most 8192 bits", "%zu bytes", number->len);
    }
    return hf_der_end(content);
}

static hf_result read_ed25519(struct hf_span key, struct hf_private_key *out)
{
    HF_TRY(hf_der_take(&key, HF_DER_OCTET_STRING, &out->scalar));
    HF_TRY(hf_der_end(key));
    HF_NEED_SEEN(out->scalar.len == 32, HF_E_KEY_INVALID, "a private key of 32 bytes", "%zu bytes",
                 out->scalar.len);
    return hf_ok();
}

static hf_result read_inner(struct hf_span key, struct hf_private_key *out)
{
    struct hf_span content;
    if (out->kind == HF_KEY_ED25519) {
        return read_ed25519(key, out);
    }
    HF_TRY(hf_der_take(&key, HF_DER_SEQUENCE, &content));
    HF_TRY(hf_der_end(key));
    return out->kind == HF_KEY_RSA ? read_rsa(content, out) : read_ec(content, out);
}

/* PrivateKeyInfo after its version: { algorithm, privateKey, [0] attributes, [1] publicKey } */
static hf_result read_pkcs8(struct hf_span content, struct hf_private_key *out)
{
    struct hf_span algorithm;
    struct hf_span key;
    struct hf_span ignored;
    HF_TRY(hf_der_take(&content, HF_DER_SEQUENCE, &algorithm));
    HF_TRY(hf_der_take(&content, HF_DER_OCTET_STRING, &key));
    if (hf_der_peek(content, HF_DER_CONTEXT_OF(0))) {
        HF_TRY(hf_der_take(&content, HF_DER_CONTEXT_OF(0), &ignored));
    }
    if (hf_der_peek(content, HF_DER_CONTEXT(1))) {
        HF_TRY(hf_der_take(&content, HF_DER_CONTEXT(1), &ignored));
    }
    HF_TRY(hf_der_end(content));
    out->kind = hf_cert_key_kind(algorithm);
    HF_NEED_SEEN(out->kind != HF_KEY_NONE, HF_E_KEY_INVALID, "a key algorithm of the list",
                 "another one");
    return read_inner(key, out);
}

static hf_result read(struct hf_span der, struct hf_private_key *out)
{
    struct hf_span whole;
    struct hf_span content;
    struct hf_span version;
    HF_TRY(hf_der_take(&der, HF_DER_SEQUENCE, &whole));
    HF_TRY(hf_der_end(der));
    HF_NEED_SEEN(!hf_der_peek(whole, HF_DER_SEQUENCE), HF_E_KEY_INVALID, "an unencrypted key",
                 "an encrypted one, or something else than a key");
    content = whole;
    HF_TRY(hf_der_take_integer(&content, &version));
    if (hf_der_peek(content, HF_DER_SEQUENCE)) {
        HF_TRY(take_version(&whole, 1));
        return read_pkcs8(content, out);
    }
    return hf_der_peek(content, HF_DER_OCTET_STRING) ? read_ec(whole, out) : read_rsa(whole, out);
}

hf_result hf_private_key_read(struct hf_span der, struct hf_private_key *out)
{
    static const struct hf_private_key none;
    char seen[HF_DETAIL_MAX + 1];
    *out = none;
    hf_result result = read(der, out);
    if (hf_is_ok(result)) {
        return result;
    }
    *out = none;
    if (result.code == HF_E_KEY_INVALID) {
        return result;
    }
    /* A failure of the DER reader: nobody looks for a key under a certificate's errors. */
    const struct hf_error_row *row = hf_error_row_of(result.code);
    (void)hf_mem_copy(seen, sizeof(seen), hf_error_current()->seen, sizeof(seen));
    HF_FAIL_SEEN(HF_E_KEY_INVALID, "PKCS#8, SEC1 or PKCS#1 in DER", "%s%s%s",
                 row == NULL ? "" : row->text, seen[0] == '\0' ? "" : ": ", seen);
}
