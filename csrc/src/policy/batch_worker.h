/* SPDX-License-Identifier: Apache-2.0
 *
 * One worker of a batch: takes chains, block by block, until none are left.
 */
#ifndef HF_POLICY_BATCH_WORKER_H
#define HF_POLICY_BATCH_WORKER_H

#include "policy/batch_run.h"

struct hf_batch_worker;

HF_MUST_USE hf_result hf_batch_worker_new(struct hf_batch_run *run, uint32_t number,
                                          struct hf_batch_worker **out);
void hf_batch_worker_free(struct hf_batch_worker *worker);

/* Never fails: what goes wrong with a chain is that chain's verdict. */
void hf_batch_worker_run(struct hf_batch_worker *worker);

/* What it found out, once it is done. */
const struct hf_batch_arena *hf_batch_worker_arena(const struct hf_batch_worker *worker);
void hf_batch_worker_count(const struct hf_batch_worker *worker, struct hf_batch_statistics *sum);

#endif
