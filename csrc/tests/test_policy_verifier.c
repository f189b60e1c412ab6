/* SPDX-License-Identifier: Apache-2.0
 *
 * The public verifiers: authentication, then authorization, never one without the other.
 */
#include <pthread.h>
#include <string.h>

#include "hf_test.h"
#include "kit.h"
#include "policy/verifier.h"

#define ID "spiffe://a.example/ns/prod/web"

static struct pki_cert root, leaf, web_leaf;
static struct hf_bundle_set *set;
static struct kit_chain chain, web_chain;

static void make_world(void)
{
    struct pki_spec spec;
    const struct pki_name dns = {PKI_DNS, der_text("www.example.com")};
    kit_root(&root, "root", KIT_KEY(0));
    kit_leaf(&leaf, "root", KIT_KEY(0), ID);
    pki_leaf(&spec, "root", "unused:", KIT_LEAF_KEY);
    pki_set_san(&spec, true, &dns, 1);
    pki_add_key_ids(&spec, KIT_KEY(0)); /* as web paths want it */
    kit_sign(&spec, KIT_KEY(0), &web_leaf);
    set = kit_set1("a.example", KIT_CERTS(&root));
    (void)kit_chain(&chain, KIT_CERTS(&leaf));
    (void)kit_chain(&web_chain, KIT_CERTS(&web_leaf));
}

static struct hf_policy *policy_of(uint32_t op, const char *text)
{
    struct hf_policy_node node = {op, 0, (const uint8_t *)text, text == NULL ? 0 : strlen(text)};
    struct hf_policy *policy;
    HF_CHECK_OK(hf_policy_new(&node, 1, &policy));
    return policy;
}

/* Takes the policy over. */
static struct hf_verifier *verifier_of(struct hf_policy *policy, int rules)
{
    struct hf_verifier *verifier;
    HF_CHECK_OK(hf_verifier_new(set, policy, rules, NULL, &verifier));
    hf_policy_unref(policy);
    return verifier;
}

static bool is_nobody(const struct hf_peer *peer)
{
    static const struct hf_peer nobody;
    return hf_mem_equal(peer, sizeof(*peer), &nobody, sizeof(nobody));
}

static void check_verdict(uint32_t op, const char *text, uint32_t code)
{
    struct hf_peer peer;
    struct hf_verifier *verifier = verifier_of(policy_of(op, text), HF_RULES_STRICT);
    HF_CHECK_CODE(hf_verifier_verify(verifier, &chain.chain, PKI_NOW, HF_PURPOSE_CLIENT, &peer),
                  code);
    if (code == HF_OK) {
        HF_CHECK(strcmp(peer.id, ID) == 0);
    } else {
        HF_CHECK(is_nobody(&peer));
        HF_CHECK(kit_claimed(ID) && kit_saw(ID) && kit_depth() == 0);
    }
    hf_verifier_unref(verifier);
}

static void authentication_then_authorization(void)
{
    check_verdict(HF_POLICY_ANY, NULL, HF_OK);
    check_verdict(HF_POLICY_TRUST_DOMAIN, "a.example", HF_OK);
    check_verdict(HF_POLICY_TRUST_DOMAIN, "b.example", HF_E_NOT_AUTHORIZED);
    check_verdict(HF_POLICY_EXACTLY, ID, HF_OK);
    check_verdict(HF_POLICY_EXACTLY, ID "2", HF_E_NOT_AUTHORIZED);
    check_verdict(HF_POLICY_PREFIX, "spiffe://a.example/ns/prod", HF_OK);
    check_verdict(HF_POLICY_PREFIX, "spiffe://a.example/ns/pro", HF_E_NOT_AUTHORIZED);
}

/* Default deny: without a policy nobody comes in, however well authenticated. */
static void no_policy_lets_nobody_in(void)
{
    struct hf_peer peer;
    struct hf_verifier *verifier = verifier_of(NULL, HF_RULES_STRICT);
    HF_CHECK_CODE(hf_verifier_verify(verifier, &chain.chain, PKI_NOW, HF_PURPOSE_CLIENT, &peer),
                  HF_E_NOT_AUTHORIZED);
    HF_CHECK(is_nobody(&peer));
    hf_verifier_unref(verifier);
}

/* A policy that would allow it says nothing about an ID that was not proved. */
static void authorization_never_comes_first(void)
{
    static struct pki_cert forged;
    struct kit_chain forged_chain;
    struct hf_peer peer;
    struct hf_verifier *verifier = verifier_of(policy_of(HF_POLICY_EXACTLY, ID), HF_RULES_STRICT);
    kit_leaf(&forged, "root", KIT_KEY(1), ID);
    HF_CHECK_CODE(hf_verifier_verify(verifier, kit_chain(&forged_chain, KIT_CERTS(&forged)),
                                     PKI_NOW, HF_PURPOSE_CLIENT, &peer),
                  HF_E_UNKNOWN_AUTHORITY);
    HF_CHECK(is_nobody(&peer));
    hf_verifier_unref(verifier);
}

