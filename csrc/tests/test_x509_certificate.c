/* SPDX-License-Identifier: Apache-2.0
 *
 * The certificate as a whole: its frame, version, serial number, names, and splitting (X509-27).
 */
#include <string.h>

#include "hf_test.h"
#include "pki.h"
#include "x509/certificate.h"

static struct pki_spec spec;
static struct pki_cert der;
static struct hf_cert cert;

static void start(void)
{
    pki_leaf(&spec, "root", "spiffe://a.example/web", pki_key(PKI_P256, 1));
    pki_add_key_ids(&spec, pki_key(PKI_P256, 0));
}

static hf_result parse(void)
{
    pki_make(&spec, pki_key(PKI_P256, 0), &der);
    return hf_cert_parse(pki_span(&der), &cert);
}

static void a_good_leaf_is_read_in_full(void)
{
    start();
    spec.serial = DER_BYTES("\x12\x34");
    HF_CHECK_OK(parse());
    HF_CHECK(cert.der.data == der.der && cert.der.len == der.len);
    HF_CHECK(cert.tbs.data == der.der + 4 && cert.tbs.len < der.len);
    HF_CHECK(hf_span_equal(cert.serial, HF_SPAN("\x12\x34")));
    HF_CHECK(hf_span_equal(cert.uri, HF_SPAN("spiffe://a.example/web")));
    HF_CHECK(cert.uri_count == 1 && cert.dns_count == 0 && cert.other_san_count == 0);
    HF_CHECK(cert.not_before == PKI_NOT_BEFORE && cert.not_after == PKI_NOT_AFTER);
    HF_CHECK(cert.signature_kind == HF_SIG_ECDSA_SHA256 && cert.key_kind == HF_KEY_P256);
    HF_CHECK(cert.key_bits == 256 && cert.public_key.len == 65);
    HF_CHECK(cert.key_usage == HF_KU_DIGITAL_SIGNATURE && cert.key_usage_critical);
    HF_CHECK(cert.eku == (HF_EKU_SERVER | HF_EKU_CLIENT) && !cert.eku_critical);
    HF_CHECK(cert.has_san && cert.san_critical && cert.subject_empty && !cert.self_issued);
    HF_CHECK(!cert.is_ca && !cert.has_basic_constraints && cert.path_len == -1);
    HF_CHECK(cert.ski.len == 20 && cert.aki.len == 20 && !hf_span_equal(cert.ski, cert.aki));
    HF_CHECK(!cert.has_name_constraints && !cert.has_policy_constraints);
}

static void a_good_root_is_read_in_full(void)
{
    pki_authority(&spec, "root", "spiffe://a.example", pki_key(PKI_P256, 0));
    pki_set_basic_constraints(&spec, true, true, 300);
    pki_set_name_constraints(&spec, true, "a.example", "b.a.example");
    HF_CHECK_OK(parse());
    HF_CHECK(cert.is_ca && cert.path_len == 300 && cert.basic_constraints_critical);
    HF_CHECK(cert.self_issued && !cert.subject_empty);
    HF_CHECK(cert.key_usage == (HF_KU_KEY_CERT_SIGN | HF_KU_CRL_SIGN));
    HF_CHECK(cert.has_name_constraints && cert.name_constraints_critical);
    HF_CHECK(cert.name_constraints.len > 0 && cert.name_constraints.data[0] == 0xa0);
}

static void every_byte_belongs_to_it(void)
{
    static uint8_t longer[PKI_CERT_MAX];
    start();
    HF_CHECK_OK(parse());
    (void)hf_mem_copy(longer, sizeof(longer), der.der, der.len);
    HF_CHECK_CODE(hf_cert_parse(hf_span_of(longer, der.len + 1), &cert), HF_E_DER_TRAILING);
    HF_CHECK(cert.der.len == 0 && cert.path_len == -1);
    HF_CHECK_CODE(hf_cert_parse(hf_span_of(longer, 0), &cert), HF_E_DER_TRUNCATED);
    for (size_t len = 1; len < der.len; len++) {
        HF_CHECK_CODE(hf_cert_parse(hf_span_of(longer, len), &cert), HF_E_DER_TRUNCATED);
    }
}

