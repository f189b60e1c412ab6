/* SPDX-License-Identifier: Apache-2.0
 *
 * A batch while it runs: what its workers share, and where verdicts are written down.
 */
#ifndef HF_POLICY_BATCH_RUN_H
#define HF_POLICY_BATCH_RUN_H

#include "policy/batch_input.h"
#include "policy/verifier.h"

/* Where the SPIFFE ID of a chain waits until all are known: in its worker's own memory. */
struct hf_batch_id {
    uint32_t worker;
    uint32_t len;
    size_t at;
};

/* Bytes that grow. */
struct hf_batch_arena {
    char *bytes;
    size_t len;
    size_t cap;
};

struct hf_batch_run {
    const struct hf_verifier *verifier;
    const struct hf_batch_input *in;
    struct hf_batch_options options; /* its time resolved */
    struct hf_batch_control *control;
    struct hf_batch_output *out;
    struct hf_batch_id *ids; /* one a chain; NULL when nobody wants IDs */
};

/* Every slot says "not judged", in every column there is. */
void hf_batch_reject_all(const struct hf_batch_run *run);

/* Write down the verdict on chain i: what hf_verifier_judge() returned, `peer` when that was OK.
 * An ID that finds no memory makes it a refusal (HF_E_OUT_OF_MEMORY). True when accepted. */
bool hf_batch_write(const struct hf_batch_run *run, size_t i, hf_result verdict,
                    const struct hf_peer *peer, uint32_t worker, struct hf_batch_arena *arena);

/* All IDs in order, once every worker is done. */
HF_MUST_USE hf_result hf_batch_gather(const struct hf_batch_run *run,
                                      const struct hf_batch_arena *const *arenas);

bool hf_batch_is_cancelled(const struct hf_batch_run *run);
void hf_batch_progress(const struct hf_batch_run *run, size_t chains);

#endif
