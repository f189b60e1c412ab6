/* SPDX-License-Identifier: Apache-2.0
 *
 * The verified-chain cache from the inside: keys in, acceptances out. What goes into a key and what
 * an acceptance may be used for is recall.h's affair; nothing here looks at a certificate.
 */
#ifndef HF_VERIFY_CHAIN_CACHE_H
#define HF_VERIFY_CHAIN_CACHE_H

#include "base/span.h"

#define HF_CACHE_SEED_SIZE 16
#define HF_CACHE_DOMAIN_SIZE 16

/* What is remembered of a judgement that accepted. */
struct hf_cached {
    int64_t from;  /* the times at which a new judgement would say the same ... */
    int64_t until; /* ... this one not included */
    int64_t not_before;
    int64_t not_after;
    uint32_t path_length;
    uint8_t anchor_digest[HF_DIGEST_SIZE];
};

/* Random bytes that belong into every key: without them a peer could look for chains that all fall
 * into one bucket. */
const uint8_t *hf_chain_cache_seed(const struct hf_chain_cache *cache);

/* The entry of this key, all 32 bytes of it, if it is for the time `at` and not too old. */
bool hf_chain_cache_find(struct hf_chain_cache *cache, const uint8_t key[HF_DIGEST_SIZE],
                         int64_t at, struct hf_cached *out);

/* Never fails: what cannot be kept is not kept. */
void hf_chain_cache_put(struct hf_chain_cache *cache, const uint8_t key[HF_DIGEST_SIZE],
                        struct hf_span trust_domain, const struct hf_cached *value);

#endif
