/* SPDX-License-Identifier: Apache-2.0
 *
 * Extensions: what is understood, what is refused, and in which encodings (X509-14, X509-26,
 * X509-27, I5).
 */
#include "hf_test.h"
#include "pki.h"
#include "x509/certificate.h"

static struct pki_spec spec;
static struct pki_cert der;
static struct hf_cert cert;

static void start(void)
{
    pki_leaf(&spec, "root", "spiffe://a.example/web", pki_key(PKI_P256, 1));
}

static hf_result parse(void)
{
    pki_make(&spec, pki_key(PKI_P256, 0), &der);
    return hf_cert_parse(pki_span(&der), &cert);
}

/* A good leaf with this one extension set instead. */
static hf_result with(const char *oid, bool critical, struct der_bytes value)
{
    start();
    pki_set(&spec, oid, critical, value);
    return parse();
}

static void unknown_extensions_may_stand_there(void)
{
    start();
    HF_CHECK_OK(parse());
    HF_CHECK(!cert.has_unread_extension);
    HF_CHECK_OK(with("1.2.3.4", false, DER_BYTES("anything at all")));
    HF_CHECK(cert.has_unread_extension);
    HF_CHECK_OK(with(PKI_OID_CRL_POINTS, false, DER_BYTES("\x30\x00")));
    HF_CHECK_OK(with("2.16.840.1.113730.1.13", false, DER_BYTES("\x16\x01x")));
}

static void unknown_critical_extensions_are_refused(void)
{
    HF_CHECK_CODE(with("1.2.3.4", true, DER_BYTES("\x05\x00")), HF_E_CERT_UNKNOWN_CRITICAL);
    HF_CHECK_CODE(with(PKI_OID_CRL_POINTS, true, DER_BYTES("\x30\x00")),
                  HF_E_CERT_UNKNOWN_CRITICAL);
    HF_CHECK_CODE(with(PKI_OID_POLICIES, true, DER_BYTES("\x30\x00")), HF_E_CERT_UNKNOWN_CRITICAL);
    HF_CHECK_CODE(with("1.3.6.1.5.5.7.1.1", true, DER_BYTES("\x30\x00")),
                  HF_E_CERT_UNKNOWN_CRITICAL);
}

static void no_extension_appears_twice(void)
{
    /* I1: also a second SAN with other criticality, and ones that nobody understands. */
    static const char *const known[] = {PKI_OID_SAN, PKI_OID_KEY_USAGE, PKI_OID_EKU};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        start();
        struct pki_extension first = spec.extensions[i];
        pki_add(&spec, first.oid, first.critical,
                (struct der_bytes){spec.pool + first.at, first.len});
        HF_CHECK_CODE(parse(), HF_E_CERT_DUPLICATE_EXTENSION);
        spec.extensions[spec.extension_count - 1].critical = !first.critical;
        HF_CHECK_CODE(parse(), HF_E_CERT_DUPLICATE_EXTENSION);
    }
    start();
    pki_add(&spec, "1.2.3.4", false, DER_BYTES("a"));
    pki_add(&spec, "1.2.3.5", false, DER_BYTES("a"));
    HF_CHECK_OK(parse());
    pki_add(&spec, "1.2.3.4", false, DER_BYTES("b"));
    HF_CHECK_CODE(parse(), HF_E_CERT_DUPLICATE_EXTENSION);
}

static void critical_false_is_not_written(void)
{
    start();
    spec.extensions[2].critical = false;
    spec.extensions[2].false_written = true;
    HF_CHECK_CODE(parse(), HF_E_DER_VALUE);
}

