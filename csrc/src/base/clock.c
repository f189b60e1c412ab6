/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdatomic.h>
#include <time.h>

/* HF_TIME_NOW means: not fixed. */
static _Atomic int64_t fixed = HF_TIME_NOW;
static _Atomic int64_t fixed_monotonic = HF_TIME_NOW;

/* A suspended machine's certificates expire all the same: count its sleep, where that is known. */
#ifdef CLOCK_BOOTTIME
#define STEADY CLOCK_BOOTTIME
#else
#define STEADY CLOCK_MONOTONIC
#endif

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

int64_t hf_clock_monotonic(void)
{
    int64_t set = atomic_load_explicit(&fixed_monotonic, memory_order_relaxed);
    if (set != HF_TIME_NOW) {
        return set;
    }
    struct timespec now = {0};
    (void)clock_gettime(STEADY, &now);
    return (int64_t)now.tv_sec;
}

void hf_clock_monotonic_set(int64_t seconds)
{
    atomic_store_explicit(&fixed_monotonic, seconds, memory_order_relaxed);
}

void hf_clock_monotonic_reset(void)
{
    atomic_store_explicit(&fixed_monotonic, HF_TIME_NOW, memory_order_relaxed);
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

struct hf_date hf_clock_date(int64_t seconds)
{
    /* The way back, in the same years from March. */
    int64_t days = (seconds >= 0 ? seconds : seconds - 86399) / 86400 + 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    struct hf_date date = {year_of_era + era * 400 + (month <= 2 ? 1 : 0), (int)month,
                           (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1)};
    return date;
}
