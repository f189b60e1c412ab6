/* SPDX-License-Identifier: Apache-2.0
 *
 * TBSCertificate: what the issuer signed.
 */
#include "x509/cert_parts.h"
#include "x509/time.h"

#define SERIAL_MAX 20

static hf_result take_version(struct hf_span *from)
{
    struct hf_span version;
    int32_t number;
    /* Absent means version 1: no extensions, so neither a CA flag nor a SPIFFE ID. */
    HF_NEED_SEEN(hf_der_peek(*from, HF_DER_CONTEXT_OF(0)), HF_E_CERT_VERSION, "version 3",
                 "version 1");
    HF_TRY(hf_der_take(from, HF_DER_CONTEXT_OF(0), &version));
    HF_TRY(hf_der_take_small(&version, &number));
    HF_TRY(hf_der_end(version));
    HF_NEED_SEEN(number == 2, HF_E_CERT_VERSION, "version 3", "field value %d", (int)number);
    return hf_ok();
}

static hf_result take_serial(struct hf_span *from, struct hf_cert *cert)
{
    struct hf_span *out = &cert->serial;
    HF_TRY(hf_der_take_integer(from, out));
    bool zero = out->len == 1 && out->data[0] == 0;
    bool positive = out->data[0] < 0x80 && (!zero || cert->as_root);
    HF_NEED_SEEN(positive && out->len <= SERIAL_MAX, HF_E_CERT_SERIAL,
                 "a positive integer of at most 20 bytes", "%s%zu bytes",
                 positive ? "" : "zero or negative, ", out->len);
    return hf_ok();
}

static hf_result take_validity(struct hf_span *from, struct hf_cert *cert)
{
    struct hf_span validity;
    HF_TRY(hf_der_take(from, HF_DER_SEQUENCE, &validity));
    HF_TRY(hf_time_take(&validity, cert->as_root, &cert->not_before));
    HF_TRY(hf_time_take(&validity, cert->as_root, &cert->not_after));
    return hf_der_end(validity);
}

static hf_result take_names(struct hf_span *from, struct hf_cert *cert)
{
    struct hf_der issuer;
    struct hf_der subject;
    HF_TRY(hf_cert_take_name(from, &issuer));
    /* spec: RFC 5280 4.1.2.4 */
    HF_NEED_SEEN(issuer.content.len != 0, HF_E_CERT_EMPTY_SUBJECT, "an issuer", "an empty name");
    HF_TRY(take_validity(from, cert));
    HF_TRY(hf_cert_take_name(from, &subject));
    cert->issuer = issuer.whole;
    cert->subject = subject.whole;
    cert->subject_empty = subject.content.len == 0;
    cert->self_issued = hf_span_equal(issuer.whole, subject.whole);
    return hf_ok();
}

hf_result hf_cert_read_tbs(struct hf_span content, struct hf_cert *cert, struct hf_span *algorithm)
{
    struct hf_der inner;
    struct hf_der spki;
    struct hf_span extensions;
    *algorithm = hf_span_of(NULL, 0);
    HF_TRY(take_version(&content));
    HF_TRY(take_serial(&content, cert));
    HF_TRY(hf_der_take_whole(&content, HF_DER_SEQUENCE, &inner));
    *algorithm = inner.whole;
    HF_TRY(take_names(&content, cert));
    HF_TRY(hf_der_take_whole(&content, HF_DER_SEQUENCE, &spki));
    cert->spki = spki.whole;
    HF_TRY(hf_cert_read_spki(spki.content, cert));
    if (content.len == 0) {
        return hf_ok();
    }
    /* Unique identifiers ([1], [2]) are forbidden to issuers by RFC 5280 4.1.2.8: refused here. */
    HF_TRY(hf_der_take(&content, HF_DER_CONTEXT_OF(3), &extensions));
    HF_TRY(hf_der_end(content));
    return hf_cert_read_extensions(extensions, cert);
}
