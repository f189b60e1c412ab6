/* SPDX-License-Identifier: Apache-2.0
 *
 * What makes a leaf an SVID: X509-01..X509-07, X509-13, X509-16, X509-18..X509-33; I1, I2, I3, I5,
 * I6.
 */
#include <string.h>

#include "hf_test.h"
#include "pki.h"
#include "x509/svid_rules.h"

static struct pki_spec spec;
static struct pki_cert der;

static void start(void)
{
    pki_leaf(&spec, "root", "spiffe://a.example/web", pki_key(PKI_P256, 1));
}

static hf_result judge(int rules, int purpose)
{
    struct hf_cert cert;
    struct hf_spiffe_id id;
    pki_make(&spec, pki_key(PKI_P256, 0), &der);
    HF_TRY(hf_cert_parse(pki_span(&der), &cert));
    return hf_svid_leaf_check(&cert, rules, purpose, &id);
}

static hf_result strict(void)
{
    return judge(HF_RULES_STRICT, HF_PURPOSE_EITHER);
}

static hf_result compatible(void)
{
    return judge(HF_RULES_COMPATIBLE, HF_PURPOSE_EITHER);
}

static void both(uint32_t code)
{
    HF_CHECK_CODE(strict(), code);
    HF_CHECK_CODE(compatible(), code);
}

static void a_good_leaf_passes_and_gives_its_id(void)
{
    struct hf_cert cert;
    struct hf_spiffe_id id;
    start();
    both(HF_OK);
    HF_CHECK_OK(hf_cert_parse(pki_span(&der), &cert));
    HF_CHECK_OK(hf_svid_leaf_check(&cert, HF_RULES_STRICT, HF_PURPOSE_CLIENT, &id));
    HF_CHECK(hf_span_equal(hf_span_of(id.id, id.id_len), HF_SPAN("spiffe://a.example/web")));
    HF_CHECK_OK(hf_certificate_check(der.der, der.len, 0, HF_RULES_STRICT));
}

static void claimed_is(const char *id)
{
    HF_CHECK(strcmp(hf_error_current()->claimed_id, id) == 0);
}

static void there_is_exactly_one_uri(void)
{
    /* X509-01, X509-02, X509-33, I1 */
    const struct pki_name id = {PKI_URI, DER_BYTES("spiffe://a.example/web")};
    const struct pki_name other = {PKI_URI, DER_BYTES("spiffe://a.example/db")};
    const struct pki_name web = {PKI_URI, DER_BYTES("https://a.example/")};
    const struct pki_name pairs[][2] = {{id, other}, {id, web}, {web, id}, {id, id}};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        start();
        pki_set_san(&spec, true, pairs[i], 2);
        both(HF_E_SVID_MANY_URI_SANS);
    }
    start();
    pki_set_san(&spec, true, &web, 1);
    both(HF_E_SVID_ID_INVALID);
    claimed_is("");
}

static void without_a_uri_there_is_no_svid(void)
{
    /* X509-03, I1, I2: no SAN at all, and only names of other types; a CN is never an identity. */
    const struct pki_name names[] = {{PKI_DNS, DER_BYTES("spiffe://a.example/web")},
                                     {PKI_EMAIL, DER_BYTES("spiffe://a.example/web")},
                                     {PKI_IP, DER_BYTES("\x7f\x00\x00\x01")}};
    start();
    pki_drop(&spec, PKI_OID_SAN);
    spec.subject_name = "spiffe://a.example/web";
    both(HF_E_SVID_NO_URI_SAN);
    start();
    pki_set_san(&spec, true, names, 3);
    both(HF_E_SVID_NO_URI_SAN);
}

static void other_names_beside_it_do_not_matter(void)
{
    /* X509-04 */
    const struct pki_name names[] = {
        {PKI_DNS, DER_BYTES("a.example")},      {PKI_URI, DER_BYTES("spiffe://a.example/web")},
        {PKI_DNS, DER_BYTES("*.a.example")},    {PKI_IP, DER_BYTES("\x7f\x00\x00\x01")},
        {PKI_EMAIL, DER_BYTES("me@a.example")}, {PKI_RID, DER_BYTES("\x2a\x03")}};
    start();
    pki_set_san(&spec, true, names, 6);
    both(HF_OK);
}

