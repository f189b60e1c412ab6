/* SPDX-License-Identifier: Apache-2.0
 *
 * The order of the checks is the order of what helps most: a CA used as a leaf is told that it is
 * a CA, not that its ID has no path.
 */
#include "x509/svid_rules.h"

#include "base/clock.h"
#include "id/spiffe_id.h"

static hf_result check_arguments(int rules, int purpose)
{
    HF_NEED(rules == HF_RULES_STRICT || rules == HF_RULES_COMPATIBLE, HF_E_BAD_ARGUMENT);
    HF_NEED(purpose == HF_PURPOSE_EITHER || purpose == HF_PURPOSE_CLIENT ||
                purpose == HF_PURPOSE_SERVER,
            HF_E_BAD_ARGUMENT);
    return hf_ok();
}

/* The one URI SAN as a SPIFFE ID; refusals of the ID parser become HF_E_SVID_ID_INVALID. */
static hf_result read_id(const struct hf_cert *cert, struct hf_spiffe_id *out)
{
    char shown[160];
    if (hf_is_ok(hf_spiffe_id_parse(cert->uri.data, cert->uri.len, out))) {
        return hf_ok();
    }
    const struct hf_error_row *row = hf_error_row_of(hf_error_current()->code);
    hf_error_escape(shown, sizeof(shown), cert->uri.data, cert->uri.len);
    HF_FAIL_SEEN(HF_E_SVID_ID_INVALID, "a URI SAN that is a SPIFFE ID", "'%s': %s", shown,
                 row == NULL ? "" : row->text);
}

/* spec: X509-13, X509-16, X509-23, X509-28, X509-29, X509-30 */
static hf_result check_not_signing(const struct hf_cert *cert)
{
    HF_NEED_SEEN(!cert->is_ca, HF_E_SVID_IS_CA, "basic constraints without cA", "cA TRUE");
    HF_NEED_SEEN((cert->key_usage & (HF_KU_KEY_CERT_SIGN | HF_KU_CRL_SIGN)) == 0,
                 HF_E_SVID_CAN_SIGN, "a key usage without keyCertSign and cRLSign", "%s",
                 (cert->key_usage & HF_KU_KEY_CERT_SIGN) != 0 ? "keyCertSign" : "cRLSign");
    return hf_ok();
}

/* spec: X509-01, X509-02, X509-03, X509-31, X509-32, X509-33 */
static hf_result check_id(const struct hf_cert *cert, struct hf_spiffe_id *out)
{
    HF_NEED_SEEN(cert->uri_count != 0, HF_E_SVID_NO_URI_SAN, "exactly one URI SAN",
                 cert->has_san ? "other subject alternative names only"
                               : "no subject alternative names");
    HF_NEED_SEEN(cert->uri_count == 1, HF_E_SVID_MANY_URI_SANS, "exactly one URI SAN", "%u",
                 (unsigned)cert->uri_count);
    HF_TRY(read_id(cert, out));
    HF_NEED_SEEN(out->path_len != 0, HF_E_SVID_NO_PATH, "a SPIFFE ID with a path",
                 "the ID of the trust domain itself");
    return hf_ok();
}

/* spec: X509-18, X509-19, X509-21; X509-22: other bits are the issuer's affair. The standard binds
 * issuers here and says nothing to validators: COMPATIBLE takes an absent or uncritical extension,
 * but one that is there and lacks digitalSignature forbids what TLS does with the key. */
static hf_result check_key_usage(const struct hf_cert *cert, int rules)
{
    bool strict = rules == HF_RULES_STRICT;
    if (!cert->has_key_usage) {
        HF_NEED_SEEN(!strict, HF_E_SVID_KEY_USAGE, "a critical key usage with digitalSignature",
                     "no key usage");
        return hf_ok();
    }
    HF_NEED_SEEN((cert->key_usage & HF_KU_DIGITAL_SIGNATURE) != 0, HF_E_SVID_KEY_USAGE,
                 "digitalSignature", "key usage bits 0x%x without it", (unsigned)cert->key_usage);
    HF_NEED_SEEN(!strict || cert->key_usage_critical, HF_E_SVID_KEY_USAGE, "a critical key usage",
                 "one that is not critical");
    return hf_ok();
}

/* spec: X509-24, X509-25. An absent extension allows everything (RFC 5280 4.2.1.12). */
static hf_result check_eku(const struct hf_cert *cert, int rules, int purpose)
{
    uint32_t wanted = purpose == HF_PURPOSE_CLIENT   ? HF_EKU_CLIENT
                      : purpose == HF_PURPOSE_SERVER ? HF_EKU_SERVER
                                                     : HF_EKU_CLIENT | HF_EKU_SERVER;
    uint32_t missing = wanted & ~cert->eku;
    if (!cert->has_eku || missing == 0) {
        return hf_ok();
    }
    if (rules == HF_RULES_COMPATIBLE && (cert->eku & HF_EKU_ANY) != 0) {
        return hf_ok();
    }
    HF_FAIL_SEEN(HF_E_SVID_EKU, "an extended key usage for this purpose, or none",
                 "one without%s%s", (missing & HF_EKU_SERVER) != 0 ? " serverAuth" : "",
                 (missing & HF_EKU_CLIENT) != 0 ? " clientAuth" : "");
}

static hf_result check_no_policies(const struct hf_cert *cert)
{
    HF_NEED_SEEN(!cert->has_policy_constraints, HF_E_CA_CONSTRAINTS,
                 "no policy constraints, mappings or inhibitAnyPolicy", "one of them");
    return hf_ok();
}

