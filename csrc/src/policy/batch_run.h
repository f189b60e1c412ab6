/* SPDX-License-Identifier: Apache-2.0
 *
 * A batch while it runs: what its workers share, and where verdicts are written down.
 */
#ifndef HF_POLICY_BATCH_RUN_H
#define HF_POLICY_BATCH_RUN_H

#include "policy/batch_twins.h"
#include "policy/verifier.h"

/* Where the SPIFFE ID of a chain waits until all are known: in its worker's own memory. */
struct hf_batch_id {
    uint32_t worker;
    uint32_t len;
    size_t at;
};

/* Bytes that grow, one worker's. */
struct hf_batch_arena {
    uint32_t worker;
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
    struct hf_batch_id *ids;      /* one a chain; NULL when nobody wants IDs */
    struct hf_batch_twins *twins; /* NULL for a single chain */
    bool lanes;                   /* asked for, and there */
    atomic_size_t next;           /* the first chain that nobody has taken */
};

/* An acceptance. */
struct hf_batch_grant {
    struct hf_span id;
    int64_t not_after;
};

/* Every slot says "not judged", in every column there is. */
void hf_batch_reject_all(const struct hf_batch_run *run);

/* Write down a verdict on chain i. A refusal is told by this thread's record; an ID that finds no
 * memory makes a refusal of a grant (HF_E_OUT_OF_MEMORY). True when it was accepted. */
bool hf_batch_grant(const struct hf_batch_run *run, size_t i, const struct hf_batch_grant *grant,
                    struct hf_batch_arena *arena);
void hf_batch_refuse(const struct hf_batch_run *run, size_t i, hf_result refusal);

/* Once every worker is done: twins get their verdicts, in all columns; returns how many more were
 * accepted. Then all IDs, in order, out of the arenas. */
uint64_t hf_batch_settle_twins(const struct hf_batch_run *run);
HF_MUST_USE hf_result hf_batch_gather(const struct hf_batch_run *run,
                                      const struct hf_batch_arena *const *arenas);

bool hf_batch_is_cancelled(const struct hf_batch_run *run);
void hf_batch_progress(const struct hf_batch_run *run, size_t chains);

#endif
