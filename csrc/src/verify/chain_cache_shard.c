/* SPDX-License-Identifier: Apache-2.0
 *
 * Entries lie in one array that grows up to the capacity and are linked by index: in the chain of
 * their bucket, and, by last use, in the list of their trust domain. When an entry must go, it is
 * the least lately used one of the trust domain with the most entries; among equals of the one that
 * wants to enter. So with k trust domains in a shard nobody pushes another below capacity / k.
 */
#include "verify/chain_cache_shard.h"

#define FIRST_ROOM 16

struct hf_cache_entry {
    uint8_t key[HF_DIGEST_SIZE];
    struct hf_cached value;
    int64_t deadline;
    uint32_t next; /* in its bucket, or among the free */
    uint32_t newer;
    uint32_t older;
    uint32_t domain;
};

struct hf_cache_domain {
    uint8_t name[HF_CACHE_DOMAIN_SIZE];
    uint32_t count; /* 0: this place is free */
    uint32_t newest;
    uint32_t oldest;
};

static struct hf_cache_entry *entry_at(const struct hf_cache_shard *shard, uint32_t index)
{
    return &shard->entries[index - 1];
}

/* The power of two that holds as many buckets as there may be entries. */
static uint32_t bucket_count(uint32_t capacity)
{
    uint32_t count = 1;
    while (count < capacity) {
        count *= 2;
    }
    return count;
}

size_t hf_cache_shard_bytes_max(uint32_t capacity)
{
    return sizeof(struct hf_cache_shard) + bucket_count(capacity) * sizeof(uint32_t) +
           capacity * (sizeof(struct hf_cache_entry) + sizeof(struct hf_cache_domain));
}

size_t hf_cache_shard_bytes(const struct hf_cache_shard *shard)
{
    return sizeof(*shard) +
           (shard->buckets == NULL ? 0 : (shard->buckets_mask + (size_t)1) * sizeof(uint32_t)) +
           shard->room * sizeof(struct hf_cache_entry) +
           shard->domains_room * sizeof(struct hf_cache_domain);
}

bool hf_cache_shard_init(struct hf_cache_shard *shard, uint32_t capacity)
{
    shard->capacity = capacity;
    shard->buckets_mask = bucket_count(capacity) - 1;
    return pthread_mutex_init(&shard->lock, NULL) == 0;
}

void hf_cache_shard_destroy(struct hf_cache_shard *shard)
{
    hf_cache_shard_clear(shard);
    (void)pthread_mutex_destroy(&shard->lock);
}

bool hf_cache_shard_enter(struct hf_cache_shard *shard)
{
    if (pthread_mutex_lock(&shard->lock) != 0) {
        return false;
    }
    if (shard->closed) {
        (void)pthread_mutex_unlock(&shard->lock);
        return false;
    }
    return true;
}

void hf_cache_shard_leave(struct hf_cache_shard *shard)
{
    (void)pthread_mutex_unlock(&shard->lock);
}

/* ---- buckets ------------------------------------------------------------------------------ */

static uint32_t *bucket_of(const struct hf_cache_shard *shard, const uint8_t key[HF_DIGEST_SIZE])
{
    /* Any four bytes of a digest do, in any order; the last one picks the shard. */
    uint32_t hash;
    (void)hf_mem_copy(&hash, sizeof(hash), key, sizeof(hash));
    return &shard->buckets[hash & shard->buckets_mask];
}

static uint32_t look_up(const struct hf_cache_shard *shard, const uint8_t key[HF_DIGEST_SIZE])
{
    if (shard->buckets == NULL) {
        return 0;
    }
    uint32_t index = *bucket_of(shard, key);
    while (index != 0 &&
           !hf_mem_equal(entry_at(shard, index)->key, HF_DIGEST_SIZE, key, HF_DIGEST_SIZE)) {
        index = entry_at(shard, index)->next;
    }
    return index;
}

static void unlink_bucket(struct hf_cache_shard *shard, uint32_t index)
{
    uint32_t *at = bucket_of(shard, entry_at(shard, index)->key);
    while (*at != index) {
        at = &entry_at(shard, *at)->next;
    }
    *at = entry_at(shard, index)->next;
}

/* ---- order of use ------------------------------------------------------------------------- */