static void the_uri_is_a_spiffe_id(void)
{
    /* X509-31, ID-01..ID-19, I3 */
    static const struct der_bytes bad[] = {
        DER_BYTES(""),
        DER_BYTES("spiffe://"),
        DER_BYTES("SPIFFE://a.example/web"),
        DER_BYTES("spiffe://A.example/web"),
        DER_BYTES("spiffe://a.example/web\n"),
        DER_BYTES("spiffe://a.example/web\0"),
        DER_BYTES("spiffe://a.example\0.evil/web"),
        DER_BYTES("spiffe://a.example/%77eb"),
        DER_BYTES("spiffe://a.example//web"),
        DER_BYTES("spiffe://a.example/web/"),
        DER_BYTES("spiffe://a.example/../web"),
        DER_BYTES("spiffe://me@a.example/web"),
        DER_BYTES("spiffe://a.example:443/web"),
        DER_BYTES("spiffe://a.example/web?x"),
        DER_BYTES("spiffe://a.example/web#x"),
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        start();
        pki_set_uri(&spec, true, bad[i]);
        both(HF_E_SVID_ID_INVALID);
        claimed_is("");
        HF_CHECK(strstr(hf_error_current()->seen, "\n") == NULL);
    }
}

static void a_workload_has_a_path(void)
{
    /* X509-05, X509-32 */
    start();
    pki_set_uri(&spec, true, DER_BYTES("spiffe://a.example"));
    both(HF_E_SVID_NO_PATH);
    claimed_is("spiffe://a.example");
}

static void long_ids_are_supported_to_the_limit(void)
{
    /* ID-17 */
    static uint8_t uri[HF_ID_MAX + 1];
    (void)hf_mem_copy(uri, sizeof(uri), "spiffe://a/", 11);
    for (size_t i = 11; i < sizeof(uri); i++) {
        uri[i] = 'x';
    }
    start();
    pki_set_uri(&spec, true, (struct der_bytes){uri, HF_ID_MAX});
    both(HF_OK);
    pki_set_uri(&spec, true, (struct der_bytes){uri, HF_ID_MAX + 1});
    both(HF_E_SVID_ID_INVALID);
}

static void a_ca_never_authenticates(void)
{
    /* X509-07, X509-13, X509-16, X509-28, I5 */
    start();
    pki_set_basic_constraints(&spec, true, true, -1);
    both(HF_E_SVID_IS_CA);
    claimed_is("spiffe://a.example/web");
    pki_set_key_usage(&spec, true, HF_KU_DIGITAL_SIGNATURE | HF_KU_KEY_CERT_SIGN);
    both(HF_E_SVID_IS_CA);
    /* X509-16: absent and empty basic constraints both mean false. */
    start();
    both(HF_OK);
    pki_set_basic_constraints(&spec, true, false, -1);
    both(HF_OK);
}

static void a_leaf_cannot_sign_certificates_or_crls(void)
{
    /* X509-23, X509-29, X509-30, I5 */
    start();
    pki_set_key_usage(&spec, true, HF_KU_DIGITAL_SIGNATURE | HF_KU_KEY_CERT_SIGN);
    both(HF_E_SVID_CAN_SIGN);
    claimed_is("spiffe://a.example/web");
    pki_set_key_usage(&spec, true, HF_KU_DIGITAL_SIGNATURE | HF_KU_CRL_SIGN);
    both(HF_E_SVID_CAN_SIGN);
    pki_set_key_usage(&spec, true, HF_KU_KEY_CERT_SIGN);
    both(HF_E_SVID_CAN_SIGN);
}

static void key_usage_is_judged_by_the_rules(void)
{
    /* X509-18, X509-19, X509-21, I5 */
    start();
    pki_drop(&spec, PKI_OID_KEY_USAGE);
    HF_CHECK_CODE(strict(), HF_E_SVID_KEY_USAGE);
    HF_CHECK_OK(compatible());
    pki_set_key_usage(&spec, false, HF_KU_DIGITAL_SIGNATURE);
    HF_CHECK_CODE(strict(), HF_E_SVID_KEY_USAGE);
    HF_CHECK_OK(compatible());
    pki_set_key_usage(&spec, true, HF_KU_KEY_ENCIPHERMENT);
    both(HF_E_SVID_KEY_USAGE);
    claimed_is("spiffe://a.example/web");
    /* X509-22 */
    pki_set_key_usage(&spec, true,
                      HF_KU_DIGITAL_SIGNATURE | HF_KU_KEY_ENCIPHERMENT | HF_KU_KEY_AGREEMENT |
                          HF_KU_NON_REPUDIATION);
    both(HF_OK);
}

