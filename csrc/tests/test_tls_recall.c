/* SPDX-License-Identifier: Apache-2.0
 *
 * Handshakes whose verdicts come from the cache (P3): on both sides, over rotations of the bundle
 * (C3), at the end of the validity (C2), and with a chain that is known and a key that is not.
 */
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <string.h>

#include "hf_test.h"
#include "recall_kit.h"
#include "tls_kit.h"

static struct tls_who client;
static struct tls_who server;
static struct hf_chain_cache *cache;

static void start(void)
{
    cache = recall_cache(0);
    tls_who(&client, HF_ROLE_CLIENT);
    tls_who(&server, HF_ROLE_SERVER);
    client.cache = cache;
    server.cache = cache;
}

static void finish(void)
{
    hf_chain_cache_unref(cache);
}

static uint64_t hits(void)
{
    struct hf_chain_cache_statistics now;
    hf_chain_cache_statistics(cache, &now);
    return now.hits;
}

static uint64_t entries(void)
{
    struct hf_chain_cache_statistics now;
    hf_chain_cache_statistics(cache, &now);
    return now.entries;
}

static bool both_done(const struct tls_pair *pair)
{
    return pair->client.done && pair->server.done && hf_is_ok(pair->client.result) &&
           hf_is_ok(pair->server.result);
}

/* P3: the second handshake of the same two is recalled by both, and knows the same. */
static void both_sides_recall(void)
{
    struct tls_pair pair;
    struct hf_peer judged[2];
    struct hf_peer recalled[2];
    start();
    for (int i = 0; i < 2; i++) {
        struct hf_peer *peers = i == 0 ? judged : recalled;
        tls_pair_run(&pair, &client, &server);
        HF_CHECK(both_done(&pair) && tls_talk(&pair.client, &pair.server));
        HF_CHECK_OK(hf_conn_peer(pair.client.conn, &peers[0]));
        HF_CHECK_OK(hf_conn_peer(pair.server.conn, &peers[1]));
        HF_CHECK(hits() == (i == 0 ? 0 : 2) && entries() == 2);
        tls_pair_free(&pair);
    }
    HF_CHECK(hf_mem_equal(judged, sizeof(judged), recalled, sizeof(recalled)));
    HF_CHECK(strcmp(recalled[0].id, TLS_SERVER_ID) == 0);
    /* The other role asks another question about the same chain. */
    struct tls_who turned;
    tls_who(&turned, HF_ROLE_SERVER);
    turned.chain[0] = client.chain[0];
    turned.key = client.key;
    turned.authority = server.authority;
    turned.cache = cache;
    tls_pair_run(&pair, &client, &turned);
    HF_CHECK(both_done(&pair) && hits() == 3 && entries() == 3);
    tls_pair_free(&pair);
    finish();
}

/* C3, P5: a new configuration with the same authority goes on with what is known; one without it
 * ends it at once, and with it again, all is as before. */
static void rotation(void)
{
    struct tls_pair pair;
    start();
    tls_pair_run(&pair, &client, &server);
    HF_CHECK(both_done(&pair));
    tls_pair_free(&pair);
    /* tls_pair_run() makes new bundles, verifiers and contexts each time, as a rotation does. */
    tls_pair_run(&pair, &client, &server);
    HF_CHECK(both_done(&pair) && hits() == 2);
    tls_pair_free(&pair);
    struct pki_cert before = server.authority;
    kit_root(&server.authority, "root", KIT_KEY(1));
    tls_pair_run(&pair, &client, &server);
    HF_CHECK(!pair.server.done);
    HF_CHECK_CODE(pair.server.result, HF_E_UNKNOWN_AUTHORITY);
    HF_CHECK(hits() == 3); /* the client's, which trusts as before */
    tls_pair_free(&pair);
    server.authority = before;
    tls_pair_run(&pair, &client, &server);
    HF_CHECK(both_done(&pair) && hits() == 5 && entries() == 2);
    tls_pair_free(&pair);
    finish();
}

