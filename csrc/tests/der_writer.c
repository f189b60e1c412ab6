/* SPDX-License-Identifier: Apache-2.0 */
#include "der_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct der_bytes der_text(const char *text)
{
    struct der_bytes bytes = {(const uint8_t *)text, strlen(text)};
    return bytes;
}

static void *room(struct der_writer *w, size_t len)
{
    if (len > w->cap - w->len) {
        (void)fprintf(stderr, "test buffer of %zu bytes is full\n", w->cap);
        abort();
    }
    return w->data + w->len;
}

void der_raw(struct der_writer *w, struct der_bytes bytes)
{
    (void)hf_mem_copy(room(w, bytes.len), bytes.len, bytes.data, bytes.len);
    w->len += bytes.len;
}

static size_t header(uint8_t out[6], uint8_t tag, size_t len)
{
    size_t n = 0;
    size_t octets = len < 0x80 ? 0 : len < 0x100 ? 1 : len < 0x10000 ? 2 : 3;
    out[n++] = tag;
    if (octets == 0) {
        out[n++] = (uint8_t)len;
        return n;
    }
    out[n++] = (uint8_t)(0x80 | octets);
    for (size_t i = octets; i > 0; i--) {
        out[n++] = (uint8_t)(len >> (8 * (i - 1)));
    }
    return n;
}

void der_element(struct der_writer *w, uint8_t tag, struct der_bytes content)
{
    size_t opened = der_open(w, tag);
    der_raw(w, content);
    w->data[opened - 1] = tag;
    der_close(w, opened);
}

size_t der_open(struct der_writer *w, uint8_t tag)
{
    /* The tag now, the length when it is known. */
    struct der_bytes one = {&tag, 1};
    der_raw(w, one);
    return w->len;
}

void der_close(struct der_writer *w, size_t opened)
{
    uint8_t head[6];
    size_t content = w->len - opened;
    size_t extra = header(head, w->data[opened - 1], content) - 1;
    (void)room(w, extra);
    (void)hf_mem_move(w->data + opened + extra, content, w->data + opened, content);
    (void)hf_mem_copy(w->data + opened, extra, head + 1, extra);
    w->len += extra;
}

static void base128(struct der_writer *w, unsigned long arc)
{
    uint8_t groups[10];
    size_t n = 0;
    do {
        groups[n++] = (uint8_t)(arc & 0x7f);
        arc >>= 7;
    } while (arc != 0);
    while (n > 0) {
        n--;
        uint8_t byte = (uint8_t)(groups[n] | (n > 0 ? 0x80 : 0));
        struct der_bytes one = {&byte, 1};
        der_raw(w, one);
    }
}

void der_oid(struct der_writer *w, const char *dotted)
{
    char *at;
    size_t opened = der_open(w, 0x06);
    unsigned long first = strtoul(dotted, &at, 10);
    unsigned long second = strtoul(at + 1, &at, 10);
    base128(w, first * 40 + second);
    while (*at == '.') {
        base128(w, strtoul(at + 1, &at, 10));
    }
    der_close(w, opened);
}

void der_time(struct der_writer *w, int64_t at)
{
    /* Civil date from days, counted from March of year 0. */
    int64_t days = at / 86400 - (at % 86400 < 0);
    long seconds = (long)(at - days * 86400);
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    long day = (long)(doy - (153 * mp + 2) / 5 + 1);
    long month = (long)(mp < 10 ? mp + 3 : mp - 9);
    long year = (long)(yoe + era * 400 + (month <= 2));
    char text[80];
    (void)snprintf(text, sizeof(text), "%04ld%02ld%02ld%02ld%02ld%02ldZ", year, month, day,
                   seconds / 3600, seconds / 60 % 60, seconds % 60);
    if (year >= 1950 && year < 2050) {
        der_element(w, 0x17, der_text(text + 2));
        return;
    }
    der_element(w, 0x18, der_text(text));
}

struct der_bytes der_done(const struct der_writer *w)
{
    struct der_bytes bytes = {w->data, w->len};
    return bytes;
}
