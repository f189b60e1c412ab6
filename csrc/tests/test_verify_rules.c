/* SPDX-License-Identifier: Apache-2.0
 *
 * What a CA, an intermediate and a leaf may be, seen through the whole verdict: I5, I6, C6, C11,
 * X509-13, X509-14, X509-26, X509-28 to X509-33.
 */
#include <string.h>

#include "hf_test.h"
#include "kit.h"
#include "verify/path_rules.h"
#include "x509/certificate.h"

#define ID "spiffe://a.example/web"

static struct pki_cert root, middle, leaf;
static struct hf_bundle_set *set;

static void make_world(void)
{
    kit_root(&root, "root", KIT_KEY(0));
    kit_intermediate(&middle, "root", KIT_KEY(0), "middle", KIT_KEY(1));
    kit_leaf(&leaf, "middle", KIT_KEY(1), ID);
    set = kit_set1("a.example", KIT_CERTS(&root));
}

static void start_leaf(struct pki_spec *spec)
{
    pki_leaf(spec, "root", ID, KIT_LEAF_KEY);
    pki_add_key_ids(spec, KIT_KEY(0));
}

static hf_result judge_leaf(const struct pki_spec *spec, int rules, int purpose)
{
    static struct pki_cert made;
    struct kit_ask ask = {rules, purpose, PKI_NOW};
    kit_sign(spec, KIT_KEY(0), &made);
    return kit_judge_as(set, KIT_CERTS(&made), ask, NULL);
}

static void check_leaf(const struct pki_spec *spec, uint32_t strict, uint32_t compatible)
{
    HF_CHECK_CODE(judge_leaf(spec, HF_RULES_STRICT, HF_PURPOSE_EITHER), strict);
    HF_CHECK_CODE(judge_leaf(spec, HF_RULES_COMPATIBLE, HF_PURPOSE_EITHER), compatible);
}

/* I5, X509-13, X509-28, X509-29, X509-30 */
static void what_can_sign_never_authenticates(void)
{
    struct pki_spec spec;
    start_leaf(&spec);
    pki_set_basic_constraints(&spec, true, true, -1);
    check_leaf(&spec, HF_E_SVID_IS_CA, HF_E_SVID_IS_CA);
    start_leaf(&spec);
    pki_set_key_usage(&spec, true, HF_KU_DIGITAL_SIGNATURE | HF_KU_KEY_CERT_SIGN);
    check_leaf(&spec, HF_E_SVID_CAN_SIGN, HF_E_SVID_CAN_SIGN);
    start_leaf(&spec);
    pki_set_key_usage(&spec, true, HF_KU_DIGITAL_SIGNATURE | HF_KU_CRL_SIGN);
    check_leaf(&spec, HF_E_SVID_CAN_SIGN, HF_E_SVID_CAN_SIGN);
    struct kit_ask ask = {HF_RULES_COMPATIBLE, HF_PURPOSE_EITHER, 0};
    HF_CHECK_CODE(kit_judge_as(set, KIT_CERTS(&middle), ask, NULL), HF_E_SVID_IS_CA);
    HF_CHECK_CODE(kit_judge_as(set, KIT_CERTS(&root), ask, NULL), HF_E_SVID_IS_CA);
}

/* I5: OpenSSL alone accepts a leaf without key usage; basicConstraints may be absent (X509-16). */
static void key_usage_is_strict_unless_told(void)
{
    struct pki_spec spec;
    start_leaf(&spec);
    pki_drop(&spec, PKI_OID_KEY_USAGE);
    check_leaf(&spec, HF_E_SVID_KEY_USAGE, HF_OK);
    start_leaf(&spec);
    pki_set_key_usage(&spec, false, HF_KU_DIGITAL_SIGNATURE);
    check_leaf(&spec, HF_E_SVID_KEY_USAGE, HF_OK);
    start_leaf(&spec);
    pki_set_key_usage(&spec, true, HF_KU_KEY_AGREEMENT);
    check_leaf(&spec, HF_E_SVID_KEY_USAGE, HF_E_SVID_KEY_USAGE);
    start_leaf(&spec);
    pki_set_key_usage(&spec, true,
                      HF_KU_DIGITAL_SIGNATURE | HF_KU_KEY_AGREEMENT | HF_KU_KEY_ENCIPHERMENT);
    check_leaf(&spec, HF_OK, HF_OK);
    start_leaf(&spec);
    pki_set_basic_constraints(&spec, true, false, -1);
    check_leaf(&spec, HF_OK, HF_OK);
}

