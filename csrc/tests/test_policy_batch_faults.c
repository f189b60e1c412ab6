/* SPDX-License-Identifier: Apache-2.0
 *
 * C9: an allocation fails in the middle of a batch, ours or OpenSSL's, each one in turn. A chain is
 * then judged all the same, or refused for want of memory, or the call fails as a whole and nobody
 * is accepted; no other verdict changes.
 */
#include "batch_world.h"
#include "hf_test.h"
#include "ossl_memory.h"

#define CHAINS ((size_t)27)

static struct hf_verifier *verifier;
static struct batch_corpus *corpus;

static void make_world(void)
{
    verifier = batch_world_verifier();
    corpus = batch_corpus_new(CHAINS);
    batch_world_fill(corpus, CHAINS);
}

/* What may stand in a slot after a failure: what should, or a refusal that says why. */
static bool is_sound(const struct hf_batch_output *out, const struct hf_batch_output *good,
                     size_t i, bool whole)
{
    if (out->ok[i] == 1) {
        size_t len = (size_t)(out->id_offsets[i + 1] - out->id_offsets[i]);
        size_t good_len = (size_t)(good->id_offsets[i + 1] - good->id_offsets[i]);
        return whole && good->ok[i] == 1 && out->reason[i] == HF_OK &&
               out->not_after[i] == good->not_after[i] &&
               hf_mem_equal(out->ids + out->id_offsets[i], len, good->ids + good->id_offsets[i],
                            good_len);
    }
    uint32_t reason = out->reason[i];
    bool for_want = hf_code_category(reason) == HF_CATEGORY_INTERNAL;
    return reason != HF_OK && out->id_offsets[i] == out->id_offsets[i + 1] &&
           (whole ? reason == good->reason[i] || for_want : reason == HF_E_NOT_JUDGED);
}

/* One run with allocation k failing; false when there were fewer. `refused` counts the chains that
 * it cost, `failed` the calls. */
static bool run_short(size_t k, const struct hf_batch_output *good, size_t *refused, size_t *failed)
{
    const struct hf_batch_input input = {.data = corpus->data,
                                         .len = corpus->len,
                                         .chains = corpus->chain_ends,
                                         .chain_width = 8,
                                         .certs = corpus->cert_ends,
                                         .cert_width = 8,
                                         .cert_count = corpus->cert_count,
                                         .count = CHAINS};
    const struct hf_batch_options options = {.at = PKI_NOW, .threads = 1};
    struct batch_columns *columns = batch_columns_new(CHAINS);
    hf_mem_fail_at(k);
    hf_result r = hf_batch_verify(verifier, &input, &options, NULL, &columns->out);
    bool came = !hf_mem_fail_pending();
    hf_mem_fail_at(0);
    for (size_t i = 0; i < CHAINS; i++) {
        HF_CHECK(is_sound(&columns->out, good, i, hf_is_ok(r)));
        *refused += hf_is_ok(r) && columns->out.reason[i] != good->reason[i] ? 1 : 0;
    }
    *failed += hf_is_ok(r) ? 0 : 1;
    HF_CHECK(hf_is_ok(r) || (columns->out.ids == NULL && columns->out.statistics.accepted == 0));
    batch_columns_free(columns);
    return came;
}

/* Returns how many allocations there were. */
static size_t sweep(size_t step, size_t *refused, size_t *failed)
{
    struct batch_columns *good = batch_columns_new(CHAINS);
    HF_CHECK_OK(batch_run(verifier, corpus, &BATCH_USUAL, good));
    size_t k = 1;
    while (k < 100000 && run_short(k, &good->out, refused, failed)) {
        k += step;
    }
    batch_columns_free(good);
    return k;
}

static void every_allocation_may_fail(void)
{
    size_t refused = 0;
    size_t failed = 0;
    size_t allocations = sweep(1, &refused, &failed);
    HF_CHECK(allocations > 200);
    HF_CHECK(refused > 0); /* nearly all are judged all the same, the second time */
    HF_CHECK(failed >= 5);
    (void)printf("%zu allocations: %zu chains refused, %zu calls failed\n", allocations, refused,
                 failed);
}

/* OpenSSL's error queue keeps a block for each of its 16 entries, and no more. */
static void nothing_is_lost_on_the_way(void)
{
    size_t ignored = 0;
    size_t before = hf_mem_live();
    HF_CHECK(sweep(7, &ignored, &ignored) > 200);
    HF_CHECK(hf_mem_live() <= before + 16);
}

static void done(void)
{
    batch_corpus_free(corpus);
    hf_verifier_unref(verifier);
}

HF_TESTS({"make the world", make_world}, {"every allocation may fail", every_allocation_may_fail},
         {"nothing is lost on the way", nothing_is_lost_on_the_way}, {"done", done})
