/* SPDX-License-Identifier: Apache-2.0
 *
 * C3: lists are not in the key of what is remembered. The tests must notice.
 */
/* RUNS: test_policy_crls */
/* EXPECT: FAILED: what is remembered is bound to the lists */
#include "verify/crl_book.h"

#define hf_crl_book_ask(book, policy, question) ((void)(question))
#include "verify/recall.c"
