/* SPDX-License-Identifier: Apache-2.0
 *
 * Finding the way from a leaf to an authority: order, duplicates, namesakes, cross-signing, bundles
 * of every shape, and the bounds of the search.
 */
#include <stdlib.h>
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

static hf_result judge1(struct kit_certs bundle, struct kit_certs presented, struct hf_peer *peer)
{
    struct hf_bundle_set *set = kit_set1("a.example", bundle);
    hf_result r = kit_judge(set, presented, peer);
    hf_bundle_set_unref(set);
    return r;
}

/* X509-27 */
static void intermediates_may_come_in_any_order(void)
{
    const struct pki_cert *middle[3] = {&i1, &i2, &i3};
    static const size_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                        {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    struct hf_bundle_set *set = kit_set1("a.example", KIT_CERTS(&root));
    for (size_t i = 0; i < 6; i++) {
        struct hf_peer peer;
        HF_CHECK_OK(kit_judge(
            set, KIT_CERTS(&leaf, middle[orders[i][0]], middle[orders[i][1]], middle[orders[i][2]]),
            &peer));
        HF_CHECK(peer.path_length == 5);
    }
    hf_bundle_set_unref(set);
}

static void the_first_certificate_is_the_leaf(void)
{
    HF_CHECK_CODE(judge1(KIT_CERTS(&root), KIT_CERTS(&i1, &leaf, &i2, &i3), NULL), HF_E_SVID_IS_CA);
    HF_CHECK(kit_depth() == 0);
}

static void a_missing_intermediate_is_named(void)
{
    HF_CHECK_CODE(judge1(KIT_CERTS(&root), KIT_CERTS(&leaf, &i1, &i3), NULL),
                  HF_E_UNKNOWN_AUTHORITY);
    HF_CHECK(kit_saw("CN=i2"));
    HF_CHECK(kit_depth() == 1);
    HF_CHECK(kit_claimed(ID));
    HF_CHECK(strstr(hf_error_current()->expected, "a.example (1 in the bundle)") != NULL);
}

static void duplicates_and_strangers_do_no_harm(void)
{
    static struct pki_cert stranger, other_leaf;
    kit_root(&stranger, "stranger", KIT_KEY(5));
    kit_leaf(&other_leaf, "stranger", KIT_KEY(5), "spiffe://a.example/other");
    struct hf_peer peer;
    HF_CHECK_OK(
        judge1(KIT_CERTS(&root), KIT_CERTS(&leaf, &leaf, &i1, &i1, &i2, &i2, &i3, &i3), &peer));
    HF_CHECK(peer.path_length == 5);
    HF_CHECK_OK(
        judge1(KIT_CERTS(&root), KIT_CERTS(&leaf, &stranger, &i3, &other_leaf, &i2, &i1), &peer));
    HF_CHECK(strcmp(peer.id, ID) == 0);
}

static void a_presented_root_is_not_part_of_the_path_twice(void)
{
    struct hf_peer peer;
    HF_CHECK_OK(judge1(KIT_CERTS(&root), KIT_CERTS(&leaf, &i1, &i2, &i3, &root), &peer));
    HF_CHECK(peer.path_length == 5);
    /* A root that nobody knows stays unknown, however it is presented. */
    static struct pki_cert stranger, alone;
    kit_root(&stranger, "stranger", KIT_KEY(5));
    kit_leaf(&alone, "stranger", KIT_KEY(5), ID);
    HF_CHECK_CODE(judge1(KIT_CERTS(&root), KIT_CERTS(&alone, &stranger), NULL),
                  HF_E_UNKNOWN_AUTHORITY);
}

/* X509-39 is a SHOULD: an authority of a bundle need not be self-signed. */
static void an_intermediate_can_be_an_authority(void)
{
    struct hf_peer peer;
    HF_CHECK_OK(judge1(KIT_CERTS(&i1), KIT_CERTS(&leaf), &peer));
    HF_CHECK(peer.path_length == 2);
    HF_CHECK_OK(judge1(KIT_CERTS(&i2), KIT_CERTS(&leaf, &i1), &peer));
    HF_CHECK(peer.path_length == 3);
    /* The shortest way counts, though the rest is there too. */
    HF_CHECK_OK(judge1(KIT_CERTS(&i2, &root), KIT_CERTS(&leaf, &i1, &i2, &i3, &root), &peer));
    HF_CHECK(peer.path_length == 3);
    HF_CHECK_OK(judge1(KIT_CERTS(&i1, &i2, &i3), KIT_CERTS(&leaf, &i3, &i2, &i1), &peer));
    HF_CHECK(peer.path_length == 2);
}

/* What stands above an authority of the bundle is not walked through: one candidate, not two. */
static void no_path_leads_through_an_authority(void)
{
    struct kit_chain chain;
    struct hf_pool pool;
    struct hf_search search;
    struct hf_bundle_set *set = kit_set1("a.example", KIT_CERTS(&i2, &root));
    struct hf_presented in = {.chain = kit_chain(&chain, KIT_CERTS(&leaf, &i1, &i2, &i3, &root))};
    HF_CHECK_OK(hf_pool_init(&in, &pool));
    hf_search_init(&pool, set->bundles[0], &search);
    HF_CHECK(hf_search_next(&search) && search.path.count == 2);
    HF_CHECK(!hf_search_next(&search) && !search.exhausted);
    hf_pool_wipe(&pool);
    hf_bundle_set_unref(set);
}

static void plain_root(struct pki_cert *out, const char *name, EVP_PKEY *key)
{
    struct pki_spec spec;
    pki_authority(&spec, name, NULL, key);
    kit_sign(&spec, key, out);
}

static void plain_leaf(struct pki_cert *out, const char *issuer, EVP_PKEY *key)
{
    struct pki_spec spec;
    pki_leaf(&spec, issuer, ID, KIT_LEAF_KEY);
    kit_sign(&spec, key, out);
}

/* A rotated authority that kept its name: OpenSSL alone takes the first and gives up. Without key
 * identifiers only the signature can tell. SPIFFE demands no identifiers (see path_rules.c). */
static void two_roots_of_one_name_both_work(void)
{
    static struct pki_cert roots[3], leaves[3];
    for (size_t with_ids = 0; with_ids < 2; with_ids++) {
        for (size_t i = 0; i < 3; i++) {
            if (with_ids != 0) {
                kit_root(&roots[i], "same", KIT_KEY(i));
                kit_leaf(&leaves[i], "same", KIT_KEY(i), ID);
            } else {
                plain_root(&roots[i], "same", KIT_KEY(i));
                plain_leaf(&leaves[i], "same", KIT_KEY(i));
            }
        }
        struct hf_bundle_set *set =
            kit_set1("a.example", KIT_CERTS(&roots[0], &roots[1], &roots[2]));
        for (size_t i = 0; i < 3; i++) {
            HF_CHECK_OK(kit_judge(set, KIT_CERTS(&leaves[i]), NULL));
            HF_CHECK_CODE(judge1(KIT_CERTS(&roots[(i + 1) % 3]), KIT_CERTS(&leaves[i]), NULL),
                          HF_E_UNKNOWN_AUTHORITY);
            HF_CHECK(kit_saw("same"));
        }
        hf_bundle_set_unref(set);
    }
}

/* One key and name certified by two roots, in every order, with either root in the bundle. */
static void cross_signed_authorities_work(void)
{
    static struct pki_cert old_root, new_root, by_old, by_new, end;
    kit_root(&old_root, "old", KIT_KEY(0));
    kit_root(&new_root, "new", KIT_KEY(1));
    kit_intermediate(&by_old, "old", KIT_KEY(0), "cross", KIT_KEY(2));
    kit_intermediate(&by_new, "new", KIT_KEY(1), "cross", KIT_KEY(2));
    kit_leaf(&end, "cross", KIT_KEY(2), ID);
    const struct pki_cert *const anchors[] = {&old_root, &new_root};
    for (size_t i = 0; i < 2; i++) {
        HF_CHECK_OK(judge1(KIT_CERTS(anchors[i]), KIT_CERTS(&end, &by_old, &by_new), NULL));
        HF_CHECK_OK(judge1(KIT_CERTS(anchors[i]), KIT_CERTS(&end, &by_new, &by_old), NULL));
    }
    HF_CHECK_CODE(judge1(KIT_CERTS(&old_root), KIT_CERTS(&end, &by_new), NULL),
                  HF_E_UNKNOWN_AUTHORITY);
}

/* A new root certified by the old one under the same name: self-issued, not self-signed. */
static void a_key_rollover_certificate_works(void)
{
    static struct pki_cert old_root, rollover, end;
    struct pki_spec spec;
    kit_root(&old_root, "ca", KIT_KEY(0));
    pki_authority(&spec, "ca", NULL, KIT_KEY(1));
    pki_add_key_ids(&spec, KIT_KEY(0));
    kit_sign(&spec, KIT_KEY(0), &rollover);
    kit_leaf(&end, "ca", KIT_KEY(1), ID);
    struct hf_peer peer;
    HF_CHECK_OK(judge1(KIT_CERTS(&old_root), KIT_CERTS(&end, &rollover), &peer));
    HF_CHECK(peer.path_length == 3);
}

/* The same with a leaf that does not say which of the two keys signed it: the short way, straight
 * to the authority, has a wrong signature, and the long one holds. */
static void the_long_way_is_found_too(void)
{
    static struct pki_cert old_root, rollover, end;
    struct pki_spec spec;
    struct hf_peer peer;
    kit_root(&old_root, "ca", KIT_KEY(0));
    pki_authority(&spec, "ca", NULL, KIT_KEY(1));
    pki_add_key_ids(&spec, KIT_KEY(0));
    kit_sign(&spec, KIT_KEY(0), &rollover);
    plain_leaf(&end, "ca", KIT_KEY(1));
    HF_CHECK_OK(judge1(KIT_CERTS(&old_root), KIT_CERTS(&end, &rollover), &peer));
    HF_CHECK(peer.path_length == 3);
}

/* Paths that fail and one that holds: the one that holds is found wherever it stands. */
static void a_bad_candidate_does_not_hide_a_good_one(void)
{
    static struct pki_cert good_root, fake, real, end;
    plain_root(&good_root, "root", KIT_KEY(0));
    struct pki_spec spec;
    pki_intermediate(&spec, "root", "middle", NULL, KIT_KEY(1));
    kit_sign(&spec, KIT_KEY(0), &real);
    /* The same names, another key, signed by nobody in particular. */
    pki_intermediate(&spec, "root", "middle", NULL, KIT_KEY(4));
    kit_sign(&spec, KIT_KEY(5), &fake);
    plain_leaf(&end, "middle", KIT_KEY(1));
    HF_CHECK_OK(judge1(KIT_CERTS(&good_root), KIT_CERTS(&end, &fake, &real), NULL));
    HF_CHECK_OK(judge1(KIT_CERTS(&good_root), KIT_CERTS(&end, &real, &fake), NULL));
    HF_CHECK_CODE(judge1(KIT_CERTS(&good_root), KIT_CERTS(&end, &fake), NULL),
                  HF_E_UNKNOWN_AUTHORITY);
}

static void a_hundred_authorities_are_searched(void)
{
    enum { N = 100 };
    struct pki_cert *roots = hf_mem_new_array(N, sizeof(*roots));
    const struct pki_cert *list[N];
    static struct pki_cert ends[2], unknown;
    for (size_t i = 0; i < N; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "root %zu", i);
        kit_root(&roots[i], name, KIT_KEY(i % 6));
        list[i] = &roots[i];
    }
    struct hf_bundle_set *set = kit_set1("a.example", (struct kit_certs){list, N});
    kit_leaf(&ends[0], "root 0", KIT_KEY(0), ID);
    kit_leaf(&ends[1], "root 99", KIT_KEY(99 % 6), ID);
    kit_leaf(&unknown, "root 100", KIT_KEY(100 % 6), ID);
    HF_CHECK_OK(kit_judge(set, KIT_CERTS(&ends[0]), NULL));
    HF_CHECK_OK(kit_judge(set, KIT_CERTS(&ends[1]), NULL));
    HF_CHECK_CODE(kit_judge(set, KIT_CERTS(&unknown), NULL), HF_E_UNKNOWN_AUTHORITY);
    hf_bundle_set_unref(set);
    hf_mem_free(roots);
}

