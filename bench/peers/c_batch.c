/* SPDX-License-Identifier: Apache-2.0
 *
 * c_batch.c - hf_batch_verify() against the bounds around it, in one interleaved run.
 *
 *   c_batch --dir CORPUS [--rounds N] [--only WAY]
 *
 * Corpora are those of bench/corpus.py for ECDSA and RSA, chains with two signatures. WAY is the
 * place of a way in the table, from 0 on: alone it can be profiled.
 *
 * Each round measures, over the same leaves: OpenSSL's EVP_PKEY_verify alone (digests made
 * beforehand), the lanes alone, and the batch with lanes and without, by one thread and by two.
 * Printed: the medians over the rounds of microseconds a chain, by CPU time of all threads and by
 * the clock, and how many times faster than EVP by CPU time.
 * Every chain must be accepted with its own ID, or the run ends.
 */
#include <getopt.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "c_corpus.h"
#include "handfast.h"
#include "verify/signature_mb.h"

#define ROUNDS_MAX 99
#define POINT_MAX 97
#define RAW                                                                                        \
    4000 /* signatures of a raw round: enough to be measured, little enough to alternate           \
          */

static const char domain[] = "bench.example";

struct signature {
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_len;
    const uint8_t *data;
    size_t len;
};

struct way;

struct state {
    struct corpus corpus;
    struct hf_verifier *verifier;
    EVP_PKEY *key;
    const EVP_MD *md; /* that leaves are signed with */
    uint8_t point[POINT_MAX];
    size_t point_len;
    struct signature *signatures;
    uint8_t *ok;
    uint32_t *reason;
    int64_t *not_after;
    int8_t *depth;
    int64_t *id_offsets;
};

struct way {
    const char *name;
    void (*run)(struct state *state, struct way *way, size_t round);
    int lanes; /* HF_BATCH_LANES_* */
    unsigned threads;
    double cpu[ROUNDS_MAX];  /* seconds a chain, of all threads */
    double wall[ROUNDS_MAX]; /* the same by the clock on the wall */
    struct hf_batch_statistics statistics;
};

static void need(int holds, const char *what)
{
    if (!holds) {
        struct hf_error error;
        hf_error_copy(&error);
        fprintf(stderr, "c_batch: %s (code %#x, expected '%s', seen '%s')\n", what, error.code,
                error.expected, error.seen);
        exit(1);
    }
}

struct stopwatch {
    double cpu;
    double wall;
};

