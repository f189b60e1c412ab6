/* SPDX-License-Identifier: Apache-2.0
 *
 * I4, X509-17: URI name constraints. The ID is parsed strictly before anybody compares anything,
 * so the URIs that OpenSSL versions read in opposite ways never reach them; then OpenSSL and our
 * own comparison must both agree.
 */
#include <string.h>

#include "hf_test.h"
#include "kit.h"
#include "verify/name_constraints.h"

/* A chain leaf <- middle <- root with constraints on one of the CAs. */
static hf_result judge_uri(struct der_bytes uri, const char *permitted, const char *excluded,
                           bool on_root)
{
    static struct pki_cert root, middle, leaf;
    static const char *const domains[] = {"example.org", "other.org", "sub.example.org", "1.2.3.4"};
    struct pki_spec spec;
    pki_authority(&spec, "root", NULL, KIT_KEY(0));
    if (on_root && (permitted != NULL || excluded != NULL)) {
        pki_set_name_constraints(&spec, true, permitted, excluded);
    }
    kit_sign(&spec, KIT_KEY(0), &root);
    pki_intermediate(&spec, "root", "middle", NULL, KIT_KEY(1));
    if (!on_root && (permitted != NULL || excluded != NULL)) {
        pki_set_name_constraints(&spec, true, permitted, excluded);
    }
    kit_sign(&spec, KIT_KEY(0), &middle);
    pki_leaf(&spec, "middle", "spiffe://example.org/x", KIT_LEAF_KEY);
    pki_set_uri(&spec, true, uri);
    kit_sign(&spec, KIT_KEY(1), &leaf);
    struct hf_bundle *bundles[4];
    for (size_t i = 0; i < 4; i++) {
        bundles[i] = kit_bundle(domains[i], KIT_CERTS(&root));
    }
    struct hf_bundle_set *set = kit_set(bundles, 4);
    hf_result r = kit_judge(set, KIT_CERTS(&leaf, &middle), NULL);
    hf_bundle_set_unref(set);
    return r;
}

static void check(const char *uri, const char *permitted, const char *excluded, uint32_t code)
{
    HF_CHECK_CODE(judge_uri(der_text(uri), permitted, excluded, false), code);
    HF_CHECK_CODE(judge_uri(der_text(uri), permitted, excluded, true), code);
}

#define ORG "spiffe://example.org/a"

static void permitted_hosts_are_the_only_ones(void)
{
    check(ORG, "example.org", NULL, HF_OK);
    check(ORG, "EXAMPLE.org", NULL, HF_OK); /* constraints are compared without case */
    check(ORG, "other.org", NULL, HF_E_NAME_CONSTRAINT);
    check(ORG, "ample.org", NULL, HF_E_NAME_CONSTRAINT);
    check(ORG, "sub.example.org", NULL, HF_E_NAME_CONSTRAINT);
    check(ORG, ".example.org", NULL, HF_E_NAME_CONSTRAINT); /* below it, not it */
    check("spiffe://sub.example.org/a", ".example.org", NULL, HF_OK);
    check("spiffe://sub.example.org/a", ".ExAmPlE.oRg", NULL, HF_OK);
    check("spiffe://sub.example.org/a", "example.org", NULL, HF_E_NAME_CONSTRAINT);
    check(ORG, ".org", NULL, HF_OK);
    /* What no host can match permits nothing. */
    check(ORG, "", NULL, HF_E_NAME_CONSTRAINT);
    check(ORG, "spiffe://example.org", NULL, HF_E_NAME_CONSTRAINT);
    check(ORG, "example.org/a", NULL, HF_E_NAME_CONSTRAINT);
    /* ID-11: a trust domain that looks like an address is a name like any other. */
    check("spiffe://1.2.3.4/w", "1.2.3.4", NULL, HF_OK);
    check("spiffe://1.2.3.4/w", "1.2.3.5", NULL, HF_E_NAME_CONSTRAINT);
}

static void excluded_hosts_are_refused(void)
{
    check(ORG, NULL, "other.org", HF_OK);
    check(ORG, NULL, "example.org", HF_E_NAME_CONSTRAINT);
    check(ORG, NULL, "EXAMPLE.ORG", HF_E_NAME_CONSTRAINT);
    check(ORG, NULL, ".example.org", HF_OK);
    check("spiffe://sub.example.org/a", NULL, ".example.org", HF_E_NAME_CONSTRAINT);
    check(ORG, "example.org", "example.org", HF_E_NAME_CONSTRAINT);
    check("spiffe://sub.example.org/a", ".example.org", "sub.example.org", HF_E_NAME_CONSTRAINT);
    /* Meant to exclude something, written so that it excludes nothing: refused. */
    check(ORG, NULL, "", HF_E_NAME_CONSTRAINT);
    check(ORG, NULL, "spiffe://other.org", HF_E_NAME_CONSTRAINT);
    check(ORG, NULL, "other.org/admin", HF_E_NAME_CONSTRAINT);
}

