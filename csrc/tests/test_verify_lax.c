/* SPDX-License-Identifier: Apache-2.0
 *
 * Where OpenSSL alone is too lax (x509-limbo scored with X509_verify_cert): the engine's own checks
 * stand on paths of both kinds, for SVIDs by either way of verifying and for the web, with one
 * reason. And where OpenSSL alone finds no path: both kinds find it.
 */
#include <stdio.h>

#include "hf_test.h"
#include "kit.h"
#include "x509/bundle.h"

#define ID "spiffe://a.example/web"

static struct pki_cert root, middle;

/* What is wrong with a certificate, in one place for both kinds. */
struct flaw {
    const char *name;
    void (*spoil)(struct pki_spec *spec);
    uint32_t code;
};

static void nothing(struct pki_spec *spec)
{
    (void)spec;
}

static void a_ca(struct pki_spec *spec)
{
    pki_set_basic_constraints(spec, true, true, -1);
}

static void can_sign(struct pki_spec *spec)
{
    pki_set_key_usage(spec, true, HF_KU_DIGITAL_SIGNATURE | HF_KU_KEY_CERT_SIGN);
}

static void version_1(struct pki_spec *spec)
{
    spec->no_version = true;
}

static void serial_zero(struct pki_spec *spec)
{
    spec->serial = DER_BYTES("\0");
}

static void serial_negative(struct pki_spec *spec)
{
    spec->serial = DER_BYTES("\x80");
}

static void serial_long(struct pki_spec *spec)
{
    spec->serial = DER_BYTES("\x01"
                             "12345678901234567890");
}

static void constrained(struct pki_spec *spec)
{
    pki_set_name_constraints(spec, true, "a.example", NULL);
}

static void constrained_quietly(struct pki_spec *spec)
{
    pki_set_name_constraints(spec, false, "a.example", NULL);
}

static void constraints_empty(struct pki_spec *spec)
{
    pki_set(spec, PKI_OID_NAME_CONSTRAINTS, true, DER_BYTES("\x30\x00"));
}

static void constraints_null(struct pki_spec *spec)
{
    pki_set(spec, PKI_OID_NAME_CONSTRAINTS, true, DER_BYTES("\x30\x04\xa0\x00\xa1\x00"));
}

static void constraints_with_distance(struct pki_spec *spec)
{
    pki_set(spec, PKI_OID_NAME_CONSTRAINTS, true,
            DER_BYTES("\x30\x0b\xa0\x09\x30\x07\x82\x02"
                      "ab"
                      "\x81\x01\x01"));
}

static void eku_empty(struct pki_spec *spec)
{
    pki_set(spec, PKI_OID_EKU, false, DER_BYTES("\x30\x00"));
}

static void policies_demanded(struct pki_spec *spec)
{
    pki_add(spec, PKI_OID_POLICY_CONSTRAINTS, true, DER_BYTES("\x30\x03\x80\x01\x00"));
}

static void policies_demanded_quietly(struct pki_spec *spec)
{
    pki_add(spec, PKI_OID_POLICY_CONSTRAINTS, false, DER_BYTES("\x30\x03\x80\x01\x00"));
}

static void policies_mapped(struct pki_spec *spec)
{
    pki_add(spec, PKI_OID_POLICY_MAPPINGS, true,
            DER_BYTES("\x30\x0a\x30\x08\x06\x02\x2a\x03\x06\x02\x2a\x04"));
}

static void any_policy_inhibited(struct pki_spec *spec)
{
    pki_add(spec, PKI_OID_INHIBIT_ANY, true, DER_BYTES("\x02\x01\x00"));
}

static void key_of_an_odd_curve(struct pki_spec *spec)
{
    spec->key = pki_key(PKI_SECP256K1, 0);
}

static void key_too_short(struct pki_spec *spec)
{
    spec->key = pki_key(PKI_RSA1024, 0);
}

static void signed_with_sha1(struct pki_spec *spec)
{
    spec->algorithm = PKI_SIGN_ECDSA_SHA1;
}

static void no_basic_constraints(struct pki_spec *spec)
{
    pki_drop(spec, PKI_OID_BASIC_CONSTRAINTS);
}

static void ca_false(struct pki_spec *spec)
{
    pki_set_basic_constraints(spec, true, false, -1);
}

static void ca_quietly(struct pki_spec *spec)
{
    pki_set_basic_constraints(spec, false, true, -1);
}

