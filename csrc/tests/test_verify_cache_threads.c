/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads that enter, look, clear and count at once (D8), and processes that fork while they do
 * (D9). Worth most under the thread sanitizer.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hf_test.h"
#include "verify/chain_cache_shard.h"

#define THREADS 4
#define STEPS 20000
#define KEYS 600 /* more than there are places */
#define FORKS 25

static struct hf_chain_cache *cache;
static atomic_bool stop;

static void key_of(uint32_t n, uint8_t out[HF_DIGEST_SIZE])
{
    for (size_t i = 0; i < HF_DIGEST_SIZE; i++) {
        out[i] = (uint8_t)((n * 2654435761u) >> (i % 4 * 8));
    }
    out[4] = (uint8_t)n;
    out[5] = (uint8_t)(n >> 8);
}

/* Every part of a value tells its key: a torn one would be seen. */
static struct hf_cached value_of(uint32_t n)
{
    struct hf_cached value = {
        .from = 0, .until = INT64_MAX, .not_before = n, .not_after = n, .path_length = n};
    key_of(n, value.anchor_digest);
    return value;
}

static bool is_value_of(const struct hf_cached *seen, uint32_t n)
{
    struct hf_cached value = value_of(n);
    return seen->not_before == value.not_before && seen->not_after == value.not_after &&
           seen->path_length == value.path_length &&
           hf_mem_equal(seen->anchor_digest, HF_DIGEST_SIZE, value.anchor_digest, HF_DIGEST_SIZE);
}

/* Returns how many answers were not for what was asked. */
static uint32_t step(uint32_t n)
{
    uint8_t key[HF_DIGEST_SIZE];
    struct hf_cached out;
    key_of(n, key);
    if (hf_chain_cache_find(cache, key, 1, &out)) {
        return is_value_of(&out, n) ? 0 : 1;
    }
    out = value_of(n);
    hf_chain_cache_put(cache, key, n % 2 == 0 ? HF_SPAN("a.example") : HF_SPAN("b.example"), &out);
    return 0;
}

struct worker {
    pthread_t thread;
    uint32_t seed;
    uint32_t wrong;
    bool until_stopped;
};

static void *work(void *arg)
{
    struct worker *worker = arg;
    uint32_t n = worker->seed;
    for (int i = 0; worker->until_stopped ? !atomic_load(&stop) : i < STEPS; i++) {
        n = n * 1664525u + 1013904223u;
        worker->wrong += step((n >> 8) % KEYS);
        if (n % 4099 == 0) {
            hf_chain_cache_clear(cache);
        }
        if (n % 1021 == 0) {
            struct hf_chain_cache_statistics now;
            hf_chain_cache_statistics(cache, &now);
            worker->wrong += now.entries > now.max_entries;
        }
    }
    return NULL;
}

