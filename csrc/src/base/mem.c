/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <openssl/crypto.h>
#include <stdatomic.h>
#include <string.h>

#include "base/heap.h"

static atomic_size_t live;
static atomic_size_t countdown;

/* True when a test asked for exactly this allocation to fail. */
static bool must_fail(void)
{
    if (atomic_load_explicit(&countdown, memory_order_relaxed) == 0) {
        return false;
    }
    return atomic_fetch_sub_explicit(&countdown, 1, memory_order_relaxed) == 1;
}

void *hf_mem_new(size_t size)
{
    if (must_fail()) {
        return NULL;
    }
    void *block = hf_heap_new_zeroed(size == 0 ? 1 : size);
    if (block != NULL) {
        atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
    }
    return block;
}

void *hf_mem_new_array(size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) {
        return NULL;
    }
    return hf_mem_new(count * size);
}

void *hf_mem_grow(void *block, size_t size)
{
    if (block == NULL) {
        return hf_mem_new(size);
    }
    if (must_fail()) {
        return NULL;
    }
    return hf_heap_grow(block, size == 0 ? 1 : size);
}

void hf_mem_free(void *block)
{
    if (block == NULL) {
        return;
    }
    atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
    hf_heap_free(block);
}

uint8_t *hf_mem_dup(const uint8_t *bytes, size_t len)
{
    uint8_t *copy = hf_mem_new(len);
    if (copy != NULL && len != 0) {
        memcpy(copy, bytes, len);
    }
    return copy;
}

void hf_mem_wipe(void *block, size_t len)
{
    if (block != NULL) {
        OPENSSL_cleanse(block, len);
    }
}

void hf_mem_wipe_free(void *block, size_t len)
{
    hf_mem_wipe(block, len);
    hf_mem_free(block);
}

bool hf_mem_copy(void *to, size_t cap, const void *from, size_t len)
{
    if (len > cap) {
        return false;
    }
    if (len != 0) {
        memcpy(to, from, len);
    }
    return true;
}

bool hf_mem_move(void *to, size_t cap, const void *from, size_t len)
{
    if (len > cap) {
        return false;
    }
    if (len != 0) {
        memmove(to, from, len);
    }
    return true;
}

bool hf_mem_equal(const void *a, size_t a_len, const void *b, size_t b_len)
{
    return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

bool hf_mem_equal_secret(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

int hf_mem_compare(const void *a, size_t a_len, const void *b, size_t b_len)
{
    size_t common = a_len < b_len ? a_len : b_len;
    int order = common == 0 ? 0 : memcmp(a, b, common);
    if (order != 0) {
        return order;
    }
    return (a_len > b_len) - (a_len < b_len);
}

void hf_mem_fail_at(size_t k)
{
    atomic_store_explicit(&countdown, k, memory_order_relaxed);
}

bool hf_mem_fail_pending(void)
{
    return atomic_load_explicit(&countdown, memory_order_relaxed) != 0;
}

size_t hf_mem_live(void)
{
    return atomic_load_explicit(&live, memory_order_relaxed);
}

void hf_mem_free_at(void *variable)
{
    void **block = variable;
    hf_mem_free(*block);
}
