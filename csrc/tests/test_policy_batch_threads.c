/* SPDX-License-Identifier: Apache-2.0
 *
 * Batches on several threads: the same columns however many work, and however few the system
 * gives; stopped half way, nothing is read as done (C9). TSan runs this.
 */
#include <pthread.h>
#include <sched.h>

#include "batch_world.h"
#include "hf_test.h"
#include "verify/workers.h"

#define MIXED ((size_t)780)

static struct hf_verifier *verifier;
static struct batch_corpus *mixed;
static struct batch_columns *expected; /* by one thread, without lanes */

static void make_world(void)
{
    struct batch_ask ask = BATCH_USUAL;
    ask.lanes = HF_BATCH_LANES_OFF;
    verifier = batch_world_verifier();
    mixed = batch_corpus_new(MIXED);
    batch_world_fill(mixed, MIXED);
    expected = batch_columns_new(MIXED);
    HF_CHECK_OK(batch_run(verifier, mixed, &ask, expected));
    HF_CHECK(batch_differences(verifier, mixed, &ask, expected, false) == 0);
}

static bool is_same(const struct hf_batch_output *a, const struct hf_batch_output *b)
{
    return hf_mem_equal(a->ok, MIXED, b->ok, MIXED) &&
           hf_mem_equal(a->reason, MIXED * 4, b->reason, MIXED * 4) &&
           hf_mem_equal(a->not_after, MIXED * 8, b->not_after, MIXED * 8) &&
           hf_mem_equal(a->depth, MIXED, b->depth, MIXED) &&
           hf_mem_equal(a->id_offsets, (MIXED + 1) * 8, b->id_offsets, (MIXED + 1) * 8) &&
           hf_mem_equal(a->ids, a->ids_len, b->ids, b->ids_len);
}

/* Checks are not made for threads: the caller counts. */
static bool run_as_expected(const struct batch_ask *ask, uint32_t threads)
{
    struct batch_columns *columns = batch_columns_new(MIXED);
    bool good = hf_is_ok(batch_run(verifier, mixed, ask, columns)) &&
                is_same(&columns->out, &expected->out) &&
                columns->out.statistics.threads == threads;
    batch_columns_free(columns);
    return good;
}

static void any_number_of_threads_says_the_same(void)
{
    for (unsigned threads = 1; threads <= 4; threads++) {
        for (int lanes = HF_BATCH_LANES_AUTO; lanes <= HF_BATCH_LANES_OFF; lanes++) {
            struct batch_ask ask = BATCH_USUAL;
            ask.threads = threads;
            ask.lanes = lanes;
            HF_CHECK(run_as_expected(&ask, threads));
        }
    }
}

/* The system gives none, one, two of the three that are asked for. */
static void fewer_threads_do_all_the_work(void)
{
    struct batch_ask ask = BATCH_USUAL;
    ask.threads = 4;
    for (int given = 0; given < 3; given++) {
        hf_workers_fail_after(given);
        HF_CHECK(run_as_expected(&ask, (uint32_t)given + 1));
    }
    hf_workers_fail_after(-1);
}

/* 13 threads of work at most: one for every 64 chains. */
static void few_chains_get_few_threads(void)
{
    struct batch_corpus *few = batch_corpus_new(3);
    struct batch_columns *columns = batch_columns_new(3);
    struct batch_ask ask = BATCH_USUAL;
    batch_world_fill(few, 3);
    ask.threads = HF_BATCH_THREADS_MAX;
    HF_CHECK_OK(batch_run(verifier, few, &ask, columns));
    HF_CHECK(columns->out.statistics.threads == 1);
    HF_CHECK(run_as_expected(&ask, (uint32_t)MIXED / 64 + 1));
    batch_columns_free(columns);
    batch_corpus_free(few);
}

static void *run_beside_others(void *surprises)
{
    struct batch_ask ask = BATCH_USUAL;
    ask.threads = 2;
    for (int i = 0; i < 3; i++) {
        *(size_t *)surprises += run_as_expected(&ask, 2) ? 0 : 1;
    }
    return NULL;
}

