/* SPDX-License-Identifier: Apache-2.0
 *
 * Each way in which a cache of verdicts could lie (P3; threats C1, C3, C4, C5). Every question is
 * asked of a verifier without a cache as well, and both must say the same, byte for byte.
 */
#include <string.h>

#include "hf_test.h"
#include "recall_kit.h"
#include "verify/recall.h"

#define ID "spiffe://a.example/web"

static struct pki_cert root, other_root, middle, other_middle, leaf, direct;
static struct hf_bundle_set *set, *both_roots, *other_only;

static void make_world(void)
{
    kit_root(&root, "root", KIT_KEY(0));
    kit_root(&other_root, "other", KIT_KEY(1));
    kit_intermediate(&middle, "root", KIT_KEY(0), "middle", KIT_KEY(2));
    kit_intermediate(&other_middle, "other", KIT_KEY(1), "middle", KIT_KEY(2));
    kit_leaf(&leaf, "middle", KIT_KEY(2), ID);
    kit_leaf(&direct, "root", KIT_KEY(0), ID);
    set = kit_set1("a.example", KIT_CERTS(&root));
    both_roots = kit_set1("a.example", KIT_CERTS(&root, &other_root));
    other_only = kit_set1("a.example", KIT_CERTS(&other_root));
}

/* C1: a good chain is judged once and then recalled. Without this the rest would prove nothing. */
static void the_same_question_is_answered_from_memory(void)
{
    struct hf_chain_cache *cache = recall_cache(0);
    struct recall_question q = {.set = set, .certs = KIT_CERTS(&leaf, &middle)};
    struct recall_answer first = recall_ask(cache, q);
    HF_CHECK(recall_is_judged(first) && first.kept);
    for (int i = 0; i < 3; i++) {
        struct recall_answer again = recall_ask(cache, q);
        HF_CHECK(recall_is_hit(again) && !again.kept);
        HF_CHECK(strcmp(again.peer.id, ID) == 0 && again.peer.path_length == 3);
    }
    hf_chain_cache_unref(cache);
}

/* C1: the key has every presented certificate, in order, not the leaf alone. */
static void other_intermediates_are_another_chain(void)
{
    struct hf_chain_cache *cache = recall_cache(0);
    HF_CHECK(recall_is_judged(recall_ask(
        cache, (struct recall_question){.set = set, .certs = KIT_CERTS(&leaf, &middle)})));
    /* Nothing, something else, too much, or the order: each is judged for itself. */
    HF_CHECK(recall_is_refused(
        recall_ask(cache, (struct recall_question){.set = set, .certs = KIT_CERTS(&leaf)}),
        HF_E_UNKNOWN_AUTHORITY));
    HF_CHECK(recall_is_refused(
        recall_ask(cache,
                   (struct recall_question){.set = set, .certs = KIT_CERTS(&leaf, &other_middle)}),
        HF_E_UNKNOWN_AUTHORITY));
    HF_CHECK(recall_is_judged(recall_ask(
        cache,
        (struct recall_question){.set = set, .certs = KIT_CERTS(&leaf, &middle, &other_middle)})));
    HF_CHECK(recall_is_judged(recall_ask(
        cache,
        (struct recall_question){.set = set, .certs = KIT_CERTS(&leaf, &other_middle, &middle)})));
    HF_CHECK(recall_is_judged(recall_ask(
        cache, (struct recall_question){.set = set, .certs = KIT_CERTS(&leaf, &middle, &middle)})));
    hf_chain_cache_unref(cache);
}

