/* SPDX-License-Identifier: Apache-2.0
 *
 * One chain of the grammar judged by every way, and what is wrong with the answers (P2): for the
 * fuzz target and for the test of the same promise.
 */
#ifndef HF_TESTS_GRAMMAR_COMPARE_H
#define HF_TESTS_GRAMMAR_COMPARE_H

#include "grammar_chain.h"

struct grammar_answers {
    const char *wrong; /* NULL: all is as promised */
    uint32_t fast;     /* codes; 0 accepted */
    uint32_t general;  /* HF_E_NOT_JUDGED when nobody asked */
    uint32_t any;
    bool other_path; /* the fast path alone found another one, which holds, too */
};

/* Ask the fast path, and then, when it accepts or `always`, the others:
 * - what the fast path accepts, the general one accepts with an equal peer;
 * - both ways together answer like the general one, to the code and every byte of the peer. */
void grammar_compare(const struct grammar_case *made, bool always, struct grammar_answers *out);

#endif
