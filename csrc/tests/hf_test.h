/* SPDX-License-Identifier: Apache-2.0
 *
 * The whole test framework: checks that go on after a failure, so that one run shows them all.
 *
 *   static void takes_the_shortest(void) { HF_CHECK(1 + 1 == 2); }
 *   HF_TESTS({"takes the shortest", takes_the_shortest})
 */
#ifndef HF_TEST_H
#define HF_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/error.h"
#include "base/result.h"

struct hf_test {
    const char *name;
    void (*run)(void);
};

/* Failed checks of the test that runs now. */
static int hf_test_failures;

static inline const char *hf_test_code_name(uint32_t code)
{
    const struct hf_error_row *row = hf_error_row_of(code);
    return code == HF_OK ? "ok" : row == NULL ? "unknown code" : row->name;
}

static inline bool hf_test_check(bool holds, const char *text, const char *file, int line)
{
    if (!holds) {
        hf_test_failures++;
        (void)fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, text);
    }
    return holds;
}

static inline bool hf_test_check_code(hf_result result, uint32_t code, const char *text,
                                      const char *file, int line)
{
    if (result.code == code) {
        return true;
    }
    hf_test_failures++;
    (void)fprintf(stderr, "%s:%d: %s\n    expected %s, got %s\n", file, line, text,
                  hf_test_code_name(code), hf_test_code_name(result.code));
    if (result.code != HF_OK) {
        const struct hf_error *e = hf_error_current();
        (void)fprintf(stderr, "    at %s:%u: expected '%s', seen '%s'\n", e->file, e->line,
                      e->expected, e->seen);
    }
    return false;
}

/* Each is also an expression: true when it held. */
#define HF_CHECK(cond) hf_test_check((cond), #cond, __FILE__, __LINE__)
#define HF_CHECK_CODE(result, error)                                                               \
    hf_test_check_code((result), (uint32_t)(error), #result, __FILE__, __LINE__)
#define HF_CHECK_OK(result) HF_CHECK_CODE(result, HF_OK)

/* The table of tests, and main(). */
#define HF_TESTS(...)                                                                              \
    static const struct hf_test hf_tests[] = {__VA_ARGS__};                                        \
    int main(void)                                                                                 \
    {                                                                                              \
        return hf_test_run(hf_tests, sizeof(hf_tests) / sizeof(hf_tests[0]));                      \
    }

static inline int hf_test_run(const struct hf_test *tests, size_t count)
{
    int passed = 0;
    int failed = 0;
    for (size_t i = 0; i < count; i++) {
        hf_test_failures = 0;
        tests[i].run();
        if (hf_test_failures == 0) {
            passed++;
            continue;
        }
        failed++;
        (void)fprintf(stderr, "FAILED: %s\n", tests[i].name);
    }
    (void)printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 && passed > 0 ? 0 : 1;
}

#endif