static void the_list_has_its_form(void)
{
    uint8_t buffer[2048];
    start();
    spec.extensions_raw = DER_BYTES("\xa3\x02\x30\x00");
    HF_CHECK_CODE(parse(), HF_E_CERT_EXTENSION);
    spec.extensions_raw = DER_BYTES("\xa3\x04\x30\x02\x05\x00");
    HF_CHECK_CODE(parse(), HF_E_DER_TAG);
    spec.extensions_raw = DER_BYTES("\xa3\x00");
    HF_CHECK_CODE(parse(), HF_E_DER_TRUNCATED);
    spec.extensions_raw = DER_BYTES("\xa3\x09\x30\x07\x30\x05\x06\x03\x2a\x03\x04");
    HF_CHECK_CODE(parse(), HF_E_DER_TRUNCATED); /* no value */
    spec.extensions_raw =
        DER_BYTES("\xa3\x0f\x30\x0d\x30\x09\x06\x03\x2a\x03\x04\x04\x00\x05\x00\x05\x00");
    HF_CHECK_CODE(parse(), HF_E_DER_TRAILING);
    spec.extensions_raw = DER_BYTES("\xa3\x0d\x30\x09\x30\x07\x06\x03\x2a\x03\x04\x04\x00\x05\x00");
    HF_CHECK_CODE(parse(), HF_E_DER_TRAILING);
    struct der_writer w = {buffer, sizeof(buffer), 0};
    size_t tagged = der_open(&w, 0xa3);
    size_t list = der_open(&w, 0x30);
    for (uint8_t i = 0; i < 33; i++) {
        uint8_t oid[3] = {0x2a, 0x03, i};
        size_t one = der_open(&w, 0x30);
        der_element(&w, 0x06, (struct der_bytes){oid, 3});
        der_element(&w, 0x04, DER_NONE);
        der_close(&w, one);
    }
    der_close(&w, list);
    der_close(&w, tagged);
    spec.extensions_raw = der_done(&w);
    HF_CHECK_CODE(parse(), HF_E_CERT_EXTENSION);
}

static hf_result constraints(struct der_bytes value)
{
    return with(PKI_OID_BASIC_CONSTRAINTS, true, value);
}

static void basic_constraints_are_canonical(void)
{
    HF_CHECK_OK(constraints(DER_BYTES("\x30\x00")));
    HF_CHECK(!cert.is_ca && cert.has_basic_constraints && cert.path_len == -1);
    HF_CHECK_OK(constraints(DER_BYTES("\x30\x03\x01\x01\xff")));
    HF_CHECK(cert.is_ca && cert.path_len == -1 && cert.basic_constraints_critical);
    HF_CHECK_OK(constraints(DER_BYTES("\x30\x06\x01\x01\xff\x02\x01\x00")));
    HF_CHECK(cert.path_len == 0);
    HF_CHECK_CODE(constraints(DER_BYTES("\x30\x03\x01\x01\x00")), HF_E_DER_VALUE);
    HF_CHECK_CODE(constraints(DER_BYTES("\x30\x03\x01\x01\x01")), HF_E_DER_VALUE);
    HF_CHECK_CODE(constraints(DER_BYTES("\x30\x03\x02\x01\x00")), HF_E_CERT_EXTENSION);
    HF_CHECK_CODE(constraints(DER_BYTES("\x30\x06\x01\x01\xff\x02\x01\xff")), HF_E_DER_VALUE);
    HF_CHECK_CODE(constraints(DER_BYTES("\x30\x07\x01\x01\xff\x02\x02\x00\x01")), HF_E_DER_VALUE);
    HF_CHECK_CODE(constraints(DER_BYTES("\x30\x0a\x01\x01\xff\x02\x05\x00\x80\x00\x00\x00")),
                  HF_E_DER_VALUE);
    HF_CHECK_CODE(constraints(DER_BYTES("\x30\x05\x01\x01\xff\x05\x00")), HF_E_DER_TAG);
    HF_CHECK_CODE(constraints(DER_BYTES("\x30\x08\x01\x01\xff\x02\x01\x00\x05\x00")),
                  HF_E_DER_TRAILING);
    HF_CHECK_CODE(constraints(DER_BYTES("\x30\x00\x05\x00")), HF_E_DER_TRAILING);
    HF_CHECK_CODE(constraints(DER_BYTES("")), HF_E_DER_TRUNCATED);
}

