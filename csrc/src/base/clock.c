/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdatomic.h>
#include <time.h>

/* HF_TIME_NOW means: not fixed. */
static _Atomic int64_t fixed = HF_TIME_NOW;

int64_t hf_clock_now(void)
{
    int64_t set = atomic_load_explicit(&fixed, memory_order_relaxed);
    return set == HF_TIME_NOW ? (int64_t)time(NULL) : set;
}

void hf_clock_set(int64_t seconds)
{
    atomic_store_explicit(&fixed, seconds, memory_order_relaxed);
}

void hf_clock_reset(void)
{
    atomic_store_explicit(&fixed, HF_TIME_NOW, memory_order_relaxed);
}

int64_t hf_clock_days(int64_t year, int64_t month, int64_t day)
{
    /* Years are counted from March, so that the leap day is the last one of its year. */
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t month_from_march = (month + 9) % 12;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}
