/* SPDX-License-Identifier: Apache-2.0 */
#include "batch_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CERTS_PER_CHAIN 12

const struct batch_ask BATCH_USUAL = {.chain_width = 8,
                                      .cert_width = 8,
                                      .lanes = HF_BATCH_LANES_AUTO,
                                      .threads = 1,
                                      .purpose = HF_PURPOSE_EITHER,
                                      .at = PKI_NOW,
                                      .control = NULL};

static void *need(void *block)
{
    if (block == NULL) {
        (void)fprintf(stderr, "batch kit: no memory\n");
        abort();
    }
    return block;
}

struct batch_corpus *batch_corpus_new(size_t chains)
{
    struct batch_corpus *corpus = need(hf_mem_new(sizeof(*corpus)));
    corpus->cap = chains;
    corpus->cert_cap = chains * CERTS_PER_CHAIN;
    corpus->chain_ends = need(hf_mem_new_array(chains + 1, sizeof(uint64_t)));
    corpus->byte_ends = need(hf_mem_new_array(chains + 1, sizeof(uint64_t)));
    corpus->cert_ends = need(hf_mem_new_array(corpus->cert_cap + 1, sizeof(uint64_t)));
    /* Never NULL: offsets are added to it, be it empty. */
    corpus->data_cap = 1;
    corpus->data = need(hf_mem_new(corpus->data_cap));
    return corpus;
}

void batch_corpus_free(struct batch_corpus *corpus)
{
    hf_mem_free(corpus->data);
    hf_mem_free(corpus->chain_ends);
    hf_mem_free(corpus->byte_ends);
    hf_mem_free(corpus->cert_ends);
    hf_mem_free(corpus);
}

static void add_certificate(struct batch_corpus *corpus, struct hf_span der)
{
    if (corpus->cert_count == corpus->cert_cap) {
        (void)fprintf(stderr, "batch kit: too many certificates\n");
        abort();
    }
    if (corpus->data_cap - corpus->len < der.len) {
        corpus->data_cap = 2 * corpus->data_cap + der.len + 65536;
        corpus->data = need(hf_mem_grow(corpus->data, corpus->data_cap));
    }
    (void)hf_mem_copy(corpus->data + corpus->len, der.len, der.data, der.len);
    corpus->len += der.len;
    corpus->cert_ends[++corpus->cert_count] = corpus->len;
}

static void end_chain(struct batch_corpus *corpus)
{
    if (corpus->count == corpus->cap) {
        (void)fprintf(stderr, "batch kit: too many chains\n");
        abort();
    }
    corpus->count++;
    corpus->chain_ends[corpus->count] = corpus->cert_count;
    corpus->byte_ends[corpus->count] = corpus->len;
}

void batch_add(struct batch_corpus *corpus, struct kit_certs certs)
{
    for (size_t i = 0; i < certs.count; i++) {
        add_certificate(corpus, pki_span(certs.certs[i]));
    }
    end_chain(corpus);
}

void batch_add_bytes(struct batch_corpus *corpus, struct hf_span bytes)
{
    add_certificate(corpus, bytes);
    end_chain(corpus);
}

void batch_again(struct batch_corpus *corpus, size_t i)
{
    for (uint64_t j = corpus->chain_ends[i]; j < corpus->chain_ends[i + 1]; j++) {
        size_t from = (size_t)corpus->cert_ends[j];
        size_t len = (size_t)corpus->cert_ends[j + 1] - from;
        uint8_t *copy = need(hf_mem_dup(corpus->data + from, len)); /* data may move */
        add_certificate(corpus, hf_span_of(copy, len));
        hf_mem_free(copy);
    }
    end_chain(corpus);
}

struct batch_columns *batch_columns_new(size_t count)
{
    struct batch_columns *columns = need(hf_mem_new(sizeof(*columns)));
    struct hf_batch_output *out = &columns->out;
    columns->count = count;
    out->ok = need(hf_mem_new_array(count, sizeof(*out->ok)));
    out->reason = need(hf_mem_new_array(count, sizeof(*out->reason)));
    out->not_after = need(hf_mem_new_array(count, sizeof(*out->not_after)));
    out->depth = need(hf_mem_new_array(count, sizeof(*out->depth)));
    out->id_offsets = need(hf_mem_new_array(count + 1, sizeof(*out->id_offsets)));
    for (size_t i = 0; i < count; i++) {
        out->ok[i] = 1;
        out->not_after[i] = INT64_MAX;
        out->id_offsets[i] = (int64_t)i;
    }
    return columns;
}

void batch_columns_free(struct batch_columns *columns)
{
    struct hf_batch_output *out = &columns->out;
    hf_batch_output_wipe(out);
    hf_mem_free(out->ok);
    hf_mem_free(out->reason);
    hf_mem_free(out->not_after);
    hf_mem_free(out->depth);
    hf_mem_free(out->id_offsets);
    hf_mem_free(columns);
}

/* The same offsets in the width that is asked for. */
static void *offsets_of(const uint64_t *ends, size_t count, size_t width)
{
    uint8_t *out = need(hf_mem_new_array(count + 1, width));
    for (size_t i = 0; i <= count; i++) {
        uint32_t narrow = (uint32_t)ends[i];
        (void)hf_mem_copy(out + i * width, width,
                          width == 4 ? (const void *)&narrow : (const void *)&ends[i], width);
    }
    return out;
}

