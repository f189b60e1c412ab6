/* SPDX-License-Identifier: Apache-2.0
 *
 * What an idle connection costs, counted in bytes and not measured in pages (issue 4, "It must
 * show" 4): the gate against growing again. A connection's cost is what its end gives back.
 */
#include <openssl/crypto.h>
#include <stdatomic.h>

#include "hf_test.h"
#include "resume_kit.h"

/* Of one end, with a chain of one certificate, by a C library's allocator: 16 bytes to a block's
 * size, and 8 of its own. OpenSSL's part was 8,992 to 9,280 when this was written, the engine's
 * 912. A system's OpenSSL keeps what the pinned build sheds. */
#ifdef HF_OPENSSL_PINNED
#define OPENSSL_MOST 9216
#else
#define OPENSSL_MOST 40960
#endif
#define ENGINE_MOST 1024

#define HEADER 16

static atomic_size_t bytes; /* of OpenSSL's */
static atomic_size_t blocks;

static size_t cost(size_t size)
{
    size_t rounded = (size + 8 + 15) / 16 * 16;
    return rounded < 32 ? 32 : rounded;
}

static void *count(uint8_t *block, size_t size)
{
    if (block == NULL) {
        return NULL;
    }
    (void)hf_mem_copy(block, HEADER, &size, sizeof(size));
    atomic_fetch_add(&bytes, cost(size));
    atomic_fetch_add(&blocks, 1);
    return block + HEADER;
}

static uint8_t *discount(void *block, size_t *size)
{
    uint8_t *whole = (uint8_t *)block - HEADER;
    (void)hf_mem_copy(size, sizeof(*size), whole, sizeof(*size));
    atomic_fetch_sub(&bytes, cost(*size));
    atomic_fetch_sub(&blocks, 1);
    return whole;
}

static void *ossl_new(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return size == 0 ? NULL : count(hf_mem_new(size + HEADER), size);
}

static void ossl_release(void *block, const char *file, int line)
{
    size_t size;
    (void)file;
    (void)line;
    if (block != NULL) {
        hf_mem_free(discount(block, &size));
    }
}

static void *ossl_grow(void *block, size_t size, const char *file, int line)
{
    size_t old;
    if (block == NULL) {
        return ossl_new(size, file, line);
    }
    if (size == 0) {
        ossl_release(block, file, line);
        return NULL;
    }
    uint8_t *whole = discount(block, &old);
    uint8_t *grown = hf_mem_grow(whole, size + HEADER);
    if (grown == NULL) {
        (void)count(whole, old);
        return NULL;
    }
    return count(grown, size);
}

/* Before anything of OpenSSL runs. */
__attribute__((constructor)) static void take_over(void)
{
    if (CRYPTO_set_mem_functions(ossl_new, ossl_grow, ossl_release) != 1) {
        (void)fprintf(stderr, "OpenSSL allocated before the test began\n");
    }
}

/* Free an end and say what OpenSSL gave back for it; its configuration is not the end's own. */
static size_t weigh_openssl(struct tls_end *end, size_t *own_blocks)
{
    struct hf_config *config = hf_config_ref(end->conn->config);
    size_t before = atomic_load(&bytes);
    size_t own_before = hf_mem_live() - atomic_load(&blocks);
    tls_end_free(end);
    size_t given_back = before - atomic_load(&bytes);
    *own_blocks = own_before - (hf_mem_live() - atomic_load(&blocks));
    hf_config_unref(config);
    return given_back;
}

/* Free an idle end and hold what that gave back against the most it may be. */
static void weigh(struct tls_end *end, const char *when)
{
    const struct hf_conn *conn = end->conn;
    size_t engine = cost(sizeof(*conn)) + cost(sizeof(*conn->verdict) + conn->verdict->peer_len) +
                    cost(sizeof(*conn->presented) + conn->presented->der_len);
    size_t own;
    size_t openssl = weigh_openssl(end, &own);
    (void)printf("%s: OpenSSL %zu, engine %zu\n", when, openssl, engine);
    HF_CHECK(openssl > 4096); /* the counting counts */
    HF_CHECK(openssl <= OPENSSL_MOST);
    HF_CHECK(engine <= ENGINE_MOST);
    HF_CHECK(own <= 3); /* and the engine has no blocks but these, of which stores share some */
}

static void weigh_both(struct resume_world *world, const char *when)
{
    weigh(&world->pair.server, when);
    weigh(&world->pair.client, when);
}

