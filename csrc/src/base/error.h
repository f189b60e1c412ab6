/* SPDX-License-Identifier: Apache-2.0
 *
 * The record of this thread's last failure: written once where it happens, enriched on the way up.
 */
#ifndef HF_BASE_ERROR_H
#define HF_BASE_ERROR_H

#include <stddef.h>
#include <stdint.h>

#include "base/error_codes.h"
#include "handfast.h"

enum hf_category {
#define HF_X(symbol, name, number) HF_CATEGORY_##symbol = number,
    HF_CATEGORIES(HF_X)
#undef HF_X
};

enum hf_code {
    HF_OK = 0,
#define HF_X(symbol, name, category, number, alert, text, hint)                                    \
    HF_E_##symbol = (HF_CATEGORY_##category << 8) | (number),
    HF_ERRORS(HF_X)
#undef HF_X
};

static inline uint32_t hf_code_category(uint32_t code)
{
    return code >> 8;
}

/* Start a fresh record and return its code as a result. */
HF_MUST_USE hf_result hf_error_set(uint32_t code, const char *file, int line);
HF_MUST_USE hf_result hf_error_set_seen(uint32_t code, const char *file, int line,
                                        const char *expected, const char *seen_format, ...)
    __attribute__((format(printf, 5, 6)));

/* Put a record back as this thread's last failure (a connection repeats its own). */
HF_MUST_USE hf_result hf_error_restore(const struct hf_error *record);

/* The record itself, to add depth, alert, skew, the claimed ID. Never NULL. */
struct hf_error *hf_error_current(void);

/* Table row of a code, NULL when unknown. */
const struct hf_error_row *hf_error_row_of(uint32_t code);

/* Copy at most cap - 1 bytes of what a peer sent, everything but printable ASCII (and the
 * backslash) as \xNN, NUL-terminated: safe for a log and for a terminal. */
void hf_error_escape(char *out, size_t cap, const uint8_t *bytes, size_t len);

#endif