/* C10: seven CAs that could each have issued the leaf and, in turns, each other. */
static void look_alike_intermediates_are_bounded(void)
{
    static struct pki_cert ring[7], anchor, end;
    plain_root(&anchor, "x", KIT_KEY(0));
    for (size_t i = 0; i < 7; i++) {
        struct pki_spec spec;
        const char *issuer = i % 2 == 0 ? "y" : "x";
        const char *subject = i % 2 == 0 ? "x" : "y";
        pki_intermediate(&spec, issuer, subject, NULL, KIT_KEY(5));
        kit_sign(&spec, KIT_KEY(5), &ring[i]);
    }
    plain_leaf(&end, "x", KIT_KEY(5));
    /* The bundle's name is "x" too, with another key: every second step could end there. */
    HF_CHECK_CODE(judge1(KIT_CERTS(&anchor),
                         KIT_CERTS(&end, &ring[0], &ring[1], &ring[2], &ring[3], &ring[4], &ring[5],
                                   &ring[6]),
                         NULL),
                  HF_E_PATH_SEARCH_LIMIT);
}

/* C10: signatures that are known to be wrong are not looked at again, and attempts are counted. */
static void authorities_of_one_name_are_bounded(void)
{
    enum { N = 70 };
    struct pki_cert *roots = hf_mem_new_array(N, sizeof(*roots));
    const struct pki_cert *list[N];
    for (size_t i = 0; i < N; i++) {
        plain_root(&roots[i], "same", KIT_KEY(i % 5));
        list[i] = &roots[i];
    }
    static struct pki_cert end;
    plain_leaf(&end, "same", KIT_KEY(5));
    struct hf_bundle_set *few = kit_set1("a.example", (struct kit_certs){list, HF_PATHS_MAX});
    struct hf_bundle_set *many = kit_set1("a.example", (struct kit_certs){list, N});
    HF_CHECK_CODE(kit_judge(few, KIT_CERTS(&end), NULL), HF_E_UNKNOWN_AUTHORITY);
    HF_CHECK_CODE(kit_judge(many, KIT_CERTS(&end), NULL), HF_E_PATH_SEARCH_LIMIT);
    HF_CHECK(kit_claimed(ID));
    hf_bundle_set_unref(few);
    hf_bundle_set_unref(many);
    hf_mem_free(roots);
}