static void only_version_3_is_read(void)
{
    start();
    spec.no_version = true;
    spec.no_extensions = true;
    HF_CHECK_CODE(parse(), HF_E_CERT_VERSION);
    start();
    spec.version = DER_BYTES("\x02\x01\x00"); /* a default, written out */
    HF_CHECK_CODE(parse(), HF_E_CERT_VERSION);
    spec.version = DER_BYTES("\x02\x01\x01");
    HF_CHECK_CODE(parse(), HF_E_CERT_VERSION);
    spec.version = DER_BYTES("\x02\x01\x03");
    HF_CHECK_CODE(parse(), HF_E_CERT_VERSION);
    spec.version = DER_BYTES("\x02\x02\x00\x02");
    HF_CHECK_CODE(parse(), HF_E_DER_VALUE);
    spec.version = DER_BYTES("\x02\x01\x02\x05\x00");
    HF_CHECK_CODE(parse(), HF_E_DER_TRAILING);
}

static void serial_numbers_are_positive_and_short(void)
{
    start();
    spec.serial = DER_BYTES("\x00");
    HF_CHECK_CODE(parse(), HF_E_CERT_SERIAL);
    spec.serial = DER_BYTES("\xff");
    HF_CHECK_CODE(parse(), HF_E_CERT_SERIAL);
    spec.serial = DER_BYTES("\x80\x01");
    HF_CHECK_CODE(parse(), HF_E_CERT_SERIAL);
    spec.serial = DER_BYTES("\x00\x80");
    HF_CHECK_OK(parse());
    spec.serial = DER_BYTES("\x00\x01");
    HF_CHECK_CODE(parse(), HF_E_DER_VALUE);
    spec.serial = (struct der_bytes){(const uint8_t *)"", 0};
    HF_CHECK_CODE(parse(), HF_E_DER_VALUE);
    spec.serial = DER_BYTES("\x7f\x02\x03\x04\x05\x06\x07\x08\x09\x0a"
                            "\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14");
    HF_CHECK_OK(parse());
    spec.serial = DER_BYTES("\x00\xff\x02\x03\x04\x05\x06\x07\x08\x09\x0a"
                            "\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14");
    HF_CHECK_CODE(parse(), HF_E_CERT_SERIAL);
}

static void names_have_their_form(void)
{
    start();
    spec.issuer = DER_BYTES("\x30\x00");
    HF_CHECK_CODE(parse(), HF_E_CERT_EMPTY_SUBJECT);
    spec.issuer = DER_BYTES("\x30\x02\x31\x00");
    HF_CHECK_CODE(parse(), HF_E_DER_VALUE);
    spec.issuer = DER_BYTES("\x30\x02\x30\x00");
    HF_CHECK_CODE(parse(), HF_E_DER_TAG);
    spec.issuer = DER_BYTES("\x30\x09\x31\x07\x30\x05\x06\x03\x55\x04\x03");
    HF_CHECK_CODE(parse(), HF_E_DER_TRUNCATED); /* no value */
    spec.issuer = DER_BYTES("\x30\x0e\x31\x0c\x30\x0a\x06\x03\x55\x04\x03\x0c\x01\x61\x05\x00");
    HF_CHECK_CODE(parse(), HF_E_DER_TRAILING);
    spec.issuer = DER_BYTES("\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x30\x02\x05\x00");
    HF_CHECK_CODE(parse(), HF_E_DER_TAG); /* a structure for a text */
    start();
    spec.subject = DER_BYTES("\x30\x02\x31\x00");
    HF_CHECK_CODE(parse(), HF_E_DER_VALUE);
}