static void the_clock_is_asked_when_no_time_is_given(void)
{
    struct hf_peer peer;
    struct hf_verifier *verifier = verifier_of(policy_of(HF_POLICY_ANY, NULL), HF_RULES_STRICT);
    hf_clock_set(PKI_NOW + 17);
    HF_CHECK_OK(hf_verifier_verify(verifier, &chain.chain, HF_TIME_NOW, HF_PURPOSE_SERVER, &peer));
    HF_CHECK(peer.verified_at == PKI_NOW + 17);
    hf_clock_set(PKI_NOT_AFTER);
    HF_CHECK_CODE(hf_verifier_verify(verifier, &chain.chain, HF_TIME_NOW, HF_PURPOSE_SERVER, &peer),
                  HF_E_CERT_EXPIRED);
    hf_clock_reset();
    hf_verifier_unref(verifier);
}

static void web_verifiers_compare_names(void)
{
    struct hf_peer peer;
    struct hf_verifier *verifier;
    const uint8_t *name = (const uint8_t *)"www.example.com";
    HF_CHECK_OK(hf_verifier_new_web(root.der, root.len, 3, &verifier));
    HF_CHECK_OK(hf_verifier_verify_web(verifier, &web_chain.chain, PKI_NOW, HF_PURPOSE_SERVER,
                                       HF_NAME_DNS, name, 15, &peer));
    HF_CHECK(peer.path_length == 2 && peer.id_len == 0);
    HF_CHECK_CODE(hf_verifier_verify_web(verifier, &web_chain.chain, PKI_NOW, HF_PURPOSE_SERVER,
                                         HF_NAME_DNS, name + 1, 14, &peer),
                  HF_E_NAME_MISMATCH);
    HF_CHECK(is_nobody(&peer));
    HF_CHECK_OK(hf_verifier_verify_web(verifier, &web_chain.chain, PKI_NOW, HF_PURPOSE_SERVER,
                                       HF_NAME_NONE, NULL, 0, &peer));
    HF_CHECK_CODE(hf_verifier_verify_web(verifier, &web_chain.chain, PKI_NOW, HF_PURPOSE_SERVER,
                                         HF_NAME_DNS, NULL, 15, &peer),
                  HF_E_BAD_ARGUMENT);
    hf_verifier_unref(verifier);
}

/* A verifier of one kind never gives the other kind's verdict. */
static void the_kinds_are_not_mixed(void)
{
    struct hf_peer peer;
    struct hf_verifier *web;
    struct hf_verifier *spiffe = verifier_of(policy_of(HF_POLICY_ANY, NULL), HF_RULES_STRICT);
    HF_CHECK_OK(hf_verifier_new_web(root.der, root.len, 3, &web));
    HF_CHECK_CODE(hf_verifier_verify(web, &chain.chain, PKI_NOW, HF_PURPOSE_CLIENT, &peer),
                  HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_verifier_verify_web(spiffe, &web_chain.chain, PKI_NOW, HF_PURPOSE_SERVER,
                                         HF_NAME_NONE, NULL, 0, &peer),
                  HF_E_BAD_ARGUMENT);
    hf_verifier_unref(web);
    hf_verifier_unref(spiffe);
}

static void wrong_arguments_are_refused(void)
{
    struct hf_peer peer;
    struct hf_verifier *verifier;
    HF_CHECK_CODE(hf_verifier_new(NULL, NULL, HF_RULES_STRICT, NULL, &verifier), HF_E_BAD_ARGUMENT);
    HF_CHECK(verifier == NULL);
    HF_CHECK_CODE(hf_verifier_new(set, NULL, 2, NULL, &verifier), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_verifier_new(set, NULL, HF_RULES_STRICT, NULL, NULL), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_verifier_new_web(root.der, root.len, 8, &verifier), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_verifier_new_web(root.der, root.len, 3, NULL), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_verifier_new_web(root.der, root.len - 1, 3, &verifier), HF_E_DER_TRUNCATED);
    HF_CHECK(verifier == NULL);
    verifier = verifier_of(NULL, HF_RULES_STRICT);
    HF_CHECK_CODE(hf_verifier_verify(verifier, NULL, PKI_NOW, HF_PURPOSE_CLIENT, &peer),
                  HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_verifier_verify(verifier, &chain.chain, PKI_NOW, 3, &peer), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_verifier_verify(verifier, &chain.chain, PKI_NOW, -1, &peer),
                  HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_verifier_verify(verifier, &chain.chain, PKI_NOW, 0, NULL), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_verifier_verify(NULL, &chain.chain, PKI_NOW, 0, &peer), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_verifier_judge(verifier, NULL, NULL, &peer), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_verifier_judge(NULL, NULL, NULL, &peer), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_verifier_judge(verifier, NULL, NULL, NULL), HF_E_BAD_ARGUMENT);
    hf_verifier_unref(verifier);
    hf_verifier_unref(NULL);
    HF_CHECK(hf_verifier_ref(NULL) == NULL);
}