/* X509-31, X509-32, X509-33 */
static void the_id_is_one_and_whole(void)
{
    struct pki_spec spec;
    struct pki_name two[2] = {{PKI_URI, der_text(ID)}, {PKI_URI, der_text("https://a.example")}};
    struct pki_name dns[1] = {{PKI_DNS, der_text("a.example")}};
    start_leaf(&spec);
    pki_set_san(&spec, true, two, 2);
    check_leaf(&spec, HF_E_SVID_MANY_URI_SANS, HF_E_SVID_MANY_URI_SANS);
    pki_set_san(&spec, true, dns, 1);
    check_leaf(&spec, HF_E_SVID_NO_URI_SAN, HF_E_SVID_NO_URI_SAN);
    pki_set_uri(&spec, true, der_text("https://a.example/web"));
    check_leaf(&spec, HF_E_SVID_ID_INVALID, HF_E_SVID_ID_INVALID);
    pki_set_uri(&spec, true, der_text("spiffe://a.example"));
    check_leaf(&spec, HF_E_SVID_NO_PATH, HF_E_SVID_NO_PATH);
}

struct eku_case {
    const char *oids[2];
    size_t count; /* 0: absent */
    uint32_t strict[3];
    uint32_t compatible[3]; /* by purpose: EITHER, CLIENT, SERVER */
};

