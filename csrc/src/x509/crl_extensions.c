/* SPDX-License-Identifier: Apache-2.0
 *
 * Extensions of a list: whose key signed it, its number, and which part of an issuer's certificates
 * it speaks of (IssuingDistributionPoint). A part that is not understood would be taken for the
 * whole, so nothing critical is passed over.
 */
#include "x509/crl_parts.h"

#define CRL_NUMBER 20
#define DELTA_INDICATOR 27
#define ISSUING_POINT 28
#define KEY_IDENTIFIER 35
#define NUMBER_MAX 20

static hf_result read_number(const struct hf_extension *e, struct hf_crl *crl)
{
    struct hf_span value = e->value;
    struct hf_span number;
    HF_NEED_SEEN(!e->critical, HF_E_CRL_INVALID, "a CRL number that is not critical",
                 "a critical one");
    HF_TRY(hf_der_take_integer(&value, &number));
    HF_TRY(hf_der_end(value));
    HF_NEED_SEEN(number.data[0] < 0x80 && number.len <= NUMBER_MAX, HF_E_CRL_INVALID,
                 "a CRL number from 0, of at most 20 bytes", "%zu bytes", number.len);
    crl->has_number = true;
    return hf_ok();
}

/* A BOOLEAN DEFAULT FALSE behind a context tag: there only when it is true. */
static hf_result take_true(struct hf_span *from, uint8_t tag, bool *out)
{
    struct hf_span content;
    *out = hf_der_peek(*from, tag);
    if (!*out) {
        return hf_ok();
    }
    HF_TRY(hf_der_take(from, tag, &content));
    HF_NEED_SEEN(content.len == 1 && content.data[0] == 0xff, HF_E_DER_VALUE,
                 "no encoding of a default value", "another value");
    return hf_ok();
}

/* DistributionPointName ::= CHOICE { fullName [0] GeneralNames, relative [1] RDN } */
static hf_result take_point(struct hf_span *from, struct hf_crl *crl)
{
    struct hf_span content;
    struct hf_der name;
    if (!hf_der_peek(*from, HF_DER_CONTEXT_OF(0))) {
        return hf_ok();
    }
    HF_TRY(hf_der_take(from, HF_DER_CONTEXT_OF(0), &content));
    HF_TRY(hf_der_next(&content, &name));
    HF_TRY(hf_der_end(content));
    HF_NEED_SEEN(name.content.len != 0 &&
                     (name.tag == HF_DER_CONTEXT_OF(0) || name.tag == HF_DER_CONTEXT_OF(1)),
                 HF_E_CRL_INVALID, "the name of a distribution point", "tag 0x%02x", name.tag);
    while (name.tag == HF_DER_CONTEXT_OF(0) && name.content.len != 0) {
        struct hf_der ignored;
        HF_TRY(hf_cert_take_general_name(&name.content, false, &ignored));
    }
    crl->point = name.whole;
    return hf_der_check_nested(name.content);
}

static hf_result take_scope(struct hf_span *from, struct hf_crl *crl)
{
    bool users;
    bool authorities;
    HF_TRY(take_true(from, HF_DER_CONTEXT(1), &users));
    HF_TRY(take_true(from, HF_DER_CONTEXT(2), &authorities));
    /* spec: RFC 5280 5.2.5: at most one of them. */
    HF_NEED_SEEN(!users || !authorities, HF_E_CRL_INVALID, "one kind of certificates or all",
                 "only users, and only CAs");
    if (users) {
        crl->scope = HF_CRL_USERS;
    }
    if (authorities) {
        crl->scope = HF_CRL_AUTHORITIES;
    }
    return hf_ok();
}

static hf_result take_reasons(struct hf_span *from, struct hf_crl *crl)
{
    struct hf_span content;
    uint32_t flags;
    if (!hf_der_peek(*from, HF_DER_CONTEXT(3))) {
        return hf_ok();
    }
    HF_TRY(hf_der_take(from, HF_DER_CONTEXT(3), &content));
    HF_TRY(hf_der_check_flags(content, true, &flags));
    crl->reasons = flags & HF_CRL_ALL_REASONS;
    HF_NEED_SEEN(crl->reasons != 0, HF_E_CRL_INVALID, "a CRL for some reason", "one for none");
    return hf_ok();
}

static hf_result read_issuing_point(struct hf_span value, struct hf_crl *crl)
{
    struct hf_span content;
    bool indirect;
    bool attributes;
    HF_TRY(hf_der_take(&value, HF_DER_SEQUENCE, &content));
    HF_TRY(hf_der_end(value));
    HF_TRY(take_point(&content, crl));
    HF_TRY(take_scope(&content, crl));
    HF_TRY(take_reasons(&content, crl));
    HF_TRY(take_true(&content, HF_DER_CONTEXT(4), &indirect));
    HF_TRY(take_true(&content, HF_DER_CONTEXT(5), &attributes));
    HF_TRY(hf_der_end(content));
    HF_NEED_SEEN(!indirect, HF_E_CRL_UNSUPPORTED, "a CRL of its issuer's own certificates",
                 "an indirect CRL");
    HF_NEED_SEEN(!attributes, HF_E_CRL_UNSUPPORTED, "a CRL of public key certificates",
                 "one of attribute certificates");
    return hf_ok();
}

static hf_result read_aki(struct hf_span value, struct hf_crl *crl)
{
    struct hf_authority_key key;
    HF_TRY(hf_cert_read_aki(value, &key));
    crl->aki = key.id;
    return hf_ok();
}

static hf_result read_extension(const struct hf_extension *e, struct hf_crl *crl)
{
    char shown[HF_DER_OID_MAX * 4 + 1];
    switch (hf_extension_number(e)) {
    case CRL_NUMBER:
        return read_number(e, crl);
    case KEY_IDENTIFIER:
        return read_aki(e->value, crl);
    case ISSUING_POINT:
        return read_issuing_point(e->value, crl);
    case DELTA_INDICATOR:
        HF_FAIL_SEEN(HF_E_CRL_UNSUPPORTED, "a complete CRL", "a delta CRL");
    default:
        break;
    }
    if (e->critical) {
        hf_error_escape(shown, sizeof(shown), e->oid.data, e->oid.len);
        HF_FAIL_SEEN(HF_E_CERT_UNKNOWN_CRITICAL, "critical extensions that are understood",
                     "object identifier %s", shown);
    }
    return hf_ok();
}

hf_result hf_crl_read_extensions(struct hf_span content, struct hf_crl *crl)
{
    struct hf_span list;
    struct hf_extensions_seen seen;
    seen.count = 0;
    HF_TRY(hf_der_take(&content, HF_DER_SEQUENCE, &list));
    HF_TRY(hf_der_end(content));
    HF_NEED_SEEN(list.len != 0, HF_E_CRL_INVALID, "at least one extension", "an empty list");
    while (list.len != 0) {
        struct hf_extension e;
        HF_TRY(hf_cert_take_extension(&list, &e));
        HF_TRY(hf_cert_note_extension(&seen, e.oid));
        HF_TRY(read_extension(&e, crl));
    }
    return hf_ok();
}