static void key_usage_is_a_der_bit_list(void)
{
    /* All nine bits, one by one. */
    for (unsigned bit = 0; bit < 9; bit++) {
        start();
        pki_set_key_usage(&spec, true, 1u << bit);
        HF_CHECK_OK(parse());
        HF_CHECK(cert.key_usage == 1u << bit && cert.has_key_usage && cert.key_usage_critical);
    }
    HF_CHECK_CODE(with(PKI_OID_KEY_USAGE, true, DER_BYTES("\x03\x01\x00")), HF_E_CERT_EXTENSION);
    HF_CHECK_CODE(with(PKI_OID_KEY_USAGE, true, DER_BYTES("\x03\x02\x07\x00")), HF_E_DER_VALUE);
    HF_CHECK_CODE(with(PKI_OID_KEY_USAGE, true, DER_BYTES("\x03\x02\x00\x80")), HF_E_DER_VALUE);
    HF_CHECK_CODE(with(PKI_OID_KEY_USAGE, true, DER_BYTES("\x03\x03\x06\x80\x40")),
                  HF_E_CERT_EXTENSION); /* a tenth bit */
    HF_CHECK_CODE(with(PKI_OID_KEY_USAGE, true, DER_BYTES("\x03\x02\x07\x80\x00")),
                  HF_E_DER_TRAILING);
    HF_CHECK_OK(with(PKI_OID_KEY_USAGE, false, DER_BYTES("\x03\x02\x07\x80")));
    HF_CHECK(!cert.key_usage_critical);
}

static void extended_key_usage_is_not_empty(void)
{
    /* I6 */
    static const char *const all[] = {PKI_OID_ANY_EKU, PKI_OID_EMAIL, PKI_OID_CLIENT_AUTH,
                                      PKI_OID_SERVER_AUTH, "1.2.3"};
    static const uint32_t bits[] = {HF_EKU_ANY, HF_EKU_OTHER, HF_EKU_CLIENT, HF_EKU_SERVER,
                                    HF_EKU_OTHER};
    for (size_t i = 0; i < 5; i++) {
        start();
        pki_set_eku(&spec, true, all + i, 1);
        HF_CHECK_OK(parse());
        HF_CHECK(cert.eku == bits[i] && cert.has_eku && cert.eku_critical);
    }
    start();
    pki_set_eku(&spec, false, all, 5);
    HF_CHECK_OK(parse());
    HF_CHECK(cert.eku == (HF_EKU_ANY | HF_EKU_OTHER | HF_EKU_CLIENT | HF_EKU_SERVER));
    HF_CHECK_CODE(with(PKI_OID_EKU, false, DER_BYTES("\x30\x00")), HF_E_CERT_EXTENSION);
    HF_CHECK_CODE(with(PKI_OID_EKU, false, DER_BYTES("\x30\x02\x05\x00")), HF_E_DER_TAG);
    HF_CHECK_CODE(with(PKI_OID_EKU, false, DER_BYTES("\x30\x03\x06\x01\x2a\x05\x00")),
                  HF_E_DER_TRAILING);
}