/* C10: a step whose signature is wrong is looked at once, however many paths it is on. */
static void a_wrong_signature_is_looked_at_once(void)
{
    enum { N = 70 };
    struct pki_cert *roots = hf_mem_new_array(N, sizeof(*roots));
    const struct pki_cert *list[N];
    for (size_t i = 0; i < N; i++) {
        plain_root(&roots[i], "root", KIT_KEY(0)); /* another serial number each */
        list[i] = &roots[i];
    }
    static struct pki_cert forged;
    forged = leaf;
    forged.der[forged.len - 1] ^= 1;
    struct hf_bundle_set *set = kit_set1("a.example", (struct kit_certs){list, N});
    HF_CHECK_OK(kit_judge(set, KIT_CERTS(&leaf, &i1, &i2, &i3), NULL));
    HF_CHECK_CODE(kit_judge(set, KIT_CERTS(&forged, &i1, &i2, &i3), NULL), HF_E_BAD_SIGNATURE);
    HF_CHECK(kit_depth() == 0);
    hf_bundle_set_unref(set);
    hf_mem_free(roots);
}

/* The walk itself, counted: it ends, and says when it was cut off. */
static void the_walk_ends(void)
{
    static struct pki_cert ring[7], anchor, end;
    struct kit_chain chain;
    kit_root(&anchor, "elsewhere", KIT_KEY(0));
    for (size_t i = 0; i < 7; i++) {
        struct pki_spec spec;
        pki_intermediate(&spec, i % 2 == 0 ? "y" : "x", i % 2 == 0 ? "x" : "y", NULL, KIT_KEY(5));
        kit_sign(&spec, KIT_KEY(5), &ring[i]);
    }
    plain_leaf(&end, "x", KIT_KEY(5));
    struct hf_bundle_set *set = kit_set1("a.example", KIT_CERTS(&anchor));
    struct hf_presented in = {
        .chain = kit_chain(&chain, KIT_CERTS(&end, &ring[0], &ring[1], &ring[2], &ring[3], &ring[4],
                                             &ring[5], &ring[6]))};
    struct hf_pool pool;
    struct hf_search search;
    HF_CHECK_OK(hf_pool_init(&in, &pool));
    hf_search_init(&pool, set->bundles[0], &search);
    HF_CHECK(!hf_search_next(&search));
    HF_CHECK(search.exhausted);
    HF_CHECK(search.walked == HF_WALK_MAX + 1);
    HF_CHECK(!hf_search_next(&search));
    hf_pool_wipe(&pool);
    HF_CHECK_CODE(kit_judge(set,
                            KIT_CERTS(&end, &ring[0], &ring[1], &ring[2], &ring[3], &ring[4],
                                      &ring[5], &ring[6]),
                            NULL),
                  HF_E_PATH_SEARCH_LIMIT);
    hf_bundle_set_unref(set);
}

