/* SPDX-License-Identifier: Apache-2.0
 *
 * Subject alternative names: counted by their tag and never taken for one another (X509-02,
 * X509-04, I1, I2).
 */
#include "hf_test.h"
#include "pki.h"
#include "x509/certificate.h"

static struct hf_cert cert;

static hf_result parse(const struct pki_name *names, size_t count)
{
    static struct pki_spec spec;
    static struct pki_cert der;
    pki_leaf(&spec, "root", "spiffe://a.example/web", pki_key(PKI_P256, 1));
    pki_set_san(&spec, true, names, count);
    pki_make(&spec, pki_key(PKI_P256, 0), &der);
    return hf_cert_parse(pki_span(&der), &cert);
}

static hf_result one(uint8_t tag, struct der_bytes value)
{
    struct pki_name name = {tag, value};
    return parse(&name, 1);
}

#define ID "spiffe://a.example/web"

static void every_kind_of_name_is_counted_by_its_tag(void)
{
    const struct pki_name names[] = {
        {PKI_DNS, DER_BYTES("a.example")},
        {PKI_URI, DER_BYTES(ID)},
        {PKI_URI, DER_BYTES("https://a.example/")},
        {PKI_IP, DER_BYTES("\x7f\x00\x00\x01")},
        {PKI_IP, DER_BYTES("0123456789abcdef")},
        {PKI_EMAIL, DER_BYTES("me@a.example")},
        {PKI_RID, DER_BYTES("\x2a\x03")},
        {PKI_OTHER, DER_BYTES("\x06\x02\x2a\x03\xa0\x03\x0c\x01x")},
        {PKI_DIRECTORY, DER_BYTES("\x30\x00")},
        {0xa3, DER_BYTES("\x30\x00")},
        {0xa5, DER_BYTES("\xa1\x03\x0c\x01x")},
    };
    HF_CHECK_OK(parse(names, sizeof(names) / sizeof(names[0])));
    HF_CHECK(cert.dns_count == 1 && cert.uri_count == 2 && cert.ip_count == 2);
    HF_CHECK(cert.email_count == 1 && cert.other_san_count == 5);
    HF_CHECK(hf_span_equal(cert.uri, HF_SPAN(ID))); /* the first URI */
    HF_CHECK(cert.san.len > 0 && cert.san.data[0] == PKI_DNS);
}

static void an_id_anywhere_else_is_not_a_uri(void)
{
    /* I2: DNS, email, otherName, directoryName with the text of an ID. */
    HF_CHECK_OK(one(PKI_DNS, DER_BYTES(ID)));
    HF_CHECK(cert.uri_count == 0 && cert.uri.len == 0);
    HF_CHECK_OK(one(PKI_EMAIL, DER_BYTES(ID)));
    HF_CHECK(cert.uri_count == 0);
    HF_CHECK_OK(one(PKI_OTHER, DER_BYTES("\x06\x02\x2a\x03\xa0\x18\x86\x16" ID)));
    HF_CHECK(cert.uri_count == 0);
    HF_CHECK_OK(
        one(PKI_DIRECTORY, DER_BYTES("\x30\x21\x31\x1f\x30\x1d\x06\x03\x55\x04\x03\x0c\x16" ID)));
    HF_CHECK(cert.uri_count == 0);
}

static void a_name_with_another_class_of_tag_is_no_name(void)
{
    HF_CHECK_CODE(one(0x16, DER_BYTES(ID)), HF_E_CERT_EXTENSION);
    HF_CHECK_CODE(one(0x06, DER_BYTES("\x2a\x03")), HF_E_CERT_EXTENSION);
    HF_CHECK_CODE(one(0x89, DER_BYTES("x")), HF_E_CERT_EXTENSION);
    HF_CHECK_CODE(one(0xa6, DER_BYTES(ID)), HF_E_CERT_EXTENSION); /* constructed */
    HF_CHECK_CODE(one(0x46, DER_BYTES(ID)), HF_E_CERT_EXTENSION); /* application class */
    HF_CHECK_CODE(one(0xc6, DER_BYTES(ID)), HF_E_CERT_EXTENSION); /* private class */
    HF_CHECK_CODE(one(0x80, DER_BYTES("x")), HF_E_CERT_EXTENSION);
}

static void names_are_in_ascii(void)
{
    /* I3: 8-bit bytes are refused here, NUL and the like by the ID parser. */
    HF_CHECK_CODE(one(PKI_URI, DER_BYTES("spiffe://a\x80/b")), HF_E_CERT_EXTENSION);
    HF_CHECK_CODE(one(PKI_DNS, DER_BYTES("\xc3\xa4.example")), HF_E_CERT_EXTENSION);
    HF_CHECK_CODE(one(PKI_EMAIL, DER_BYTES("\xff")), HF_E_CERT_EXTENSION);
    HF_CHECK_OK(one(PKI_URI, DER_BYTES("spiffe://a\x00/b")));
    HF_CHECK(cert.uri.len == 13);
    HF_CHECK_OK(one(PKI_URI, DER_BYTES("")));
    HF_CHECK(cert.uri_count == 1 && cert.uri.len == 0);
}

