/* SPDX-License-Identifier: Apache-2.0
 *
 * ClientHellos by hand, with whatever is to be wrong with them, in records of any size.
 */
#ifndef HF_TESTS_HELLO_KIT_H
#define HF_TESTS_HELLO_KIT_H

#include "base/span.h"

#define HELLO_CAP 131072

struct hello_bytes {
    size_t len;
    uint8_t data[HELLO_CAP];
};

/* A message with this list of extensions; without any when the span's data is NULL. */
void hello_message(struct hello_bytes *out, struct hf_span extensions);

/* A message that asks for `name` in one server_name extension, behind another extension. */
void hello_naming(struct hello_bytes *out, struct hf_span name);

/* The message in records of at most `piece` bytes, after what is in `out` already. */
void hello_records(struct hello_bytes *out, const struct hello_bytes *message, size_t piece);

/* Append bytes, or a number of so many bytes, at most 8. */
void hello_put(struct hello_bytes *out, struct hf_span bytes);
void hello_put_number(struct hello_bytes *out, size_t number, size_t size);

#endif
