/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/batch_lanes.h"

static const enum hf_key_kind kinds[HF_BATCH_CURVES] = {
    [HF_BATCH_P256] = HF_KEY_P256,
    [HF_BATCH_P384] = HF_KEY_P384,
};

void hf_batch_lanes_init(struct hf_batch_lanes *lanes)
{
    for (size_t i = 0; i < HF_BATCH_CURVES; i++) {
        lanes->counts[i] = 0;
    }
    lanes->free_count = HF_BATCH_PLACES;
    for (size_t i = 0; i < HF_BATCH_PLACES; i++) {
        lanes->free[i] = &lanes->places[i];
    }
}

struct hf_batch_waiting *hf_batch_lanes_place(const struct hf_batch_lanes *lanes)
{
    return lanes->free[lanes->free_count - 1];
}

static bool curve_of(const struct hf_signer *signer, enum hf_batch_curve *out)
{
    for (*out = HF_BATCH_P256; *out < HF_BATCH_CURVES; ++*out) {
        if (signer->kind == kinds[*out]) {
            return true;
        }
    }
    return false;
}

bool hf_batch_lanes_queue(struct hf_batch_lanes *lanes, enum hf_batch_curve *curve)
{
    struct hf_batch_waiting *place = hf_batch_lanes_place(lanes);
    if (!curve_of(place->pending.signer, curve) || lanes->counts[*curve] == HF_MB_LANES ||
        !hf_is_ok(hf_signature_digest(&place->pending.leaf, place->digest, &place->digest_len))) {
        return false;
    }
    place->held = false;
    lanes->queues[*curve][lanes->counts[*curve]++] = place;
    lanes->free_count--;
    return true;
}

size_t hf_batch_lanes_clear(struct hf_batch_lanes *lanes, enum hf_batch_curve curve,
                            struct hf_batch_waiting *out[HF_MB_LANES])
{
    size_t count = lanes->counts[curve];
    for (size_t i = 0; i < count; i++) {
        out[i] = lanes->queues[curve][i];
        lanes->free[lanes->free_count++] = out[i];
    }
    lanes->counts[curve] = 0;
    return count;
}

size_t hf_batch_lanes_flush(struct hf_batch_lanes *lanes, enum hf_batch_curve curve,
                            struct hf_batch_waiting *out[HF_MB_LANES])
{
    struct hf_mb_job jobs[HF_MB_LANES];
    size_t count = hf_batch_lanes_clear(lanes, curve, out);
    for (size_t i = 0; i < count; i++) {
        const struct hf_signer *signer = out[i]->pending.signer;
        jobs[i] = (struct hf_mb_job){.point = signer->point,
                                     .point_len = signer->point_len,
                                     .digest = out[i]->digest,
                                     .digest_len = out[i]->digest_len,
                                     .signature = out[i]->pending.leaf.signature,
                                     .held = false};
    }
    hf_mb_verify(kinds[curve], jobs, count);
    for (size_t i = 0; i < count; i++) {
        out[i]->held = jobs[i].held;
    }
    return count;
}
