/* SPDX-License-Identifier: Apache-2.0
 *
 * Peers without a SPIFFE ID: RFC 5280 paths to a set of roots, and the name that was asked for.
 */
#include <string.h>

#include "hf_test.h"
#include "kit.h"
#include "x509/certificate.h"

static struct pki_cert root, middle, leaf;
static struct hf_bundle *roots;

static void start_leaf(struct pki_spec *spec)
{
    static const char *const server[] = {PKI_OID_SERVER_AUTH};
    static const struct pki_name names[] = {{PKI_DNS, {(const uint8_t *)"www.example.com", 15}}};
    pki_leaf(spec, "middle", "unused:", KIT_LEAF_KEY);
    pki_add_key_ids(spec, KIT_KEY(1));
    pki_set_san(spec, true, names, 1);
    pki_set_eku(spec, false, server, 1);
}

static struct hf_bundle *make_roots(struct kit_certs certs)
{
    static uint8_t der[65536];
    struct hf_bundle *made;
    size_t skipped;
    size_t len = certs.count == 0 ? 0 : pki_concat(certs.certs, certs.count, der, sizeof(der));
    HF_CHECK_OK(hf_bundle_new_roots(der, len, &skipped, &made));
    return made;
}

static void make_world(void)
{
    struct pki_spec spec;
    kit_root(&root, "root", KIT_KEY(0));
    kit_intermediate(&middle, "root", KIT_KEY(0), "middle", KIT_KEY(1));
    start_leaf(&spec);
    kit_sign(&spec, KIT_KEY(1), &leaf);
    roots = make_roots(KIT_CERTS(&root));
}

static hf_result judge_with(const struct hf_bundle *by, struct kit_certs presented, int purpose,
                            uint32_t max_depth, const struct hf_name *name, struct hf_peer *out)
{
    struct kit_chain chain;
    struct hf_peer ignored;
    struct hf_presented in = {
        .chain = kit_chain(&chain, presented), .at = PKI_NOW, .purpose = purpose};
    struct hf_web_terms terms = {.max_depth = max_depth, .name = name};
    return hf_judge_web(by, &in, &terms, out == NULL ? &ignored : out);
}

static hf_result judge_name(struct kit_certs presented, int kind, const char *text, size_t len)
{
    struct hf_name name = {kind, hf_span_of(text, len)};
    return judge_with(roots, presented, HF_PURPOSE_SERVER, 4, &name, NULL);
}

static hf_result judge_host(const char *host)
{
    return judge_name(KIT_CERTS(&leaf, &middle), HF_NAME_DNS, host, strlen(host));
}

static void a_web_server_is_accepted_by_its_name(void)
{
    struct hf_peer peer;
    struct hf_name name = {HF_NAME_DNS, HF_SPAN("www.example.com")};
    HF_CHECK_OK(judge_with(roots, KIT_CERTS(&leaf, &middle), HF_PURPOSE_SERVER, 4, &name, &peer));
    HF_CHECK(peer.id_len == 0 && peer.id[0] == '\0' && peer.trust_domain_len == 0);
    HF_CHECK(peer.path_length == 3);
    HF_CHECK(peer.not_after == PKI_NOT_AFTER && peer.verified_at == PKI_NOW);
    HF_CHECK_OK(judge_host("WWW.Example.COM"));
    HF_CHECK_OK(judge_with(roots, KIT_CERTS(&leaf, &middle), HF_PURPOSE_SERVER, 4, NULL, NULL));
    struct hf_name none = {HF_NAME_NONE, {NULL, 0}};
    HF_CHECK_OK(judge_with(roots, KIT_CERTS(&leaf, &middle), HF_PURPOSE_SERVER, 4, &none, NULL));
}

