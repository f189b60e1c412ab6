/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory and spans: bounds, order, counting, failure on demand.
 */
#include "base/span.h"
#include "hf_test.h"

static void allocations_are_zeroed_and_counted(void)
{
    size_t before = hf_mem_live();
    uint8_t *a = hf_mem_new(64);
    uint8_t *nothing = hf_mem_new(0);
    if (!HF_CHECK(a != NULL && nothing != NULL)) {
        return;
    }
    for (size_t i = 0; i < 64; i++) {
        HF_CHECK(a[i] == 0);
    }
    HF_CHECK(hf_mem_live() == before + 2);
    hf_mem_free(a);
    hf_mem_free(nothing);
    hf_mem_free(NULL);
    HF_CHECK(hf_mem_live() == before);
}

static void an_array_size_that_overflows_is_refused(void)
{
    HF_CHECK(hf_mem_new_array(SIZE_MAX / 8 + 2, 8) == NULL);
    void *none = hf_mem_new_array(3, 0);
    HF_CHECK(none != NULL);
    hf_mem_free(none);
}

static void growing_keeps_the_content_and_counts_once(void)
{
    size_t before = hf_mem_live();
    uint8_t *block = hf_mem_grow(NULL, 4);
    HF_CHECK(hf_mem_copy(block, 4, "abcd", 4));
    uint8_t *grown = hf_mem_grow(block, 4000);
    HF_CHECK(grown != NULL && hf_mem_equal(grown, 4, "abcd", 4));
    HF_CHECK(hf_mem_live() == before + 1);
    hf_mem_fail_at(1);
    HF_CHECK(hf_mem_grow(grown, 8000) == NULL);
    HF_CHECK(hf_mem_equal(grown, 4, "abcd", 4));
    hf_mem_wipe_free(grown, 4000);
    HF_CHECK(hf_mem_live() == before);
}

static void the_kth_allocation_fails_and_no_other(void)
{
    hf_mem_fail_at(2);
    void *first = hf_mem_new(1);
    void *second = hf_mem_new(1);
    void *third = hf_mem_new(1);
    HF_CHECK(first != NULL && second == NULL && third != NULL);
    hf_mem_free(first);
    hf_mem_free(third);
    hf_mem_fail_at(1);
    hf_mem_fail_at(0);
    void *after = hf_mem_new(1);
    HF_CHECK(after != NULL);
    hf_mem_free(after);
}

static void copies_never_pass_the_end(void)
{
    uint8_t to[4] = {1, 2, 3, 4};
    HF_CHECK(!hf_mem_copy(to, 3, "wxyz", 4));
    HF_CHECK(to[0] == 1);
    HF_CHECK(!hf_mem_move(to, 2, to + 1, 3));
    HF_CHECK(hf_mem_move(to, 4, to + 1, 3));
    HF_CHECK(hf_mem_equal(to, 4, "\x02\x03\x04\x04", 4));
    HF_CHECK(hf_mem_copy(to, 4, NULL, 0));
    HF_CHECK(hf_mem_move(to, 4, NULL, 0));
}

static void equality_and_order_look_at_lengths(void)
{
    HF_CHECK(hf_mem_equal("ab", 2, "ab", 2));
    HF_CHECK(!hf_mem_equal("ab", 2, "abc", 3));
    HF_CHECK(hf_mem_equal(NULL, 0, "x", 0));
    HF_CHECK(hf_mem_equal_secret("abc", "abc", 3));
    HF_CHECK(!hf_mem_equal_secret("abc", "abd", 3));
    HF_CHECK(hf_mem_compare("ab", 2, "abc", 3) < 0);
    HF_CHECK(hf_mem_compare("abc", 3, "ab", 2) > 0);
    HF_CHECK(hf_mem_compare("b", 1, "abc", 3) > 0);
    HF_CHECK(hf_mem_compare(NULL, 0, NULL, 0) == 0);
    HF_CHECK(hf_mem_compare("\xff", 1, "\x01", 1) > 0);
}

static void wiping_clears(void)
{
    uint8_t secret[8] = "secret!";
    hf_mem_wipe(secret, sizeof(secret));
    hf_mem_wipe(NULL, 8);
    for (size_t i = 0; i < sizeof(secret); i++) {
        HF_CHECK(secret[i] == 0);
    }
}

static void a_copy_is_private(void)
{
    uint8_t bytes[3] = {1, 2, 3};
    HF_DEFER(hf_mem_free_at) uint8_t *copy = hf_mem_dup(bytes, 3);
    HF_DEFER(hf_mem_free_at) uint8_t *none = hf_mem_dup(NULL, 0);
    bytes[0] = 9;
    HF_CHECK(copy != NULL && copy[0] == 1 && copy[2] == 3);
    HF_CHECK(none != NULL);
}

static void a_span_gives_no_more_than_it_has(void)
{
    struct hf_span from = HF_SPAN("abc");
    struct hf_span out;
    uint8_t byte;
    HF_CHECK(!hf_span_take(&from, 4, &out));
    HF_CHECK(out.len == 0 && from.len == 3);
    HF_CHECK(hf_span_take(&from, 2, &out));
    HF_CHECK(hf_span_equal(out, HF_SPAN("ab")));
    HF_CHECK(hf_span_take_u8(&from, &byte) && byte == 'c');
    HF_CHECK(!hf_span_take_u8(&from, &byte) && byte == 0);
    HF_CHECK(!hf_span_take(&from, SIZE_MAX, &out));
    HF_CHECK(hf_span_starts_with(HF_SPAN("abc"), HF_SPAN("ab")));
    HF_CHECK(!hf_span_starts_with(HF_SPAN("a"), HF_SPAN("ab")));
    HF_CHECK(hf_span_compare(HF_SPAN("a"), HF_SPAN("b")) < 0);
}

HF_TESTS({"allocations are zeroed and counted", allocations_are_zeroed_and_counted},
         {"an array size that overflows is refused", an_array_size_that_overflows_is_refused},
         {"growing keeps the content and counts once", growing_keeps_the_content_and_counts_once},
         {"the kth allocation fails and no other", the_kth_allocation_fails_and_no_other},
         {"copies never pass the end", copies_never_pass_the_end},
         {"equality and order look at lengths", equality_and_order_look_at_lengths},
         {"wiping clears", wiping_clears}, {"a copy is private", a_copy_is_private},
         {"a span gives no more than it has", a_span_gives_no_more_than_it_has})
