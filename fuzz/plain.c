/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs a fuzz target without libFuzzer and without sanitizers, at full speed, on inputs from a
 * seed: for counting many cases of a differential property rather than for finding new code.
 *
 *   plain_<target> SEED INPUTS [FILE ...]
 *
 * Inputs are sparse (csrc/tests/sparse_input.h). Files are run first, as they are.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sparse_input.h"

/* Some targets have one: what takes long, before the first input. */
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
    uint8_t data[SPARSE_INPUT_MAX];
    if (argc < 3) {
        (void)fprintf(stderr, "usage: %s SEED INPUTS [FILE ...]\n", argv[0]);
        return 2;
    }
    if (LLVMFuzzerInitialize != NULL) {
        (void)LLVMFuzzerInitialize(&argc, &argv);
    }
    for (int i = 3; i < argc; i++) {
        if (run_file(argv[i]) != 0) {
            return 2;
        }
    }
    uint64_t state = strtoull(argv[1], NULL, 10);
    uint64_t inputs = strtoull(argv[2], NULL, 10);
    for (uint64_t i = 0; i < inputs; i++) {
        size_t len = sparse_input(&state, data);
        (void)LLVMFuzzerTestOneInput(data, len);
    }
    (void)printf("plain: seed %s, %" PRIu64 " inputs, nothing broke\n", argv[1], inputs);
    return 0;
}
