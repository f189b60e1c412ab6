/* SPDX-License-Identifier: Apache-2.0
 *
 * c_need.h - what has to hold for a figure to mean anything, in peers on plain OpenSSL: where it
 * does not, the program says what and ends.
 */
#ifndef HANDFAST_BENCH_C_NEED_H
#define HANDFAST_BENCH_C_NEED_H

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>

static inline void need(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "expected: %s\n", what);
        ERR_print_errors_fp(stderr);
        exit(1);
    }
}

#endif
