/* SPDX-License-Identifier: Apache-2.0
 *
 * The call: arguments, every slot rejected, then the work, then the IDs. What fails here fails as a
 * whole, and then nobody is accepted (C9).
 */
#include "base/clock.h"
#include "policy/batch_worker.h"
#include "verify/signature_mb.h"
#include "verify/workers.h"

static bool is_aligned(const void *column, size_t size)
{
    return (uintptr_t)column % size == 0;
}

static hf_result check_output(const struct hf_batch_output *out)
{
    HF_NEED_PTR(out->ok);
    HF_NEED_PTR(out->reason);
    HF_NEED_SEEN(is_aligned(out->reason, sizeof(*out->reason)) &&
                     is_aligned(out->not_after, sizeof(*out->not_after)) &&
                     is_aligned(out->id_offsets, sizeof(*out->id_offsets)),
                 HF_E_BAD_ARGUMENT, "columns aligned as their type", "one that is not");
    HF_NEED_SEEN(out->ids_base >= 0 && out->ids_base <= INT64_MAX / 2, HF_E_BAD_ARGUMENT,
                 "a base of at least 0", "%lld", (long long)out->ids_base);
    return hf_ok();
}

static hf_result check_options(const struct hf_verifier *verifier,
                               const struct hf_batch_options *options)
{
    HF_NEED_PTR(verifier);
    HF_NEED_SEEN(verifier->kind == HF_VERIFIER_SPIFFE, HF_E_BAD_ARGUMENT, "a SPIFFE verifier",
                 "a web verifier");
    HF_NEED_SEEN(options->purpose >= HF_PURPOSE_EITHER && options->purpose <= HF_PURPOSE_SERVER,
                 HF_E_BAD_ARGUMENT, "a purpose (HF_PURPOSE_*)", "%d", options->purpose);
    HF_NEED_SEEN(options->lanes == HF_BATCH_LANES_AUTO || options->lanes == HF_BATCH_LANES_OFF,
                 HF_E_BAD_ARGUMENT, "HF_BATCH_LANES_AUTO or _OFF", "%d", options->lanes);
    HF_NEED_SEEN(options->threads <= HF_BATCH_THREADS_MAX, HF_E_BAD_ARGUMENT, "at most 64 threads",
                 "%u", options->threads);
    return hf_ok();
}

_Static_assert(HF_BATCH_THREADS_MAX <= HF_WORKERS_MAX, "as many threads as workers.h makes");

/* Fewer chains than this are not worth another thread. */
#define CHAINS_PER_THREAD ((size_t)64)

struct crew {
    struct hf_batch_worker *workers[HF_BATCH_THREADS_MAX];
    unsigned count;
};

static void work(void *context, unsigned index)
{
    const struct crew *crew = context;
    hf_batch_worker_run(crew->workers[index]);
}

static unsigned crew_size(const struct hf_batch_run *run)
{
    unsigned wanted = run->options.threads == 0 ? hf_workers_processors() : run->options.threads;
    size_t useful = run->in->count / CHAINS_PER_THREAD + 1;
    return wanted < useful ? wanted : (unsigned)useful;
}

static hf_result make_crew(struct hf_batch_run *run, struct crew *crew)
{
    unsigned size = crew_size(run);
    for (crew->count = 0; crew->count < size;) {
        hf_result r = hf_batch_worker_new(run, crew->count, &crew->workers[crew->count]);
        crew->count++; /* also of one that was half made: it is freed */
        HF_TRY(r);
    }
    return hf_ok();
}

static hf_result finish(const struct hf_batch_run *run, const struct crew *crew)
{
    const struct hf_batch_arena *arenas[HF_BATCH_THREADS_MAX];
    struct hf_batch_statistics *sum = &run->out->statistics;
    for (unsigned i = 0; i < crew->count; i++) {
        arenas[i] = hf_batch_worker_arena(crew->workers[i]);
        hf_batch_worker_count(crew->workers[i], sum);
    }
    sum->accepted += hf_batch_settle_twins(run);
    sum->lanes = run->lanes ? 1 : 0;
    return hf_batch_gather(run, arenas);
}

static hf_result run_crew(struct hf_batch_run *run)
{
    struct crew crew;
    hf_result r = make_crew(run, &crew);
    if (hf_is_ok(r)) {
        run->out->statistics.threads = hf_workers_run(crew.count, work, &crew);
        r = finish(run, &crew);
    }
    for (unsigned i = 0; i < crew.count; i++) {
        hf_batch_worker_free(crew.workers[i]);
    }
    return r;
}

static hf_result prepare(struct hf_batch_run *run)
{
    size_t count = run->in->count;
    if (run->out->id_offsets != NULL) {
        run->ids = hf_mem_new_array(count, sizeof(*run->ids));
        HF_NEED_MEM(run->ids);
    }
    if (count > 1) {
        run->twins = hf_mem_new(sizeof(*run->twins));
        HF_NEED_MEM(run->twins);
        HF_TRY(hf_batch_twins_init(run->in, run->twins));
    }
    return hf_ok();
}

static void clean_up(struct hf_batch_run *run)
{
    if (run->twins != NULL) {
        hf_batch_twins_wipe(run->twins);
        hf_mem_free(run->twins);
    }
    hf_mem_free(run->ids);
}

static hf_result verify(struct hf_batch_run *run)
{
    HF_TRY(check_options(run->verifier, &run->options));
    HF_TRY(hf_batch_input_check(run->in));
    run->options.at = hf_clock_resolve(run->options.at);
    run->lanes = run->options.lanes == HF_BATCH_LANES_AUTO && hf_mb_available();
    hf_result r = prepare(run);
    if (hf_is_ok(r)) {
        r = run_crew(run);
    }
    clean_up(run);
    return r;
}

hf_result hf_batch_verify(struct hf_verifier *verifier, const struct hf_batch_input *input,
                          const struct hf_batch_options *options, struct hf_batch_control *control,
                          struct hf_batch_output *out)
{
    static const struct hf_batch_statistics nothing;
    HF_NEED_PTR(out);
    out->ids = NULL;
    out->ids_len = 0;
    out->statistics = nothing;
    HF_NEED_PTR(input);
    HF_NEED_PTR(options);
    HF_TRY(check_output(out));
    struct hf_batch_run run = {
        .verifier = verifier, .in = input, .options = *options, .control = control, .out = out};
    hf_batch_reject_all(&run);
    hf_result r = verify(&run);
    if (!hf_is_ok(r)) {
        /* Nothing half done is read as done. */
        hf_batch_reject_all(&run);
        hf_batch_output_wipe(out);
        out->statistics = nothing;
        return r;
    }
    HF_NEED(!hf_batch_is_cancelled(&run), HF_E_NOT_JUDGED);
    return hf_ok();
}
