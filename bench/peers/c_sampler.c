/* SPDX-License-Identifier: Apache-2.0
 *
 * c_sampler.c - fixed-time samples: how many units, how much CPU, how long each took.
 */
#include "c_sampler.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

/* Latencies beyond this many in one sample are not kept: 10 s at 6,000 a second. */
#define LATENCIES_MAX 60000

static double latencies[LATENCIES_MAX];
static size_t units = 1;

void sampler_units(size_t number)
{
    units = number;
}

static int64_t nanoseconds(clockid_t clock)
{
    struct timespec now;
    if (clock_gettime(clock, &now) != 0) {
        perror("clock_gettime");
        exit(1);
    }
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t thread_cpu(void)
{
    return nanoseconds(CLOCK_THREAD_CPUTIME_ID);
}

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

/* The grid of bench/peers/sampler.py: 0 to 99 %, 99.9 %, 100 %. */
static void print_latencies(size_t count)
{
    qsort(latencies, count, sizeof(latencies[0]), compare);
    printf("\"latency_us\": [");
    for (int i = 0; i <= 101; i++) {
        double share = i < 100 ? i / 100.0 : (i == 100 ? 0.999 : 1.0);
        size_t at = (size_t)(share * (double)(count - 1) + 0.5);
        printf("%s%.1f", i == 0 ? "" : ", ", latencies[at]);
    }
    printf("]");
}

static int server_only;

void sampler_server_only(void)
{
    server_only = 1;
}

static void sample(work_function *work, void *state, double seconds, int with_split)
{
    struct split split = {.on = with_split || server_only};
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    int64_t cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
    int64_t begin = nanoseconds(CLOCK_MONOTONIC);
    int64_t end = begin + (int64_t)(seconds * 1e9);
    int64_t now = begin;
    size_t count = 0;
    while (now < end) {
        int64_t last = now;
        work(state, &split);
        now = nanoseconds(CLOCK_MONOTONIC);
        if (count < LATENCIES_MAX) {
            latencies[count] = (double)(now - last) / 1e3 / (double)units;
        }
        count++;
    }
    cpu = server_only ? split.server : nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    getrusage(RUSAGE_SELF, &after);
    printf("{\"count\": %zu, \"cpu\": %.9f, \"wall\": %.9f, ", count * units, (double)cpu / 1e9,
           (double)(now - begin) / 1e9);
    if (with_split) {
        printf("\"client_cpu\": %.9f, \"server_cpu\": %.9f, ", (double)split.client / 1e9,
               (double)split.server / 1e9);
    }
    printf("\"user\": %.6f, \"system\": %.6f, ",
           seconds_of(after.ru_utime) - seconds_of(before.ru_utime),
           seconds_of(after.ru_stime) - seconds_of(before.ru_stime));
    printf("\"involuntary_switches\": %ld, \"max_rss_kib\": %ld, ",
           after.ru_nivcsw - before.ru_nivcsw, after.ru_maxrss);
    print_latencies(count < LATENCIES_MAX ? count : LATENCIES_MAX);
    printf("}\n");
    fflush(stdout);
}

void sampler_serve(work_function *work, void *state)
{
    double seconds;
    int with_split;
    while (scanf("%lf %d", &seconds, &with_split) == 2) {
        sample(work, state, seconds, with_split);
    }
}

void sampler_repeat(work_function *work, void *state, long count)
{
    struct split split = {0};
    for (long i = 0; i < count; i += (long)units) {
        work(state, &split);
    }
}

void sampler_run(work_function *work, void *state, long count, const char *facts)
{
    if (count > 0) {
        sampler_repeat(work, state, count);
        return;
    }
    puts(facts);
    fflush(stdout);
    sampler_serve(work, state);
}
