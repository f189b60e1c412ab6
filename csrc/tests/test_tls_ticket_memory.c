/* SPDX-License-Identifier: Apache-2.0
 *
 * R7: what making ticket keys leaves in OpenSSL's memory: nothing of them. All of its blocks are
 * known here, from before main() on, and looked through.
 */
#include <openssl/crypto.h>
#include <stdio.h>

#include "hf_test.h"
#include "resume_kit.h"
#include "tls/ticket_keys.h"
#include "x509/scratch.h"

#define BLOCKS_MAX 65536

static struct block {
    uint8_t *at; /* NULL: gone */
    size_t size;
} blocks[BLOCKS_MAX];
static size_t block_count;

static void *remember(void *at, size_t size)
{
    if (at != NULL && block_count < BLOCKS_MAX) {
        blocks[block_count++] = (struct block){at, size};
    }
    return at;
}

static void forget(const void *at)
{
    for (size_t i = block_count; at != NULL && i-- > 0;) {
        if (blocks[i].at == at) {
            blocks[i] = blocks[--block_count];
            return;
        }
    }
}

static void *block_new(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return remember(hf_mem_new(size), size);
}

static void block_free(void *at, const char *file, int line)
{
    (void)file;
    (void)line;
    forget(at);
    hf_mem_free(at);
}

static void *block_grow(void *at, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    forget(at);
    return remember(hf_mem_grow(at, size), size);
}

__attribute__((constructor)) static void take_over(void)
{
    if (CRYPTO_set_mem_functions(block_new, block_grow, block_free) != 1) {
        (void)fprintf(stderr, "OpenSSL allocated before the test began\n");
    }
}

static bool is_anywhere(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < block_count; i++) {
        for (size_t at = 0; at + len <= blocks[i].size; at++) {
            if (hf_mem_equal(blocks[i].at + at, len, bytes, len)) {
                return true;
            }
        }
    }
    return false;
}

/* As it is, and as SHA-256 has it on little-endian machines: words the other way round. */
static bool is_left(const uint8_t key[32])
{
    uint8_t turned[32];
    for (size_t i = 0; i < sizeof(turned); i++) {
        turned[i] = key[i ^ 3];
    }
    return is_anywhere(key, 32) || is_anywhere(turned, sizeof(turned));
}

static void keys_are_in_the_ring_alone(void)
{
    struct hf_ticket_keys *keys;
    struct hf_ticket_snapshot now;
    HF_CHECK_OK(hf_ticket_keys_new(NULL, 0, &keys));
    for (int rotations = 0; rotations < 4; rotations++) {
        hf_ticket_keys_read(keys, &now);
        for (size_t i = 0; i < HF_TICKET_KEYS_MAX; i++) {
            bool there = (now.which >> i & 1) != 0;
            HF_CHECK(!there || (!is_left(now.keys[i].cipher) && !is_left(now.keys[i].mac)));
        }
        HF_CHECK_OK(hf_ticket_keys_rotate(keys));
    }
    hf_ticket_keys_unref(keys);
}

/* The control: what a digest returned last is found. */
static void what_is_left_is_found(void)
{
    uint8_t digest[HF_DIGEST_SIZE];
    const struct hf_span part = HF_SPAN("left behind");
    HF_CHECK_OK(hf_ossl_sha256(&part, 1, digest));
    HF_CHECK(is_left(digest));
}

HF_TESTS({"keys are in the ring alone", keys_are_in_the_ring_alone},
         {"what is left is found", what_is_left_is_found})
