/* SPDX-License-Identifier: Apache-2.0
 *
 * Name constraints of every kind on web paths: permitted and excluded, kept and broken. OpenSSL
 * compares; what it reads in two ways, or passes over, is refused before.
 */
#include <stdio.h>

#include "hf_test.h"
#include "kit.h"
#include "x509/bundle.h"

static struct pki_cert root;
static struct hf_bundle *roots;

static void make_world(void)
{
    size_t skipped;
    kit_root(&root, "root", KIT_KEY(0));
    HF_CHECK_OK(hf_bundle_new_roots(root.der, root.len, &skipped, &roots));
}

static void limit(struct pki_spec *spec, uint8_t list, struct pki_name base)
{
    uint8_t buffer[512];
    struct der_writer w = {buffer, sizeof(buffer), 0};
    size_t sequence = der_open(&w, 0x30);
    size_t subtrees = der_open(&w, list);
    size_t subtree = der_open(&w, 0x30);
    der_element(&w, base.tag, base.value);
    der_close(&w, subtree);
    der_close(&w, subtrees);
    der_close(&w, sequence);
    pki_set(spec, PKI_OID_NAME_CONSTRAINTS, true, der_done(&w));
}

/* A client below a CA with one constraint: clients may be named in every way. */
static hf_result judge(uint8_t list, struct pki_name base, struct pki_name name)
{
    static struct pki_cert middle, leaf;
    struct kit_chain chain;
    struct hf_peer peer;
    struct pki_spec spec;
    pki_intermediate(&spec, "root", "middle", NULL, KIT_KEY(1));
    pki_add_key_ids(&spec, KIT_KEY(0));
    limit(&spec, list, base);
    kit_sign(&spec, KIT_KEY(0), &middle);
    pki_leaf(&spec, "middle", "u:", KIT_LEAF_KEY);
    pki_add_key_ids(&spec, KIT_KEY(1));
    if (name.tag == PKI_DIRECTORY) {
        spec.subject = name.value;
        pki_drop(&spec, PKI_OID_SAN);
    } else {
        pki_set_san(&spec, true, &name, 1);
    }
    kit_sign(&spec, KIT_KEY(1), &leaf);
    struct hf_presented in = {.chain = kit_chain(&chain, KIT_CERTS(&leaf, &middle)),
                              .at = PKI_NOW,
                              .purpose = HF_PURPOSE_CLIENT};
    struct hf_web_terms terms = {.max_depth = 7};
    return hf_judge_web(roots, &in, &terms, &peer);
}

#define DNS(text) {PKI_DNS, DER_BYTES(text)}
#define EMAIL(text) {PKI_EMAIL, DER_BYTES(text)}
#define URI(text) {PKI_URI, DER_BYTES(text)}
#define IP(text) {PKI_IP, DER_BYTES(text)}
/* O=one, with CN=a below it or alone, and O=two. */
#define RDN_O(name) "\x31\x0c\x30\x0a\x06\x03\x55\x04\x0a\x0c\x03" name
#define RDN_CN                                                                                     \
    "\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01"                                                 \
    "a"
#define O_ONE {PKI_DIRECTORY, DER_BYTES("\x30\x0e" RDN_O("one"))}
#define O_ONE_A {PKI_DIRECTORY, DER_BYTES("\x30\x1a" RDN_O("one") RDN_CN)}
#define O_TWO_A {PKI_DIRECTORY, DER_BYTES("\x30\x1a" RDN_O("two") RDN_CN)}
#define V6(head, tail) {PKI_IP, DER_BYTES("\x20\x01\x0d\xb8" head tail)}
#define ZEROS "\0\0\0\0\0\0\0\0"

struct row {
    struct pki_name base;
    struct pki_name name;
    bool inside;
};

