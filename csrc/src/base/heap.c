/* SPDX-License-Identifier: Apache-2.0
 *
 * heap.c - the choice between the C library's allocator and our own, made once.
 *
 * A library is a guest: our own mimalloc serves this engine and the OpenSSL inside it, and leaves
 * malloc as the process has it. Blocks carry no mark of whose they are, so the choice is final with
 * the first of them.
 */
#include "base/heap.h"

#include <handfast.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#ifdef HF_MIMALLOC
#include "base/pool.h"
#endif

enum { UNDECIDED, SYSTEM, OWN };

static atomic_int choice;
static atomic_int system_wanted;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void choose(void)
{
    int chosen = SYSTEM;
#ifdef HF_MIMALLOC
    if (atomic_load(&system_wanted) == 0 && hf_pool_start()) {
        chosen = OWN;
    }
#endif
    atomic_store(&choice, chosen);
}

static int chosen(void)
{
    int made = atomic_load_explicit(&choice, memory_order_relaxed);
    if (made == UNDECIDED) {
        (void)pthread_once(&once, choose);
        made = atomic_load_explicit(&choice, memory_order_relaxed);
    }
    return made;
}

bool hf_heap_is_own(void)
{
    return chosen() == OWN;
}

int hf_allocator_use_system(void)
{
    atomic_store(&system_wanted, 1);
    return chosen() == SYSTEM;
}

const char *hf_heap_name(void)
{
#ifdef HF_MIMALLOC
    if (hf_heap_is_own()) {
        return hf_pool_name();
    }
#endif
    return "system";
}

int hf_allocator_owns(const void *block)
{
#ifdef HF_MIMALLOC
    return hf_heap_is_own() && hf_pool_owns(block);
#else
    (void)block;
    return 0;
#endif
}

void *hf_heap_new(size_t size)
{
#ifdef HF_MIMALLOC
    if (hf_heap_is_own()) {
        return hf_pool_new(size);
    }
#endif
    return malloc(size);
}

void *hf_heap_new_zeroed(size_t size)
{
#ifdef HF_MIMALLOC
    if (hf_heap_is_own()) {
        return hf_pool_new_zeroed(size);
    }
#endif
    return calloc(1, size);
}

void *hf_heap_grow(void *block, size_t size)
{
#ifdef HF_MIMALLOC
    if (hf_heap_is_own()) {
        return hf_pool_grow(block, size);
    }
#endif
    return realloc(block, size);
}

void hf_heap_free(void *block)
{
#ifdef HF_MIMALLOC
    if (hf_heap_is_own()) {
        hf_pool_free(block);
        return;
    }
#endif
    free(block);
}