static void unlink_use(struct hf_cache_shard *shard, uint32_t index)
{
    struct hf_cache_entry *entry = entry_at(shard, index);
    struct hf_cache_domain *domain = &shard->domains[entry->domain];
    if (entry->newer == 0) {
        domain->newest = entry->older;
    } else {
        entry_at(shard, entry->newer)->older = entry->older;
    }
    if (entry->older == 0) {
        domain->oldest = entry->newer;
    } else {
        entry_at(shard, entry->older)->newer = entry->newer;
    }
}

static void link_newest(struct hf_cache_shard *shard, uint32_t index)
{
    struct hf_cache_entry *entry = entry_at(shard, index);
    struct hf_cache_domain *domain = &shard->domains[entry->domain];
    entry->newer = 0;
    entry->older = domain->newest;
    if (domain->newest == 0) {
        domain->oldest = index;
    } else {
        entry_at(shard, domain->newest)->newer = index;
    }
    domain->newest = index;
}

static void touch(struct hf_cache_shard *shard, uint32_t index)
{
    unlink_use(shard, index);
    link_newest(shard, index);
}

static void drop(struct hf_cache_shard *shard, uint32_t index)
{
    struct hf_cache_entry *entry = entry_at(shard, index);
    unlink_bucket(shard, index);
    unlink_use(shard, index);
    shard->domains[entry->domain].count--;
    shard->live--;
    entry->next = shard->free;
    shard->free = index;
}

/* ---- looking up --------------------------------------------------------------------------- */

static bool holds(const struct hf_cache_entry *entry, int64_t at, int64_t now)
{
    return now < entry->deadline && at >= entry->value.from && at < entry->value.until;
}

bool hf_cache_shard_find(struct hf_cache_shard *shard, const uint8_t key[HF_DIGEST_SIZE],
                         int64_t at, int64_t now, struct hf_cached *out)
{
    uint32_t index = look_up(shard, key);
    if (index == 0) {
        shard->misses++;
        return false;
    }
    const struct hf_cache_entry *entry = entry_at(shard, index);
    if (!holds(entry, at, now)) {
        shard->misses++;
        shard->expired++;
        /* What is not for this time may be for another verifier's; what is too old is of no use. */
        if (now >= entry->deadline) {
            drop(shard, index);
        }
        return false;
    }
    *out = entry->value;
    touch(shard, index);
    shard->hits++;
    return true;
}

/* ---- entering ----------------------------------------------------------------------------- */

/* The place of a trust domain, or one that is free for it; `domains_room` when there is none. */
static uint32_t place_of(const struct hf_cache_shard *shard,
                         const uint8_t name[HF_CACHE_DOMAIN_SIZE])
{
    uint32_t vacant = shard->domains_room;
    for (uint32_t i = 0; i < shard->domains_room; i++) {
        const struct hf_cache_domain *domain = &shard->domains[i];
        if (domain->count == 0) {
            vacant = vacant == shard->domains_room ? i : vacant;
        } else if (hf_mem_equal(domain->name, HF_CACHE_DOMAIN_SIZE, name, HF_CACHE_DOMAIN_SIZE)) {
            return i;
        }
    }
    return vacant;
}

/* Twice as much room, up to the capacity. `block` moves; false leaves everything as it was. */
static bool grow(void **block, uint32_t *room, uint32_t capacity, size_t size)
{
    uint32_t wanted = *room == 0 ? FIRST_ROOM : *room * 2;
    wanted = wanted < capacity ? wanted : capacity;
    if (wanted == *room) {
        return false;
    }
    void *grown = hf_mem_grow(*block, wanted * size);
    if (grown == NULL) {
        return false;
    }
    *block = grown;
    *room = wanted;
    return true;
}

static bool grow_domains(struct hf_cache_shard *shard)
{
    uint32_t before = shard->domains_room;
    void *block = shard->domains;
    if (!grow(&block, &shard->domains_room, shard->capacity, sizeof(struct hf_cache_domain))) {
        return false;
    }
    shard->domains = block;
    static const struct hf_cache_domain vacant;
    for (uint32_t i = before; i < shard->domains_room; i++) {
        shard->domains[i] = vacant;
    }
    return true;
}

/* The trust domain that has to give something up, since `entering` wants to come in. */
static uint32_t richest(const struct hf_cache_shard *shard,
                        const uint8_t entering[HF_CACHE_DOMAIN_SIZE])
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < shard->domains_room; i++) {
        best = shard->domains[i].count > shard->domains[best].count ? i : best;
    }
    uint32_t own = place_of(shard, entering);
    bool equal =
        own < shard->domains_room && shard->domains[own].count == shard->domains[best].count;
    return equal ? own : best;
}