static const struct row rows[] = {
    {DNS("example.com"), DNS("example.com"), true},
    {DNS("example.com"), DNS("a.EXAMPLE.com"), true},
    {DNS("example.com"), DNS("badexample.com"), false},
    {DNS("example.com"), DNS("example.com.evil"), false},
    {EMAIL("example.com"), EMAIL("a@example.com"), true},
    {EMAIL("example.com"), EMAIL("a@EXAMPLE.COM"), true},
    {EMAIL("example.com"), EMAIL("a@b.example.com"), false},
    {EMAIL(".example.com"), EMAIL("a@b.example.com"), true},
    {EMAIL(".example.com"), EMAIL("a@example.com"), false},
    {EMAIL("a@example.com"), EMAIL("a@example.com"), true},
    {EMAIL("a@example.com"), EMAIL("b@example.com"), false},
    {URI("example.com"), URI("https://example.com/x"), true},
    {URI("example.com"), URI("spiffe://EXAMPLE.com:8443/x?y=z"), true},
    {URI("example.com"), URI("https://a.example.com/x"), false},
    {URI(".example.com"), URI("https://a.example.com"), true},
    {URI(".example.com"), URI("https://example.com/x"), false},
    {URI(".example.com"), URI("https://evil/x.example.com"), false},
    {IP("\xc0\x00\x02\x00\xff\xff\xff\x00"), IP("\xc0\x00\x02\x07"), true},
    {IP("\xc0\x00\x02\x00\xff\xff\xff\x00"), IP("\xc0\x00\x03\x07"), false},
    {IP("\0\0\0\0\0\0\0\0"), IP("\xc0\x00\x03\x07"), true},
    {V6("\0\0\0\0" ZEROS, "\xff\xff\xff\xff\0\0\0\0" ZEROS), V6("\0\1\0\0", ZEROS), true},
    {V6("\0\1\0\0" ZEROS, "\xff\xff\xff\xff\xff\xff\0\0" ZEROS), V6("\0\2\0\0", ZEROS), false},
    {O_ONE, O_ONE, true},
    {O_ONE, O_ONE_A, true},
    {O_ONE, O_TWO_A, false},
    {O_ONE_A, O_ONE, false},
};

/* limbo rfc5280::nc::*; PKITS 4.13. Permitted lets in what is inside, excluded what is not. */
static void each_kind_of_name_keeps_to_its_constraints(void)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        bool good = HF_CHECK_CODE(judge(0xa0, row->base, row->name),
                                  row->inside ? HF_OK : HF_E_NAME_CONSTRAINT);
        good &= HF_CHECK_CODE(judge(0xa1, row->base, row->name),
                              row->inside ? HF_E_NAME_CONSTRAINT : HF_OK);
        if (!good) {
            (void)fprintf(stderr, "    row %zu\n", i);
        }
    }
}

/* RFC 5280 4.2.1.10: a constraint is about names of its own kind. */
static void a_constraint_binds_its_own_kind_alone(void)
{
    static const struct pki_name names[] = {DNS("a.org"), EMAIL("a@a.org"), URI("https://a.org/"),
                                            IP("\xc6\x33\x64\x01"), O_TWO_A};
    static const struct pki_name bases[] = {DNS("example.com"), EMAIL("example.com"),
                                            URI("example.com"),
                                            IP("\xc0\x00\x02\x00\xff\xff\xff\x00"), O_ONE};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        for (size_t k = 0; k < sizeof(bases) / sizeof(bases[0]); k++) {
            HF_CHECK_CODE(judge(0xa0, bases[k], names[i]), i == k ? HF_E_NAME_CONSTRAINT : HF_OK);
        }
    }
}

/* RFC 5280 4.2.1.10, limbo rfc5280::nc::nc-forbids-othername-noop: what nobody compares here
 * forbids every name of its kind, and binds no other. */
static void names_under_constraints_of_other_kinds_are_refused(void)
{
    static const struct pki_name host = DNS("a.org");
    static const struct pki_name odd[] = {
        {PKI_RID, DER_BYTES("\x2a\x03")},
        {PKI_OTHER, DER_BYTES("\x06\x02\x2a\x03\xa0\x02\x05\x00")},
        {0xa5, DER_BYTES("\xa1\x03\x0c\x01"
                         "x")},
        {0xa3, DER_BYTES("\x05\x00")},
    };
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        for (size_t k = 0; k < sizeof(odd) / sizeof(odd[0]); k++) {
            uint32_t code = i == k ? HF_E_NAME_CONSTRAINT : HF_OK;
            HF_CHECK_CODE(judge(0xa0, odd[i], odd[k]), code);
            HF_CHECK_CODE(judge(0xa1, odd[i], odd[k]), code);
        }
        HF_CHECK_OK(judge(0xa0, odd[i], host));
        HF_CHECK_OK(judge(0xa1, odd[i], host));
    }
}

