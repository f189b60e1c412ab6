/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue }
 */
#include "x509/certificate.h"

#include "x509/cert_parts.h"

hf_result hf_cert_take(struct hf_span *from, struct hf_span *out)
{
    struct hf_der cert;
    *out = hf_span_of(NULL, 0);
    HF_TRY(hf_der_take_whole(from, HF_DER_SEQUENCE, &cert));
    *out = cert.whole;
    return hf_ok();
}

static hf_result read_certificate(struct hf_span content, struct hf_cert *out,
                                  struct hf_span *algorithm)
{
    struct hf_der tbs;
    struct hf_der outer;
    struct hf_span inner;
    *algorithm = hf_span_of(NULL, 0);
    HF_TRY(hf_der_take_whole(&content, HF_DER_SEQUENCE, &tbs));
    HF_TRY(hf_der_take_whole(&content, HF_DER_SEQUENCE, &outer));
    HF_TRY(hf_der_take_octet_bits(&content, &out->signature));
    HF_TRY(hf_der_end(content));
    out->tbs = tbs.whole;
    HF_TRY(hf_cert_read_tbs(tbs.content, out, &inner));
    /* spec: RFC 5280 4.1.1.2: only the inner one is protected by the signature. */
    HF_NEED_SEEN(hf_span_equal(outer.whole, inner), HF_E_CERT_ALGORITHM,
                 "the same algorithm inside and outside the signature", "two different ones");
    *algorithm = outer.content;
    return hf_ok();
}

static hf_result parse(struct hf_span der, struct hf_cert *out)
{
    struct hf_span rest = der;
    struct hf_der cert;
    struct hf_span algorithm;
    /* With its header: nobody may present more, and OpenSSL is not asked about more. */
    HF_NEED_SEEN(der.len <= HF_CHAIN_BYTES_MAX, HF_E_DER_TOO_LARGE,
                 "a certificate of at most 32768 bytes", "%zu", der.len);
    HF_TRY(hf_der_take_whole(&rest, HF_DER_SEQUENCE, &cert));
    HF_TRY(hf_der_end(rest));
    out->der = der;
    HF_TRY(read_certificate(cert.content, out, &algorithm));
    hf_result known = hf_cert_read_algorithm(algorithm, &out->signature_kind);
    if (out->as_root && known.code == HF_E_CERT_ALGORITHM) {
        return hf_ok();
    }
    return known;
}

static hf_result parse_or_clear(struct hf_span der, bool root, struct hf_cert *out)
{
    static const struct hf_cert none = {.path_len = -1};
    *out = none;
    out->as_root = root;
    hf_result result = parse(der, out);
    if (!hf_is_ok(result)) {
        *out = none;
    }
    return result;
}

hf_result hf_cert_parse(struct hf_span der, struct hf_cert *out)
{
    return parse_or_clear(der, false, out);
}

hf_result hf_cert_parse_root(struct hf_span der, struct hf_cert *out)
{
    return parse_or_clear(der, true, out);
}

hf_result hf_der_split(const uint8_t *der, size_t len, uint32_t *lengths, size_t cap, size_t *count)
{
    HF_NEED_PTR(count);
    *count = 0;
    HF_NEED(der != NULL || len == 0, HF_E_BAD_ARGUMENT);
    HF_NEED(lengths != NULL || cap == 0, HF_E_BAD_ARGUMENT);
    struct hf_span rest = hf_span_of(der, len);
    struct hf_span cert;
    size_t n = 0;
    while (rest.len != 0) {
        HF_TRY(hf_cert_take(&rest, &cert));
        HF_NEED_SEEN(n < cap, HF_E_CHAIN_TOO_LONG, "fewer certificates", "more than %zu", cap);
        lengths[n] = (uint32_t)cert.len;
        n++;
    }
    *count = n;
    return hf_ok();
}
