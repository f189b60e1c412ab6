/* SPDX-License-Identifier: Apache-2.0
 *
 * GeneralName, and the two extensions made of it. A name's type is its tag and nothing else: what
 * looks like a SPIFFE ID in any other place than a URI is not one (threat I2).
 */
#include "x509/cert_parts.h"

static hf_result check_address(struct hf_span address, bool constraint)
{
    size_t unit = constraint ? 8 : 4; /* a constraint has a mask behind the address */
    HF_NEED_SEEN(address.len == unit || address.len == 4 * unit, HF_E_CERT_EXTENSION,
                 "the bytes of an IPv4 or IPv6 address", "%zu bytes", address.len);
    return hf_ok();
}

/* OtherName ::= SEQUENCE { type-id OID, value [0] EXPLICIT ANY } */
static hf_result check_other(struct hf_span content)
{
    struct hf_span oid;
    struct hf_span value;
    HF_TRY(hf_der_take_oid(&content, &oid));
    HF_TRY(hf_der_take(&content, HF_DER_CONTEXT_OF(0), &value));
    HF_TRY(hf_der_end(content));
    return hf_der_check_nested(value);
}

static hf_result check_directory(struct hf_span content)
{
    struct hf_der name;
    HF_TRY(hf_cert_take_name(&content, &name));
    return hf_der_end(content);
}

/* EDIPartyName ::= SEQUENCE { nameAssigner [0] OPTIONAL, partyName [1] }, both DirectoryString */
static hf_result check_edi(struct hf_span content)
{
    struct hf_span text;
    if (hf_der_peek(content, HF_DER_CONTEXT_OF(0))) {
        HF_TRY(hf_der_take(&content, HF_DER_CONTEXT_OF(0), &text));
        HF_TRY(hf_cert_check_directory_string(text));
    }
    HF_TRY(hf_der_take(&content, HF_DER_CONTEXT_OF(1), &text));
    HF_TRY(hf_cert_check_directory_string(text));
    return hf_der_end(content);
}

hf_result hf_cert_take_general_name(struct hf_span *from, bool constraint, struct hf_der *out)
{
    HF_TRY(hf_der_next(from, out));
    switch (out->tag) {
    case HF_NAME_TAG_URI:
    case HF_NAME_TAG_DNS:
    case HF_NAME_TAG_EMAIL:
        return hf_cert_check_ascii(out->content);
    case HF_NAME_TAG_IP:
        return check_address(out->content, constraint);
    case HF_NAME_TAG_RID:
        return hf_der_check_oid(out->content);
    case HF_NAME_TAG_OTHER:
        return check_other(out->content);
    case HF_NAME_TAG_DIRECTORY:
        return check_directory(out->content);
    case HF_NAME_TAG_EDI:
        return check_edi(out->content);
    case HF_NAME_TAG_X400:
        return hf_der_check_nested(out->content);
    default:
        HF_FAIL_SEEN(HF_E_CERT_EXTENSION, "a kind of name that X.509 has", "tag 0x%02x", out->tag);
    }
}

bool hf_cert_name_is_unread(const struct hf_der *name)
{
    return name->tag == HF_NAME_TAG_OTHER || name->tag == HF_NAME_TAG_X400;
}

static void note_unread(const struct hf_der *name, struct hf_cert *cert)
{
    cert->has_unread_extension = cert->has_unread_extension || hf_cert_name_is_unread(name);
}

static void count_name(const struct hf_der *name, struct hf_cert *cert)
{
    switch (name->tag) {
    case HF_NAME_TAG_URI:
        if (cert->uri_count == 0) {
            cert->uri = name->content;
        }
        cert->uri_count++;
        return;
    case HF_NAME_TAG_DNS:
        cert->dns_count++;
        return;
    case HF_NAME_TAG_IP:
        cert->ip_count++;
        return;
    case HF_NAME_TAG_EMAIL:
        cert->email_count++;
        return;
    default:
        cert->other_san_count++;
        return;
    }
}

hf_result hf_cert_read_san(struct hf_span value, struct hf_cert *cert)
{
    struct hf_span names;
    struct hf_der name;
    HF_TRY(hf_der_take(&value, HF_DER_SEQUENCE, &names));
    HF_TRY(hf_der_end(value));
    HF_NEED_SEEN(names.len != 0, HF_E_CERT_EXTENSION, "at least one alternative name", "none");
    cert->san = names;
    cert->has_san = true;
    while (names.len != 0) {
        HF_TRY(hf_cert_take_general_name(&names, false, &name));
        count_name(&name, cert);
        note_unread(&name, cert);
    }
    return hf_ok();
}

/* GeneralSubtree ::= SEQUENCE { base GeneralName, minimum [0] DEFAULT 0, maximum [1] OPTIONAL } */
static hf_result read_subtrees(struct hf_span list, struct hf_cert *cert)
{
    struct hf_span subtree;
    struct hf_der base;
    HF_NEED_SEEN(list.len != 0, HF_E_CA_CONSTRAINTS, "a name in each list of constraints", "none");
    while (list.len != 0) {
        HF_TRY(hf_der_take(&list, HF_DER_SEQUENCE, &subtree));
        HF_TRY(hf_cert_take_general_name(&subtree, true, &base));
        note_unread(&base, cert);
        /* spec: RFC 5280 4.2.1.10: minimum is 0, so absent in DER, and maximum is absent. */
        HF_NEED_SEEN(subtree.len == 0, HF_E_CA_CONSTRAINTS, "name constraints without distances",
                     "a minimum or maximum");
    }
    return hf_ok();
}

hf_result hf_cert_read_name_constraints(struct hf_span value, struct hf_cert *cert)
{
    struct hf_span content;
    struct hf_span subtrees;
    HF_TRY(hf_der_take(&value, HF_DER_SEQUENCE, &content));
    HF_TRY(hf_der_end(value));
    HF_NEED_SEEN(content.len != 0, HF_E_CA_CONSTRAINTS, "name constraints", "an empty sequence");
    cert->has_name_constraints = true;
    cert->name_constraints = content;
    if (hf_der_peek(content, HF_DER_CONTEXT_OF(0))) {
        HF_TRY(hf_der_take(&content, HF_DER_CONTEXT_OF(0), &subtrees));
        HF_TRY(read_subtrees(subtrees, cert));
    }
    if (hf_der_peek(content, HF_DER_CONTEXT_OF(1))) {
        HF_TRY(hf_der_take(&content, HF_DER_CONTEXT_OF(1), &subtrees));
        HF_TRY(read_subtrees(subtrees, cert));
    }
    return hf_der_end(content);
}
