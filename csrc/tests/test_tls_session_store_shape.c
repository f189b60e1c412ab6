/* SPDX-License-Identifier: Apache-2.0
 *
 * R10: a store of any size: how many sessions it may have, in how many parts, and that all of its
 * parts are told of a fork (D9) and are let go at the end.
 */
#include "hf_test.h"
#include "tls/session.h"
#include "tls/session_store_inner.h"
#include "verify/peer.h"

#define SHARDS 16

static struct hf_session_store *store_of(size_t entries)
{
    struct hf_session_store *store;
    HF_CHECK_OK(hf_session_store_new(entries, 0, &store));
    return store;
}

/* At most as many as were asked for; a shard has 64 at least, or it is the only one. */
static void its_size_decides_its_parts(void)
{
    static const struct {
        size_t entries;
        uint32_t shards;
        uint32_t sets;
        uint32_t ways;
    } rows[] = {
        {0, 16, HF_SESSION_ENTRIES / 16 / 8, 8},
        {1, 1, 1, 1},
        {2, 1, 1, 2},
        {7, 1, 1, 7},
        {8, 1, 1, 8},
        {9, 1, 1, 8},
        {16, 1, 2, 8},
        {127, 1, 15, 8},
        {128, 2, 8, 8},
        {255, 2, 15, 8},
        {256, 4, 8, 8},
        {1023, 8, 15, 8},
        {1024, 16, 8, 8},
        {HF_SESSION_ENTRIES_MAX, 16, HF_SESSION_ENTRIES_MAX / 16 / 8, 8},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hf_session_statistics now;
        struct hf_session_store *store = store_of(rows[i].entries);
        HF_CHECK(store->shard_count == rows[i].shards);
        for (uint32_t k = 0; k < store->shard_count; k++) {
            HF_CHECK(store->shards[k].table.sets == rows[i].sets);
            HF_CHECK(store->shards[k].table.ways == rows[i].ways);
        }
        hf_session_store_statistics(store, &now);
        HF_CHECK(now.entries == 0 && now.refused == 0 && now.inserts == 0 && now.misses == 0);
        HF_CHECK(now.max_entries == (uint64_t)rows[i].shards * rows[i].sets * rows[i].ways);
        HF_CHECK(rows[i].entries == 0 || now.max_entries <= rows[i].entries);
        hf_session_store_unref(store);
    }
}

/* And then there is none, and nothing of it is left. */
static void what_is_no_store(void)
{
    static const struct {
        size_t entries;
        int64_t age;
        uint32_t code;
    } rows[] = {
        {HF_SESSION_ENTRIES_MAX + 1, 0, HF_E_BAD_ARGUMENT},
        {SIZE_MAX, 0, HF_E_BAD_ARGUMENT},
        {1, -1, HF_E_BAD_ARGUMENT},
        {1, INT64_MIN, HF_E_BAD_ARGUMENT},
        {1, HF_SESSION_AGE_MAX + 1, HF_E_BAD_ARGUMENT},
        {1, INT64_MAX, HF_E_BAD_ARGUMENT},
        {1, 1, HF_E_OUT_OF_MEMORY},
    };
    struct hf_session_store *some = store_of(1);
    size_t before = hf_mem_live();
    HF_CHECK_CODE(hf_session_store_new(1, 1, NULL), HF_E_BAD_ARGUMENT);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hf_session_store *store = some;
        hf_mem_fail_at(rows[i].code == HF_E_OUT_OF_MEMORY ? 1 : 0);
        HF_CHECK_CODE(hf_session_store_new(rows[i].entries, rows[i].age, &store), rows[i].code);
        hf_mem_fail_at(0);
        HF_CHECK(store == NULL && hf_mem_live() == before);
    }
    hf_session_store_unref(some);
}

/* Nobody guesses where another store keeps something. */
static void each_has_a_seed_of_its_own(void)
{
    struct hf_session_store *one = store_of(1);
    struct hf_session_store *other = store_of(1);
    HF_CHECK(!hf_mem_equal(hf_session_store_seed(one), HF_SESSION_SEED_SIZE,
                           hf_session_store_seed(other), HF_SESSION_SEED_SIZE));
    hf_session_store_unref(one);
    hf_session_store_unref(other);
}

/* ---- all of its shards -------------------------------------------------------------------- */

static struct hf_session_store *store;
static struct hf_session_facts *facts[SHARDS];

/* A key's last byte picks its shard. */
static const uint8_t *key_of(uint8_t shard)
{
    static uint8_t key[HF_DIGEST_SIZE];
    key[HF_DIGEST_SIZE - 1] = shard;
    return key;
}

/* One session in each; its facts have a second reference, by which its end is seen. */
static void start_full(void)
{
    static const struct hf_session_facts head;
    struct hf_peer nobody;
    hf_peer_clear(&nobody);
    HF_CHECK_OK(hf_session_init());
    store = store_of(64 * SHARDS);
    for (uint8_t i = 0; i < SHARDS; i++) {
        SSL_SESSION *session = SSL_SESSION_new();
        HF_CHECK(SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) == 1);
        HF_CHECK_OK(hf_session_facts_new(&head, &nobody, &facts[i]));
        hf_refcount_take(&facts[i]->refs);
        HF_CHECK_OK(hf_session_facts_put(session, facts[i]));
        hf_session_store_put(store, key_of(i), session, INT64_MAX, 1);
        HF_CHECK(store->shards[i].table.live == 1);
    }
}

static void finish(void)
{
    hf_session_store_unref(store);
    for (size_t i = 0; i < SHARDS; i++) {
        HF_CHECK(hf_refcount_drop(&facts[i]->refs));
        hf_mem_free(facts[i]);
    }
}

static size_t takes_all(void)
{
    size_t found = 0;
    for (uint8_t i = 0; i < SHARDS; i++) {
        SSL_SESSION *session = hf_session_store_take(store, key_of(i));
        found += session != NULL;
        SSL_SESSION_free(session);
    }
    return found;
}

static void all_shards_wait_for_a_fork(void)
{
    start_full();
    store->forks.before(&store->forks);
    HF_CHECK(takes_all() == 0);
    store->forks.in_parent(&store->forks);
    HF_CHECK(takes_all() == SHARDS);
    finish();
}

static void no_shard_is_the_childs(void)
{
    start_full();
    store->forks.before(&store->forks);
    store->forks.in_child(&store->forks);
    HF_CHECK(takes_all() == 0);
    for (size_t i = 0; i < SHARDS; i++) {
        HF_CHECK(!store->shards[i].closed && store->shards[i].table.places == NULL);
    }
    finish();
}

static void all_shards_go_with_it(void)
{
    start_full();
    finish();
    HF_CHECK(hf_mem_live() == 0);
}

HF_TESTS({"its size decides its parts", its_size_decides_its_parts},
         {"what is no store", what_is_no_store},
         {"each has a seed of its own", each_has_a_seed_of_its_own},
         {"all shards wait for a fork", all_shards_wait_for_a_fork},
         {"no shard is the child's", no_shard_is_the_childs},
         {"all shards go with it", all_shards_go_with_it})
