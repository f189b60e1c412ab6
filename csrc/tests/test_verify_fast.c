/* SPDX-License-Identifier: Apache-2.0
 *
 * P2 by examples: shapes just inside and just outside of the fast path's profile. What it accepts
 * the general path accepts; what it does not cover is decided by the general path alone.
 */
#include "verify/fast.h"

#include "hf_test.h"
#include "kit.h"

#define ID "spiffe://a.example/web"
#define OID_AIA "1.3.6.1.5.5.7.1.1"
#define OID_NETSCAPE "2.16.840.1.113730.1.1"
#define OID_PROXY "1.3.6.1.5.5.7.1.14"
#define OID_ISSUER_NAME "2.5.29.18"
#define OID_UNHEARD_OF "1.2.3.4.5"

/* What one certificate of the chain is made to look like. */
typedef void edit_fn(struct pki_spec *spec);

struct made {
    struct pki_cert root;
    struct pki_cert middle;
    struct pki_cert leaf;
};

static void plain(struct pki_spec *spec)
{
    (void)spec;
}

static void make(edit_fn *of_root, edit_fn *of_middle, edit_fn *of_leaf, struct made *out)
{
    static struct pki_spec spec;
    pki_authority(&spec, "root", NULL, KIT_KEY(0));
    pki_add_key_ids(&spec, KIT_KEY(0));
    of_root(&spec);
    kit_sign(&spec, KIT_KEY(0), &out->root);
    pki_intermediate(&spec, "root", "middle", NULL, KIT_KEY(1));
    pki_add_key_ids(&spec, KIT_KEY(0));
    of_middle(&spec);
    kit_sign(&spec, KIT_KEY(0), &out->middle);
    pki_leaf(&spec, "middle", ID, KIT_LEAF_KEY);
    pki_add_key_ids(&spec, KIT_KEY(1));
    of_leaf(&spec);
    kit_sign(&spec, KIT_KEY(1), &out->leaf);
}

enum shown { INSIDE, OUTSIDE, REFUSED };

/* The three ways agree as they should, under both sets of rules and for every purpose. */
static bool check_ways(const struct made *made, struct kit_ask ask, enum shown shown)
{
    struct hf_bundle_set *set = kit_set1("a.example", KIT_CERTS(&made->root));
    struct kit_certs chain = KIT_CERTS(&made->leaf, &made->middle);
    uint32_t general = kit_judge_by(HF_WAY_GENERAL, set, chain, ask, NULL).code;
    uint32_t fast = kit_judge_by(HF_WAY_FAST, set, chain, ask, NULL).code;
    uint32_t any = kit_judge_by(HF_WAY_ANY, set, chain, ask, NULL).code;
    hf_bundle_set_unref(set);
    bool good = HF_CHECK(any == general);
    good = HF_CHECK(fast != HF_OK || general == HF_OK) && good;
    good = HF_CHECK((general == HF_OK) == (shown != REFUSED)) && good;
    return HF_CHECK(shown == REFUSED || fast == (shown == INSIDE ? HF_OK : HF_E_CHAIN_REJECTED)) &&
           good;
}

static void check(const char *name, const struct made *made, enum shown shown)
{
    for (int rules = HF_RULES_STRICT; rules <= HF_RULES_COMPATIBLE; rules++) {
        for (int purpose = HF_PURPOSE_EITHER; purpose <= HF_PURPOSE_SERVER; purpose++) {
            struct kit_ask ask = {rules, purpose, PKI_NOW};
            if (!check_ways(made, ask, shown)) {
                (void)fprintf(stderr, "    with %s, rules %d, purpose %d\n", name, rules, purpose);
            }
        }
    }
}

/* The same oddity in each place where it may stand. */
static void check_everywhere(const char *name, edit_fn *edit, enum shown of_leaf,
                             enum shown of_middle, enum shown of_root)
{
    static struct made made;
    make(plain, plain, edit, &made);
    check(name, &made, of_leaf);
    make(plain, edit, plain, &made);
    check(name, &made, of_middle);
    make(edit, plain, plain, &made);
    check(name, &made, of_root);
}

#define ADDS(function, oid, critical, bytes)                                                       \
    static void function(struct pki_spec *spec)                                                    \
    {                                                                                              \
        pki_add(spec, oid, critical, DER_BYTES(bytes));                                            \
    }

