/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs a fuzz target without libFuzzer and without sanitizers, at full speed, on inputs from a
 * seed: for counting many cases of a differential property rather than for finding new code.
 *
 *   plain_<target> SEED INPUTS [FILE ...]
 *
 * Inputs are sparse: the first bytes any, of the rest from one in 128 to all, since a zero is the
 * plain choice for the targets that read their input as choices. Files are run first, as they are.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* SplitMix64: one word of state, so a seed tells the whole run. */
static uint64_t next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static size_t fill(uint64_t *state, uint8_t *out)
{
    uint64_t how = next(state);
    size_t len = 16 + (how >> 8) % (INPUT_MAX - 16);
    unsigned rarity = 1u << (how % 8);
    for (size_t i = 0; i < len; i++) {
        uint64_t one = next(state);
        out[i] = i < 4 || one % rarity == 0 ? (uint8_t)(one >> 32) : 0;
    }
    return len;
}

static int run_file(const char *path)
{
    static uint8_t data[1u << 20];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        (void)fprintf(stderr, "plain: cannot read %s\n", path);
        return 1;
    }
    size_t len = fread(data, 1, sizeof(data), file);
    (void)fclose(file);
    (void)LLVMFuzzerTestOneInput(data, len);
    return 0;
}

int main(int argc, char **argv)
{
    uint8_t data[INPUT_MAX];
    if (argc < 3) {
        (void)fprintf(stderr, "usage: %s SEED INPUTS [FILE ...]\n", argv[0]);
        return 2;
    }
    for (int i = 3; i < argc; i++) {
        if (run_file(argv[i]) != 0) {
            return 2;
        }
    }
    uint64_t state = strtoull(argv[1], NULL, 10);
    uint64_t inputs = strtoull(argv[2], NULL, 10);
    for (uint64_t i = 0; i < inputs; i++) {
        size_t len = fill(&state, data);
        (void)LLVMFuzzerTestOneInput(data, len);
    }
    (void)printf("plain: seed %s, %" PRIu64 " inputs, nothing broke\n", argv[1], inputs);
    return 0;
}
