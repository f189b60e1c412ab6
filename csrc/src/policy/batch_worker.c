/* SPDX-License-Identifier: Apache-2.0
 *
 * Three ways to a verdict. Nearly all chains take the first: everything but the leaf's signature is
 * judged (verify/pending.h), and eight signatures of one curve are checked at once. Where there are
 * no lanes for it, OpenSSL checks the signature. Whatever was not accepted by then, for any reason,
 * is judged as a single chain is: only that way refuses, so that codes and depths are its own.
 */
#include "policy/batch_worker.h"

#include "policy/batch_lanes.h"
#include "verify/path_rules.h"

/* Chains that are taken at once: two lines of cache of verdicts, and about a millisecond between
 * two looks at whether to go on. */
#define BLOCK ((size_t)64)

/* Lanes cost the same whether they are full or not: fewer are checked one by one. */
#define LANES_MIN 3

struct hf_batch_worker {
    struct hf_batch_run *run;
    struct hf_batch_arena arena;
    struct hf_batch_statistics statistics;
    struct hf_peer peer; /* of a single judgement */
    uint8_t *rooms;      /* HF_CHAIN_BYTES_MAX for each place; NULL unless data is shared */
    bool has_met;
    struct hf_cert met; /* the intermediate of the chain before: the next one's, nearly always */
    struct hf_batch_lanes lanes;
};

static hf_result make_rooms(struct hf_batch_worker *worker)
{
    worker->rooms = hf_mem_new_array(HF_BATCH_PLACES, HF_CHAIN_BYTES_MAX);
    HF_NEED_MEM(worker->rooms);
    for (size_t i = 0; i < HF_BATCH_PLACES; i++) {
        worker->lanes.places[i].room = worker->rooms + i * HF_CHAIN_BYTES_MAX;
    }
    return hf_ok();
}

hf_result hf_batch_worker_new(struct hf_batch_run *run, uint32_t number,
                              struct hf_batch_worker **out)
{
    struct hf_batch_worker *worker = hf_mem_new(sizeof(*worker));
    *out = worker;
    HF_NEED_MEM(worker);
    worker->run = run;
    worker->arena.worker = number;
    hf_batch_lanes_init(&worker->lanes);
    return run->in->shared != 0 ? make_rooms(worker) : hf_ok();
}

void hf_batch_worker_free(struct hf_batch_worker *worker)
{
    if (worker != NULL) {
        hf_mem_free(worker->arena.bytes);
        hf_mem_free(worker->rooms);
        hf_mem_free(worker);
    }
}

/* As a single chain is judged, but for the cache. */
static hf_result judge(struct hf_batch_worker *worker, const struct hf_batch_item *item)
{
    const struct hf_batch_run *run = worker->run;
    const struct hf_presented presented = {
        .chain = &item->chain, .at = run->options.at, .purpose = run->options.purpose};
    const struct hf_judge_options options = hf_verifier_options(run->verifier, HF_WAY_ANY);
    HF_TRY(hf_judge_svid(run->verifier->bundles, &presented, &options, &worker->peer));
    return hf_verifier_authorize(run->verifier, &worker->peer);
}

static void grant(struct hf_batch_worker *worker, size_t i, struct hf_span id, int64_t not_after)
{
    const struct hf_batch_grant granted = {id, not_after};
    if (hf_batch_grant(worker->run, i, &granted, &worker->arena)) {
        worker->statistics.accepted++;
    }
}

static void judge_singly(struct hf_batch_worker *worker, size_t i, const struct hf_batch_item *item)
{
    worker->statistics.singly++;
    hf_result r = judge(worker, item);
    if (!hf_is_ok(r)) {
        hf_batch_refuse(worker->run, i, r);
        return;
    }
    grant(worker, i, hf_span_of(worker->peer.id, worker->peer.id_len), worker->peer.not_after);
}

/* The leaf's signature holds as well: that was authentication, and authorization follows, as
 * hf_verifier_authorize() does it. */
static void accept(struct hf_batch_worker *worker, const struct hf_batch_waiting *waiting)
{
    const struct hf_policy *policy = worker->run->verifier->policy;
    const struct hf_pending *pending = &waiting->pending;
    if (!hf_policy_allows(policy, &pending->id)) {
        hf_result r = hf_policy_refuse(policy, &pending->id);
        hf_error_current()->depth = 0;
        hf_batch_refuse(worker->run, waiting->index, r);
        return;
    }
    int64_t not_before;
    int64_t not_after;
    hf_path_window(&pending->pool, &pending->path, &not_before, &not_after);
    grant(worker, waiting->index, hf_span_of(pending->id.id, pending->id.id_len), not_after);
}

/* By OpenSSL, now. */
static void check_signature(struct hf_batch_worker *worker, struct hf_batch_waiting *waiting)
{
    worker->statistics.by_openssl++;
    if (hf_is_ok(hf_signature_verify(waiting->pending.signer, &waiting->pending.leaf))) {
        accept(worker, waiting);
    } else {
        judge_singly(worker, waiting->index, &waiting->item);
    }
    hf_pending_wipe(&waiting->pending);
}

