/* SPDX-License-Identifier: Apache-2.0
 *
 * gate.h - lets threads into the pool, and a fork only while nobody is inside (pool.h says why).
 */
#ifndef HF_POOL_GATE_H
#define HF_POOL_GATE_H

#include <stdatomic.h>
#include <stdbool.h>

struct gate_thread {
    atomic_int inside;
    bool known;   /* in the list of threads */
    bool forking; /* this thread closed the gate: it may pass */
    void *heap;   /* the thread's own, for the pool */
    struct gate_thread *next;
    struct gate_thread *previous;
};

extern _Thread_local struct gate_thread gate_self;
extern atomic_int gate_closed;

/* `leave` runs when a thread ends, inside the gate. */
bool gate_start(void (*leave)(struct gate_thread *));

/* The slow ways in: a thread's first, and while a process forks. */
void gate_enter_slowly(struct gate_thread *self);

/* What is done between enter and leave is done at one side of every fork. */
static inline struct gate_thread *gate_enter(void)
{
    struct gate_thread *self = &gate_self;
    if (__builtin_expect(!self->known, 0)) {
        gate_enter_slowly(self);
        return self;
    }
    atomic_store_explicit(&self->inside, 1, memory_order_relaxed);
    /* The barrier for the processor comes from whoever closes the gate. */
    atomic_signal_fence(memory_order_seq_cst);
    if (__builtin_expect(atomic_load_explicit(&gate_closed, memory_order_relaxed), 0)) {
        gate_enter_slowly(self);
    }
    return self;
}

static inline void gate_leave(struct gate_thread *self)
{
    atomic_store_explicit(&self->inside, 0, memory_order_release);
}

#endif