static void addresses_have_4_or_16_bytes(void)
{
    HF_CHECK_CODE(one(PKI_IP, DER_BYTES("")), HF_E_CERT_EXTENSION);
    HF_CHECK_CODE(one(PKI_IP, DER_BYTES("123")), HF_E_CERT_EXTENSION);
    HF_CHECK_CODE(one(PKI_IP, DER_BYTES("12345678")), HF_E_CERT_EXTENSION);
    HF_CHECK_CODE(one(PKI_IP, DER_BYTES("0123456789abcdef0123456789abcdef")), HF_E_CERT_EXTENSION);
}

static void structured_names_have_their_structure(void)
{
    HF_CHECK_CODE(one(PKI_OTHER, DER_BYTES("")), HF_E_DER_TRUNCATED);
    HF_CHECK_CODE(one(PKI_OTHER, DER_BYTES("\x06\x02\x2a\x03")), HF_E_DER_TRUNCATED);
    HF_CHECK_CODE(one(PKI_OTHER, DER_BYTES("\x06\x02\x2a\x03\x0c\x01x")), HF_E_DER_TAG);
    HF_CHECK_CODE(one(PKI_OTHER, DER_BYTES("\x06\x02\x2a\x03\xa0\x03\x0c\x02x")),
                  HF_E_DER_TRUNCATED);
    HF_CHECK_CODE(one(PKI_OTHER, DER_BYTES("\x06\x02\x2a\x03\xa0\x00\x05\x00")), HF_E_DER_TRAILING);
    HF_CHECK_CODE(one(PKI_DIRECTORY, DER_BYTES("")), HF_E_DER_TRUNCATED);
    HF_CHECK_CODE(one(PKI_DIRECTORY, DER_BYTES("\x30\x00\x30\x00")), HF_E_DER_TRAILING);
    HF_CHECK_CODE(one(PKI_RID, DER_BYTES("")), HF_E_DER_VALUE);
    HF_CHECK_CODE(one(PKI_RID, DER_BYTES("\x80\x01")), HF_E_DER_VALUE);
    HF_CHECK_CODE(one(0xa3, DER_BYTES("\x30\x80")), HF_E_DER_LENGTH);
    HF_CHECK_OK(one(0xa5, DER_BYTES("\xa0\x03\x13\x01x\xa1\x03\x0c\x01x")));
    HF_CHECK_CODE(one(0xa5, DER_BYTES("\xa0\x03\x13\x01x")), HF_E_DER_TRUNCATED);
    HF_CHECK_CODE(one(0xa5, DER_BYTES("\xa0\x03\x02\x01x\xa1\x03\x0c\x01x")), HF_E_DER_TAG);
    HF_CHECK_CODE(one(0xa5, DER_BYTES("\xa1\x03\x0c\x01\xff")), HF_E_DER_VALUE);
    HF_CHECK_CODE(one(0xa5, DER_BYTES("\xa1\x03\x0c\x01x\x05\x00")), HF_E_DER_TRAILING);
}

static void an_edi_party_is_a_directory_string(void)
{
    /* RFC 5280 4.2.1.6: DirectoryString, of which IA5String and NumericString are none. OpenSSL
     * refuses them, so a view that took them would say more than it knows (P2). */
    HF_CHECK_OK(one(0xa5, DER_BYTES("\xa0\x03\x14\x01x\xa1\x04\x1e\x02\x00x")));
    HF_CHECK_CODE(one(0xa5, DER_BYTES("\xa1\x03\x16\x01x")), HF_E_DER_TAG);
    HF_CHECK_CODE(one(0xa5, DER_BYTES("\xa1\x03\x12\x01\x31")), HF_E_DER_TAG);
    HF_CHECK_CODE(one(0xa5, DER_BYTES("\xa0\x03\x16\x01x\xa1\x03\x0c\x01x")), HF_E_DER_TAG);
    HF_CHECK_CODE(one(0xa5, DER_BYTES("\xa1\x00")), HF_E_DER_TRUNCATED);
}

static void deep_names_are_refused(void)
{
    /* C10: the value of an otherName may be anything, but not a tower of anything. */
    uint8_t buffer[128];
    struct der_writer w = {buffer, sizeof(buffer), 0};
    size_t opened[16];
    der_oid(&w, "1.2.3");
    size_t value = der_open(&w, 0xa0);
    for (size_t i = 0; i < 14; i++) {
        opened[i] = der_open(&w, 0x30);
    }
    for (size_t i = 14; i > 0; i--) {
        der_close(&w, opened[i - 1]);
    }
    der_close(&w, value);
    HF_CHECK_CODE(one(PKI_OTHER, der_done(&w)), HF_E_DER_TOO_DEEP);
}

static void the_list_is_not_empty(void)
{
    HF_CHECK_CODE(parse(NULL, 0), HF_E_CERT_EXTENSION);
}

HF_TESTS({"every kind of name is counted by its tag", every_kind_of_name_is_counted_by_its_tag},
         {"an ID anywhere else is not a URI", an_id_anywhere_else_is_not_a_uri},
         {"another class of tag is no name", a_name_with_another_class_of_tag_is_no_name},
         {"names are in ASCII", names_are_in_ascii},
         {"addresses have 4 or 16 bytes", addresses_have_4_or_16_bytes},
         {"structured names have their structure", structured_names_have_their_structure},
         {"an EDI party is a DirectoryString", an_edi_party_is_a_directory_string},
         {"deep names are refused", deep_names_are_refused},
         {"the list is not empty", the_list_is_not_empty})