/* What is made once in a process is made before anything is counted. */
static void warm_up(struct resume_world *world)
{
    resume_meet(world);
    HF_CHECK(resume_both_open(world));
    tls_pair_free(&world->pair);
}

static void start(struct resume_world *world, int version)
{
    static struct hf_session_store *nothing;
    resume_start(world, version);
    hf_session_store_unref(world->client.sessions);
    hf_session_store_unref(world->server.sessions);
    world->client.sessions = world->server.sessions = nothing;
    warm_up(world);
}

static void after_a_handshake(void)
{
    static struct resume_world world;
    for (int version = HF_TLS12; version <= HF_TLS13; version++) {
        start(&world, version);
        resume_prepare(&world);
        tls_drive(&world.pair.client, &world.pair.server, SIZE_MAX);
        HF_CHECK(resume_both_open(&world));
        weigh_both(&world, version == HF_TLS12 ? "handshake, 1.2" : "handshake, 1.3");
        resume_finish(&world);
    }
}

static void after_data(void)
{
    static struct resume_world world;
    for (int version = HF_TLS12; version <= HF_TLS13; version++) {
        start(&world, version);
        resume_meet(&world);
        for (int i = 0; i < 4; i++) {
            HF_CHECK(tls_talk(&world.pair.client, &world.pair.server));
        }
        weigh_both(&world, version == HF_TLS12 ? "data, 1.2" : "data, 1.3");
        resume_finish(&world);
    }
}

static void after_key_updates(void)
{
    static struct resume_world world;
    start(&world, HF_TLS13);
    resume_meet(&world);
    for (int i = 0; i < 4; i++) {
        HF_CHECK_OK(hf_conn_key_update(world.pair.client.conn, 1));
        HF_CHECK(tls_talk(&world.pair.client, &world.pair.server));
        HF_CHECK_OK(hf_conn_key_update(world.pair.server.conn, 1));
        HF_CHECK(tls_talk(&world.pair.server, &world.pair.client));
    }
    weigh_both(&world, "KeyUpdates");
    resume_finish(&world);
}

/* The ticket went with the first write; what a resumed connection has is no more. */
static void after_a_ticket_and_resumed(void)
{
    static struct resume_world world;
    for (int version = HF_TLS12; version <= HF_TLS13; version++) {
        resume_start(&world, version);
        warm_up(&world);
        for (int i = 0; i < 2; i++) {
            HF_CHECK(resume_resumes(&world));
            weigh_both(&world, version == HF_TLS12 ? "resumed, 1.2" : "resumed, 1.3");
        }
        resume_finish(&world);
    }
}

/* The chain stays as the bytes that came; what OpenSSL made of it does not. */
static void whatever_the_chain(void)
{
    static struct resume_world world;
    struct pki_spec spec;
    size_t own;
    size_t cost_of_one = 0;
    resume_start(&world, HF_TLS13);
    for (size_t count_of_chain = 1; count_of_chain <= 3; count_of_chain++) {
        for (size_t i = 1; i < count_of_chain; i++) {
            kit_intermediate(&world.client.chain[count_of_chain - i], i == 1 ? "root" : "middle",
                             KIT_KEY(i - 1), "middle", KIT_KEY(i));
        }
        pki_leaf(&spec, count_of_chain == 1 ? "root" : "middle", TLS_CLIENT_ID, world.client.key);
        pki_make(&spec, KIT_KEY(count_of_chain - 1), &world.client.chain[0]);
        world.client.chain_count = count_of_chain;
        warm_up(&world);
        resume_meet(&world);
        HF_CHECK(resume_both_open(&world));
        HF_CHECK(world.pair.server.conn->presented->count == count_of_chain);
        size_t openssl = weigh_openssl(&world.pair.server, &own);
        cost_of_one = count_of_chain == 1 ? openssl : cost_of_one;
#ifdef HF_OPENSSL_PINNED
        HF_CHECK(openssl == cost_of_one);
#endif
    }
    HF_CHECK(cost_of_one <= OPENSSL_MOST);
    resume_finish(&world);
}

HF_TESTS({"after a handshake", after_a_handshake}, {"after data", after_data},
         {"after KeyUpdates", after_key_updates},
         {"after a ticket, and resumed", after_a_ticket_and_resumed},
         {"whatever the chain", whatever_the_chain})
