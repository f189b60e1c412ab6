/* SPDX-License-Identifier: Apache-2.0
 *
 * P2 on a few thousand chains of the grammar, the same ones in every run but for their keys: what
 * the fast path accepts, the general one accepts. fuzz/c/fast_subset.c goes on from here.
 */
#include "grammar_compare.h"
#include "hf_test.h"
#include "sparse_input.h"

#define INPUTS 2500
#define SPOILT 3

static struct grammar_case made;
static size_t accepted, refused;

static void compare(bool always)
{
    struct grammar_answers answers;
    grammar_compare(&made, always, &answers);
    accepted += answers.fast == HF_OK;
    refused += answers.fast != HF_OK;
    if (!HF_CHECK(answers.wrong == NULL)) {
        (void)fprintf(stderr, "    %s: %s, %s, %s\n", answers.wrong,
                      hf_test_code_name(answers.fast), hf_test_code_name(answers.general),
                      hf_test_code_name(answers.any));
    }
}

static void what_is_fast_is_good(void)
{
    uint64_t state = 1;
    uint8_t input[SPARSE_INPUT_MAX];
    for (size_t i = 0; i < INPUTS; i++) {
        struct choices c = {hf_span_of(input, sparse_input(&state, input))};
        if (grammar_case_make(&c, &made)) {
            compare(true);
            for (size_t k = 0; k < SPOILT; k++) {
                grammar_case_spoil(&c, &made);
                compare(false);
            }
        }
        grammar_case_wipe(&made);
    }
}

static void both_answers_were_met_often(void)
{
    /* A comparison that nothing passes, or everything, would prove little. */
    HF_CHECK(accepted > INPUTS / 3);
    HF_CHECK(refused > INPUTS);
}

HF_TESTS({"what is fast is good", what_is_fast_is_good},
         {"both answers were met often", both_answers_were_met_often})
