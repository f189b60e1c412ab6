/* SPDX-License-Identifier: Apache-2.0
 *
 * Intermediates are verified once for each bundle, and only what holds is remembered.
 */
#include "verify/issuer_memory.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hf_test.h"
#include "kit.h"
#include "verify/fast.h"
#include "verify/signature.h"

#define ID "spiffe://a.example/web"

static struct pki_cert root, other_root, middle, lower, leaf, deep_leaf;

static void make_world(void)
{
    kit_root(&root, "root", KIT_KEY(0));
    kit_root(&other_root, "root", KIT_KEY(3));
    kit_intermediate(&middle, "root", KIT_KEY(0), "middle", KIT_KEY(1));
    kit_intermediate(&lower, "middle", KIT_KEY(1), "lower", KIT_KEY(2));
    kit_leaf(&leaf, "middle", KIT_KEY(1), ID);
    kit_leaf(&deep_leaf, "lower", KIT_KEY(2), ID);
}

/* Signatures that one judgement verifies. */
static uint64_t cost(const struct hf_bundle_set *set, struct kit_certs presented, uint32_t code)
{
    uint64_t before = hf_signature_count();
    HF_CHECK_CODE(kit_judge(set, presented, NULL), code);
    return hf_signature_count() - before;
}

static size_t remembered(const struct hf_bundle_set *set)
{
    return hf_issuer_memory_count(set->bundles[0]);
}

static void an_intermediate_costs_one_signature_once(void)
{
    struct hf_bundle_set *set = kit_set1("a.example", KIT_CERTS(&root));
    HF_CHECK(remembered(set) == 0);
    HF_CHECK(cost(set, KIT_CERTS(&leaf, &middle), HF_OK) == 2);
    HF_CHECK(remembered(set) == 1);
    for (int i = 0; i < 10; i++) {
        static struct pki_cert another;
        kit_leaf(&another, "middle", KIT_KEY(1), ID);
        HF_CHECK(cost(set, KIT_CERTS(&another, &middle), HF_OK) == 1);
    }
    HF_CHECK(remembered(set) == 1);
    HF_CHECK(cost(set, KIT_CERTS(&deep_leaf, &middle, &lower), HF_OK) == 2);
    HF_CHECK(cost(set, KIT_CERTS(&deep_leaf, &lower, &middle), HF_OK) == 1);
    HF_CHECK(remembered(set) == 2);
    hf_bundle_set_unref(set);
}

/* The issuers alone, as they are asked for by who checks the leaf in another way. */
static unsigned verified_of(const struct hf_bundle_set *set, struct kit_certs presented,
                            uint32_t code)
{
    static struct kit_chain chain;
    struct hf_pool pool;
    struct hf_search search;
    struct hf_signer *const before = set->bundles[0]->authorities[0].signer;
    struct hf_signer *signer = before;
    struct hf_presented in = {.chain = kit_chain(&chain, presented)};
    HF_CHECK_OK(hf_pool_init(&in, &pool));
    hf_search_init(&pool, set->bundles[0], &search);
    HF_CHECK(hf_search_next(&search));
    HF_CHECK_CODE(hf_fast_issuers(&pool, set->bundles[0], &search.path, &signer), code);
    HF_CHECK(signer != before && (signer != NULL) == (code == HF_OK));
    hf_signer_unref(signer);
    hf_pool_wipe(&pool);
    return pool.issuers_verified;
}

static void issuers_are_counted_when_they_are_verified(void)
{
    static struct pki_cert forged;
    struct hf_bundle_set *set = kit_set1("a.example", KIT_CERTS(&root));
    forged = lower;
    forged.der[forged.len - 1] ^= 1;
    HF_CHECK(verified_of(set, KIT_CERTS(&deep_leaf, &forged, &middle), HF_E_BAD_SIGNATURE) == 2);
    HF_CHECK(verified_of(set, KIT_CERTS(&deep_leaf, &lower, &middle), HF_OK) == 1);
    HF_CHECK(verified_of(set, KIT_CERTS(&deep_leaf, &lower, &middle), HF_OK) == 0);
    hf_bundle_set_unref(set);
}