/* threats.md 2.3: what OpenSSL 3.0 and 3.5 read in two ways, with the constraint that each time
 * one of them is satisfied by. All are refused, and not for the constraint: they are no IDs. */
static void odd_uris_never_reach_the_constraints(void)
{
    static const struct der_bytes odd[] = {
        DER_BYTES("spiffe://EXAMPLE.org/a"),
        DER_BYTES("SPIFFE://example.org/a"),
        DER_BYTES("spiffe://example.org:8080/a"),
        DER_BYTES("spiffe://example.org:/a"),
        DER_BYTES("spiffe://example.org:evil/a"),
        DER_BYTES("spiffe://evil.org@example.org/a"),
        DER_BYTES("spiffe://example.org@evil.org/a"),
        DER_BYTES("spiffe://example.org:1@evil.org/a"),
        DER_BYTES("spiffe://example.org?x=/a"),
        DER_BYTES("spiffe://example.org/a?x"),
        DER_BYTES("spiffe://example.org#f"),
        DER_BYTES("spiffe://evil.org?x.example.org/a"),
        DER_BYTES("spiffe://evil.org#x.example.org/a"),
        DER_BYTES("spiffe://example.org\0.evil.org/a"),
        DER_BYTES("spiffe://example.org/a\0/admin"),
        DER_BYTES("spiffe://example%2Eorg/a"),
        DER_BYTES("spiffe://example.org/%61"),
        DER_BYTES("spiffe://example.org//a"),
        DER_BYTES("spiffe://example.org/a/"),
        DER_BYTES("spiffe://example.org/./a"),
        DER_BYTES("spiffe://example.org/../a"),
        DER_BYTES("spiffe://[::1]/a"),
        DER_BYTES("spiffe:///a"),
        DER_BYTES("spiffe://example.org/a\n"),
        DER_BYTES("https://example.org/a"),
        DER_BYTES(""),
    };
    static const char *const constraints[] = {NULL, "example.org", ".example.org"};
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        for (size_t k = 0; k < sizeof(constraints) / sizeof(constraints[0]); k++) {
            hf_result r = judge_uri(odd[i], constraints[k], NULL, k == 2);
            HF_CHECK_CODE(r, HF_E_SVID_ID_INVALID);
            HF_CHECK(hf_error_current()->claimed_id[0] == '\0');
        }
    }
}

/* The rest of the table: odd names that are IDs are trust domains of their own. */
static void odd_names_are_other_trust_domains(void)
{
    check("spiffe://example.org./a", "example.org", NULL, HF_E_UNKNOWN_TRUST_DOMAIN);
    check("spiffe://other.org/a", "example.org", NULL, HF_E_NAME_CONSTRAINT);
    check("spiffe://example.org", NULL, NULL, HF_E_SVID_NO_PATH);
}

static hf_result judge_names(const struct pki_name *names, size_t count, struct der_bytes nc)
{
    static struct pki_cert root, leaf;
    struct pki_spec spec;
    pki_authority(&spec, "root", NULL, KIT_KEY(0));
    pki_add(&spec, PKI_OID_NAME_CONSTRAINTS, true, nc);
    kit_sign(&spec, KIT_KEY(0), &root);
    pki_leaf(&spec, "root", ORG, KIT_LEAF_KEY);
    pki_set_san(&spec, true, names, count);
    kit_sign(&spec, KIT_KEY(0), &leaf);
    struct hf_bundle_set *set = kit_set1("example.org", KIT_CERTS(&root));
    hf_result r = kit_judge(set, KIT_CERTS(&leaf), NULL);
    hf_bundle_set_unref(set);
    return r;
}

/* Constraints on other types of names are OpenSSL's affair, and count as well. */
static void other_types_of_names_are_constrained_by_openssl(void)
{
    /* permitted: dNSName example.org */
    static const struct der_bytes dns = DER_BYTES("\x30\x11\xa0\x0f\x30\x0d\x82\x0b"
                                                  "example.org");
    const struct pki_name good[] = {{PKI_URI, der_text(ORG)}, {PKI_DNS, der_text("w.example.org")}};
    const struct pki_name bad[] = {{PKI_URI, der_text(ORG)}, {PKI_DNS, der_text("w.other.org")}};
    HF_CHECK_OK(judge_names(good, 1, dns)); /* no DNS name: nothing to constrain */
    HF_CHECK_OK(judge_names(good, 2, dns));
    HF_CHECK_CODE(judge_names(bad, 2, dns), HF_E_NAME_CONSTRAINT);
    HF_CHECK(hf_error_current()->openssl_reason == X509_V_ERR_PERMITTED_VIOLATION);
}

