/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/batch_run.h"

#define ARENA_MIN 4096

/* The control is plain memory that Python holds, too: the compiler's atomics on it, and nobody
 * else's hands. */
void hf_batch_cancel(struct hf_batch_control *control)
{
    if (control != NULL) {
        __atomic_store_n(&control->cancelled, 1, __ATOMIC_RELAXED);
    }
}

uint64_t hf_batch_done(const struct hf_batch_control *control)
{
    return control == NULL ? 0 : __atomic_load_n(&control->done, __ATOMIC_RELAXED);
}

bool hf_batch_is_cancelled(const struct hf_batch_run *run)
{
    return run->control != NULL && __atomic_load_n(&run->control->cancelled, __ATOMIC_RELAXED) != 0;
}

void hf_batch_progress(const struct hf_batch_run *run, size_t chains)
{
    if (run->control != NULL) {
        (void)__atomic_fetch_add(&run->control->done, chains, __ATOMIC_RELAXED);
    }
}

static void reject(const struct hf_batch_output *out, size_t i, uint32_t reason, int8_t depth)
{
    out->ok[i] = 0;
    out->reason[i] = reason;
    if (out->not_after != NULL) {
        out->not_after[i] = 0;
    }
    if (out->depth != NULL) {
        out->depth[i] = depth;
    }
}

void hf_batch_reject_all(const struct hf_batch_run *run)
{
    for (size_t i = 0; i < run->in->count; i++) {
        reject(run->out, i, HF_E_NOT_JUDGED, -1);
    }
    for (size_t i = 0; run->out->id_offsets != NULL && i <= run->in->count; i++) {
        run->out->id_offsets[i] = run->out->ids_base;
    }
}

static bool make_room(struct hf_batch_arena *arena, size_t len)
{
    if (arena->cap - arena->len >= len) {
        return true;
    }
    /* At most HF_BATCH_MAX times HF_ID_MAX: 2 GB, so that doubling it overflows nowhere. */
    size_t cap = arena->cap == 0 ? ARENA_MIN : 2 * arena->cap;
    char *grown = hf_mem_grow(arena->bytes, cap);
    if (grown == NULL) {
        return false;
    }
    arena->bytes = grown;
    arena->cap = cap;
    return true;
}

static bool keep_id(const struct hf_batch_run *run, size_t i, struct hf_span id,
                    struct hf_batch_arena *arena)
{
    if (run->ids == NULL) {
        return true;
    }
    if (!make_room(arena, id.len) ||
        !hf_mem_copy(arena->bytes + arena->len, arena->cap - arena->len, id.data, id.len)) {
        return false;
    }
    struct hf_batch_id place = {arena->worker, (uint32_t)id.len, arena->len};
    run->ids[i] = place;
    arena->len += id.len;
    return true;
}

void hf_batch_refuse(const struct hf_batch_run *run, size_t i, hf_result refusal)
{
    int32_t depth = hf_error_current()->depth;
    reject(run->out, i, refusal.code, depth >= 0 && depth <= INT8_MAX ? (int8_t)depth : -1);
}

bool hf_batch_grant(const struct hf_batch_run *run, size_t i, const struct hf_batch_grant *grant,
                    struct hf_batch_arena *arena)
{
    const struct hf_batch_output *out = run->out;
    if (!keep_id(run, i, grant->id, arena)) {
        reject(out, i, HF_E_OUT_OF_MEMORY, -1);
        return false;
    }
    if (out->not_after != NULL) {
        out->not_after[i] = grant->not_after;
    }
    if (out->depth != NULL) {
        out->depth[i] = -1;
    }
    out->reason[i] = HF_OK;
    out->ok[i] = 1;
    return true;
}

static void copy_verdict(const struct hf_batch_run *run, size_t to, size_t from)
{
    const struct hf_batch_output *out = run->out;
    out->ok[to] = out->ok[from];
    out->reason[to] = out->reason[from];
    if (out->not_after != NULL) {
        out->not_after[to] = out->not_after[from];
    }
    if (out->depth != NULL) {
        out->depth[to] = out->depth[from];
    }
    if (run->ids != NULL) {
        run->ids[to] = run->ids[from];
    }
}

uint64_t hf_batch_settle_twins(const struct hf_batch_run *run)
{
    uint64_t accepted = 0;
    for (size_t i = 0; run->twins != NULL && i < run->in->count; i++) {
        uint32_t first = run->twins->first[i];
        if (first != 0) {
            copy_verdict(run, i, first - 1);
            accepted += run->out->ok[i];
        }
    }
    return accepted;
}

hf_result hf_batch_gather(const struct hf_batch_run *run,
                          const struct hf_batch_arena *const *arenas)
{
    struct hf_batch_output *out = run->out;
    size_t total = 0; /* HF_BATCH_MAX times HF_ID_MAX at most */
    for (size_t i = 0; run->ids != NULL && i < run->in->count; i++) {
        out->id_offsets[i] = out->ids_base + (int64_t)total;
        total += run->ids[i].len;
    }
    if (run->ids == NULL || total == 0) {
        return hf_ok();
    }
    out->id_offsets[run->in->count] = out->ids_base + (int64_t)total;
    char *ids = hf_mem_new(total);
    HF_NEED_MEM(ids);
    size_t at = 0;
    bool fits = true;
    for (size_t i = 0; i < run->in->count; i++) {
        const struct hf_batch_id *id = &run->ids[i];
        fits = fits && (id->len == 0 || hf_mem_copy(ids + at, total - at,
                                                    arenas[id->worker]->bytes + id->at, id->len));
        at += id->len;
    }
    out->ids = ids;
    out->ids_len = total;
    HF_NEED(fits, HF_E_INTERNAL);
    return hf_ok();
}

void hf_batch_output_wipe(struct hf_batch_output *out)
{
    if (out != NULL) {
        hf_mem_free(out->ids);
        out->ids = NULL;
        out->ids_len = 0;
    }
}