/* A lane says nothing but "holds". */
static void settle(struct hf_batch_worker *worker, struct hf_batch_waiting *waiting)
{
    if (waiting->held) {
        worker->statistics.by_lanes++;
        accept(worker, waiting);
    } else {
        worker->statistics.asked_again++;
        judge_singly(worker, waiting->index, &waiting->item);
    }
    hf_pending_wipe(&waiting->pending);
}

static void flush(struct hf_batch_worker *worker, enum hf_batch_curve curve)
{
    struct hf_batch_waiting *checked[HF_MB_LANES];
    size_t count = hf_batch_lanes_flush(&worker->lanes, curve, checked);
    for (size_t i = 0; i < count; i++) {
        settle(worker, checked[i]);
    }
}

/* At the end, when lanes will not fill up any more. */
static void flush_rest(struct hf_batch_worker *worker)
{
    struct hf_batch_waiting *rest[HF_MB_LANES];
    for (enum hf_batch_curve curve = HF_BATCH_P256; curve < HF_BATCH_CURVES; curve++) {
        if (worker->lanes.counts[curve] >= LANES_MIN) {
            flush(worker, curve);
        }
        size_t count = hf_batch_lanes_clear(&worker->lanes, curve, rest);
        for (size_t i = 0; i < count; i++) {
            check_signature(worker, rest[i]);
        }
    }
}

/* A view into a room would not last: shared data is read anew for each chain. */
static void remember(struct hf_batch_worker *worker, const struct hf_pool *pool)
{
    if (pool->count > 1 && worker->rooms == NULL &&
        !(worker->has_met && hf_span_equal(worker->met.der, pool->certs[1].der))) {
        worker->met = pool->certs[1];
        worker->has_met = true;
    }
}

static bool begin(struct hf_batch_worker *worker, struct hf_batch_waiting *waiting)
{
    const struct hf_batch_run *run = worker->run;
    struct hf_pending *pending = &waiting->pending;
    const struct hf_judge_options options = hf_verifier_options(run->verifier, HF_WAY_ANY);
    bool ready = false;
    waiting->presented = (struct hf_presented){.chain = &waiting->item.chain,
                                               .at = run->options.at,
                                               .purpose = run->options.purpose,
                                               .met = worker->has_met ? &worker->met : NULL};
    /* A failure of the engine is met again by the judge, who tells it. */
    if (!hf_is_ok(hf_pending_begin(run->verifier->bundles, &waiting->presented, &options, pending,
                                   &ready))) {
        return false;
    }
    remember(worker, &pending->pool);
    if (ready && pending->path.count > 1 && pending->pool.issuers_verified == 0) {
        worker->statistics.issuers_known++;
    }
    return ready;
}

static void take(struct hf_batch_worker *worker, size_t i)
{
    struct hf_batch_run *run = worker->run;
    struct hf_batch_waiting *waiting = hf_batch_lanes_place(&worker->lanes);
    enum hf_batch_curve curve;
    waiting->index = i;
    hf_result r = hf_batch_input_take(run->in, i, waiting->room, &waiting->item);
    if (!hf_is_ok(r)) {
        hf_batch_refuse(run, i, r);
        return;
    }
    if (run->twins != NULL && hf_batch_twins_met(run->twins, i, &waiting->item)) {
        worker->statistics.duplicates++;
        return;
    }
    if (!begin(worker, waiting)) {
        judge_singly(worker, i, &waiting->item);
        return;
    }
    if (!run->lanes || !hf_batch_lanes_queue(&worker->lanes, &curve)) {
        check_signature(worker, waiting);
        return;
    }
    if (worker->lanes.counts[curve] == HF_MB_LANES) {
        flush(worker, curve);
    }
}

void hf_batch_worker_run(struct hf_batch_worker *worker)
{
    struct hf_batch_run *run = worker->run;
    size_t count = run->in->count;
    while (!hf_batch_is_cancelled(run)) {
        size_t first = atomic_fetch_add_explicit(&run->next, BLOCK, memory_order_relaxed);
        if (first >= count) {
            break;
        }
        size_t end = count - first < BLOCK ? count : first + BLOCK;
        for (size_t i = first; i < end; i++) {
            take(worker, i);
        }
        hf_batch_progress(run, end - first);
    }
    flush_rest(worker);
}

const struct hf_batch_arena *hf_batch_worker_arena(const struct hf_batch_worker *worker)
{
    return &worker->arena;
}

void hf_batch_worker_count(const struct hf_batch_worker *worker, struct hf_batch_statistics *sum)
{
    const struct hf_batch_statistics *own = &worker->statistics;
    sum->accepted += own->accepted;
    sum->duplicates += own->duplicates;
    sum->by_lanes += own->by_lanes;
    sum->by_openssl += own->by_openssl;
    sum->asked_again += own->asked_again;
    sum->issuers_known += own->issuers_known;
    sum->singly += own->singly;
}