static void key_identifiers_are_read(void)
{
    HF_CHECK_OK(with(PKI_OID_SKI, false, DER_BYTES("\x04\x02\xaa\xbb")));
    HF_CHECK(hf_span_equal(cert.ski, HF_SPAN("\xaa\xbb")));
    HF_CHECK_CODE(with(PKI_OID_SKI, false, DER_BYTES("\x04\x00")), HF_E_CERT_EXTENSION);
    HF_CHECK_CODE(with(PKI_OID_SKI, true, DER_BYTES("\x04\x01\xaa")), HF_E_CERT_EXTENSION);
    HF_CHECK_CODE(with(PKI_OID_SKI, false, DER_BYTES("\x04\x01\xaa\x05\x00")), HF_E_DER_TRAILING);
    HF_CHECK_OK(with(PKI_OID_AKI, false, DER_BYTES("\x30\x03\x80\x01\xcc")));
    HF_CHECK(hf_span_equal(cert.aki, HF_SPAN("\xcc")));
    HF_CHECK_OK(with(PKI_OID_AKI, false, DER_BYTES("\x30\x00")));
    HF_CHECK(cert.aki.len == 0);
    HF_CHECK_CODE(with(PKI_OID_AKI, true, DER_BYTES("\x30\x03\x80\x01\xcc")), HF_E_CERT_EXTENSION);
    HF_CHECK_CODE(with(PKI_OID_AKI, false, DER_BYTES("\x30\x02\x80\x00")), HF_E_CERT_EXTENSION);
}

static void an_issuer_is_named_in_full_or_not_at_all(void)
{
    HF_CHECK_OK(with(PKI_OID_AKI, false, DER_BYTES("\x30\x08\xa1\x03\x82\x01x\x82\x01\x05")));
    HF_CHECK_OK(
        with(PKI_OID_AKI, false, DER_BYTES("\x30\x0b\x80\x01\xcc\xa1\x03\x82\x01x\x82\x01\x05")));
    HF_CHECK_CODE(with(PKI_OID_AKI, false, DER_BYTES("\x30\x05\xa1\x03\x82\x01x")),
                  HF_E_DER_TRUNCATED);
    HF_CHECK_CODE(with(PKI_OID_AKI, false, DER_BYTES("\x30\x03\x82\x01\x05")), HF_E_DER_TAG);
    HF_CHECK_CODE(with(PKI_OID_AKI, false, DER_BYTES("\x30\x05\xa1\x00\x82\x01\x05")),
                  HF_E_CERT_EXTENSION);
    HF_CHECK_CODE(with(PKI_OID_AKI, false, DER_BYTES("\x30\x09\xa1\x03\x82\x01x\x82\x02\x00\x05")),
                  HF_E_DER_VALUE);
    HF_CHECK_CODE(
        with(PKI_OID_AKI, false, DER_BYTES("\x30\x0a\xa1\x03\x82\x01x\x82\x01\x05\x05\x00")),
        HF_E_DER_TRAILING);
}

/* P2: only the frame of an otherName or an X.400 address is read, wherever it stands. */
static void an_issuer_whose_name_is_not_read_is_told(void)
{
    HF_CHECK_OK(with(PKI_OID_AKI, false, DER_BYTES("\x30\x08\xa1\x03\x82\x01x\x82\x01\x05")));
    HF_CHECK(cert.aki_names_issuer && !cert.has_unread_extension);
    HF_CHECK_OK(with(PKI_OID_AKI, false,
                     DER_BYTES("\x30\x12\xa1\x0d\xa0\x0b\x06\x02\x2a\x03\xa0\x05\x1c\x03"
                               "bad\x82\x01\x05")));
    HF_CHECK(cert.aki_names_issuer && cert.has_unread_extension);
    HF_CHECK_OK(with(PKI_OID_AKI, false,
                     DER_BYTES("\x30\x0c\xa1\x07\xa3\x02\x05\x00\x82\x01x\x82\x01\x05")));
    HF_CHECK(cert.has_unread_extension);
}

