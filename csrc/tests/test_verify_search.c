/* SPDX-License-Identifier: Apache-2.0
 *
 * The walk from a leaf upwards, step by step: what counts as a step and what never is one (C10,
 * C11, X509-27). Each test here notices a mutant that no verdict showed (tools/mutate.py).
 */
#include <string.h>

#include "hf_test.h"
#include "kit.h"
#include "verify/path.h"

#define ID "spiffe://a.example/web"

static struct pki_cert root, i1, i2, i3, leaf;

static void make_world(void)
{
    kit_root(&root, "root", KIT_KEY(0));
    kit_intermediate(&i3, "root", KIT_KEY(0), "i3", KIT_KEY(3));
    kit_intermediate(&i2, "i3", KIT_KEY(3), "i2", KIT_KEY(2));
    kit_intermediate(&i1, "i2", KIT_KEY(2), "i1", KIT_KEY(1));
    kit_leaf(&leaf, "i1", KIT_KEY(1), ID);
}

/* A search to its end, and what it found on the way. */
struct walk {
    size_t candidates;
    struct hf_path first;
    struct hf_path last;
    unsigned walked;
    size_t top;
    size_t top_level;
    bool exhausted;
};

static struct walk walk_all(struct kit_certs bundle, struct kit_certs presented)
{
    static struct kit_chain chain;
    struct hf_pool pool;
    struct hf_search search;
    struct walk walk = {0};
    struct hf_bundle_set *set = kit_set1("a.example", bundle);
    struct hf_presented in = {.chain = kit_chain(&chain, presented)};
    HF_CHECK_OK(hf_pool_init(&in, &pool));
    /* Whatever lay there before must not matter. */
    (void)memset(&search, 0x5a, sizeof(search));
    hf_search_init(&pool, set->bundles[0], &search);
    HF_CHECK(search.path.anchor == NULL && search.top_level == 0 && search.walked == 0);
    while (hf_search_next(&search)) {
        walk.first = walk.candidates == 0 ? search.path : walk.first;
        walk.last = search.path;
        walk.candidates++;
    }
    HF_CHECK(!hf_search_next(&search));
    walk.walked = search.walked;
    walk.top = search.top;
    walk.top_level = search.top_level;
    walk.exhausted = search.exhausted;
    hf_pool_wipe(&pool);
    hf_bundle_set_unref(set);
    return walk;
}

static void every_step_is_on_the_path(void)
{
    struct walk walk = walk_all(KIT_CERTS(&root), KIT_CERTS(&leaf, &i3, &i1, &i2));
    HF_CHECK(walk.candidates == 1 && walk.walked == 3 && !walk.exhausted);
    HF_CHECK(walk.first.count == 4 && walk.first.index[0] == 0 && walk.first.index[1] == 2);
    HF_CHECK(walk.first.index[2] == 3 && walk.first.index[3] == 1);
    HF_CHECK(walk.top == 1 && walk.top_level == 3);
}

static void no_certificate_is_twice_on_a_path(void)
{
    static struct pki_cert a, b, end;
    kit_intermediate(&a, "b", KIT_KEY(2), "a", KIT_KEY(1));
    kit_intermediate(&b, "a", KIT_KEY(1), "b", KIT_KEY(2));
    kit_leaf(&end, "a", KIT_KEY(1), ID);
    struct walk walk = walk_all(KIT_CERTS(&root), KIT_CERTS(&end, &a, &b));
    HF_CHECK(walk.candidates == 0 && walk.walked == 2 && !walk.exhausted);
    HF_CHECK(walk.top == 2 && walk.top_level == 2);
}

static void what_came_before_is_not_walked_again(void)
{
    struct walk walk =
        walk_all(KIT_CERTS(&root), KIT_CERTS(&leaf, &i1, &i1, &i2, &i2, &i3, &i3, &leaf));
    HF_CHECK(walk.candidates == 1 && walk.walked == 3);
}

static void a_self_signed_stranger_leads_nowhere(void)
{
    static struct pki_cert stranger, end;
    kit_root(&stranger, "stranger", KIT_KEY(5));
    kit_leaf(&end, "stranger", KIT_KEY(5), ID);
    struct walk walk = walk_all(KIT_CERTS(&root), KIT_CERTS(&end, &stranger));
    HF_CHECK(walk.candidates == 0 && walk.walked == 0 && walk.top == 0);
}

/* Authorities lie in an order of their own: whichever place one has, no path leads through it. */
static void an_authority_ends_the_path_wherever_it_lies(void)
{
    static struct pki_cert others[2];
    bool was_first = false;
    bool was_last = false;
    for (size_t i = 0; i < 100 && !(was_first && was_last); i++) {
        /* New serial numbers, and so a new order. */
        kit_intermediate(&i1, "i2", KIT_KEY(2), "i1", KIT_KEY(1));
        kit_root(&others[0], "other", KIT_KEY(4));
        kit_root(&others[1], "another", KIT_KEY(4));
        struct kit_certs bundle = KIT_CERTS(&i1, &others[0], &others[1]);
        struct hf_bundle_set *set = kit_set1("a.example", bundle);
        const struct hf_bundle *sorted = set->bundles[0];
        was_first = was_first || hf_span_equal(sorted->authorities[0].cert.der, pki_span(&i1));
        was_last = was_last || hf_span_equal(sorted->authorities[2].cert.der, pki_span(&i1));
        hf_bundle_set_unref(set);
        struct walk walk = walk_all(bundle, KIT_CERTS(&leaf, &i1, &i2, &i3));
        HF_CHECK(walk.candidates == 1 && walk.walked == 0 && walk.first.count == 1);
    }
    HF_CHECK(was_first && was_last);
}

static void the_first_of_the_highest_is_told(void)
{
    /* Two ways of the same height, of which neither arrives, and a third that is lower. */
    static struct pki_cert low, high, higher, also_high, also_higher, end;
    kit_intermediate(&high, "x1", KIT_KEY(2), "x", KIT_KEY(1));
    kit_intermediate(&higher, "x2", KIT_KEY(3), "x1", KIT_KEY(2));
    kit_intermediate(&also_high, "x1", KIT_KEY(2), "x", KIT_KEY(1));
    kit_intermediate(&also_higher, "x3", KIT_KEY(3), "x1", KIT_KEY(2));
    kit_intermediate(&low, "nobody", KIT_KEY(5), "x", KIT_KEY(1));
    kit_leaf(&end, "x", KIT_KEY(1), ID);
    struct walk walk =
        walk_all(KIT_CERTS(&root), KIT_CERTS(&end, &low, &high, &higher, &also_high, &also_higher));
    HF_CHECK(walk.candidates == 0);
    HF_CHECK(walk.top_level == 2 && walk.top == 3);
    /* low, high, its two issuers, also_high, its two issuers */
    HF_CHECK(walk.walked == 7);
}

HF_TESTS({"(the certificates)", make_world},
         {"every step is on the path", every_step_is_on_the_path},
         {"no certificate is twice on a path", no_certificate_is_twice_on_a_path},
         {"what came before is not walked again", what_came_before_is_not_walked_again},
         {"a self-signed stranger leads nowhere", a_self_signed_stranger_leads_nowhere},
         {"an authority ends the path wherever it lies",
          an_authority_ends_the_path_wherever_it_lies},
         {"the first of the highest is told", the_first_of_the_highest_is_told})
