/* SPDX-License-Identifier: Apache-2.0
 *
 * How large the cache gets, and who pays for it (C8): a flood of distinct valid chains of one trust
 * domain pushes out its own. And what happens without memory (C7: nothing waits, nothing breaks).
 */
#include <string.h>

#include "hf_test.h"
#include "verify/chain_cache.h"

#define FLOOD 1000000u

static const struct hf_cached value = {.from = 0, .until = INT64_MAX};

/* As even as a SHA-256 would be. */
static void key_of(uint64_t n, uint8_t out[HF_DIGEST_SIZE])
{
    uint64_t state = n + 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < HF_DIGEST_SIZE; i++) {
        state ^= state >> 29;
        state *= 0xbf58476d1ce4e5b9u;
        out[i] = (uint8_t)(state >> 56);
    }
}

static void put(struct hf_chain_cache *cache, uint64_t n, struct hf_span domain)
{
    uint8_t key[HF_DIGEST_SIZE];
    key_of(n, key);
    hf_chain_cache_put(cache, key, domain, &value);
}

static bool has(struct hf_chain_cache *cache, uint64_t n)
{
    uint8_t key[HF_DIGEST_SIZE];
    struct hf_cached out;
    key_of(n, key);
    return hf_chain_cache_find(cache, key, 1, &out);
}

static struct hf_chain_cache_statistics statistics_of(struct hf_chain_cache *cache)
{
    struct hf_chain_cache_statistics now;
    hf_chain_cache_statistics(cache, &now);
    return now;
}

static struct hf_chain_cache *cache_of(size_t entries, size_t bytes)
{
    const struct hf_chain_cache_limits limits = {.max_entries = entries, .max_bytes = bytes};
    struct hf_chain_cache *cache;
    HF_CHECK_OK(hf_chain_cache_new(&limits, &cache));
    return cache;
}

/* C8: b.example has a CA of its own and shows a million SVIDs. a.example, which had less than its
 * half of the places, loses none of its entries, and memory stays within the limit. */
static void a_flood_pushes_out_its_own(void)
{
    enum { OURS = 20000 };
    struct hf_chain_cache *cache = hf_chain_cache_ref(NULL);
    HF_CHECK(cache == NULL);
    cache = cache_of(0, 0);
    for (uint64_t n = 0; n < OURS; n++) {
        put(cache, n, HF_SPAN("a.example"));
    }
    HF_CHECK(statistics_of(cache).entries == OURS);
    for (uint64_t n = 0; n < FLOOD; n++) {
        put(cache, OURS + n, HF_SPAN("b.example"));
    }
    size_t lost = 0;
    for (uint64_t n = 0; n < OURS; n++) {
        lost += !has(cache, n);
    }
    HF_CHECK(lost == 0);
    struct hf_chain_cache_statistics now = statistics_of(cache);
    HF_CHECK(now.entries <= HF_CHAIN_CACHE_ENTRIES && now.max_entries == HF_CHAIN_CACHE_ENTRIES);
    HF_CHECK(now.bytes <= HF_CHAIN_CACHE_BYTES && now.max_bytes == HF_CHAIN_CACHE_BYTES);
    HF_CHECK(now.inserts == OURS + FLOOD);
    HF_CHECK(now.evictions == now.inserts - now.entries);
    hf_chain_cache_unref(cache);
}

/* C8: who has more than his share gives it back to who comes later, and then no more. */
static void shares_become_even(void)
{
    enum { PLACES = 1024 };
    struct hf_chain_cache *cache = cache_of(PLACES, 0);
    static const char *const names[] = {"a.example", "b.example", "c.example", "d.example"};
    for (uint64_t n = 0; n < 40000; n++) {
        put(cache, n, hf_span_of(names[n < 10000 ? 0 : 1 + n % 3], 9));
    }
    size_t ours = 0;
    for (uint64_t n = 0; n < 10000; n++) {
        ours += has(cache, n);
    }
    HF_CHECK(ours >= PLACES / 4 - 64 && ours <= PLACES / 4 + 64);
    HF_CHECK(statistics_of(cache).entries == PLACES);
    hf_chain_cache_unref(cache);
}

/* As many trust domains as places: each newcomer takes the only place of another. */
static void more_trust_domains_than_places(void)
{
    struct hf_chain_cache *cache = cache_of(16, 0);
    char name[] = "0000.example";
    for (uint64_t n = 0; n < 4000; n++) {
        name[0] = (char)('a' + n % 26);
        name[1] = (char)('a' + n / 26 % 26);
        name[2] = (char)('a' + n / 676 % 26);
        put(cache, n, HF_SPAN(name));
        HF_CHECK(has(cache, n));
    }
    HF_CHECK(statistics_of(cache).entries == 16);
    HF_CHECK(statistics_of(cache).evictions == 4000 - 16);
    hf_chain_cache_unref(cache);
}