static void cannot_sign(struct pki_spec *spec)
{
    pki_set_key_usage(spec, true, HF_KU_DIGITAL_SIGNATURE | HF_KU_CRL_SIGN);
}

static const struct flaw leaf_flaws[] = {
    {"nothing", nothing, HF_OK},
    {"a CA", a_ca, HF_E_SVID_IS_CA},
    {"can sign", can_sign, HF_E_SVID_CAN_SIGN},
    {"version 1", version_1, HF_E_CERT_VERSION},
    {"serial zero", serial_zero, HF_E_CERT_SERIAL},
    {"serial negative", serial_negative, HF_E_CERT_SERIAL},
    {"serial long", serial_long, HF_E_CERT_SERIAL},
    {"constrained", constrained, HF_E_CA_CONSTRAINTS},
    {"constrained quietly", constrained_quietly, HF_E_CA_CONSTRAINTS},
    {"EKU empty", eku_empty, HF_E_CERT_EXTENSION},
    {"policies demanded", policies_demanded, HF_E_CA_CONSTRAINTS},
    {"policies demanded quietly", policies_demanded_quietly, HF_E_CA_CONSTRAINTS},
    {"policies mapped", policies_mapped, HF_E_CA_CONSTRAINTS},
    {"any policy inhibited", any_policy_inhibited, HF_E_CA_CONSTRAINTS},
    {"key of an odd curve", key_of_an_odd_curve, HF_E_CERT_KEY},
    {"key too short", key_too_short, HF_E_CERT_KEY},
    {"signed with SHA-1", signed_with_sha1, HF_E_CERT_ALGORITHM},
};

static const struct flaw middle_flaws[] = {
    {"nothing", nothing, HF_OK},
    {"no basicConstraints", no_basic_constraints, HF_E_CA_NOT_CA},
    {"cA false", ca_false, HF_E_CA_NOT_CA},
    {"cA quietly", ca_quietly, HF_E_CA_NOT_CA},
    {"cannot sign", cannot_sign, HF_E_CA_NOT_CA},
    {"version 1", version_1, HF_E_CERT_VERSION},
    {"serial zero", serial_zero, HF_E_CERT_SERIAL},
    {"serial negative", serial_negative, HF_E_CERT_SERIAL},
    {"serial long", serial_long, HF_E_CERT_SERIAL},
    {"constraints empty", constraints_empty, HF_E_CA_CONSTRAINTS},
    {"constraints null", constraints_null, HF_E_CA_CONSTRAINTS},
    {"constraints with distance", constraints_with_distance, HF_E_CA_CONSTRAINTS},
    {"EKU empty", eku_empty, HF_E_CERT_EXTENSION},
    {"policies demanded", policies_demanded, HF_E_CA_CONSTRAINTS},
    {"policies demanded quietly", policies_demanded_quietly, HF_E_CA_CONSTRAINTS},
    {"policies mapped", policies_mapped, HF_E_CA_CONSTRAINTS},
    {"any policy inhibited", any_policy_inhibited, HF_E_CA_CONSTRAINTS},
    {"signed with SHA-1", signed_with_sha1, HF_E_CERT_ALGORITHM},
};

/* An SVID that is also a server of the web: one leaf for both kinds of path. */
static void start_leaf(struct pki_spec *spec, const char *issuer, EVP_PKEY *issuer_key)
{
    const struct pki_name names[] = {{PKI_URI, der_text(ID)}, {PKI_DNS, der_text("a.example")}};
    pki_leaf(spec, issuer, ID, KIT_LEAF_KEY);
    pki_set_san(spec, true, names, 2);
    pki_add_key_ids(spec, issuer_key);
}

static void make_world(void)
{
    kit_root(&root, "root", KIT_KEY(0));
    kit_intermediate(&middle, "root", KIT_KEY(0), "middle", KIT_KEY(1));
}

static hf_result judge_svid(enum hf_way way, struct kit_certs authorities,
                            struct kit_certs presented)
{
    struct kit_ask ask = {HF_RULES_STRICT, HF_PURPOSE_EITHER, PKI_NOW};
    struct hf_bundle_set *set = kit_set1("a.example", authorities);
    hf_result r = kit_judge_by(way, set, presented, ask, NULL);
    hf_bundle_set_unref(set);
    return r;
}

