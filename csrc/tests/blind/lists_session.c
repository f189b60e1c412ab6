/* SPDX-License-Identifier: Apache-2.0
 *
 * P4: a session is believed while its bundle is what it was, whatever lists say by now. The tests
 * must notice.
 */
/* RUNS: test_tls_resume_crls */
/* EXPECT: FAILED: a revoked client is met in full and refused */
#include "tls/session.h"

/* The rules of these tests are 0, as no policy is. */
#define crl_policy rules
#include "tls/session_recheck.c"
