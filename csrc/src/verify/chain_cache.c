/* SPDX-License-Identifier: Apache-2.0
 *
 * Shards, limits and statistics. Forks (D9): before one, every shard of every cache is closed, one
 * after the other, and a shard that is closed is not touched. So the child finds tables that are
 * whole, and at worst a lock that somebody took to see that it is closed; it empties the first and
 * makes the second anew. See base/forks.h.
 */
#include "verify/chain_cache.h"

#include <openssl/rand.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/forks.h"
#include "base/refcount.h"
#include "verify/chain_cache_shard.h"
#include "x509/ossl.h"

#define SHARDS_MAX 64
/* Fewer shards for a small cache: in one with few places fairness has nothing to work with. */
#define SHARD_ENTRIES_MIN 16

struct hf_chain_cache {
    struct hf_refcount refs;
    struct hf_fork_watch forks;
    size_t max_bytes;
    int64_t max_age;
    uint32_t shard_count; /* a power of two */
    uint8_t seed[HF_CACHE_SEED_SIZE];
    struct hf_cache_shard shards[];
};

/* ---- forks -------------------------------------------------------------------------------- */

static struct hf_chain_cache *cache_of(struct hf_fork_watch *watch)
{
    return (struct hf_chain_cache *)(void *)((char *)watch -
                                             offsetof(struct hf_chain_cache, forks));
}

static void set_closed(struct hf_chain_cache *cache, bool closed)
{
    for (uint32_t i = 0; i < cache->shard_count; i++) {
        (void)pthread_mutex_lock(&cache->shards[i].lock);
        cache->shards[i].closed = closed;
        (void)pthread_mutex_unlock(&cache->shards[i].lock);
    }
}

static void before_fork(struct hf_fork_watch *watch)
{
    set_closed(cache_of(watch), true);
}

static void after_fork_parent(struct hf_fork_watch *watch)
{
    set_closed(cache_of(watch), false);
}

static void after_fork_child(struct hf_fork_watch *watch)
{
    struct hf_chain_cache *cache = cache_of(watch);
    for (uint32_t i = 0; i < cache->shard_count; i++) {
        hf_cache_shard_restart(&cache->shards[i]);
    }
}

/* ---- life --------------------------------------------------------------------------------- */

static size_t bytes_for(size_t entries, uint32_t shards)
{
    return sizeof(struct hf_chain_cache) +
           shards * hf_cache_shard_bytes_max((uint32_t)(entries / shards));
}

static uint32_t shards_for(size_t entries)
{
    uint32_t shards = SHARDS_MAX;
    while (shards > 1 && entries / shards < SHARD_ENTRIES_MIN) {
        shards /= 2;
    }
    return shards;
}

