/* SPDX-License-Identifier: Apache-2.0
 *
 * Two workloads shake hands in memory: what works, and what both then know.
 */
#include <string.h>

#include "hf_test.h"
#include "tls_kit.h"

static struct tls_who client;
static struct tls_who server;

static void good_pair(void)
{
    tls_who(&client, HF_ROLE_CLIENT);
    tls_who(&server, HF_ROLE_SERVER);
}

static void check_peer(const struct tls_end *end, const char *id)
{
    struct hf_peer peer;
    if (HF_CHECK_OK(hf_conn_peer(end->conn, &peer))) {
        HF_CHECK(strcmp(peer.id, id) == 0 && peer.id_len == strlen(id));
        HF_CHECK(peer.trust_domain_len == strlen(TLS_DOMAIN));
        HF_CHECK(peer.verified_at == PKI_NOW);
        HF_CHECK(peer.leaf_not_after == PKI_NOT_AFTER && peer.not_before == PKI_NOT_BEFORE);
    }
}

static void check_success(struct tls_pair *pair)
{
    HF_CHECK_OK(pair->client.result);
    HF_CHECK_OK(pair->server.result);
    if (!HF_CHECK(pair->client.done && pair->server.done)) {
        return;
    }
    check_peer(&pair->client, TLS_SERVER_ID);
    check_peer(&pair->server, TLS_CLIENT_ID);
    HF_CHECK(tls_talk(&pair->client, &pair->server));
    HF_CHECK(hf_conn_pending_in(pair->client.conn) == 0);
    HF_CHECK(hf_conn_pending_out(pair->server.conn) == 0);
}

static void run_good(const struct tls_who *one, const struct tls_who *other)
{
    struct tls_pair pair;
    tls_pair_run(&pair, one, other);
    check_success(&pair);
    tls_pair_free(&pair);
}

static const enum pki_kind allowed[] = {PKI_P256,    PKI_P384,    PKI_P521,
                                        PKI_RSA2048, PKI_RSA3072, PKI_ED25519};

/* Every kind of key, on both sides, in both versions. */
static void every_key_shakes_hands(void)
{
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        for (int tls12 = 0; tls12 < 2; tls12++) {
            struct tls_pair pair;
            struct hf_conn_facts facts;
            tls_who_key(&client, HF_ROLE_CLIENT, allowed[i]);
            tls_who_key(&server, HF_ROLE_SERVER, allowed[i]);
            client.min_version = server.min_version = tls12 ? HF_TLS12 : HF_TLS13;
            struct hf_config *ours = tls_config(&client);
            struct hf_config *theirs = tls_config(&server);
            /* Nobody can ask for "at most 1.2": the contexts are changed for this test. */
            if (tls12) {
                HF_CHECK(SSL_CTX_set_max_proto_version(ours->ctx, TLS1_2_VERSION) == 1);
            }
            tls_end_conn(&pair.client, ours);
            tls_end_conn(&pair.server, theirs);
            hf_config_unref(ours);
            hf_config_unref(theirs);
            tls_drive(&pair.client, &pair.server, SIZE_MAX);
            check_success(&pair);
            if (HF_CHECK_OK(hf_conn_facts(pair.server.conn, &facts))) {
                HF_CHECK(facts.version == (tls12 ? HF_TLS12 : HF_TLS13));
                HF_CHECK(facts.resumed == 0);
                HF_CHECK(facts.signature[0] != '\0');
            }
            tls_pair_free(&pair);
        }
    }
}

static void the_defaults_are_fast_ones(void)
{
    struct tls_pair pair;
    struct hf_conn_facts facts;
    good_pair();
    tls_pair_run(&pair, &client, &server);
    check_success(&pair);
    if (HF_CHECK_OK(hf_conn_facts(pair.client.conn, &facts))) {
        HF_CHECK(strcmp(facts.cipher, "TLS_AES_128_GCM_SHA256") == 0);
        HF_CHECK(strcmp(facts.group, "x25519") == 0);
    }
    tls_pair_free(&pair);
}

static void check_group(const char *ours, const char *theirs, const char *expected)
{
    struct tls_pair pair;
    struct hf_conn_facts facts;
    good_pair();
    client.groups = ours;
    server.groups = theirs;
    tls_pair_run(&pair, &client, &server);
    check_success(&pair);
    if (HF_CHECK_OK(hf_conn_facts(pair.server.conn, &facts))) {
        HF_CHECK(strcmp(facts.group, expected) == 0);
    }
    tls_pair_free(&pair);
}

static void groups_are_chosen(void)
{
    check_group("P-256", NULL, "secp256r1");
    check_group("P-384", "P-384:P-256", "secp384r1");
    /* One share is sent; a server that wants the other asks again. */
    check_group(NULL, "P-256", "secp256r1");
#if OPENSSL_VERSION_NUMBER >= 0x30500000L
    check_group("X25519MLKEM768", NULL, "X25519MLKEM768");
    check_group(NULL, "X25519MLKEM768", "X25519MLKEM768");
#endif
}

