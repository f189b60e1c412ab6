/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes DER, and on request things that are not: tests need every mistake an issuer can make.
 * A full buffer is a bug of the test: the writer ends the process.
 */
#ifndef HF_TESTS_DER_WRITER_H
#define HF_TESTS_DER_WRITER_H

#include <stddef.h>
#include <stdint.h>

struct der_bytes {
    const uint8_t *data;
    size_t len;
};

#define DER_BYTES(literal) ((struct der_bytes){(const uint8_t *)(literal), sizeof(literal) - 1})
#define DER_NONE ((struct der_bytes){NULL, 0})

struct der_bytes der_text(const char *text);

struct der_writer {
    uint8_t *data;
    size_t cap;
    size_t len;
};

/* Raw bytes, as they are. */
void der_raw(struct der_writer *w, struct der_bytes bytes);

/* One element with its content. */
void der_element(struct der_writer *w, uint8_t tag, struct der_bytes content);

/* What is written between open and close becomes the content of one element. */
size_t der_open(struct der_writer *w, uint8_t tag);
void der_close(struct der_writer *w, size_t opened);

/* OBJECT IDENTIFIER from dotted decimal. */
void der_oid(struct der_writer *w, const char *dotted);

/* UTCTime until 2049, GeneralizedTime from 2050: seconds since 1970. */
void der_time(struct der_writer *w, int64_t at);

/* What was written so far. */
struct der_bytes der_done(const struct der_writer *w);

#endif
