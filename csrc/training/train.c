/* SPDX-License-Identifier: Apache-2.0
 *
 * train.c - what OpenSSL's profile is made of (tools/openssl.py, `--variant pgo`): the handshakes
 * of the benchmark, full and resumed, in the measure in which they matter. Counted, not timed, so
 * that one build's profile is like another's.
 *
 * OpenSSL alone, not the engine: a change of ours must not throw away minutes of building.
 */
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

#include "ends.h"

struct lesson {
    const char *keys;
    struct plan plan;
    int connections;
};

#define X25519_FIRST "X25519:P-256"
#define HYBRID "X25519MLKEM768"

static const struct lesson lessons[] = {
    /* What services do all day: known peers, strangers, and peers that come back. */
    {"P-256", {X25519_FIRST, TLS1_3_VERSION, RESUME_NEVER, 1, 0}, 900},
    {"P-256", {X25519_FIRST, TLS1_3_VERSION, RESUME_NEVER, 0, 0}, 500},
    {"P-256", {X25519_FIRST, TLS1_3_VERSION, RESUME_STATEFUL, 1, 0}, 1500},
    {"P-256", {X25519_FIRST, TLS1_3_VERSION, RESUME_TICKET, 1, 0}, 700},
    /* Other groups, */
    {"P-256", {"P-256", TLS1_3_VERSION, RESUME_NEVER, 1, 0}, 200},
    {"P-256", {"P-384", TLS1_3_VERSION, RESUME_NEVER, 1, 0}, 40},
    {"P-256", {HYBRID, TLS1_3_VERSION, RESUME_NEVER, 1, 0}, 250},
    {"P-256", {HYBRID, TLS1_3_VERSION, RESUME_STATEFUL, 1, 0}, 150},
    /* other keys, */
    {"P-384", {X25519_FIRST, TLS1_3_VERSION, RESUME_NEVER, 0, 0}, 60},
    {"RSA", {X25519_FIRST, TLS1_3_VERSION, RESUME_NEVER, 0, 0}, 120},
    {"ED25519", {X25519_FIRST, TLS1_3_VERSION, RESUME_NEVER, 0, 0}, 60},
    /* TLS 1.2, for whom it is switched on, */
    {"P-256", {X25519_FIRST, TLS1_2_VERSION, RESUME_NEVER, 0, 0}, 150},
    {"P-256", {X25519_FIRST, TLS1_2_VERSION, RESUME_STATEFUL, 1, 0}, 150},
    {"RSA", {X25519_FIRST, TLS1_2_VERSION, RESUME_NEVER, 0, 0}, 40},
    /* and data. */
    {"P-256", {X25519_FIRST, TLS1_3_VERSION, RESUME_NEVER, 1, 2000}, 1},
};

/* The allocator of a finished build is set by handfast: the way to it must not look unused. */
static void *block_new(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return malloc(size);
}

static void *block_grow(void *block, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return realloc(block, size);
}

static void block_free(void *block, const char *file, int line)
{
    (void)file;
    (void)line;
    free(block);
}

static void learn(const struct lesson *lesson)
{
    struct world world;
    struct ends ends;
    world_make(lesson->keys, &world);
    ends_make(&lesson->plan, &world, &ends);
    for (int i = 0; i < lesson->connections; i++) {
        ends_connect(&ends);
    }
    ends_drop(&ends);
    world_drop(&world);
}

int main(void)
{
    need(CRYPTO_set_mem_functions(block_new, block_grow, block_free) == 1, "an allocator set");
    int connections = 0;
    for (size_t i = 0; i < sizeof(lessons) / sizeof(lessons[0]); i++) {
        learn(&lessons[i]);
        connections += lessons[i].connections;
    }
    printf("trained by %d connections\n", connections);
    return 0;
}
