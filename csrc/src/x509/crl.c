/* SPDX-License-Identifier: Apache-2.0
 *
 * CertificateList ::= SEQUENCE { tbsCertList, signatureAlgorithm, signatureValue }
 */
#include "x509/crl.h"

#include "x509/crl_parts.h"
#include "x509/time.h"

static hf_result take_version(struct hf_span *from)
{
    int32_t number = 0;
    /* Absent means version 1: no extensions, so no number and no word about what it covers. */
    HF_NEED_SEEN(hf_der_peek(*from, HF_DER_INTEGER), HF_E_CRL_INVALID, "a CRL of version 2",
                 "version 1");
    HF_TRY(hf_der_take_small(from, &number));
    HF_NEED_SEEN(number == 1, HF_E_CRL_INVALID, "a CRL of version 2", "field value %d",
                 (int)number);
    return hf_ok();
}

static hf_result take_times(struct hf_span *from, struct hf_crl *crl)
{
    HF_TRY(hf_time_take(from, false, &crl->this_update));
    /* spec: RFC 5280 5.1.2.5: required. Without it a list would be good for ever. */
    HF_NEED_SEEN(hf_der_peek(*from, HF_DER_UTC_TIME) || hf_der_peek(*from, HF_DER_GENERALIZED_TIME),
                 HF_E_CRL_INVALID, "nextUpdate", "none");
    return hf_time_take(from, false, &crl->next_update);
}

static hf_result read_tbs(struct hf_span content, struct hf_crl *crl, struct hf_span *algorithm)
{
    struct hf_der inner;
    struct hf_der issuer;
    struct hf_span extensions;
    *algorithm = hf_span_of(NULL, 0);
    HF_TRY(take_version(&content));
    HF_TRY(hf_der_take_whole(&content, HF_DER_SEQUENCE, &inner));
    *algorithm = inner.whole;
    HF_TRY(hf_cert_take_name(&content, &issuer));
    HF_NEED_SEEN(issuer.content.len != 0, HF_E_CERT_EMPTY_SUBJECT, "an issuer", "an empty name");
    crl->issuer = issuer.whole;
    HF_TRY(take_times(&content, crl));
    if (hf_der_peek(content, HF_DER_SEQUENCE)) {
        struct hf_der list;
        HF_TRY(hf_der_take_large(&content, HF_DER_SEQUENCE, &list));
        HF_TRY(hf_crl_read_entries(list.content, crl));
    }
    if (content.len != 0) {
        HF_TRY(hf_der_take(&content, HF_DER_CONTEXT_OF(0), &extensions));
        HF_TRY(hf_der_end(content));
        HF_TRY(hf_crl_read_extensions(extensions, crl));
    }
    /* spec: RFC 5280 5.2.3 */
    HF_NEED_SEEN(crl->has_number, HF_E_CRL_INVALID, "a CRL number", "none");
    return hf_ok();
}

static hf_result read_list(struct hf_span der, struct hf_crl *out)
{
    struct hf_span rest = der;
    struct hf_der list;
    struct hf_der tbs;
    struct hf_der outer;
    struct hf_span inner;
    HF_TRY(hf_der_take_large(&rest, HF_DER_SEQUENCE, &list));
    HF_TRY(hf_der_end(rest));
    rest = list.content;
    HF_TRY(hf_der_take_large(&rest, HF_DER_SEQUENCE, &tbs));
    HF_TRY(hf_der_take_whole(&rest, HF_DER_SEQUENCE, &outer));
    HF_TRY(hf_der_take_octet_bits(&rest, &out->signature));
    HF_TRY(hf_der_end(rest));
    out->der = der;
    out->tbs = tbs.whole;
    HF_TRY(read_tbs(tbs.content, out, &inner));
    /* spec: RFC 5280 5.1.1.2 */
    HF_NEED_SEEN(hf_span_equal(outer.whole, inner), HF_E_CERT_ALGORITHM,
                 "the same algorithm inside and outside the signature", "two different ones");
    return hf_cert_read_algorithm(outer.content, &out->signature_kind);
}

hf_result hf_crl_read(struct hf_span der, struct hf_crl *out)
{
    static const struct hf_crl none = {.scope = HF_CRL_USERS | HF_CRL_AUTHORITIES,
                                       .reasons = HF_CRL_ALL_REASONS};
    *out = none;
    hf_result r = read_list(der, out);
    if (!hf_is_ok(r)) {
        hf_crl_wipe(out);
    }
    return r;
}

void hf_crl_wipe(struct hf_crl *crl)
{
    hf_mem_free(crl->entries);
    crl->entries = NULL;
    crl->count = 0;
}
