/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine's clocks (declared in handfast.h and handfast_cache.h, so that tests of any language
 * can set them).
 */
#ifndef HF_BASE_CLOCK_H
#define HF_BASE_CLOCK_H

#include "handfast.h"

/* `at`, or the clock's time when it is HF_TIME_NOW. */
static inline int64_t hf_clock_resolve(int64_t at)
{
    return at == HF_TIME_NOW ? hf_clock_now() : at;
}

/* Days since 1970-01-01 of a proleptic Gregorian date; month 1-12, day 1-31. */
int64_t hf_clock_days(int64_t year, int64_t month, int64_t day);

struct hf_date {
    int64_t year;
    int month; /* 1 to 12 */
    int day;   /* 1 to 31 */
};

/* The date of a time, in UTC. */
struct hf_date hf_clock_date(int64_t seconds);

/* later - earlier, at most INT64_MAX: callers may ask about any time at all. */
static inline int64_t hf_clock_distance(int64_t earlier, int64_t later)
{
    uint64_t seconds = (uint64_t)later - (uint64_t)earlier;
    return seconds > INT64_MAX ? INT64_MAX : (int64_t)seconds;
}

#endif
