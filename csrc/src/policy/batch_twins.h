/* SPDX-License-Identifier: Apache-2.0
 *
 * Equal chains of a batch are judged once. A table without locks tells each worker whether an equal
 * chain was met before, by whomever; after all is done, twins get its verdict.
 *
 * Chains are found by a keyed hash and always compared in full, or, where the data is shared and
 * may have changed, by SHA-256 of what was judged: a hash that is equal by chance costs a
 * comparison and never a verdict. The key is fresh for every batch and seen by nobody, so
 * that nobody can make chains that fall on one place of the table.
 */
#ifndef HF_POLICY_BATCH_TWINS_H
#define HF_POLICY_BATCH_TWINS_H

#include <stdatomic.h>

#include "policy/batch_input.h"

#define HF_TWINS_HEAD (2 + HF_CHAIN_MAX) /* even: words go in pairs */
#define HF_TWINS_WORDS (HF_TWINS_HEAD + HF_CHAIN_BYTES_MAX / 4)

struct hf_batch_twins {
    const struct hf_batch_input *in;
    _Atomic(uint64_t) *slots; /* 0, or a chain: 32 bits of its hash, and its number plus 1 */
    uint8_t *digests;         /* one a chain, when the data is shared; else NULL */
    uint32_t *first;          /* for each chain: 0, or the number plus 1 of its equal */
    unsigned bits;            /* of a place in the table */
    uint64_t place_key;
    uint64_t mark_key;
    uint32_t keys[HF_TWINS_WORDS];
};

HF_MUST_USE hf_result hf_batch_twins_init(const struct hf_batch_input *in,
                                          struct hf_batch_twins *out);
void hf_batch_twins_wipe(struct hf_batch_twins *twins);

/* True when an equal chain was met before: it is remembered as the twin of that one. */
bool hf_batch_twins_met(struct hf_batch_twins *twins, size_t i, const struct hf_batch_item *item);

#endif
