/* SPDX-License-Identifier: Apache-2.0
 *
 * Edges of the verified-chain cache: every shard in a fork, several caches that come and go, limits
 * that are met exactly (D9, C8). Each test here notices a mutant that no other noticed
 * (tools/mutate.py).
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/forks.h"
#include "hf_test.h"
#include "verify/chain_cache_shard.h"

#define SHARDS 64

static const struct hf_cached value = {.from = 0, .until = INT64_MAX};
static struct hf_chain_cache *cache;

/* The last byte picks the shard. */
static void key_of(size_t shard, uint8_t n, uint8_t out[HF_DIGEST_SIZE])
{
    for (size_t i = 0; i < HF_DIGEST_SIZE; i++) {
        out[i] = n;
    }
    out[HF_DIGEST_SIZE - 1] = (uint8_t)shard;
}

static void put(struct hf_chain_cache *into, size_t shard, uint8_t n)
{
    uint8_t key[HF_DIGEST_SIZE];
    key_of(shard, n, key);
    hf_chain_cache_put(into, key, HF_SPAN("a.example"), &value);
}

static bool has(struct hf_chain_cache *in, size_t shard, uint8_t n)
{
    uint8_t key[HF_DIGEST_SIZE];
    struct hf_cached out;
    key_of(shard, n, key);
    return hf_chain_cache_find(in, key, 1, &out);
}

static struct hf_chain_cache_statistics statistics_of(struct hf_chain_cache *of)
{
    struct hf_chain_cache_statistics now;
    hf_chain_cache_statistics(of, &now);
    return now;
}

/* Fork, and let the child say whether it finds what it should. */
static bool holds_in_a_child(bool (*question)(void))
{
    pid_t child = fork();
    if (child == 0) {
        (void)alarm(20);
        _exit(question() ? 0 : 1);
    }
    int status = -1;
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

static bool watching;
static size_t found_while_closed;

static bool clearing;
static pthread_t clearer;
static atomic_bool cleared;

static void *clear(void *unused)
{
    hf_chain_cache_clear(cache);
    atomic_store(&cleared, true);
    return unused;
}

static void look_before_fork(void)
{
    if (clearing) {
        HF_CHECK(pthread_create(&clearer, NULL, clear, NULL) == 0);
        /* Time enough for it to do its work, if it does not wait for the fork. */
        for (int i = 0; i < 1000 && !atomic_load(&cleared); i++) {
            (void)sched_yield();
        }
    }
    for (size_t shard = 0; watching && shard < SHARDS; shard++) {
        found_while_closed += has(cache, shard, 1);
        put(cache, shard, 2);
    }
}

static void watch_forks(void)
{
    /* Handlers that prepare run last come, first served: this one is there before any cache. */
    HF_CHECK(pthread_atfork(look_before_fork, NULL, NULL) == 0);
}

static bool is_empty_and_open(void)
{
    bool good = statistics_of(cache).entries == 0;
    for (size_t shard = 0; shard < SHARDS; shard++) {
        good = good && !has(cache, shard, 1);
        put(cache, shard, 1);
        good = good && has(cache, shard, 1);
    }
    return good;
}

static void every_shard_is_closed_in_a_fork(void)
{
    HF_CHECK_OK(hf_chain_cache_new(NULL, &cache));
    for (size_t shard = 0; shard < SHARDS; shard++) {
        put(cache, shard, 1);
    }
    HF_CHECK(statistics_of(cache).entries == SHARDS);
    watching = true;
    HF_CHECK(holds_in_a_child(is_empty_and_open));
    watching = false;
    HF_CHECK(found_while_closed == 0);
    HF_CHECK(statistics_of(cache).entries == SHARDS && statistics_of(cache).inserts == SHARDS);
    for (size_t shard = 0; shard < SHARDS; shard++) {
        HF_CHECK(has(cache, shard, 1) && !has(cache, shard, 2));
    }
    hf_chain_cache_unref(cache);
}

/* D9: who clears while a fork is under way waits for its end, and then clears every shard. */
static void clearing_waits_for_a_fork(void)
{
    HF_CHECK_OK(hf_chain_cache_new(NULL, &cache));
    for (size_t shard = 0; shard < SHARDS; shard++) {
        put(cache, shard, 1);
    }
    clearing = true;
    HF_CHECK(holds_in_a_child(is_empty_and_open));
    clearing = false;
    HF_CHECK(pthread_join(clearer, NULL) == 0);
    HF_CHECK(atomic_load(&cleared) && statistics_of(cache).entries == 0);
    hf_chain_cache_unref(cache);
}

static void forks_are_held_by_one(void)
{
    for (int i = 0; i < 2; i++) {
        HF_CHECK(hf_fork_try_hold());
        HF_CHECK(!hf_fork_try_hold());
        hf_fork_release();
    }
}

/* Several caches, of which some are gone: NULL. */
#define CACHES 5
static struct hf_chain_cache *caches[CACHES];

static bool are_all_empty(void)
{
    for (size_t i = 0; i < CACHES; i++) {
        if (caches[i] != NULL && statistics_of(caches[i]).entries != 0) {
            return false;
        }
    }
    return true;
}

static void every_cache_is_empty_after_a_fork(void)
{
    /* From the middle, from both ends, and the rest. */
    static const size_t orders[][CACHES] = {
        {2, 1, 3, 0, 4}, {4, 0, 2, 1, 3}, {0, 4, 1, 3, 2}, {3, 2, 1, 0, 4}};
    for (size_t order = 0; order < sizeof(orders) / sizeof(orders[0]); order++) {
        for (size_t i = 0; i < CACHES; i++) {
            HF_CHECK_OK(hf_chain_cache_new(NULL, &caches[i]));
            put(caches[i], i, 1);
        }
        HF_CHECK(!are_all_empty() && holds_in_a_child(are_all_empty));
        for (size_t i = 0; i < CACHES; i++) {
            hf_chain_cache_unref(caches[orders[order][i]]);
            caches[orders[order][i]] = NULL;
            HF_CHECK(holds_in_a_child(are_all_empty));
        }
    }
}

static void shards_have_sixteen_places_at_least(void)
{
    static const size_t entries[] = {1, 15, 16, 31, 32, 33, 63};
    static const uint64_t places[] = {1, 15, 16, 31, 32, 32, 62};
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        const struct hf_chain_cache_limits limits = {.max_entries = entries[i]};
        HF_CHECK_OK(hf_chain_cache_new(&limits, &cache));
        HF_CHECK(statistics_of(cache).max_entries == places[i]);
        hf_chain_cache_unref(cache);
    }
}

