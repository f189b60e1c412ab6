/* SPDX-License-Identifier: Apache-2.0
 *
 * Signing certificates: presented intermediates and configured authorities (X509-08..X509-12,
 * X509-14, X509-15, X509-17, X509-18, X509-20, C6).
 */
#include "hf_test.h"
#include "pki.h"
#include "x509/svid_rules.h"

static struct pki_spec spec;
static struct pki_cert der;
static struct hf_cert cert;

static void start(const char *uri)
{
    pki_intermediate(&spec, "root", "intermediate", uri, pki_key(PKI_P256, 2));
}

static hf_result judge(int rules)
{
    pki_make(&spec, pki_key(PKI_P256, 0), &der);
    HF_TRY(hf_cert_parse(pki_span(&der), &cert));
    return hf_svid_signing_check(&cert, rules, HF_SPAN("a.example"));
}

static hf_result authority(void)
{
    pki_make(&spec, pki_key(PKI_P256, 0), &der);
    HF_TRY(hf_cert_parse(pki_span(&der), &cert));
    return hf_svid_authority_check(&cert);
}

static void all(uint32_t code)
{
    HF_CHECK_CODE(judge(HF_RULES_STRICT), code);
    HF_CHECK_CODE(judge(HF_RULES_COMPATIBLE), code);
    HF_CHECK_CODE(authority(), code);
}

static void a_good_ca_passes_with_and_without_an_id(void)
{
    /* X509-09, X509-11; ID-24, ID-25 */
    start(NULL);
    all(HF_OK);
    HF_CHECK_OK(hf_certificate_check(der.der, der.len, 1, HF_RULES_STRICT));
    start("spiffe://a.example");
    all(HF_OK);
}

static void it_is_a_ca(void)
{
    /* X509-08, X509-15 */
    start(NULL);
    pki_drop(&spec, PKI_OID_BASIC_CONSTRAINTS);
    all(HF_E_CA_NOT_CA);
    pki_set_basic_constraints(&spec, true, false, -1);
    all(HF_E_CA_NOT_CA);
    /* X509-14: a path length may be there; paths are judged elsewhere. */
    pki_set_basic_constraints(&spec, true, true, 0);
    all(HF_OK);
}

static void it_may_sign_certificates(void)
{
    /* X509-08, X509-18, X509-20. The last column is the configured authority, whom somebody chose:
     * without a key usage everything is allowed (RFC 5280). */
    start(NULL);
    pki_set_key_usage(&spec, true, HF_KU_CRL_SIGN);
    all(HF_E_CA_NOT_CA);
    pki_set_key_usage(&spec, true, HF_KU_KEY_CERT_SIGN);
    all(HF_OK);
    pki_set_key_usage(&spec, true, HF_KU_KEY_CERT_SIGN | HF_KU_DIGITAL_SIGNATURE);
    all(HF_OK);
    pki_drop(&spec, PKI_OID_KEY_USAGE);
    HF_CHECK_CODE(judge(HF_RULES_STRICT), HF_E_CA_NOT_CA);
    HF_CHECK_OK(judge(HF_RULES_COMPATIBLE));
    HF_CHECK_OK(authority());
}

static void its_id_is_of_the_same_trust_domain_without_a_path(void)
{
    /* X509-10, X509-11, X509-12, C6. An authority's own ID is not judged. */
    start("spiffe://a.example/ca");
    HF_CHECK_CODE(judge(HF_RULES_STRICT), HF_E_CA_ID);
    HF_CHECK_CODE(judge(HF_RULES_COMPATIBLE), HF_E_CA_ID);
    HF_CHECK_OK(authority());
    start("spiffe://b.example");
    HF_CHECK_CODE(judge(HF_RULES_STRICT), HF_E_CA_ID);
    HF_CHECK_OK(judge(HF_RULES_COMPATIBLE));
    HF_CHECK_OK(authority());
    HF_CHECK_OK(hf_svid_signing_check(&cert, HF_RULES_STRICT, hf_span_of(NULL, 0)));
    start("spiffe://a.example.evil");
    HF_CHECK_CODE(judge(HF_RULES_STRICT), HF_E_CA_ID);
    start("https://a.example/");
    HF_CHECK_CODE(judge(HF_RULES_STRICT), HF_E_SVID_ID_INVALID);
    HF_CHECK_CODE(judge(HF_RULES_COMPATIBLE), HF_E_SVID_ID_INVALID);
    HF_CHECK_OK(authority());
}

static void long_ids_are_cut_in_the_message(void)
{
    char uri[400] = "spiffe://";
    for (size_t i = 9; i < 250; i++) {
        uri[i] = 'b';
    }
    start(uri);
    HF_CHECK_CODE(judge(HF_RULES_STRICT), HF_E_CA_ID);
    uri[250] = '/';
    for (size_t i = 251; i < 399; i++) {
        uri[i] = 'c';
    }
    start(uri);
    HF_CHECK_CODE(judge(HF_RULES_STRICT), HF_E_CA_ID);
}

static void it_has_at_most_one_uri(void)
{
    /* X509-02 */
    const struct pki_name two[] = {{PKI_URI, DER_BYTES("spiffe://a.example")},
                                   {PKI_URI, DER_BYTES("spiffe://b.example")}};
    start(NULL);
    pki_set_san(&spec, false, two, 2);
    HF_CHECK_CODE(judge(HF_RULES_STRICT), HF_E_SVID_MANY_URI_SANS);
    HF_CHECK_CODE(judge(HF_RULES_COMPATIBLE), HF_E_SVID_MANY_URI_SANS);
    HF_CHECK_OK(authority());
}

static void it_has_a_subject(void)
{
    start(NULL);
    spec.subject = DER_BYTES("\x30\x00");
    all(HF_E_CERT_EMPTY_SUBJECT);
}

static void it_may_constrain_names_but_not_policies(void)
{
    /* X509-17 */
    start(NULL);
    pki_set_name_constraints(&spec, true, "a.example", NULL);
    all(HF_OK);
    pki_set(&spec, PKI_OID_INHIBIT_ANY, true, DER_BYTES("\x02\x01\x00"));
    all(HF_E_CA_CONSTRAINTS);
    start(NULL);
    pki_set(&spec, PKI_OID_POLICY_MAPPINGS, false, DER_BYTES("\x30\x00"));
    all(HF_E_CA_CONSTRAINTS);
}

static void it_may_carry_an_extended_key_usage(void)
{
    /* X509-26: its nesting is OpenSSL's to judge. */
    static const char *const client[] = {PKI_OID_CLIENT_AUTH};
    start(NULL);
    pki_set_eku(&spec, false, client, 1);
    all(HF_OK);
}

HF_TESTS({"a good CA passes with and without an ID", a_good_ca_passes_with_and_without_an_id},
         {"it is a CA", it_is_a_ca}, {"it may sign certificates", it_may_sign_certificates},
         {"its ID is of the trust domain", its_id_is_of_the_same_trust_domain_without_a_path},
         {"long IDs are cut in the message", long_ids_are_cut_in_the_message},
         {"it has at most one URI", it_has_at_most_one_uri}, {"it has a subject", it_has_a_subject},
         {"it may constrain names but not policies", it_may_constrain_names_but_not_policies},
         {"it may carry an extended key usage", it_may_carry_an_extended_key_usage})
