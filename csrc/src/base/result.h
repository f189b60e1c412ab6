/* SPDX-License-Identifier: Apache-2.0
 *
 * Results and guards. A function reads top to bottom as guards, then work, then HF_OK; a failure
 * leaves at once and keeps the first record of what went wrong.
 */
#ifndef HF_BASE_RESULT_H
#define HF_BASE_RESULT_H

#include <stdbool.h>

#include "base/error.h"
#include "handfast.h"

static inline hf_result hf_ok(void)
{
    hf_result r = {0};
    return r;
}

static inline bool hf_is_ok(hf_result r)
{
    return r.code == 0;
}

/* The eight guards. */

/* Pass a failure on. */
#define HF_TRY(expr)                                                                               \
    do {                                                                                           \
        hf_result hf_try_ = (expr);                                                                \
        if (hf_try_.code != 0) {                                                                   \
            return hf_try_;                                                                        \
        }                                                                                          \
    } while (0)

/* Fail here with a code and no details. */
#define HF_FAIL(error) return hf_error_set((error), __FILE__, __LINE__)

/* Fail here and say what was expected and seen: printf-like `seen`. */
#define HF_FAIL_SEEN(error, expected, ...)                                                         \
    return hf_error_set_seen((error), __FILE__, __LINE__, (expected), __VA_ARGS__)

/* A condition that must hold. */
#define HF_NEED(cond, error)                                                                       \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            HF_FAIL(error);                                                                        \
        }                                                                                          \
    } while (0)

#define HF_NEED_SEEN(cond, error, expected, ...)                                                   \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            HF_FAIL_SEEN(error, expected, __VA_ARGS__);                                            \
        }                                                                                          \
    } while (0)

/* A pointer argument that must be there. */
#define HF_NEED_PTR(p) HF_NEED((p) != NULL, HF_E_BAD_ARGUMENT)

/* Memory that must have been had. */
#define HF_NEED_MEM(p) HF_NEED((p) != NULL, HF_E_OUT_OF_MEMORY)

/* An OpenSSL call that returns 1 (or a pointer) when it worked. */
#define HF_TRY_OSSL(ok, error) HF_NEED((ok), error)

/* Clean up at the end of the scope: HF_DEFER(free_fn) type name = ...; free_fn takes a pointer to
 * the variable. */
#define HF_DEFER(fn) __attribute__((cleanup(fn)))

#endif
