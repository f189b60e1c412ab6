/* SPDX-License-Identifier: Apache-2.0
 *
 * Batches: result i is for input i, and is what a single judgement says (C9).
 */
#include <string.h>

#include "batch_world.h"
#include "chain_pool.h"
#include "hf_test.h"
#include "policy/verifier.h"
#include "verify/signature_mb.h"

#define MIXED ((size_t)416)

static struct hf_verifier *verifier;
static struct batch_corpus *mixed;

static void make_world(void)
{
    verifier = batch_world_verifier();
    mixed = batch_corpus_new(MIXED);
    batch_world_fill(mixed, MIXED);
}

/* Run and compare; returns how many were accepted. */
static uint64_t check_batch(struct hf_verifier *by, const struct batch_corpus *corpus,
                            const struct batch_ask *ask)
{
    struct batch_columns *columns = batch_columns_new(corpus->count);
    HF_CHECK_OK(batch_run(by, corpus, ask, columns));
    HF_CHECK(batch_differences(by, corpus, ask, columns, false) == 0);
    uint64_t accepted = 0;
    for (size_t i = 0; i < corpus->count; i++) {
        accepted += columns->out.ok[i];
    }
    HF_CHECK(columns->out.statistics.accepted == accepted);
    batch_columns_free(columns);
    return accepted;
}

/* C9: bad chains of every kind between good ones, in every form of input, with lanes and without,
 * by one thread and by several. */
static void every_verdict_is_the_single_one(void)
{
    static const size_t widths[][2] = {{4, 0}, {8, 0}, {4, 4}, {4, 8}, {8, 4}, {8, 8}};
    for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
        struct batch_ask ask = BATCH_USUAL;
        ask.chain_width = widths[i][0];
        ask.cert_width = widths[i][1];
        ask.threads = (unsigned)i;
        ask.lanes = i % 2 == 0 ? HF_BATCH_LANES_AUTO : HF_BATCH_LANES_OFF;
        uint64_t accepted = check_batch(verifier, mixed, &ask);
        HF_CHECK(accepted > MIXED / 3 && accepted < 2 * MIXED / 3);
        ask.shared = 1;
        HF_CHECK(check_batch(verifier, mixed, &ask) == accepted);
    }
}

