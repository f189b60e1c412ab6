/* SPDX-License-Identifier: Apache-2.0
 *
 * Web paths: rules of RFC 5280's profile and of the Baseline Requirements that OpenSSL does not
 * look at. Each test names the cases of x509-limbo that it stands for; none of these rules is asked
 * of SVIDs (test_verify_rules.c has SVIDs without key identifiers).
 */
#include <string.h>

#include "hf_test.h"
#include "kit.h"
#include "x509/bundle.h"

#define OID_AIA "1.3.6.1.5.5.7.1.1"

static struct pki_cert root, middle;

static void server(struct pki_spec *spec, const char *subject, const struct pki_name *names,
                   size_t count)
{
    static const char *const eku[] = {PKI_OID_SERVER_AUTH};
    pki_leaf(spec, "middle", "unused:", KIT_LEAF_KEY);
    pki_add_key_ids(spec, KIT_KEY(1));
    pki_set_san(spec, subject == NULL, names, count);
    pki_set_eku(spec, false, eku, 1);
    spec->subject_name = subject;
}

static void plain_server(struct pki_spec *spec)
{
    static const struct pki_name name[] = {{PKI_DNS, {(const uint8_t *)"www.example.com", 15}}};
    server(spec, NULL, name, 1);
}

static void make_world(void)
{
    kit_root(&root, "root", KIT_KEY(0));
    kit_intermediate(&middle, "root", KIT_KEY(0), "middle", KIT_KEY(1));
}

static hf_result judge(const struct pki_cert *anchor, struct kit_certs presented, int purpose)
{
    struct hf_bundle *roots;
    struct kit_chain chain;
    struct hf_peer peer;
    size_t skipped;
    HF_CHECK_OK(hf_bundle_new_roots(anchor->der, anchor->len, &skipped, &roots));
    HF_CHECK(skipped == 0);
    struct hf_presented in = {
        .chain = kit_chain(&chain, presented), .at = PKI_NOW, .purpose = purpose};
    struct hf_web_terms terms = {.max_depth = 4};
    hf_result r = hf_judge_web(roots, &in, &terms, &peer);
    hf_bundle_unref(roots);
    return r;
}

static hf_result judge_leaf(const struct pki_spec *spec)
{
    static struct pki_cert leaf;
    kit_sign(spec, KIT_KEY(1), &leaf);
    return judge(&root, KIT_CERTS(&leaf, &middle), HF_PURPOSE_SERVER);
}

static hf_result judge_middle(const struct pki_spec *spec)
{
    static struct pki_cert leaf, made;
    struct pki_spec under;
    plain_server(&under);
    kit_sign(&under, KIT_KEY(1), &leaf);
    kit_sign(spec, KIT_KEY(0), &made);
    return judge(&root, KIT_CERTS(&leaf, &made), HF_PURPOSE_SERVER);
}

static hf_result judge_root(const struct pki_spec *spec, EVP_PKEY *key, int purpose)
{
    static struct pki_cert leaf, made;
    struct pki_spec under;
    plain_server(&under);
    kit_sign(&under, KIT_KEY(1), &leaf);
    kit_sign(spec, key, &made);
    return judge(&made, KIT_CERTS(&leaf), purpose);
}

static hf_result judge_names(const char *subject, const struct pki_name *names, size_t count)
{
    struct pki_spec spec;
    server(&spec, subject, names, count);
    return judge_leaf(&spec);
}

static hf_result judge_name(const char *subject, uint8_t tag, const char *text)
{
    const struct pki_name name = {tag, der_text(text)};
    return judge_names(subject, &name, 1);
}

/* limbo rfc5280::aki::intermediate-missing-aki, rfc5280::ski::intermediate-missing-ski */
static void key_identifiers_are_there(void)
{
    struct pki_spec spec;
    plain_server(&spec);
    HF_CHECK_OK(judge_leaf(&spec));
    pki_drop(&spec, PKI_OID_SKI); /* RFC 5280 4.2.1.2: a leaf only should have one */
    HF_CHECK_OK(judge_leaf(&spec));
    pki_drop(&spec, PKI_OID_AKI);
    HF_CHECK_CODE(judge_leaf(&spec), HF_E_CERT_EXTENSION);
    HF_CHECK(kit_depth() == 0);
    static const char *const either[] = {PKI_OID_AKI, PKI_OID_SKI};
    for (size_t i = 0; i < 2; i++) {
        pki_intermediate(&spec, "root", "middle", NULL, KIT_KEY(1));
        pki_add_key_ids(&spec, KIT_KEY(0));
        HF_CHECK_OK(judge_middle(&spec));
        pki_drop(&spec, either[i]);
        HF_CHECK_CODE(judge_middle(&spec), HF_E_CERT_EXTENSION);
        HF_CHECK(kit_depth() == 1);
    }
}