static void a_limit_of_bytes_is_met_exactly(void)
{
    struct hf_chain_cache_limits limits = {.max_entries = 1, .max_bytes = 1};
    while (!hf_is_ok(hf_chain_cache_new(&limits, &cache)) && limits.max_bytes < 4096) {
        limits.max_bytes++;
    }
    put(cache, 0, 1);
    HF_CHECK(has(cache, 0, 1));
    HF_CHECK(statistics_of(cache).bytes == limits.max_bytes);
    hf_chain_cache_unref(cache);
}

static void buckets_are_a_power_of_two_for_all_entries(void)
{
    static const uint32_t capacities[] = {1, 2, 3, 16, 17, 100};
    static const uint32_t masks[] = {0, 1, 3, 15, 31, 127};
    for (size_t i = 0; i < sizeof(capacities) / sizeof(capacities[0]); i++) {
        struct hf_cache_shard shard = {.capacity = 0};
        HF_CHECK(hf_cache_shard_init(&shard, capacities[i]));
        HF_CHECK(shard.buckets_mask == masks[i] && hf_cache_shard_bytes(&shard) == sizeof(shard));
        hf_cache_shard_destroy(&shard);
    }
}

/* C8: a shard takes the memory that it needs, twice as much each time, and no more at last. */
static void room_doubles_up_to_the_capacity(void)
{
    static const uint8_t domain[HF_DIGEST_SIZE] = {1};
    struct hf_cache_shard shard = {.capacity = 0};
    HF_CHECK(hf_cache_shard_init(&shard, 100) && shard.room == 0);
    for (uint8_t n = 1; n <= 120; n++) {
        uint8_t key[HF_DIGEST_SIZE];
        key_of(0, n, key);
        hf_cache_shard_put(&shard, key, domain, INT64_MAX, &value);
        HF_CHECK(shard.room == (n <= 16 ? 16 : n <= 32 ? 32 : n <= 64 ? 64 : 100));
        HF_CHECK(shard.domains_room == 16 && shard.live == (n < 100 ? n : 100));
    }
    hf_cache_shard_destroy(&shard);
}

/* C8: room for trust domains grows as well, and what is new of it is nobody's. */
static void trust_domains_find_room(void)
{
    struct hf_cache_shard shard = {.capacity = 0};
    struct hf_cached out;
    uint8_t key[HF_DIGEST_SIZE];
    HF_CHECK(hf_cache_shard_init(&shard, 100));
    for (uint8_t n = 1; n <= 100; n++) {
        const uint8_t domain[HF_DIGEST_SIZE] = {n};
        key_of(0, n, key);
        hf_cache_shard_put(&shard, key, domain, INT64_MAX, &value);
        HF_CHECK(hf_cache_shard_find(&shard, key, 1, 1, &out) && shard.live == n);
        HF_CHECK(shard.domains_room == shard.room);
    }
    hf_cache_shard_destroy(&shard);
}

/* C8: with one place each, a second entry costs its own trust domain the first. */
static void the_last_place_is_nobody_elses(void)
{
    struct hf_cache_shard shard = {.capacity = 0};
    struct hf_cached out;
    uint8_t keys[4][HF_DIGEST_SIZE];
    HF_CHECK(hf_cache_shard_init(&shard, 3));
    for (uint8_t n = 0; n < 4; n++) {
        const uint8_t domain[HF_DIGEST_SIZE] = {n < 3 ? n : 2};
        key_of(0, n, keys[n]);
        hf_cache_shard_put(&shard, keys[n], domain, INT64_MAX, &value);
    }
    for (uint8_t n = 0; n < 4; n++) {
        HF_CHECK(hf_cache_shard_find(&shard, keys[n], 1, 1, &out) == (n != 2));
    }
    hf_cache_shard_destroy(&shard);
}

