/* SPDX-License-Identifier: Apache-2.0
 *
 * Three extensions are looked up again here and in crl_points.c instead of being carried in every
 * view: SVIDs have no use for them, and their views stay as small as they are.
 */
#include "verify/web_rules.h"

#include "x509/cert_parts.h"

#define OID_AKI HF_SPAN("\x55\x1d\x23")
#define OID_AIA HF_SPAN("\x2b\x06\x01\x05\x05\x07\x01\x01")

/* The list of extensions; the reader saw to the form of all of it. */
static hf_result take_extensions(const struct hf_cert *cert, struct hf_span *list)
{
    struct hf_span tbs = cert->tbs;
    struct hf_span fields;
    struct hf_der field = {0};
    HF_TRY(hf_der_take(&tbs, HF_DER_SEQUENCE, &fields));
    while (fields.len != 0) {
        HF_TRY(hf_der_next(&fields, &field));
    }
    *list = hf_span_of(NULL, 0);
    if (field.tag != HF_DER_CONTEXT_OF(3)) {
        return hf_ok();
    }
    return hf_der_take(&field.content, HF_DER_SEQUENCE, list);
}

hf_result hf_web_find_extension(const struct hf_cert *cert, struct hf_span oid, bool *found,
                                struct hf_span *value)
{
    struct hf_span list;
    *found = false;
    HF_TRY(take_extensions(cert, &list));
    while (list.len != 0 && !*found) {
        struct hf_extension extension;
        HF_TRY(hf_cert_take_extension(&list, &extension));
        if (hf_span_equal(extension.oid, oid)) {
            *found = true;
            *value = extension.value;
        }
    }
    return hf_ok();
}

/* AuthorityInfoAccessSyntax ::= SEQUENCE SIZE (1..MAX) OF SEQUENCE { OID, GeneralName } */
static hf_result read_information_access(struct hf_span value)
{
    struct hf_span list;
    HF_TRY(hf_der_take(&value, HF_DER_SEQUENCE, &list));
    HF_TRY(hf_der_end(value));
    HF_NEED_SEEN(list.len != 0, HF_E_CERT_EXTENSION, "a description in authorityInfoAccess",
                 "an empty list");
    while (list.len != 0) {
        struct hf_span description;
        struct hf_span method;
        struct hf_der location;
        HF_TRY(hf_der_take(&list, HF_DER_SEQUENCE, &description));
        HF_TRY(hf_der_take_oid(&description, &method));
        HF_TRY(hf_cert_take_general_name(&description, false, &location));
        HF_TRY(hf_der_end(description));
    }
    return hf_ok();
}

/* Nothing is fetched from there, ever; but what we cannot read somebody else reads otherwise. */
static hf_result check_information_access(const struct hf_cert *cert)
{
    bool found;
    struct hf_span value;
    HF_TRY(hf_web_find_extension(cert, OID_AIA, &found, &value));
    if (found && !hf_is_ok(read_information_access(value))) {
        HF_FAIL_SEEN(HF_E_CERT_EXTENSION, "an authorityInfoAccess that can be read", "%zu bytes",
                     value.len);
    }
    return hf_ok();
}

/* spec: RFC 5280 4.2.1.1: in every certificate that is not self-signed. */
static hf_result need_authority_key(const struct hf_cert *cert)
{
    HF_NEED_SEEN(cert->aki.len != 0, HF_E_CERT_EXTENSION, "an authority key identifier", "none");
    return hf_ok();
}

static bool is_server(int purpose)
{
    return (hf_purpose_eku(purpose) & HF_EKU_SERVER) != 0;
}

static hf_result check_purpose(const struct hf_cert *leaf, int purpose)
{
    uint32_t wanted = hf_purpose_eku(purpose);
    HF_NEED_SEEN(!leaf->has_eku || (leaf->eku & wanted) == wanted, HF_E_SVID_EKU,
                 "an extended key usage with the purpose asked for", "one without it");
    if (!is_server(purpose)) {
        return hf_ok();
    }
    /* BR 7.1.2.7.6 and 7.1.2.7.10: a server's certificate says so, and does not say "anything". */
    HF_NEED_SEEN(leaf->has_eku, HF_E_SVID_EKU, "an extended key usage with serverAuth", "none");
    HF_NEED_SEEN((leaf->eku & HF_EKU_ANY) == 0, HF_E_SVID_EKU,
                 "an extended key usage that names its purposes", "anyExtendedKeyUsage");
    HF_NEED_SEEN(!leaf->eku_critical, HF_E_SVID_EKU, "an extended key usage that is not critical",
                 "a critical one");
    return hf_ok();
}

hf_result hf_web_leaf_check(const struct hf_cert *leaf, int purpose)
{
    HF_TRY(check_purpose(leaf, purpose));
    /* RFC 5280 4.1.2.6 */
    HF_NEED_SEEN(!leaf->subject_empty || leaf->san_critical, HF_E_CERT_EMPTY_SUBJECT,
                 "a subject, or a critical alternative name", "neither");
    /* BR 7.1.2.7.12 */
    HF_NEED_SEEN(leaf->subject_empty || !leaf->san_critical || !is_server(purpose),
                 HF_E_CERT_EXTENSION, "alternative names that are critical without a subject only",
                 "critical ones beside a subject");
    HF_TRY(need_authority_key(leaf));
    HF_TRY(check_information_access(leaf));
    return hf_web_names_check(leaf, purpose);
}

hf_result hf_web_issuer_check(const struct hf_cert *cert)
{
    HF_TRY(need_authority_key(cert));
    /* spec: RFC 5280 4.2.1.2: in every CA. */
    HF_NEED_SEEN(cert->ski.len != 0, HF_E_CERT_EXTENSION, "a subject key identifier in a CA",
                 "none");
    return check_information_access(cert);
}

hf_result hf_web_anchor_check(const struct hf_cert *cert, int purpose)
{
    bool found;
    struct hf_span value;
    /* spec: RFC 5280 4.2.1.9. A root whose signature is of no algorithm that is in use today
     * (SHA-1) is older than anybody's care for that: three of the 144 roots of Debian 12. */
    HF_NEED_SEEN(cert->basic_constraints_critical || cert->signature_kind == HF_SIG_NONE,
                 HF_E_CA_NOT_CA, "critical basicConstraints",
                 "basicConstraints that may be ignored");
    HF_TRY(hf_web_find_extension(cert, OID_AKI, &found, &value));
    if (found || !cert->self_issued) {
        HF_TRY(need_authority_key(cert)); /* BR 7.1.2.1.3 */
    }
    /* The same: what signed itself names its own key. */
    bool differ = cert->ski.len != 0 && !hf_span_equal(cert->aki, cert->ski);
    HF_NEED_SEEN(!found || !cert->self_issued || !differ, HF_E_CERT_EXTENSION,
                 "a root with one key identifier", "two that differ");
    /* BR 7.1.2.1.2. An anchor that is an intermediate may have one: it is limited, rightly. */
    HF_NEED_SEEN(!cert->has_eku || !cert->self_issued || !is_server(purpose), HF_E_SVID_EKU,
                 "a root without extended key usage", "one with it");
    return hf_ok();
}
