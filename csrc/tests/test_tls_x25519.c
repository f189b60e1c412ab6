/* SPDX-License-Identifier: Apache-2.0
 *
 * Handshakes with X25519 key shares, ours at one end and OpenSSL's own at the other: the same group
 * in TLS 1.3, in TLS 1.2, after a HelloRetryRequest, and as a half of X25519MLKEM768.
 */
#include <openssl/provider.h>
#include <openssl/ssl.h>
#include <string.h>

#include "handfast_lanes.h"
#include "hf_test.h"
#include "tls_kit.h"
#include "x25519_kit.h"

struct agreement {
    int version;
    const char *groups;       /* of our end */
    const char *plain_groups; /* of the other one */
    const char *key; /* the shares' algorithm; NULL: a KEM's, which OpenSSL does not show */
};

static const struct agreement agreements[] = {
    {HF_TLS13, "X25519", "X25519", "X25519"},
    {HF_TLS12, "X25519:P-256", "X25519:P-256", "X25519"}, /* P-256 for the certificates */
    {HF_TLS13, "P-256:X25519", "X25519", "X25519"},       /* asked again where ours is the client */
    {HF_TLS13, "X25519", "P-256:X25519", "X25519"},       /* and where it is the server */
#ifdef HF_OPENSSL_PINNED
    {HF_TLS13, "X25519MLKEM768", "X25519MLKEM768", NULL},
    {HF_TLS13, "X25519MLKEM768:X25519", "X25519", "X25519"},
#endif
};

/* Of the plain end: by whom its shares were made. A server of TLS 1.2 does not keep its client's.
 */
static void check_shares(SSL *ssl, const struct agreement *agreement)
{
    EVP_PKEY *peer = NULL;
    bool shown =
        agreement->key != NULL && (agreement->version == HF_TLS13 || SSL_is_server(ssl) == 0);
    if (shown && HF_CHECK(SSL_get_peer_tmp_key(ssl, &peer) == 1)) {
        HF_CHECK(EVP_PKEY_is_a(peer, agreement->key) == 1);
        HF_CHECK(strcmp(OSSL_PROVIDER_get0_name(EVP_PKEY_get0_provider(peer)), "default") == 0);
    }
    EVP_PKEY_free(peer);
}

static void shake(const struct agreement *agreement, bool we_are_server)
{
    struct tls_who ours;
    struct tls_who theirs;
    struct tls_end plain;
    struct tls_end end;
    tls_who(&ours, we_are_server ? HF_ROLE_SERVER : HF_ROLE_CLIENT);
    tls_who(&theirs, we_are_server ? HF_ROLE_CLIENT : HF_ROLE_SERVER);
    ours.min_version = agreement->version;
    ours.groups = agreement->groups;
    struct hf_config *config = tls_config(&ours);
    SSL_CTX *ctx = tls_plain_ctx_by(&theirs, "provider=default");
    int version = agreement->version == HF_TLS12 ? TLS1_2_VERSION : TLS1_3_VERSION;
    HF_CHECK(SSL_CTX_set_max_proto_version(ctx, version) == 1);
    HF_CHECK(SSL_CTX_set1_groups_list(ctx, agreement->plain_groups) == 1);
    tls_end_plain(&plain, ctx, !we_are_server);
    tls_end_conn(&end, config);
    tls_drive(we_are_server ? &plain : &end, we_are_server ? &end : &plain, 4096);
    HF_CHECK_OK(end.result);
    if (HF_CHECK(end.done && plain.done)) {
        HF_CHECK(SSL_version(plain.ssl) == version);
        check_shares(plain.ssl, agreement);
        HF_CHECK(tls_talk(&end, &plain) && tls_talk(&plain, &end));
    }
    tls_end_free(&end);
    tls_end_free(&plain);
    SSL_CTX_free(ctx);
    hf_config_unref(config);
}

static void openssls_own_shakes_hands_with_ours(void)
{
    for (size_t i = 0; i < sizeof(agreements) / sizeof(agreements[0]); i++) {
        for (size_t again = 0; again < 10; again++) { /* more than the keys of one pool */
            shake(&agreements[i], false);
            shake(&agreements[i], true);
        }
    }
}

static void ours_shakes_hands_with_ours(void)
{
    for (size_t i = 0; i < sizeof(agreements) / sizeof(agreements[0]); i++) {
        struct tls_who client;
        struct tls_who server;
        struct tls_pair pair;
        tls_who(&client, HF_ROLE_CLIENT);
        tls_who(&server, HF_ROLE_SERVER);
        client.min_version = agreements[i].version;
        server.min_version = agreements[i].version;
        client.groups = agreements[i].groups;
        server.groups = agreements[i].plain_groups;
        tls_pair_run(&pair, &client, &server);
        HF_CHECK_OK(pair.client.result);
        HF_CHECK_OK(pair.server.result);
        HF_CHECK(pair.client.done && pair.server.done && tls_talk(&pair.client, &pair.server));
        tls_pair_free(&pair);
    }
}

static void switching_lanes_off_changes_no_handshake(void)
{
    hf_mb_allow(false);
    for (size_t i = 0; i < sizeof(agreements) / sizeof(agreements[0]); i++) {
        shake(&agreements[i], false);
        shake(&agreements[i], true);
    }
    hf_mb_allow(true);
}

HF_TESTS({"OpenSSL's own shakes hands with ours", openssls_own_shakes_hands_with_ours},
         {"ours shakes hands with ours", ours_shakes_hands_with_ours},
         {"switching lanes off changes no handshake", switching_lanes_off_changes_no_handshake})
