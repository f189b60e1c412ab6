/* SPDX-License-Identifier: Apache-2.0
 *
 * What a caller can get wrong about a batch: offsets above all. All of it is refused before
 * anything is judged, and then no slot is accepted (C9).
 */
#include "batch_world.h"
#include "hf_test.h"
#include "policy/batch_input.h"

#define CHAINS ((size_t)5)

static struct hf_verifier *verifier;
static struct batch_corpus *corpus;
static uint64_t chains[CHAINS + 1];
static uint64_t certs[2 * CHAINS + 1];
static uint32_t narrow_chains[CHAINS + 1];
static struct hf_batch_input input;
static struct hf_batch_options options = {.at = PKI_NOW, .threads = 1};

/* A good input, to be spoilt. */
static void reset(void)
{
    for (size_t i = 0; i <= CHAINS; i++) {
        chains[i] = corpus->chain_ends[i];
        narrow_chains[i] = (uint32_t)corpus->chain_ends[i];
    }
    for (size_t i = 0; i <= corpus->cert_count; i++) {
        certs[i] = corpus->cert_ends[i];
    }
    input = (struct hf_batch_input){.data = corpus->data,
                                    .len = corpus->len,
                                    .chains = chains,
                                    .chain_width = 8,
                                    .certs = certs,
                                    .cert_width = 8,
                                    .cert_count = corpus->cert_count,
                                    .count = CHAINS};
}

/* The same without certificates: chains are byte ranges. */
static void reset_whole(void)
{
    reset();
    for (size_t i = 0; i <= CHAINS; i++) {
        chains[i] = corpus->byte_ends[i];
    }
    input.certs = NULL;
}

static void make_world(void)
{
    verifier = batch_world_verifier();
    corpus = batch_corpus_new(CHAINS);
    for (size_t i = 0; i < CHAINS; i++) {
        batch_world_good(corpus, PKI_P256, i);
    }
}

/* Good chains, but wrong arguments: refused as a whole. */
static void refuse_as(uint32_t code, int line)
{
    struct batch_columns *columns = batch_columns_new(CHAINS);
    hf_result r = hf_batch_verify(verifier, &input, &options, NULL, &columns->out);
    bool all_refused = batch_judged(columns) == 0 && columns->out.ids == NULL;
    if (r.code != code || !all_refused) {
        (void)fprintf(stderr, "asked in line %d\n", line);
    }
    HF_CHECK(r.code == code);
    HF_CHECK(all_refused);
    batch_columns_free(columns);
}
#define REFUSE() refuse_as(HF_E_BAD_ARGUMENT, __LINE__)

static uint64_t accepted(void)
{
    struct batch_columns *columns = batch_columns_new(CHAINS);
    HF_CHECK_OK(hf_batch_verify(verifier, &input, &options, NULL, &columns->out));
    uint64_t sum = columns->out.statistics.accepted;
    batch_columns_free(columns);
    return sum;
}

static void good_inputs_are_taken(void)
{
    reset();
    HF_CHECK(accepted() == CHAINS);
    input.chains = narrow_chains;
    input.chain_width = 4;
    HF_CHECK(accepted() == CHAINS);
    reset_whole();
    HF_CHECK(accepted() == CHAINS);
}

/* Each offset in turn goes down, or out of what it points into. */
static void offsets_that_are_wrong_are_refused(void)
{
    static const uint64_t wrong[] = {UINT64_MAX, (uint64_t)INT64_MAX + 1, (uint64_t)1 << 32,
                                     (uint64_t)UINT32_MAX, 1u << 30};
    for (size_t i = 0; i <= CHAINS; i++) {
        for (size_t j = 0; j < sizeof(wrong) / sizeof(wrong[0]); j++) {
            reset();
            chains[i] = wrong[j];
            REFUSE();
            reset();
            certs[2 * i] = wrong[j];
            REFUSE();
            reset_whole();
            chains[i] = wrong[j];
            REFUSE();
            reset();
            input.chains = narrow_chains;
            input.chain_width = 4;
            narrow_chains[i] = (uint32_t)wrong[j] | 0x40000000u;
            REFUSE();
        }
    }
}

static void offsets_that_go_down_are_refused(void)
{
    for (size_t i = 1; i <= CHAINS; i++) {
        reset();
        chains[i] = chains[i - 1] - (i > 1 ? 1 : 0);
        chains[i - 1] = chains[i] + 1;
        REFUSE();
        reset_whole();
        chains[i - 1] = chains[i] + 1;
        REFUSE();
        reset();
        certs[2 * i - 1] = certs[2 * i] + 1;
        REFUSE();
    }
}

