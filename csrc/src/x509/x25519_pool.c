/* SPDX-License-Identifier: Apache-2.0
 *
 * Eight keys at once cost what one costs alone. What that must not cost:
 *   - No key is handed out twice. A pool belongs to a thread, so that no lock is needed, and a key
 *     is wiped from it in the moment it leaves.
 *   - Nor in two processes: a pool lies in pages of its own that the kernel hands to a child
 *     wiped (MADV_WIPEONFORK), whichever way it was forked; zeros are an empty pool. Where the
 *     kernel does not promise that, nothing is made ahead.
 *   - Forward secrecy: who reads this memory must not learn the keys of connections that begin much
 *     later. Keys are used within the second of the clock in which they were made, and wiped
 *     instead of used afterwards. (In a thread at rest they may lie there for longer, but then
 *     nothing will ever have been encrypted under them.) The clock goes on while a machine sleeps.
 *
 * Without lanes or pages, keys are made one by one, as OpenSSL makes them.
 */
#include "x509/x25519_pool.h"

#include <openssl/rand.h>
#include <sys/mman.h>

#include "x509/scratch.h"

struct hf_x25519_pool {
    size_t left; /* the first ones of the keys are there */
    int64_t made_at;
    uint8_t private_keys[HF_X25519_EIGHT];
    uint8_t public_keys[HF_X25519_EIGHT];
};

#ifdef MADV_WIPEONFORK

static struct hf_x25519_pool *pool_new(void)
{
    struct hf_x25519_pool *pool =
        mmap(NULL, sizeof(*pool), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pool == MAP_FAILED) {
        return NULL;
    }
    if (madvise(pool, sizeof(*pool), MADV_WIPEONFORK) != 0) {
        (void)munmap(pool, sizeof(*pool));
        return NULL;
    }
    return pool;
}

#else

static struct hf_x25519_pool *pool_new(void)
{
    return NULL;
}

#endif

void hf_x25519_pool_free(struct hf_x25519_pool *pool)
{
    if (pool != NULL) {
        hf_mem_wipe(pool, sizeof(*pool));
        (void)munmap(pool, sizeof(*pool));
    }
}

/* The form in which OpenSSL keeps them (RFC 7748, 5); whoever computes with one does it again. */
static void clamp(uint8_t private_key[HF_X25519_SIZE])
{
    private_key[0] &= 248;
    private_key[31] &= 127;
    private_key[31] |= 64;
}

static bool has_random(uint8_t *out, size_t len)
{
    return RAND_priv_bytes_ex(hf_ossl_ctx(), out, len, 0) == 1;
}

static bool refill(struct hf_x25519_pool *pool)
{
    if (!has_random(pool->private_keys, sizeof(pool->private_keys))) {
        return false;
    }
    for (size_t at = 0; at < HF_X25519_EIGHT; at += HF_X25519_SIZE) {
        clamp(pool->private_keys + at);
    }
    if (!hf_x25519_public_eight(pool->public_keys, pool->private_keys)) {
        return false;
    }
    pool->left = HF_X25519_LANES;
    return true;
}

/* This thread's pool with at least one key that is young enough, or NULL. */
static struct hf_x25519_pool *filled_pool(void)
{
    struct hf_scratch *scratch;
    if (!hf_x25519_lanes_available() || !hf_is_ok(hf_scratch_get(&scratch))) {
        return NULL;
    }
    if (scratch->x25519 == NULL) {
        scratch->x25519 = pool_new();
    }
    struct hf_x25519_pool *pool = scratch->x25519;
    if (pool == NULL) {
        return NULL;
    }
    int64_t now = hf_clock_monotonic();
    if (pool->left == 0 || pool->made_at != now) {
        hf_mem_wipe(pool, sizeof(*pool));
        pool->made_at = now;
        if (!refill(pool)) {
            hf_mem_wipe(pool, sizeof(*pool));
            return NULL;
        }
    }
    return pool;
}

bool hf_x25519_take(uint8_t private_key[HF_X25519_SIZE], uint8_t public_key[HF_X25519_SIZE])
{
    struct hf_x25519_pool *pool = filled_pool();
    if (pool == NULL) {
        if (!has_random(private_key, HF_X25519_SIZE)) {
            return false;
        }
        clamp(private_key);
        return hf_x25519_public(public_key, private_key);
    }
    size_t at = --pool->left * HF_X25519_SIZE;
    uint8_t *from = pool->private_keys + at;
    bool good = hf_mem_copy(private_key, HF_X25519_SIZE, from, HF_X25519_SIZE) &&
                hf_mem_copy(public_key, HF_X25519_SIZE, pool->public_keys + at, HF_X25519_SIZE);
    hf_mem_wipe(from, HF_X25519_SIZE);
    return good;
}

size_t hf_x25519_ahead(void)
{
    struct hf_scratch *scratch;
    return hf_is_ok(hf_scratch_get(&scratch)) && scratch->x25519 != NULL ? scratch->x25519->left
                                                                         : 0;
}