static void another_name_is_refused(void)
{
    struct hf_peer peer;
    struct hf_name name = {HF_NAME_DNS, HF_SPAN("example.com")};
    HF_CHECK_CODE(judge_with(roots, KIT_CERTS(&leaf, &middle), HF_PURPOSE_SERVER, 4, &name, &peer),
                  HF_E_NAME_MISMATCH);
    HF_CHECK(peer.path_length == 0);
    HF_CHECK_CODE(judge_host("www.example.org"), HF_E_NAME_MISMATCH);
    HF_CHECK_CODE(judge_host("a.www.example.com"), HF_E_NAME_MISMATCH);
    HF_CHECK_CODE(judge_host("ww.example.com"), HF_E_NAME_MISMATCH);
}

/* Names that are no names: the caller's mistake, never a wider match. */
static void odd_expected_names_are_refused(void)
{
    static const char *const odd[] = {"",
                                      ".example.com",
                                      "www.example.com.",
                                      "www..example.com",
                                      "*.example.com",
                                      "192.0.2.1",
                                      "www.example.com:443",
                                      "www.example.com/",
                                      "w ww.example.com",
                                      "[::1]",
                                      "www.ex\xc3\xa4mple.com"};
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        HF_CHECK_CODE(judge_host(odd[i]), HF_E_BAD_ARGUMENT);
    }
    HF_CHECK_CODE(judge_name(KIT_CERTS(&leaf, &middle), HF_NAME_DNS, "www.example.com\0x", 17),
                  HF_E_BAD_ARGUMENT);
    char label[254];
    for (size_t i = 0; i < sizeof(label); i++) {
        label[i] = 'a';
    }
    HF_CHECK_CODE(judge_name(KIT_CERTS(&leaf, &middle), HF_NAME_DNS, label, 64), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(judge_name(KIT_CERTS(&leaf, &middle), HF_NAME_DNS, label, 63),
                  HF_E_NAME_MISMATCH);
    for (size_t i = 1; i < sizeof(label); i += 2) {
        label[i] = i + 1 < sizeof(label) ? '.' : 'a';
    }
    label[sizeof(label) - 2] = 'a';
    HF_CHECK_CODE(judge_name(KIT_CERTS(&leaf, &middle), HF_NAME_DNS, label, 254),
                  HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(judge_name(KIT_CERTS(&leaf, &middle), HF_NAME_DNS, label, 253),
                  HF_E_NAME_MISMATCH);
    HF_CHECK_CODE(judge_name(KIT_CERTS(&leaf, &middle), HF_NAME_IP, "12345", 5), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(judge_name(KIT_CERTS(&leaf, &middle), 9, "a.b", 3), HF_E_BAD_ARGUMENT);
}

static hf_result judge_san(const struct pki_name *names, size_t count, int kind, const char *text,
                           size_t len)
{
    static struct pki_cert made;
    struct pki_spec spec;
    start_leaf(&spec);
    pki_set_san(&spec, false, names, count);
    /* A common name is never a host name. Beside hosts it may not even look like another one. */
    spec.subject_name = names[0].tag == PKI_DNS ? "a server" : "www.example.com";
    kit_sign(&spec, KIT_KEY(1), &made);
    return judge_name(KIT_CERTS(&made, &middle), kind, text, len);
}

#define HOST(text) HF_NAME_DNS, (text), sizeof(text) - 1

static void wildcards_stand_for_one_whole_label(void)
{
    const struct pki_name star = {PKI_DNS, der_text("*.example.com")};
    const struct pki_name tld = {PKI_DNS, der_text("*.com")};
    const struct pki_name part = {PKI_DNS, der_text("w*.example.com")};
    HF_CHECK_OK(judge_san(&star, 1, HOST("www.example.com")));
    HF_CHECK_CODE(judge_san(&star, 1, HOST("example.com")), HF_E_NAME_MISMATCH);
    HF_CHECK_CODE(judge_san(&star, 1, HOST("a.b.example.com")), HF_E_NAME_MISMATCH);
    HF_CHECK_CODE(judge_san(&tld, 1, HOST("example.com")), HF_E_NAME_MISMATCH);
    HF_CHECK_CODE(judge_san(&part, 1, HOST("www.example.com")), HF_E_NAME_MISMATCH);
}

/* I2 for the web: no type of name stands in for another. */
static void only_names_of_the_right_type_count(void)
{
    const struct pki_name uri = {PKI_URI, der_text("https://www.example.com")};
    const struct pki_name mail = {PKI_EMAIL, der_text("a@www.example.com")};
    const struct pki_name address = {PKI_IP, DER_BYTES("\xc0\x00\x02\x01")};
    const struct pki_name address_text = {PKI_DNS, der_text("192.0.2.1")};
    HF_CHECK_CODE(judge_san(&uri, 1, HOST("www.example.com")), HF_E_NAME_MISMATCH);
    HF_CHECK_CODE(judge_san(&mail, 1, HOST("www.example.com")), HF_E_NAME_MISMATCH);
    HF_CHECK_CODE(judge_san(&address, 1, HOST("www.example.com")), HF_E_NAME_MISMATCH);
    HF_CHECK_OK(judge_san(&address, 1, HF_NAME_IP, "\xc0\x00\x02\x01", 4));
    HF_CHECK_CODE(judge_san(&address, 1, HF_NAME_IP, "\xc0\x00\x02\x02", 4), HF_E_NAME_MISMATCH);
    HF_CHECK_CODE(judge_san(&address_text, 1, HF_NAME_IP, "\xc0\x00\x02\x01", 4),
                  HF_E_NAME_MISMATCH);
    HF_CHECK_CODE(
        judge_san(&address, 1, HF_NAME_IP, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x01", 16),
        HF_E_NAME_MISMATCH);
}

static hf_result judge_leaf(const struct pki_spec *spec, int purpose)
{
    static struct pki_cert made;
    kit_sign(spec, KIT_KEY(1), &made);
    return judge_with(roots, KIT_CERTS(&made, &middle), purpose, 4, NULL, NULL);
}

static void the_leaf_keeps_the_rules(void)
{
    struct pki_spec spec;
    start_leaf(&spec);
    pki_set_basic_constraints(&spec, true, true, -1);
    HF_CHECK_CODE(judge_leaf(&spec, HF_PURPOSE_SERVER), HF_E_SVID_IS_CA);
    start_leaf(&spec);
    pki_set_key_usage(&spec, true, HF_KU_DIGITAL_SIGNATURE | HF_KU_KEY_CERT_SIGN);
    HF_CHECK_CODE(judge_leaf(&spec, HF_PURPOSE_SERVER), HF_E_SVID_CAN_SIGN);
    start_leaf(&spec);
    pki_set_name_constraints(&spec, true, "example.com", NULL);
    HF_CHECK_CODE(judge_leaf(&spec, HF_PURPOSE_SERVER), HF_E_CA_CONSTRAINTS);
    start_leaf(&spec);
    const struct pki_name name = {PKI_DNS, der_text("www.example.com")};
    pki_set_san(&spec, false, &name, 1);
    HF_CHECK_CODE(judge_leaf(&spec, HF_PURPOSE_SERVER), HF_E_CERT_EMPTY_SUBJECT);
    start_leaf(&spec);
    spec.not_after = PKI_NOW;
    HF_CHECK_CODE(judge_leaf(&spec, HF_PURPOSE_SERVER), HF_E_CERT_EXPIRED);
    HF_CHECK(kit_depth() == 0);
}

/* I6 for the web: the purpose must be in the EKU. A client's certificate may be without one; a
 * server's must have one, not critical, and never "any" (limbo webpki::eku::ee-without-eku,
 * ee-critical-eku, ee-anyeku; rfc5280::eku::ee-wrong-eku, ee-eku-empty). */
static void the_purpose_must_fit(void)
{
    static const char *const both[] = {PKI_OID_SERVER_AUTH, PKI_OID_CLIENT_AUTH};
    static const char *const any[] = {PKI_OID_SERVER_AUTH, PKI_OID_CLIENT_AUTH, PKI_OID_ANY_EKU};
    struct pki_spec spec;
    start_leaf(&spec);
    HF_CHECK_OK(judge_leaf(&spec, HF_PURPOSE_SERVER));
    HF_CHECK_CODE(judge_leaf(&spec, HF_PURPOSE_CLIENT), HF_E_SVID_EKU);
    HF_CHECK_CODE(judge_leaf(&spec, HF_PURPOSE_EITHER), HF_E_SVID_EKU);
    pki_set_eku(&spec, false, both, 2);
    HF_CHECK_OK(judge_leaf(&spec, HF_PURPOSE_EITHER));
    HF_CHECK_OK(judge_leaf(&spec, HF_PURPOSE_CLIENT));
    pki_set_eku(&spec, true, both, 2);
    HF_CHECK_CODE(judge_leaf(&spec, HF_PURPOSE_SERVER), HF_E_SVID_EKU);
    HF_CHECK_OK(judge_leaf(&spec, HF_PURPOSE_CLIENT));
    pki_set_eku(&spec, false, any, 3);
    HF_CHECK_CODE(judge_leaf(&spec, HF_PURPOSE_SERVER), HF_E_SVID_EKU);
    HF_CHECK_OK(judge_leaf(&spec, HF_PURPOSE_CLIENT));
    pki_set(&spec, PKI_OID_EKU, false, DER_BYTES("\x30\x00"));
    HF_CHECK_CODE(judge_leaf(&spec, HF_PURPOSE_SERVER), HF_E_CERT_EXTENSION);
    HF_CHECK_CODE(judge_leaf(&spec, HF_PURPOSE_CLIENT), HF_E_CERT_EXTENSION);
    pki_drop(&spec, PKI_OID_EKU);
    HF_CHECK_OK(judge_leaf(&spec, HF_PURPOSE_CLIENT));
    HF_CHECK_CODE(judge_leaf(&spec, HF_PURPOSE_SERVER), HF_E_SVID_EKU);
    HF_CHECK_CODE(judge_leaf(&spec, HF_PURPOSE_EITHER), HF_E_SVID_EKU);
}

static void check_middle(const struct pki_spec *spec, uint32_t code)
{
    static struct pki_cert made;
    kit_sign(spec, KIT_KEY(0), &made);
    HF_CHECK_CODE(judge_with(roots, KIT_CERTS(&leaf, &made), HF_PURPOSE_SERVER, 4, NULL, NULL),
                  code);
}

static void issuers_keep_the_rules(void)
{
    struct pki_spec spec;
    pki_intermediate(&spec, "root", "middle", "https://ca.example/", KIT_KEY(1));
    pki_add_key_ids(&spec, KIT_KEY(0));
    check_middle(&spec, HF_OK); /* an issuer's own names are nobody's affair here */
    pki_drop(&spec, PKI_OID_KEY_USAGE);
    check_middle(&spec, HF_OK);
    pki_set_key_usage(&spec, true, HF_KU_CRL_SIGN);
    check_middle(&spec, HF_E_CA_NOT_CA);
    pki_set_key_usage(&spec, true, HF_KU_KEY_CERT_SIGN);
    pki_set_basic_constraints(&spec, false, true, -1);
    check_middle(&spec, HF_E_CA_NOT_CA);
    pki_set_basic_constraints(&spec, true, false, -1);
    check_middle(&spec, HF_E_CA_NOT_CA);
    pki_set_basic_constraints(&spec, true, true, -1);
    pki_add(&spec, PKI_OID_POLICY_CONSTRAINTS, true, DER_BYTES("\x30\x03\x80\x01\x00"));
    check_middle(&spec, HF_E_CA_CONSTRAINTS);
}

static void the_depth_is_limited(void)
{
    HF_CHECK_OK(judge_with(roots, KIT_CERTS(&leaf, &middle), HF_PURPOSE_SERVER, 1, NULL, NULL));
    HF_CHECK_CODE(judge_with(roots, KIT_CERTS(&leaf, &middle), HF_PURPOSE_SERVER, 0, NULL, NULL),
                  HF_E_PATH_LENGTH);
    HF_CHECK(kit_depth() == -1); /* of no certificate in particular */
    struct hf_bundle *direct = make_roots(KIT_CERTS(&middle));
    HF_CHECK_OK(judge_with(direct, KIT_CERTS(&leaf), HF_PURPOSE_SERVER, 0, NULL, NULL));
    hf_bundle_unref(direct);
}

/* The same search as for SVIDs: namesakes among the roots, and nobody trusted beyond them. */
static void roots_are_searched_and_nothing_else(void)
{
    static struct pki_cert namesake, stranger;
    struct pki_spec spec;
    pki_authority(&spec, "root", NULL, KIT_KEY(3));
    kit_sign(&spec, KIT_KEY(3), &namesake);
    kit_root(&stranger, "stranger", KIT_KEY(4));
    struct hf_bundle *both = make_roots(KIT_CERTS(&namesake, &root));
    struct hf_bundle *wrong = make_roots(KIT_CERTS(&namesake));
    struct hf_bundle *other = make_roots(KIT_CERTS(&stranger));
    struct hf_bundle *none = make_roots(KIT_NO_CERTS);
    HF_CHECK_OK(judge_with(both, KIT_CERTS(&leaf, &middle), HF_PURPOSE_SERVER, 4, NULL, NULL));
    HF_CHECK_CODE(judge_with(wrong, KIT_CERTS(&leaf, &middle), HF_PURPOSE_SERVER, 4, NULL, NULL),
                  HF_E_UNKNOWN_AUTHORITY);
    HF_CHECK_CODE(
        judge_with(other, KIT_CERTS(&leaf, &middle, &root), HF_PURPOSE_SERVER, 4, NULL, NULL),
        HF_E_UNKNOWN_AUTHORITY);
    HF_CHECK(strstr(hf_error_current()->expected, "the roots") != NULL);
    HF_CHECK_CODE(judge_with(none, KIT_CERTS(&leaf, &middle), HF_PURPOSE_SERVER, 4, NULL, NULL),
                  HF_E_EMPTY_BUNDLE);
    hf_bundle_unref(both);
    hf_bundle_unref(wrong);
    hf_bundle_unref(other);
    hf_bundle_unref(none);
}

static void wrong_arguments_are_refused(void)
{
    struct hf_peer peer;
    struct kit_chain chain;
    struct hf_presented in = {.chain = kit_chain(&chain, KIT_CERTS(&leaf)), .at = PKI_NOW};
    struct hf_web_terms terms = {.max_depth = 4};
    HF_CHECK_CODE(hf_judge_web(NULL, &in, &terms, &peer), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_judge_web(roots, NULL, &terms, &peer), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_judge_web(roots, &in, NULL, &peer), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_judge_web(roots, &in, &terms, NULL), HF_E_BAD_ARGUMENT);
    hf_bundle_unref(roots);
    HF_CHECK(hf_mem_live() == 0);
}

HF_TESTS({"make the world", make_world},
         {"a web server is accepted by its name", a_web_server_is_accepted_by_its_name},
         {"another name is refused", another_name_is_refused},
         {"odd expected names are refused", odd_expected_names_are_refused},
         {"wildcards stand for one whole label", wildcards_stand_for_one_whole_label},
         {"only names of the right type count", only_names_of_the_right_type_count},
         {"the leaf keeps the rules", the_leaf_keeps_the_rules},
         {"the purpose must fit", the_purpose_must_fit},
         {"issuers keep the rules", issuers_keep_the_rules},
         {"the depth is limited", the_depth_is_limited},
         {"roots are searched and nothing else", roots_are_searched_and_nothing_else},
         {"wrong arguments are refused", wrong_arguments_are_refused})