/* limbo rfc5280::aki::self-signed-root-missing-aki (good), cross-signed-root-missing-aki,
 * webpki::aki::root-with-aki-missing-keyidentifier */
static void an_anchor_has_a_key_identifier_where_it_must(void)
{
    struct pki_spec spec;
    pki_authority(&spec, "middle", NULL, KIT_KEY(1));
    HF_CHECK_OK(judge_root(&spec, KIT_KEY(1), HF_PURPOSE_SERVER));
    pki_add(&spec, PKI_OID_AKI, false, DER_BYTES("\x30\x00"));
    HF_CHECK_CODE(judge_root(&spec, KIT_KEY(1), HF_PURPOSE_SERVER), HF_E_CERT_EXTENSION);
    pki_drop(&spec, PKI_OID_AKI);
    pki_add_key_ids(&spec, KIT_KEY(1));
    HF_CHECK_OK(judge_root(&spec, KIT_KEY(1), HF_PURPOSE_SERVER));
    pki_set(&spec, PKI_OID_AKI, false, DER_BYTES("\x30\x04\x80\x02zz"));
    HF_CHECK_CODE(judge_root(&spec, KIT_KEY(1), HF_PURPOSE_SERVER), HF_E_CERT_EXTENSION);
    pki_intermediate(&spec, "root", "middle", NULL, KIT_KEY(1));
    HF_CHECK_CODE(judge_root(&spec, KIT_KEY(0), HF_PURPOSE_SERVER), HF_E_CERT_EXTENSION);
    pki_add_key_ids(&spec, KIT_KEY(0));
    HF_CHECK_OK(judge_root(&spec, KIT_KEY(0), HF_PURPOSE_SERVER));
}

/* limbo webpki::eku::root-has-eku */
static void a_root_has_no_extended_key_usage(void)
{
    static const char *const eku[] = {PKI_OID_SERVER_AUTH};
    struct pki_spec spec;
    pki_authority(&spec, "middle", NULL, KIT_KEY(1));
    pki_set_eku(&spec, false, eku, 1);
    HF_CHECK_CODE(judge_root(&spec, KIT_KEY(1), HF_PURPOSE_SERVER), HF_E_SVID_EKU);
    /* An intermediate as anchor may be limited so. */
    pki_intermediate(&spec, "root", "middle", NULL, KIT_KEY(1));
    pki_add_key_ids(&spec, KIT_KEY(0));
    pki_set_eku(&spec, false, eku, 1);
    HF_CHECK_OK(judge_root(&spec, KIT_KEY(0), HF_PURPOSE_SERVER));
}

/* limbo webpki::malformed-aia, rfc5280::ee-aia (good) */
static void information_access_can_be_read(void)
{
    static const struct {
        struct der_bytes value;
        uint32_t code;
    } rows[] = {
        {DER_BYTES("\x30\x10\x30\x0e\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x02\x86\x02g:"), HF_OK},
        {DER_BYTES("\x30\x00"), HF_E_CERT_EXTENSION},
        {DER_BYTES("nonsense"), HF_E_CERT_EXTENSION},
        {DER_BYTES("\x30\x0e\x30\x0c\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x02\x30\x00"),
         HF_E_CERT_EXTENSION},
        {DER_BYTES("\x30\x10\x30\x0e\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x02\x86\x02g:\x05\x00"),
         HF_E_CERT_EXTENSION},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pki_spec spec;
        plain_server(&spec);
        pki_add(&spec, OID_AIA, false, rows[i].value);
        HF_CHECK_CODE(judge_leaf(&spec), rows[i].code);
        pki_intermediate(&spec, "root", "middle", NULL, KIT_KEY(1));
        pki_add_key_ids(&spec, KIT_KEY(0));
        pki_add(&spec, OID_AIA, false, rows[i].value);
        HF_CHECK_CODE(judge_middle(&spec), rows[i].code);
    }
}

