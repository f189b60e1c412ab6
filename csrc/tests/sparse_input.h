/* SPDX-License-Identifier: Apache-2.0
 *
 * Inputs for readers of choices (grammar.h) from a seed: the first bytes any, of the rest from one
 * in 128 to all, since a zero is the plain choice.
 */
#ifndef HF_TESTS_SPARSE_INPUT_H
#define HF_TESTS_SPARSE_INPUT_H

#include <stddef.h>
#include <stdint.h>

#define SPARSE_INPUT_MAX 512

/* Fill `out`, of SPARSE_INPUT_MAX bytes; returns the length. *state begins as the seed. */
size_t sparse_input(uint64_t *state, uint8_t *out);

#endif