static void an_intermediate_is_sent_and_the_root_is_not(void)
{
    struct pki_spec spec;
    struct tls_pair pair;
    struct hf_chain chain;
    good_pair();
    pki_leaf(&spec, "middle", TLS_CLIENT_ID, KIT_LEAF_KEY);
    pki_make(&spec, KIT_KEY(1), &client.chain[0]);
    kit_intermediate(&client.chain[1], "root", KIT_KEY(0), "middle", KIT_KEY(1));
    client.chain[2] = client.authority;
    client.chain_count = 3;
    client.key = KIT_LEAF_KEY;
    tls_pair_run(&pair, &client, &server);
    check_success(&pair);
    if (HF_CHECK_OK(hf_conn_presented(pair.server.conn, &chain)) && HF_CHECK(chain.count == 2)) {
        HF_CHECK(
            hf_mem_equal(chain.der, chain.lengths[0], client.chain[0].der, client.chain[0].len));
        HF_CHECK(hf_mem_equal(chain.der + chain.lengths[0], chain.lengths[1], client.chain[1].der,
                              client.chain[1].len));
    }
    tls_pair_free(&pair);
}

/* D5: the same result for any split. */
static void one_byte_at_a_time(void)
{
    struct tls_end ours;
    struct tls_end theirs;
    good_pair();
    struct hf_config *one = tls_config(&client);
    struct hf_config *other = tls_config(&server);
    for (size_t chunk = 1; chunk < 9; chunk += 2) {
        tls_end_conn(&ours, one);
        tls_end_conn(&theirs, other);
        tls_drive(&ours, &theirs, chunk);
        HF_CHECK(tls_talk(&ours, &theirs));
        tls_end_free(&ours);
        tls_end_free(&theirs);
    }
    hf_config_unref(one);
    hf_config_unref(other);
}

static void check_alpn(const char *ours, const char *theirs, const char *expected)
{
    struct tls_pair pair;
    const uint8_t *name;
    size_t len;
    good_pair();
    client.alpn = ours;
    server.alpn = theirs;
    tls_pair_run(&pair, &client, &server);
    check_success(&pair);
    if (HF_CHECK_OK(hf_conn_alpn(pair.client.conn, &name, &len))) {
        HF_CHECK(hf_mem_equal(name, len, expected, strlen(expected)));
    }
    if (HF_CHECK_OK(hf_conn_alpn(pair.server.conn, &name, &len))) {
        HF_CHECK(hf_mem_equal(name, len, expected, strlen(expected)));
    }
    tls_pair_free(&pair);
}

static void the_servers_order_of_protocols_counts(void)
{
    check_alpn("\x02h2\x08http/1.1", "\x08http/1.1\x02h2", "http/1.1");
    check_alpn("\x08http/1.1\x02h2", "\x02h2\x08http/1.1", "h2");
    check_alpn("\x02h2", "\x01x\x02h2", "h2");
    check_alpn(NULL, "\x02h2", "");
    check_alpn("\x02h2", NULL, "");
}

static void no_common_protocol_is_refused(void)
{
    struct tls_pair pair;
    good_pair();
    client.alpn = "\x02h2";
    server.alpn = "\x08http/1.1";
    tls_pair_run(&pair, &client, &server);
    HF_CHECK_CODE(pair.server.result, HF_E_NO_APPLICATION_PROTOCOL);
    HF_CHECK(pair.server.error.alert == HF_ALERT_NO_APPLICATION_PROTOCOL);
    HF_CHECK_CODE(pair.client.result, HF_E_PEER_ALERT);
    HF_CHECK(pair.client.error.alert == HF_ALERT_NO_APPLICATION_PROTOCOL);
    tls_pair_free(&pair);
}

/* RFC 9266: equal on both ends, different for each connection, in both versions. */
static void channel_bindings_agree(void)
{
    uint8_t first[32];
    uint8_t one[32];
    uint8_t other[32];
    struct tls_pair pair;
    good_pair();
    client.min_version = server.min_version = HF_TLS12;
    tls_pair_run(&pair, &client, &server);
    HF_CHECK_OK(hf_conn_channel_binding(pair.client.conn, first));
    HF_CHECK_OK(hf_conn_channel_binding(pair.server.conn, other));
    HF_CHECK(hf_mem_equal(first, 32, other, 32));
    tls_pair_free(&pair);

    struct hf_config *ours = tls_config(&client);
    struct hf_config *theirs = tls_config(&server);
    HF_CHECK(SSL_CTX_set_max_proto_version(ours->ctx, TLS1_2_VERSION) == 1);
    tls_end_conn(&pair.client, ours);
    tls_end_conn(&pair.server, theirs);
    tls_drive(&pair.client, &pair.server, SIZE_MAX);
    HF_CHECK_OK(hf_conn_channel_binding(pair.client.conn, one));
    HF_CHECK_OK(hf_conn_channel_binding(pair.server.conn, other));
    HF_CHECK(hf_mem_equal(one, 32, other, 32));
    HF_CHECK(!hf_mem_equal(one, 32, first, 32));
    tls_pair_free(&pair);
    hf_config_unref(ours);
    hf_config_unref(theirs);
}