/* The time, the purpose and the policy are those of the call. */
static void what_is_asked_counts(void)
{
    struct batch_ask ask = BATCH_USUAL;
    ask.at = PKI_NOT_AFTER;
    HF_CHECK(check_batch(verifier, mixed, &ask) == 0);
    ask = BATCH_USUAL;
    ask.purpose = HF_PURPOSE_SERVER;
    HF_CHECK(check_batch(verifier, mixed, &ask) > 0);
    struct hf_verifier *nobody = batch_verifier(hf_bundle_set_ref(verifier->bundles), 0, NULL);
    HF_CHECK(check_batch(nobody, mixed, &BATCH_USUAL) == 0);
    hf_verifier_unref(nobody);
    hf_clock_set(PKI_NOW);
    ask.at = HF_TIME_NOW;
    HF_CHECK(check_batch(verifier, mixed, &ask) > 0);
    hf_clock_reset();
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Up to five certificates of the pool that the chain fuzzer plays with: crosses, loops, roll-overs
 * and every broken way between them. Every third begins like a good chain; a quarter of all have a
 * byte changed. */
static void fill_from_pool(struct batch_corpus *corpus, size_t count)
{
    static const size_t good[][3] = {{POOL_LEAF, POOL_MIDDLE, POOL_CROSS},
                                     {POOL_DEEP_LEAF, POOL_LOWER, POOL_UPPER},
                                     {POOL_ROLLOVER_LEAF, POOL_ROLLOVER, POOL_ROOT},
                                     {POOL_LEAF, POOL_OLD_MIDDLE, POOL_MIDDLE},
                                     {POOL_LIMITED_LEAF, POOL_LIMITED, POOL_OTHER_ROOT}};
    static struct pki_cert copies[5];
    uint32_t state = 3;
    for (size_t n = 0; n < count; n++) {
        const struct pki_cert *certs[5];
        struct kit_certs chain = {certs, 1 + next_random(&state) % 5};
        for (size_t i = 0; i < chain.count; i++) {
            size_t place =
                i < 3 && n % 3 == 0 ? good[n / 3 % 5][i] : next_random(&state) % CHAIN_POOL;
            copies[i] = *chain_pool_cert(place);
            certs[i] = &copies[i];
        }
        if (next_random(&state) % 4 == 0) {
            struct pki_cert *victim = &copies[next_random(&state) % chain.count];
            victim->der[next_random(&state) % victim->len] ^= (uint8_t)(1u << (n % 8));
        }
        batch_add(corpus, chain);
    }
}

static void chains_of_the_pool_are_judged_alike(void)
{
    enum { COUNT = 700 };
    struct batch_corpus *corpus = batch_corpus_new(COUNT);
    fill_from_pool(corpus, COUNT);
    struct hf_bundle_set *set = hf_bundle_set_ref((struct hf_bundle_set *)chain_pool_bundles());
    struct hf_verifier *anyone = batch_verifier(set, HF_POLICY_ANY, NULL);
    struct batch_ask ask = BATCH_USUAL;
    uint64_t accepted = check_batch(anyone, corpus, &ask);
    HF_CHECK(accepted > 10 && accepted < COUNT / 2);
    ask.cert_width = 0;
    ask.threads = 2;
    HF_CHECK(check_batch(anyone, corpus, &ask) == accepted);
    hf_verifier_unref(anyone);
    batch_corpus_free(corpus);
}

/* A single wrong signature among 23 good ones, at each place: whatever shares lanes with it. */
static void a_forged_leaf_spoils_no_neighbour(void)
{
    static const enum pki_kind curves[2] = {PKI_P256, PKI_P384};
    for (size_t bad = 0; bad < 24; bad++) {
        struct batch_corpus *corpus = batch_corpus_new(24);
        struct batch_columns *columns = batch_columns_new(24);
        for (size_t i = 0; i < 24; i++) {
            if (i == bad) {
                batch_world_forged(corpus, curves[bad % 2], i);
            } else {
                batch_world_good(corpus, curves[bad % 2], i);
            }
        }
        HF_CHECK_OK(batch_run(verifier, corpus, &BATCH_USUAL, columns));
        for (size_t i = 0; i < 24; i++) {
            HF_CHECK(columns->out.reason[i] == (uint32_t)(i == bad ? HF_E_BAD_SIGNATURE : HF_OK));
        }
        HF_CHECK(columns->out.statistics.asked_again == (hf_mb_available() ? 1 : 0));
        HF_CHECK(columns->out.statistics.by_lanes == (hf_mb_available() ? 23 : 0));
        batch_columns_free(columns);
        batch_corpus_free(corpus);
    }
}

static void check_equal_chains(const struct batch_ask *ask)
{
    struct batch_corpus *corpus = batch_corpus_new(300);
    struct batch_columns *columns = batch_columns_new(300);
    batch_world_good(corpus, PKI_P256, 1);
    batch_world_forged(corpus, PKI_RSA2048, 2);
    batch_world_good(corpus, PKI_ED25519, 3);
    for (size_t i = 3; i < 300; i++) {
        batch_again(corpus, i % 3);
    }
    HF_CHECK_OK(batch_run(verifier, corpus, ask, columns));
    HF_CHECK(batch_differences(verifier, corpus, ask, columns, false) == 0);
    const struct hf_batch_statistics *statistics = &columns->out.statistics;
    HF_CHECK(statistics->duplicates == 297);
    HF_CHECK(statistics->accepted == 200);
    HF_CHECK(statistics->by_lanes + statistics->by_openssl == 3);
    batch_columns_free(columns);
    batch_corpus_free(corpus);
}

static void equal_chains_are_judged_once(void)
{
    struct batch_ask ask = BATCH_USUAL;
    check_equal_chains(&ask);
    ask.shared = 1;
    check_equal_chains(&ask);
}

/* An intermediate that the bundle has not met costs one signature, whoever comes with it next. */
static void an_intermediate_is_verified_once(void)
{
    struct hf_verifier *fresh = batch_world_verifier();
    struct batch_corpus *corpus = batch_corpus_new(20);
    struct batch_columns *columns = batch_columns_new(20);
    for (size_t i = 0; i < 20; i++) {
        batch_world_good(corpus, i < 15 ? PKI_P256 : PKI_ED25519, i);
    }
    HF_CHECK_OK(batch_run(fresh, corpus, &BATCH_USUAL, columns));
    HF_CHECK(columns->out.statistics.accepted == 20);
    HF_CHECK(columns->out.statistics.issuers_known == 18);
    HF_CHECK(columns->out.statistics.singly == 0);
    HF_CHECK_OK(batch_run(fresh, corpus, &BATCH_USUAL, columns));
    HF_CHECK(columns->out.statistics.issuers_known == 20);
    batch_columns_free(columns);
    batch_corpus_free(corpus);
    hf_verifier_unref(fresh);
}

/* The same bytes cut in other places are another chain: their verdicts are their own. */
static void where_chains_are_cut_counts(void)
{
    struct batch_corpus *corpus = batch_corpus_new(4);
    struct batch_columns *columns = batch_columns_new(4);
    batch_world_good(corpus, PKI_P256, 1);
    size_t len = corpus->len;
    uint8_t *copy = hf_mem_dup(corpus->data, len);
    batch_add_bytes(corpus, hf_span_of(copy, len));
    batch_again(corpus, 0);
    batch_again(corpus, 1);
    hf_mem_free(copy);
    HF_CHECK_OK(batch_run(verifier, corpus, &BATCH_USUAL, columns));
    HF_CHECK(batch_differences(verifier, corpus, &BATCH_USUAL, columns, false) == 0);
    HF_CHECK(columns->out.ok[0] == 1 && columns->out.ok[1] == 0);
    HF_CHECK(columns->out.ok[2] == 1 && columns->out.ok[3] == 0);
    batch_columns_free(columns);
    batch_corpus_free(corpus);
}

static void ids_go_on_where_a_caller_says(void)
{
    struct batch_corpus *corpus = batch_corpus_new(2);
    struct batch_columns *columns = batch_columns_new(2);
    batch_world_good(corpus, PKI_P256, 1);
    batch_world_good(corpus, PKI_P384, 23);
    columns->out.ids_base = 1000;
    HF_CHECK_OK(batch_run(verifier, corpus, &BATCH_USUAL, columns));
    const char *expected = "spiffe://a.example/w/1spiffe://a.example/w/23";
    HF_CHECK(columns->out.ids_len == strlen(expected));
    HF_CHECK(hf_mem_equal(columns->out.ids, columns->out.ids_len, expected, strlen(expected)));
    HF_CHECK(columns->out.id_offsets[0] == 1000 && columns->out.id_offsets[1] == 1022);
    HF_CHECK(columns->out.id_offsets[2] == 1000 + (int64_t)strlen(expected));
    batch_columns_free(columns);
    batch_corpus_free(corpus);
}

static void columns_may_be_left_out(void)
{
    struct batch_corpus *corpus = batch_corpus_new(40);
    struct batch_columns *columns = batch_columns_new(40);
    batch_world_fill(corpus, 40);
    uint8_t ok[40];
    uint32_t reason[40];
    struct batch_columns few = {.out = {.ok = ok, .reason = reason}, .count = 40};
    HF_CHECK_OK(batch_run(verifier, corpus, &BATCH_USUAL, columns));
    HF_CHECK_OK(batch_run(verifier, corpus, &BATCH_USUAL, &few));
    HF_CHECK(few.out.ids == NULL && few.out.ids_len == 0);
    HF_CHECK(hf_mem_equal(ok, sizeof(ok), columns->out.ok, sizeof(ok)));
    HF_CHECK(hf_mem_equal(reason, sizeof(reason), columns->out.reason, sizeof(reason)));
    batch_columns_free(columns);
    batch_corpus_free(corpus);
}

static void done(void)
{
    batch_corpus_free(mixed);
    hf_verifier_unref(verifier);
}

HF_TESTS({"make the world", make_world},
         {"every verdict is the single one", every_verdict_is_the_single_one},
         {"what is asked counts", what_is_asked_counts},
         {"chains of the pool are judged alike", chains_of_the_pool_are_judged_alike},
         {"a forged leaf spoils no neighbour", a_forged_leaf_spoils_no_neighbour},
         {"equal chains are judged once", equal_chains_are_judged_once},
         {"an intermediate is verified once", an_intermediate_is_verified_once},
         {"where chains are cut counts", where_chains_are_cut_counts},
         {"ids go on where a caller says", ids_go_on_where_a_caller_says},
         {"columns may be left out", columns_may_be_left_out}, {"done", done})