static void nothing_is_left(void)
{
    HF_CHECK(hf_mem_live() == 0);
}

HF_TESTS({"make the world", make_world},
         {"intermediates may come in any order", intermediates_may_come_in_any_order},
         {"the first certificate is the leaf", the_first_certificate_is_the_leaf},
         {"a missing intermediate is named", a_missing_intermediate_is_named},
         {"duplicates and strangers do no harm", duplicates_and_strangers_do_no_harm},
         {"a presented root is not part of the path twice",
          a_presented_root_is_not_part_of_the_path_twice},
         {"an intermediate can be an authority", an_intermediate_can_be_an_authority},
         {"no path leads through an authority", no_path_leads_through_an_authority},
         {"two roots of one name both work", two_roots_of_one_name_both_work},
         {"cross-signed authorities work", cross_signed_authorities_work},
         {"a key rollover certificate works", a_key_rollover_certificate_works},
         {"the long way is found too", the_long_way_is_found_too},
         {"a wrong signature is looked at once", a_wrong_signature_is_looked_at_once},
         {"a bad candidate does not hide a good one", a_bad_candidate_does_not_hide_a_good_one},
         {"a hundred authorities are searched", a_hundred_authorities_are_searched},
         {"look-alike intermediates are bounded", look_alike_intermediates_are_bounded},
         {"authorities of one name are bounded", authorities_of_one_name_are_bounded},
         {"the walk ends", the_walk_ends}, {"nothing is left", nothing_is_left})