static hf_result judge_web(struct kit_certs authorities, struct kit_certs presented)
{
    static uint8_t der[1u << 17];
    struct kit_chain chain;
    struct hf_peer peer;
    struct hf_bundle *roots;
    size_t skipped;
    size_t len = pki_concat(authorities.certs, authorities.count, der, sizeof(der));
    HF_CHECK_OK(hf_bundle_new_roots(der, len, &skipped, &roots));
    struct hf_presented in = {
        .chain = kit_chain(&chain, presented), .at = PKI_NOW, .purpose = HF_PURPOSE_SERVER};
    struct hf_web_terms terms = {.max_depth = 7};
    hf_result r = hf_judge_web(roots, &in, &terms, &peer);
    hf_bundle_unref(roots);
    return r;
}

/* The same verdict, for the same reason, on all three. */
static void on_every_path(struct kit_certs authorities, struct kit_certs presented, uint32_t code,
                          const char *what)
{
    bool same = HF_CHECK_CODE(judge_svid(HF_WAY_GENERAL, authorities, presented), code);
    same &= HF_CHECK_CODE(judge_svid(HF_WAY_ANY, authorities, presented), code);
    same &= HF_CHECK_CODE(judge_web(authorities, presented), code);
    if (!same) {
        (void)fprintf(stderr, "    with: %s\n", what);
    }
}

/* limbo webpki::ca-as-leaf, ee-basicconstraints-ca, v1-cert, forbidden-*; rfc5280::serial::*,
 * nc::not-allowed-in-ee-*, eku::ee-eku-empty. C10, I5. */
static void what_is_wrong_with_a_leaf_is_wrong_everywhere(void)
{
    for (size_t i = 0; i < sizeof(leaf_flaws) / sizeof(leaf_flaws[0]); i++) {
        static struct pki_cert leaf;
        struct pki_spec spec;
        start_leaf(&spec, "middle", KIT_KEY(1));
        leaf_flaws[i].spoil(&spec);
        kit_sign(&spec, KIT_KEY(1), &leaf);
        on_every_path(KIT_CERTS(&root), KIT_CERTS(&leaf, &middle), leaf_flaws[i].code,
                      leaf_flaws[i].name);
    }
}

/* limbo webpki::nc::*, rfc5280::pc::ica-noncritical-pc, serial::*; C11: CVE-2021-3450's shape. */
static void what_is_wrong_with_an_issuer_is_wrong_everywhere(void)
{
    for (size_t i = 0; i < sizeof(middle_flaws) / sizeof(middle_flaws[0]); i++) {
        static struct pki_cert leaf, made;
        struct pki_spec spec;
        pki_intermediate(&spec, "root", "middle", NULL, KIT_KEY(1));
        pki_add_key_ids(&spec, KIT_KEY(0));
        middle_flaws[i].spoil(&spec);
        kit_sign(&spec, KIT_KEY(0), &made);
        start_leaf(&spec, "middle", KIT_KEY(1));
        kit_sign(&spec, KIT_KEY(1), &leaf);
        on_every_path(KIT_CERTS(&root), KIT_CERTS(&leaf, &made), middle_flaws[i].code,
                      middle_flaws[i].name);
    }
}

/* X509-08; limbo nc-forbids-alternate-chain-ica: OpenSSL does not turn back. */
static void two_roots_of_one_name_without_key_identifiers(void)
{
    static struct pki_cert first, second, leaf;
    struct pki_spec spec;
    pki_authority(&spec, "twin", NULL, KIT_KEY(2));
    kit_sign(&spec, KIT_KEY(2), &first);
    pki_authority(&spec, "twin", NULL, KIT_KEY(3));
    kit_sign(&spec, KIT_KEY(3), &second);
    for (size_t signer = 2; signer <= 3; signer++) {
        start_leaf(&spec, "twin", KIT_KEY(signer));
        kit_sign(&spec, KIT_KEY(signer), &leaf);
        on_every_path(KIT_CERTS(&first, &second), KIT_CERTS(&leaf), HF_OK, "twins");
    }
}

/* X509-39: an authority need not have signed itself. */
static void an_anchor_that_somebody_else_signed(void)
{
    static struct pki_cert leaf;
    struct pki_spec spec;
    start_leaf(&spec, "middle", KIT_KEY(1));
    kit_sign(&spec, KIT_KEY(1), &leaf);
    on_every_path(KIT_CERTS(&middle), KIT_CERTS(&leaf), HF_OK, "an intermediate as anchor");
    on_every_path(KIT_CERTS(&middle), KIT_CERTS(&leaf, &middle, &root), HF_OK, "all presented");
}