/* D9, C8: what there was before a fork does not count in the child. Entries 1 to 4 and 200
 * were its parent's, one of them too old; then come four of one trust domain, which gives up two
 * for another that its parent knew, and whose third one costs that its first. */
static void shares_begin_anew_in_a_child(void)
{
    for (uint8_t which = 0; which < 2; which++) {
        struct hf_cache_shard shard = {.capacity = 0};
        struct hf_cached out;
        uint8_t key[HF_DIGEST_SIZE];
        HF_CHECK(hf_cache_shard_init(&shard, 4));
        for (uint8_t n = 1; n <= 11; n++) {
            const uint8_t domain[HF_DIGEST_SIZE] = {n <= 4 ? n % 2 : n <= 8 ? 2 : which};
            if (n == 5) {
                key_of(0, 200, key);
                hf_cache_shard_put(&shard, key, (uint8_t[HF_DIGEST_SIZE]){1}, INT64_MAX, &value);
                HF_CHECK(hf_cache_shard_find(&shard, key, 1, 1, &out));
                HF_CHECK(!hf_cache_shard_find(&shard, key, 1, INT64_MAX, &out));
                HF_CHECK(shard.evictions == 1 && shard.expired == 1);
                hf_cache_shard_restart(&shard);
                HF_CHECK(shard.live == 0 && shard.hits == 0 && shard.misses == 0);
                HF_CHECK(shard.inserts == 0 && shard.evictions == 0 && shard.expired == 0);
            }
            key_of(0, n, key);
            hf_cache_shard_put(&shard, key, domain, INT64_MAX, &value);
        }
        HF_CHECK(shard.evictions == 3);
        for (uint8_t n = 1; n <= 11; n++) {
            key_of(0, n, key);
            HF_CHECK(hf_cache_shard_find(&shard, key, 1, 1, &out) == (n > 6 && n != 9));
        }
        hf_cache_shard_destroy(&shard);
    }
}

static void statistics_add_up_the_shards(void)
{
    HF_CHECK_OK(hf_chain_cache_new(NULL, &cache));
    hf_clock_monotonic_set(1000);
    for (size_t shard = 0; shard < 3; shard++) {
        put(cache, shard, 1);
        HF_CHECK(has(cache, shard, 1) && !has(cache, shard, 2));
    }
    hf_clock_monotonic_set(1000 + HF_CHAIN_CACHE_AGE);
    HF_CHECK(!has(cache, 0, 1) && !has(cache, 1, 1));
    const struct hf_chain_cache_statistics now = statistics_of(cache);
    HF_CHECK(now.hits == 3 && now.misses == 5 && now.expired == 2);
    HF_CHECK(now.inserts == 3 && now.evictions == 0 && now.entries == 1);
    hf_clock_monotonic_reset();
    hf_chain_cache_unref(cache);
}

static void the_last_deadline_is_the_end_of_time(void)
{
    HF_CHECK_OK(hf_chain_cache_new(NULL, &cache));
    hf_clock_monotonic_set(INT64_MAX - HF_CHAIN_CACHE_AGE);
    put(cache, 0, 1);
    HF_CHECK(has(cache, 0, 1));
    hf_clock_monotonic_set(INT64_MAX - HF_CHAIN_CACHE_AGE + 1);
    put(cache, 0, 2);
    HF_CHECK(has(cache, 0, 1) && !has(cache, 0, 2));
    hf_clock_monotonic_reset();
    hf_chain_cache_unref(cache);
}

static void nothing_is_left(void)
{
    HF_CHECK(hf_mem_live() == 0);
}

HF_TESTS({"(forks are watched)", watch_forks},
         {"every shard is closed in a fork", every_shard_is_closed_in_a_fork},
         {"clearing waits for a fork", clearing_waits_for_a_fork},
         {"forks are held by one", forks_are_held_by_one},
         {"every cache is empty after a fork", every_cache_is_empty_after_a_fork},
         {"shards have sixteen places at least", shards_have_sixteen_places_at_least},
         {"a limit of bytes is met exactly", a_limit_of_bytes_is_met_exactly},
         {"buckets are a power of two for all entries", buckets_are_a_power_of_two_for_all_entries},
         {"room doubles up to the capacity", room_doubles_up_to_the_capacity},
         {"trust domains find room", trust_domains_find_room},
         {"the last place is nobody else's", the_last_place_is_nobody_elses},
         {"shares begin anew in a child", shares_begin_anew_in_a_child},
         {"statistics add up the shards", statistics_add_up_the_shards},
         {"the last deadline is the end of time", the_last_deadline_is_the_end_of_time},
         {"nothing is left", nothing_is_left})