/* One user notice policy; an address to ask; a list with nothing that could be used. */
ADDS(with_policies, PKI_OID_POLICIES, false, "\x30\x06\x30\x04\x06\x02\x2a\x03")
ADDS(with_broken_policies, PKI_OID_POLICIES, false, "\x31\x00")
ADDS(with_aia, OID_AIA, false,
     "\x30\x14\x30\x12\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x01\x86\x06http:a")
ADDS(with_broken_aia, OID_AIA, false, "\x04\x00")
ADDS(with_critical_aia, OID_AIA, true, "\x30\x00")
ADDS(with_crl_points, PKI_OID_CRL_POINTS, false, "\x30\x0e\x30\x0c\xa0\x0a\xa0\x08\x86\x06http:a")
ADDS(with_broken_crl_points, PKI_OID_CRL_POINTS, false, "\x30\x02\x30\x00")
ADDS(with_netscape_type, OID_NETSCAPE, false, "\x03\x02\x00\xff")
ADDS(with_netscape_mail, OID_NETSCAPE, false, "\x03\x02\x05\x20")
ADDS(with_broken_netscape, OID_NETSCAPE, false, "\x30\x00")
ADDS(with_proxy, OID_PROXY, false, "\x30\x0c\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x15\x01")
ADDS(with_issuer_name, OID_ISSUER_NAME, false, "\x30\x03\x82\x01x")
ADDS(with_unheard_of, OID_UNHEARD_OF, false, "anything")
ADDS(with_critical_unheard_of, OID_UNHEARD_OF, true, "anything")

static void extensions_that_openssl_leaves_alone_are_inside(void)
{
    check_everywhere("nothing odd", plain, INSIDE, INSIDE, INSIDE);
    check_everywhere("policies", with_policies, INSIDE, INSIDE, INSIDE);
    check_everywhere("broken policies", with_broken_policies, INSIDE, INSIDE, INSIDE);
    check_everywhere("information access", with_aia, INSIDE, INSIDE, INSIDE);
    check_everywhere("broken information access", with_broken_aia, INSIDE, INSIDE, INSIDE);
}

static void extensions_that_nobody_here_reads_are_outside(void)
{
    check_everywhere("CRL points", with_crl_points, OUTSIDE, OUTSIDE, OUTSIDE);
    check_everywhere("netscape type", with_netscape_type, OUTSIDE, OUTSIDE, OUTSIDE);
    check_everywhere("issuer name", with_issuer_name, OUTSIDE, OUTSIDE, OUTSIDE);
    check_everywhere("unheard of", with_unheard_of, OUTSIDE, OUTSIDE, OUTSIDE);
}

static void make_and_check(const char *name, edit_fn *of_middle, edit_fn *of_leaf, enum shown shown)
{
    static struct made made;
    make(plain, of_middle, of_leaf, &made);
    check(name, &made, shown);
}

static void what_openssl_refuses_is_refused(void)
{
    make_and_check("broken CRL points", plain, with_broken_crl_points, REFUSED);
    make_and_check("broken CRL points", with_broken_crl_points, plain, REFUSED);
    make_and_check("broken netscape type", plain, with_broken_netscape, REFUSED);
    make_and_check("broken netscape type", with_broken_netscape, plain, REFUSED);
    make_and_check("proxy", plain, with_proxy, REFUSED);
    make_and_check("proxy", with_proxy, plain, REFUSED);
    make_and_check("critical information", plain, with_critical_aia, REFUSED);
    make_and_check("critical unheard of", plain, with_critical_unheard_of, REFUSED);
    make_and_check("critical unheard of", with_critical_unheard_of, plain, REFUSED);
}

/* A purpose that only OpenSSL reads, and only under the strict rules. */
static void a_netscape_type_limits_what_openssl_judges(void)
{
    static struct made made;
    struct kit_ask strict = {HF_RULES_STRICT, HF_PURPOSE_CLIENT, PKI_NOW};
    struct kit_ask compatible = {HF_RULES_COMPATIBLE, HF_PURPOSE_CLIENT, PKI_NOW};
    make(plain, plain, with_netscape_mail, &made);
    HF_CHECK(check_ways(&made, strict, REFUSED));
    HF_CHECK(check_ways(&made, compatible, OUTSIDE));
}

#define NAMES(function, ...)                                                                       \
    static void function(struct pki_spec *spec)                                                    \
    {                                                                                              \
        const struct pki_name names[] = {{PKI_URI, DER_BYTES(ID)}, __VA_ARGS__};                   \
        pki_drop(spec, PKI_OID_SAN);                                                               \
        pki_set_san(spec, true, names, sizeof(names) / sizeof(names[0]));                          \
    }