/* C1: a peer's purpose, our rules and our policy are part of the question. */
static void another_question_is_judged_anew(void)
{
    static struct pki_cert servers_only, lax;
    static const char *const server[] = {PKI_OID_SERVER_AUTH};
    struct hf_chain_cache *cache = recall_cache(0);
    struct pki_spec spec;
    pki_leaf(&spec, "root", ID, KIT_LEAF_KEY);
    pki_set_eku(&spec, false, server, 1);
    kit_sign(&spec, KIT_KEY(0), &servers_only);
    struct recall_question q = {
        .set = set, .certs = KIT_CERTS(&servers_only), .purpose = HF_PURPOSE_SERVER};
    HF_CHECK(recall_is_judged(recall_ask(cache, q)) && recall_is_hit(recall_ask(cache, q)));
    q.purpose = HF_PURPOSE_CLIENT;
    HF_CHECK(recall_is_refused(recall_ask(cache, q), HF_E_SVID_EKU));
    q.purpose = HF_PURPOSE_EITHER;
    HF_CHECK(recall_is_refused(recall_ask(cache, q), HF_E_SVID_EKU));
    pki_leaf(&spec, "root", ID, KIT_LEAF_KEY);
    pki_drop(&spec, PKI_OID_KEY_USAGE);
    kit_sign(&spec, KIT_KEY(0), &lax);
    struct recall_question compatible = {
        .set = set, .certs = KIT_CERTS(&lax), .rules = HF_RULES_COMPATIBLE};
    HF_CHECK(recall_is_judged(recall_ask(cache, compatible)));
    HF_CHECK(recall_is_hit(recall_ask(cache, compatible)));
    compatible.rules = HF_RULES_STRICT;
    HF_CHECK(recall_is_refused(recall_ask(cache, compatible), HF_E_SVID_KEY_USAGE));
    /* A purpose that the leaf would allow as well, but nobody has asked for yet. */
    struct recall_question client = {
        .set = set, .certs = KIT_CERTS(&direct), .purpose = HF_PURPOSE_CLIENT};
    HF_CHECK(recall_is_judged(recall_ask(cache, client)) &&
             recall_is_hit(recall_ask(cache, client)));
    client.purpose = HF_PURPOSE_SERVER;
    HF_CHECK(recall_is_judged(recall_ask(cache, client)));
    client.rules = HF_RULES_COMPATIBLE;
    HF_CHECK(recall_is_judged(recall_ask(cache, client)));
    hf_chain_cache_unref(cache);
}

/* P3: authorization runs at every hit, and another policy has another key. */
static void a_policy_is_asked_at_every_hit(void)
{
    static const char mine[] = ID;
    static const char theirs[] = "spiffe://a.example/db";
    const struct hf_policy_node exactly = {HF_POLICY_EXACTLY, 0, (const uint8_t *)mine,
                                           sizeof(mine) - 1};
    const struct hf_policy_node another = {HF_POLICY_EXACTLY, 0, (const uint8_t *)theirs,
                                           sizeof(theirs) - 1};
    struct hf_chain_cache *cache = recall_cache(0);
    struct recall_question q = {.set = set, .certs = KIT_CERTS(&direct)};
    HF_CHECK(recall_is_judged(recall_ask(cache, q)));
    q.policy = &exactly;
    q.policy_count = 1;
    HF_CHECK(recall_is_judged(recall_ask(cache, q)) && recall_is_hit(recall_ask(cache, q)));
    q.policy = &another;
    /* Authenticated, and refused: not remembered, however often. */
    for (int i = 0; i < 3; i++) {
        struct recall_answer refused = recall_ask(cache, q);
        HF_CHECK(recall_is_refused(refused, HF_E_NOT_AUTHORIZED) && !refused.hit);
        HF_CHECK(refused.peer.id_len == 0);
    }
    q.no_policy = true;
    HF_CHECK(recall_is_refused(recall_ask(cache, q), HF_E_NOT_AUTHORIZED));
    hf_chain_cache_unref(cache);
}

/* P3: and it would be asked if an entry got in that it has refused. */
static void no_entry_speaks_for_the_policy(void)
{
    static const char theirs[] = "spiffe://a.example/db";
    static struct kit_chain chain;
    const struct hf_policy_node another = {HF_POLICY_EXACTLY, 0, (const uint8_t *)theirs,
                                           sizeof(theirs) - 1};
    struct hf_chain_cache *cache = recall_cache(0);
    struct hf_policy *policy;
    struct hf_peer peer;
    struct hf_recall_miss miss;
    HF_CHECK_OK(hf_policy_new(&another, 1, &policy));
    const struct hf_recaller recaller = {.cache = cache,
                                         .bundles = set,
                                         .rules = HF_RULES_STRICT,
                                         .policy = hf_policy_digest(policy)};
    const struct hf_presented presented = {.chain = kit_chain(&chain, KIT_CERTS(&direct)),
                                           .at = PKI_NOW};
    const struct hf_judge_options options = {.rules = HF_RULES_STRICT};
    HF_CHECK(!hf_recall(&recaller, &presented, &miss, &peer) && miss.keyed);
    HF_CHECK_OK(hf_judge_svid(set, &presented, &options, &peer));
    hf_recall_keep(&recaller, &presented, &miss, &peer);
    struct recall_answer answer = recall_ask(
        cache, (struct recall_question){
                   .set = set, .certs = KIT_CERTS(&direct), .policy = &another, .policy_count = 1});
    HF_CHECK(recall_is_refused(answer, HF_E_NOT_AUTHORIZED) && answer.hit);
    hf_policy_unref(policy);
    hf_chain_cache_unref(cache);
}

/* C3: the content of the bundle is in the key. Removed: it ends at once. Put back: the old entry
 * says again what a new judgement says. The same content in a new snapshot: nothing ends. */