/* One byte, or one certificate, too far. */
static void offsets_end_where_the_data_does(void)
{
    reset_whole();
    input.len--;
    REFUSE();
    reset();
    input.len--;
    REFUSE();
    reset();
    input.cert_count--;
    REFUSE();
}

static void offsets_may_lie_anywhere(void)
{
    uint8_t shifted[sizeof(chains) + 8];
    reset_whole();
    for (size_t by = 1; by < 8; by++) {
        HF_CHECK(hf_mem_copy(shifted + by, sizeof(shifted) - by, chains, sizeof(chains)));
        input.chains = shifted + by;
        HF_CHECK(accepted() == CHAINS);
    }
}

static void widths_and_pointers_are_checked(void)
{
    static const size_t widths[] = {0, 1, 2, 3, 5, 7, 9, 16, SIZE_MAX};
    for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
        reset();
        input.chain_width = widths[i];
        REFUSE();
        reset();
        input.cert_width = widths[i];
        REFUSE();
    }
    reset();
    input.chains = NULL;
    REFUSE();
    reset();
    input.data = NULL;
    REFUSE();
}

static void options_are_checked(void)
{
    const struct hf_batch_options good = options;
    reset();
    options.purpose = 3;
    REFUSE();
    options = good;
    options.lanes = 2;
    REFUSE();
    options = good;
    options.threads = HF_BATCH_THREADS_MAX + 1;
    REFUSE();
    options = good;
}

static void arguments_are_checked(void)
{
    struct batch_columns *columns = batch_columns_new(CHAINS);
    struct hf_batch_output *out = &columns->out;
    reset();
    HF_CHECK_CODE(hf_batch_verify(NULL, &input, &options, NULL, out), HF_E_BAD_ARGUMENT);
    HF_CHECK(batch_judged(columns) == 0);
    HF_CHECK_CODE(hf_batch_verify(verifier, NULL, &options, NULL, out), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_batch_verify(verifier, &input, NULL, NULL, out), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_batch_verify(verifier, &input, &options, NULL, NULL), HF_E_BAD_ARGUMENT);
    out->ids_base = -1;
    HF_CHECK_CODE(hf_batch_verify(verifier, &input, &options, NULL, out), HF_E_BAD_ARGUMENT);
    out->ids_base = 0;
    struct hf_batch_output crooked = *out;
    crooked.not_after = (int64_t *)(void *)((uint8_t *)out->not_after + 4);
    HF_CHECK_CODE(hf_batch_verify(verifier, &input, &options, NULL, &crooked), HF_E_BAD_ARGUMENT);
    crooked = *out;
    crooked.reason = NULL;
    HF_CHECK_CODE(hf_batch_verify(verifier, &input, &options, NULL, &crooked), HF_E_BAD_ARGUMENT);
    batch_columns_free(columns);
}

/* Refused, and every one of their slots says so. */
static void too_many_chains_are_refused(void)
{
    struct batch_columns *columns = batch_columns_new(HF_BATCH_MAX + 1);
    reset();
    input.count = HF_BATCH_MAX + 1;
    HF_CHECK_CODE(hf_batch_verify(verifier, &input, &options, NULL, &columns->out),
                  HF_E_BAD_ARGUMENT);
    HF_CHECK(batch_judged(columns) == 0);
    batch_columns_free(columns);
}

static void web_verifiers_judge_no_batches(void)
{
    static struct pki_cert root;
    struct hf_verifier *web;
    struct batch_columns *columns = batch_columns_new(CHAINS);
    kit_root(&root, "web root", KIT_KEY(0));
    HF_CHECK_OK(hf_verifier_new_web(root.der, root.len, 2, &web));
    reset();
    HF_CHECK_CODE(hf_batch_verify(web, &input, &options, NULL, &columns->out), HF_E_BAD_ARGUMENT);
    HF_CHECK(batch_judged(columns) == 0);
    hf_verifier_unref(web);
    batch_columns_free(columns);
}

