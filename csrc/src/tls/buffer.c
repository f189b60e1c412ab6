/* SPDX-License-Identifier: Apache-2.0
 *
 * What lies in these buffers is on the wire too, so it is not wiped.
 */
#include "tls/buffer.h"

/* A flight of a mutual handshake: most buffers grow once. */
#define FIRST_CAP 4096

bool hf_buffer_reserve(struct hf_buffer *b, size_t n)
{
    size_t len = hf_buffer_len(b);
    if (b->cap - b->end >= n) {
        return true;
    }
    if (n > SIZE_MAX / 2 - len) {
        return false;
    }
    if (b->start > 0) {
        (void)hf_mem_move(b->data, b->cap, b->data + b->start, len);
        b->start = 0;
        b->end = len;
    }
    if (b->cap - len >= n) {
        return true;
    }
    size_t cap = b->cap < FIRST_CAP / 2 ? FIRST_CAP : b->cap * 2;
    if (cap < len + n) {
        cap = len + n;
    }
    uint8_t *grown = hf_mem_grow(b->data, cap);
    if (grown == NULL) {
        return false;
    }
    b->data = grown;
    b->cap = cap;
    return true;
}

bool hf_buffer_append(struct hf_buffer *b, struct hf_span bytes)
{
    if (bytes.len == 0) {
        return true;
    }
    if (!hf_buffer_reserve(b, bytes.len)) {
        return false;
    }
    (void)hf_mem_copy(b->data + b->end, b->cap - b->end, bytes.data, bytes.len);
    b->end += bytes.len;
    return true;
}

void hf_buffer_drop(struct hf_buffer *b, size_t n)
{
    b->start += n;
    if (b->start >= b->end) {
        b->start = 0;
        b->end = 0;
    }
}

void hf_buffer_relax(struct hf_buffer *b)
{
    if (hf_buffer_len(b) == 0) {
        hf_buffer_clear(b);
    }
}

void hf_buffer_shrink(struct hf_buffer *b)
{
    size_t len = hf_buffer_len(b);
    hf_buffer_relax(b);
    if (len == 0 || b->cap - len <= FIRST_CAP) {
        return;
    }
    (void)hf_mem_move(b->data, b->cap, b->data + b->start, len);
    b->start = 0;
    b->end = len;
    uint8_t *smaller = hf_mem_grow(b->data, len);
    if (smaller != NULL) {
        b->data = smaller;
        b->cap = len;
    }
}

void hf_buffer_clear(struct hf_buffer *b)
{
    hf_mem_free(b->data);
    *b = (struct hf_buffer){0};
}