/* X509-17: several subtrees; any permitted one is enough, any excluded one too much. */
static void several_subtrees_are_all_looked_at(void)
{
    /* permitted: dNSName x, URI other.org, URI example.org */
    static const struct der_bytes permitted = DER_BYTES("\x30\x23\xa0\x21"
                                                        "\x30\x03\x82\x01x"
                                                        "\x30\x0b\x86\x09other.org"
                                                        "\x30\x0d\x86\x0b"
                                                        "example.org");
    /* excluded: URI other.org, dNSName x, URI example.org */
    static const struct der_bytes excluded = DER_BYTES("\x30\x23\xa1\x21"
                                                       "\x30\x0b\x86\x09other.org"
                                                       "\x30\x03\x82\x01x"
                                                       "\x30\x0d\x86\x0b"
                                                       "example.org");
    const struct pki_name uri = {PKI_URI, der_text(ORG)};
    HF_CHECK_OK(judge_names(&uri, 1, permitted));
    HF_CHECK_CODE(judge_names(&uri, 1, excluded), HF_E_NAME_CONSTRAINT);
}

/* Our own comparison alone, where OpenSSL would have refused first. */
static hf_result judge_own(struct der_bytes constraints, const char *trust_domain)
{
    return hf_name_constraints_judge(hf_span_of(constraints.data, constraints.len),
                                     hf_span_of(trust_domain, strlen(trust_domain)));
}

static void our_own_comparison_stands_alone(void)
{
    static const struct der_bytes permitted = DER_BYTES("\xa0\x0f\x30\x0d\x86\x0b"
                                                        "example.org");
    static const struct der_bytes excluded = DER_BYTES("\xa1\x10\x30\x0e\x86\x0c"
                                                       ".example.org");
    HF_CHECK_OK(judge_own(permitted, "example.org"));
    HF_CHECK_CODE(judge_own(permitted, "example.or"), HF_E_NAME_CONSTRAINT);
    HF_CHECK_CODE(judge_own(permitted, "1example.org"), HF_E_NAME_CONSTRAINT);
    /* Every byte counts: the first, the last, and one between. */
    HF_CHECK_CODE(judge_own(permitted, "fxample.org"), HF_E_NAME_CONSTRAINT);
    HF_CHECK_CODE(judge_own(permitted, "examplf.org"), HF_E_NAME_CONSTRAINT);
    HF_CHECK_CODE(judge_own(permitted, "example.orh"), HF_E_NAME_CONSTRAINT);
    HF_CHECK_OK(judge_own(excluded, "a-example.org"));
    HF_CHECK_OK(judge_own(excluded, "a.example.orh"));
    HF_CHECK_OK(judge_own(excluded, "example.org"));
    HF_CHECK_CODE(judge_own(excluded, "a.example.org"), HF_E_NAME_CONSTRAINT);
    HF_CHECK_OK(
        judge_own(excluded, ".example.org")); /* ID-11: a name, and nothing before the dot */
    HF_CHECK_OK(judge_own(DER_NONE, "example.org"));
    HF_CHECK_CODE(judge_own(DER_BYTES("\x05\x00"), "example.org"), HF_E_DER_TRAILING);
    /* Meant to exclude something, and written so that no host is it: refused, wherever it is odd.
     */
    HF_CHECK_CODE(judge_own(DER_BYTES("\xa1\x07\x30\x05\x86\x03@ab"), "example.org"),
                  HF_E_NAME_CONSTRAINT);
    HF_CHECK_CODE(judge_own(DER_BYTES("\xa1\x07\x30\x05\x86\x03x@b"), "example.org"),
                  HF_E_NAME_CONSTRAINT);
    HF_CHECK_CODE(judge_own(DER_BYTES("\xa1\x07\x30\x05\x86\x03xy@"), "example.org"),
                  HF_E_NAME_CONSTRAINT);
    HF_CHECK_CODE(judge_own(DER_BYTES("\xa1\x04\x30\x02\x86\x00"), "example.org"),
                  HF_E_NAME_CONSTRAINT);
    /* Names of hosts are OpenSSL's: here they exclude nobody. */
    HF_CHECK_OK(judge_own(DER_BYTES("\xa1\x0f\x30\x0d\x82\x0b"
                                    "example.org"),
                          "example.org"));
    /* Case is folded from A to Z, and nothing else. */
    static const struct der_bytes odd = DER_BYTES("\xa0\x0c\x30\x0a\x86\x08"
                                                  "A-Z_9.Az");
    HF_CHECK_OK(judge_own(odd, "a-z_9.az"));
    HF_CHECK_CODE(judge_own(odd, "a-z\x7f"
                                 "9.az"),
                  HF_E_NAME_CONSTRAINT);
}

