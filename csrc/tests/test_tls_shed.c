/* SPDX-License-Identifier: Apache-2.0
 *
 * Connections that have let go of their handshakes lack nothing: data, facts, channel bindings, new
 * keys, the peer, its chain, and the end. What is gone is gone, the private keys first.
 */
#include <string.h>

#include "hf_test.h"
#include "resume_kit.h"
#include "tls/shed.h"

static struct resume_world world;

/* What the connection is asked, the same at both ends. */
static void check_facts(int version)
{
    struct hf_conn_facts client;
    struct hf_conn_facts server;
    uint8_t ours[32];
    uint8_t theirs[32];
    struct hf_peer peer;
    HF_CHECK_OK(hf_conn_facts(world.pair.client.conn, &client));
    HF_CHECK_OK(hf_conn_facts(world.pair.server.conn, &server));
    HF_CHECK(client.version == version && server.version == version);
    HF_CHECK(strlen(client.cipher) > 0 && strcmp(client.cipher, server.cipher) == 0);
    HF_CHECK(strlen(client.group) > 0 && strcmp(client.group, server.group) == 0);
    HF_CHECK(client.resumed || strlen(client.signature) > 0);
    HF_CHECK_OK(hf_conn_channel_binding(world.pair.client.conn, ours));
    HF_CHECK_OK(hf_conn_channel_binding(world.pair.server.conn, theirs));
    HF_CHECK(hf_mem_equal(ours, sizeof(ours), theirs, sizeof(theirs)));
    HF_CHECK_OK(hf_conn_peer(world.pair.server.conn, &peer));
    HF_CHECK(strcmp(peer.id, TLS_CLIENT_ID) == 0);
}

static void check_chain(void)
{
    struct hf_chain chain;
    struct hf_presented_chain *kept;
    const struct pki_cert *leaf = &world.client.chain[0];
    HF_CHECK_OK(hf_conn_presented(world.pair.server.conn, &chain));
    HF_CHECK(chain.count == 1 && hf_mem_equal(chain.der, chain.lengths[0], leaf->der, leaf->len));
    HF_CHECK_OK(hf_conn_presented_keep(world.pair.server.conn, &kept));
    tls_pair_free(&world.pair);
    /* It outlives the connection. */
    chain = hf_presented_view(kept);
    HF_CHECK(chain.count == 1 && hf_mem_equal(chain.der, chain.lengths[0], leaf->der, leaf->len));
    hf_presented_unref(kept);
}

static void check_gone(const struct hf_conn *conn)
{
    EVP_PKEY *key = NULL;
    bool pinned = hf_shed_possible();
    HF_CHECK((SSL_get_tmp_key(conn->ssl, &key) == 0) || !pinned);
    EVP_PKEY_free(key);
    key = NULL;
    HF_CHECK((SSL_get_peer_tmp_key(conn->ssl, &key) == 0) || !pinned);
    EVP_PKEY_free(key);
    HF_CHECK((SSL_get0_peer_certificate(conn->ssl) == NULL) == pinned);
    HF_CHECK((SSL_get_peer_cert_chain(conn->ssl) == NULL) || !pinned);
    HF_CHECK((conn->verdict->leaf == NULL) == pinned);
}

static void check_new_keys(void)
{
    for (int i = 0; i < 3; i++) {
        HF_CHECK_OK(hf_conn_key_update(world.pair.server.conn, 1));
        HF_CHECK(tls_talk(&world.pair.server, &world.pair.client));
        HF_CHECK_OK(hf_conn_key_update(world.pair.client.conn, 1));
        HF_CHECK(tls_talk(&world.pair.client, &world.pair.server));
    }
}

static void check_close(void)
{
    uint8_t heard[8];
    size_t len;
    uint32_t want;
    HF_CHECK_OK(hf_conn_close(world.pair.client.conn));
    HF_CHECK(tls_carry(&world.pair.client, &world.pair.server, SIZE_MAX) > 0);
    HF_CHECK_CODE(hf_conn_read(world.pair.server.conn, heard, sizeof(heard), &len, &want),
                  HF_E_CLOSED);
    HF_CHECK_OK(hf_conn_close(world.pair.server.conn));
}

/* Full handshakes, then resumed ones, of both versions, with a P-256 and an RSA key. */
static void nothing_is_missing(void)
{
    static const enum pki_kind kinds[] = {PKI_P256, PKI_RSA2048};
    for (int version = HF_TLS12; version <= HF_TLS13; version++) {
        for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
            resume_start(&world, version);
            struct hf_session_store *store = world.client.sessions;
            int min_version = world.client.min_version;
            tls_who_key(&world.client, HF_ROLE_CLIENT, kinds[kind]);
            world.client.sessions = store;
            world.client.min_version = min_version;
            for (int round = 0; round < 3; round++) {
                resume_meet(&world);
                HF_CHECK(resume_both_open(&world) && resume_resumed(&world) == (round > 0));
                check_gone(world.pair.server.conn);
                check_gone(world.pair.client.conn);
                check_facts(version);
                if (version == HF_TLS13) {
                    check_new_keys();
                    check_facts(version);
                }
                check_close();
                check_chain();
            }
            resume_finish(&world);
        }
    }
}

/* The group asked for again (HelloRetryRequest) leaves more keys behind than one. */
static void after_a_second_hello(void)
{
    resume_start(&world, HF_TLS13);
    world.client.groups = "X25519:P-256";
    world.server.groups = "P-256";
    for (int round = 0; round < 2; round++) {
        resume_meet(&world);
        HF_CHECK(resume_both_open(&world) && resume_resumed(&world) == (round > 0));
        check_gone(world.pair.server.conn);
        check_gone(world.pair.client.conn);
        check_facts(HF_TLS13);
        tls_pair_free(&world.pair);
    }
    resume_finish(&world);
}

/* A ticket of TLS 1.3 takes the certificate with it, in the first write; then it is gone, too. */
static void after_a_ticket(void)
{
    resume_start_tickets(&world, HF_TLS13);
    for (int round = 0; round < 2; round++) {
        resume_prepare(&world);
        tls_drive(&world.pair.client, &world.pair.server, SIZE_MAX);
        HF_CHECK(resume_both_open(&world));
        HF_CHECK(SSL_get0_peer_certificate(world.pair.server.conn->ssl) != NULL);
        HF_CHECK(tls_talk(&world.pair.client, &world.pair.server));
        HF_CHECK(resume_resumed(&world) == (round > 0));
        check_gone(world.pair.server.conn);
        check_gone(world.pair.client.conn);
        check_facts(HF_TLS13);
    }
    resume_finish(&world);
}

/* A handshake under way keeps all that it has. */
static void not_before_the_end(void)
{
    resume_start(&world, HF_TLS13);
    resume_prepare(&world);
    tls_step(&world.pair.client);
    HF_CHECK(!hf_shed_handshake(world.pair.client.conn->ssl));
    tls_drive(&world.pair.client, &world.pair.server, SIZE_MAX);
    HF_CHECK(resume_both_open(&world));
    HF_CHECK(tls_talk(&world.pair.client, &world.pair.server));
    /* Twice is as good as once. */
    HF_CHECK(hf_shed_handshake(world.pair.client.conn->ssl) == hf_shed_possible());
    HF_CHECK(tls_talk(&world.pair.client, &world.pair.server));
    tls_pair_free(&world.pair);
    resume_finish(&world);
}

HF_TESTS({"nothing is missing", nothing_is_missing}, {"after a second hello", after_a_second_hello},
         {"after a ticket", after_a_ticket}, {"not before the end", not_before_the_end})
