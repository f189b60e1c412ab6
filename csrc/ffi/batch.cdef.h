/* SPDX-License-Identifier: Apache-2.0
 *
 * Many chains at once: include/handfast_batch.h as Python calls it.
 */

/* ---- batch ---- */

static const int HF_BATCH_MAX;
static const int HF_BATCH_THREADS_MAX;
static const int HF_BATCH_LANES_AUTO;
static const int HF_BATCH_LANES_OFF;

struct hf_batch_input {
    const uint8_t *data;
    size_t len;
    const void *chains;
    size_t chain_width;
    const void *certs;
    size_t cert_width;
    size_t cert_count;
    const uint8_t *present;
    size_t present_at;
    size_t count;
    int shared;
};

struct hf_batch_options {
    int64_t at;
    int purpose;
    int lanes;
    unsigned threads;
};

struct hf_batch_control {
    uint64_t done;
    uint32_t cancelled;
};

struct hf_batch_statistics {
    uint64_t accepted;
    uint64_t duplicates;
    uint64_t by_lanes;
    uint64_t by_openssl;
    uint64_t asked_again;
    uint64_t issuers_known;
    uint64_t singly;
    uint32_t threads;
    uint32_t lanes;
};

struct hf_batch_output {
    uint8_t *ok;
    uint32_t *reason;
    int64_t *not_after;
    int8_t *depth;
    int64_t *id_offsets;
    int64_t ids_base;
    char *ids;
    size_t ids_len;
    struct hf_batch_statistics statistics;
};

void hf_batch_cancel(struct hf_batch_control *);
uint64_t hf_batch_done(const struct hf_batch_control *);
void hf_batch_output_wipe(struct hf_batch_output *);
uint32_t hf_ffi_batch_verify(struct hf_verifier *, const struct hf_batch_input *,
                             const struct hf_batch_options *, struct hf_batch_control *,
                             struct hf_batch_output *);