/* C3, C4: another snapshot knows nothing of it, even one with the same content. */
static void the_memory_is_of_one_bundle(void)
{
    struct hf_bundle_set *set = kit_set1("a.example", KIT_CERTS(&root));
    struct hf_bundle_set *again = kit_set1("a.example", KIT_CERTS(&root));
    struct hf_bundle_set *rotated = kit_set1("a.example", KIT_CERTS(&other_root));
    HF_CHECK(cost(set, KIT_CERTS(&leaf, &middle), HF_OK) == 2);
    HF_CHECK(cost(again, KIT_CERTS(&leaf, &middle), HF_OK) == 2);
    (void)cost(rotated, KIT_CERTS(&leaf, &middle), HF_E_UNKNOWN_AUTHORITY);
    HF_CHECK(remembered(set) == 1 && remembered(again) == 1 && remembered(rotated) == 0);
    hf_bundle_set_unref(set);
    hf_bundle_set_unref(again);
    hf_bundle_set_unref(rotated);
}

/* Two authorities of one name without key identifiers: what one of them signed the other did not.
 */
static void what_one_key_signed_another_did_not(void)
{
    struct pki_spec spec;
    static struct pki_cert roots[2], plain_middle, plain_leaf;
    for (size_t i = 0; i < 2; i++) {
        pki_authority(&spec, "twin", NULL, KIT_KEY(i == 0 ? 0 : 3));
        kit_sign(&spec, KIT_KEY(i == 0 ? 0 : 3), &roots[i]);
    }
    pki_intermediate(&spec, "twin", "middle", NULL, KIT_KEY(1));
    kit_sign(&spec, KIT_KEY(0), &plain_middle);
    pki_leaf(&spec, "middle", ID, KIT_LEAF_KEY);
    kit_sign(&spec, KIT_KEY(1), &plain_leaf);
    struct hf_bundle *both = kit_bundle("a.example", KIT_CERTS(&roots[0], &roots[1]));
    struct hf_bundle_set *set = kit_set(&both, 1);
    (void)cost(set, KIT_CERTS(&plain_leaf, &plain_middle), HF_OK);
    HF_CHECK(remembered(set) == 1);
    size_t known = 0;
    for (size_t i = 0; i < 2; i++) {
        struct hf_signer *signer = hf_issuer_memory_find(
            set->bundles[0], set->bundles[0]->authorities[i].signer, pki_span(&plain_middle));
        known += signer != NULL ? 1 : 0;
        hf_signer_unref(signer);
    }
    HF_CHECK(known == 1);
    hf_bundle_set_unref(set);
}

/* C8: a wrong signature is verified each time it is shown. */
static void refusals_never_enter(void)
{
    static struct pki_cert forged, forged_leaf;
    struct hf_bundle_set *set = kit_set1("a.example", KIT_CERTS(&root));
    forged = middle;
    forged.der[forged.len - 1] ^= 1;
    for (int i = 0; i < 3; i++) {
        HF_CHECK(cost(set, KIT_CERTS(&leaf, &forged), HF_E_BAD_SIGNATURE) == 1);
        HF_CHECK(remembered(set) == 0);
    }
    /* One bit beside what is remembered. */
    HF_CHECK(cost(set, KIT_CERTS(&leaf, &middle), HF_OK) == 2);
    HF_CHECK(cost(set, KIT_CERTS(&leaf, &forged), HF_E_BAD_SIGNATURE) == 1);
    /* The leaf is nobody's issuer, whether it is right or wrong. */
    forged_leaf = leaf;
    forged_leaf.der[forged_leaf.len - 1] ^= 1;
    HF_CHECK(cost(set, KIT_CERTS(&forged_leaf, &middle), HF_E_BAD_SIGNATURE) == 1);
    HF_CHECK(remembered(set) == 1);
    hf_bundle_set_unref(set);
}

/* Remembered is a signature, never a verdict: time and rules are looked at each time. */
static void what_is_remembered_still_expires(void)
{
    struct hf_bundle_set *set = kit_set1("a.example", KIT_CERTS(&root));
    struct kit_ask late = {HF_RULES_STRICT, HF_PURPOSE_EITHER, PKI_NOT_AFTER};
    HF_CHECK_OK(kit_judge(set, KIT_CERTS(&leaf, &middle), NULL));
    HF_CHECK_CODE(kit_judge_as(set, KIT_CERTS(&leaf, &middle), late, NULL), HF_E_CERT_EXPIRED);
    hf_bundle_set_unref(set);
}

/* A certificate for the table alone: so many bytes, with this end. */
static struct hf_span fake(uint8_t *bytes, size_t len, uint32_t end)
{
    for (size_t i = 0; i < len; i++) {
        bytes[i] = 0x5a;
    }
    for (size_t i = 0; i < 4; i++) {
        bytes[len - 1 - i] = (uint8_t)(end >> (8 * i));
    }
    return hf_span_of(bytes, len);
}

