/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/workers.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

/* What a verdict takes, with room for sanitizers; C libraries' own defaults go from 128 KiB to
 * whatever somebody set as a limit. Only pages that are touched cost memory. */
#define STACK_SIZE ((size_t)1 << 20)

struct worker {
    pthread_t thread;
    void (*work)(void *context, unsigned index);
    void *context;
    unsigned index;
};

static atomic_int can_make = -1;

void hf_workers_fail_after(int made)
{
    atomic_store_explicit(&can_make, made, memory_order_relaxed);
}

unsigned hf_workers_processors(void)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    if (online < 1) {
        return 1;
    }
    return online > HF_WORKERS_MAX ? HF_WORKERS_MAX : (unsigned)online;
}

static void *run_worker(void *argument)
{
    const struct worker *worker = argument;
    worker->work(worker->context, worker->index);
    return NULL;
}

static bool make_thread(const pthread_attr_t *attributes, struct worker *worker)
{
    int limit = atomic_load_explicit(&can_make, memory_order_relaxed);
    if (limit >= 0 && worker->index > (unsigned)limit) {
        return false;
    }
    return pthread_create(&worker->thread, attributes, run_worker, worker) == 0;
}

/* Workers 1 to count - 1, as far as the system gives them; returns how many were made. Signals
 * belong to the threads that the program knows: new ones inherit a full mask. */
static unsigned make_threads(struct worker *workers, unsigned count)
{
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) {
        return 0;
    }
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    unsigned made = 0;
    if (pthread_attr_setstacksize(&attributes, STACK_SIZE) == 0 &&
        pthread_sigmask(SIG_SETMASK, &all, &before) == 0) {
        while (made + 1 < count && make_thread(&attributes, &workers[made + 1])) {
            made++;
        }
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    (void)pthread_attr_destroy(&attributes);
    return made;
}

unsigned hf_workers_run(unsigned count, void (*work)(void *context, unsigned index), void *context)
{
    struct worker workers[HF_WORKERS_MAX];
    if (count > HF_WORKERS_MAX) {
        count = HF_WORKERS_MAX;
    }
    for (unsigned i = 0; i < count; i++) {
        workers[i].work = work;
        workers[i].context = context;
        workers[i].index = i;
    }
    unsigned made = count > 1 ? make_threads(workers, count) : 0;
    work(context, 0);
    for (unsigned i = 1; i <= made; i++) {
        (void)pthread_join(workers[i].thread, NULL);
    }
    return made + 1;
}
