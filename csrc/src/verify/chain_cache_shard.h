/* SPDX-License-Identifier: Apache-2.0
 *
 * One shard of the verified-chain cache: a table of acceptances under one lock, which bounds itself
 * by entries and is fair between trust domains (C8).
 */
#ifndef HF_VERIFY_CHAIN_CACHE_SHARD_H
#define HF_VERIFY_CHAIN_CACHE_SHARD_H

#include <pthread.h>

#include "verify/chain_cache.h"

struct hf_cache_entry;
struct hf_cache_domain;

struct hf_cache_shard {
    pthread_mutex_t lock;
    bool closed;       /* a fork is under way: nothing is read and nothing changes */
    uint32_t capacity; /* entries at most */
    uint32_t buckets_mask;
    /* Indices count from 1; 0 is none. Entries lie in [1, used]; those not alive are in `free`. */
    uint32_t used;
    uint32_t room;
    uint32_t free;
    uint32_t live;
    uint32_t domains_room;
    uint32_t *buckets;
    struct hf_cache_entry *entries;
    struct hf_cache_domain *domains;
    uint64_t hits;
    uint64_t misses;
    uint64_t inserts;
    uint64_t evictions;
    uint64_t expired;
};

/* All memory that `shard` may ever hold, of its own and for `capacity` entries. */
size_t hf_cache_shard_bytes_max(uint32_t capacity);
/* What it holds now. */
size_t hf_cache_shard_bytes(const struct hf_cache_shard *shard);

/* False: the system has no lock to give. */
bool hf_cache_shard_init(struct hf_cache_shard *shard, uint32_t capacity);
void hf_cache_shard_destroy(struct hf_cache_shard *shard);

/* Under the lock; false, without it, when the shard is closed. */
bool hf_cache_shard_enter(struct hf_cache_shard *shard);
void hf_cache_shard_leave(struct hf_cache_shard *shard);

/* Within enter and leave. `now` is of the monotonic clock, `at` of the verdict. */
bool hf_cache_shard_find(struct hf_cache_shard *shard, const uint8_t key[HF_DIGEST_SIZE],
                         int64_t at, int64_t now, struct hf_cached *out);
/* Enter an acceptance, or renew it; without memory nothing happens. `domain` names its trust
 * domain. */
void hf_cache_shard_put(struct hf_cache_shard *shard, const uint8_t key[HF_DIGEST_SIZE],
                        const uint8_t domain[HF_CACHE_DOMAIN_SIZE], int64_t deadline,
                        const struct hf_cached *value);
/* Forget all, and give the memory back. */
void hf_cache_shard_clear(struct hf_cache_shard *shard);

/* In a child after fork, whatever its parent's threads were doing: a lock that is free and no
 * entries. Allocates and frees nothing. */
void hf_cache_shard_restart(struct hf_cache_shard *shard);

#endif
