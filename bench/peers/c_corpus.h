/* SPDX-License-Identifier: Apache-2.0
 *
 * c_corpus.h - the chains of bench/corpus.py for peers in C; corpus.py here is its Python twin.
 */
#ifndef HANDFAST_BENCH_C_CORPUS_H
#define HANDFAST_BENCH_C_CORPUS_H

#include <stddef.h>
#include <stdint.h>

/* Units between two looks at the clock: at a few microseconds each, a look would be seen. */
#define CORPUS_BLOCK 100

#define CORPUS_ID_SIZE 64

struct corpus_file {
    uint8_t *data;
    size_t len;
};

struct corpus {
    struct corpus_file anchor;
    struct corpus_file chains; /* all of them, leaf first, certificates back to back */
    uint64_t *at;              /* count + 1 offsets into chains */
    uint32_t (*lengths)[2];    /* of a chain's certificates */
    size_t certificates;       /* in each chain: 1 or 2 */
    size_t count;
};

/* What every verifying peer takes on its command line. */
struct corpus_options {
    const char *directory;
    int signatures; /* in a chain: 1 (leaf under the anchor) or 2 */
    int fresh;      /* another intermediate in each chain */
    long count;     /* do that many and end (for callgrind) */
    const char *mode;
};

/* Ends the process when an option is not known or the corpus cannot be read. */
void corpus_options(int argc, char **argv, struct corpus_options *out);
void corpus_load(const struct corpus_options *options, struct corpus *out);

/* The SPIFFE ID of a leaf. */
void corpus_id(size_t number, char out[CORPUS_ID_SIZE]);

#endif
