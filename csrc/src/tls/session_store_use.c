/* SPDX-License-Identifier: Apache-2.0
 *
 * What is done with a store: each time one shard's lock, held for a few comparisons.
 */
#include "tls/session_store_inner.h"

const uint8_t *hf_session_store_seed(const struct hf_session_store *store)
{
    return store->seed;
}

int64_t hf_session_store_max_age(const struct hf_session_store *store)
{
    return store->max_age;
}

/* Under the lock; NULL, without it, while a fork is under way. */
static struct hf_session_locked *enter(struct hf_session_store *store,
                                       const uint8_t key[HF_DIGEST_SIZE])
{
    struct hf_session_locked *shard =
        &store->shards[key[HF_DIGEST_SIZE - 1] & (store->shard_count - 1)];
    if (pthread_mutex_lock(&shard->lock) != 0) {
        return NULL;
    }
    if (shard->closed) {
        (void)pthread_mutex_unlock(&shard->lock);
        return NULL;
    }
    if (shard->stale) {
        hf_session_shard_clear(&shard->table);
        shard->stale = false;
    }
    return shard;
}

static void leave(struct hf_session_locked *shard)
{
    (void)pthread_mutex_unlock(&shard->lock);
}

SSL_SESSION *hf_session_store_take(struct hf_session_store *store,
                                   const uint8_t key[HF_DIGEST_SIZE])
{
    struct hf_session_locked *shard = enter(store, key);
    if (shard == NULL) {
        return NULL;
    }
    SSL_SESSION *session = hf_session_shard_take(&shard->table, key);
    leave(shard);
    return session;
}

void hf_session_store_put(struct hf_session_store *store, const uint8_t key[HF_DIGEST_SIZE],
                          SSL_SESSION *session, int64_t deadline, uint32_t per_key)
{
    struct hf_session_place wanted = {.session = session, .deadline = deadline};
    struct hf_session_gone gone = {.count = 0};
    struct hf_session_locked *shard = enter(store, key);
    if (shard == NULL) {
        SSL_SESSION_free(session);
        return;
    }
    (void)hf_mem_copy(wanted.key, sizeof(wanted.key), key, HF_DIGEST_SIZE);
    hf_session_shard_put(&shard->table, &wanted, per_key, &gone);
    leave(shard);
    hf_session_gone_free(&gone);
}

void hf_session_store_forget(struct hf_session_store *store, const uint8_t key[HF_DIGEST_SIZE])
{
    struct hf_session_gone gone = {.count = 0};
    struct hf_session_locked *shard = enter(store, key);
    if (shard == NULL) {
        return;
    }
    hf_session_shard_forget(&shard->table, key, &gone);
    leave(shard);
    hf_session_gone_free(&gone);
}

void hf_session_store_clear(struct hf_session_store *store)
{
    if (store == NULL) {
        return;
    }
    hf_fork_hold();
    for (uint32_t i = 0; i < store->shard_count; i++) {
        (void)pthread_mutex_lock(&store->shards[i].lock);
        hf_session_shard_clear(&store->shards[i].table);
        store->shards[i].stale = false;
        (void)pthread_mutex_unlock(&store->shards[i].lock);
    }
    hf_fork_release();
}

void hf_session_store_refused(struct hf_session_store *store)
{
    atomic_fetch_add_explicit(&store->refused, 1, memory_order_relaxed);
}

void hf_session_store_statistics(struct hf_session_store *store, struct hf_session_statistics *out)
{
    static const struct hf_session_statistics nothing;
    *out = nothing;
    if (store == NULL) {
        return;
    }
    out->refused = atomic_load_explicit(&store->refused, memory_order_relaxed);
    for (uint32_t i = 0; i < store->shard_count; i++) {
        struct hf_session_locked *shard = &store->shards[i];
        const struct hf_session_shard *table = &shard->table;
        (void)pthread_mutex_lock(&shard->lock);
        out->hits += table->hits;
        out->misses += table->misses;
        out->inserts += table->inserts;
        out->evictions += table->evictions;
        out->entries += shard->stale ? 0 : table->live;
        out->max_entries += (uint64_t)table->sets * table->ways;
        (void)pthread_mutex_unlock(&shard->lock);
    }
}
