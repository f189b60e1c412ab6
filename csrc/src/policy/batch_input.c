/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/batch_input.h"

/* What an absent certificate points to: never NULL, as an empty one of a caller is not. */
static const uint8_t nothing[1];

/* Offset i of an array that may lie anywhere, in the machine's byte order. */
static uint64_t offset_at(const void *offsets, size_t width, size_t i)
{
    const uint8_t *at = (const uint8_t *)offsets + i * width;
    if (width == 4) {
        uint32_t narrow = 0;
        (void)hf_mem_copy(&narrow, sizeof(narrow), at, sizeof(narrow));
        return narrow;
    }
    uint64_t wide = 0;
    (void)hf_mem_copy(&wide, sizeof(wide), at, sizeof(wide));
    return wide;
}

/* Offsets first .. last never go down and end at most at `end`. */
static hf_result check_offsets(const void *offsets, size_t width, size_t first, size_t last,
                               uint64_t end)
{
    uint64_t before = 0;
    for (size_t i = first; i <= last; i++) {
        uint64_t offset = offset_at(offsets, width, i);
        HF_NEED_SEEN(offset >= before, HF_E_BAD_ARGUMENT, "offsets that never go down",
                     "%llu after %llu, at %zu", (unsigned long long)offset,
                     (unsigned long long)before, i);
        HF_NEED_SEEN(offset <= end, HF_E_BAD_ARGUMENT, "offsets inside of what they point into",
                     "%llu of %llu, at %zu", (unsigned long long)offset, (unsigned long long)end,
                     i);
        before = offset;
    }
    return hf_ok();
}

static hf_result check_width(size_t width)
{
    HF_NEED_SEEN(width == 4 || width == 8, HF_E_BAD_ARGUMENT, "offsets of 4 or 8 bytes", "%zu",
                 width);
    return hf_ok();
}

hf_result hf_batch_input_check(const struct hf_batch_input *in)
{
    HF_NEED_SEEN(in->count <= HF_BATCH_MAX, HF_E_BAD_ARGUMENT, "at most 1000000 chains", "%zu",
                 in->count);
    HF_NEED_PTR(in->chains);
    HF_NEED(in->data != NULL || in->len == 0, HF_E_BAD_ARGUMENT);
    HF_TRY(check_width(in->chain_width));
    if (in->certs == NULL) {
        return check_offsets(in->chains, in->chain_width, 0, in->count, in->len);
    }
    HF_TRY(check_width(in->cert_width));
    HF_TRY(check_offsets(in->chains, in->chain_width, 0, in->count, in->cert_count));
    /* Below cert_count, which is the size of an array in memory: no narrowing. */
    return check_offsets(in->certs, in->cert_width,
                         (size_t)offset_at(in->chains, in->chain_width, 0),
                         (size_t)offset_at(in->chains, in->chain_width, in->count), in->len);
}

static bool is_present(const struct hf_batch_input *in, size_t i)
{
    if (in->present == NULL) {
        return true;
    }
    size_t bit = in->present_at + i;
    return (in->present[bit / 8] >> (bit % 8) & 1) != 0;
}

/* What lies between two offsets, or nothing when they are not as they were checked to be. */
static bool between(const struct hf_batch_input *in, uint64_t from, uint64_t to,
                    struct hf_span *out)
{
    *out = hf_span_of(nothing, 0);
    if (from > to || to > in->len) {
        return false;
    }
    if (in->data != NULL) {
        *out = hf_span_of(in->data + (size_t)from, (size_t)(to - from));
    }
    return true;
}

static hf_result take_certificates(const struct hf_batch_input *in, uint64_t first, uint64_t last,
                                   struct hf_batch_item *out)
{
    HF_NEED(first <= last && last <= in->cert_count, HF_E_BAD_ARGUMENT);
    out->chain.count = (size_t)(last - first);
    size_t shown = out->chain.count <= HF_CHAIN_MAX ? out->chain.count : 0;
    uint64_t begin = offset_at(in->certs, in->cert_width, (size_t)first);
    uint64_t at = begin;
    for (size_t i = 0; i < shown; i++) {
        uint64_t end = offset_at(in->certs, in->cert_width, (size_t)first + i + 1);
        HF_NEED(at <= end, HF_E_BAD_ARGUMENT);
        /* Whatever does not fit is far beyond what a chain may have. */
        out->lengths[i] = end - at > UINT32_MAX ? UINT32_MAX : (uint32_t)(end - at);
        at = end;
    }
    HF_NEED(between(in, begin, at, &out->bytes), HF_E_BAD_ARGUMENT);
    return hf_ok();
}

/* From here on the chain is what was copied, whatever others write to the data. */
static void settle_bytes(struct hf_batch_item *item, uint8_t *room)
{
    if (room != NULL && hf_mem_copy(room, HF_CHAIN_BYTES_MAX, item->bytes.data, item->bytes.len)) {
        item->bytes = hf_span_of(room, item->bytes.len);
    }
    item->chain.der = item->bytes.data;
}

hf_result hf_batch_input_take(const struct hf_batch_input *in, size_t i, uint8_t *room,
                              struct hf_batch_item *out)
{
    out->bytes = hf_span_of(nothing, 0);
    out->chain.der = nothing;
    out->chain.lengths = out->lengths;
    out->chain.count = 0;
    if (!is_present(in, i)) {
        return hf_ok();
    }
    uint64_t from = offset_at(in->chains, in->chain_width, i);
    uint64_t to = offset_at(in->chains, in->chain_width, i + 1);
    if (in->certs != NULL) {
        HF_TRY(take_certificates(in, from, to, out));
        settle_bytes(out, room);
        return hf_ok();
    }
    HF_NEED(between(in, from, to, &out->bytes), HF_E_BAD_ARGUMENT);
    settle_bytes(out, room);
    return hf_der_split(out->bytes.data, out->bytes.len, out->lengths, HF_CHAIN_MAX,
                        &out->chain.count);
}
