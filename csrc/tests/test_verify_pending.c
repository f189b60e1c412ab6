/* SPDX-License-Identifier: Apache-2.0
 *
 * Judgements with the leaf's signature left over: the same verdicts as the judge's, or none (C9).
 */
#include "verify/pending.h"

#include <string.h>

#include "hf_test.h"
#include "kit.h"
#include "verify/issuer_memory.h"

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

static struct hf_pending pending;
static struct kit_chain chain;
static struct hf_presented in;

static bool begin_as(const struct hf_bundle_set *by, struct kit_certs presented, struct kit_ask ask,
                     enum hf_way way)
{
    struct hf_judge_options options = {.rules = ask.rules, .way = way};
    bool ready = true;
    /* Whatever lay there before must not matter. */
    (void)memset(&pending, 0x5a, sizeof(pending));
    in = (struct hf_presented){
        .chain = kit_chain(&chain, presented), .at = ask.at, .purpose = ask.purpose};
    HF_CHECK_OK(hf_pending_begin(by, &in, &options, &pending, &ready));
    return ready;
}

static const struct kit_ask plainly = {HF_RULES_STRICT, HF_PURPOSE_EITHER, PKI_NOW};

static bool begin(const struct hf_bundle_set *by, struct kit_certs presented)
{
    return begin_as(by, presented, plainly, HF_WAY_ANY);
}

/* The same record as the judge's, byte for byte. */
static void check_accepted(const struct hf_bundle_set *by, struct kit_certs presented)
{
    struct hf_peer ours;
    struct hf_peer judged;
    HF_CHECK_OK(kit_judge(by, presented, &judged));
    if (!HF_CHECK(begin(by, presented))) {
        return;
    }
    HF_CHECK_OK(hf_signature_verify(pending.signer, &pending.leaf));
    HF_CHECK_OK(hf_pending_accept(&pending, &ours));
    HF_CHECK(hf_mem_equal(&ours, sizeof(ours), &judged, sizeof(judged)));
    hf_pending_wipe(&pending);
    HF_CHECK(pending.signer == NULL);
}

static void what_is_accepted_is_what_the_judge_accepts(void)
{
    static struct pki_cert short_leaf;
    kit_leaf(&short_leaf, "root", KIT_KEY(0), ID);
    check_accepted(set, KIT_CERTS(&leaf, &middle));
    check_accepted(set, KIT_CERTS(&leaf, &middle, &root));
    check_accepted(set, KIT_CERTS(&leaf, &middle, &middle));
    check_accepted(set, KIT_CERTS(&short_leaf));
    check_accepted(set, KIT_CERTS(&short_leaf, &middle));
}

/* Under one name: those that the judge would pass over are passed over, so many and no more. */
static void candidates_are_passed_over(void)
{
    enum { BEFORE = 7 };
    static struct pki_cert old[BEFORE + 1], good, end, forged;
    const struct pki_cert *list[BEFORE + 2];
    struct pki_spec spec;
    for (size_t i = 0; i <= BEFORE; i++) {
        pki_authority(&spec, "x", NULL, KIT_KEY(3));
        spec.not_after = PKI_NOW - 1;
        kit_sign(&spec, KIT_KEY(3), &old[i]);
        list[i] = &old[i];
    }
    pki_intermediate(&spec, "root", "x", NULL, KIT_KEY(2));
    kit_sign(&spec, KIT_KEY(0), &good);
    pki_leaf(&spec, "x", ID, KIT_LEAF_KEY);
    kit_sign(&spec, KIT_KEY(2), &end);
    /* Authorities come before intermediates. */
    list[BEFORE] = &root;
    struct hf_bundle_set *few = kit_set1("a.example", (struct kit_certs){list, BEFORE + 1});
    check_accepted(few, KIT_CERTS(&end, &good));
    list[BEFORE] = &old[BEFORE];
    list[BEFORE + 1] = &root;
    struct hf_bundle_set *many = kit_set1("a.example", (struct kit_certs){list, BEFORE + 2});
    HF_CHECK(!begin(many, KIT_CERTS(&end, &good)));
    HF_CHECK_OK(kit_judge(many, KIT_CERTS(&end, &good), NULL));
    hf_bundle_set_unref(few);
    hf_bundle_set_unref(many);
    /* So is an intermediate that its issuer never signed. */
    kit_intermediate(&forged, "root", KIT_KEY(0), "middle", KIT_KEY(1));
    forged.der[forged.len - 1] ^= 1;
    check_accepted(set, KIT_CERTS(&leaf, &forged, &middle));
}

/* A leaf's signature is not looked at: that is the caller's part. */
static void a_forged_leaf_is_left_to_its_signature(void)
{
    static struct pki_cert forged;
    forged = leaf;
    forged.der[forged.len - 1] ^= 1;
    HF_CHECK(begin(set, KIT_CERTS(&forged, &middle)));
    HF_CHECK_CODE(hf_signature_verify(pending.signer, &pending.leaf), HF_E_BAD_SIGNATURE);
    hf_pending_wipe(&pending);
}

