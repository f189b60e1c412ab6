/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads for one piece of work: made for a call and gone when it returns, so that there is nothing
 * to shut down, and nothing for a fork to lose.
 */
#ifndef HF_VERIFY_WORKERS_H
#define HF_VERIFY_WORKERS_H

#include "base/result.h"

#define HF_WORKERS_MAX 64

/* Processors that are there, at least 1, at most HF_WORKERS_MAX. */
unsigned hf_workers_processors(void);

/* Call work(context, index) on up to `count` threads at once: index 0 on this one, the others on
 * new ones, which take no signals. Work is to be shared out by who comes first: when the system
 * gives fewer threads than asked for, the others' indexes are never called. Returns when all are
 * done, with the number of threads that worked, 1 at least. */
unsigned hf_workers_run(unsigned count, void (*work)(void *context, unsigned index), void *context);

/* Tests only: at most this many new threads can be made; -1 switches it off. */
void hf_workers_fail_after(int made);

#endif
