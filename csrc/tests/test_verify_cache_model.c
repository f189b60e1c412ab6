/* SPDX-License-Identifier: Apache-2.0
 *
 * The cache against a model that is too simple to be wrong: a list in order of use, searched from
 * end to end. Every answer and every entry must be the model's, whatever is done in whatever order.
 */
#include <string.h>

#include "base/clock.h"
#include "hf_test.h"
#include "verify/chain_cache.h"

#define CAPACITY 24 /* one shard */
#define DOMAINS 5
#define KEYS 60
#define AGE 100

struct model_entry {
    bool live;
    unsigned domain;
    int64_t deadline;
    struct hf_cached value;
    uint64_t used; /* when, by a counter */
};

static struct model_entry model[KEYS];
static uint64_t ticks;
static int64_t monotonic;

static uint32_t random_below(uint32_t n)
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 32) % n);
}

/* Keys that share their first bytes, and so their bucket: all 32 are compared (C1). */
static void key_of(unsigned k, uint8_t out[HF_DIGEST_SIZE])
{
    (void)memset(out, (int)(k % 3), HF_DIGEST_SIZE);
    out[20] = (uint8_t)k;
}

static unsigned count_of(unsigned domain)
{
    unsigned count = 0;
    for (unsigned i = 0; i < KEYS; i++) {
        count += model[i].live && model[i].domain == domain;
    }
    return count;
}

static unsigned count_all(void)
{
    unsigned count = 0;
    for (unsigned d = 0; d < DOMAINS; d++) {
        count += count_of(d);
    }
    return count;
}

/* The least lately used entry of the trust domain that has most; among equals `entering` pays. The
 * choice among other equals is the cache's, so it is told which of them it took. */
static bool may_be_victim(unsigned k, unsigned entering)
{
    unsigned most = 0;
    for (unsigned d = 0; d < DOMAINS; d++) {
        most = count_of(d) > most ? count_of(d) : most;
    }
    unsigned domain = model[k].domain;
    if (!model[k].live || count_of(domain) != most ||
        (count_of(entering) == most && domain != entering)) {
        return false;
    }
    for (unsigned i = 0; i < KEYS; i++) {
        if (model[i].live && model[i].domain == domain && model[i].used < model[k].used) {
            return false;
        }
    }
    return true;
}

static bool model_find(unsigned k, int64_t at, struct hf_cached *out)
{
    struct model_entry *entry = &model[k];
    if (!entry->live) {
        return false;
    }
    if (monotonic >= entry->deadline) {
        entry->live = false;
        return false;
    }
    if (at < entry->value.from || at >= entry->value.until) {
        return false;
    }
    entry->used = ++ticks;
    *out = entry->value;
    return true;
}

static struct hf_span domain_name(unsigned domain)
{
    static const char *const names[DOMAINS] = {"a.example", "b.example", "c.example", "d.example",
                                               "e.example"};
    return hf_span_of(names[domain], strlen(names[domain]));
}

static uint64_t entries_of(struct hf_chain_cache *cache)
{
    struct hf_chain_cache_statistics now;
    hf_chain_cache_statistics(cache, &now);
    return now.entries;
}

/* After an eviction: which one is gone? Asked of a copy of the order: a look disturbs nothing,
 * since the time asked about is nobody's. */
static bool is_there(struct hf_chain_cache *cache, unsigned k)
{
    uint8_t key[HF_DIGEST_SIZE];
    struct hf_cached ignored;
    struct hf_chain_cache_statistics before;
    struct hf_chain_cache_statistics after;
    key_of(k, key);
    hf_chain_cache_statistics(cache, &before);
    (void)hf_chain_cache_find(cache, key, INT64_MIN, &ignored);
    hf_chain_cache_statistics(cache, &after);
    return after.expired != before.expired; /* found, and not for that time */
}

/* The cache was full, and one of its entries is gone now. */
static void take_victim(struct hf_chain_cache *cache, unsigned entering)
{
    bool gone[KEYS];
    unsigned victims = 0;
    for (unsigned i = 0; i < KEYS; i++) {
        gone[i] = model[i].live && !is_there(cache, i);
        victims += gone[i];
        HF_CHECK(!gone[i] || may_be_victim(i, entering));
    }
    HF_CHECK(victims == 1);
    for (unsigned i = 0; i < KEYS; i++) {
        /* To be looked for ended what was too old. */
        model[i].live = model[i].live && !gone[i] && monotonic < model[i].deadline;
    }
}

static void put(struct hf_chain_cache *cache, unsigned k, unsigned domain, int64_t from)
{
    uint8_t key[HF_DIGEST_SIZE];
    struct hf_cached value = {.from = from,
                              .until = from + 1 + (int64_t)random_below(60),
                              .not_before = from,
                              .not_after = from + 1000,
                              .path_length = k};
    key_of(k, key);
    bool was_there = model[k].live;
    bool full = !was_there && count_all() == CAPACITY;
    hf_chain_cache_put(cache, key, domain_name(domain), &value);
    if (full) {
        take_victim(cache, domain);
    }
    model[k].live = true;
    model[k].domain = was_there ? model[k].domain : domain;
    model[k].deadline = monotonic + AGE;
    model[k].value = value;
    model[k].used = ++ticks;
}

