/* SPDX-License-Identifier: Apache-2.0
 *
 * c_sampler.h - the runner's line protocol for peers written in C (bench/peers/sampler.py is its
 * Python twin and describes it): facts on the first line, then one sample for each line read.
 */
#ifndef HANDFAST_BENCH_C_SAMPLER_H
#define HANDFAST_BENCH_C_SAMPLER_H

#include <stddef.h>
#include <stdint.h>

/* CPU nanoseconds by end; only filled while `on`, since reading the clock is a system call. */
struct split {
    int on;
    int64_t client;
    int64_t server;
};

/* The work: a full handshake, both ends, or a block of smaller things. Ends the process when
 * anything is not as it should be. */
typedef void work_function(void *state, struct split *split);

/* CPU time of the calling thread in nanoseconds. */
int64_t thread_cpu(void);

/* From now on a sample's CPU time is the server's part of the work alone. */
void sampler_server_only(void);

/* How many units of work one call does; 1 unless told. */
void sampler_units(size_t units);

/* Answer requests from stdin until it ends. */
void sampler_serve(work_function *work, void *state);

/* Do `count` units and no more: for counting instructions under valgrind. */
void sampler_repeat(work_function *work, void *state, long count);

/* Either of both: `count` units, or, when that is 0, facts (JSON) and then samples. */
void sampler_run(work_function *work, void *state, long count, const char *facts);

#endif