/* Arrow's nulls: no chain, whatever lies in its place. */
static void chains_that_are_absent_are_empty(void)
{
    struct batch_columns *columns = batch_columns_new(CHAINS);
    const uint8_t present[2] = {0x80, 0x0a}; /* from bit 7 on: 1 0 1 0 1 */
    reset();
    input.present = present;
    input.present_at = 7;
    HF_CHECK_OK(hf_batch_verify(verifier, &input, &options, NULL, &columns->out));
    for (size_t i = 0; i < CHAINS; i++) {
        HF_CHECK(columns->out.reason[i] == (uint32_t)(i % 2 == 0 ? HF_OK : HF_E_CHAIN_EMPTY));
    }
    batch_columns_free(columns);
}

static void no_chains_are_no_trouble(void)
{
    struct hf_batch_output out = {0};
    uint8_t ok;
    uint32_t reason;
    int64_t id_offset = 9;
    out.ok = &ok;
    out.reason = &reason;
    out.id_offsets = &id_offset;
    out.ids_base = 5;
    reset();
    input.count = 0;
    HF_CHECK_OK(hf_batch_verify(verifier, &input, &options, NULL, &out));
    HF_CHECK(out.ids == NULL && out.ids_len == 0 && id_offset == 5);
    HF_CHECK(out.statistics.accepted == 0);
}

/* What another thread changes after the check cannot lead out of the data: looked at again. */
static void an_offset_that_changes_later_leads_nowhere(void)
{
    struct hf_batch_item item;
    reset();
    HF_CHECK_OK(hf_batch_input_check(&input));
    chains[2] = UINT64_MAX;
    HF_CHECK_CODE(hf_batch_input_take(&input, 1, NULL, &item), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_batch_input_take(&input, 2, NULL, &item), HF_E_BAD_ARGUMENT);
    reset();
    certs[3] = UINT64_MAX;
    HF_CHECK_CODE(hf_batch_input_take(&input, 1, NULL, &item), HF_E_BAD_ARGUMENT);
    reset_whole();
    chains[2] = corpus->len + 1;
    HF_CHECK_CODE(hf_batch_input_take(&input, 1, NULL, &item), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_batch_input_take(&input, 2, NULL, &item), HF_E_BAD_ARGUMENT);
}

/* What is accepted was verified as it is told, whoever writes to the data meanwhile: a chain is
 * copied before any of it is read. */
static void shared_data_is_copied_before_it_is_read(void)
{
    static uint8_t room[HF_CHAIN_BYTES_MAX];
    static uint8_t data[HF_CHAIN_BYTES_MAX];
    struct hf_batch_item item;
    struct hf_batch_item whole;
    for (int parted = 0; parted < 2; parted++) {
        parted != 0 ? reset() : reset_whole();
        HF_CHECK(hf_mem_copy(data, sizeof(data), input.data, input.len));
        HF_CHECK_OK(hf_batch_input_take(&input, 0, NULL, &whole));
        HF_CHECK(whole.bytes.data == input.data && whole.bytes.len != 0);
        const struct hf_span before = whole.bytes;
        input.data = data;
        HF_CHECK_OK(hf_batch_input_take(&input, 0, room, &item));
        for (size_t i = 0; i < sizeof(data); i++) {
            data[i] = 0xff;
        }
        HF_CHECK(item.bytes.data == room && item.chain.der == room);
        HF_CHECK(hf_span_equal(item.bytes, before));
        HF_CHECK(item.chain.count == whole.chain.count && item.lengths[0] == whole.lengths[0]);
    }
}

static void done(void)
{
    batch_corpus_free(corpus);
    hf_verifier_unref(verifier);
}

HF_TESTS({"make the world", make_world}, {"good inputs are taken", good_inputs_are_taken},
         {"offsets that are wrong are refused", offsets_that_are_wrong_are_refused},
         {"offsets that go down are refused", offsets_that_go_down_are_refused},
         {"offsets end where the data does", offsets_end_where_the_data_does},
         {"offsets may lie anywhere", offsets_may_lie_anywhere},
         {"widths and pointers are checked", widths_and_pointers_are_checked},
         {"options are checked", options_are_checked},
         {"arguments are checked", arguments_are_checked},
         {"too many chains are refused", too_many_chains_are_refused},
         {"web verifiers judge no batches", web_verifiers_judge_no_batches},
         {"chains that are absent are empty", chains_that_are_absent_are_empty},
         {"no chains are no trouble", no_chains_are_no_trouble},
         {"an offset that changes later leads nowhere", an_offset_that_changes_later_leads_nowhere},
         {"shared data is copied before it is read", shared_data_is_copied_before_it_is_read},
         {"done", done})
