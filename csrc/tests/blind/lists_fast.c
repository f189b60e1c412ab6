/* SPDX-License-Identifier: Apache-2.0
 *
 * P2: the strict path asks no lists. The tests must notice.
 */
/* RUNS: test_policy_crls */
/* EXPECT: FAILED: each way says what the lists say */
#include "verify/crl_check.h"

#define hf_crl_check_path(pool, path, question) hf_ok()
#include "verify/decide.c"
