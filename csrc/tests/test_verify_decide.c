/* SPDX-License-Identifier: Apache-2.0
 *
 * How much is tried before a refusal (C10), to the last candidate, and what is then told. All
 * names here are ambiguous on purpose and no certificate has key identifiers, so that signatures
 * alone tell candidates apart.
 */
#include "verify/decide.h"

#include "hf_test.h"
#include "kit.h"
#include "verify/path.h"

#define ID "spiffe://a.example/web"

/* Candidates, tried or not: decide.c. */
enum { CANDIDATES_MAX = 1024 };

static struct pki_cert root, same[HF_PATHS_MAX + 1], end;

static void make_authority(struct pki_cert *out, const char *name, EVP_PKEY *key)
{
    struct pki_spec spec;
    pki_authority(&spec, name, NULL, key);
    kit_sign(&spec, key, out);
}

/* A CA of that name and key, signed by `by`, whoever its issuer is said to be. */
static void make_issuer(struct pki_cert *out, const char *issuer, EVP_PKEY *by, const char *name,
                        EVP_PKEY *key)
{
    struct pki_spec spec;
    pki_intermediate(&spec, issuer, name, NULL, key);
    kit_sign(&spec, by, out);
}

static void make_leaf(struct pki_cert *out, const char *issuer, EVP_PKEY *by)
{
    struct pki_spec spec;
    pki_leaf(&spec, issuer, ID, KIT_LEAF_KEY);
    kit_sign(&spec, by, out);
}

/* Keys 0 to 4 are authorities', 5 is never one's. */
static void make_world(void)
{
    make_authority(&root, "root", KIT_KEY(0));
    for (size_t i = 0; i <= HF_PATHS_MAX; i++) {
        make_authority(&same[i], "same", KIT_KEY(i % 5));
    }
    make_leaf(&end, "x", KIT_KEY(5));
}

/* So many authorities called "same", and others beside them. */
static struct hf_bundle_set *make_set(size_t count, struct kit_certs others)
{
    const struct pki_cert *list[HF_PATHS_MAX + 4];
    for (size_t i = 0; i < count; i++) {
        list[i] = &same[i];
    }
    for (size_t i = 0; i < others.count; i++) {
        list[count + i] = others.certs[i];
    }
    return kit_set1("a.example", (struct kit_certs){list, count + others.count});
}

static void check_all(struct hf_bundle_set *set, struct kit_certs presented, uint32_t code)
{
    HF_CHECK_CODE(kit_judge(set, presented, NULL), code);
    hf_bundle_set_unref(set);
}

/* The one that holds comes last: presented ones come behind authorities of the same name. */
static void what_is_behind_the_last_attempt_is_not_tried(void)
{
    static struct pki_cert leaf, good;
    make_leaf(&leaf, "same", KIT_KEY(5));
    make_issuer(&good, "root", KIT_KEY(0), "same", KIT_KEY(5));
    check_all(make_set(HF_PATHS_MAX - 1, KIT_CERTS(&root)), KIT_CERTS(&leaf, &good), HF_OK);
    check_all(make_set(HF_PATHS_MAX, KIT_CERTS(&root)), KIT_CERTS(&leaf, &good),
              HF_E_PATH_SEARCH_LIMIT);
    check_all(make_set(HF_PATHS_MAX, KIT_NO_CERTS), KIT_CERTS(&leaf), HF_E_UNKNOWN_AUTHORITY);
    check_all(make_set(HF_PATHS_MAX + 1, KIT_NO_CERTS), KIT_CERTS(&leaf), HF_E_PATH_SEARCH_LIMIT);
}

/* Looking whether the signatures of what breaks a rule hold is an attempt as well. */
static void what_breaks_a_rule_is_counted_too(void)
{
    static struct pki_cert old;
    struct pki_spec spec;
    pki_intermediate(&spec, "same", "x", NULL, KIT_KEY(5));
    spec.not_after = PKI_NOW - 1;
    kit_sign(&spec, KIT_KEY(5), &old);
    check_all(make_set(HF_PATHS_MAX, KIT_NO_CERTS), KIT_CERTS(&end, &old), HF_E_UNKNOWN_AUTHORITY);
    check_all(make_set(HF_PATHS_MAX + 1, KIT_NO_CERTS), KIT_CERTS(&end, &old),
              HF_E_PATH_SEARCH_LIMIT);
}

/* Three wrong steps, each on two paths, at the leaf and above it: three attempts and no more. The
 * rest of what may be tried is used up by another issuer, to the last. */
static void a_wrong_step_is_tried_once(void)
{
    static struct pki_cert root2, wrong1, wrong2, right, above, last;
    make_authority(&root2, "root", KIT_KEY(0));
    make_issuer(&wrong1, "root", KIT_KEY(0), "x", KIT_KEY(1));
    make_issuer(&wrong2, "root", KIT_KEY(0), "x", KIT_KEY(2));
    make_issuer(&right, "y", KIT_KEY(4), "x", KIT_KEY(5));
    make_issuer(&above, "root", KIT_KEY(0), "y", KIT_KEY(3));
    make_issuer(&last, "same", KIT_KEY(5), "x", KIT_KEY(5));
    struct kit_certs presented = KIT_CERTS(&end, &wrong1, &wrong2, &right, &above, &last);
    check_all(make_set(HF_PATHS_MAX - 3, KIT_CERTS(&root, &root2)), presented, HF_E_BAD_SIGNATURE);
    check_all(make_set(HF_PATHS_MAX - 2, KIT_CERTS(&root, &root2)), presented,
              HF_E_PATH_SEARCH_LIMIT);
}