/* A place for one more entry; 0 when there is no memory for even one. */
static uint32_t make_place(struct hf_cache_shard *shard, const uint8_t name[HF_CACHE_DOMAIN_SIZE])
{
    if (shard->free == 0 && shard->used == shard->room) {
        void *block = shard->entries;
        if (grow(&block, &shard->room, shard->capacity, sizeof(struct hf_cache_entry))) {
            shard->entries = block;
        }
    }
    if (shard->free == 0 && shard->used < shard->room) {
        return ++shard->used;
    }
    if (shard->free == 0 && shard->live != 0) {
        drop(shard, shard->domains[richest(shard, name)].oldest);
        shard->evictions++;
    }
    uint32_t index = shard->free;
    if (index != 0) {
        shard->free = entry_at(shard, index)->next;
    }
    return index;
}

static bool have_buckets(struct hf_cache_shard *shard)
{
    if (shard->buckets == NULL) {
        shard->buckets = hf_mem_new_array(shard->buckets_mask + (size_t)1, sizeof(*shard->buckets));
    }
    return shard->buckets != NULL;
}

/* A new entry, linked everywhere; its value is the caller's to write. 0: no memory. */
static uint32_t enter_new(struct hf_cache_shard *shard, const uint8_t key[HF_DIGEST_SIZE],
                          const uint8_t name[HF_CACHE_DOMAIN_SIZE])
{
    /* Room for one more trust domain comes first: after it nothing can fail half-way. */
    if (!have_buckets(shard) || (place_of(shard, name) == shard->domains_room &&
                                 !grow_domains(shard) && shard->domains_room < shard->capacity)) {
        return 0;
    }
    uint32_t index = make_place(shard, name);
    if (index == 0) {
        return 0;
    }
    /* With as many trust domains as entries, one of them has just lost its only entry. */
    uint32_t place = place_of(shard, name);
    struct hf_cache_domain *domain = &shard->domains[place];
    if (domain->count == 0) {
        domain->newest = 0; /* so that the first one becomes the oldest as well */
        (void)hf_mem_copy(domain->name, HF_CACHE_DOMAIN_SIZE, name, HF_CACHE_DOMAIN_SIZE);
    }
    domain->count++;
    struct hf_cache_entry *entry = entry_at(shard, index);
    (void)hf_mem_copy(entry->key, HF_DIGEST_SIZE, key, HF_DIGEST_SIZE);
    entry->domain = place;
    uint32_t *bucket = bucket_of(shard, key);
    entry->next = *bucket;
    *bucket = index;
    link_newest(shard, index);
    shard->live++;
    return index;
}

void hf_cache_shard_put(struct hf_cache_shard *shard, const uint8_t key[HF_DIGEST_SIZE],
                        const uint8_t domain[HF_CACHE_DOMAIN_SIZE], int64_t deadline,
                        const struct hf_cached *value)
{
    uint32_t index = look_up(shard, key);
    if (index != 0) {
        touch(shard, index);
    } else {
        index = enter_new(shard, key, domain);
    }
    if (index == 0) {
        return;
    }
    struct hf_cache_entry *entry = entry_at(shard, index);
    entry->value = *value;
    entry->deadline = deadline;
    shard->inserts++;
}

/* ---- forgetting --------------------------------------------------------------------------- */

void hf_cache_shard_clear(struct hf_cache_shard *shard)
{
    hf_mem_free(shard->buckets);
    hf_mem_free(shard->entries);
    hf_mem_free(shard->domains);
    shard->buckets = NULL;
    shard->entries = NULL;
    shard->domains = NULL;
    shard->domains_room = 0;
    shard->room = 0;
    shard->used = 0;
    shard->free = 0;
    shard->live = 0;
}

void hf_cache_shard_restart(struct hf_cache_shard *shard)
{
    /* Whoever held the lock, to find the shard closed, is not in this process. */
    (void)pthread_mutex_init(&shard->lock, NULL);
    for (size_t i = 0; shard->buckets != NULL && i <= shard->buckets_mask; i++) {
        shard->buckets[i] = 0;
    }
    for (uint32_t i = 0; i < shard->domains_room; i++) {
        shard->domains[i].count = 0;
    }
    shard->used = 0;
    shard->free = 0;
    shard->live = 0;
    shard->hits = 0;
    shard->misses = 0;
    shard->inserts = 0;
    shard->evictions = 0;
    shard->expired = 0;
    shard->closed = false;
}
