/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of a store, forks included.
 */
#include <openssl/rand.h>

#include "tls/session_store_inner.h"
#include "x509/ossl.h"

#define SHARDS_MAX 16

/* ---- forks -------------------------------------------------------------------------------- */

static struct hf_session_store *store_of(struct hf_fork_watch *watch)
{
    return (struct hf_session_store *)(void *)((char *)watch -
                                               offsetof(struct hf_session_store, forks));
}

static void set_closed(struct hf_session_store *store, bool closed)
{
    for (uint32_t i = 0; i < store->shard_count; i++) {
        (void)pthread_mutex_lock(&store->shards[i].lock);
        store->shards[i].closed = closed;
        (void)pthread_mutex_unlock(&store->shards[i].lock);
    }
}

static void before_fork(struct hf_fork_watch *watch)
{
    set_closed(store_of(watch), true);
}

static void after_fork_parent(struct hf_fork_watch *watch)
{
    set_closed(store_of(watch), false);
}

static void after_fork_child(struct hf_fork_watch *watch)
{
    struct hf_session_store *store = store_of(watch);
    for (uint32_t i = 0; i < store->shard_count; i++) {
        (void)pthread_mutex_init(&store->shards[i].lock, NULL);
        store->shards[i].closed = false;
        store->shards[i].stale = true;
    }
}

/* ---- life --------------------------------------------------------------------------------- */

static void destroy(struct hf_session_store *store)
{
    for (uint32_t i = 0; i < store->shard_count; i++) {
        hf_session_shard_clear(&store->shards[i].table);
        (void)pthread_mutex_destroy(&store->shards[i].lock);
    }
    hf_mem_wipe_free(store, sizeof(*store));
}

static hf_result make(size_t entries, struct hf_session_store **out)
{
    uint32_t shards = SHARDS_MAX;
    while (shards > 1 && entries / shards < 8 * HF_SESSION_WAYS) {
        shards /= 2;
    }
    struct hf_session_store *store =
        hf_mem_new(sizeof(*store) + shards * sizeof(struct hf_session_locked));
    HF_NEED_MEM(store);
    hf_refcount_init(&store->refs);
    atomic_init(&store->refused, 0);
    if (RAND_bytes_ex(hf_ossl_ctx(), store->seed, sizeof(store->seed), 0) != 1) {
        hf_mem_free(store);
        HF_FAIL_OSSL(HF_E_OPENSSL);
    }
    uint32_t ways = entries < HF_SESSION_WAYS ? (uint32_t)entries : HF_SESSION_WAYS;
    while (store->shard_count < shards &&
           pthread_mutex_init(&store->shards[store->shard_count].lock, NULL) == 0) {
        struct hf_session_shard *table = &store->shards[store->shard_count++].table;
        table->ways = ways;
        table->sets = (uint32_t)(entries / shards / ways);
    }
    if (store->shard_count < shards) {
        destroy(store);
        HF_FAIL(HF_E_OUT_OF_MEMORY);
    }
    *out = store;
    return hf_ok();
}

hf_result hf_session_store_new(size_t max_entries, int64_t max_age, struct hf_session_store **out)
{
    struct hf_session_store *store = NULL;
    HF_NEED_PTR(out);
    *out = NULL;
    HF_NEED_SEEN(max_entries <= HF_SESSION_ENTRIES_MAX, HF_E_BAD_ARGUMENT,
                 "at most 16777216 sessions", "%zu", max_entries);
    HF_NEED_SEEN(max_age >= 0 && max_age <= HF_SESSION_AGE_MAX, HF_E_BAD_ARGUMENT,
                 "an age of 0 to 86400 seconds", "%lld", (long long)max_age);
    HF_TRY(hf_library_init());
    hf_ossl_clear();
    HF_TRY(make(max_entries == 0 ? HF_SESSION_ENTRIES : max_entries, &store));
    store->max_age = max_age == 0 ? HF_SESSION_AGE : max_age;
    store->forks.before = before_fork;
    store->forks.in_parent = after_fork_parent;
    store->forks.in_child = after_fork_child;
    hf_result r = hf_fork_watch_begin(&store->forks);
    if (!hf_is_ok(r)) {
        destroy(store);
        return r;
    }
    *out = store;
    return hf_ok();
}

struct hf_session_store *hf_session_store_ref(struct hf_session_store *store)
{
    if (store != NULL) {
        hf_refcount_take(&store->refs);
    }
    return store;
}

void hf_session_store_unref(struct hf_session_store *store)
{
    if (store == NULL || !hf_refcount_drop(&store->refs)) {
        return;
    }
    hf_fork_watch_end(&store->forks);
    destroy(store);
}