static void start(struct worker *workers, bool until_stopped)
{
    const struct hf_chain_cache_limits limits = {.max_entries = 256};
    HF_CHECK_OK(hf_chain_cache_new(&limits, &cache));
    atomic_store(&stop, false);
    for (uint32_t i = 0; i < THREADS; i++) {
        workers[i].seed = i + 1;
        workers[i].wrong = 0;
        workers[i].until_stopped = until_stopped;
        HF_CHECK(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
    }
}

static void finish(struct worker *workers)
{
    atomic_store(&stop, true);
    for (uint32_t i = 0; i < THREADS; i++) {
        HF_CHECK(pthread_join(workers[i].thread, NULL) == 0);
        HF_CHECK(workers[i].wrong == 0);
    }
    hf_chain_cache_unref(cache);
}

static void threads_share_a_cache(void)
{
    struct worker workers[THREADS];
    start(workers, false);
    finish(workers);
    HF_CHECK(hf_mem_live() == 0);
}

/* In the child: empty, and of use. Exits with what went wrong. */
static void be_a_child(void)
{
    struct hf_chain_cache_statistics now;
    int wrong = 0;
    (void)alarm(20); /* hanging is what this is about: it ends, and is seen to */
    hf_chain_cache_statistics(cache, &now);
    wrong |= now.entries != 0 || now.hits != 0 || now.inserts != 0 ? 1 : 0;
    for (uint32_t n = 0; n < KEYS; n++) {
        wrong |= step(n) != 0 ? 2 : 0;
    }
    hf_chain_cache_statistics(cache, &now);
    wrong |= now.entries == 0 || now.hits != 0 ? 4 : 0;
    wrong |= step(KEYS - 1) != 0 ? 2 : 0;
    hf_chain_cache_statistics(cache, &now);
    wrong |= now.hits != 1 ? 8 : 0;
    hf_chain_cache_clear(cache);
    hf_chain_cache_unref(cache);
    _exit(wrong);
}

/* D9: a child begins with an empty cache and never waits for a lock of its parent's threads; the
 * parent keeps what it had. */
static void a_fork_finds_an_empty_cache(void)
{
    struct worker workers[THREADS];
    start(workers, true);
    for (int i = 0; i < FORKS; i++) {
        pid_t child = fork();
        if (child == 0) {
            be_a_child();
        }
        int status = -1;
        HF_CHECK(child > 0 && waitpid(child, &status, 0) == child);
        HF_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    finish(workers);
}

/* D9: and with nobody else at work, the parent's entries are all there after it. */
static void a_fork_takes_nothing_from_the_parent(void)
{
    struct hf_chain_cache_statistics before;
    struct hf_chain_cache_statistics after;
    HF_CHECK_OK(hf_chain_cache_new(NULL, &cache));
    for (uint32_t n = 0; n < KEYS; n++) {
        HF_CHECK(step(n) == 0);
    }
    hf_chain_cache_statistics(cache, &before);
    pid_t child = fork();
    if (child == 0) {
        be_a_child();
    }
    int status = -1;
    HF_CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    for (uint32_t n = 0; n < KEYS; n++) {
        HF_CHECK(step(n) == 0);
    }
    hf_chain_cache_statistics(cache, &after);
    HF_CHECK(before.entries == KEYS && after.entries == KEYS && after.hits == before.hits + KEYS);
    hf_chain_cache_unref(cache);
}

/* Runs between the cache's own preparation of a fork and the fork. */
static bool watching;
static int seen_before_fork;

static void look_before_fork(void)
{
    if (watching) {
        uint8_t key[HF_DIGEST_SIZE];
        struct hf_cached out = value_of(7);
        key_of(7, key);
        seen_before_fork = hf_chain_cache_find(cache, key, 1, &out) ? 1 : 2;
        key_of(8, key);
        hf_chain_cache_put(cache, key, HF_SPAN("a.example"), &out);
    }
}

static void watch_forks(void)
{
    /* Handlers that prepare run last come, first served: this one is there before any cache. */
    HF_CHECK(pthread_atfork(look_before_fork, NULL, NULL) == 0);
}

/* D9: whoever comes while a fork is under way gets no answer and changes nothing. */
static void a_fork_closes_the_cache(void)
{
    HF_CHECK_OK(hf_chain_cache_new(NULL, &cache));
    HF_CHECK(step(7) == 0);
    watching = true;
    pid_t child = fork();
    watching = false;
    if (child == 0) {
        be_a_child();
    }
    int status = -1;
    HF_CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    struct hf_chain_cache_statistics now;
    hf_chain_cache_statistics(cache, &now);
    HF_CHECK(seen_before_fork == 2 && now.entries == 1 && now.inserts == 1 && now.hits == 0);
    HF_CHECK(step(7) == 0);
    hf_chain_cache_statistics(cache, &now);
    HF_CHECK(now.hits == 1);
    hf_chain_cache_unref(cache);
}

/* D9: a lock that was held when the process was forked is free in the child. */
static void a_lock_that_was_held_is_free_in_a_child(void)
{
    static struct hf_cache_shard shard;
    HF_CHECK(hf_cache_shard_init(&shard, 16));
    HF_CHECK(hf_cache_shard_enter(&shard));
    pid_t child = fork();
    if (child == 0) {
        (void)alarm(20);
        hf_cache_shard_restart(&shard);
        _exit(hf_cache_shard_enter(&shard) ? 0 : 1);
    }
    int status = -1;
    HF_CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    hf_cache_shard_leave(&shard);
    hf_cache_shard_destroy(&shard);
}

HF_TESTS({"(forks are watched)", watch_forks}, {"threads share a cache", threads_share_a_cache},
         {"a fork closes the cache", a_fork_closes_the_cache},
         {"a lock that was held is free in a child", a_lock_that_was_held_is_free_in_a_child},
         {"a fork finds an empty cache", a_fork_finds_an_empty_cache},
         {"a fork takes nothing from the parent", a_fork_takes_nothing_from_the_parent})
