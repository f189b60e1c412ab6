/* SPDX-License-Identifier: Apache-2.0
 *
 * C10, X509-27: every kind of key of the allow-list as leaf, intermediate and root, every signature
 * algorithm, and nothing outside of the list in any of these places.
 */
#include "hf_test.h"
#include "kit.h"

#define ID "spiffe://a.example/web"

static const enum pki_kind allowed[] = {PKI_P256,    PKI_P384,    PKI_P521,
                                        PKI_RSA2048, PKI_RSA3072, PKI_ED25519};
#define ALLOWED (sizeof(allowed) / sizeof(allowed[0]))

static hf_result judge_kinds(enum pki_kind of_root, enum pki_kind of_middle, enum pki_kind of_leaf)
{
    static struct pki_cert root, middle, leaf;
    struct pki_spec spec;
    EVP_PKEY *root_key = pki_key(of_root, 0);
    EVP_PKEY *middle_key = pki_key(of_middle, 1);
    kit_root(&root, "root", root_key);
    kit_intermediate(&middle, "root", root_key, "middle", middle_key);
    pki_leaf(&spec, "middle", ID, pki_key(of_leaf, 2));
    pki_add_key_ids(&spec, middle_key);
    kit_sign(&spec, middle_key, &leaf);
    struct hf_bundle_set *set = kit_set1("a.example", KIT_CERTS(&root));
    hf_result r = kit_judge(set, KIT_CERTS(&leaf, &middle), NULL);
    hf_bundle_set_unref(set);
    return r;
}

static void every_allowed_key_works_everywhere(void)
{
    for (size_t i = 0; i < ALLOWED; i++) {
        HF_CHECK_OK(judge_kinds(allowed[i], PKI_P256, PKI_P256));
        HF_CHECK_OK(judge_kinds(PKI_P256, allowed[i], PKI_P256));
        HF_CHECK_OK(judge_kinds(PKI_P256, PKI_P256, allowed[i]));
        HF_CHECK_OK(
            judge_kinds(allowed[i], allowed[(i + 1) % ALLOWED], allowed[(i + 2) % ALLOWED]));
    }
}

static void no_other_key_works(void)
{
    for (int kind = PKI_RSA1024; kind < PKI_KINDS; kind++) {
        HF_CHECK_CODE(judge_kinds(PKI_P256, PKI_P256, (enum pki_kind)kind), HF_E_CERT_KEY);
        HF_CHECK(kit_depth() == 0);
    }
}

static hf_result judge_algorithm(enum pki_kind kind, enum pki_algorithm algorithm)
{
    static struct pki_cert root, leaf;
    struct pki_spec spec;
    EVP_PKEY *key = pki_key(kind, 0);
    kit_root(&root, "root", key);
    pki_leaf(&spec, "root", ID, KIT_LEAF_KEY);
    pki_add_key_ids(&spec, key);
    spec.algorithm = algorithm;
    kit_sign(&spec, key, &leaf);
    struct hf_bundle_set *set = kit_set1("a.example", KIT_CERTS(&root));
    hf_result r = kit_judge(set, KIT_CERTS(&leaf), NULL);
    hf_bundle_set_unref(set);
    return r;
}

static void every_allowed_signature_works(void)
{
    static const enum pki_kind curves[] = {PKI_P256, PKI_P384, PKI_P521};
    for (size_t i = 0; i < 3; i++) {
        HF_CHECK_OK(judge_algorithm(curves[i], PKI_SIGN_ECDSA_SHA256));
        HF_CHECK_OK(judge_algorithm(curves[i], PKI_SIGN_ECDSA_SHA384));
        HF_CHECK_OK(judge_algorithm(curves[i], PKI_SIGN_ECDSA_SHA512));
    }
    for (int a = PKI_SIGN_RSA_SHA256; a <= PKI_SIGN_PSS_SHA512; a++) {
        HF_CHECK_OK(judge_algorithm(PKI_RSA2048, (enum pki_algorithm)a));
    }
    HF_CHECK_OK(judge_algorithm(PKI_ED25519, PKI_SIGN_ED25519));
    HF_CHECK_CODE(judge_algorithm(PKI_P256, PKI_SIGN_ECDSA_SHA1), HF_E_CERT_ALGORITHM);
    HF_CHECK_CODE(judge_algorithm(PKI_RSA2048, PKI_SIGN_RSA_SHA1), HF_E_CERT_ALGORITHM);
}

/* A signature of every kind that was changed by one bit. */
static void a_changed_signature_is_refused(void)
{
    for (size_t i = 0; i < ALLOWED; i++) {
        static struct pki_cert root, leaf;
        struct pki_spec spec;
        EVP_PKEY *key = pki_key(allowed[i], 0);
        kit_root(&root, "root", key);
        pki_leaf(&spec, "root", ID, KIT_LEAF_KEY);
        pki_add_key_ids(&spec, key);
        spec.bad_signature = true;
        kit_sign(&spec, key, &leaf);
        struct hf_bundle_set *set = kit_set1("a.example", KIT_CERTS(&root));
        HF_CHECK_CODE(kit_judge(set, KIT_CERTS(&leaf), NULL), HF_E_BAD_SIGNATURE);
        HF_CHECK(kit_depth() == 0);
        hf_bundle_set_unref(set);
    }
}

/* The issuer's key is of another kind than the signature claims. */
static void a_signature_of_another_kind_than_the_key_is_refused(void)
{
    static struct pki_cert root, leaf;
    struct pki_spec spec;
    pki_authority(&spec, "root", NULL, pki_key(PKI_RSA2048, 0));
    kit_sign(&spec, pki_key(PKI_RSA2048, 0), &root);
    pki_leaf(&spec, "root", ID, KIT_LEAF_KEY);
    kit_sign(&spec, pki_key(PKI_P256, 0), &leaf);
    struct hf_bundle_set *set = kit_set1("a.example", KIT_CERTS(&root));
    hf_result r = kit_judge(set, KIT_CERTS(&leaf), NULL);
    HF_CHECK_CODE(r, HF_E_UNKNOWN_AUTHORITY);
    hf_bundle_set_unref(set);
}

HF_TESTS({"every allowed key works everywhere", every_allowed_key_works_everywhere},
         {"no other key works", no_other_key_works},
         {"every allowed signature works", every_allowed_signature_works},
         {"a changed signature is refused", a_changed_signature_is_refused},
         {"a signature of another kind than the key is refused",
          a_signature_of_another_kind_than_the_key_is_refused})