/* C8: many different ones push each other out, and no more of them stay than there is room for. */
static void it_is_bounded(void)
{
    static uint8_t bytes[HF_ISSUER_DER_MAX + 1];
    struct hf_bundle *bundle = kit_bundle("a.example", KIT_CERTS(&root));
    struct hf_signer *signer = bundle->authorities[0].signer;
    for (uint32_t i = 0; i < 20000; i++) {
        hf_issuer_memory_keep(bundle, signer, fake(bytes, 64, i * 2654435769u), signer);
    }
    size_t full = hf_issuer_memory_count(bundle);
    HF_CHECK(full <= (size_t)HF_ISSUER_SETS * HF_ISSUER_WAYS && full > 900);
    /* The newest is there, and the same again is not entered twice. */
    struct hf_span last = fake(bytes, 64, 19999 * 2654435769u);
    struct hf_signer *found = hf_issuer_memory_find(bundle, signer, last);
    HF_CHECK(found == signer);
    hf_signer_unref(found);
    hf_issuer_memory_keep(bundle, signer, last, signer);
    HF_CHECK(hf_issuer_memory_count(bundle) == full);
    /* The first went long ago. */
    HF_CHECK(hf_issuer_memory_find(bundle, signer, fake(bytes, 64, 0)) == NULL);
    /* Larger than worth keeping; the largest that is. */
    hf_issuer_memory_keep(bundle, signer, fake(bytes, HF_ISSUER_DER_MAX + 1, 7), signer);
    HF_CHECK(hf_issuer_memory_find(bundle, signer, fake(bytes, HF_ISSUER_DER_MAX + 1, 7)) == NULL);
    hf_issuer_memory_keep(bundle, signer, fake(bytes, HF_ISSUER_DER_MAX, 7), signer);
    found = hf_issuer_memory_find(bundle, signer, fake(bytes, HF_ISSUER_DER_MAX, 7));
    HF_CHECK(found == signer);
    hf_signer_unref(found);
    HF_CHECK(hf_issuer_memory_find(bundle, signer, hf_span_of(NULL, 0)) == NULL);
    hf_bundle_unref(bundle);
}

/* Each of the last four bytes counts: who varies one of them alone fills more than one set. */
static void certificates_are_spread_by_their_ends(void)
{
    uint8_t bytes[64];
    for (uint32_t place = 0; place < 4; place++) {
        struct hf_bundle *bundle = kit_bundle("a.example", KIT_CERTS(&root));
        struct hf_signer *signer = bundle->authorities[0].signer;
        for (uint32_t value = 0; value < 256; value++) {
            hf_issuer_memory_keep(bundle, signer, fake(bytes, 64, value << 8 * place), signer);
        }
        HF_CHECK(hf_issuer_memory_count(bundle) > 200);
        hf_bundle_unref(bundle);
    }
}

/* Without memory nothing is remembered, and nothing is lost. */
static void no_memory_is_no_failure(void)
{
    uint8_t bytes[64];
    struct hf_bundle *bundle = kit_bundle("a.example", KIT_CERTS(&root));
    struct hf_signer *signer = bundle->authorities[0].signer;
    /* Of the table, of the copy behind it; then of the copy, of a set's entries. */
    for (size_t i = 0; i < 4; i++) {
        hf_mem_fail_at(1 + i % 2);
        hf_issuer_memory_keep(bundle, signer, fake(bytes, 64, 1), signer);
        hf_mem_fail_at(0);
        HF_CHECK(hf_issuer_memory_count(bundle) == 0);
    }
    hf_issuer_memory_keep(bundle, signer, fake(bytes, 64, 1), signer);
    HF_CHECK(hf_issuer_memory_count(bundle) == 1);
    hf_bundle_unref(bundle);
}

/* What somebody else is at work with is not known, and not touched; the rest is. */
static void nobody_waits_for_a_lock(void)
{
    uint8_t bytes[64], others[64];
    struct hf_bundle *bundle = kit_bundle("a.example", KIT_CERTS(&root));
    struct hf_signer *signer = bundle->authorities[0].signer;
    struct hf_span der = fake(bytes, 64, 1);
    struct hf_span same_set = fake(others, 64, 1);
    others[0] ^= 1;
    hf_issuer_memory_keep(bundle, signer, der, signer);
    HF_CHECK(hf_issuer_memory_hold(bundle, der) && !hf_issuer_memory_hold(bundle, same_set));
    HF_CHECK(hf_issuer_memory_find(bundle, signer, der) == NULL);
    hf_issuer_memory_keep(bundle, signer, same_set, signer);
    HF_CHECK(hf_issuer_memory_count(bundle) == 0);
    hf_issuer_memory_release(bundle, der);
    HF_CHECK(hf_issuer_memory_count(bundle) == 1);
    struct hf_signer *found = hf_issuer_memory_find(bundle, signer, der);
    HF_CHECK(found == signer);
    hf_signer_unref(found);
    HF_CHECK(hf_issuer_memory_hold(bundle, same_set));
    hf_issuer_memory_release(bundle, same_set);
    hf_bundle_unref(bundle);
}