static void keys_are_logged_only_when_asked(void)
{
    struct tls_pair pair;
    const char *lines;
    size_t len;
    good_pair();
    client.key_log = 1;
    tls_pair_run(&pair, &client, &server);
    check_success(&pair);
    if (HF_CHECK_OK(hf_conn_key_log(pair.client.conn, &lines, &len)) && HF_CHECK(len > 300)) {
        HF_CHECK(strncmp(lines, "CLIENT_HANDSHAKE_TRAFFIC_SECRET ", 32) == 0 ||
                 strncmp(lines, "SERVER_HANDSHAKE_TRAFFIC_SECRET ", 32) == 0);
        HF_CHECK(lines[len - 1] == '\n');
    }
    HF_CHECK_OK(hf_conn_key_log(pair.client.conn, &lines, &len));
    HF_CHECK(len == 0 && lines == NULL);
    HF_CHECK_OK(hf_conn_key_log(pair.server.conn, &lines, &len));
    HF_CHECK(len == 0);
    tls_pair_free(&pair);
}

/* Threat D2: nothing is made for a peer that says nothing, or not all of a record. */
static void a_server_waits_for_the_first_record(void)
{
    /* The second is longer than any record: for OpenSSL to refuse, so it is not waited for. */
    static const char *const starts[] = {"\x16\x03\x01\x02\x01", "\x16\x03\x01\x7f\xff"};
    struct hf_conn *conn;
    int done;
    uint32_t want;
    good_pair();
    struct hf_config *config = tls_config(&server);
    HF_CHECK_OK(hf_conn_new(config, HF_NAME_NONE, NULL, 0, &conn));
    HF_CHECK_OK(hf_conn_handshake(conn, &done, &want));
    HF_CHECK(done == 0 && want == HF_WANT_READ && conn->ssl == NULL);
    HF_CHECK_OK(hf_conn_receive(conn, (const uint8_t *)"\x16\x03", 2));
    HF_CHECK_OK(hf_conn_handshake(conn, &done, &want));
    HF_CHECK(done == 0 && want == HF_WANT_READ && conn->ssl == NULL);
    hf_conn_free(conn);
    for (size_t i = 0; i < 2; i++) {
        uint8_t rest[0x201] = {1, 0, 2, 0xfd};
        HF_CHECK_OK(hf_conn_new(config, HF_NAME_NONE, NULL, 0, &conn));
        HF_CHECK_OK(hf_conn_receive(conn, (const uint8_t *)starts[i], 5));
        hf_result r = hf_conn_handshake(conn, &done, &want);
        HF_CHECK(i == 0 ? hf_is_ok(r) && conn->ssl == NULL : r.code == HF_E_PROTOCOL);
        if (i == 0) {
            HF_CHECK_OK(hf_conn_receive(conn, rest, sizeof(rest) - 1));
            HF_CHECK_OK(hf_conn_handshake(conn, &done, &want));
            HF_CHECK(done == 0 && want == HF_WANT_READ && conn->ssl == NULL);
            HF_CHECK_OK(hf_conn_receive(conn, rest, 1));
            HF_CHECK_OK(hf_conn_handshake(conn, &done, &want));
            HF_CHECK(done == 0 && want == HF_WANT_READ && conn->ssl != NULL);
        }
        hf_conn_free(conn);
    }
    hf_config_unref(config);
}

static void a_mixed_pair_meets_at_13(void)
{
    good_pair();
    client.min_version = HF_TLS12;
    run_good(&client, &server);
    good_pair();
    server.min_version = HF_TLS12;
    run_good(&client, &server);
}

HF_TESTS({"every key shakes hands", every_key_shakes_hands},
         {"the defaults are fast ones", the_defaults_are_fast_ones},
         {"groups are chosen", groups_are_chosen},
         {"an intermediate is sent and the root is not",
          an_intermediate_is_sent_and_the_root_is_not},
         {"one byte at a time", one_byte_at_a_time},
         {"the server's order of protocols counts", the_servers_order_of_protocols_counts},
         {"no common protocol is refused", no_common_protocol_is_refused},
         {"channel bindings agree", channel_bindings_agree},
         {"keys are logged only when asked", keys_are_logged_only_when_asked},
         {"a server waits for the first record", a_server_waits_for_the_first_record},
         {"a mixed pair meets at 1.3", a_mixed_pair_meets_at_13})
