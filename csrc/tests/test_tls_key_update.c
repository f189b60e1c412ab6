/* SPDX-License-Identifier: Apache-2.0
 *
 * New keys in the middle of a connection: ours alone, or both directions, and data before, between
 * and after.
 */
#include "hf_test.h"
#include "tls_kit.h"

static struct tls_who client;
static struct tls_who server;

static void open_pair(struct tls_pair *pair, int min_version)
{
    tls_who(&client, HF_ROLE_CLIENT);
    tls_who(&server, HF_ROLE_SERVER);
    client.min_version = server.min_version = min_version;
    tls_pair_run(pair, &client, &server);
    HF_CHECK(pair->client.done && pair->server.done);
}

/* Ours alone: one message, and the peer keeps its keys. */
static void our_direction_alone(void)
{
    struct tls_pair pair;
    open_pair(&pair, HF_TLS13);
    for (int i = 0; i < 3; i++) {
        HF_CHECK_OK(hf_conn_key_update(pair.client.conn, 0));
        HF_CHECK(hf_conn_pending_out(pair.client.conn) > 0);
        HF_CHECK(tls_talk(&pair.client, &pair.server));
    }
    tls_pair_free(&pair);
}

/* Both: the peer answers before its next data, and once. */
static void both_directions(void)
{
    struct tls_pair pair;
    open_pair(&pair, HF_TLS13);
    HF_CHECK_OK(hf_conn_key_update(pair.client.conn, 1));
    HF_CHECK(tls_talk(&pair.client, &pair.server));
    HF_CHECK(tls_talk(&pair.server, &pair.client));
    HF_CHECK(tls_talk(&pair.client, &pair.server));
    tls_pair_free(&pair);
}

/* Half a record is none: nothing of the peer's message is known yet, so ours may go. */
static void half_a_record_changes_nothing(void)
{
    struct tls_pair pair;
    const uint8_t *data;
    size_t len;
    uint32_t want;
    uint8_t heard[8];
    open_pair(&pair, HF_TLS13);
    HF_CHECK_OK(hf_conn_key_update(pair.server.conn, 0));
    HF_CHECK_OK(hf_conn_outgoing(pair.server.conn, &data, &len));
    HF_CHECK(len > 10);
    HF_CHECK_OK(hf_conn_receive(pair.client.conn, data, len - 10));
    HF_CHECK_OK(hf_conn_read(pair.client.conn, heard, sizeof(heard), &len, &want));
    HF_CHECK(len == 0 && want == HF_WANT_READ);
    HF_CHECK_OK(hf_conn_key_update(pair.client.conn, 0));
    tls_pair_free(&pair);
}

/* TLS 1.2 has no such message, and the refusal harms nothing. */
static void not_before_tls13(void)
{
    struct tls_pair pair;
    tls_who(&client, HF_ROLE_CLIENT);
    tls_who(&server, HF_ROLE_SERVER);
    client.min_version = server.min_version = HF_TLS12;
    struct hf_config *ours = tls_config(&client);
    struct hf_config *theirs = tls_config(&server);
    /* Nobody can ask for "at most 1.2": the context is changed for this test. */
    HF_CHECK(SSL_CTX_set_max_proto_version(ours->ctx, TLS1_2_VERSION) == 1);
    tls_end_conn(&pair.client, ours);
    tls_end_conn(&pair.server, theirs);
    tls_drive(&pair.client, &pair.server, SIZE_MAX);
    HF_CHECK(pair.client.done && pair.server.done);
    HF_CHECK_CODE(hf_conn_key_update(pair.client.conn, 0), HF_E_WRONG_STATE);
    HF_CHECK(tls_talk(&pair.client, &pair.server));
    tls_pair_free(&pair);
    hf_config_unref(ours);
    hf_config_unref(theirs);
}

HF_TESTS({"our direction alone", our_direction_alone}, {"both directions", both_directions},
         {"half a record changes nothing", half_a_record_changes_nothing},
         {"not before TLS 1.3", not_before_tls13})
