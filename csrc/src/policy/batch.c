/* SPDX-License-Identifier: Apache-2.0
 *
 * The call: arguments, every slot rejected, then the work, then the IDs. What fails here fails as a
 * whole, and then nobody is accepted (C9).
 */
#include "base/clock.h"
#include "policy/batch_run.h"

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

static hf_result judge(const struct hf_batch_run *run, size_t i, struct hf_peer *peer)
{
    struct hf_batch_item item;
    HF_TRY(hf_batch_input_take(run->in, i, &item));
    const struct hf_presented presented = {
        .chain = &item.chain, .at = run->options.at, .purpose = run->options.purpose};
    return hf_verifier_judge(run->verifier, &presented, NULL, peer);
}

static hf_result work(const struct hf_batch_run *run, struct hf_batch_arena *arena)
{
    struct hf_batch_statistics *statistics = &run->out->statistics;
    statistics->threads = 1;
    struct hf_peer peer;
    for (size_t i = 0; i < run->in->count && !hf_batch_is_cancelled(run); i++) {
        hf_result verdict = judge(run, i, &peer);
        statistics->accepted += hf_batch_write(run, i, verdict, &peer, 0, arena) ? 1 : 0;
        statistics->singly++;
        hf_batch_progress(run, 1);
    }
    return hf_batch_gather(run, &(const struct hf_batch_arena *){arena});
}

static hf_result verify(struct hf_batch_run *run)
{
    HF_TRY(check_options(run->verifier, &run->options));
    HF_TRY(hf_batch_input_check(run->in));
    run->options.at = hf_clock_resolve(run->options.at);
    if (run->out->id_offsets != NULL) {
        run->ids = hf_mem_new_array(run->in->count, sizeof(*run->ids));
        HF_NEED_MEM(run->ids);
    }
    struct hf_batch_arena arena = {NULL, 0, 0};
    hf_result r = work(run, &arena);
    hf_mem_free(arena.bytes);
    hf_mem_free(run->ids);
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