static void look(struct hf_chain_cache *cache, unsigned k, int64_t at)
{
    uint8_t key[HF_DIGEST_SIZE];
    struct hf_cached seen = {0};
    struct hf_cached expected = {0};
    key_of(k, key);
    bool found = hf_chain_cache_find(cache, key, at, &seen);
    HF_CHECK(found == model_find(k, at, &expected));
    HF_CHECK(seen.from == expected.from && seen.until == expected.until &&
             seen.not_after == expected.not_after && seen.path_length == expected.path_length);
}

static void the_cache_is_its_model(void)
{
    const struct hf_chain_cache_limits limits = {.max_entries = CAPACITY, .max_age = AGE};
    struct hf_chain_cache *cache;
    HF_CHECK_OK(hf_chain_cache_new(&limits, &cache));
    for (int step = 0; step < 60000 && hf_test_failures == 0; step++) {
        hf_clock_monotonic_set(monotonic);
        unsigned k = random_below(KEYS);
        int64_t at = random_below(100);
        switch (random_below(16)) {
        case 0:
            monotonic += random_below(AGE / 2);
            break;
        case 1:
            if (random_below(40) == 0) {
                hf_chain_cache_clear(cache);
                (void)memset(model, 0, sizeof(model));
            }
            break;
        case 2:
        case 3:
        case 4:
        case 5:
        case 6:
            put(cache, k, random_below(DOMAINS) * random_below(2), at);
            break;
        default:
            look(cache, k, at);
            break;
        }
        HF_CHECK(entries_of(cache) == count_all());
    }
    hf_clock_monotonic_reset();
    /* It was a run that shows something. */
    struct hf_chain_cache_statistics all;
    hf_chain_cache_statistics(cache, &all);
    HF_CHECK(all.hits > 1000 && all.evictions > 1000 && all.expired > 1000);
    hf_chain_cache_unref(cache);
    HF_CHECK(hf_mem_live() == 0);
}

/* C2: an entry is for the times from its first to before its last, and for no others. */
static void an_entry_is_for_its_times(void)
{
    static const uint8_t key[HF_DIGEST_SIZE] = {1};
    struct hf_cached value = {.from = 10, .until = 20};
    struct hf_cached out;
    struct hf_chain_cache *cache;
    HF_CHECK_OK(hf_chain_cache_new(NULL, &cache));
    hf_chain_cache_put(cache, key, HF_SPAN("a.example"), &value);
    HF_CHECK(!hf_chain_cache_find(cache, key, 9, &out));
    HF_CHECK(hf_chain_cache_find(cache, key, 10, &out));
    HF_CHECK(hf_chain_cache_find(cache, key, 19, &out));
    HF_CHECK(!hf_chain_cache_find(cache, key, 20, &out));
    HF_CHECK(!hf_chain_cache_find(cache, key, INT64_MAX, &out));
    HF_CHECK(!hf_chain_cache_find(cache, key, INT64_MIN, &out));
    /* Back inside: a clock that was set back finds what is right for that time. */
    HF_CHECK(hf_chain_cache_find(cache, key, 15, &out));
    /* A span without a moment in it is not kept at all. */
    static const uint8_t other[HF_DIGEST_SIZE] = {2};
    value.until = value.from;
    hf_chain_cache_put(cache, other, HF_SPAN("a.example"), &value);
    HF_CHECK(entries_of(cache) == 1);
    hf_chain_cache_unref(cache);
}

/* C2: an entry is believed for an hour, by the clock that nobody sets. */
static void an_entry_grows_old(void)
{
    static const uint8_t key[HF_DIGEST_SIZE] = {1};
    const struct hf_cached value = {.from = 0, .until = INT64_MAX};
    struct hf_cached out;
    struct hf_chain_cache *cache;
    HF_CHECK_OK(hf_chain_cache_new(NULL, &cache));
    hf_clock_monotonic_set(5000);
    hf_chain_cache_put(cache, key, HF_SPAN("a.example"), &value);
    hf_clock_monotonic_set(5000 + HF_CHAIN_CACHE_AGE - 1);
    HF_CHECK(hf_chain_cache_find(cache, key, 100, &out));
    hf_clock_monotonic_set(5000 + HF_CHAIN_CACHE_AGE);
    HF_CHECK(!hf_chain_cache_find(cache, key, 100, &out) && entries_of(cache) == 0);
    /* A hit does not make it younger. */
    hf_clock_monotonic_set(5000 + HF_CHAIN_CACHE_AGE - 1);
    HF_CHECK(!hf_chain_cache_find(cache, key, 100, &out));
    hf_clock_monotonic_reset();
    hf_chain_cache_unref(cache);
    int64_t now = hf_clock_monotonic();
    HF_CHECK(now >= 0 && hf_clock_monotonic() >= now);
}

HF_TESTS({"the cache is its model", the_cache_is_its_model},
         {"an entry is for its times", an_entry_is_for_its_times},
         {"an entry grows old", an_entry_grows_old})
