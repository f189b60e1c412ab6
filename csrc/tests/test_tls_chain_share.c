/* SPDX-License-Identifier: Apache-2.0
 *
 * Chains of verified peers are kept once: the same bytes share, others never do, and whatever is
 * held is let go.
 */
#include <pthread.h>

#include "hf_test.h"
#include "tls_kit.h"

#define CHAINS 3
#define ROUNDS 2000

static struct pki_cert certs[CHAINS];
static struct hf_chain_share share;

/* As the wire of TLS 1.2 brings one certificate. */
static struct hf_presented_chain *chain_of(const struct pki_cert *cert)
{
    uint8_t message[4096];
    size_t n = cert->len;
    const uint8_t head[] = {
        11,
        0,
        (uint8_t)((n + 6) >> 8),
        (uint8_t)(n + 6),
        0,
        (uint8_t)((n + 3) >> 8),
        (uint8_t)(n + 3),
        0,
        (uint8_t)(n >> 8),
        (uint8_t)n,
    };
    struct hf_presented_chain *chain = NULL;
    HF_CHECK(hf_mem_copy(message, sizeof(message), head, sizeof(head)) &&
             hf_mem_copy(message + sizeof(head), sizeof(message) - sizeof(head), cert->der, n));
    HF_CHECK_OK(hf_presented_read(hf_span_of(message, sizeof(head) + n), HF_TLS12, &chain));
    return chain;
}

static void prepare(void)
{
    for (size_t i = 0; i < CHAINS; i++) {
        kit_root(&certs[i], "root", KIT_KEY(i));
    }
    hf_chain_share_init(&share);
}

static void equal_chains_become_one(void)
{
    static const uint8_t digest[HF_DIGEST_SIZE] = {7};
    prepare();
    size_t before = hf_mem_live();
    struct hf_presented_chain *first = hf_chain_share(&share, chain_of(&certs[0]), digest);
    struct hf_presented_chain *again = hf_chain_share(&share, chain_of(&certs[0]), digest);
    HF_CHECK(first == again);
    HF_CHECK(hf_chain_share(&share, first, digest) == first); /* its own: nothing changes */
    HF_CHECK(hf_mem_live() == before + 1);
    hf_presented_unref(first);
    hf_presented_unref(again);
    HF_CHECK(hf_mem_live() == before + 1); /* for those to come */
    hf_chain_share_clear(&share);
    HF_CHECK(hf_mem_live() == before);
}

/* A digest is a place to look, and proves nothing. */
static void others_never_share(void)
{
    static const uint8_t digest[HF_DIGEST_SIZE] = {7};
    prepare();
    size_t before = hf_mem_live();
    struct hf_presented_chain *mine[CHAINS];
    for (size_t i = 0; i < CHAINS; i++) {
        struct hf_presented_chain *chain = chain_of(&certs[i]);
        mine[i] = hf_chain_share(&share, chain, digest);
        HF_CHECK(mine[i] == chain);
    }
    for (size_t i = 0; i < CHAINS; i++) {
        struct hf_chain view = hf_presented_view(mine[i]);
        HF_CHECK(hf_mem_equal(view.der, view.lengths[0], certs[i].der, certs[i].len));
        hf_presented_unref(mine[i]);
    }
    hf_chain_share_clear(&share);
    HF_CHECK(hf_mem_live() == before);
}

/* A flag that nobody will ever clear, as after a fork: everybody keeps what he has. */
static void nobody_waits(void)
{
    static const uint8_t digest[HF_DIGEST_SIZE] = {7};
    prepare();
    struct hf_presented_chain *first = hf_chain_share(&share, chain_of(&certs[0]), digest);
    HF_CHECK(!atomic_flag_test_and_set(&share.slots[7].busy));
    struct hf_presented_chain *other = chain_of(&certs[0]);
    HF_CHECK(hf_chain_share(&share, other, digest) == other);
    hf_presented_unref(first);
    hf_presented_unref(other);
    hf_chain_share_clear(&share);
}

static void *come_and_go(void *seed)
{
    size_t number = *(size_t *)seed;
    for (size_t i = 0; i < ROUNDS; i++) {
        size_t which = (number + i) % CHAINS;
        uint8_t digest[HF_DIGEST_SIZE] = {(uint8_t)(i % 2)};
        struct hf_presented_chain *mine = hf_chain_share(&share, chain_of(&certs[which]), digest);
        struct hf_chain view = hf_presented_view(mine);
        HF_CHECK(hf_mem_equal(view.der, view.lengths[0], certs[which].der, certs[which].len));
        hf_presented_unref(mine);
    }
    return NULL;
}

static void threads_share(void)
{
    pthread_t threads[4];
    size_t seeds[4] = {0, 1, 2, 3};
    prepare();
    size_t before = hf_mem_live();
    for (size_t i = 0; i < 4; i++) {
        HF_CHECK(pthread_create(&threads[i], NULL, come_and_go, &seeds[i]) == 0);
    }
    for (size_t i = 0; i < 4; i++) {
        HF_CHECK(pthread_join(threads[i], NULL) == 0);
    }
    hf_chain_share_clear(&share);
    HF_CHECK(hf_mem_live() == before);
}

/* What it is for: connections of one workload, with one configuration. */
static void connections_of_one_workload_share(void)
{
    struct hf_config *client;
    struct hf_config *server;
    struct tls_end ends[2][2] = {0};
    struct hf_chain chains[2];
    size_t before = hf_mem_live();
    tls_good_configs(PKI_P256, &client, &server);
    for (size_t i = 0; i < 2; i++) {
        tls_end_conn(&ends[i][0], client);
        tls_end_conn(&ends[i][1], server);
        tls_drive(&ends[i][0], &ends[i][1], SIZE_MAX);
        HF_CHECK_OK(hf_conn_presented(ends[i][1].conn, &chains[i]));
    }
    HF_CHECK(chains[0].der == chains[1].der);
    for (size_t i = 0; i < 2; i++) {
        tls_end_free(&ends[i][0]);
        tls_end_free(&ends[i][1]);
    }
    hf_config_unref(client);
    hf_config_unref(server);
    HF_CHECK(hf_mem_live() == before);
}

HF_TESTS({"equal chains become one", equal_chains_become_one},
         {"others never share", others_never_share}, {"nobody waits", nobody_waits},
         {"threads share", threads_share},
         {"connections of one workload share", connections_of_one_workload_share})
