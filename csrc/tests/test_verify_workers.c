/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads for a call: as many as there are, each index once, no signals, none left behind.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>

#include "hf_test.h"
#include "verify/workers.h"

struct log {
    pthread_t caller;
    atomic_uint calls[HF_WORKERS_MAX + 1];
    atomic_uint surprises;
};

static bool takes_signals(void)
{
    sigset_t mask;
    return pthread_sigmask(SIG_SETMASK, NULL, &mask) != 0 || sigismember(&mask, SIGINT) != 1 ||
           sigismember(&mask, SIGTERM) != 1 || sigismember(&mask, SIGUSR1) != 1;
}

static void work(void *context, unsigned index)
{
    struct log *log = context;
    bool is_caller = pthread_equal(pthread_self(), log->caller) != 0;
    atomic_fetch_add(&log->calls[index], 1);
    if (is_caller != (index == 0) || (!is_caller && takes_signals())) {
        atomic_fetch_add(&log->surprises, 1);
    }
}

/* Asked for `count`: indexes 0 up to `worked` are called once each, and no others. */
static void check_run(unsigned count, unsigned worked)
{
    struct log log = {.caller = pthread_self()};
    HF_CHECK(hf_workers_run(count, work, &log) == worked);
    HF_CHECK(log.surprises == 0);
    for (unsigned i = 0; i <= HF_WORKERS_MAX; i++) {
        HF_CHECK(log.calls[i] == (i < worked ? 1u : 0u));
    }
}

static void every_index_is_called_once(void)
{
    check_run(1, 1);
    check_run(2, 2);
    check_run(7, 7);
    check_run(HF_WORKERS_MAX, HF_WORKERS_MAX);
}

static void a_wrong_number_is_made_right(void)
{
    check_run(0, 1);
    check_run(HF_WORKERS_MAX + 1, HF_WORKERS_MAX);
    check_run(UINT32_MAX, HF_WORKERS_MAX);
}

static void threads_that_cannot_be_made_are_not_waited_for(void)
{
    for (int given = 0; given < 4; given++) {
        hf_workers_fail_after(given);
        check_run(5, (unsigned)given + 1);
    }
    hf_workers_fail_after(-1);
    check_run(5, 5);
}

static void the_callers_signals_are_left_alone(void)
{
    sigset_t before;
    sigset_t after;
    HF_CHECK(pthread_sigmask(SIG_SETMASK, NULL, &before) == 0);
    check_run(3, 3);
    HF_CHECK(pthread_sigmask(SIG_SETMASK, NULL, &after) == 0);
    HF_CHECK(sigismember(&before, SIGINT) == 0 && sigismember(&after, SIGINT) == 0);
    HF_CHECK(sigismember(&after, SIGUSR1) == sigismember(&before, SIGUSR1));
}

static void there_is_a_processor(void)
{
    unsigned processors = hf_workers_processors();
    HF_CHECK(processors >= 1 && processors <= HF_WORKERS_MAX);
}

HF_TESTS({"every index is called once", every_index_is_called_once},
         {"a wrong number is made right", a_wrong_number_is_made_right},
         {"threads that cannot be made are not waited for",
          threads_that_cannot_be_made_are_not_waited_for},
         {"the caller's signals are left alone", the_callers_signals_are_left_alone},
         {"there is a processor", there_is_a_processor})