/* A subject of one attribute with this value. */
static hf_result with_value(uint8_t tag, struct der_bytes text)
{
    uint8_t name[128];
    struct der_writer w = {name, sizeof(name), 0};
    size_t outer = der_open(&w, 0x30);
    size_t set = der_open(&w, 0x31);
    size_t attribute = der_open(&w, 0x30);
    der_oid(&w, "2.5.4.3");
    der_element(&w, tag, text);
    der_close(&w, attribute);
    der_close(&w, set);
    der_close(&w, outer);
    start();
    spec.subject = der_done(&w);
    return parse();
}

static void texts_are_of_their_type(void)
{
    static const uint8_t ascii[] = {0x0c, 0x12, 0x13, 0x14, 0x16};
    for (size_t i = 0; i < sizeof(ascii); i++) {
        HF_CHECK_OK(with_value(ascii[i], DER_BYTES("text")));
        HF_CHECK_OK(with_value(ascii[i], DER_BYTES("")));
    }
    HF_CHECK_OK(with_value(0x14, DER_BYTES("\xe4")));
    HF_CHECK_CODE(with_value(0x13, DER_BYTES("\xe4")), HF_E_DER_VALUE);
    HF_CHECK_OK(with_value(0x1e, DER_BYTES("\x00t\x20\xac")));
    HF_CHECK_CODE(with_value(0x1e, DER_BYTES("\x00t\x20")), HF_E_DER_VALUE);
    HF_CHECK_CODE(with_value(0x1e, DER_BYTES("\xd8\x00\xdc\x00")), HF_E_DER_VALUE);
    HF_CHECK_OK(with_value(0x03, DER_BYTES("\x00\xff")));
    HF_CHECK_CODE(with_value(0x03, DER_BYTES("\x01\xfe")), HF_E_DER_VALUE);
    HF_CHECK_CODE(with_value(0x1c, DER_BYTES("\x00\x00\x00t")), HF_E_DER_TAG);
    HF_CHECK_CODE(with_value(0x02, DER_BYTES("\x01")), HF_E_DER_TAG);
    HF_CHECK_CODE(with_value(0x2c, DER_BYTES("\x0c\x01t")), HF_E_DER_TAG); /* BER, in pieces */
}

static void utf8_is_utf8(void)
{
    static const struct der_bytes good[] = {
        DER_BYTES("\xc2\x80"),         DER_BYTES("\xdf\xbf"),        DER_BYTES("\xe0\xa0\x80"),
        DER_BYTES("\xed\x9f\xbf"),     DER_BYTES("\xee\x80\x80"),    DER_BYTES("\xef\xbf\xbf"),
        DER_BYTES("\xf0\x90\x80\x80"), DER_BYTES("\xf4\x8f\xbf\xbf")};
    static const struct der_bytes bad[] = {DER_BYTES("\x80"),
                                           DER_BYTES("\xc0\x80"),
                                           DER_BYTES("\xc1\xbf"),
                                           DER_BYTES("\xc2"),
                                           DER_BYTES("\xc2t"),
                                           DER_BYTES("\xe0\x9f\xbf"),
                                           DER_BYTES("\xed\xa0\x80"),
                                           DER_BYTES("\xed\xbf\xbf"),
                                           DER_BYTES("\xf0\x8f\xbf\xbf"),
                                           DER_BYTES("\xf4\x90\x80\x80"),
                                           DER_BYTES("\xf5\x80\x80\x80"),
                                           DER_BYTES("\xff"),
                                           DER_BYTES("\xf0\x90\x80")};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        HF_CHECK_OK(with_value(0x0c, good[i]));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        HF_CHECK_CODE(with_value(0x0c, bad[i]), HF_E_DER_VALUE);
    }
}

static void nothing_else_stands_in_the_signed_part(void)
{
    /* Unique identifiers, forbidden to issuers by RFC 5280 4.1.2.8. */
    start();
    spec.before_extensions = DER_BYTES("\x81\x02\x00\x01");
    HF_CHECK_CODE(parse(), HF_E_DER_TAG);
    start();
    spec.after_extensions = DER_BYTES("\x05\x00");
    HF_CHECK_CODE(parse(), HF_E_DER_TRAILING);
}