/* Every allocation of ours fails once. */
static void no_memory_makes_no_verifier(void)
{
    struct hf_verifier *verifier;
    size_t before = hf_mem_live();
    hf_mem_fail_at(1);
    HF_CHECK_CODE(hf_verifier_new(set, NULL, HF_RULES_STRICT, NULL, &verifier), HF_E_OUT_OF_MEMORY);
    HF_CHECK(verifier == NULL);
    size_t failed = 0;
    for (size_t k = 1;; k++) {
        hf_mem_fail_at(k);
        hf_result r = hf_verifier_new_web(root.der, root.len, 3, &verifier);
        hf_mem_fail_at(0);
        if (hf_is_ok(r)) {
            hf_verifier_unref(verifier);
            break;
        }
        failed++;
        HF_CHECK_CODE(r, HF_E_OUT_OF_MEMORY);
        HF_CHECK(verifier == NULL && hf_mem_live() == before);
    }
    HF_CHECK(failed >= 3);
}

enum { THREADS = 4, ROUNDS = 50 };

struct worker {
    pthread_t thread;
    struct hf_verifier *verifier;
    size_t surprises; /* checks are not made for threads */
};

static void *verify_in_a_thread(void *argument)
{
    struct worker *worker = argument;
    for (int i = 0; i < ROUNDS; i++) {
        struct hf_peer peer;
        struct hf_verifier *held = hf_verifier_ref(worker->verifier);
        hf_result r = hf_verifier_verify(held, &chain.chain, PKI_NOW, HF_PURPOSE_CLIENT, &peer);
        worker->surprises += !hf_is_ok(r) || strcmp(peer.id, ID) != 0;
        r = hf_verifier_verify(held, &web_chain.chain, PKI_NOW, HF_PURPOSE_CLIENT, &peer);
        worker->surprises += r.code != HF_E_SVID_NO_URI_SAN;
        hf_verifier_unref(held);
    }
    return NULL;
}

/* Under TSan: one verifier, its bundles and its policy, many threads, no race. */
static void threads_share_a_verifier(void)
{
    struct worker workers[THREADS] = {0};
    struct hf_verifier *verifier = verifier_of(policy_of(HF_POLICY_EXACTLY, ID), HF_RULES_STRICT);
    for (size_t i = 0; i < THREADS; i++) {
        workers[i].verifier = verifier;
        HF_CHECK(pthread_create(&workers[i].thread, NULL, verify_in_a_thread, &workers[i]) == 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        HF_CHECK(pthread_join(workers[i].thread, NULL) == 0);
        HF_CHECK(workers[i].surprises == 0);
    }
    hf_verifier_unref(verifier);
}

static void references_are_counted(void)
{
    struct hf_peer peer;
    struct hf_verifier *verifier = verifier_of(policy_of(HF_POLICY_ANY, NULL), HF_RULES_STRICT);
    struct hf_verifier *second = hf_verifier_ref(verifier);
    hf_bundle_set_unref(set); /* the verifier holds its own reference */
    hf_verifier_unref(verifier);
    HF_CHECK_OK(hf_verifier_verify(second, &chain.chain, PKI_NOW, HF_PURPOSE_CLIENT, &peer));
    hf_verifier_unref(second);
    HF_CHECK(hf_mem_live() == 0);
}

HF_TESTS({"make the world", make_world},
         {"authentication, then authorization", authentication_then_authorization},
         {"no policy lets nobody in", no_policy_lets_nobody_in},
         {"authorization never comes first", authorization_never_comes_first},
         {"the clock is asked when no time is given", the_clock_is_asked_when_no_time_is_given},
         {"web verifiers compare names", web_verifiers_compare_names},
         {"the kinds are not mixed", the_kinds_are_not_mixed},
         {"wrong arguments are refused", wrong_arguments_are_refused},
         {"no memory makes no verifier", no_memory_makes_no_verifier},
         {"threads share a verifier", threads_share_a_verifier},
         {"references are counted", references_are_counted})
