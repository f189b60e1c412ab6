/* SPDX-License-Identifier: Apache-2.0
 *
 * The error table and the record of the last failure.
 */
#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "hf_test.h"

static hf_result fail_plain(void)
{
    HF_FAIL(HF_E_LIMIT);
}

static hf_result fail_seen(const char *text)
{
    HF_FAIL_SEEN(HF_E_IO, "something", "not '%s'", text);
}

static hf_result pass_on(void)
{
    HF_TRY(fail_plain());
    return hf_ok();
}

static bool is_name(const char *name)
{
    return name[0] != '\0' && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

static void every_row_is_whole_and_unlike_the_others(void)
{
    const struct hf_error_row *rows;
    size_t count = hf_error_table(&rows);
    HF_CHECK(count > 60);
    HF_CHECK(hf_error_table(NULL) == count);
    for (size_t i = 0; i < count; i++) {
        HF_CHECK(is_name(rows[i].name) && is_name(rows[i].category));
        HF_CHECK(rows[i].text[0] != '\0' && rows[i].hint != NULL);
        HF_CHECK(rows[i].alert >= -1 && rows[i].alert < 256);
        HF_CHECK(hf_error_row_of(rows[i].code) == &rows[i]);
        for (size_t j = 0; j < i; j++) {
            HF_CHECK(rows[i].code != rows[j].code);
            HF_CHECK(strcmp(rows[i].name, rows[j].name) != 0);
        }
    }
    HF_CHECK(hf_error_row_of(0) == NULL);
    HF_CHECK(hf_error_row_of(UINT32_MAX) == NULL);
}

static void the_category_is_in_the_high_byte(void)
{
    HF_CHECK(hf_code_category(HF_E_ID_EMPTY) == HF_CATEGORY_ID);
    HF_CHECK(hf_code_category(HF_E_CERT_EXPIRED) == HF_CATEGORY_CERTIFICATE);
    HF_CHECK(strcmp(hf_error_row_of(HF_E_ID_EMPTY)->category, "id") == 0);
}

static void a_failure_says_where_it_happened(void)
{
    struct hf_error seen;
    HF_CHECK_CODE(pass_on(), HF_E_LIMIT);
    hf_error_copy(&seen);
    hf_error_copy(NULL);
    HF_CHECK(seen.code == HF_E_LIMIT && seen.line > 0);
    HF_CHECK(strstr(seen.file, "test_base_error.c") != NULL);
    HF_CHECK(seen.depth == -1 && seen.alert == -1 && seen.skew == 0 && seen.system == 0);
    HF_CHECK(seen.expected[0] == '\0' && seen.claimed_id[0] == '\0');
}

static void a_new_failure_clears_what_the_last_one_said(void)
{
    HF_CHECK_CODE(fail_seen("this"), HF_E_IO);
    struct hf_error *record = hf_error_current();
    record->depth = 3;
    record->skew = 9;
    (void)hf_mem_copy(record->claimed_id, sizeof(record->claimed_id), "spiffe://a/b", 13);
    HF_CHECK(strcmp(record->seen, "not 'this'") == 0);
    HF_CHECK(strcmp(record->expected, "something") == 0);
    HF_CHECK_CODE(fail_plain(), HF_E_LIMIT);
    HF_CHECK(record->depth == -1 && record->skew == 0);
    HF_CHECK(record->seen[0] == '\0' && record->claimed_id[0] == '\0');
}

static void long_texts_are_cut(void)
{
    char text[1000];
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        text[i] = 'x';
    }
    text[sizeof(text) - 1] = '\0';
    HF_CHECK_CODE(fail_seen(text), HF_E_IO);
    HF_CHECK(strlen(hf_error_current()->seen) == HF_DETAIL_MAX);
}

static void a_record_can_be_put_back(void)
{
    struct hf_error kept;
    HF_CHECK_CODE(fail_seen("this"), HF_E_IO);
    hf_error_copy(&kept);
    HF_CHECK_CODE(fail_plain(), HF_E_LIMIT);
    HF_CHECK_CODE(hf_error_restore(&kept), HF_E_IO);
    HF_CHECK(strcmp(hf_error_current()->seen, "not 'this'") == 0);
}

static void *fail_elsewhere(void *unused)
{
    (void)unused;
    (void)fail_plain().code;
    return NULL;
}

static void each_thread_has_its_own_record(void)
{
    pthread_t thread;
    HF_CHECK_CODE(fail_seen("mine"), HF_E_IO);
    HF_CHECK(pthread_create(&thread, NULL, fail_elsewhere, NULL) == 0);
    HF_CHECK(pthread_join(thread, NULL) == 0);
    HF_CHECK(hf_error_current()->code == HF_E_IO);
}

static void bytes_of_a_peer_are_made_printable(void)
{
    char out[64];
    hf_error_escape(out, sizeof(out), (const uint8_t *)"a\\\x1b[2J\xff\0b", 9);
    HF_CHECK(strcmp(out, "a\\x5c\\x1b[2J\\xff\\x00b") == 0);
    /* Never half an escape, never past the end. */
    hf_error_escape(out, 5, (const uint8_t *)"a\x01", 2);
    HF_CHECK(strcmp(out, "a") == 0);
    hf_error_escape(out, 6, (const uint8_t *)"a\x01", 2);
    HF_CHECK(strcmp(out, "a\\x01") == 0);
    out[0] = 'k';
    hf_error_escape(out, 0, (const uint8_t *)"a", 1);
    HF_CHECK(out[0] == 'k');
}

static void the_clock_can_be_fixed(void)
{
    hf_clock_set(1234);
    HF_CHECK(hf_clock_now() == 1234);
    HF_CHECK(hf_clock_resolve(HF_TIME_NOW) == 1234);
    HF_CHECK(hf_clock_resolve(5) == 5);
    hf_clock_reset();
    HF_CHECK(hf_clock_now() > 1700000000);
}

static void days_are_counted_as_the_calendar_does(void)
{
    HF_CHECK(hf_clock_days(1970, 1, 1) == 0);
    HF_CHECK(hf_clock_days(1969, 12, 31) == -1);
    HF_CHECK(hf_clock_days(2000, 2, 29) + 1 == hf_clock_days(2000, 3, 1));
    HF_CHECK(hf_clock_days(1900, 2, 28) + 1 == hf_clock_days(1900, 3, 1));
    HF_CHECK(hf_clock_days(2038, 1, 19) * 86400 + 11647 == INT64_C(2147483647));
    HF_CHECK(hf_clock_days(9999, 12, 31) == 2932896);
    HF_CHECK(hf_clock_days(0, 3, 1) == -719468);
    HF_CHECK(hf_clock_days(-1, 3, 1) == -719468 - 366);
}

HF_TESTS({"every row is whole and unlike the others", every_row_is_whole_and_unlike_the_others},
         {"the category is in the high byte", the_category_is_in_the_high_byte},
         {"a failure says where it happened", a_failure_says_where_it_happened},
         {"a new failure clears the last one", a_new_failure_clears_what_the_last_one_said},
         {"long texts are cut", long_texts_are_cut},
         {"a record can be put back", a_record_can_be_put_back},
         {"each thread has its own record", each_thread_has_its_own_record},
         {"bytes of a peer are made printable", bytes_of_a_peer_are_made_printable},
         {"the clock can be fixed", the_clock_can_be_fixed},
         {"days are counted as the calendar does", days_are_counted_as_the_calendar_does})
