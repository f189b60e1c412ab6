/* SPDX-License-Identifier: Apache-2.0
 *
 * Fail closed: allocations that fail one after the other, inside OpenSSL too; junk in OpenSSL's
 * error queue (C13); many threads on one set of bundles.
 */
#include <openssl/err.h>
#include <pthread.h>

#include "hf_test.h"
#include "kit.h"
#include "ossl_memory.h"

#define ID "spiffe://a.example/web"

static struct pki_cert root, middle, leaf, forged, expired, old_middle, other_root, other_middle;
static struct hf_bundle_set *set;

/* Bundles that have seen no chain yet. */
static struct hf_bundle_set *make_set(void)
{
    struct hf_bundle *bundles[2] = {kit_bundle("a.example", KIT_CERTS(&root)),
                                    kit_bundle("b.example", KIT_CERTS(&root))};
    return kit_set(bundles, 2);
}

static void make_world(void)
{
    struct pki_spec spec;
    kit_root(&root, "root", KIT_KEY(0));
    kit_intermediate(&middle, "root", KIT_KEY(0), "middle", KIT_KEY(1));
    kit_leaf(&leaf, "middle", KIT_KEY(1), ID);
    kit_leaf(&forged, "middle", KIT_KEY(1), ID);
    forged.der[forged.len - 1] ^= 1;
    pki_leaf(&spec, "middle", ID, KIT_LEAF_KEY);
    pki_add_key_ids(&spec, KIT_KEY(1));
    spec.not_after = PKI_NOW - 1;
    kit_sign(&spec, KIT_KEY(1), &expired);
    pki_intermediate(&spec, "root", "middle", NULL, KIT_KEY(1));
    pki_add_key_ids(&spec, KIT_KEY(0));
    spec.not_after = PKI_NOW - 1;
    kit_sign(&spec, KIT_KEY(0), &old_middle);
    kit_root(&other_root, "other root", KIT_KEY(2));
    kit_intermediate(&other_middle, "other root", KIT_KEY(2), "middle", KIT_KEY(1));
    set = make_set();
}

static bool is_nobody(const struct hf_peer *peer)
{
    static const struct hf_peer nobody;
    return hf_mem_equal(peer, sizeof(*peer), &nobody, sizeof(nobody));
}

static hf_result judge(enum hf_way way, const struct hf_bundle_set *by, struct kit_certs presented,
                       struct hf_peer *out)
{
    struct kit_ask ask = {HF_RULES_STRICT, HF_PURPOSE_EITHER, PKI_NOW};
    return kit_judge_by(way, by, presented, ask, out);
}

/* Judge with the k-th allocation failing, for every k; returns how many there are. Each time by
 * bundles that remember nothing, in a thread that may. */
static size_t sweep(enum hf_way way, struct kit_certs presented, bool good)
{
    hf_result first = judge(way, set, presented, NULL);
    HF_CHECK(hf_is_ok(first) == good);
    for (size_t k = 1; k < 10000; k++) {
        struct hf_peer peer;
        struct hf_bundle_set *fresh = make_set();
        atomic_store(&countdown, k);
        hf_result r = judge(way, fresh, presented, &peer);
        /* Still waiting to fail: there were fewer than k. */
        bool done = atomic_exchange(&countdown, 0) != 0;
        hf_bundle_set_unref(fresh);
        HF_CHECK(hf_is_ok(r) ? good && !is_nobody(&peer) : is_nobody(&peer));
        if (done) {
            HF_CHECK(r.code == first.code);
            return k - 1;
        }
    }
    HF_CHECK(false);
    return 0;
}

static size_t sweep_all(enum hf_way way)
{
    size_t failures = sweep(way, KIT_CERTS(&leaf, &middle), true);
    failures += sweep(way, KIT_CERTS(&forged, &middle), false);
    failures += sweep(way, KIT_CERTS(&leaf), false);
    failures += sweep(way, KIT_CERTS(&leaf, &old_middle), false);
    return failures + sweep(way, KIT_CERTS(&expired, &middle), false);
}

/* Fail closed: never a good word for a bad chain, never half a peer. A leak would grow with every
 * sweep; OpenSSL's error queue keeps a block for each of its 16 entries. */