static void policy_constraints_are_flagged(void)
{
    static const char *const oids[] = {PKI_OID_POLICY_MAPPINGS, PKI_OID_POLICY_CONSTRAINTS,
                                       PKI_OID_INHIBIT_ANY};
    for (size_t i = 0; i < 3; i++) {
        HF_CHECK_OK(with(oids[i], true, DER_BYTES("\x02\x01\x00")));
        HF_CHECK(cert.has_policy_constraints);
        HF_CHECK_OK(with(oids[i], false, DER_BYTES("\x02\x01\x00")));
        HF_CHECK(cert.has_policy_constraints);
        HF_CHECK_CODE(with(oids[i], true, DER_BYTES("\x02\x01")), HF_E_DER_TRUNCATED);
    }
    HF_CHECK_OK(with(PKI_OID_POLICIES, false, DER_BYTES("\x30\x00")));
    HF_CHECK(!cert.has_policy_constraints);
}

static hf_result name_constraints(struct der_bytes value)
{
    return with(PKI_OID_NAME_CONSTRAINTS, true, value);
}

static void name_constraints_are_not_empty(void)
{
    HF_CHECK_OK(name_constraints(DER_BYTES("\x30\x07\xa0\x05\x30\x03\x86\x01x")));
    HF_CHECK(cert.has_name_constraints && cert.name_constraints.len == 7);
    HF_CHECK_OK(
        name_constraints(DER_BYTES("\x30\x0e\xa0\x05\x30\x03\x86\x01x\xa1\x05\x30\x03\x82\x01y")));
    HF_CHECK_OK(name_constraints(DER_BYTES("\x30\x0e\xa1\x0c\x30\x0a\x87\x08\x0a\x00\x00\x00\xff"
                                           "\x00\x00\x00")));
    HF_CHECK_CODE(name_constraints(DER_BYTES("\x30\x00")), HF_E_CA_CONSTRAINTS);
    HF_CHECK_CODE(name_constraints(DER_BYTES("\x30\x02\xa0\x00")), HF_E_CA_CONSTRAINTS);
    HF_CHECK_CODE(name_constraints(DER_BYTES("\x30\x02\xa1\x00")), HF_E_CA_CONSTRAINTS);
    HF_CHECK_CODE(name_constraints(DER_BYTES("\x30\x0a\xa0\x08\x30\x06\x86\x01x\x80\x01\x00")),
                  HF_E_CA_CONSTRAINTS); /* a minimum */
    HF_CHECK_CODE(name_constraints(DER_BYTES("\x30\x0a\xa0\x08\x30\x06\x86\x01x\x81\x01\x05")),
                  HF_E_CA_CONSTRAINTS); /* a maximum */
    HF_CHECK_CODE(name_constraints(DER_BYTES("\x30\x0a\xa0\x08\x30\x06\x87\x04\x0a\x00\x00\x00")),
                  HF_E_CERT_EXTENSION); /* an address without its mask */
    HF_CHECK_CODE(name_constraints(DER_BYTES("\x30\x02\xa2\x00")), HF_E_DER_TRAILING);
    HF_CHECK_CODE(name_constraints(DER_BYTES("\x30\x0e\xa1\x05\x30\x03\x86\x01x\xa0\x05\x30\x03"
                                             "\x86\x01y")),
                  HF_E_DER_TRAILING); /* in the wrong order */
}

HF_TESTS({"unknown extensions may stand there", unknown_extensions_may_stand_there},
         {"unknown critical extensions are refused", unknown_critical_extensions_are_refused},
         {"no extension appears twice", no_extension_appears_twice},
         {"critical FALSE is not written", critical_false_is_not_written},
         {"the list has its form", the_list_has_its_form},
         {"basic constraints are canonical", basic_constraints_are_canonical},
         {"key usage is a DER bit list", key_usage_is_a_der_bit_list},
         {"extended key usage is not empty", extended_key_usage_is_not_empty},
         {"key identifiers are read", key_identifiers_are_read},
         {"an issuer is named in full or not at all", an_issuer_is_named_in_full_or_not_at_all},
         {"an issuer whose name is not read is told", an_issuer_whose_name_is_not_read_is_told},
         {"policy constraints are flagged", policy_constraints_are_flagged},
         {"name constraints are not empty", name_constraints_are_not_empty})
