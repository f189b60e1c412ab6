/* SPDX-License-Identifier: Apache-2.0
 *
 * See hello_kit.h.
 */
#include "hello_kit.h"

#include <stdlib.h>

void hello_put(struct hello_bytes *out, struct hf_span bytes)
{
    if (bytes.len == 0) {
        return;
    }
    if (!hf_mem_copy(out->data + out->len, HELLO_CAP - out->len, bytes.data, bytes.len)) {
        abort(); /* a test that makes more than it has room for */
    }
    out->len += bytes.len;
}

void hello_put_number(struct hello_bytes *out, size_t number, size_t size)
{
    for (size_t i = size; i > 0; i--) {
        uint8_t byte = (uint8_t)(number >> (8 * (i - 1)));
        hello_put(out, hf_span_of(&byte, 1));
    }
}

void hello_message(struct hello_bytes *out, struct hf_span extensions)
{
    static const uint8_t fields[] = {0x03, 0x03};
    static const uint8_t random[32] = {7};
    static const uint8_t rest[] = {0 /* session */, 0, 2, 0x13, 0x01 /* suites */, 1, 0};
    size_t body = sizeof(fields) + sizeof(random) + sizeof(rest);
    body += extensions.data == NULL ? 0 : 2 + extensions.len;
    out->len = 0;
    hello_put_number(out, 1, 1);
    hello_put_number(out, body, 3);
    hello_put(out, hf_span_of(fields, sizeof(fields)));
    hello_put(out, hf_span_of(random, sizeof(random)));
    hello_put(out, hf_span_of(rest, sizeof(rest)));
    if (extensions.data != NULL) {
        hello_put_number(out, extensions.len, 2);
        hello_put(out, extensions);
    }
}

void hello_naming(struct hello_bytes *out, struct hf_span name)
{
    static struct hello_bytes list;
    list.len = 0;
    hello_put_number(&list, 0x002b, 2); /* supported_versions: TLS 1.3 */
    hello_put_number(&list, 3, 2);
    hello_put_number(&list, 0x020304, 3);
    hello_put_number(&list, 0, 2);
    hello_put_number(&list, name.len + 5, 2);
    hello_put_number(&list, name.len + 3, 2);
    hello_put_number(&list, 0, 1);
    hello_put_number(&list, name.len, 2);
    hello_put(&list, name);
    hello_message(out, hf_span_of(list.data, list.len));
}

void hello_records(struct hello_bytes *out, const struct hello_bytes *message, size_t piece)
{
    for (size_t at = 0; at < message->len;) {
        size_t n = message->len - at < piece ? message->len - at : piece;
        hello_put_number(out, 0x160301, 3);
        hello_put_number(out, n, 2);
        hello_put(out, hf_span_of(message->data + at, n));
        at += n;
    }
}
