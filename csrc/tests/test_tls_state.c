/* SPDX-License-Identifier: Apache-2.0
 *
 * When a connection may do what: nothing before the handshake's end (A9), one thread at a time, and
 * what an end means.
 */
#include <openssl/err.h>
#include <string.h>

#include "hf_test.h"
#include "tls_kit.h"

static struct tls_who client;
static struct tls_who server;

static void good_pair(struct tls_pair *pair)
{
    tls_who(&client, HF_ROLE_CLIENT);
    tls_who(&server, HF_ROLE_SERVER);
    tls_pair_run(pair, &client, &server);
    HF_CHECK(pair->client.done && pair->server.done);
}

static void check_nothing_yet(struct hf_conn *conn)
{
    uint8_t byte = 0x55;
    size_t len;
    uint32_t want;
    const uint8_t *name;
    struct hf_peer peer;
    struct hf_conn_facts facts;
    uint8_t binding[32];
    int resumed;
    HF_CHECK_CODE(hf_conn_read(conn, &byte, 1, &len, &want), HF_E_WRONG_STATE);
    HF_CHECK(len == 0 && byte == 0x55);
    HF_CHECK_CODE(hf_conn_write(conn, (const uint8_t *)"x", 1), HF_E_WRONG_STATE);
    HF_CHECK_CODE(hf_conn_key_update(conn, 1), HF_E_WRONG_STATE);
    HF_CHECK_CODE(hf_conn_peer(conn, &peer), HF_E_WRONG_STATE);
    HF_CHECK_CODE(hf_conn_alpn(conn, &name, &len), HF_E_WRONG_STATE);
    HF_CHECK_CODE(hf_conn_facts(conn, &facts), HF_E_WRONG_STATE);
    HF_CHECK_CODE(hf_conn_resumed(conn, &resumed), HF_E_WRONG_STATE);
    HF_CHECK_CODE(hf_conn_channel_binding(conn, binding), HF_E_WRONG_STATE);
}

/* A9, at every step of a handshake. */
static void nothing_moves_before_the_end(void)
{
    struct tls_end one;
    struct tls_end other;
    tls_who(&client, HF_ROLE_CLIENT);
    tls_who(&server, HF_ROLE_SERVER);
    struct hf_config *ours = tls_config(&client);
    struct hf_config *theirs = tls_config(&server);
    tls_end_conn(&one, ours);
    tls_end_conn(&other, theirs);
    check_nothing_yet(one.conn);
    check_nothing_yet(other.conn);
    tls_step(&one);
    check_nothing_yet(one.conn);
    (void)tls_carry(&one, &other, SIZE_MAX);
    check_nothing_yet(one.conn);
    check_nothing_yet(other.conn);
    (void)tls_carry(&other, &one, SIZE_MAX);
    check_nothing_yet(other.conn);
    HF_CHECK(one.done);
    (void)tls_carry(&one, &other, SIZE_MAX);
    HF_CHECK(tls_talk(&one, &other));
    tls_end_free(&one);
    tls_end_free(&other);
    hf_config_unref(ours);
    hf_config_unref(theirs);
}

/* A9: what a peer sends in plain text in the middle of a handshake never becomes data. */
static void plain_text_in_the_middle_is_not_data(void)
{
    static const uint8_t plain[] = {0x17, 3, 3, 0, 5, 'h', 'e', 'l', 'l', 'o'};
    uint8_t heard[16];
    size_t len;
    uint32_t want;
    int done;
    struct tls_end one;
    struct tls_end other;
    tls_who(&client, HF_ROLE_CLIENT);
    tls_who(&server, HF_ROLE_SERVER);
    struct hf_config *ours = tls_config(&client);
    struct hf_config *theirs = tls_config(&server);
    tls_end_conn(&one, ours);
    tls_end_conn(&other, theirs);
    tls_step(&one);
    (void)tls_carry(&one, &other, SIZE_MAX);
    HF_CHECK_OK(hf_conn_receive(other.conn, plain, sizeof(plain)));
    HF_CHECK_OK(hf_conn_receive_eof(other.conn));
    hf_result r = hf_conn_handshake(other.conn, &done, &want);
    HF_CHECK(!hf_is_ok(r) && done == 0);
    HF_CHECK(!hf_is_ok(hf_conn_read(other.conn, heard, sizeof(heard), &len, &want)));
    HF_CHECK(len == 0 && hf_conn_pending_in(other.conn) == 0);
    tls_end_free(&one);
    tls_end_free(&other);
    hf_config_unref(ours);
    hf_config_unref(theirs);
}