static void batches_do_not_disturb_each_other(void)
{
    enum { BATCHES = 3 };
    pthread_t threads[BATCHES];
    size_t surprises[BATCHES] = {0};
    for (size_t i = 0; i < BATCHES; i++) {
        HF_CHECK(pthread_create(&threads[i], NULL, run_beside_others, &surprises[i]) == 0);
    }
    for (size_t i = 0; i < BATCHES; i++) {
        HF_CHECK(pthread_join(threads[i], NULL) == 0);
        HF_CHECK(surprises[i] == 0);
    }
}

static void progress_counts_every_chain(void)
{
    struct hf_batch_control control = {0};
    struct batch_ask ask = BATCH_USUAL;
    ask.threads = 3;
    ask.control = &control;
    HF_CHECK(hf_batch_done(NULL) == 0);
    HF_CHECK(run_as_expected(&ask, 3));
    HF_CHECK(hf_batch_done(&control) == MIXED);
    HF_CHECK(run_as_expected(&ask, 3));
    HF_CHECK(hf_batch_done(&control) == 2 * MIXED);
}

static void who_is_cancelled_judges_nothing(void)
{
    struct hf_batch_control control = {0};
    struct batch_columns *columns = batch_columns_new(MIXED);
    struct batch_ask ask = BATCH_USUAL;
    ask.control = &control;
    hf_batch_cancel(NULL);
    hf_batch_cancel(&control);
    for (ask.threads = 1; ask.threads <= 3; ask.threads++) {
        HF_CHECK_CODE(batch_run(verifier, mixed, &ask, columns), HF_E_NOT_JUDGED);
        HF_CHECK(batch_judged(columns) == 0);
        HF_CHECK(columns->out.statistics.accepted == 0);
    }
    batch_columns_free(columns);
}

static void *cancel_when_begun(void *argument)
{
    struct hf_batch_control *control = argument;
    while (hf_batch_done(control) == 0) {
        (void)sched_yield();
    }
    hf_batch_cancel(control);
    return NULL;
}

/* One run that another thread stops; true when it was stopped between the first and the last. */
static bool stop_half_way(unsigned threads)
{
    struct hf_batch_control control = {0};
    struct batch_columns *columns = batch_columns_new(MIXED);
    struct batch_ask ask = BATCH_USUAL;
    pthread_t canceller;
    ask.threads = threads;
    ask.control = &control;
    HF_CHECK(pthread_create(&canceller, NULL, cancel_when_begun, &control) == 0);
    hf_result r = batch_run(verifier, mixed, &ask, columns);
    HF_CHECK(pthread_join(canceller, NULL) == 0);
    size_t judged = batch_judged(columns);
    HF_CHECK(hf_is_ok(r) ? judged == MIXED : r.code == HF_E_NOT_JUDGED);
    HF_CHECK(batch_differences(verifier, mixed, &ask, columns, true) == 0);
    HF_CHECK(columns->out.statistics.accepted <= judged);
    batch_columns_free(columns);
    return judged > 0 && judged < MIXED;
}

/* Whoever cancels may come late, on a busy machine: then it is tried again. */
static void what_was_not_judged_says_so(void)
{
    for (unsigned threads = 1; threads <= 2; threads++) {
        bool stopped = false;
        for (int i = 0; i < 200 && !stopped; i++) {
            stopped = stop_half_way(threads);
        }
        HF_CHECK(stopped);
    }
}

static void done(void)
{
    batch_columns_free(expected);
    batch_corpus_free(mixed);
    hf_verifier_unref(verifier);
}

HF_TESTS({"make the world", make_world},
         {"any number of threads says the same", any_number_of_threads_says_the_same},
         {"fewer threads do all the work", fewer_threads_do_all_the_work},
         {"few chains get few threads", few_chains_get_few_threads},
         {"batches do not disturb each other", batches_do_not_disturb_each_other},
         {"progress counts every chain", progress_counts_every_chain},
         {"who is cancelled judges nothing", who_is_cancelled_judges_nothing},
         {"what was not judged says so", what_was_not_judged_says_so}, {"done", done})