static hf_result check_leaf(const struct hf_cert *cert, int rules, int purpose,
                            struct hf_spiffe_id *id)
{
    HF_TRY(check_not_signing(cert));
    HF_TRY(check_id(cert, id));
    HF_TRY(check_key_usage(cert, rules));
    HF_TRY(check_eku(cert, rules, purpose));
    HF_NEED_SEEN(!cert->has_name_constraints, HF_E_CA_CONSTRAINTS, "name constraints only in CAs",
                 "some in a leaf");
    HF_TRY(check_no_policies(cert));
    /* spec: X509-06; RFC 5280 4.1.2.6 */
    HF_NEED_SEEN(!cert->subject_empty || cert->san_critical, HF_E_CERT_EMPTY_SUBJECT,
                 "a subject, or a critical SAN", "an empty subject and a SAN that is not critical");
    return hf_ok();
}

/* Add the claimed ID to the failure just recorded. Parsing may record a failure of its own. */
static void claim(const struct hf_cert *cert)
{
    struct hf_error kept;
    struct hf_spiffe_id id;
    hf_error_copy(&kept);
    bool parsed = hf_is_ok(hf_spiffe_id_parse(cert->uri.data, cert->uri.len, &id));
    (void)hf_error_restore(&kept).code;
    if (parsed) {
        hf_spiffe_id_claim(&id);
    }
}

hf_result hf_svid_leaf_check(const struct hf_cert *cert, int rules, int purpose,
                             struct hf_spiffe_id *id)
{
    static const struct hf_spiffe_id none;
    *id = none;
    HF_TRY(check_arguments(rules, purpose));
    hf_result result = check_leaf(cert, rules, purpose, id);
    if (!hf_is_ok(result)) {
        *id = none;
        claim(cert);
    }
    return result;
}

/* spec: X509-08, X509-15, X509-20 */
static hf_result check_signing(const struct hf_cert *cert)
{
    HF_NEED_SEEN(cert->is_ca, HF_E_CA_NOT_CA, "basic constraints with cA", "%s",
                 cert->has_basic_constraints ? "cA FALSE" : "no basic constraints");
    HF_NEED_SEEN(!cert->has_key_usage || (cert->key_usage & HF_KU_KEY_CERT_SIGN) != 0,
                 HF_E_CA_NOT_CA, "keyCertSign", "key usage bits 0x%x without it",
                 (unsigned)cert->key_usage);
    /* spec: RFC 5280 4.1.2.6 */
    HF_NEED_SEEN(!cert->subject_empty, HF_E_CERT_EMPTY_SUBJECT, "a CA with a subject",
                 "an empty subject");
    return check_no_policies(cert);
}

/* spec: X509-09..X509-12. X509-12 would let an intermediate name any trust domain; the strict rules
 * do not (threat C6), since such a chain is more often a mistake than a wish. */
static hf_result check_signing_id(const struct hf_cert *cert, int rules,
                                  struct hf_span trust_domain)
{
    struct hf_spiffe_id id;
    if (cert->uri_count == 0) {
        return hf_ok();
    }
    HF_NEED_SEEN(cert->uri_count == 1, HF_E_SVID_MANY_URI_SANS, "at most one URI SAN", "%u",
                 (unsigned)cert->uri_count);
    HF_TRY(read_id(cert, &id));
    HF_NEED_SEEN(id.path_len == 0, HF_E_CA_ID, "an ID without a path", "%.*s",
                 (int)(id.id_len < 200 ? id.id_len : 200), (const char *)id.id);
    if (rules == HF_RULES_COMPATIBLE || trust_domain.len == 0) {
        return hf_ok();
    }
    HF_NEED_SEEN(hf_span_equal(hf_spiffe_id_domain(&id), trust_domain), HF_E_CA_ID,
                 "an ID of the trust domain of the leaf", "%.*s",
                 (int)(id.id_len < 200 ? id.id_len : 200), (const char *)id.id);
    return hf_ok();
}

hf_result hf_svid_signing_check(const struct hf_cert *cert, int rules, struct hf_span trust_domain)
{
    HF_TRY(check_arguments(rules, HF_PURPOSE_EITHER));
    HF_TRY(check_signing(cert));
    HF_NEED_SEEN(cert->has_key_usage || rules == HF_RULES_COMPATIBLE, HF_E_CA_NOT_CA,
                 "a key usage with keyCertSign", "no key usage");
    return check_signing_id(cert, rules, trust_domain);
}

hf_result hf_svid_authority_check(const struct hf_cert *cert)
{
    return check_signing(cert);
}

static hf_result refuse_time(uint32_t code, int64_t skew, const char *where)
{
    hf_result r = hf_error_set_seen(code, __FILE__, __LINE__, "a time inside the validity",
                                    "%lld s %s", (long long)skew, where);
    hf_error_current()->skew = skew;
    return r;
}

hf_result hf_cert_check_time(const struct hf_cert *cert, int64_t at)
{
    if (at < cert->not_before) {
        return refuse_time(HF_E_CERT_NOT_YET_VALID, hf_clock_distance(at, cert->not_before),
                           "before it begins");
    }
    if (at > cert->not_after) {
        return refuse_time(HF_E_CERT_EXPIRED, hf_clock_distance(cert->not_after, at),
                           "after its end");
    }
    return hf_ok();
}
