/* SPDX-License-Identifier: Apache-2.0
 *
 * heap.h - where memory comes from: the C library, or a mimalloc of our own (csrc/pool) in builds
 * that have one. Chosen once, with the first allocation, for the engine and its OpenSSL alike.
 * Code takes memory by base/mem.h, which is built on this.
 */
#ifndef HF_BASE_HEAP_H
#define HF_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>

/* NULL when there is none; sizes of 0 are for the callers to think of. */
void *hf_heap_new(size_t size);
void *hf_heap_new_zeroed(size_t size);
void *hf_heap_grow(void *block, size_t size);
void hf_heap_free(void *block);

/* True when memory comes from our own mimalloc; chooses when nobody has. */
bool hf_heap_is_own(void);

/* "system", or the name and version of our own. */
const char *hf_heap_name(void);

#endif
