/* SPDX-License-Identifier: Apache-2.0
 *
 * Chains that verified peers of one configuration showed lately, so that a thousand idle
 * connections of one workload keep its certificates once. Only what was verified comes here, and
 * only what is the same byte for byte is shared: nobody can tell, but by the memory.
 */
#ifndef HF_TLS_CHAIN_SHARE_H
#define HF_TLS_CHAIN_SHARE_H

#include "tls/presented.h"

#define HF_CHAIN_SHARE_SLOTS 64

/* One chain a slot, the last one that came. The flag is tried, never waited for: who finds it taken
 * (by a thread, or for ever by one that a fork left behind) keeps the chain that it has. */
struct hf_chain_share {
    struct hf_chain_slot {
        atomic_flag busy;
        struct hf_presented_chain *chain; /* NULL: none yet */
    } slots[HF_CHAIN_SHARE_SLOTS];
};

void hf_chain_share_init(struct hf_chain_share *share);
/* Nobody uses it any more. */
void hf_chain_share_clear(struct hf_chain_share *share);

/* Takes one reference and gives one: to `chain`, or to an equal one that came before. `digest`: of
 * the chain, or anything else that is the same for the same chain. */
struct hf_presented_chain *hf_chain_share(struct hf_chain_share *share,
                                          struct hf_presented_chain *chain,
                                          const uint8_t digest[HF_DIGEST_SIZE]);

#endif
