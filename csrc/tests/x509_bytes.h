/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading bytes from hex, for tests of DER by hand: "30 03 020100".
 */
#ifndef HF_TESTS_X509_BYTES_H
#define HF_TESTS_X509_BYTES_H

#include "base/span.h"

struct x509_bytes {
    uint8_t data[512];
    size_t len;
};

static inline unsigned x509_digit(char c)
{
    return c >= 'a' ? (unsigned)(c - 'a') + 10 : (unsigned)(c - '0');
}

static inline struct hf_span x509_hex(const char *hex, struct x509_bytes *out)
{
    out->len = 0;
    for (size_t i = 0; hex[i] != '\0'; i++) {
        if (hex[i] == ' ') {
            continue;
        }
        out->data[out->len++] = (uint8_t)(x509_digit(hex[i]) << 4 | x509_digit(hex[i + 1]));
        i++;
    }
    return hf_span_of(out->data, out->len);
}

#endif
