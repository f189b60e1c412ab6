/* SPDX-License-Identifier: Apache-2.0
 *
 * Judgements by a chosen way (P2): both agree on a good chain, and only one covers an odd one.
 */
#include "hf_test.h"
#include "kit.h"

static struct pki_cert root, leaf, odd_leaf;

static hf_result ask(struct kit_certs certs, int purpose, int way, struct hf_peer *out)
{
    static struct kit_chain chain;
    struct hf_verifier *verifier;
    struct hf_bundle_set *set = kit_set1("a.example", KIT_CERTS(&root));
    /* Without a policy everybody would be refused; it is not asked. */
    hf_result r = hf_verifier_new(set, NULL, HF_RULES_STRICT, NULL, &verifier);
    hf_bundle_set_unref(set);
    if (hf_is_ok(r)) {
        r = hf_verifier_authenticate(verifier, kit_chain(&chain, certs), PKI_NOW, purpose, way,
                                     out);
        hf_verifier_unref(verifier);
    }
    return r;
}

static void make_world(void)
{
    struct pki_spec spec;
    kit_root(&root, "root", KIT_KEY(0));
    kit_leaf(&leaf, "root", KIT_KEY(0), "spiffe://a.example/web");
    pki_leaf(&spec, "root", "spiffe://a.example/odd", KIT_LEAF_KEY);
    pki_add(&spec, "1.3.6.1.4.1.99999.1", false, DER_BYTES("\x05\x00"));
    kit_sign(&spec, KIT_KEY(0), &odd_leaf);
}

static void all_ways_say_the_same_of_a_good_chain(void)
{
    struct hf_peer peers[3];
    for (int way = HF_BY_ANY; way <= HF_BY_FAST; way++) {
        HF_CHECK_OK(ask(KIT_CERTS(&leaf), HF_PURPOSE_CLIENT, way, &peers[way]));
        HF_CHECK(hf_mem_equal(&peers[way], sizeof(peers[0]), &peers[0], sizeof(peers[0])));
    }
}

static void what_is_not_covered_is_refused_by_the_fast_way(void)
{
    struct hf_peer peer;
    HF_CHECK_OK(ask(KIT_CERTS(&odd_leaf), HF_PURPOSE_EITHER, HF_BY_ANY, &peer));
    HF_CHECK_OK(ask(KIT_CERTS(&odd_leaf), HF_PURPOSE_EITHER, HF_BY_GENERAL, &peer));
    HF_CHECK_CODE(ask(KIT_CERTS(&odd_leaf), HF_PURPOSE_EITHER, HF_BY_FAST, &peer),
                  HF_E_CHAIN_REJECTED);
    HF_CHECK(peer.id_len == 0);
}

static void wrong_arguments_are_refused(void)
{
    struct hf_peer peer;
    static struct kit_chain chain;
    struct hf_verifier *web;
    HF_CHECK_CODE(ask(KIT_CERTS(&leaf), 3, HF_BY_ANY, &peer), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(ask(KIT_CERTS(&leaf), -1, HF_BY_ANY, &peer), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(ask(KIT_CERTS(&leaf), HF_PURPOSE_EITHER, 3, &peer), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(ask(KIT_CERTS(&leaf), HF_PURPOSE_EITHER, -1, &peer), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(ask(KIT_CERTS(&leaf), HF_PURPOSE_EITHER, HF_BY_ANY, NULL), HF_E_BAD_ARGUMENT);
    const struct hf_chain *good = kit_chain(&chain, KIT_CERTS(&leaf));
    HF_CHECK_CODE(hf_verifier_authenticate(NULL, good, PKI_NOW, 0, HF_BY_ANY, &peer),
                  HF_E_BAD_ARGUMENT);
    HF_CHECK_OK(hf_verifier_new_web(root.der, root.len, 1, &web));
    HF_CHECK_CODE(hf_verifier_authenticate(web, good, PKI_NOW, 0, HF_BY_ANY, &peer),
                  HF_E_BAD_ARGUMENT);
    hf_verifier_unref(web);
}

HF_TESTS({"(the certificates)", make_world},
         {"all ways say the same of a good chain", all_ways_say_the_same_of_a_good_chain},
         {"what is not covered is refused by the fast way",
          what_is_not_covered_is_refused_by_the_fast_way},
         {"wrong arguments are refused", wrong_arguments_are_refused})