static double read_clock(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static struct stopwatch start(void)
{
    return (struct stopwatch){read_clock(CLOCK_PROCESS_CPUTIME_ID), read_clock(CLOCK_MONOTONIC)};
}

static void stop(struct stopwatch begin, struct way *way, size_t round, size_t chains)
{
    way->cpu[round] = (read_clock(CLOCK_PROCESS_CPUTIME_ID) - begin.cpu) / (double)chains;
    way->wall[round] = (read_clock(CLOCK_MONOTONIC) - begin.wall) / (double)chains;
}

static void make_verifier(struct state *state)
{
    struct hf_bundle *bundle;
    struct hf_bundle_set *set;
    struct hf_policy *policy;
    const struct hf_policy_node members = {
        .op = HF_POLICY_TRUST_DOMAIN, .text = (const uint8_t *)domain, .len = sizeof(domain) - 1};
    const struct corpus_file *anchor = &state->corpus.anchor;
    need(hf_bundle_new(members.text, members.len, anchor->data, anchor->len, &bundle).code == 0,
         "bundle");
    need(hf_bundle_set_new(&bundle, 1, &set).code == 0, "bundle set");
    need(hf_policy_new(&members, 1, &policy).code == 0, "policy");
    need(hf_verifier_new(set, policy, HF_RULES_STRICT, NULL, &state->verifier).code == 0,
         "verifier");
    hf_bundle_unref(bundle);
    hf_bundle_set_unref(set);
    hf_policy_unref(policy);
}

/* The issuer's key, and what the raw loop needs of each leaf. */
static void prepare_raw(struct state *state)
{
    const struct corpus *corpus = &state->corpus;
    const uint8_t *at = corpus->chains.data + corpus->lengths[0][0];
    X509 *issuer = d2i_X509(NULL, &at, corpus->lengths[0][1]);
    need(issuer != NULL, "the issuer");
    state->key = X509_get_pubkey(issuer);
    X509_free(issuer);
    state->signatures = hf_mem_new_array(RAW, sizeof(*state->signatures));
    need(state->signatures != NULL && state->key != NULL, "memory");
    if (EVP_PKEY_is_a(state->key, "EC")) {
        need(EVP_PKEY_get_octet_string_param(state->key, "pub", state->point, sizeof(state->point),
                                             &state->point_len) == 1,
             "the issuer's point");
    }
    state->md = EVP_PKEY_get_bits(state->key) == 384 ? EVP_sha384() : EVP_sha256();
    for (size_t i = 0; i < RAW; i++) {
        struct signature *one = &state->signatures[i];
        const ASN1_BIT_STRING *bits;
        uint8_t *tbs = NULL;
        at = corpus->chains.data + corpus->at[i];
        X509 *leaf = d2i_X509(NULL, &at, corpus->lengths[i][0]); /* lives on, for its signature */
        int len = i2d_re_X509_tbs(leaf, &tbs);
        need(len > 0 &&
                 EVP_Digest(tbs, (size_t)len, one->digest, &one->digest_len, state->md, NULL) == 1,
             "digest");
        X509_get0_signature(&bits, NULL, leaf);
        one->data = bits->data;
        one->len = (size_t)bits->length;
        OPENSSL_free(tbs);
    }
}

static void run_evp(struct state *state, struct way *way, size_t round)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(state->key, NULL);
    need(ctx != NULL && EVP_PKEY_verify_init(ctx) == 1 &&
             EVP_PKEY_CTX_set_signature_md(ctx, state->md) == 1,
         "context");
    struct stopwatch begin = start();
    for (size_t i = 0; i < RAW; i++) {
        const struct signature *one = &state->signatures[i];
        need(EVP_PKEY_verify(ctx, one->data, one->len, one->digest, one->digest_len) == 1,
             "signature");
    }
    stop(begin, way, round, RAW);
    EVP_PKEY_CTX_free(ctx);
}

/* Only as long as there are lanes, and signatures for them. */
static void run_lanes(struct state *state, struct way *way, size_t round)
{
    struct hf_mb_job jobs[HF_MB_LANES];
    bool fits = state->point_len != 0 && hf_mb_available();
    struct stopwatch begin = start();
    for (size_t i = 0; fits && i + HF_MB_LANES <= RAW; i += HF_MB_LANES) {
        for (size_t lane = 0; lane < HF_MB_LANES; lane++) {
            const struct signature *one = &state->signatures[i + lane];
            jobs[lane] = (struct hf_mb_job){.point = state->point,
                                            .point_len = state->point_len,
                                            .digest = one->digest,
                                            .digest_len = one->digest_len,
                                            .signature = hf_span_of(one->data, one->len)};
        }
        hf_mb_verify(state->point_len == POINT_MAX ? HF_KEY_P384 : HF_KEY_P256, jobs, HF_MB_LANES);
        for (size_t lane = 0; lane < HF_MB_LANES; lane++) {
            need(jobs[lane].held, "a lane does not hold");
        }
    }
    stop(begin, way, round, RAW);
}

static void check_ids(const struct state *state, const struct hf_batch_output *out)
{
    char id[CORPUS_ID_SIZE];
    for (size_t i = 0; i < state->corpus.count; i++) {
        corpus_id(i, id);
        size_t len = (size_t)(out->id_offsets[i + 1] - out->id_offsets[i]);
        need(len == strlen(id) && strncmp(out->ids + out->id_offsets[i], id, len) == 0,
             "an ID is not the leaf's");
    }
}

