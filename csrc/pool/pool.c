/* SPDX-License-Identifier: Apache-2.0
 *
 * pool.c - the pinned mimalloc as one translation unit of ours, set up for a library inside of
 * somebody else's process: it reads no environment, runs nothing when the library is loaded or the
 * process ends, says nothing on stderr but what it dies of, and is entered through the gate.
 */
#define MI_NO_GETENV 1
#define MI_SKIP_COLLECT_ON_EXIT 1
#define MI_PRIM_HAS_PROCESS_ATTACH 1 /* hf_pool_start does it */
#include "static.c"

#include "base/pool.h"
#include "gate.h"

static void leave(struct gate_thread *self)
{
    (void)self;
    mi_thread_done();
}

bool hf_pool_start(void)
{
    if (!gate_start(leave)) {
        return false;
    }
    _mi_auto_process_init();
    /* Thread ends come by the gate's key: two keys would run in an order that nobody promises. */
    _mi_prim_thread_done_auto_done();
    _mi_heap_default_key = (pthread_key_t)(-1);
    return true;
}

/* The thread's heap, found once: thread-local variables of a loaded library cost a call each. */
static inline mi_heap_t *heap_of(struct gate_thread *self)
{
    if (mi_unlikely(self->heap == NULL)) {
        mi_thread_init();
        self->heap = mi_prim_get_default_heap();
    }
    return self->heap;
}

void *hf_pool_new(size_t size)
{
    struct gate_thread *self = gate_enter();
    void *block = mi_heap_malloc(heap_of(self), size);
    gate_leave(self);
    return block;
}

void *hf_pool_new_zeroed(size_t size)
{
    struct gate_thread *self = gate_enter();
    void *block = mi_heap_zalloc(heap_of(self), size);
    gate_leave(self);
    return block;
}

void *hf_pool_grow(void *block, size_t size)
{
    struct gate_thread *self = gate_enter();
    void *grown = mi_heap_realloc(heap_of(self), block, size);
    gate_leave(self);
    return grown;
}

void hf_pool_free(void *block)
{
    struct gate_thread *self = gate_enter();
    mi_free(block);
    gate_leave(self);
}

bool hf_pool_owns(const void *block)
{
    return mi_is_in_heap_region(block);
}

const char *hf_pool_name(void)
{
    return "mimalloc " HF_MIMALLOC_VERSION;
}