/* limbo webpki::san::san-critical-with-nonempty-subject */
static void alternative_names_are_critical_without_a_subject_only(void)
{
    const struct pki_name name = {PKI_DNS, der_text("www.example.com")};
    struct pki_spec spec;
    server(&spec, "a server", &name, 1);
    HF_CHECK_OK(judge_leaf(&spec));
    pki_set_san(&spec, true, &name, 1);
    HF_CHECK_CODE(judge_leaf(&spec), HF_E_CERT_EXTENSION);
}

/* limbo rfc5280::nc::nc-permits-invalid-dns-san, nc-permits-invalid-email-san */
static void names_have_the_form_of_their_kind(void)
{
    static const char *const hosts[] = {".example.com",     "www..example.com",
                                        "www.example.com.", "my_host.example.com",
                                        "www example.com",  ""};
    static const char *const mailboxes[] = {"invalid@address@example.com", "example.com", "@a.b",
                                            "a@", "a@.b"};
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        HF_CHECK_CODE(judge_name(NULL, PKI_DNS, hosts[i]), HF_E_CERT_EXTENSION);
    }
    for (size_t i = 0; i < sizeof(mailboxes) / sizeof(mailboxes[0]); i++) {
        HF_CHECK_CODE(judge_name(NULL, PKI_EMAIL, mailboxes[i]), HF_E_CERT_EXTENSION);
    }
    HF_CHECK_OK(judge_name(NULL, PKI_DNS, "xn--n3h.Example.com"));
    HF_CHECK_OK(judge_name(NULL, PKI_DNS, "*.example.com"));
    HF_CHECK_OK(judge_name(NULL, PKI_EMAIL, "**@example.com"));
}

#define V6(bytes) {PKI_IP, DER_BYTES(bytes)}

/* limbo webpki::cn::*: not-in-san, punycode-not-in-san, ipv4-hex-mismatch,
 * ipv4-leading-zeros-mismatch, ipv6-uppercase-mismatch, ipv6-uncompressed-mismatch,
 * ipv6-non-rfc5952-mismatch; and the good ones whose common name is the domain of a name */
