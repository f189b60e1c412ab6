/* SPDX-License-Identifier: Apache-2.0
 *
 * The chains of a batch as its caller laid them out.
 */
#ifndef HF_POLICY_BATCH_INPUT_H
#define HF_POLICY_BATCH_INPUT_H

#include "base/span.h"

/* One chain, taken out. `chain` points into `lengths` and into the caller's bytes. */
struct hf_batch_item {
    struct hf_chain chain;
    struct hf_span bytes; /* all of its certificates */
    uint32_t lengths[HF_CHAIN_MAX];
};

/* Widths, pointers and every offset, before anything they point to is read. */
HF_MUST_USE hf_result hf_batch_input_check(const struct hf_batch_input *in);

/* Chain i. The failures are those of hf_der_split(), which are the chain's verdict. Offsets are
 * looked at again: memory stays safe even when another thread changes them meanwhile, which the
 * caller promised not to let happen (HF_E_BAD_ARGUMENT then). `out` does not move afterwards.
 * `room`, when not NULL, has HF_CHAIN_BYTES_MAX bytes: the chain is copied there before it is
 * read. A longer one is not, and only its length will be looked at. */
HF_MUST_USE hf_result hf_batch_input_take(const struct hf_batch_input *in, size_t i, uint8_t *room,
                                          struct hf_batch_item *out);

#endif