static void extensions_may_be_missing(void)
{
    start();
    spec.no_extensions = true;
    HF_CHECK_OK(parse());
    HF_CHECK(!cert.has_san && cert.uri_count == 0 && !cert.has_key_usage);
}

static void the_signature_is_whole_bytes(void)
{
    start();
    spec.signature = DER_BYTES("\x01\xfe");
    HF_CHECK_CODE(parse(), HF_E_DER_VALUE);
    spec.signature = DER_BYTES("\x00");
    HF_CHECK_OK(parse()); /* that it is no signature, the signature's check will say */
    HF_CHECK(cert.signature.len == 0);
}

static void concatenated_certificates_are_split(void)
{
    static uint8_t both[2 * PKI_CERT_MAX];
    static struct pki_cert first;
    uint32_t lengths[3] = {0, 0, 7};
    size_t count;
    start();
    HF_CHECK_OK(parse());
    first = der;
    HF_CHECK_OK(parse());
    const struct pki_cert *const certs[] = {&first, &der};
    size_t len = pki_concat(certs, 2, both, sizeof(both));
    HF_CHECK_OK(hf_der_split(both, len, lengths, 3, &count));
    HF_CHECK(count == 2 && lengths[0] == first.len && lengths[1] == der.len && lengths[2] == 7);
    HF_CHECK_OK(hf_der_split(both, 0, lengths, 3, &count));
    HF_CHECK(count == 0);
    HF_CHECK_OK(hf_der_split(NULL, 0, NULL, 0, &count));
    HF_CHECK_CODE(hf_der_split(both, len, lengths, 1, &count), HF_E_CHAIN_TOO_LONG);
    HF_CHECK(count == 0);
    HF_CHECK_CODE(hf_der_split(both, len - 1, lengths, 3, &count), HF_E_DER_TRUNCATED);
    HF_CHECK_CODE(hf_der_split(both + 1, len - 1, lengths, 3, &count), HF_E_DER_TAG);
    HF_CHECK_CODE(hf_der_split(NULL, 1, lengths, 3, &count), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_der_split(both, len, NULL, 3, &count), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_der_split(both, len, lengths, 3, NULL), HF_E_BAD_ARGUMENT);
}

static void a_certificate_has_a_largest_size(void)
{
    /* C10: 32 KiB. */
    static uint8_t large[HF_CHAIN_BYTES_MAX + 100] = {0x30, 0x82, 0x80, 0x01};
    HF_CHECK_CODE(hf_cert_parse(hf_span_of(large, HF_CHAIN_BYTES_MAX + 5), &cert),
                  HF_E_DER_TOO_LARGE);
    /* With its header: what is one byte too many for OpenSSL is too many for us. */
    large[2] = 0x7f;
    large[3] = 0xfd;
    HF_CHECK_CODE(hf_cert_parse(hf_span_of(large, HF_CHAIN_BYTES_MAX + 1), &cert),
                  HF_E_DER_TOO_LARGE);
    large[3] = 0xfc;
    HF_CHECK_CODE(hf_cert_parse(hf_span_of(large, HF_CHAIN_BYTES_MAX), &cert), HF_E_DER_TAG);
}

HF_TESTS({"a good leaf is read in full", a_good_leaf_is_read_in_full},
         {"a good root is read in full", a_good_root_is_read_in_full},
         {"every byte belongs to it", every_byte_belongs_to_it},
         {"only version 3 is read", only_version_3_is_read},
         {"serial numbers are positive and short", serial_numbers_are_positive_and_short},
         {"names have their form", names_have_their_form},
         {"texts are of their type", texts_are_of_their_type}, {"UTF-8 is UTF-8", utf8_is_utf8},
         {"nothing else stands in the signed part", nothing_else_stands_in_the_signed_part},
         {"extensions may be missing", extensions_may_be_missing},
         {"the signature is whole bytes", the_signature_is_whole_bytes},
         {"concatenated certificates are split", concatenated_certificates_are_split},
         {"a certificate has a largest size", a_certificate_has_a_largest_size})