/* C2: known or not, in the second of notAfter it is over. */
static void the_end_of_the_validity(void)
{
    struct tls_pair pair;
    start();
    for (int i = 0; i < 2; i++) {
        tls_pair_run(&pair, &client, &server);
        HF_CHECK(both_done(&pair));
        tls_pair_free(&pair);
    }
    hf_clock_set(PKI_NOT_AFTER - 1);
    tls_pair_run(&pair, &client, &server);
    HF_CHECK(both_done(&pair) && hits() == 4);
    tls_pair_free(&pair);
    hf_clock_set(PKI_NOT_AFTER);
    tls_pair_run(&pair, &client, &server);
    HF_CHECK(!pair.client.done && !pair.server.done && hits() == 4);
    HF_CHECK_CODE(pair.client.result, HF_E_CERT_EXPIRED);
    tls_pair_free(&pair);
    hf_clock_set(PKI_NOW);
    finish();
}

/* Authorization is not remembered: it is asked in each handshake, of a peer that is known as well.
 */
static void a_known_peer_is_not_let_in_for_that(void)
{
    static const char other[] = "spiffe://a.example/other";
    const struct hf_policy_node exactly = {HF_POLICY_EXACTLY, 0, (const uint8_t *)other,
                                           sizeof(other) - 1};
    struct tls_pair pair;
    start();
    tls_pair_run(&pair, &client, &server);
    HF_CHECK(both_done(&pair));
    tls_pair_free(&pair);
    server.policy = &exactly;
    server.policy_count = 1;
    for (int i = 0; i < 2; i++) {
        tls_pair_run(&pair, &client, &server);
        HF_CHECK(!pair.server.done);
        HF_CHECK_CODE(pair.server.result, HF_E_NOT_AUTHORIZED);
        tls_pair_free(&pair);
    }
    HF_CHECK(entries() == 2);
    finish();
}

/* A key that says it is `shown` and signs with `held`: what a thief of the chain has. */
static EVP_PKEY *key_of_a_thief(EVP_PKEY *shown, EVP_PKEY *held)
{
    uint8_t point[133];
    size_t point_len = 0;
    BIGNUM *secret = NULL;
    EVP_PKEY *out = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(hf_ossl_ctx(), "EC", NULL);
    HF_CHECK(EVP_PKEY_get_octet_string_param(shown, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point),
                                             &point_len) == 1);
    HF_CHECK(EVP_PKEY_get_bn_param(held, OSSL_PKEY_PARAM_PRIV_KEY, &secret) == 1);
    HF_CHECK(OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) == 1);
    HF_CHECK(OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, point_len) ==
             1);
    HF_CHECK(OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, secret) == 1);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    HF_CHECK(EVP_PKEY_fromdata_init(ctx) == 1 &&
             EVP_PKEY_fromdata(ctx, &out, EVP_PKEY_KEYPAIR, params) == 1);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(ctx);
    BN_clear_free(secret);
    return out;
}

/* P3: that the peer holds its key is proved in every handshake. Who has only seen the chain, which
 * the cache knows, gets as far as his CertificateVerify. */
static void a_known_chain_without_its_key(void)
{
    struct tls_pair pair;
    struct tls_who thief;
    struct tls_end ours;
    struct tls_end his;
    struct hf_peer peer;
    start();
    tls_pair_run(&pair, &client, &server);
    HF_CHECK(both_done(&pair));
    tls_pair_free(&pair);
    thief = client;
    thief.key = key_of_a_thief(client.key, KIT_KEY(3));
    struct hf_config *config = tls_config(&server);
    SSL_CTX *plain = tls_plain_ctx(&thief);
    tls_end_conn(&ours, config);
    tls_end_plain(&his, plain, false);
    tls_drive(&his, &ours, SIZE_MAX);
    HF_CHECK(hits() == 1 && !ours.done);
    HF_CHECK_CODE(ours.result, HF_E_BAD_PROOF);
    HF_CHECK_CODE(hf_conn_peer(ours.conn, &peer), HF_E_WRONG_STATE);
    tls_end_free(&ours);
    tls_end_free(&his);
    hf_config_unref(config);
    SSL_CTX_free(plain);
    EVP_PKEY_free(thief.key);
    finish();
}

HF_TESTS({"both sides recall", both_sides_recall}, {"rotation", rotation},
         {"the end of the validity", the_end_of_the_validity},
         {"a known peer is not let in for that", a_known_peer_is_not_let_in_for_that},
         {"a known chain without its key", a_known_chain_without_its_key})