enum { THREADS = 4, ROUNDS = 200 };
static struct hf_bundle_set *shared;

/* Judgements that meet the same intermediates first, and others that push them out. */
static void *crowd(void *arg)
{
    size_t *surprises = arg;
    uint8_t bytes[64];
    struct hf_bundle *bundle = shared->bundles[0];
    struct hf_signer *signer = bundle->authorities[0].signer;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        struct kit_certs presented = KIT_CERTS(&deep_leaf, &lower, &middle);
        *surprises += hf_is_ok(kit_judge(shared, presented, NULL)) ? 0 : 1;
        for (uint32_t k = 0; k < 8; k++) {
            hf_issuer_memory_keep(bundle, signer, fake(bytes, 64, (i * 8 + k) * 40503u), signer);
            hf_signer_unref(hf_issuer_memory_find(bundle, signer, fake(bytes, 64, i * 40503u)));
        }
    }
    return NULL;
}

static void threads_share_one_memory(void)
{
    pthread_t threads[THREADS];
    size_t surprises[THREADS] = {0};
    shared = kit_set1("a.example", KIT_CERTS(&root));
    for (size_t i = 0; i < THREADS; i++) {
        HF_CHECK(pthread_create(&threads[i], NULL, crowd, &surprises[i]) == 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        HF_CHECK(pthread_join(threads[i], NULL) == 0);
        HF_CHECK(surprises[i] == 0);
    }
}

static atomic_bool stop;

static void *hold_locks(void *unused)
{
    uint8_t bytes[64];
    struct hf_bundle *bundle = shared->bundles[0];
    struct hf_signer *signer = bundle->authorities[0].signer;
    for (uint32_t i = 0; !atomic_load(&stop); i++) {
        hf_issuer_memory_keep(bundle, signer, fake(bytes, 64, i), signer);
    }
    return unused;
}

/* D9: whatever a thread was in the middle of, a child finds its way without it. */
static void a_child_never_waits_for_the_memory(void)
{
    pthread_t thread;
    HF_CHECK(pthread_create(&thread, NULL, hold_locks, NULL) == 0);
    for (int i = 0; i < 20; i++) {
        pid_t child = fork();
        if (child == 0) {
            (void)alarm(60);
            uint8_t bytes[64];
            struct hf_bundle *bundle = shared->bundles[0];
            for (uint32_t k = 0; k < 2000; k++) {
                hf_signer_unref(hf_issuer_memory_find(bundle, bundle->authorities[0].signer,
                                                      fake(bytes, 64, k)));
            }
            struct kit_certs presented = KIT_CERTS(&deep_leaf, &lower, &middle);
            _exit(hf_is_ok(kit_judge(shared, presented, NULL)) ? 0 : 1);
        }
        int status = -1;
        HF_CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    }
    atomic_store(&stop, true);
    HF_CHECK(pthread_join(thread, NULL) == 0);
    hf_bundle_set_unref(shared);
}

static void nothing_is_left(void)
{
    HF_CHECK(hf_mem_live() == 0);
}

HF_TESTS({"make the world", make_world},
         {"an intermediate costs one signature, once", an_intermediate_costs_one_signature_once},
         {"issuers are counted when they are verified", issuers_are_counted_when_they_are_verified},
         {"the memory is of one bundle", the_memory_is_of_one_bundle},
         {"what one key signed another did not", what_one_key_signed_another_did_not},
         {"refusals never enter", refusals_never_enter},
         {"what is remembered still expires", what_is_remembered_still_expires},
         {"it is bounded", it_is_bounded},
         {"certificates are spread by their ends", certificates_are_spread_by_their_ends},
         {"no memory is no failure", no_memory_is_no_failure},
         {"nobody waits for a lock", nobody_waits_for_a_lock},
         {"threads share one memory", threads_share_one_memory},
         {"a child never waits for the memory", a_child_never_waits_for_the_memory},
         {"nothing is left", nothing_is_left})