static void one_thread_at_a_time(void)
{
    struct tls_pair pair;
    uint8_t byte[32];
    size_t len;
    int done;
    uint32_t want;
    const uint8_t *data;
    const char *lines;
    struct hf_peer peer;
    struct hf_chain chain;
    struct hf_conn_facts facts;
    good_pair(&pair);
    struct hf_conn *conn = pair.client.conn;
    atomic_store(&conn->busy, true);
    HF_CHECK_CODE(hf_conn_receive(conn, byte, 1), HF_E_BUSY);
    HF_CHECK_CODE(hf_conn_receive_eof(conn), HF_E_BUSY);
    HF_CHECK_CODE(hf_conn_outgoing(conn, &data, &len), HF_E_BUSY);
    HF_CHECK_CODE(hf_conn_consumed(conn, 0), HF_E_BUSY);
    HF_CHECK_CODE(hf_conn_handshake(conn, &done, &want), HF_E_BUSY);
    HF_CHECK_CODE(hf_conn_write(conn, byte, 1), HF_E_BUSY);
    HF_CHECK_CODE(hf_conn_read(conn, byte, 1, &len, &want), HF_E_BUSY);
    HF_CHECK_CODE(hf_conn_key_update(conn, 0), HF_E_BUSY);
    HF_CHECK_CODE(hf_conn_close(conn), HF_E_BUSY);
    HF_CHECK_CODE(hf_conn_handshake_fd(conn, -1, &done, &want), HF_E_BUSY);
    HF_CHECK_CODE(hf_conn_read_fd(conn, -1, byte, 1, &len, &want), HF_E_BUSY);
    HF_CHECK_CODE(hf_conn_write_fd(conn, -1, byte, 1, &len, &want), HF_E_BUSY);
    HF_CHECK_CODE(hf_conn_flush_fd(conn, -1, &want), HF_E_BUSY);
    HF_CHECK_CODE(hf_conn_close_fd(conn, -1, &want), HF_E_BUSY);
    HF_CHECK_CODE(hf_conn_peer(conn, &peer), HF_E_BUSY);
    HF_CHECK_CODE(hf_conn_presented(conn, &chain), HF_E_BUSY);
    HF_CHECK_CODE(hf_conn_alpn(conn, &data, &len), HF_E_BUSY);
    HF_CHECK_CODE(hf_conn_facts(conn, &facts), HF_E_BUSY);
    HF_CHECK_CODE(hf_conn_resumed(conn, &done), HF_E_BUSY);
    HF_CHECK_CODE(hf_conn_channel_binding(conn, byte), HF_E_BUSY);
    HF_CHECK_CODE(hf_conn_key_log(conn, &lines, &len), HF_E_BUSY);
    hf_conn_free(conn); /* D9: as a child of fork may, which has not the thread that is inside */
    atomic_store(&conn->busy, false);
    /* A refused entry leaves nothing behind. */
    HF_CHECK(tls_talk(&pair.client, &pair.server));
    tls_pair_free(&pair);
}

