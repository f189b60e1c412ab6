/* SPDX-License-Identifier: Apache-2.0
 *
 * C9: a batch does not ask lists about chains of the strict path. The tests must notice.
 */
/* RUNS: test_policy_crls */
/* EXPECT: FAILED: a batch says what each alone is told */
#include "verify/crl_check.h"

#define hf_crl_check_path(pool, path, question) hf_ok()
#include "verify/pending.c"