static void every_failing_allocation_refuses(void)
{
    size_t failures = sweep_all(HF_WAY_GENERAL);
    HF_CHECK(failures > 1000);
    HF_CHECK(sweep_all(HF_WAY_ANY) > 100);
    size_t before = hf_mem_live();
    HF_CHECK(sweep_all(HF_WAY_GENERAL) == failures);
    HF_CHECK(sweep_all(HF_WAY_ANY) > 100);
    HF_CHECK(hf_mem_live() <= before + 16);
    HF_CHECK_OK(kit_judge(set, KIT_CERTS(&leaf, &middle), NULL));
}

/* A path that could not be looked at is no path that failed: no other is taken for it. */
static void a_failure_ends_the_search(void)
{
    struct hf_peer peer;
    struct kit_certs presented = KIT_CERTS(&leaf, &middle, &other_middle);
    struct hf_bundle_set *both = kit_set1("a.example", KIT_CERTS(&root, &other_root));
    HF_CHECK_OK(judge(HF_WAY_GENERAL, both, presented, &peer));
    atomic_store(&countdown, 1);
    hf_result r = judge(HF_WAY_GENERAL, both, presented, &peer);
    HF_CHECK(atomic_exchange(&countdown, 0) == 0);
    HF_CHECK(hf_code_category(r.code) == HF_CATEGORY_INTERNAL && is_nobody(&peer));
    hf_bundle_set_unref(both);
}

static void junk(void)
{
    for (int i = 0; i < 20; i++) {
        ERR_raise(ERR_LIB_X509, X509_R_CERT_ALREADY_IN_HASH_TABLE);
        ERR_raise(ERR_LIB_EVP, ERR_R_MALLOC_FAILURE);
    }
}

/* C13: verdicts come from return codes; what earlier work left in the queue changes none. */
static void junk_in_the_error_queue_changes_nothing(void)
{
    struct hf_error clean;
    HF_CHECK_CODE(kit_judge(set, KIT_CERTS(&forged, &middle), NULL), HF_E_BAD_SIGNATURE);
    hf_error_copy(&clean);
    junk();
    HF_CHECK_OK(kit_judge(set, KIT_CERTS(&leaf, &middle), NULL));
    HF_CHECK(ERR_peek_error() == 0);
    junk();
    HF_CHECK_CODE(kit_judge(set, KIT_CERTS(&forged, &middle), NULL), HF_E_BAD_SIGNATURE);
    HF_CHECK(hf_error_current()->openssl_reason == clean.openssl_reason);
    HF_CHECK(ERR_peek_error() == 0);
    junk();
    HF_CHECK_CODE(kit_judge(set, KIT_CERTS(&expired, &middle), NULL), HF_E_CERT_EXPIRED);
    ERR_clear_error();
}

enum { THREADS = 4, ROUNDS = 60 };

/* Each thread counts its own surprises: checks are not made for threads. */
static void *judge_in_a_thread(void *surprises)
{
    size_t *count = surprises;
    for (int i = 0; i < ROUNDS; i++) {
        struct hf_peer peer;
        if (!hf_is_ok(kit_judge(set, KIT_CERTS(&leaf, &middle), &peer)) || peer.path_length != 3) {
            ++*count;
        }
        if (kit_judge(set, KIT_CERTS(&forged, &middle), &peer).code != HF_E_BAD_SIGNATURE) {
            ++*count;
        }
        if (kit_judge(set, KIT_CERTS(&leaf), &peer).code != HF_E_UNKNOWN_AUTHORITY) {
            ++*count;
        }
    }
    return NULL;
}

/* Under TSan: one set of bundles, many threads, no lock and no race. */
static void threads_share_bundles(void)
{
    pthread_t threads[THREADS];
    size_t surprises[THREADS] = {0};
    for (size_t i = 0; i < THREADS; i++) {
        HF_CHECK(pthread_create(&threads[i], NULL, judge_in_a_thread, &surprises[i]) == 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        HF_CHECK(pthread_join(threads[i], NULL) == 0);
        HF_CHECK(surprises[i] == 0);
    }
    hf_bundle_set_unref(set);
}

HF_TESTS({"make the world", make_world},
         {"every failing allocation refuses", every_failing_allocation_refuses},
         {"a failure ends the search", a_failure_ends_the_search},
         {"junk in the error queue changes nothing", junk_in_the_error_queue_changes_nothing},
         {"threads share bundles", threads_share_bundles})
