/* SPDX-License-Identifier: Apache-2.0 */
#include "der_mutate.h"

#include <stdbool.h>

/* Where elements lie; what is no element any more ends the walk. */
struct element {
    uint8_t tag;
    struct der_bytes content;
    struct der_bytes whole;
};

static bool take(struct der_bytes *from, struct element *out)
{
    if (from->len < 2 || (from->data[0] & 0x1f) == 0x1f) {
        return false;
    }
    size_t head = 2;
    size_t len = from->data[1];
    if (len >= 0x80) {
        size_t bytes = len & 0x7f;
        if (bytes == 0 || bytes > 3 || from->len < 2 + bytes) {
            return false;
        }
        len = 0;
        for (size_t i = 0; i < bytes; i++) {
            len = len << 8 | from->data[2 + i];
        }
        head += bytes;
    }
    if (len > from->len - head) {
        return false;
    }
    out->tag = from->data[0];
    out->content = (struct der_bytes){from->data + head, len};
    out->whole = (struct der_bytes){from->data, head + len};
    from->data += head + len;
    from->len -= head + len;
    return true;
}

/* Nothing but elements, and at least one. */
static bool is_list(struct der_bytes der)
{
    struct element e;
    if (der.len == 0) {
        return false;
    }
    while (der.len != 0) {
        if (!take(&der, &e)) {
            return false;
        }
    }
    return true;
}

/* An extension's value is DER in an OCTET STRING; a key identifier only looks like it at times,
 * which does no harm. */
static bool is_nested(const struct element *e)
{
    return ((e->tag & 0x20) != 0 || e->tag == 0x04) && is_list(e->content);
}

size_t der_count(struct der_bytes der)
{
    size_t count = 0;
    struct element e;
    while (der.len != 0 && take(&der, &e)) {
        count += 1 + (is_nested(&e) ? der_count(e.content) : 0);
    }
    return count;
}

static void write_with(struct der_writer *w, const struct element *e, struct der_bytes head,
                       struct der_bytes tail)
{
    size_t opened = der_open(w, e->tag);
    der_raw(w, head);
    der_raw(w, e->content);
    der_raw(w, tail);
    der_close(w, opened);
}

static void write_byte(struct der_writer *w, const struct element *e,
                       const struct der_change *change)
{
    size_t opened = der_open(w, e->tag);
    size_t begin = w->len;
    der_raw(w, e->content);
    if (e->content.len != 0) {
        w->data[begin + change->at % e->content.len] ^= change->value;
    }
    der_close(w, opened);
}

static void write_odd_length(struct der_writer *w, const struct element *e, bool indefinite)
{
    uint8_t head[5] = {e->tag, 0x83, (uint8_t)(e->content.len >> 16),
                       (uint8_t)(e->content.len >> 8), (uint8_t)e->content.len};
    if (indefinite) {
        head[1] = 0x80;
    }
    der_raw(w, (struct der_bytes){head, indefinite ? 2 : sizeof(head)});
    der_raw(w, e->content);
    if (indefinite) {
        der_raw(w, DER_BYTES("\0\0"));
    }
}

static void write_changed(struct der_writer *w, const struct element *e,
                          const struct der_change *change)
{
    struct der_bytes one = {&change->value, 1};
    struct element other = *e;
    switch (change->edit) {
    case DER_EDIT_BYTE:
        write_byte(w, e, change);
        break;
    case DER_EDIT_TAG:
        der_element(w, change->value, e->content);
        break;
    case DER_EDIT_DOUBLE:
        der_raw(w, e->whole);
        der_raw(w, e->whole);
        break;
    case DER_EDIT_EMPTY:
        der_element(w, e->tag, DER_NONE);
        break;
    case DER_EDIT_CUT:
        other.content.len -= other.content.len != 0;
        write_with(w, &other, DER_NONE, DER_NONE);
        break;
    case DER_EDIT_GROW:
        write_with(w, e, DER_NONE, one);
        break;
    case DER_EDIT_GROW_FRONT:
        write_with(w, e, one, DER_NONE);
        break;
    case DER_EDIT_LONG_LENGTH:
    case DER_EDIT_INDEFINITE:
        write_odd_length(w, e, change->edit == DER_EDIT_INDEFINITE);
        break;
    case DER_EDIT_NULL:
        der_element(w, 0x05, DER_NONE);
        break;
    case DER_EDIT_INSERT:
        der_element(w, 0x05, DER_NONE);
        der_raw(w, e->whole);
        break;
    default: /* DELETE; SWAP is the caller's, who knows the sibling */
        break;
    }
}

/* *left counts down to the element that is changed. */
static void walk(struct der_bytes der, const struct der_change *change, size_t *left,
                 struct der_writer *w)
{
    struct element e;
    struct element next;
    while (der.len != 0 && take(&der, &e)) {
        if ((*left)-- == 0) {
            if (change->edit == DER_EDIT_SWAP && take(&der, &next)) {
                der_raw(w, next.whole);
                der_raw(w, e.whole);
                continue;
            }
            write_changed(w, &e, change);
            continue;
        }
        if (!is_nested(&e)) {
            der_raw(w, e.whole);
            continue;
        }
        size_t opened = der_open(w, e.tag);
        walk(e.content, change, left, w);
        der_close(w, opened);
    }
    der_raw(w, der);
}

void der_mutate(struct der_bytes der, const struct der_change *change, struct der_writer *out)
{
    size_t count = der_count(der);
    size_t left = count == 0 ? 0 : change->element % count;
    walk(der, change, &left, out);
}