static void a_common_name_does_not_contradict(void)
{
    static const struct {
        const char *common;
        struct pki_name name;
        uint32_t code;
    } rows[] = {
        {"a.example.com", {PKI_DNS, {(const uint8_t *)"a.example.com", 13}}, HF_OK},
        {"example.com", {PKI_DNS, {(const uint8_t *)"a.example.com", 13}}, HF_OK},
        {"A title, Ltd.", {PKI_DNS, {(const uint8_t *)"a.example.com", 13}}, HF_OK},
        {"A.example.com", {PKI_DNS, {(const uint8_t *)"a.example.com", 13}}, HF_E_NAME_MISMATCH},
        {"b.example.com", {PKI_DNS, {(const uint8_t *)"a.example.com", 13}}, HF_E_NAME_MISMATCH},
        {"ample.com", {PKI_DNS, {(const uint8_t *)"a.example.com", 13}}, HF_E_NAME_MISMATCH},
        {"x.a.example.com", {PKI_DNS, {(const uint8_t *)"a.example.com", 13}}, HF_E_NAME_MISMATCH},
        {"192.0.2.1", {PKI_IP, DER_BYTES("\xc0\0\2\1")}, HF_OK},
        {"example.com", {PKI_IP, DER_BYTES("\xc0\0\2\1")}, HF_OK},
        {"192.000.002.001", {PKI_IP, DER_BYTES("\xc0\0\2\1")}, HF_E_NAME_MISMATCH},
        {"0xC0000201", {PKI_IP, DER_BYTES("\xc0\0\2\1")}, HF_E_NAME_MISMATCH},
        {"0xc0.0.2.1", {PKI_IP, DER_BYTES("\xc0\0\2\1")}, HF_E_NAME_MISMATCH},
        {"3221225985", {PKI_IP, DER_BYTES("\xc0\0\2\1")}, HF_E_NAME_MISMATCH},
        {"::1", V6("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"), HF_OK},
        {"::", V6("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), HF_OK},
        {"2001:db8::", V6("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\0"), HF_OK},
        {"2001:db8::a:0:0:1", V6("\x20\x01\x0d\xb8\0\0\0\0\0\x0a\0\0\0\0\0\1"), HF_OK},
        {"2001:db8:0:0:a::1", V6("\x20\x01\x0d\xb8\0\0\0\0\0\x0a\0\0\0\0\0\1"), HF_E_NAME_MISMATCH},
        {"2001:db8:0:1:1:1:1:1", V6("\x20\x01\x0d\xb8\0\0\0\1\0\1\0\1\0\1\0\1"), HF_OK},
        {"2001:db8::1:1:1:1:1", V6("\x20\x01\x0d\xb8\0\0\0\1\0\1\0\1\0\1\0\1"), HF_E_NAME_MISMATCH},
        {"2001:DB8::", V6("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\0"), HF_E_NAME_MISMATCH},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        HF_CHECK_CODE(judge_names(rows[i].common, &rows[i].name, 1), rows[i].code);
    }
}

/* A list of DNS subtrees: 0xa0 permitted, 0xa1 excluded. */
static hf_result judge_constraint(uint8_t list, const char *base, const char *host)
{
    static struct pki_cert leaf, made;
    const struct pki_name name = {PKI_DNS, der_text(host)};
    struct pki_spec spec;
    uint8_t buffer[512];
    struct der_writer w = {buffer, sizeof(buffer), 0};
    size_t sequence = der_open(&w, 0x30);
    size_t subtrees = der_open(&w, list);
    size_t subtree = der_open(&w, 0x30);
    der_element(&w, PKI_DNS, der_text(base));
    der_close(&w, subtree);
    der_close(&w, subtrees);
    der_close(&w, sequence);
    pki_intermediate(&spec, "root", "middle", NULL, KIT_KEY(1));
    pki_add_key_ids(&spec, KIT_KEY(0));
    pki_set(&spec, PKI_OID_NAME_CONSTRAINTS, true, der_done(&w));
    kit_sign(&spec, KIT_KEY(0), &made);
    server(&spec, NULL, &name, 1);
    kit_sign(&spec, KIT_KEY(1), &leaf);
    return judge(&root, KIT_CERTS(&leaf, &made), HF_PURPOSE_SERVER);
}

/* limbo cve::cve-2025-61727, rfc5280::nc::invalid-dnsname-wildcard; a leading dot is for URIs */
static void wildcards_do_not_reach_into_excluded_subtrees(void)
{
    HF_CHECK_CODE(judge_constraint(0xa1, "bar.example.com", "*.example.com"), HF_E_NAME_CONSTRAINT);
    HF_CHECK_CODE(judge_constraint(0xa1, "BAR.example.com", "*.EXAMPLE.com"), HF_E_NAME_CONSTRAINT);
    HF_CHECK_CODE(judge_constraint(0xa1, "example.com", "*.example.com"), HF_E_NAME_CONSTRAINT);
    HF_CHECK_CODE(judge_constraint(0xa1, "com", "*.example.com"), HF_E_NAME_CONSTRAINT);
    HF_CHECK_CODE(judge_constraint(0xa1, "", "*.example.com"), HF_E_NAME_CONSTRAINT);
    HF_CHECK_OK(judge_constraint(0xa1, "a.bar.example.com", "*.example.com"));
    HF_CHECK_OK(judge_constraint(0xa1, "barexample.com", "*.example.com"));
    HF_CHECK_OK(judge_constraint(0xa1, "ample.com", "*.example.com"));
    HF_CHECK_OK(judge_constraint(0xa0, "example.com", "*.example.com"));
    HF_CHECK_CODE(judge_constraint(0xa0, "*.example.com", "a.example.com"), HF_E_NAME_CONSTRAINT);
    HF_CHECK_CODE(judge_constraint(0xa0, ".example.com", "a.example.com"), HF_E_NAME_CONSTRAINT);
    HF_CHECK_CODE(judge_constraint(0xa1, ".example.org", "a.example.com"), HF_E_NAME_CONSTRAINT);
    HF_CHECK_CODE(judge_constraint(0xa1, "example..org", "a.example.com"), HF_E_NAME_CONSTRAINT);
    HF_CHECK_CODE(judge_constraint(0xa1, "example.org.", "a.example.com"), HF_E_NAME_CONSTRAINT);
    HF_CHECK(kit_depth() == 1);
}

/* C10: wildcards times constraints are bounded, 2^14 of them; 128 of each are just allowed. */
static hf_result judge_many(size_t wildcards, size_t constraints)
{
    static struct pki_cert leaf, made;
    struct pki_name names[130];
    struct pki_spec spec;
    uint8_t buffer[2048];
    struct der_writer w = {buffer, sizeof(buffer), 0};
    size_t sequence = der_open(&w, 0x30);
    size_t subtrees = der_open(&w, 0xa1);
    for (size_t i = 0; i < constraints; i++) {
        size_t subtree = der_open(&w, 0x30);
        der_element(&w, PKI_DNS, der_text("b.c"));
        der_close(&w, subtree);
    }
    der_close(&w, subtrees);
    der_close(&w, sequence);
    pki_intermediate(&spec, "root", "middle", NULL, KIT_KEY(1));
    pki_add_key_ids(&spec, KIT_KEY(0));
    pki_set(&spec, PKI_OID_NAME_CONSTRAINTS, true, der_done(&w));
    kit_sign(&spec, KIT_KEY(0), &made);
    for (size_t i = 0; i < wildcards; i++) {
        names[i] = (struct pki_name){PKI_DNS, der_text("*.d.e")};
    }
    server(&spec, NULL, names, wildcards);
    kit_sign(&spec, KIT_KEY(1), &leaf);
    return judge(&root, KIT_CERTS(&leaf, &made), HF_PURPOSE_SERVER);
}

static void wildcards_times_constraints_are_bounded(void)
{
    HF_CHECK_OK(judge_many(128, 128));
    HF_CHECK_CODE(judge_many(129, 128), HF_E_NAME_CONSTRAINT);
    HF_CHECK(kit_saw("128 constraints"));
    HF_CHECK_CODE(judge_many(128, 129), HF_E_NAME_CONSTRAINT);
}

/* limbo rfc5280::serial::zero, negative; webpki::v1-cert, webpki::ca-as-leaf,
 * ee-basicconstraints-ca; rfc5280::nc::not-allowed-in-ee-*; webpki::nc::*-both-null; rfc5280::pc:
 * what the reader or the leaf's rules refuse, for SVIDs and for the web alike. */
static void what_every_path_refuses_web_paths_refuse(void)
{
    struct pki_spec spec;
    plain_server(&spec);
    spec.serial = DER_BYTES("\0");
    HF_CHECK_CODE(judge_leaf(&spec), HF_E_CERT_SERIAL);
    spec.serial = DER_BYTES("\xff");
    HF_CHECK_CODE(judge_leaf(&spec), HF_E_CERT_SERIAL);
    plain_server(&spec);
    spec.no_version = true;
    HF_CHECK_CODE(judge_leaf(&spec), HF_E_CERT_VERSION);
    plain_server(&spec);
    pki_set_basic_constraints(&spec, true, true, -1);
    HF_CHECK_CODE(judge_leaf(&spec), HF_E_SVID_IS_CA);
    plain_server(&spec);
    pki_set_name_constraints(&spec, false, "example.com", NULL);
    HF_CHECK_CODE(judge_leaf(&spec), HF_E_CA_CONSTRAINTS);
    pki_intermediate(&spec, "root", "middle", NULL, KIT_KEY(1));
    pki_add_key_ids(&spec, KIT_KEY(0));
    pki_set(&spec, PKI_OID_NAME_CONSTRAINTS, true, DER_BYTES("\x30\x00"));
    HF_CHECK_CODE(judge_middle(&spec), HF_E_CA_CONSTRAINTS);
    pki_set(&spec, PKI_OID_NAME_CONSTRAINTS, true, DER_BYTES("\x30\x04\xa0\x00\xa1\x00"));
    HF_CHECK_CODE(judge_middle(&spec), HF_E_CA_CONSTRAINTS);
    pki_drop(&spec, PKI_OID_NAME_CONSTRAINTS);
    pki_add(&spec, PKI_OID_POLICY_CONSTRAINTS, false, DER_BYTES("\x30\x03\x80\x01\x00"));
    HF_CHECK_CODE(judge_middle(&spec), HF_E_CA_CONSTRAINTS);
    HF_CHECK(hf_mem_live() == 0);
}

HF_TESTS({"make the world", make_world}, {"key identifiers are there", key_identifiers_are_there},
         {"an anchor has a key identifier where it must",
          an_anchor_has_a_key_identifier_where_it_must},
         {"a root has no extended key usage", a_root_has_no_extended_key_usage},
         {"information access can be read", information_access_can_be_read},
         {"alternative names are critical without a subject only",
          alternative_names_are_critical_without_a_subject_only},
         {"names have the form of their kind", names_have_the_form_of_their_kind},
         {"a common name does not contradict", a_common_name_does_not_contradict},
         {"wildcards do not reach into excluded subtrees",
          wildcards_do_not_reach_into_excluded_subtrees},
         {"wildcards times constraints are bounded", wildcards_times_constraints_are_bounded},
         {"what every path refuses web paths refuse", what_every_path_refuses_web_paths_refuse})