/* I6: every EKU, every role, both rules. */
static void extended_key_usage_by_role(void)
{
    const uint32_t no = HF_E_SVID_EKU;
    const struct eku_case cases[] = {
        {{NULL, NULL}, 0, {0, 0, 0}, {0, 0, 0}},
        {{PKI_OID_CLIENT_AUTH, NULL}, 1, {no, 0, no}, {no, 0, no}},
        {{PKI_OID_SERVER_AUTH, NULL}, 1, {no, no, 0}, {no, no, 0}},
        {{PKI_OID_SERVER_AUTH, PKI_OID_CLIENT_AUTH}, 2, {0, 0, 0}, {0, 0, 0}},
        {{PKI_OID_ANY_EKU, NULL}, 1, {no, no, no}, {0, 0, 0}},
        {{PKI_OID_EMAIL, NULL}, 1, {no, no, no}, {no, no, no}},
        {{PKI_OID_ANY_EKU, PKI_OID_CLIENT_AUTH}, 2, {no, 0, no}, {0, 0, 0}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pki_spec spec;
        start_leaf(&spec);
        pki_drop(&spec, PKI_OID_EKU);
        if (cases[i].count != 0) {
            pki_set_eku(&spec, false, cases[i].oids, cases[i].count);
        }
        for (int purpose = HF_PURPOSE_EITHER; purpose <= HF_PURPOSE_SERVER; purpose++) {
            HF_CHECK_CODE(judge_leaf(&spec, HF_RULES_STRICT, purpose), cases[i].strict[purpose]);
            HF_CHECK_CODE(judge_leaf(&spec, HF_RULES_COMPATIBLE, purpose),
                          cases[i].compatible[purpose]);
        }
    }
    struct pki_spec spec;
    start_leaf(&spec);
    pki_set(&spec, PKI_OID_EKU, false, DER_BYTES("\x30\x00")); /* an empty list is malformed */
    check_leaf(&spec, HF_E_CERT_EXTENSION, HF_E_CERT_EXTENSION);
}

static void start_middle(struct pki_spec *spec)
{
    pki_intermediate(spec, "root", "middle", NULL, KIT_KEY(1));
    pki_add_key_ids(spec, KIT_KEY(0));
}

static void check_middle(const struct pki_spec *spec, uint32_t strict, uint32_t compatible)
{
    static struct pki_cert made;
    struct kit_ask ask = {HF_RULES_STRICT, HF_PURPOSE_EITHER, 0};
    kit_sign(spec, KIT_KEY(0), &made);
    HF_CHECK_CODE(kit_judge_as(set, KIT_CERTS(&leaf, &made), ask, NULL), strict);
    HF_CHECK(strict == HF_OK || kit_depth() == 1);
    ask.rules = HF_RULES_COMPATIBLE;
    HF_CHECK_CODE(kit_judge_as(set, KIT_CERTS(&leaf, &made), ask, NULL), compatible);
}

/* C11: an issuer is a CA, whatever OpenSSL's flags and purpose are. */
static void an_issuer_is_a_ca(void)
{
    struct pki_spec spec;
    start_middle(&spec);
    check_middle(&spec, HF_OK, HF_OK);
    pki_drop(&spec, PKI_OID_BASIC_CONSTRAINTS);
    check_middle(&spec, HF_E_CA_NOT_CA, HF_E_CA_NOT_CA);
    pki_set_basic_constraints(&spec, true, false, -1);
    check_middle(&spec, HF_E_CA_NOT_CA, HF_E_CA_NOT_CA);
    start_middle(&spec);
    pki_set_key_usage(&spec, true, HF_KU_DIGITAL_SIGNATURE);
    check_middle(&spec, HF_E_CA_NOT_CA, HF_E_CA_NOT_CA);
    start_middle(&spec);
    pki_drop(&spec, PKI_OID_KEY_USAGE);
    check_middle(&spec, HF_E_CA_NOT_CA, HF_OK);
    start_middle(&spec);
    pki_set_basic_constraints(&spec, false, true, -1); /* RFC 5280 4.2.1.9: must be critical */
    check_middle(&spec, HF_E_CA_NOT_CA, HF_OK);
    /* A leaf that signs a leaf: CVE-2021-3450's shape. */
    static struct pki_cert second;
    kit_leaf(&second, "web", KIT_LEAF_KEY, ID);
    HF_CHECK_CODE(kit_judge(set, KIT_CERTS(&second, &leaf, &middle), NULL), HF_E_UNKNOWN_AUTHORITY);
}

/* C6, X509-10, X509-11, X509-12 */
static void the_ids_of_intermediates(void)
{
    struct pki_spec spec;
    start_middle(&spec);
    pki_set_uri(&spec, false, der_text("spiffe://a.example"));
    check_middle(&spec, HF_OK, HF_OK);
    pki_set_uri(&spec, false, der_text("spiffe://b.example"));
    check_middle(&spec, HF_E_CA_ID, HF_OK);
    pki_set_uri(&spec, false, der_text("spiffe://a.example/ca"));
    check_middle(&spec, HF_E_CA_ID, HF_E_CA_ID);
    pki_set_uri(&spec, false, der_text("https://ca.a.example"));
    check_middle(&spec, HF_E_SVID_ID_INVALID, HF_E_SVID_ID_INVALID);
}

/* X509-26: a CA's extended key usage limits what is below it, in the strict rules. */
static void extended_key_usage_is_nested(void)
{
    static const char *const both[] = {PKI_OID_CLIENT_AUTH, PKI_OID_SERVER_AUTH};
    static const char *const mail[] = {PKI_OID_EMAIL};
    static const char *const any[] = {PKI_OID_ANY_EKU};
    struct pki_spec spec;
    start_middle(&spec);
    pki_set_eku(&spec, false, both, 2);
    check_middle(&spec, HF_OK, HF_OK);
    pki_set_eku(&spec, false, both, 1);
    check_middle(&spec, HF_E_SVID_EKU, HF_OK);
    /* OpenSSL is asked for one purpose: the other half of EITHER is our own rule. */
    pki_set_eku(&spec, false, both + 1, 1);
    check_middle(&spec, HF_E_SVID_EKU, HF_OK);
    pki_set_eku(&spec, false, mail, 1);
    check_middle(&spec, HF_E_SVID_EKU, HF_OK);
    pki_set_eku(&spec, false, any, 1);
    check_middle(&spec, HF_E_SVID_EKU, HF_OK);
    /* The anchor's counts too. */
    static struct pki_cert mail_root, end;
    pki_authority(&spec, "mail", NULL, KIT_KEY(0));
    pki_set_eku(&spec, false, mail, 1);
    kit_sign(&spec, KIT_KEY(0), &mail_root);
    kit_leaf(&end, "mail", KIT_KEY(0), ID);
    struct hf_bundle_set *mail_set = kit_set1("a.example", KIT_CERTS(&mail_root));
    HF_CHECK_CODE(kit_judge(mail_set, KIT_CERTS(&end), NULL), HF_E_SVID_EKU);
    HF_CHECK(kit_depth() == 1);
    hf_bundle_set_unref(mail_set);
}

/* Chain leaf <- m1 <- m2 <- root with path lengths; -1 none. */
static hf_result judge_lengths(long of_root, long of_m2, long of_m1, bool m2_self_issued)
{
    static struct pki_cert r, m2, m1, end;
    struct pki_spec spec;
    const char *m2_name = m2_self_issued ? "root" : "m2";
    pki_authority(&spec, "root", NULL, KIT_KEY(0));
    pki_set_basic_constraints(&spec, true, true, of_root);
    pki_add_key_ids(&spec, KIT_KEY(0));
    kit_sign(&spec, KIT_KEY(0), &r);
    pki_intermediate(&spec, "root", m2_name, NULL, KIT_KEY(2));
    pki_set_basic_constraints(&spec, true, true, of_m2);
    pki_add_key_ids(&spec, KIT_KEY(0));
    kit_sign(&spec, KIT_KEY(0), &m2);
    pki_intermediate(&spec, m2_name, "m1", NULL, KIT_KEY(1));
    pki_set_basic_constraints(&spec, true, true, of_m1);
    pki_add_key_ids(&spec, KIT_KEY(2));
    kit_sign(&spec, KIT_KEY(2), &m1);
    kit_leaf(&end, "m1", KIT_KEY(1), ID);
    struct hf_bundle_set *own = kit_set1("a.example", KIT_CERTS(&r));
    hf_result result = kit_judge(own, KIT_CERTS(&end, &m1, &m2), NULL);
    hf_bundle_set_unref(own);
    return result;
}

/* X509-14 */
static void path_lengths_are_kept(void)
{
    HF_CHECK_OK(judge_lengths(-1, -1, -1, false));
    HF_CHECK_OK(judge_lengths(2, 1, 0, false));
    HF_CHECK_OK(judge_lengths(300, 200, 100, false));
    HF_CHECK_CODE(judge_lengths(1, -1, -1, false), HF_E_PATH_LENGTH);
    HF_CHECK(kit_depth() == 3);
    HF_CHECK_CODE(judge_lengths(-1, 0, -1, false), HF_E_PATH_LENGTH);
    HF_CHECK(kit_depth() == 2);
    HF_CHECK_CODE(judge_lengths(0, 0, 0, false), HF_E_PATH_LENGTH);
    /* RFC 5280 6.1.4 (l): a self-issued CA is not counted. */
    HF_CHECK_OK(judge_lengths(1, 1, 0, true));
    HF_CHECK_CODE(judge_lengths(0, -1, -1, true), HF_E_PATH_LENGTH);
}

/* Our own count stands beside OpenSSL's: asked alone, it says the same. */
static void path_lengths_are_counted_twice(void)
{
    static struct pki_cert m1, m2;
    struct pki_spec spec;
    struct kit_chain chain;
    struct hf_pool pool;
    struct hf_search search;
    struct hf_question question = {.at = PKI_NOW, .trust_domain = HF_SPAN("a.example")};
    pki_intermediate(&spec, "root", "m2", NULL, KIT_KEY(2));
    pki_set_basic_constraints(&spec, true, true, 0);
    kit_sign(&spec, KIT_KEY(0), &m2);
    kit_intermediate(&m1, "m2", KIT_KEY(2), "middle", KIT_KEY(1));
    struct hf_presented in = {.chain = kit_chain(&chain, KIT_CERTS(&leaf, &m1, &m2))};
    HF_CHECK_OK(hf_pool_init(&in, &pool));
    hf_search_init(&pool, set->bundles[0], &search);
    HF_CHECK(hf_search_next(&search));
    HF_CHECK_CODE(hf_path_check(&pool, &search.path, &question), HF_E_PATH_LENGTH);
    HF_CHECK(kit_depth() == 2);
    hf_pool_wipe(&pool);
}

/* Policies are not evaluated: a certificate that demands it is refused. */
static void demands_for_policies_are_refused(void)
{
    struct pki_spec spec;
    start_middle(&spec);
    pki_add(&spec, PKI_OID_POLICY_CONSTRAINTS, true, DER_BYTES("\x30\x03\x80\x01\x00"));
    check_middle(&spec, HF_E_CA_CONSTRAINTS, HF_E_CA_CONSTRAINTS);
    start_middle(&spec);
    pki_add(&spec, PKI_OID_INHIBIT_ANY, false, DER_BYTES("\x02\x01\x00"));
    check_middle(&spec, HF_E_CA_CONSTRAINTS, HF_E_CA_CONSTRAINTS);
}

/* What is wrong with a path that really leads to the authority is worth more than a guess; what is
 * wrong with one that only says so is not. */
static void the_most_telling_reason_is_given(void)
{
    static struct pki_cert made, real;
    struct pki_spec spec;
    start_middle(&spec);
    spec.not_after = PKI_NOW - 100;
    kit_sign(&spec, KIT_KEY(0), &made);
    HF_CHECK_CODE(kit_judge(set, KIT_CERTS(&leaf, &made), NULL), HF_E_CERT_EXPIRED);
    kit_sign(&spec, KIT_KEY(3), &made); /* the same, but a forgery */
    HF_CHECK_CODE(kit_judge(set, KIT_CERTS(&leaf, &made), NULL), HF_E_BAD_SIGNATURE);
    HF_CHECK(kit_depth() == 1);
    /* A forgery beside a real one that expired. */
    struct pki_spec forged;
    start_middle(&forged);
    kit_sign(&forged, KIT_KEY(3), &made);
    kit_sign(&spec, KIT_KEY(0), &real);
    HF_CHECK_CODE(kit_judge(set, KIT_CERTS(&leaf, &made, &real), NULL), HF_E_CERT_EXPIRED);
    HF_CHECK_CODE(kit_judge(set, KIT_CERTS(&leaf, &real, &made), NULL), HF_E_CERT_EXPIRED);
    HF_CHECK(kit_claimed(ID));
    /* Two real ones, both expired: the first that was found. */
    struct pki_spec older = spec;
    older.not_after = PKI_NOW - 200;
    kit_sign(&older, KIT_KEY(0), &made);
    HF_CHECK_CODE(kit_judge(set, KIT_CERTS(&leaf, &made, &real), NULL), HF_E_CERT_EXPIRED);
    HF_CHECK(hf_error_current()->skew == 200);
    /* A leaf that was changed after it was signed. */
    static struct pki_cert tampered;
    start_leaf(&spec);
    spec.bad_signature = true;
    kit_sign(&spec, KIT_KEY(0), &tampered);
    HF_CHECK_CODE(kit_judge(set, KIT_CERTS(&tampered), NULL), HF_E_BAD_SIGNATURE);
    HF_CHECK(kit_depth() == 0);
}

static void clear_world(void)
{
    hf_bundle_set_unref(set);
    HF_CHECK(hf_mem_live() == 0);
}

HF_TESTS({"make the world", make_world},
         {"what can sign never authenticates", what_can_sign_never_authenticates},
         {"key usage is strict unless told", key_usage_is_strict_unless_told},
         {"the ID is one and whole", the_id_is_one_and_whole},
         {"extended key usage by role", extended_key_usage_by_role},
         {"an issuer is a CA", an_issuer_is_a_ca},
         {"the IDs of intermediates", the_ids_of_intermediates},
         {"extended key usage is nested", extended_key_usage_is_nested},
         {"path lengths are kept", path_lengths_are_kept},
         {"path lengths are counted twice", path_lengths_are_counted_twice},
         {"demands for policies are refused", demands_for_policies_are_refused},
         {"the most telling reason is given", the_most_telling_reason_is_given},
         {"clear the world", clear_world})
