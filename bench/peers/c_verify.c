/* SPDX-License-Identifier: Apache-2.0
 *
 * c_verify.c - chains judged by handfast's engine through handfast.h, without Python.
 *
 * --mode known: every leaf is new, its issuer is not (with --fresh: both are). --mode cached: up
 * to a thousand chains again and again, out of the chain cache. --mode batch: hf_batch_verify on as
 * many, one thread, no lanes: for counting instructions.
 */
#include "c_corpus.h"
#include "c_sampler.h"

#include <handfast.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 1000 /* chains that are known, or in a batch */

static const char domain[] = "bench.example";

struct state {
    struct corpus corpus;
    struct hf_verifier *verifier;
    struct hf_chain_cache *cache;
    size_t next;
    size_t limit; /* chains to go round in */
    int fresh;
};

static _Noreturn void die(const char *what)
{
    struct hf_error error;
    hf_error_copy(&error);
    fprintf(stderr, "c_verify: %s: code %#x, expected %s, seen %s\n", what, error.code,
            error.expected, error.seen);
    exit(1);
}

static void need(hf_result result, const char *what)
{
    if (result.code != 0) {
        die(what);
    }
}

/* A verifier that has met nobody. */
static void renew(struct state *state)
{
    struct hf_bundle *bundle;
    struct hf_bundle_set *set;
    struct hf_policy *policy;
    const struct hf_policy_node members = {
        .op = HF_POLICY_TRUST_DOMAIN,
        .text = (const uint8_t *)domain,
        .len = sizeof(domain) - 1,
    };
    hf_verifier_unref(state->verifier);
    need(hf_bundle_new(members.text, members.len, state->corpus.anchor.data,
                       state->corpus.anchor.len, &bundle),
         "bundle");
    need(hf_bundle_set_new(&bundle, 1, &set), "bundle set");
    need(hf_policy_new(&members, 1, &policy), "policy");
    need(hf_verifier_new(set, policy, HF_RULES_STRICT, state->cache, &state->verifier), "verifier");
    hf_bundle_unref(bundle);
    hf_bundle_set_unref(set);
    hf_policy_unref(policy);
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
    need(hf_verifier_verify(state->verifier, &chain, HF_TIME_NOW, HF_PURPOSE_CLIENT, &peer),
         "verify");
    corpus_id(number, expected);
    if (strcmp(peer.id, expected) != 0) {
        die("met somebody else");
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
    need(hf_batch_verify(state->verifier, &input, &options, &control, &out), "batch");
    if (out.statistics.accepted != state->limit) {
        die("a chain was refused");
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
        need(hf_chain_cache_new(NULL, &state.cache), "cache");
    }
    renew(&state);
    work_function *work = is_batch ? batch : block;
    sampler_units(is_batch ? state.limit : CORPUS_BLOCK);
    if (options.count > 0) {
        sampler_repeat(work, &state, options.count);
        return 0;
    }
    printf("{\"openssl\": \"%s\"}\n", hf_openssl_running());
    fflush(stdout);
    sampler_serve(work, &state);
    return 0;
}
