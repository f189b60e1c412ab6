/* SPDX-License-Identifier: Apache-2.0
 *
 * The verified-chain cache against a model that is too simple to be wrong: entries in an array, one
 * sought after the other. The input is a run of operations; every answer and all statistics must be
 * the model's: what is found, what is too old, and who gives way when it is full (C8).
 *
 * What an attacker must hold: certificates that are accepted, of one trust domain or of many, and
 * patience; he chooses which chains come when.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "verify/chain_cache.h"

#define SHARDS_MAX 4
#define CAPACITY_MAX 32
#define DOMAINS 6
#define AGE 100

#define REQUIRE(cond) require((cond), #cond, __LINE__)

static void require(bool holds, const char *what, int line)
{
    if (!holds) {
        (void)fprintf(stderr, "line %d: does not hold: %s\n", line, what);
        abort();
    }
}

struct model_entry {
    bool live;
    uint8_t id;
    uint8_t domain;
    int64_t deadline;
    uint64_t used; /* the greater, the later */
    struct hf_cached value;
};

struct model_shard {
    struct model_entry entries[CAPACITY_MAX];
    /* Trust domains in the order in which they came, vacant places first: among equally rich ones
     * the first gives way. -1 is vacant. */
    int order[CAPACITY_MAX + 1];
};

struct model {
    struct hf_chain_cache *cache;
    struct model_shard shards[SHARDS_MAX];
    size_t shard_count;
    size_t capacity; /* of a shard */
    uint64_t uses;
    int64_t now;
    struct hf_chain_cache_statistics expected;
};

static struct model_shard *shard_of(struct model *m, uint8_t id)
{
    return &m->shards[id & (m->shard_count - 1)];
}

/* Four buckets for all, so that they are long. */
static void key_of(uint8_t id, uint8_t key[HF_DIGEST_SIZE])
{
    for (size_t i = 0; i < HF_DIGEST_SIZE; i++) {
        key[i] = 0;
    }
    key[0] = (uint8_t)(id & 3);
    key[9] = id;
    key[HF_DIGEST_SIZE - 1] = id;
}

static struct model_entry *look_up(struct model *m, uint8_t id)
{
    struct model_shard *shard = shard_of(m, id);
    for (size_t i = 0; i < m->capacity; i++) {
        if (shard->entries[i].live && shard->entries[i].id == id) {
            return &shard->entries[i];
        }
    }
    return NULL;
}

static size_t count_of(const struct model *m, const struct model_shard *shard, int domain)
{
    size_t count = 0;
    for (size_t i = 0; i < m->capacity; i++) {
        count += shard->entries[i].live && shard->entries[i].domain == domain;
    }
    return count;
}

static void drop(struct model *m, struct model_shard *shard, struct model_entry *entry)
{
    entry->live = false;
    m->expected.entries--;
    for (size_t i = 0; i <= m->capacity; i++) {
        if (shard->order[i] == entry->domain && count_of(m, shard, entry->domain) == 0) {
            shard->order[i] = -1;
        }
    }
}

static void evict(struct model *m, struct model_shard *shard, uint8_t entering)
{
    int richest = -1;
    for (size_t i = 0; i <= m->capacity; i++) {
        if (shard->order[i] >= 0 &&
            (richest < 0 || count_of(m, shard, shard->order[i]) > count_of(m, shard, richest))) {
            richest = shard->order[i];
        }
    }
    if (count_of(m, shard, entering) == count_of(m, shard, richest)) {
        richest = entering;
    }
    struct model_entry *oldest = NULL;
    for (size_t i = 0; i < m->capacity; i++) {
        struct model_entry *e = &shard->entries[i];
        if (e->live && e->domain == richest && (oldest == NULL || e->used < oldest->used)) {
            oldest = e;
        }
    }
    drop(m, shard, oldest);
    m->expected.evictions++;
}

static struct model_entry *enter(struct model *m, uint8_t id, uint8_t domain)
{
    struct model_shard *shard = shard_of(m, id);
    size_t free = 0;
    while (free < m->capacity && shard->entries[free].live) {
        free++;
    }
    if (free == m->capacity) {
        evict(m, shard, domain);
        for (free = 0; shard->entries[free].live; free++) {
        }
    }
    if (count_of(m, shard, domain) == 0) {
        size_t place = 0;
        while (shard->order[place] >= 0) {
            place++;
        }
        shard->order[place] = domain;
    }
    m->expected.entries++;
    shard->entries[free] = (struct model_entry){.live = true, .id = id, .domain = domain};
    return &shard->entries[free];
}