/* Close is one way; the other direction goes on. */
static void close_is_one_way(void)
{
    struct tls_pair pair;
    uint8_t heard[16];
    size_t len;
    uint32_t want;
    good_pair(&pair);
    HF_CHECK_OK(hf_conn_close(pair.client.conn));
    HF_CHECK_OK(hf_conn_close(pair.client.conn));
    HF_CHECK_CODE(hf_conn_write(pair.client.conn, heard, 1), HF_E_WRONG_STATE);
    HF_CHECK_CODE(hf_conn_key_update(pair.client.conn, 0), HF_E_WRONG_STATE);
    HF_CHECK(tls_carry(&pair.client, &pair.server, SIZE_MAX) > 0);
    HF_CHECK_CODE(pair.server.result, HF_E_CLOSED);
    HF_CHECK_CODE(hf_conn_read(pair.server.conn, heard, sizeof(heard), &len, &want), HF_E_CLOSED);
    HF_CHECK_OK(hf_conn_write(pair.server.conn, (const uint8_t *)"late", 4));
    HF_CHECK_OK(hf_conn_close(pair.server.conn));
    const uint8_t *data;
    HF_CHECK_OK(hf_conn_outgoing(pair.server.conn, &data, &len));
    HF_CHECK_OK(hf_conn_receive(pair.client.conn, data, len));
    HF_CHECK_OK(hf_conn_read(pair.client.conn, heard, sizeof(heard), &len, &want));
    HF_CHECK(hf_mem_equal(heard, len, "late", 4));
    HF_CHECK_CODE(hf_conn_read(pair.client.conn, heard, sizeof(heard), &len, &want), HF_E_CLOSED);
    /* What a transport says after that does not matter any more. */
    HF_CHECK_OK(hf_conn_receive_eof(pair.client.conn));
    HF_CHECK_CODE(hf_conn_read(pair.client.conn, heard, sizeof(heard), &len, &want), HF_E_CLOSED);
    tls_pair_free(&pair);
}

/* D4: an end without close_notify is not an end of the data. */
static void an_end_without_close_is_a_truncation(void)
{
    struct tls_pair pair;
    uint8_t heard[16];
    size_t len;
    uint32_t want;
    const uint8_t *data;
    good_pair(&pair);
    HF_CHECK_OK(hf_conn_write(pair.client.conn, (const uint8_t *)"whole", 5));
    HF_CHECK_OK(hf_conn_write(pair.client.conn, (const uint8_t *)"cut", 3));
    HF_CHECK_OK(hf_conn_outgoing(pair.client.conn, &data, &len));
    HF_CHECK_OK(hf_conn_receive(pair.server.conn, data, len - 1));
    HF_CHECK_OK(hf_conn_receive_eof(pair.server.conn));
    HF_CHECK_OK(hf_conn_read(pair.server.conn, heard, sizeof(heard), &len, &want));
    HF_CHECK(hf_mem_equal(heard, len, "whole", 5));
    HF_CHECK_CODE(hf_conn_read(pair.server.conn, heard, sizeof(heard), &len, &want),
                  HF_E_TRUNCATED);
    HF_CHECK(len == 0);
    HF_CHECK_CODE(hf_conn_read(pair.server.conn, heard, sizeof(heard), &len, &want),
                  HF_E_TRUNCATED);
    HF_CHECK_CODE(hf_conn_write(pair.server.conn, heard, 1), HF_E_TRUNCATED);
    tls_pair_free(&pair);
}

static void a_spoiled_record_ends_it(void)
{
    struct tls_pair pair;
    uint8_t wire[64];
    uint8_t heard[16];
    size_t len;
    uint32_t want;
    const uint8_t *data;
    struct hf_peer peer;
    good_pair(&pair);
    HF_CHECK_OK(hf_conn_write(pair.client.conn, (const uint8_t *)"whole", 5));
    HF_CHECK_OK(hf_conn_outgoing(pair.client.conn, &data, &len));
    HF_CHECK(hf_mem_copy(wire, sizeof(wire), data, len));
    wire[len - 1] ^= 1;
    HF_CHECK_OK(hf_conn_receive(pair.server.conn, wire, len));
    HF_CHECK_CODE(hf_conn_read(pair.server.conn, heard, sizeof(heard), &len, &want), HF_E_PROTOCOL);
    HF_CHECK(len == 0);
    HF_CHECK(hf_conn_pending_out(pair.server.conn) > 0); /* the alert */
    HF_CHECK_OK(hf_conn_peer(pair.server.conn, &peer));  /* who it was stays known: A10 */
    HF_CHECK(strcmp(peer.id, TLS_CLIENT_ID) == 0);
    tls_pair_free(&pair);
}