static void rotation_of_the_bundle(void)
{
    struct hf_chain_cache *cache = recall_cache(0);
    struct recall_question q = {.set = both_roots, .certs = KIT_CERTS(&leaf, &middle)};
    HF_CHECK(recall_is_judged(recall_ask(cache, q)) && recall_is_hit(recall_ask(cache, q)));
    q.set = other_only;
    HF_CHECK(recall_is_refused(recall_ask(cache, q), HF_E_UNKNOWN_AUTHORITY));
    q.set = set; /* still accepted, by another bundle */
    HF_CHECK(recall_is_judged(recall_ask(cache, q)));
    q.set = both_roots;
    HF_CHECK(recall_is_hit(recall_ask(cache, q)));
    struct hf_bundle_set *again = kit_set1("a.example", KIT_CERTS(&other_root, &root, &root));
    q.set = again;
    HF_CHECK(recall_is_hit(recall_ask(cache, q)));
    hf_bundle_set_unref(again);
    struct hf_bundle_set *empty = kit_set1("a.example", KIT_NO_CERTS);
    q.set = empty;
    HF_CHECK(recall_is_refused(recall_ask(cache, q), HF_E_EMPTY_BUNDLE));
    hf_bundle_set_unref(empty);
    hf_chain_cache_unref(cache);
}

/* C3: with one of two anchors removed only chains under the other one go on. */
static void only_chains_under_what_is_left(void)
{
    static struct pki_cert by_other;
    struct hf_chain_cache *cache = recall_cache(0);
    kit_leaf(&by_other, "other", KIT_KEY(1), "spiffe://a.example/db");
    struct recall_question one = {.set = both_roots, .certs = KIT_CERTS(&direct)};
    struct recall_question two = {.set = both_roots, .certs = KIT_CERTS(&by_other)};
    HF_CHECK(recall_is_judged(recall_ask(cache, one)) && recall_is_judged(recall_ask(cache, two)));
    one.set = other_only;
    two.set = other_only;
    HF_CHECK(recall_is_refused(recall_ask(cache, one), HF_E_UNKNOWN_AUTHORITY));
    HF_CHECK(recall_is_judged(recall_ask(cache, two)) && recall_is_hit(recall_ask(cache, two)));
    hf_chain_cache_unref(cache);
}

/* C5: the same authority in two trust domains' bundles, and only one of them was asked. */
static void another_trust_domain_is_another_question(void)
{
    static struct pki_cert foreign;
    struct hf_chain_cache *cache = recall_cache(0);
    kit_leaf(&foreign, "root", KIT_KEY(0), "spiffe://b.example/web");
    struct hf_bundle *two[] = {kit_bundle("a.example", KIT_CERTS(&root)),
                               kit_bundle("b.example", KIT_CERTS(&root))};
    struct hf_bundle_set *shared = kit_set(two, 2);
    struct recall_question q = {.set = shared, .certs = KIT_CERTS(&foreign)};
    struct recall_answer first = recall_ask(cache, q);
    HF_CHECK(recall_is_judged(first) && strcmp(first.peer.id, "spiffe://b.example/web") == 0);
    HF_CHECK(recall_is_hit(recall_ask(cache, q)));
    q.set = set; /* a's bundle alone: b's peer has none */
    HF_CHECK(recall_is_refused(recall_ask(cache, q), HF_E_UNKNOWN_TRUST_DOMAIN));
    hf_bundle_set_unref(shared);
    hf_chain_cache_unref(cache);
}

/* C1: the same key, issuer, serial and name with another SAN is another certificate. */
static void the_same_key_with_another_san(void)
{
    static struct pki_cert one, two;
    struct hf_chain_cache *cache = recall_cache(0);
    struct pki_spec spec;
    pki_leaf(&spec, "root", "spiffe://a.example/one", KIT_LEAF_KEY);
    spec.serial = DER_BYTES("\x11");
    kit_sign(&spec, KIT_KEY(0), &one);
    pki_leaf(&spec, "root", "spiffe://a.example/two", KIT_LEAF_KEY);
    spec.serial = DER_BYTES("\x11");
    kit_sign(&spec, KIT_KEY(0), &two);
    struct recall_answer first =
        recall_ask(cache, (struct recall_question){.set = set, .certs = KIT_CERTS(&one)});
    struct recall_answer second =
        recall_ask(cache, (struct recall_question){.set = set, .certs = KIT_CERTS(&two)});
    HF_CHECK(recall_is_judged(first) && strcmp(first.peer.id, "spiffe://a.example/one") == 0);
    HF_CHECK(recall_is_judged(second) && strcmp(second.peer.id, "spiffe://a.example/two") == 0);
    hf_chain_cache_unref(cache);
}

