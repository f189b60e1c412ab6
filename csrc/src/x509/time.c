/* SPDX-License-Identifier: Apache-2.0 */
#include "x509/time.h"

#include "base/clock.h"

/* Number of two digits at `text`, -1 when they are not digits. */
static int64_t two_digits(const uint8_t *text)
{
    unsigned tens = (unsigned)text[0] - '0';
    unsigned ones = (unsigned)text[1] - '0';
    return tens > 9 || ones > 9 ? -1 : (int64_t)(tens * 10 + ones);
}

static int64_t days_in_month(int64_t year, int64_t month)
{
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : days[month - 1];
}

/* MMDDHHMMSSZ of a year. No leap second: RFC 5280 has none, and POSIX time cannot say it. */
static hf_result read_rest(int64_t year, const uint8_t *text, int64_t *out)
{
    int64_t month = two_digits(text);
    int64_t day = two_digits(text + 2);
    int64_t hour = two_digits(text + 4);
    int64_t minute = two_digits(text + 6);
    int64_t second = two_digits(text + 8);
    HF_NEED(text[10] == 'Z', HF_E_DER_TIME);
    HF_NEED(month >= 1 && month <= 12, HF_E_DER_TIME);
    HF_NEED(day >= 1 && day <= days_in_month(year, month), HF_E_DER_TIME);
    HF_NEED(hour >= 0 && hour <= 23, HF_E_DER_TIME);
    HF_NEED(minute >= 0 && minute <= 59, HF_E_DER_TIME);
    HF_NEED(second >= 0 && second <= 59, HF_E_DER_TIME);
    *out = hf_clock_days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    return hf_ok();
}

static hf_result read_utc(struct hf_span text, int64_t *out)
{
    HF_NEED(text.len == 13, HF_E_DER_TIME);
    int64_t year = two_digits(text.data);
    HF_NEED(year >= 0, HF_E_DER_TIME);
    return read_rest(year < 50 ? 2000 + year : 1900 + year, text.data + 2, out);
}

static hf_result read_generalized(struct hf_span text, bool any_year, int64_t *out)
{
    HF_NEED(text.len == 15, HF_E_DER_TIME);
    int64_t century = two_digits(text.data);
    int64_t year = two_digits(text.data + 2);
    HF_NEED(century >= 0 && year >= 0, HF_E_DER_TIME);
    year += century * 100;
    HF_NEED_SEEN(year >= 2050 || any_year, HF_E_DER_TIME, "UTCTime for years until 2049",
                 "GeneralizedTime for %d", (int)year);
    return read_rest(year, text.data + 4, out);
}

/* Say which text it was, whichever rule refused it. */
static hf_result describe(hf_result result, struct hf_span text)
{
    struct hf_error *error = hf_error_current();
    if (!hf_is_ok(result) && error->seen[0] == '\0') {
        hf_error_escape(error->seen, sizeof(error->seen), text.data, text.len);
    }
    return result;
}

hf_result hf_time_take(struct hf_span *from, bool any_year, int64_t *out)
{
    struct hf_der time;
    *out = 0;
    HF_TRY(hf_der_next(from, &time));
    switch (time.tag) {
    case HF_DER_UTC_TIME:
        return describe(read_utc(time.content, out), time.content);
    case HF_DER_GENERALIZED_TIME:
        return describe(read_generalized(time.content, any_year, out), time.content);
    default:
        HF_FAIL_SEEN(HF_E_DER_TAG, "UTCTime or GeneralizedTime", "tag 0x%02x", time.tag);
    }
}