static void limits_hold(void)
{
    static uint8_t zeros[HF_CONN_IN_MAX + 1];
    struct tls_pair pair;
    struct hf_conn *fresh;
    good_pair(&pair);
    HF_CHECK_OK(hf_conn_new(pair.server.conn->config, HF_NAME_NONE, NULL, 0, &fresh));
    HF_CHECK_CODE(hf_conn_receive(fresh, zeros, HF_CONN_IN_HANDSHAKE_MAX + 1), HF_E_LIMIT);
    HF_CHECK(hf_conn_pending_in(fresh) == 0);
    HF_CHECK_OK(hf_conn_receive(fresh, zeros, HF_CONN_IN_HANDSHAKE_MAX));
    HF_CHECK_CODE(hf_conn_receive(fresh, zeros, 1), HF_E_LIMIT);
    HF_CHECK_CODE(hf_conn_receive(pair.server.conn, zeros, HF_CONN_IN_MAX + 1), HF_E_LIMIT);
    HF_CHECK_CODE(hf_conn_write(pair.server.conn, zeros, (size_t)HF_CONN_OUT_MAX + 1), HF_E_LIMIT);
    HF_CHECK_CODE(hf_conn_consumed(pair.server.conn, 1), HF_E_BAD_ARGUMENT);
    HF_CHECK(tls_talk(&pair.client, &pair.server));
    hf_conn_free(fresh);
    tls_pair_free(&pair);
}

/* C13: what others left in this thread's queue changes nothing. */
static void junk_in_the_error_queue_changes_nothing(void)
{
    struct tls_pair pair;
    struct hf_conn_facts facts;
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_SIGNATURE);
    good_pair(&pair);
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_SIGNATURE);
    HF_CHECK(tls_talk(&pair.client, &pair.server));
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_SIGNATURE);
    HF_CHECK_OK(hf_conn_facts(pair.client.conn, &facts));
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_SIGNATURE);
    HF_CHECK_OK(hf_conn_close(pair.client.conn));
    tls_pair_free(&pair);
    hf_ossl_clear();
}

/* A large message comes out as it went in, whatever the pieces. */
static void data_goes_through_unchanged(void)
{
    static uint8_t sent[300000];
    static uint8_t heard[sizeof(sent)];
    struct tls_pair pair;
    size_t total = 0;
    good_pair(&pair);
    for (size_t i = 0; i < sizeof(sent); i++) {
        sent[i] = (uint8_t)(i * 31 + i / 251);
    }
    HF_CHECK_OK(hf_conn_write(pair.client.conn, sent, sizeof(sent)));
    for (;;) {
        const uint8_t *data;
        size_t len;
        uint32_t want = 0;
        HF_CHECK_OK(hf_conn_outgoing(pair.client.conn, &data, &len));
        size_t piece = len < 10007 ? len : 10007;
        if (piece == 0) {
            break;
        }
        HF_CHECK_OK(hf_conn_receive(pair.server.conn, data, piece));
        HF_CHECK_OK(hf_conn_consumed(pair.client.conn, piece));
        while (want == HF_WANT_NOTHING && total < sizeof(heard)) {
            if (!HF_CHECK_OK(hf_conn_read(pair.server.conn, heard + total, sizeof(heard) - total,
                                          &len, &want))) {
                break;
            }
            total += len;
        }
    }
    HF_CHECK(hf_mem_equal(sent, sizeof(sent), heard, total));
    HF_CHECK(pair.client.conn->transport.out.cap == 0); /* nothing kept while idle */
    HF_CHECK(pair.server.conn->transport.in.cap == 0);
    tls_pair_free(&pair);
}

HF_TESTS({"nothing moves before the end", nothing_moves_before_the_end},
         {"plain text in the middle is not data", plain_text_in_the_middle_is_not_data},
         {"one thread at a time", one_thread_at_a_time}, {"close is one way", close_is_one_way},
         {"an end without close is a truncation", an_end_without_close_is_a_truncation},
         {"a spoiled record ends it", a_spoiled_record_ends_it}, {"limits hold", limits_hold},
         {"junk in the error queue changes nothing", junk_in_the_error_queue_changes_nothing},
         {"data goes through unchanged", data_goes_through_unchanged})