/* Candidates that need no attempt are counted too. */
static void a_thousand_candidates_are_looked_at(void)
{
    enum { HALF = CANDIDATES_MAX / 2 };
    struct pki_cert *roots = hf_mem_new_array(HALF, sizeof(*roots));
    const struct pki_cert *list[HALF + 1];
    static struct pki_cert wrong[3], lone;
    for (size_t i = 0; i < HALF; i++) {
        make_authority(&roots[i], "root", KIT_KEY(0)); /* another serial number each */
        list[i] = &roots[i];
    }
    make_authority(&lone, "lone", KIT_KEY(0));
    list[HALF] = &lone;
    struct hf_bundle_set *set = kit_set1("a.example", (struct kit_certs){list, HALF + 1});
    make_issuer(&wrong[0], "root", KIT_KEY(0), "x", KIT_KEY(1));
    make_issuer(&wrong[1], "root", KIT_KEY(0), "x", KIT_KEY(2));
    make_issuer(&wrong[2], "lone", KIT_KEY(0), "x", KIT_KEY(3));
    HF_CHECK_CODE(kit_judge(set, KIT_CERTS(&end, &wrong[0], &wrong[1]), NULL), HF_E_BAD_SIGNATURE);
    HF_CHECK_CODE(kit_judge(set, KIT_CERTS(&end, &wrong[0], &wrong[1], &wrong[2]), NULL),
                  HF_E_PATH_SEARCH_LIMIT);
    hf_bundle_set_unref(set);
    hf_mem_free(roots);
}

static void the_first_wrong_signature_is_told(void)
{
    static struct pki_cert low, high;
    struct hf_bundle_set *set = make_set(0, KIT_CERTS(&root));
    make_issuer(&low, "root", KIT_KEY(0), "x", KIT_KEY(1));  /* did not sign the leaf */
    make_issuer(&high, "root", KIT_KEY(4), "x", KIT_KEY(5)); /* was not signed by the root */
    HF_CHECK_CODE(kit_judge(set, KIT_CERTS(&end, &low, &high), NULL), HF_E_BAD_SIGNATURE);
    HF_CHECK(kit_depth() == 0);
    HF_CHECK_CODE(kit_judge(set, KIT_CERTS(&end, &high, &low), NULL), HF_E_UNKNOWN_AUTHORITY);
    HF_CHECK(kit_depth() == 1);
    hf_bundle_set_unref(set);
}

/* The steps that were wrong in one verdict are right in the next, of other bytes in the same
 * places: nothing is taken over, not even from what the first one left on the stack. */
static void verdicts_do_not_know_of_each_other(void)
{
    enum { STRANGER = 2, LEAVES };
    static struct pki_cert leaves[LEAVES];
    static struct kit_chain chains[LEAVES];
    static struct hf_presented in[LEAVES];
    static struct hf_pool pools[LEAVES], pool;
    struct hf_bundle_set *set = make_set(2, KIT_NO_CERTS);
    const struct hf_question question = {.at = PKI_NOW, .trust_domain = HF_SPAN("a.example")};
    struct hf_path path;
    for (size_t i = 0; i < LEAVES; i++) {
        make_leaf(&leaves[i], "same", KIT_KEY(i == STRANGER ? 5 : i));
        in[i] = (struct hf_presented){.chain = kit_chain(&chains[i], KIT_CERTS(&leaves[i]))};
        HF_CHECK_OK(hf_pool_init(&in[i], &pools[i]));
    }
    for (size_t i = 0; i < STRANGER; i++) {
        pool = pools[STRANGER];
        hf_result refused = hf_decide(&pool, set->bundles[0], &question, &path);
        pool = pools[i];
        hf_result accepted = hf_decide(&pool, set->bundles[0], &question, &path);
        HF_CHECK_OK(accepted);
        HF_CHECK(refused.code == HF_E_UNKNOWN_AUTHORITY);
        hf_pool_wipe(&pool);
    }
    hf_bundle_set_unref(set);
}

static void nothing_is_left(void)
{
    HF_CHECK(hf_mem_live() == 0);
}

HF_TESTS({"make the world", make_world},
         {"what is behind the last attempt is not tried",
          what_is_behind_the_last_attempt_is_not_tried},
         {"what breaks a rule is counted too", what_breaks_a_rule_is_counted_too},
         {"a wrong step is tried once", a_wrong_step_is_tried_once},
         {"a thousand candidates are looked at", a_thousand_candidates_are_looked_at},
         {"the first wrong signature is told", the_first_wrong_signature_is_told},
         {"verdicts do not know of each other", verdicts_do_not_know_of_each_other},
         {"nothing is left", nothing_is_left})
