/* SPDX-License-Identifier: Apache-2.0
 *
 * Basic constraints, key usage, extended key usage, key identifiers.
 */
#include "x509/cert_parts.h"

#define KEY_USAGE_BITS 0x1ffu

hf_result hf_cert_read_basic_constraints(struct hf_span value, struct hf_cert *cert)
{
    struct hf_span content;
    HF_TRY(hf_der_take(&value, HF_DER_SEQUENCE, &content));
    HF_TRY(hf_der_end(value));
    cert->has_basic_constraints = true;
    if (hf_der_peek(content, HF_DER_BOOLEAN)) {
        HF_TRY(hf_der_take_boolean(&content, &cert->is_ca));
        HF_NEED_SEEN(cert->is_ca, HF_E_DER_VALUE, "no encoding of a default value", "cA FALSE");
    }
    if (content.len == 0) {
        return hf_ok();
    }
    HF_TRY(hf_der_take_small(&content, &cert->path_len));
    HF_TRY(hf_der_end(content));
    /* spec: RFC 5280 4.2.1.9 */
    HF_NEED_SEEN(cert->is_ca, HF_E_CERT_EXTENSION, "a path length only in a CA",
                 "one in another certificate");
    return hf_ok();
}

hf_result hf_cert_read_key_usage(struct hf_span value, struct hf_cert *cert)
{
    HF_TRY(hf_der_take_flags(&value, cert->as_root, &cert->key_usage));
    HF_TRY(hf_der_end(value));
    /* spec: RFC 5280 4.2.1.3: at least one bit; nine have a meaning. */
    HF_NEED_SEEN(cert->key_usage != 0 && (cert->key_usage & ~KEY_USAGE_BITS) == 0,
                 HF_E_CERT_EXTENSION, "one or more of the nine key usages", "bits 0x%x",
                 (unsigned)cert->key_usage);
    cert->has_key_usage = true;
    return hf_ok();
}

static uint32_t eku_bit(struct hf_span oid)
{
    struct hf_span kp = HF_SPAN("\x2b\x06\x01\x05\x05\x07\x03");
    if (hf_span_starts_with(oid, kp) && oid.len == kp.len + 1) {
        uint8_t last = oid.data[kp.len];
        return last == 1 ? HF_EKU_SERVER : last == 2 ? HF_EKU_CLIENT : HF_EKU_OTHER;
    }
    return hf_span_equal(oid, HF_SPAN("\x55\x1d\x25\x00")) ? HF_EKU_ANY : HF_EKU_OTHER;
}

hf_result hf_cert_read_eku(struct hf_span value, struct hf_cert *cert)
{
    struct hf_span list;
    HF_TRY(hf_der_take(&value, HF_DER_SEQUENCE, &list));
    HF_TRY(hf_der_end(value));
    HF_NEED_SEEN(list.len != 0, HF_E_CERT_EXTENSION, "at least one extended key usage", "none");
    while (list.len != 0) {
        struct hf_span oid;
        HF_TRY(hf_der_take_oid(&list, &oid));
        cert->eku |= eku_bit(oid);
    }
    cert->has_eku = true;
    return hf_ok();
}

hf_result hf_cert_read_ski(struct hf_span value, struct hf_cert *cert)
{
    HF_TRY(hf_der_take(&value, HF_DER_OCTET_STRING, &cert->ski));
    HF_TRY(hf_der_end(value));
    HF_NEED_SEEN(cert->ski.len != 0, HF_E_CERT_EXTENSION, "a key identifier", "an empty one");
    return hf_ok();
}

/* The issuer's certificate, named by [1] GeneralNames and [2] serial number: both or neither. */
static hf_result read_aki_issuer(struct hf_span content, bool *has_unread)
{
    struct hf_span names;
    struct hf_span serial;
    struct hf_der name;
    HF_TRY(hf_der_take(&content, HF_DER_CONTEXT_OF(1), &names));
    HF_NEED_SEEN(names.len != 0, HF_E_CERT_EXTENSION, "an issuer's name", "an empty list");
    while (names.len != 0) {
        HF_TRY(hf_cert_take_general_name(&names, false, &name));
        *has_unread = *has_unread || hf_cert_name_is_unread(&name);
    }
    HF_TRY(hf_der_take(&content, HF_DER_CONTEXT(2), &serial));
    HF_TRY(hf_der_check_integer(serial));
    return hf_der_end(content);
}

hf_result hf_cert_read_aki(struct hf_span value, struct hf_authority_key *out)
{
    static const struct hf_authority_key none;
    struct hf_span content;
    *out = none;
    HF_TRY(hf_der_take(&value, HF_DER_SEQUENCE, &content));
    HF_TRY(hf_der_end(value));
    if (hf_der_peek(content, HF_DER_CONTEXT(0))) {
        HF_TRY(hf_der_take(&content, HF_DER_CONTEXT(0), &out->id));
        HF_NEED_SEEN(out->id.len != 0, HF_E_CERT_EXTENSION, "a key identifier", "an empty one");
    }
    out->names_issuer = content.len != 0;
    return out->names_issuer ? read_aki_issuer(content, &out->has_unread) : hf_ok();
}