/* The most entries, up to what was asked for, whose memory stays within the limit. */
static size_t fit(size_t entries, size_t max_bytes)
{
    size_t low = 0; /* fits */
    size_t high = entries + 1;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (bytes_for(middle, shards_for(middle)) <= max_bytes) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

static void destroy(struct hf_chain_cache *cache)
{
    for (uint32_t i = 0; i < cache->shard_count; i++) {
        hf_cache_shard_destroy(&cache->shards[i]);
    }
    hf_mem_free(cache);
}

static hf_result make(size_t entries, struct hf_chain_cache **out)
{
    uint32_t shards = shards_for(entries);
    struct hf_chain_cache *cache =
        hf_mem_new(sizeof(*cache) + shards * sizeof(struct hf_cache_shard));
    HF_NEED_MEM(cache);
    hf_refcount_init(&cache->refs);
    if (RAND_bytes_ex(hf_ossl_ctx(), cache->seed, sizeof(cache->seed), 0) != 1) {
        hf_mem_free(cache);
        HF_FAIL_OSSL(HF_E_OPENSSL);
    }
    while (cache->shard_count < shards &&
           hf_cache_shard_init(&cache->shards[cache->shard_count], (uint32_t)(entries / shards))) {
        cache->shard_count++;
    }
    if (cache->shard_count < shards) {
        destroy(cache);
        HF_FAIL(HF_E_OUT_OF_MEMORY);
    }
    *out = cache;
    return hf_ok();
}

hf_result hf_chain_cache_new(const struct hf_chain_cache_limits *limits,
                             struct hf_chain_cache **out)
{
    static const struct hf_chain_cache_limits defaults;
    HF_NEED_PTR(out);
    *out = NULL;
    limits = limits == NULL ? &defaults : limits;
    size_t entries = limits->max_entries == 0 ? HF_CHAIN_CACHE_ENTRIES : limits->max_entries;
    size_t bytes = limits->max_bytes == 0 ? HF_CHAIN_CACHE_BYTES : limits->max_bytes;
    HF_NEED_SEEN(limits->max_age >= 0, HF_E_BAD_ARGUMENT, "an age of 0 or more seconds", "%lld",
                 (long long)limits->max_age);
    HF_NEED_SEEN(entries <= UINT32_MAX / 2, HF_E_BAD_ARGUMENT, "at most 2147483647 entries", "%zu",
                 entries);
    size_t fitting = fit(entries, bytes);
    HF_NEED_SEEN(fitting != 0, HF_E_BAD_ARGUMENT, "room for at least one entry", "%zu bytes",
                 bytes);
    HF_TRY(hf_library_init());
    hf_ossl_clear();
    struct hf_chain_cache *cache = NULL;
    HF_TRY(make(fitting, &cache));
    cache->max_bytes = bytes;
    cache->max_age = limits->max_age == 0 ? HF_CHAIN_CACHE_AGE : limits->max_age;
    cache->forks.before = before_fork;
    cache->forks.in_parent = after_fork_parent;
    cache->forks.in_child = after_fork_child;
    hf_result r = hf_fork_watch_begin(&cache->forks);
    if (!hf_is_ok(r)) {
        destroy(cache);
        return r;
    }
    *out = cache;
    return hf_ok();
}

struct hf_chain_cache *hf_chain_cache_ref(struct hf_chain_cache *cache)
{
    if (cache != NULL) {
        hf_refcount_take(&cache->refs);
    }
    return cache;
}

void hf_chain_cache_unref(struct hf_chain_cache *cache)
{
    if (cache == NULL || !hf_refcount_drop(&cache->refs)) {
        return;
    }
    hf_fork_watch_end(&cache->forks);
    destroy(cache);
}

struct hf_chain_cache *hf_chain_cache_default(void)
{
    static struct hf_chain_cache *_Atomic shared;
    struct hf_chain_cache *cache = atomic_load_explicit(&shared, memory_order_acquire);
    if (cache != NULL) {
        return cache;
    }
    struct hf_chain_cache *made;
    if (!hf_is_ok(hf_chain_cache_new(NULL, &made))) {
        return NULL;
    }
    /* Two threads may have made one each: the first one stays. */
    if (atomic_compare_exchange_strong(&shared, &cache, made)) {
        return made;
    }
    hf_chain_cache_unref(made);
    return cache;
}

/* ---- use ---------------------------------------------------------------------------------- */

const uint8_t *hf_chain_cache_seed(const struct hf_chain_cache *cache)
{
    return cache->seed;
}

static struct hf_cache_shard *shard_of(struct hf_chain_cache *cache,
                                       const uint8_t key[HF_DIGEST_SIZE])
{
    return &cache->shards[key[HF_DIGEST_SIZE - 1] & (cache->shard_count - 1)];
}

bool hf_chain_cache_find(struct hf_chain_cache *cache, const uint8_t key[HF_DIGEST_SIZE],
                         int64_t at, struct hf_cached *out)
{
    struct hf_cache_shard *shard = shard_of(cache, key);
    int64_t now = hf_clock_monotonic();
    if (!hf_cache_shard_enter(shard)) {
        return false;
    }
    bool found = hf_cache_shard_find(shard, key, at, now, out);
    hf_cache_shard_leave(shard);
    return found;
}

void hf_chain_cache_put(struct hf_chain_cache *cache, const uint8_t key[HF_DIGEST_SIZE],
                        struct hf_span trust_domain, const struct hf_cached *value)
{
    uint8_t domain[HF_DIGEST_SIZE];
    struct hf_cache_shard *shard = shard_of(cache, key);
    int64_t now = hf_clock_monotonic();
    if (value->until <= value->from || now > INT64_MAX - cache->max_age ||
        !hf_is_ok(hf_ossl_sha256(&trust_domain, 1, domain)) || !hf_cache_shard_enter(shard)) {
        return;
    }
    hf_cache_shard_put(shard, key, domain, now + cache->max_age, value);
    hf_cache_shard_leave(shard);
}

void hf_chain_cache_clear(struct hf_chain_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    /* While this is held no fork is under way, and so no shard is closed. */
    hf_fork_hold();
    for (uint32_t i = 0; i < cache->shard_count; i++) {
        if (hf_cache_shard_enter(&cache->shards[i])) {
            hf_cache_shard_clear(&cache->shards[i]);
            hf_cache_shard_leave(&cache->shards[i]);
        }
    }
    hf_fork_release();
}

void hf_chain_cache_statistics(struct hf_chain_cache *cache, struct hf_chain_cache_statistics *out)
{
    static const struct hf_chain_cache_statistics nothing;
    *out = nothing;
    if (cache == NULL) {
        return;
    }
    out->max_bytes = cache->max_bytes;
    out->bytes = sizeof(*cache);
    for (uint32_t i = 0; i < cache->shard_count; i++) {
        /* Also of a closed shard: its numbers stand still. */
        struct hf_cache_shard *shard = &cache->shards[i];
        (void)pthread_mutex_lock(&shard->lock);
        out->hits += shard->hits;
        out->misses += shard->misses;
        out->inserts += shard->inserts;
        out->evictions += shard->evictions;
        out->expired += shard->expired;
        out->entries += shard->live;
        out->max_entries += shard->capacity;
        out->bytes += hf_cache_shard_bytes(shard);
        (void)pthread_mutex_unlock(&shard->lock);
    }
}