/* I4 for the web, threats 2.3: OpenSSL 3.0 and 3.5 say the opposite of each other to many of these,
 * and both accept some that they should not. */
static void odd_uris_are_not_compared(void)
{
    static const struct pki_name base = URI("example.org");
    static const struct pki_name dotted = URI(".example.org");
    static const struct pki_name odd[] = {
        URI("https://evil.org@example.org/a"),
        URI("https://example.org:1@evil.org/a"),
        URI("https://example.org:evil/a"),
        URI("https://example.org:/a"),
        URI("https://example.org:123456/a"),
        URI("https://example.org?x=/a"),
        URI("https://evil.org?x.example.org/a"),
        URI("https://evil.org#x.example.org/a"),
        URI("https://example.org\0.evil.org/a"),
        URI("https://example.org/a\0/admin"),
        URI("https://example.org/a b"),
        URI("https://example%2Eorg/a"),
        URI("https://example.org./a"),
        URI("https://.example.org/a"),
        URI("https://a..example.org/a"),
        URI("https://192.0.2.1/a"),
        URI("https://[2001:db8::1]/a"),
        URI("https:///a"),
        URI("https:example.org"),
        URI("//example.org/a"),
        URI("1https://example.org/a"),
        URI("example.org"),
        URI(""),
    };
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        bool good = HF_CHECK_CODE(judge(0xa0, base, odd[i]), HF_E_NAME_CONSTRAINT);
        good &= HF_CHECK_CODE(judge(0xa0, dotted, odd[i]), HF_E_NAME_CONSTRAINT);
        good &= HF_CHECK_CODE(judge(0xa1, base, odd[i]), HF_E_NAME_CONSTRAINT);
        if (!good) {
            (void)fprintf(stderr, "    URI %zu\n", i);
        }
    }
}

/* limbo rfc5280::nc::permitted-dns-match-noncritical; RFC 5280 4.2.1.10 */
static void constraints_are_critical(void)
{
    static struct pki_cert limited, leaf;
    struct kit_chain chain;
    struct hf_peer peer;
    struct hf_bundle *bundle;
    size_t skipped;
    struct pki_spec spec;
    const struct pki_name host = DNS("a.example.com");
    for (int critical = 0; critical < 2; critical++) {
        pki_authority(&spec, "limited", NULL, KIT_KEY(0));
        pki_add_key_ids(&spec, KIT_KEY(0));
        pki_set(&spec, PKI_OID_NAME_CONSTRAINTS, critical != 0,
                DER_BYTES("\x30\x11\xa0\x0f\x30\x0d\x82\x0b"
                          "example.com"));
        kit_sign(&spec, KIT_KEY(0), &limited);
        pki_leaf(&spec, "limited", "u:", KIT_LEAF_KEY);
        pki_add_key_ids(&spec, KIT_KEY(0));
        pki_set_san(&spec, true, &host, 1);
        kit_sign(&spec, KIT_KEY(0), &leaf);
        HF_CHECK_OK(hf_bundle_new_roots(limited.der, limited.len, &skipped, &bundle));
        struct hf_presented in = {.chain = kit_chain(&chain, KIT_CERTS(&leaf)),
                                  .at = PKI_NOW,
                                  .purpose = HF_PURPOSE_CLIENT};
        struct hf_web_terms terms = {.max_depth = 7};
        HF_CHECK_CODE(hf_judge_web(bundle, &in, &terms, &peer),
                      critical != 0 ? HF_OK : HF_E_CA_CONSTRAINTS);
        hf_bundle_unref(bundle);
    }
}

static void nothing_is_left(void)
{
    hf_bundle_unref(roots);
    HF_CHECK(hf_mem_live() == 0);
}

HF_TESTS({"make the world", make_world},
         {"each kind of name keeps to its constraints", each_kind_of_name_keeps_to_its_constraints},
         {"a constraint binds its own kind alone", a_constraint_binds_its_own_kind_alone},
         {"names under constraints of other kinds are refused",
          names_under_constraints_of_other_kinds_are_refused},
         {"odd URIs are not compared", odd_uris_are_not_compared},
         {"constraints are critical", constraints_are_critical},
         {"nothing is left", nothing_is_left})