/* Everything that the judge refuses or decides in another way. None of it is ready, none fails. */
static void what_is_not_plain_is_left_to_the_judge(void)
{
    static struct pki_cert forged, stranger, unsure, none;
    struct pki_spec spec;
    struct kit_ask late = {HF_RULES_STRICT, HF_PURPOSE_EITHER, PKI_NOT_AFTER};
    struct kit_ask odd = {7, HF_PURPOSE_EITHER, PKI_NOW};
    forged = middle;
    forged.der[forged.len - 1] ^= 1;
    HF_CHECK(!begin(set, KIT_CERTS(&leaf, &forged)));
    HF_CHECK(!begin(set, KIT_CERTS(&leaf)));
    HF_CHECK(!begin(set, KIT_CERTS(&middle, &leaf)));
    HF_CHECK(!begin_as(set, KIT_CERTS(&leaf, &middle), late, HF_WAY_ANY));
    HF_CHECK(!begin_as(set, KIT_CERTS(&leaf, &middle), odd, HF_WAY_ANY));
    HF_CHECK(!begin_as(set, KIT_CERTS(&leaf, &middle), plainly, HF_WAY_GENERAL));
    kit_leaf(&stranger, "middle", KIT_KEY(1), "spiffe://c.example/web");
    HF_CHECK(!begin(set, KIT_CERTS(&stranger, &middle)));
    pki_leaf(&spec, "middle", ID, KIT_LEAF_KEY);
    pki_add(&spec, "1.2.3.4", false, DER_BYTES("x"));
    kit_sign(&spec, KIT_KEY(1), &unsure);
    HF_CHECK(!begin(set, KIT_CERTS(&unsure, &middle)));
    none.len = 3;
    HF_CHECK(!begin(set, KIT_CERTS(&none)));
    HF_CHECK(!begin(set, KIT_NO_CERTS));
    struct hf_bundle_set *empty = kit_set1("a.example", KIT_NO_CERTS);
    HF_CHECK(!begin(empty, KIT_CERTS(&leaf, &middle)));
    hf_bundle_set_unref(empty);
}

/* The signature's kind is of another key than the issuer's. */
static void a_signature_that_cannot_fit_is_left_to_the_judge(void)
{
    static struct pki_cert odd_root, odd_leaf;
    struct pki_spec spec;
    pki_authority(&spec, "odd", NULL, pki_key(PKI_ED25519, 0));
    kit_sign(&spec, pki_key(PKI_ED25519, 0), &odd_root);
    pki_leaf(&spec, "odd", ID, KIT_LEAF_KEY);
    kit_sign(&spec, KIT_KEY(0), &odd_leaf);
    struct hf_bundle_set *odd = kit_set1("a.example", KIT_CERTS(&odd_root));
    HF_CHECK(!begin(odd, KIT_CERTS(&odd_leaf)));
    hf_bundle_set_unref(odd);
}

/* One name, no key identifiers, and a first authority that has expired: passed over, as the judge
 * does. Which of two valid ones signed a leaf only its signature tells. */
static void authorities_of_one_name(void)
{
    static struct pki_cert twins[2], twin_leaf[2], old;
    struct pki_spec spec;
    for (size_t i = 0; i < 2; i++) {
        pki_authority(&spec, "twin", NULL, KIT_KEY(i));
        kit_sign(&spec, KIT_KEY(i), &twins[i]);
        pki_leaf(&spec, "twin", ID, KIT_LEAF_KEY);
        kit_sign(&spec, KIT_KEY(i), &twin_leaf[i]);
    }
    for (size_t i = 0; i < 8; i++) {
        /* Of several serial numbers some digest sorts before the good one's. */
        pki_authority(&spec, "twin", NULL, KIT_KEY(3));
        spec.not_after = PKI_NOW - 1;
        kit_sign(&spec, KIT_KEY(3), &old);
        struct hf_bundle_set *rotated = kit_set1("a.example", KIT_CERTS(&old, &twins[0]));
        check_accepted(rotated, KIT_CERTS(&twin_leaf[0]));
        hf_bundle_set_unref(rotated);
    }
    struct hf_bundle_set *both = kit_set1("a.example", KIT_CERTS(&twins[0], &twins[1]));
    int held = 0;
    for (size_t i = 0; i < 2; i++) {
        HF_CHECK(begin(both, KIT_CERTS(&twin_leaf[i])));
        held += hf_is_ok(hf_signature_verify(pending.signer, &pending.leaf)) ? 1 : 0;
        hf_pending_wipe(&pending);
        HF_CHECK_OK(kit_judge(both, KIT_CERTS(&twin_leaf[i]), NULL));
    }
    HF_CHECK(held == 1);
    hf_bundle_set_unref(both);
}

static void arguments_must_be_there(void)
{
    struct hf_judge_options options = {.rules = HF_RULES_STRICT};
    bool ready = true;
    HF_CHECK_CODE(hf_pending_begin(NULL, &in, &options, &pending, &ready), HF_E_BAD_ARGUMENT);
    HF_CHECK(!ready);
    HF_CHECK_CODE(hf_pending_begin(set, NULL, &options, &pending, &ready), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_pending_begin(set, &in, NULL, &pending, &ready), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_pending_begin(set, &in, &options, NULL, &ready), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_pending_begin(set, &in, &options, &pending, NULL), HF_E_BAD_ARGUMENT);
}

static void nothing_is_left(void)
{
    HF_CHECK(hf_issuer_memory_count(set->bundles[0]) == 1);
    hf_bundle_set_unref(set);
    HF_CHECK(hf_mem_live() == 0);
}

HF_TESTS({"make the world", make_world},
         {"what is accepted is what the judge accepts", what_is_accepted_is_what_the_judge_accepts},
         {"candidates are passed over", candidates_are_passed_over},
         {"a forged leaf is left to its signature", a_forged_leaf_is_left_to_its_signature},
         {"what is not plain is left to the judge", what_is_not_plain_is_left_to_the_judge},
         {"a signature that cannot fit is left to the judge",
          a_signature_that_cannot_fit_is_left_to_the_judge},
         {"authorities of one name", authorities_of_one_name},
         {"arguments must be there", arguments_must_be_there}, {"nothing is left", nothing_is_left})
