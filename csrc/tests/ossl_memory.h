/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenSSL's memory from the engine's allocator, counted and made to fail: in the whole program that
 * includes this, from before main() on.
 */
#ifndef HF_TESTS_OSSL_MEMORY_H
#define HF_TESTS_OSSL_MEMORY_H

#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/mem.h"
#include "x509/ossl.h"

static atomic_size_t countdown;     /* 1: the next allocation fails */
static atomic_size_t in_first_uses; /* allocations where a fork waits (D9) */

static bool must_fail(void)
{
    return atomic_load(&countdown) != 0 && atomic_fetch_sub(&countdown, 1) == 1;
}

static void *ossl_new(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    atomic_fetch_add(&in_first_uses, hf_ossl_in_first_use() ? 1 : 0);
    return must_fail() ? NULL : hf_mem_new(size);
}

static void ossl_release(void *block, const char *file, int line)
{
    (void)file;
    (void)line;
    hf_mem_free(block);
}

static void *ossl_grow(void *block, size_t size, const char *file, int line)
{
    if (block != NULL && size == 0) {
        ossl_release(block, file, line);
        return NULL;
    }
    return must_fail() ? NULL : hf_mem_grow(block, size);
}

/* Before anything of OpenSSL runs. */
__attribute__((constructor)) static void take_over(void)
{
    if (CRYPTO_set_mem_functions(ossl_new, ossl_grow, ossl_release) != 1) {
        (void)fprintf(stderr, "OpenSSL allocated before the test began\n");
    }
}

#endif
