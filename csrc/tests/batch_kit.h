/* SPDX-License-Identifier: Apache-2.0
 *
 * Corpora for the tests of batches, and the yardstick: what a single judgement says of each chain.
 *
 *   struct batch_corpus *corpus = batch_corpus_new(100);
 *   batch_add(corpus, KIT_CERTS(&leaf, &middle));
 *   struct batch_columns *columns = batch_columns_new(corpus->count);
 *   HF_CHECK_OK(batch_run(verifier, corpus, &BATCH_USUAL, columns));
 *   HF_CHECK(batch_differences(verifier, corpus, &BATCH_USUAL, columns, false) == 0);
 */
#ifndef HF_TESTS_BATCH_KIT_H
#define HF_TESTS_BATCH_KIT_H

#include "kit.h"

struct batch_corpus {
    size_t count; /* chains */
    size_t cert_count;
    size_t cap;
    size_t cert_cap;
    size_t len;
    size_t data_cap;
    uint8_t *data;
    uint64_t *chain_ends; /* cap + 1 each: in certificates, and in bytes */
    uint64_t *byte_ends;
    uint64_t *cert_ends;
};

/* Room for `chains` chains of up to 12 certificates; grows in bytes. */
struct batch_corpus *batch_corpus_new(size_t chains);
void batch_corpus_free(struct batch_corpus *corpus);
void batch_add(struct batch_corpus *corpus, struct kit_certs certs);
/* A chain of one "certificate" of any bytes. */
void batch_add_bytes(struct batch_corpus *corpus, struct hf_span bytes);
/* Chain i once more. */
void batch_again(struct batch_corpus *corpus, size_t i);

/* How a batch is asked. */
struct batch_ask {
    size_t chain_width;
    size_t cert_width; /* 0: chains are certificates back to back */
    int lanes;
    unsigned threads;
    int purpose;
    int64_t at;
    struct hf_batch_control *control;
    int shared;
};
extern const struct batch_ask BATCH_USUAL; /* 8, 8, lanes, 1 thread, either, PKI_NOW */

struct batch_columns {
    struct hf_batch_output out;
    size_t count;
};

/* Columns full of acceptances, so that whatever is not written shows. */
struct batch_columns *batch_columns_new(size_t count);
void batch_columns_free(struct batch_columns *columns);

HF_MUST_USE hf_result batch_run(struct hf_verifier *verifier, const struct batch_corpus *corpus,
                                const struct batch_ask *ask, struct batch_columns *columns);

/* Chains whose columns are not what hf_der_split() and hf_verifier_verify() say one by one; the
 * first of them is printed. `only_judged` leaves out those that were not judged. */
size_t batch_differences(struct hf_verifier *verifier, const struct batch_corpus *corpus,
                         const struct batch_ask *ask, const struct batch_columns *columns,
                         bool only_judged);

/* Slots that are not exactly "not judged". */
size_t batch_judged(const struct batch_columns *columns);

/* A verifier for this policy (0: NULL), without a cache. Takes the set over. */
struct hf_verifier *batch_verifier(struct hf_bundle_set *set, uint32_t op, const char *text);

#endif
