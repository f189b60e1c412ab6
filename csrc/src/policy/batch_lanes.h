/* SPDX-License-Identifier: Apache-2.0
 *
 * Chains of which nothing is left to check but the leaf's signature, waiting by curve until there
 * are enough to fill the lanes.
 */
#ifndef HF_POLICY_BATCH_LANES_H
#define HF_POLICY_BATCH_LANES_H

#include "policy/batch_input.h"
#include "verify/pending.h"
#include "verify/signature_mb.h"

/* Parts point into each other: it stays where it is. */
struct hf_batch_waiting {
    size_t index;  /* of the chain in the batch */
    uint8_t *room; /* for a copy of the chain, when its data is shared; else NULL */
    struct hf_batch_item item;
    struct hf_presented presented;
    struct hf_pending pending;
    bool held; /* after a flush */
    size_t digest_len;
    uint8_t digest[HF_SIGNATURE_DIGEST_MAX];
};

enum hf_batch_curve { HF_BATCH_P256 = 0, HF_BATCH_P384, HF_BATCH_CURVES };

/* A queue for each curve, and one place for the chain that is looked at. */
#define HF_BATCH_PLACES (HF_BATCH_CURVES * HF_MB_LANES + 1)

struct hf_batch_lanes {
    size_t counts[HF_BATCH_CURVES];
    struct hf_batch_waiting *queues[HF_BATCH_CURVES][HF_MB_LANES];
    size_t free_count;
    struct hf_batch_waiting *free[HF_BATCH_PLACES];
    struct hf_batch_waiting places[HF_BATCH_PLACES];
};

void hf_batch_lanes_init(struct hf_batch_lanes *lanes);

/* Where the next chain may be put: the same place until that is queued. */
struct hf_batch_waiting *hf_batch_lanes_place(const struct hf_batch_lanes *lanes);

/* The chain in it, whose pending judgement is ready, has a signature for lanes: it is digested,
 * while its bytes are near, and queued. False: not for lanes, and nothing done. */
bool hf_batch_lanes_queue(struct hf_batch_lanes *lanes, enum hf_batch_curve *curve);

/* Empty a queue into `out`, after its signatures were checked in lanes (flush; `held` is set then)
 * or unchecked (clear). What comes out stays until the next place is asked for. Returns how many.
 */
size_t hf_batch_lanes_flush(struct hf_batch_lanes *lanes, enum hf_batch_curve curve,
                            struct hf_batch_waiting *out[HF_MB_LANES]);
size_t hf_batch_lanes_clear(struct hf_batch_lanes *lanes, enum hf_batch_curve curve,
                            struct hf_batch_waiting *out[HF_MB_LANES]);

#endif