/* Bounded by bytes as well: whatever the limit, all memory counted, it is never passed. */
static void bytes_are_a_limit_too(void)
{
    static const size_t limits[] = {4096, 10000, 65536, 1000000};
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        struct hf_chain_cache *cache = cache_of(0, limits[i]);
        uint64_t before = statistics_of(cache).max_entries;
        HF_CHECK(before > 0 && before < HF_CHAIN_CACHE_ENTRIES);
        for (uint64_t n = 0; n < 20000; n++) {
            put(cache, n, n % 2 == 0 ? HF_SPAN("a.example") : HF_SPAN("b.example"));
        }
        HF_CHECK(statistics_of(cache).entries <= before);
        HF_CHECK(statistics_of(cache).bytes <= limits[i]);
        hf_chain_cache_unref(cache);
    }
    for (size_t entries = 1; entries < 200; entries++) {
        struct hf_chain_cache *cache = cache_of(entries, 0);
        HF_CHECK(statistics_of(cache).max_entries <= entries);
        HF_CHECK(statistics_of(cache).max_entries > entries / 2);
        hf_chain_cache_unref(cache);
    }
}

static void limits_without_sense_are_refused(void)
{
    const struct hf_chain_cache_limits wrong[] = {
        {.max_bytes = 100}, {.max_age = -1}, {.max_entries = SIZE_MAX}};
    struct hf_chain_cache *cache;
    for (size_t i = 0; i < 3; i++) {
        HF_CHECK_CODE(hf_chain_cache_new(&wrong[i], &cache), HF_E_BAD_ARGUMENT);
        HF_CHECK(cache == NULL);
    }
    HF_CHECK_CODE(hf_chain_cache_new(NULL, NULL), HF_E_BAD_ARGUMENT);
    /* Twice as many indices must be numbers; of these there are as many as the bytes allow. */
    struct hf_chain_cache_limits many = {.max_entries = UINT32_MAX / 2};
    HF_CHECK_OK(hf_chain_cache_new(&many, &cache));
    HF_CHECK(statistics_of(cache).max_bytes == HF_CHAIN_CACHE_BYTES);
    hf_chain_cache_unref(cache);
    many.max_entries++;
    HF_CHECK_CODE(hf_chain_cache_new(&many, &cache), HF_E_BAD_ARGUMENT);
    /* An age that the clock cannot count to: nothing is kept, and nothing overflows. */
    const struct hf_chain_cache_limits for_ever = {.max_age = INT64_MAX};
    HF_CHECK_OK(hf_chain_cache_new(&for_ever, &cache));
    hf_clock_monotonic_set(10);
    put(cache, 1, HF_SPAN("a.example"));
    hf_clock_monotonic_reset();
    HF_CHECK(statistics_of(cache).entries == 0);
    hf_chain_cache_unref(cache);
    hf_chain_cache_unref(NULL);
    hf_chain_cache_clear(NULL);
    HF_CHECK(statistics_of(NULL).max_entries == 0);
}

/* C7, D7: without memory an entry is not kept, and everything else goes on. */
static void without_memory_nothing_is_kept(void)
{
    size_t before = hf_mem_live();
    struct hf_chain_cache *cache;
    hf_mem_fail_at(1);
    HF_CHECK_CODE(hf_chain_cache_new(NULL, &cache), HF_E_OUT_OF_MEMORY);
    HF_CHECK(cache == NULL);
    cache = cache_of(64, 0);
    uint64_t kept = 0;
    for (uint64_t n = 0; n < 400; n++) {
        hf_mem_fail_at(1); /* the next one, if there is one */
        put(cache, n, n % 3 == 0 ? HF_SPAN("a.example") : HF_SPAN("b.example"));
        hf_mem_fail_at(0);
        bool found = has(cache, n);
        if (!found) {
            put(cache, n, HF_SPAN("a.example"));
            HF_CHECK(has(cache, n));
        }
        kept += found;
    }
    HF_CHECK(kept != 0 && kept != 400);
    HF_CHECK(statistics_of(cache).entries == 64);
    hf_chain_cache_unref(cache);
    HF_CHECK(hf_mem_live() == before);
}

static void clearing_gives_everything_back(void)
{
    struct hf_chain_cache *cache = cache_of(4096, 0);
    uint64_t empty = statistics_of(cache).bytes;
    size_t live = hf_mem_live();
    for (uint64_t n = 0; n < 4000; n++) {
        put(cache, n, HF_SPAN("a.example"));
    }
    HF_CHECK(statistics_of(cache).bytes > empty && hf_mem_live() > live);
    hf_chain_cache_clear(cache);
    HF_CHECK(statistics_of(cache).bytes == empty && hf_mem_live() == live);
    HF_CHECK(statistics_of(cache).entries == 0 && !has(cache, 1));
    put(cache, 1, HF_SPAN("a.example"));
    HF_CHECK(has(cache, 1));
    hf_chain_cache_unref(cache);
}

/* The process's own is one, for everybody. */
static void the_default_is_shared(void)
{
    struct hf_chain_cache *cache = hf_chain_cache_default();
    HF_CHECK(cache != NULL && cache == hf_chain_cache_default());
    put(cache, 1, HF_SPAN("a.example"));
    HF_CHECK(has(hf_chain_cache_default(), 1));
    hf_chain_cache_clear(cache);
    HF_CHECK(!has(cache, 1));
}

HF_TESTS({"a flood pushes out its own", a_flood_pushes_out_its_own},
         {"shares become even", shares_become_even},
         {"more trust domains than places", more_trust_domains_than_places},
         {"bytes are a limit, too", bytes_are_a_limit_too},
         {"limits without sense are refused", limits_without_sense_are_refused},
         {"without memory nothing is kept", without_memory_nothing_is_kept},
         {"clearing gives everything back", clearing_gives_everything_back},
         {"the default is shared", the_default_is_shared})