NAMES(with_dns, {PKI_DNS, DER_BYTES("web.a.example")}, {PKI_DNS, DER_BYTES("b")})
NAMES(with_addresses, {PKI_IP, DER_BYTES("\x0a\x00\x00\x01")},
      {PKI_IP, DER_BYTES("0123456789abcdef")})
NAMES(with_mail, {PKI_EMAIL, DER_BYTES("a@b")})
NAMES(with_rid, {PKI_RID, DER_BYTES("\x2a\x03")})
NAMES(with_directory, {PKI_DIRECTORY, DER_BYTES("\x30\x00")})
NAMES(with_other, {PKI_OTHER, DER_BYTES("\x06\x02\x2a\x03\xa0\x02\x05\x00")})

static void other_names_beside_the_id(void)
{
    make_and_check("DNS names", plain, with_dns, INSIDE);
    make_and_check("addresses", plain, with_addresses, INSIDE);
    make_and_check("mail", plain, with_mail, INSIDE);
    make_and_check("registered id", plain, with_rid, OUTSIDE);
    make_and_check("directory name", plain, with_directory, OUTSIDE);
    make_and_check("other name", plain, with_other, OUTSIDE);
}

static void with_name_constraints(struct pki_spec *spec)
{
    pki_set_name_constraints(spec, true, "a.example", NULL);
}

static void with_other_name_constraints(struct pki_spec *spec)
{
    pki_set_name_constraints(spec, true, "b.example", NULL);
}

static void name_constraints_are_outside(void)
{
    static struct made made;
    make_and_check("name constraints", with_name_constraints, plain, OUTSIDE);
    make_and_check("other name constraints", with_other_name_constraints, plain, REFUSED);
    make(with_name_constraints, plain, plain, &made);
    check("name constraints of the root", &made, OUTSIDE);
    make(with_other_name_constraints, plain, plain, &made);
    check("other name constraints of the root", &made, REFUSED);
}

/* keyIdentifier left out; then the issuer's own issuer and serial number: right, and wrong. */
static struct hf_cert issuer_of_leaf;

static void write_aki(struct pki_spec *spec, struct hf_span serial)
{
    uint8_t buffer[200];
    struct der_writer w = {buffer, sizeof(buffer), 0};
    size_t all = der_open(&w, 0x30);
    size_t names = der_open(&w, 0xa1);
    size_t directory = der_open(&w, 0xa4);
    der_raw(&w, (struct der_bytes){issuer_of_leaf.issuer.data, issuer_of_leaf.issuer.len});
    der_close(&w, directory);
    der_close(&w, names);
    der_element(&w, 0x82, (struct der_bytes){serial.data, serial.len});
    der_close(&w, all);
    pki_set(spec, PKI_OID_AKI, false, der_done(&w));
}

static void with_right_serial(struct pki_spec *spec)
{
    write_aki(spec, issuer_of_leaf.serial);
}

static void with_wrong_serial(struct pki_spec *spec)
{
    write_aki(spec, HF_SPAN("\x07"));
}

static void with_empty_aki(struct pki_spec *spec)
{
    pki_set(spec, PKI_OID_AKI, false, DER_BYTES("\x30\x00"));
}

static void an_issuer_named_by_serial_number_is_outside(void)
{
    static struct made made;
    struct pki_spec spec;
    make_and_check("empty AKI", plain, with_empty_aki, INSIDE);
    make(plain, plain, plain, &made);
    HF_CHECK_OK(hf_cert_parse(pki_span(&made.middle), &issuer_of_leaf));
    for (int right = 1; right >= 0; right--) {
        pki_leaf(&spec, "middle", ID, KIT_LEAF_KEY);
        (right != 0 ? with_right_serial : with_wrong_serial)(&spec);
        kit_sign(&spec, KIT_KEY(1), &made.leaf);
        check(right != 0 ? "right serial" : "wrong serial", &made, right != 0 ? OUTSIDE : REFUSED);
    }
}

HF_TESTS({"extensions that OpenSSL leaves alone are inside",
          extensions_that_openssl_leaves_alone_are_inside},
         {"extensions that nobody here reads are outside",
          extensions_that_nobody_here_reads_are_outside},
         {"what OpenSSL refuses is refused", what_openssl_refuses_is_refused},
         {"a netscape type limits what OpenSSL judges", a_netscape_type_limits_what_openssl_judges},
         {"other names beside the ID", other_names_beside_the_id},
         {"name constraints are outside", name_constraints_are_outside},
         {"an issuer named by serial number is outside",
          an_issuer_named_by_serial_number_is_outside})
