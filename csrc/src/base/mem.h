/* SPDX-License-Identifier: Apache-2.0
 *
 * Every allocation, copy and comparison of the engine. A house lint bans the C library's own
 * elsewhere, so that lengths are always stated and secrets always wiped.
 */
#ifndef HF_BASE_MEM_H
#define HF_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed memory, NULL when there is none (or count * size overflows). size 0 gives 1 byte. */
void *hf_mem_new(size_t size);
void *hf_mem_new_array(size_t count, size_t size);
/* Grown to `size` bytes; the old block stays valid when NULL is returned. */
void *hf_mem_grow(void *block, size_t size);
void hf_mem_free(void *block);

/* A private copy; NULL when there is no memory. */
uint8_t *hf_mem_dup(const uint8_t *bytes, size_t len);

/* Clear in a way that no compiler drops; then free. */
void hf_mem_wipe(void *block, size_t len);
void hf_mem_wipe_free(void *block, size_t len);

/* Copy into a destination of `cap` bytes; false, and nothing copied, when it does not fit. */
bool hf_mem_copy(void *to, size_t cap, const void *from, size_t len);
/* The same for blocks that may overlap. */
bool hf_mem_move(void *to, size_t cap, const void *from, size_t len);

/* Public data only: returns at the first difference. Secrets: hf_mem_equal_secret. */
bool hf_mem_equal(const void *a, size_t a_len, const void *b, size_t b_len);
bool hf_mem_equal_secret(const void *a, const void *b, size_t len);
/* Order of two byte strings as memcmp, the shorter first among equal prefixes. */
int hf_mem_compare(const void *a, size_t a_len, const void *b, size_t b_len);

/* Tests only: the k-th allocation from now (1 = the next) fails; 0 switches it off. */
void hf_mem_fail_at(size_t k);
/* Whether that is still to come. */
bool hf_mem_fail_pending(void);
/* Allocations still alive, for leak tests. */
size_t hf_mem_live(void);

/* For HF_DEFER: frees what the variable points to. */
void hf_mem_free_at(void *variable);

#endif