struct eku {
    const char *oids[2];
    size_t count;
    bool ok[2][3]; /* [rules][purpose: either, client, server] */
};

static void extended_key_usage_fits_the_purpose(void)
{
    /* X509-24, X509-25, I6: {client, server, both, any, email, any+email} by role and rules. */
    static const struct eku table[] = {
        {{PKI_OID_CLIENT_AUTH}, 1, {{false, true, false}, {false, true, false}}},
        {{PKI_OID_SERVER_AUTH}, 1, {{false, false, true}, {false, false, true}}},
        {{PKI_OID_SERVER_AUTH, PKI_OID_CLIENT_AUTH}, 2, {{true, true, true}, {true, true, true}}},
        {{PKI_OID_ANY_EKU}, 1, {{false, false, false}, {true, true, true}}},
        {{PKI_OID_EMAIL}, 1, {{false, false, false}, {false, false, false}}},
        {{PKI_OID_ANY_EKU, PKI_OID_CLIENT_AUTH}, 2, {{false, true, false}, {true, true, true}}},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        start();
        pki_set_eku(&spec, i % 2 == 0, table[i].oids, table[i].count);
        for (int rules = 0; rules < 2; rules++) {
            for (int purpose = 0; purpose < 3; purpose++) {
                HF_CHECK_CODE(judge(rules, purpose),
                              table[i].ok[rules][purpose] ? HF_OK : HF_E_SVID_EKU);
            }
        }
    }
    start();
    pki_drop(&spec, PKI_OID_EKU);
    for (int purpose = 0; purpose < 3; purpose++) {
        HF_CHECK_OK(judge(HF_RULES_STRICT, purpose));
    }
}

static void constraints_of_cas_are_refused_in_leaves(void)
{
    start();
    pki_set_name_constraints(&spec, true, "a.example", NULL);
    both(HF_E_CA_CONSTRAINTS);
    start();
    pki_set(&spec, PKI_OID_POLICY_CONSTRAINTS, true, DER_BYTES("\x30\x03\x80\x01\x00"));
    both(HF_E_CA_CONSTRAINTS);
}

static void an_empty_subject_needs_a_critical_san(void)
{
    /* X509-06 */
    start();
    pki_set_uri(&spec, false, DER_BYTES("spiffe://a.example/web"));
    both(HF_E_CERT_EMPTY_SUBJECT);
    spec.subject_name = "web";
    both(HF_OK);
    pki_set_uri(&spec, true, DER_BYTES("spiffe://a.example/web"));
    both(HF_OK);
}

static void unknown_rules_are_refused(void)
{
    start();
    HF_CHECK_CODE(judge(2, HF_PURPOSE_EITHER), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(judge(-1, HF_PURPOSE_EITHER), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(judge(HF_RULES_STRICT, 3), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_certificate_check(der.der, der.len, 0, 7), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_certificate_check(der.der, der.len, 1, 7), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_certificate_check(NULL, 5, 0, 0), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_certificate_check(der.der, der.len - 1, 0, 0), HF_E_DER_TRUNCATED);
}

HF_TESTS({"a good leaf passes and gives its ID", a_good_leaf_passes_and_gives_its_id},
         {"there is exactly one URI", there_is_exactly_one_uri},
         {"without a URI there is no SVID", without_a_uri_there_is_no_svid},
         {"other names beside it do not matter", other_names_beside_it_do_not_matter},
         {"the URI is a SPIFFE ID", the_uri_is_a_spiffe_id},
         {"a workload has a path", a_workload_has_a_path},
         {"long IDs are supported to the limit", long_ids_are_supported_to_the_limit},
         {"a CA never authenticates", a_ca_never_authenticates},
         {"a leaf cannot sign certificates or CRLs", a_leaf_cannot_sign_certificates_or_crls},
         {"key usage is judged by the rules", key_usage_is_judged_by_the_rules},
         {"extended key usage fits the purpose", extended_key_usage_fits_the_purpose},
         {"constraints of CAs are refused in leaves", constraints_of_cas_are_refused_in_leaves},
         {"an empty subject needs a critical SAN", an_empty_subject_needs_a_critical_san},
         {"unknown rules are refused", unknown_rules_are_refused})
