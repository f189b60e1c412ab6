/* SPDX-License-Identifier: Apache-2.0
 *
 * pool.h - mimalloc for this library alone (csrc/pool), in builds that have it: nothing else in the
 * process allocates from it, and its symbols stay inside. Only heap.c uses it.
 *
 * Fork: mimalloc takes no locks worth waiting for, so a thread may be anywhere in it while another
 * forks; the child would inherit half-changed lists, or wait for a thread that it does not have.
 * Here fork waits until nobody is inside (a thread says so by a store of its own, and membarrier(2)
 * makes all those stores seen), and who comes meanwhile waits for the fork.
 */
#ifndef HF_BASE_POOL_H
#define HF_BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>

/* Make it ready; false where the system cannot tell threads apart at a fork (no membarrier). Once,
 * before anything else here, and before whoever allocates under a lock registers with
 * pthread_atfork. */
bool hf_pool_start(void);

void *hf_pool_new(size_t size);
void *hf_pool_new_zeroed(size_t size);
void *hf_pool_grow(void *block, size_t size);
void hf_pool_free(void *block);

bool hf_pool_owns(const void *block);

/* "mimalloc 2.3.2" */
const char *hf_pool_name(void);

#endif
