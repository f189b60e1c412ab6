/* SPDX-License-Identifier: Apache-2.0
 *
 * A byte queue that grows while it is needed and holds no memory while it is empty and idle.
 */
#ifndef HF_TLS_BUFFER_H
#define HF_TLS_BUFFER_H

#include "base/span.h"

struct hf_buffer {
    uint8_t *data;
    size_t start; /* data[start .. end) waits */
    size_t end;
    size_t cap;
};

static inline size_t hf_buffer_len(const struct hf_buffer *b)
{
    return b->end - b->start;
}

static inline struct hf_span hf_buffer_span(const struct hf_buffer *b)
{
    return hf_span_of(b->data == NULL ? NULL : b->data + b->start, hf_buffer_len(b));
}

/* Room for n more bytes at data + end, which the caller writes and adds to `end`. False when there
 * is no memory; what waits is kept. Pointers into the buffer move. */
bool hf_buffer_reserve(struct hf_buffer *b, size_t n);

bool hf_buffer_append(struct hf_buffer *b, struct hf_span bytes);

/* Drop the first n bytes; n must not be larger than what waits. */
void hf_buffer_drop(struct hf_buffer *b, size_t n);

/* Give the memory back when nothing waits. */
void hf_buffer_relax(struct hf_buffer *b);

/* Give back what is not needed for what waits: it may wait for long. */
void hf_buffer_shrink(struct hf_buffer *b);

/* Forget everything. */
void hf_buffer_clear(struct hf_buffer *b);

#endif