hf_result batch_run(struct hf_verifier *verifier, const struct batch_corpus *corpus,
                    const struct batch_ask *ask, struct batch_columns *columns)
{
    bool whole = ask->cert_width == 0;
    void *chains =
        offsets_of(whole ? corpus->byte_ends : corpus->chain_ends, corpus->count, ask->chain_width);
    void *certs = whole ? NULL : offsets_of(corpus->cert_ends, corpus->cert_count, ask->cert_width);
    const struct hf_batch_input input = {.data = corpus->data,
                                         .len = corpus->len,
                                         .chains = chains,
                                         .chain_width = ask->chain_width,
                                         .certs = certs,
                                         .cert_width = ask->cert_width,
                                         .cert_count = whole ? 0 : corpus->cert_count,
                                         .count = corpus->count,
                                         .shared = ask->shared};
    const struct hf_batch_options options = {
        .at = ask->at, .purpose = ask->purpose, .lanes = ask->lanes, .threads = ask->threads};
    hf_batch_output_wipe(&columns->out);
    hf_result r = hf_batch_verify(verifier, &input, &options, ask->control, &columns->out);
    hf_mem_free(chains);
    hf_mem_free(certs);
    return r;
}

struct verdict {
    uint32_t reason;
    int32_t depth;
    struct hf_peer peer;
};

static void judge_singly(struct hf_verifier *verifier, const struct batch_corpus *corpus,
                         const struct batch_ask *ask, size_t i, struct verdict *out)
{
    uint32_t lengths[CERTS_PER_CHAIN];
    struct hf_chain chain = {NULL, lengths, 0};
    const size_t from = (size_t)corpus->byte_ends[i];
    hf_result r = {HF_OK};
    chain.der = corpus->data + from;
    if (ask->cert_width == 0) {
        r = hf_der_split(chain.der, (size_t)corpus->byte_ends[i + 1] - from, lengths, HF_CHAIN_MAX,
                         &chain.count);
    } else {
        size_t first = (size_t)corpus->chain_ends[i];
        chain.count = (size_t)corpus->chain_ends[i + 1] - first;
        for (size_t j = 0; j < chain.count; j++) {
            lengths[j] =
                (uint32_t)(corpus->cert_ends[first + j + 1] - corpus->cert_ends[first + j]);
        }
    }
    if (hf_is_ok(r)) {
        r = hf_verifier_verify(verifier, &chain, ask->at, ask->purpose, &out->peer);
    }
    out->reason = r.code;
    out->depth = hf_is_ok(r) ? -1 : hf_error_current()->depth;
}

static bool is_as_judged(const struct verdict *single, const struct hf_batch_output *out, size_t i)
{
    size_t from = (size_t)(out->id_offsets[i] - out->ids_base);
    size_t len = (size_t)(out->id_offsets[i + 1] - out->id_offsets[i]);
    if (single->reason != out->reason[i] || single->depth != out->depth[i]) {
        return false;
    }
    if (single->reason != HF_OK) {
        return out->ok[i] == 0 && out->not_after[i] == 0 && len == 0;
    }
    return out->ok[i] == 1 && out->not_after[i] == single->peer.not_after &&
           hf_mem_equal(out->ids + from, len, single->peer.id, single->peer.id_len);
}

size_t batch_differences(struct hf_verifier *verifier, const struct batch_corpus *corpus,
                         const struct batch_ask *ask, const struct batch_columns *columns,
                         bool only_judged)
{
    size_t differences = 0;
    const struct hf_batch_output *out = &columns->out;
    struct verdict single;
    for (size_t i = 0; i < corpus->count; i++) {
        if (only_judged && out->reason[i] == HF_E_NOT_JUDGED) {
            differences += out->ok[i];
            continue;
        }
        judge_singly(verifier, corpus, ask, i, &single);
        if (!is_as_judged(&single, out, i) && differences++ == 0) {
            (void)fprintf(stderr, "chain %zu: singly %#x at %d, in the batch %#x at %d (ok %d)\n",
                          i, single.reason, single.depth, out->reason[i], out->depth[i],
                          out->ok[i]);
        }
    }
    return differences;
}

size_t batch_judged(const struct batch_columns *columns)
{
    const struct hf_batch_output *out = &columns->out;
    size_t judged = 0;
    for (size_t i = 0; i < columns->count; i++) {
        bool untouched = out->ok[i] == 0 && out->reason[i] == HF_E_NOT_JUDGED &&
                         out->not_after[i] == 0 && out->depth[i] == -1 &&
                         out->id_offsets[i] == out->id_offsets[i + 1];
        judged += untouched ? 0 : 1;
    }
    return judged;
}

struct hf_verifier *batch_verifier(struct hf_bundle_set *set, uint32_t op, const char *text)
{
    struct hf_policy_node node = {op, 0, (const uint8_t *)text, text == NULL ? 0 : strlen(text)};
    struct hf_policy *policy = NULL;
    struct hf_verifier *verifier = NULL;
    if ((op != 0 && !hf_is_ok(hf_policy_new(&node, 1, &policy))) ||
        !hf_is_ok(hf_verifier_new(set, policy, HF_RULES_STRICT, NULL, &verifier))) {
        (void)fprintf(stderr, "batch kit: no verifier\n");
        abort();
    }
    hf_policy_unref(policy);
    hf_bundle_set_unref(set);
    return verifier;
}
