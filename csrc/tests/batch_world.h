/* SPDX-License-Identifier: Apache-2.0
 *
 * Good and bad chains of every kind of key, mixed up, for the tests of batches.
 */
#ifndef HF_TESTS_BATCH_WORLD_H
#define HF_TESTS_BATCH_WORLD_H

#include "batch_kit.h"

/* Who they are: a.example has an authority and an intermediate of each kind of key. The policy lets
 * in what is at or below spiffe://a.example/w. */
struct hf_verifier *batch_world_verifier(void);

/* `count` chains, the n-th always the same: about half of them good. Among the others: forged and
 * expired ones, strangers, other trust domains, refused by the policy, garbage, empty, too long,
 * without their intermediate. Every 13th is equal to an earlier one. */
void batch_world_fill(struct batch_corpus *corpus, size_t count);

/* One good chain under this kind of authority, number n. */
void batch_world_good(struct batch_corpus *corpus, enum pki_kind kind, size_t n);
/* The same with a wrong signature on the leaf. */
void batch_world_forged(struct batch_corpus *corpus, enum pki_kind kind, size_t n);

#endif