static void put(struct model *m, uint8_t id, uint8_t domain, const struct hf_cached *value)
{
    /* One the beginning of another: they are not the same. */
    static const struct hf_span names[DOMAINS] = {
        {(const uint8_t *)"a.example", 1}, {(const uint8_t *)"a.example", 2},
        {(const uint8_t *)"a.example", 9}, {(const uint8_t *)"b.example", 9},
        {(const uint8_t *)"b", 1},         {(const uint8_t *)"c.example", 9}};
    uint8_t key[HF_DIGEST_SIZE];
    key_of(id, key);
    hf_chain_cache_put(m->cache, key, names[domain], value);
    if (value->until <= value->from) {
        return; /* for no time at all */
    }
    struct model_entry *entry = look_up(m, id);
    entry = entry == NULL ? enter(m, id, domain) : entry;
    entry->value = *value;
    entry->deadline = m->now + AGE;
    entry->used = ++m->uses;
    m->expected.inserts++;
}

static bool same_value(const struct hf_cached *a, const struct hf_cached *b)
{
    return a->from == b->from && a->until == b->until && a->not_before == b->not_before &&
           a->not_after == b->not_after && a->path_length == b->path_length &&
           hf_mem_equal(a->anchor_digest, HF_DIGEST_SIZE, b->anchor_digest, HF_DIGEST_SIZE);
}

static void find(struct model *m, uint8_t id, int64_t at)
{
    uint8_t key[HF_DIGEST_SIZE];
    struct hf_cached out;
    key_of(id, key);
    bool found = hf_chain_cache_find(m->cache, key, at, &out);
    struct model_entry *entry = look_up(m, id);
    bool good = entry != NULL && m->now < entry->deadline && at >= entry->value.from &&
                at < entry->value.until;
    REQUIRE(found == good);
    m->expected.hits += good;
    m->expected.misses += !good;
    m->expected.expired += entry != NULL && !good;
    if (good) {
        REQUIRE(same_value(&out, &entry->value));
        entry->used = ++m->uses;
    } else if (entry != NULL && m->now >= entry->deadline) {
        drop(m, shard_of(m, id), entry);
    }
}

static void clear(struct model *m)
{
    hf_chain_cache_clear(m->cache);
    for (size_t s = 0; s < SHARDS_MAX; s++) {
        for (size_t i = 0; i < CAPACITY_MAX; i++) {
            m->shards[s].entries[i].live = false;
        }
        for (size_t i = 0; i <= CAPACITY_MAX; i++) {
            m->shards[s].order[i] = -1;
        }
    }
    m->expected.entries = 0;
}

static void check_statistics(const struct model *m)
{
    struct hf_chain_cache_statistics seen;
    hf_chain_cache_statistics(m->cache, &seen);
    REQUIRE(seen.hits == m->expected.hits && seen.misses == m->expected.misses);
    REQUIRE(seen.inserts == m->expected.inserts && seen.evictions == m->expected.evictions);
    REQUIRE(seen.expired == m->expected.expired && seen.entries == m->expected.entries);
    REQUIRE(seen.entries <= seen.max_entries && seen.bytes <= seen.max_bytes);
}

static void step(struct model *m, const uint8_t op[4])
{
    struct hf_cached value = {.from = (int8_t)op[2], .path_length = op[3]};
    switch (op[0] % 8) {
    case 0:
    case 1:
    case 2:
        value.until = value.from + op[3];
        value.not_before = value.from - 1;
        value.not_after = value.until + (int64_t)m->uses;
        value.anchor_digest[op[2] % HF_DIGEST_SIZE] = op[1];
        put(m, op[1], op[0] / 8 % DOMAINS, &value);
        break;
    case 3:
        m->now += op[1] < 0xf0 ? op[1] % 16 : AGE;
        hf_clock_monotonic_set(m->now);
        break;
    case 4:
        if (op[1] == 0) {
            clear(m);
        }
        break;
    default:
        find(m, op[1], (int8_t)op[2]);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct model nothing;
    static struct model m;
    struct hf_span left = hf_span_of(data, size);
    struct hf_span op;
    uint8_t how;
    if (!hf_span_take_u8(&left, &how)) {
        return 0;
    }
    /* Below 32 entries one shard, then two of at least 16 each, and so on. */
    struct hf_chain_cache_limits limits = {.max_entries = how % 96 + 1u, .max_age = AGE};
    m = nothing;
    m.shard_count = limits.max_entries < 32 ? 1 : limits.max_entries < 64 ? 2 : 4;
    m.capacity = limits.max_entries / m.shard_count;
    m.now = 1000;
    hf_clock_monotonic_set(m.now);
    REQUIRE(hf_is_ok(hf_chain_cache_new(&limits, &m.cache)));
    clear(&m);
    while (hf_span_take(&left, 4, &op)) {
        step(&m, op.data);
    }
    check_statistics(&m);
    hf_chain_cache_unref(m.cache);
    return 0;
}
