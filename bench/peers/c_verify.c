/* SPDX-License-Identifier: Apache-2.0
 *
 * c_verify.c - chains judged by handfast's engine through handfast.h, without Python.
 *
 * --mode known: every leaf is new, its issuer is not (with --fresh: both are). --mode cached: up
 * to a thousand chains again and again, out of the chain cache. --mode batch: hf_batch_verify on as
 * many, one thread, no lanes: for counting instructions.
 */
#include "c_corpus.h"
#include "c_engine.h"
#include "c_sampler.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 1000 /* chains that are known, or in a batch */

struct state {
    struct corpus corpus;
    struct hf_verifier *verifier;
    struct hf_chain_cache *cache;
    size_t next;
    size_t limit; /* chains to go round in */
    int fresh;
};

/* Forget everybody. */
static void renew(struct state *state)
{
    hf_verifier_unref(state->verifier);
    state->verifier =
        engine_verifier(state->corpus.anchor.data, state->corpus.anchor.len, state->cache);
}

static size_t advance(struct state *state)
{
    size_t number = state->next++;
    if (state->next == state->limit) {
        state->next = 0;
        if (state->fresh) {
            renew(state);
        }
    }
    return number;
}

static void verify(struct state *state, size_t number)
{
    const struct corpus *corpus = &state->corpus;
    const struct hf_chain chain = {
        .der = corpus->chains.data + corpus->at[number],
        .lengths = corpus->lengths[number],
        .count = corpus->certificates,
    };
    char expected[CORPUS_ID_SIZE];
    struct hf_peer peer;
    engine_need(hf_verifier_verify(state->verifier, &chain, HF_TIME_NOW, HF_PURPOSE_CLIENT, &peer),
                "verify");
    corpus_id(number, expected);
    if (strcmp(peer.id, expected) != 0) {
        engine_die("met somebody else");
    }
}

static void block(void *opaque, struct split *unused)
{
    struct state *state = opaque;
    (void)unused;
    for (int i = 0; i < CORPUS_BLOCK; i++) {
        verify(state, advance(state));
    }
}

static void batch(void *opaque, struct split *unused)
{
    struct state *state = opaque;
    (void)unused;
    uint8_t ok[MOST];
    uint32_t reason[MOST];
    const struct hf_batch_input input = {
        .data = state->corpus.chains.data,
        .len = state->corpus.chains.len,
        .chains = state->corpus.at,
        .chain_width = sizeof(uint64_t),
        .count = state->limit,
    };
    const struct hf_batch_options options = {
        .at = HF_TIME_NOW,
        .purpose = HF_PURPOSE_CLIENT,
        .lanes = HF_BATCH_LANES_OFF,
        .threads = 1,
    };
    struct hf_batch_control control = {0};
    struct hf_batch_output out = {.ok = ok, .reason = reason};
    engine_need(hf_batch_verify(state->verifier, &input, &options, &control, &out), "batch");
    if (out.statistics.accepted != state->limit) {
        engine_die("a chain was refused");
    }
    hf_batch_output_wipe(&out);
}

int main(int argc, char **argv)
{
    static struct state state;
    struct corpus_options options;
    corpus_options(argc, argv, &options);
    corpus_load(&options, &state.corpus);
    int is_batch = strcmp(options.mode, "batch") == 0;
    int is_cached = strcmp(options.mode, "cached") == 0;
    state.fresh = options.fresh;
    state.limit = state.corpus.count;
    if ((is_batch || is_cached) && state.limit > MOST) {
        state.limit = MOST;
    }
    if (is_cached) {
        engine_need(hf_chain_cache_new(NULL, &state.cache), "cache");
    }
    renew(&state);
    work_function *work = is_batch ? batch : block;
    sampler_units(is_batch ? state.limit : CORPUS_BLOCK);
    char facts[64];
    snprintf(facts, sizeof(facts), "{\"openssl\": \"%s\"}", hf_openssl_running());
    sampler_run(work, &state, options.count, facts);
    return 0;
}
