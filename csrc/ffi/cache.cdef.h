/* SPDX-License-Identifier: Apache-2.0
 *
 * The verified-chain cache, and verdicts in one crossing.
 */

/* ---- chain cache ---- */

static const int HF_CHAIN_CACHE_ENTRIES;
static const int HF_CHAIN_CACHE_BYTES;
static const int HF_CHAIN_CACHE_AGE;

struct hf_chain_cache_statistics {
    uint64_t hits;
    uint64_t misses;
    uint64_t inserts;
    uint64_t evictions;
    uint64_t expired;
    uint64_t entries;
    uint64_t bytes;
    uint64_t max_entries;
    uint64_t max_bytes;
};

struct hf_chain_cache *hf_ffi_chain_cache_new(size_t, size_t, int64_t);
void hf_ffi_chain_cache_unref(struct hf_chain_cache *);
struct hf_chain_cache *hf_chain_cache_default(void);
void hf_chain_cache_clear(struct hf_chain_cache *);
void hf_chain_cache_statistics(struct hf_chain_cache *, struct hf_chain_cache_statistics *);

int64_t hf_clock_monotonic(void);
void hf_clock_monotonic_set(int64_t);
void hf_clock_monotonic_reset(void);

/* ---- verdicts ---- */

int64_t hf_ffi_verify(struct hf_verifier *, const uint8_t *, const uint8_t *, size_t, int64_t, int,
                      struct hf_peer *);
