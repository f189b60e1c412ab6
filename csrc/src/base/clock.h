/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine's wall clock (declared in handfast.h so that tests of any language can set it).
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

#endif
