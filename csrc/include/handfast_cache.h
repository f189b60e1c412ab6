/* SPDX-License-Identifier: Apache-2.0
 *
 * handfast_cache.h - the verified-chain cache (promise P3). Included by handfast.h.
 *
 * What it remembers. That a chain, exactly as it was presented, was found good for a purpose, under
 * the rules, the policy and the content of the one bundle that it was judged by: all of that is in
 * the key, a SHA-256 of it. An acceptance from the cache is what a new judgement would say, field
 * by field: it is given only at times at which no certificate that was looked at has changed from
 * not yet valid to valid or to expired since, and the policy is asked at every hit. Refusals are
 * never remembered, and neither is a peer's proof that it holds its key: TLS asks for that anew.
 *
 * Bounds. Entries, bytes and age. When it is full, the trust domain that has most in it gives up
 * what it used least lately: who floods it pushes out his own.
 *
 * Threads. Any number may use one at once; there is no lock that all of them take. A process that
 * was forked starts with empty caches and is never kept waiting by a lock of its parent.
 */
#ifndef HANDFAST_CACHE_H
#define HANDFAST_CACHE_H

#include "handfast.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hf_chain_cache; /* counted, shared */

#define HF_CHAIN_CACHE_ENTRIES 65536
#define HF_CHAIN_CACHE_BYTES 16777216
#define HF_CHAIN_CACHE_AGE 3600

struct hf_chain_cache_limits {
    size_t max_entries; /* 0: HF_CHAIN_CACHE_ENTRIES */
    size_t max_bytes;   /* all memory of the cache; 0: HF_CHAIN_CACHE_BYTES */
    int64_t max_age;    /* seconds that an entry is believed for; 0: HF_CHAIN_CACHE_AGE */
};

/* Take `limits` (NULL: the defaults). Memory is taken as it fills. HF_E_BAD_ARGUMENT for limits
 * that leave no room for one entry. */
HF_MUST_USE hf_result hf_chain_cache_new(const struct hf_chain_cache_limits *limits,
                                         struct hf_chain_cache **out);
struct hf_chain_cache *hf_chain_cache_ref(struct hf_chain_cache *cache);
void hf_chain_cache_unref(struct hf_chain_cache *cache);

/* The one of this process, made at first use and never given back: borrowed. NULL when there is no
 * memory for it, which hf_verifier_new() takes as: none. */
struct hf_chain_cache *hf_chain_cache_default(void);

/* Forget everything, and give the memory back. Judgements go on meanwhile. */
void hf_chain_cache_clear(struct hf_chain_cache *cache);

struct hf_chain_cache_statistics {
    uint64_t hits;
    uint64_t misses;      /* look-ups without an answer, those of `expired` included */
    uint64_t inserts;     /* acceptances entered, one again after it expired included */
    uint64_t evictions;   /* entries that made room for another */
    uint64_t expired;     /* entries found that were too old, or not for this time */
    uint64_t entries;     /* now */
    uint64_t bytes;       /* now */
    uint64_t max_entries; /* within both limits, in equal shards */
    uint64_t max_bytes;
};
/* Add up the shards, one after the other: exact when nothing else goes on. */
void hf_chain_cache_statistics(struct hf_chain_cache *cache, struct hf_chain_cache_statistics *out);

/* Seconds of a clock that nobody sets and that goes on while a machine sleeps (where it has one):
 * ages are counted by it. A test may fix it. */
int64_t hf_clock_monotonic(void);
void hf_clock_monotonic_set(int64_t seconds);
void hf_clock_monotonic_reset(void);

#ifdef __cplusplus
}
#endif

#endif
