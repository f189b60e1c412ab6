/* SPDX-License-Identifier: Apache-2.0 */
#include "sparse_input.h"

/* SplitMix64: one word of state, so a seed tells the whole run. */
static uint64_t next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

size_t sparse_input(uint64_t *state, uint8_t *out)
{
    uint64_t how = next(state);
    size_t len = 16 + (how >> 8) % (SPARSE_INPUT_MAX - 16);
    unsigned rarity = 1u << (how % 8);
    for (size_t i = 0; i < len; i++) {
        uint64_t one = next(state);
        out[i] = i < 4 || one % rarity == 0 ? (uint8_t)(one >> 32) : 0;
    }
    return len;
}