/* RFC 5280 6.1.3 (b), and intermediates that name an ID themselves. */
static void the_ids_of_intermediates_are_constrained(void)
{
    static struct pki_cert root, middle, leaf;
    struct pki_spec spec;
    struct kit_ask compatible = {HF_RULES_COMPATIBLE, HF_PURPOSE_EITHER, 0};
    pki_authority(&spec, "root", NULL, KIT_KEY(0));
    pki_set_name_constraints(&spec, true, "example.org", NULL);
    pki_add_key_ids(&spec, KIT_KEY(0));
    kit_sign(&spec, KIT_KEY(0), &root);
    struct hf_bundle_set *set = kit_set1("example.org", KIT_CERTS(&root));
    for (size_t self_issued = 0; self_issued < 2; self_issued++) {
        const char *name = self_issued != 0 ? "root" : "middle";
        pki_intermediate(&spec, "root", name, "spiffe://other.org", KIT_KEY(1));
        pki_add_key_ids(&spec, KIT_KEY(0));
        kit_sign(&spec, KIT_KEY(0), &middle);
        kit_leaf(&leaf, name, KIT_KEY(1), ORG);
        HF_CHECK_CODE(kit_judge_as(set, KIT_CERTS(&leaf, &middle), compatible, NULL),
                      self_issued != 0 ? (uint32_t)HF_OK : (uint32_t)HF_E_NAME_CONSTRAINT);
    }
    hf_bundle_set_unref(set);
}

/* A CA's constraints alone, on what is presented below it, leaf first. */
static hf_result check_own(struct kit_certs presented, size_t depth)
{
    static struct kit_chain chain;
    struct hf_pool pool;
    struct hf_path path = {.count = presented.count};
    struct hf_presented in = {.chain = kit_chain(&chain, presented)};
    HF_CHECK_OK(hf_pool_init(&in, &pool));
    for (size_t i = 0; i < presented.count; i++) {
        path.index[i] = (uint8_t)i;
    }
    hf_result r = hf_name_constraints_check(&pool, &path, depth);
    hf_pool_wipe(&pool);
    return r;
}

/* Whom a CA binds: those below it, each one, but no CA that issued itself; not itself. */
static void whom_a_ca_binds(void)
{
    static struct pki_cert upper, lower, twin, good, bad;
    struct pki_spec spec;
    pki_intermediate(&spec, "root", "upper", "spiffe://other.org", KIT_KEY(1));
    pki_set_name_constraints(&spec, true, "example.org", NULL);
    kit_sign(&spec, KIT_KEY(0), &upper);
    pki_intermediate(&spec, "upper", "lower", "spiffe://other.org", KIT_KEY(2));
    kit_sign(&spec, KIT_KEY(1), &lower);
    pki_intermediate(&spec, "upper", "upper", "spiffe://other.org", KIT_KEY(2));
    kit_sign(&spec, KIT_KEY(1), &twin);
    kit_leaf(&good, "upper", KIT_KEY(1), ORG);
    HF_CHECK_OK(check_own(KIT_CERTS(&good, &upper), 1));
    HF_CHECK_CODE(check_own(KIT_CERTS(&good, &lower, &upper), 2), HF_E_NAME_CONSTRAINT);
    HF_CHECK_OK(check_own(KIT_CERTS(&good, &twin, &upper), 2));
    /* A leaf is bound though it has the CA's name. */
    pki_leaf(&spec, "upper", "spiffe://other.org/web", KIT_LEAF_KEY);
    spec.subject_name = "upper";
    kit_sign(&spec, KIT_KEY(1), &bad);
    HF_CHECK_CODE(check_own(KIT_CERTS(&bad, &upper), 1), HF_E_NAME_CONSTRAINT);
}

static void nothing_is_left(void)
{
    HF_CHECK(hf_mem_live() == 0);
}

HF_TESTS({"permitted hosts are the only ones", permitted_hosts_are_the_only_ones},
         {"excluded hosts are refused", excluded_hosts_are_refused},
         {"odd URIs never reach the constraints", odd_uris_never_reach_the_constraints},
         {"odd names are other trust domains", odd_names_are_other_trust_domains},
         {"other types of names are constrained by OpenSSL",
          other_types_of_names_are_constrained_by_openssl},
         {"several subtrees are all looked at", several_subtrees_are_all_looked_at},
         {"our own comparison stands alone", our_own_comparison_stands_alone},
         {"the IDs of intermediates are constrained", the_ids_of_intermediates_are_constrained},
         {"whom a CA binds", whom_a_ca_binds}, {"nothing is left", nothing_is_left})
