/* SPDX-License-Identifier: Apache-2.0
 *
 * D9: a store while its process forks, and in the child: what is asked then, and whose sessions
 * are let go. With real handshakes and a real fork: test_tls_resume_store.c.
 */
#include "hf_test.h"
#include "kit.h"
#include "tls/session.h"
#include "tls/session_store_inner.h"
#include "verify/peer.h"

#define LATER INT64_MAX

static struct hf_session_store *store;
static const uint8_t key[HF_DIGEST_SIZE] = {1, 2, 3};
static const uint8_t other_key[HF_DIGEST_SIZE] = {4, 5, 6};

static void start(void)
{
    HF_CHECK_OK(hf_session_store_new(0, 0, &store));
    HF_CHECK_OK(hf_session_init());
}

/* One of TLS 1.3. Its facts have a second reference, by which its end is seen. */
static SSL_SESSION *make(struct hf_session_facts **facts)
{
    static const struct hf_session_facts head;
    struct hf_peer nobody;
    SSL_SESSION *session = SSL_SESSION_new();
    hf_peer_clear(&nobody);
    HF_CHECK(SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) == 1);
    HF_CHECK_OK(hf_session_facts_new(&head, &nobody, facts));
    hf_refcount_take(&(*facts)->refs);
    HF_CHECK_OK(hf_session_facts_put(session, *facts));
    return session;
}

/* The session of these facts is gone. */
static bool is_gone(struct hf_session_facts *facts)
{
    bool last = hf_refcount_drop(&facts->refs);
    hf_mem_free(facts);
    return last;
}

static uint64_t entries(void)
{
    struct hf_session_statistics now;
    hf_session_store_statistics(store, &now);
    return now.entries;
}

/* Nobody waits for the fork: there is no session, and a new one is let go. */
static void a_fork_that_is_under_way(void)
{
    struct hf_session_facts *facts[3];
    hf_session_store_put(store, key, make(&facts[0]), LATER, 1);
    store->forks.before(&store->forks);
    HF_CHECK(hf_session_store_take(store, key) == NULL);
    hf_session_store_forget(store, key);
    hf_session_store_put(store, other_key, make(&facts[1]), LATER, 1);
    HF_CHECK(is_gone(facts[1]));
    store->forks.in_parent(&store->forks);
    HF_CHECK(entries() == 1);
    SSL_SESSION *taken = hf_session_store_take(store, key);
    HF_CHECK(hf_session_facts_of(taken) == facts[0]);
    SSL_SESSION_free(taken);
    HF_CHECK(is_gone(facts[0]));
    HF_CHECK(hf_session_store_take(store, other_key) == NULL);
    hf_session_store_put(store, key, make(&facts[2]), LATER, 1);
    hf_session_store_forget(store, key);
    HF_CHECK(entries() == 0 && is_gone(facts[2]));
}

/* The parent's sessions are not the child's: whatever it asks first, they are gone then. */
static void in_the_child(void)
{
    for (int i = 0; i < 4; i++) {
        struct hf_session_facts *parents;
        struct hf_session_facts *own;
        hf_session_store_put(store, key, make(&parents), LATER, 1);
        store->forks.before(&store->forks);
        store->forks.in_child(&store->forks);
        HF_CHECK(entries() == 0);
        switch (i) {
        case 0:
            HF_CHECK(hf_session_store_take(store, key) == NULL);
            break;
        case 1:
            hf_session_store_forget(store, key);
            break;
        case 2:
            hf_session_store_clear(store);
            break;
        default:
            break;
        }
        hf_session_store_put(store, key, make(&own), LATER, 2);
        HF_CHECK(is_gone(parents));
        HF_CHECK(entries() == 1);
        SSL_SESSION *taken = hf_session_store_take(store, key);
        HF_CHECK(hf_session_facts_of(taken) == own);
        SSL_SESSION_free(taken);
        HF_CHECK(is_gone(own) && hf_session_store_take(store, key) == NULL);
    }
}

static void what_is_asked_is_counted(void)
{
    struct hf_session_statistics before;
    struct hf_session_statistics now;
    struct hf_session_facts *facts;
    hf_session_store_statistics(store, &before);
    HF_CHECK(hf_session_store_take(store, key) == NULL);
    hf_session_store_put(store, key, make(&facts), LATER, 1);
    SSL_SESSION_free(hf_session_store_take(store, key));
    hf_session_store_refused(store);
    hf_session_store_statistics(store, &now);
    HF_CHECK(now.misses == before.misses + 1 && now.hits == before.hits + 1);
    HF_CHECK(now.inserts == before.inserts + 1 && now.refused == before.refused + 1);
    HF_CHECK(is_gone(facts));
}

static void its_age_has_a_limit(void)
{
    const int64_t ages[] = {0, 1, HF_SESSION_AGE_MAX};
    for (size_t i = 0; i < 3; i++) {
        struct hf_session_store *one;
        HF_CHECK_OK(hf_session_store_new(1, ages[i], &one));
        HF_CHECK(hf_session_store_max_age(one) == (i == 0 ? HF_SESSION_AGE : ages[i]));
        hf_session_store_unref(one);
    }
}

/* Statistics and an end for whoever has none. */
static void no_store_is_an_empty_one(void)
{
    struct hf_session_statistics now = {.entries = 1, .hits = 1, .refused = 1};
    hf_session_store_statistics(NULL, &now);
    HF_CHECK(now.entries == 0 && now.hits == 0 && now.refused == 0);
    hf_session_store_clear(NULL);
    HF_CHECK(hf_session_store_ref(NULL) == NULL);
    hf_session_store_unref(NULL);
}

static void what_is_left_goes_with_it(void)
{
    struct hf_session_facts *facts;
    hf_session_store_put(store, key, make(&facts), LATER, 1);
    hf_session_store_unref(hf_session_store_ref(store));
    HF_CHECK(entries() == 1);
    hf_session_store_unref(store);
    HF_CHECK(is_gone(facts));
    HF_CHECK(hf_mem_live() == 0);
}

HF_TESTS({"start", start}, {"a fork that is under way", a_fork_that_is_under_way},
         {"in the child", in_the_child}, {"what is asked is counted", what_is_asked_is_counted},
         {"its age has a limit", its_age_has_a_limit},
         {"no store is an empty one", no_store_is_an_empty_one},
         {"what is left goes with it", what_is_left_goes_with_it})