static void a_hundred_anchors(void)
{
    enum { N = 100 };
    struct pki_cert *made = hf_mem_new_array(N, sizeof(*made));
    const struct pki_cert *list[N];
    static struct pki_cert leaf;
    struct pki_spec spec;
    for (size_t i = 0; i < N; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "root %zu", i);
        kit_root(&made[i], name, KIT_KEY(i % 6));
        list[i] = &made[i];
    }
    start_leaf(&spec, "root 99", KIT_KEY(99 % 6));
    kit_sign(&spec, KIT_KEY(99 % 6), &leaf);
    on_every_path((struct kit_certs){list, N}, KIT_CERTS(&leaf), HF_OK, "a hundred anchors");
    start_leaf(&spec, "root 100", KIT_KEY(0));
    kit_sign(&spec, KIT_KEY(0), &leaf);
    on_every_path((struct kit_certs){list, N}, KIT_CERTS(&leaf), HF_E_UNKNOWN_AUTHORITY,
                  "the hundred and first");
    hf_mem_free(made);
}

/* The longest chain that may be presented: a leaf and seven CAs. */
static void chains_of_the_permitted_length(void)
{
    enum { CAS = HF_CHAIN_MAX - 1 };
    static struct pki_cert cas[CAS], leaf;
    const struct pki_cert *list[HF_CHAIN_MAX] = {&leaf};
    char names[CAS + 1][8] = {"root"};
    struct pki_spec spec;
    for (size_t i = 0; i < CAS; i++) {
        (void)snprintf(names[i + 1], sizeof(names[0]), "ca %zu", i);
        kit_intermediate(&cas[i], names[i], KIT_KEY(i % 2), names[i + 1], KIT_KEY((i + 1) % 2));
        list[CAS - i] = &cas[i];
    }
    start_leaf(&spec, names[CAS], KIT_KEY(CAS % 2));
    kit_sign(&spec, KIT_KEY(CAS % 2), &leaf);
    on_every_path(KIT_CERTS(&root), (struct kit_certs){list, HF_CHAIN_MAX}, HF_OK, "seven CAs");
}

/* C10: CAs that could each have issued each other, and anchors of one name. Bounded work. */
static void path_explosions_end(void)
{
    static struct pki_cert ring[HF_CHAIN_MAX - 1], leaf, other;
    const struct pki_cert *list[HF_CHAIN_MAX] = {&leaf};
    struct pki_spec spec;
    for (size_t i = 0; i < HF_CHAIN_MAX - 1; i++) {
        pki_intermediate(&spec, "x", "x", NULL, KIT_KEY(i % 6));
        pki_add_key_ids(&spec, KIT_KEY((i + 1) % 6));
        pki_drop(&spec, PKI_OID_AKI);
        pki_add(&spec, PKI_OID_AKI, false, DER_BYTES("\x30\x03\x80\x01\x01"));
        pki_set(&spec, PKI_OID_SKI, false, DER_BYTES("\x04\x01\x02"));
        kit_sign(&spec, KIT_KEY(5), &ring[i]);
        list[i + 1] = &ring[i];
    }
    pki_leaf(&spec, "x", ID, KIT_LEAF_KEY);
    kit_sign(&spec, KIT_KEY(0), &leaf);
    pki_authority(&spec, "x", NULL, KIT_KEY(4));
    kit_sign(&spec, KIT_KEY(4), &other);
    struct kit_certs presented = {list, HF_CHAIN_MAX};
    HF_CHECK(judge_svid(HF_WAY_GENERAL, KIT_CERTS(&other), presented).code != HF_OK);
    HF_CHECK(judge_svid(HF_WAY_ANY, KIT_CERTS(&other), presented).code != HF_OK);
    HF_CHECK(judge_web(KIT_CERTS(&other), presented).code != HF_OK);
}

HF_TESTS({"make the world", make_world},
         {"what is wrong with a leaf is wrong everywhere",
          what_is_wrong_with_a_leaf_is_wrong_everywhere},
         {"what is wrong with an issuer is wrong everywhere",
          what_is_wrong_with_an_issuer_is_wrong_everywhere},
         {"two roots of one name without key identifiers",
          two_roots_of_one_name_without_key_identifiers},
         {"an anchor that somebody else signed", an_anchor_that_somebody_else_signed},
         {"a hundred anchors", a_hundred_anchors},
         {"chains of the permitted length", chains_of_the_permitted_length},
         {"path explosions end", path_explosions_end})
