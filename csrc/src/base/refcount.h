/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference counts of immutable snapshots.
 */
#ifndef HF_BASE_REFCOUNT_H
#define HF_BASE_REFCOUNT_H

#include <stdatomic.h>
#include <stdbool.h>

struct hf_refcount {
    atomic_size_t count;
};

static inline void hf_refcount_init(struct hf_refcount *r)
{
    atomic_init(&r->count, 1);
}

static inline void hf_refcount_take(struct hf_refcount *r)
{
    /* Whoever takes one holds one already: no ordering is needed to go up. */
    atomic_fetch_add_explicit(&r->count, 1, memory_order_relaxed);
}

/* True for the caller that must destroy the object. */
static inline bool hf_refcount_drop(struct hf_refcount *r)
{
    return atomic_fetch_sub_explicit(&r->count, 1, memory_order_acq_rel) == 1;
}

#endif