/* C1: one wrong bit anywhere, also in the signature and behind what is read, is another chain. */
static void one_bit_makes_another_chain(void)
{
    struct hf_chain_cache *cache = recall_cache(0);
    static struct pki_cert bent;
    HF_CHECK(recall_is_judged(
        recall_ask(cache, (struct recall_question){.set = set, .certs = KIT_CERTS(&direct)})));
    for (size_t i = 0; i < direct.len; i++) {
        bent = direct;
        bent.der[i] = (uint8_t)(bent.der[i] ^ 1u << (i % 8));
        struct recall_answer answer =
            recall_ask(cache, (struct recall_question){.set = set, .certs = KIT_CERTS(&bent)});
        HF_CHECK(answer.same && !answer.hit && !answer.kept && answer.code != HF_OK);
    }
    hf_chain_cache_unref(cache);
}

/* C1: refusals never enter, whatever they are refused for and however often. */
static void refusals_never_enter(void)
{
    static struct pki_cert forged, no_id;
    struct hf_chain_cache *cache = recall_cache(0);
    struct hf_chain_cache_statistics after;
    struct pki_spec spec;
    kit_leaf(&forged, "root", KIT_KEY(1), ID);
    pki_leaf(&spec, "root", "https://a.example/web", KIT_LEAF_KEY);
    kit_sign(&spec, KIT_KEY(0), &no_id);
    const struct recall_question questions[] = {
        {.set = set, .certs = KIT_CERTS(&forged)},
        {.set = set, .certs = KIT_CERTS(&no_id)},
        {.set = set, .certs = KIT_CERTS(&leaf)},
        {.set = set, .certs = KIT_CERTS(&root)},
        {.set = set, .certs = KIT_CERTS(&direct), .at = PKI_NOT_AFTER},
        {.set = set, .certs = KIT_NO_CERTS},
    };
    for (size_t i = 0; i < 2 * sizeof(questions) / sizeof(questions[0]); i++) {
        struct recall_answer answer = recall_ask(cache, questions[i / 2]);
        HF_CHECK(answer.same && answer.code != HF_OK && !answer.kept && !answer.hit);
    }
    hf_chain_cache_statistics(cache, &after);
    HF_CHECK(after.entries == 0 && after.inserts == 0 && after.hits == 0);
    hf_chain_cache_unref(cache);
}

/* C4: what was judged under the old bundle and entered after the new one went live is found by
 * nobody who has the new one. */
static void an_insert_after_a_rotation_is_the_old_bundles(void)
{
    struct hf_chain_cache *cache = recall_cache(0);
    struct hf_policy *policy;
    const struct hf_policy_node anybody = {.op = HF_POLICY_ANY};
    struct hf_verifier *old;
    struct hf_peer peer;
    static struct kit_chain chain;
    HF_CHECK_OK(hf_policy_new(&anybody, 1, &policy));
    HF_CHECK_OK(hf_verifier_new(set, policy, HF_RULES_STRICT, cache, &old));
    /* The new bundle is live, has been asked, and has refused ... */
    struct recall_question q = {.set = other_only, .certs = KIT_CERTS(&direct)};
    HF_CHECK(recall_is_refused(recall_ask(cache, q), HF_E_UNKNOWN_AUTHORITY));
    /* ... when a handshake that began under the old one comes to its verdict. */
    HF_CHECK_OK(hf_verifier_verify(old, kit_chain(&chain, KIT_CERTS(&direct)), PKI_NOW, 0, &peer));
    struct recall_answer answer = recall_ask(cache, q);
    HF_CHECK(recall_is_refused(answer, HF_E_UNKNOWN_AUTHORITY) && !answer.hit);
    hf_verifier_unref(old);
    hf_policy_unref(policy);
    hf_chain_cache_unref(cache);
}

HF_TESTS({"(the world is made)", make_world},
         {"the same question is answered from memory", the_same_question_is_answered_from_memory},
         {"other intermediates are another chain", other_intermediates_are_another_chain},
         {"another question is judged anew", another_question_is_judged_anew},
         {"a policy is asked at every hit", a_policy_is_asked_at_every_hit},
         {"no entry speaks for the policy", no_entry_speaks_for_the_policy},
         {"rotation of the bundle", rotation_of_the_bundle},
         {"only chains under what is left", only_chains_under_what_is_left},
         {"another trust domain is another question", another_trust_domain_is_another_question},
         {"the same key with another SAN", the_same_key_with_another_san},
         {"one bit makes another chain", one_bit_makes_another_chain},
         {"refusals never enter", refusals_never_enter},
         {"an insert after a rotation is the old bundle's",
          an_insert_after_a_rotation_is_the_old_bundles})
