/* SPDX-License-Identifier: Apache-2.0
 *
 * A borrowed run of bytes, and a cursor over it that cannot read past its end.
 */
#ifndef HF_BASE_SPAN_H
#define HF_BASE_SPAN_H

#include "base/mem.h"
#include "base/result.h"

struct hf_span {
    const uint8_t *data;
    size_t len;
};

static inline struct hf_span hf_span_of(const void *data, size_t len)
{
    struct hf_span s = {data, len};
    return s;
}

static inline bool hf_span_equal(struct hf_span a, struct hf_span b)
{
    return hf_mem_equal(a.data, a.len, b.data, b.len);
}

static inline int hf_span_compare(struct hf_span a, struct hf_span b)
{
    return hf_mem_compare(a.data, a.len, b.data, b.len);
}

/* The whole of a string literal: HF_SPAN("spiffe://"). */
#define HF_SPAN(literal) hf_span_of((literal), sizeof(literal) - 1)

static inline bool hf_span_starts_with(struct hf_span s, struct hf_span prefix)
{
    return s.len >= prefix.len && hf_mem_equal(s.data, prefix.len, prefix.data, prefix.len);
}

/* Take the first n bytes off; false, and nothing taken, when there are fewer. */
static inline bool hf_span_take(struct hf_span *from, size_t n, struct hf_span *out)
{
    if (n > from->len) {
        *out = hf_span_of(NULL, 0);
        return false;
    }
    *out = hf_span_of(from->data, n);
    from->data += n;
    from->len -= n;
    return true;
}

static inline bool hf_span_take_u8(struct hf_span *from, uint8_t *out)
{
    *out = 0;
    if (from->len == 0) {
        return false;
    }
    *out = from->data[0];
    from->data += 1;
    from->len -= 1;
    return true;
}

#endif