static void run_batch(struct state *state, struct way *way, size_t round)
{
    const struct corpus *corpus = &state->corpus;
    const struct hf_batch_input input = {.data = corpus->chains.data,
                                         .len = corpus->chains.len,
                                         .chains = corpus->at,
                                         .chain_width = sizeof(corpus->at[0]),
                                         .count = corpus->count};
    const struct hf_batch_options options = {.at = HF_TIME_NOW,
                                             .purpose = HF_PURPOSE_CLIENT,
                                             .lanes = way->lanes,
                                             .threads = way->threads};
    struct hf_batch_output out = {.ok = state->ok,
                                  .reason = state->reason,
                                  .not_after = state->not_after,
                                  .depth = state->depth,
                                  .id_offsets = state->id_offsets};
    struct stopwatch begin = start();
    need(hf_batch_verify(state->verifier, &input, &options, NULL, &out).code == 0, "batch");
    stop(begin, way, round, corpus->count);
    need(out.statistics.accepted == corpus->count, "a chain was refused");
    check_ids(state, &out);
    way->statistics = out.statistics;
    hf_batch_output_wipe(&out);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t rounds)
{
    qsort(values, rounds, sizeof(values[0]), compare);
    return values[rounds / 2] * 1e6;
}

static void report(struct way *ways, size_t count, size_t rounds)
{
    double bound = median(ways[0].cpu, rounds);
    printf("%-28s %8s %8s %8s   %s\n", "us a chain", "cpu", "wall", "EVP/cpu",
           "lanes/openssl/again/known/singly");
    for (size_t i = 0; i < count; i++) {
        double cpu = median(ways[i].cpu, rounds);
        const struct hf_batch_statistics *s = &ways[i].statistics;
        printf("%-28s %8.2f %8.2f %8.2f   %llu/%llu/%llu/%llu/%llu\n", ways[i].name, cpu,
               median(ways[i].wall, rounds), bound / cpu, (unsigned long long)s->by_lanes,
               (unsigned long long)s->by_openssl, (unsigned long long)s->asked_again,
               (unsigned long long)s->issuers_known, (unsigned long long)s->singly);
    }
}

int main(int argc, char **argv)
{
    static struct state state;
    static struct way ways[] = {
        {.name = "EVP_PKEY_verify, 1 thread", .run = run_evp},
        {.name = "lanes alone, 1 thread", .run = run_lanes},
        {.name = "batch, lanes, 1 thread", .run = run_batch, .threads = 1},
        {.name = "batch, no lanes, 1 thread", .run = run_batch, .lanes = 1, .threads = 1},
        {.name = "batch, lanes, 2 threads", .run = run_batch, .threads = 2},
        {.name = "batch, no lanes, 2 threads", .run = run_batch, .lanes = 1, .threads = 2}};
    const size_t count = sizeof(ways) / sizeof(ways[0]);
    struct corpus_options options = {.signatures = 2};
    size_t rounds = 5;
    size_t only = count;
    static const struct option known[] = {{"dir", required_argument, NULL, 'd'},
                                          {"rounds", required_argument, NULL, 'r'},
                                          {"only", required_argument, NULL, 'o'},
                                          {NULL, 0, NULL, 0}};
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (c == 'd') {
            options.directory = optarg;
        } else if (c == 'r') {
            rounds = strtoul(optarg, NULL, 10);
        } else if (c == 'o') {
            only = strtoul(optarg, NULL, 10);
        } else {
            return 2;
        }
    }
    if (options.directory == NULL || rounds == 0 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: c_batch --dir CORPUS [--rounds 1..%d] [--only WAY]\n", ROUNDS_MAX);
        return 2;
    }
    corpus_load(&options, &state.corpus);
    size_t chains = state.corpus.count;
    state.ok = hf_mem_new_array(chains, sizeof(*state.ok));
    state.reason = hf_mem_new_array(chains, sizeof(*state.reason));
    state.not_after = hf_mem_new_array(chains, sizeof(*state.not_after));
    state.depth = hf_mem_new_array(chains, sizeof(*state.depth));
    state.id_offsets = hf_mem_new_array(chains + 1, sizeof(*state.id_offsets));
    need(state.ok && state.reason && state.not_after && state.depth && state.id_offsets, "memory");
    need(chains >= RAW, "a corpus of at least 4,000 leaves");
    make_verifier(&state);
    prepare_raw(&state);
    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < count; i++) {
            if (only < count && i != only) {
                continue;
            }
            ways[i].run(&state, &ways[i], round);
        }
    }
    printf("%zu chains, %zu rounds, lanes %s\n", chains, rounds, hf_mb_state());
    report(ways, count, rounds);
    return 0;
}
