/* SPDX-License-Identifier: Apache-2.0
 *
 * What a peer may send beside data once it is in (threat D3).
 */
#include <string.h>

#include "hf_test.h"
#include "tls_kit.h"

static struct tls_who ours;
static struct tls_who theirs;
static struct hf_config *config;
static SSL_CTX *plain;

static void start(struct tls_end *conn, struct tls_end *peer)
{
    tls_who(&ours, HF_ROLE_SERVER);
    tls_who(&theirs, HF_ROLE_CLIENT);
    config = tls_config(&ours);
    plain = tls_plain_ctx(&theirs);
    tls_end_conn(conn, config);
    tls_end_plain(peer, plain, false);
    tls_drive(peer, conn, SIZE_MAX);
}

static void finish(struct tls_end *conn, struct tls_end *peer)
{
    tls_end_free(conn);
    tls_end_free(peer);
    hf_config_unref(config);
    SSL_CTX_free(plain);
}

/* D3: KeyUpdates are answered, but not without end. */
static void a_flood_of_key_updates_ends_it(void)
{
    struct tls_end conn;
    struct tls_end peer;
    start(&conn, &peer);
    HF_CHECK(tls_talk(&conn, &peer));
    for (int i = 0; i < HF_CONN_MESSAGES_MAX; i++) {
        HF_CHECK(SSL_key_update(peer.ssl, SSL_KEY_UPDATE_REQUESTED) == 1);
        HF_CHECK(SSL_do_handshake(peer.ssl) == 1);
        (void)tls_carry(&peer, &conn, SIZE_MAX);
        (void)tls_carry(&conn, &peer, SIZE_MAX);
    }
    HF_CHECK_OK(conn.result);
    HF_CHECK(tls_talk(&conn, &peer));
    for (int i = 0; i < 100; i++) {
        HF_CHECK(SSL_key_update(peer.ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
        HF_CHECK(SSL_do_handshake(peer.ssl) == 1);
    }
    (void)tls_carry(&peer, &conn, SIZE_MAX);
    HF_CHECK_CODE(conn.result, HF_E_PROTOCOL);
    HF_CHECK(strcmp(conn.error.seen, "a flood of them") == 0);
    hf_ossl_clear();
    finish(&conn, &peer);
}

/* The same number of them is fine when there is data between. */
static void key_updates_between_data_are_fine(void)
{
    static uint8_t data[HF_CONN_DATA_PER_MESSAGE];
    struct tls_end conn;
    struct tls_end peer;
    start(&conn, &peer);
    for (int i = 0; i < 2 * HF_CONN_MESSAGES_MAX; i++) {
        size_t len;
        uint32_t want = 0;
        size_t total = 0;
        HF_CHECK(SSL_write_ex(peer.ssl, data, sizeof(data), &len) == 1);
        (void)tls_carry(&peer, &conn, SIZE_MAX);
        while (want == HF_WANT_NOTHING &&
               HF_CHECK_OK(hf_conn_read(conn.conn, data, sizeof(data), &len, &want))) {
            total += len;
        }
        HF_CHECK(total + 1 == sizeof(data)); /* the kit's own step took one */
        HF_CHECK(SSL_key_update(peer.ssl, SSL_KEY_UPDATE_REQUESTED) == 1);
        HF_CHECK(SSL_do_handshake(peer.ssl) == 1);
        (void)tls_carry(&peer, &conn, SIZE_MAX);
        (void)tls_carry(&conn, &peer, SIZE_MAX);
    }
    HF_CHECK_OK(conn.result);
    finish(&conn, &peer);
}

/* A ticket longer than the records it comes in, of which the first is there: reading waits for the
 * rest; writing cannot, and says that it is not an error of ours. */
static void a_message_in_pieces_is_told_as_what_it_is(void)
{
    uint8_t flight[4096];
    struct tls_end conn;
    struct tls_end peer;
    size_t len;
    uint32_t want;
    tls_who(&ours, HF_ROLE_CLIENT);
    tls_who(&theirs, HF_ROLE_SERVER);
    config = tls_config(&ours);
    plain = tls_plain_ctx(&theirs);
    HF_CHECK(SSL_CTX_set_max_send_fragment(plain, 512) == 1);
    HF_CHECK(SSL_CTX_set_num_tickets(plain, 0) == 1);
    tls_end_conn(&conn, config);
    tls_end_plain(&peer, plain, true);
    tls_drive(&conn, &peer, SIZE_MAX);
    HF_CHECK(SSL_new_session_ticket(peer.ssl) == 1 && SSL_do_handshake(peer.ssl) == 1);
    int sent = BIO_read(SSL_get_wbio(peer.ssl), flight, sizeof(flight));
    size_t first = 5 + ((size_t)flight[3] << 8 | flight[4]);
    if (HF_CHECK(sent > 0 && (size_t)sent > first)) {
        HF_CHECK_OK(hf_conn_receive(conn.conn, flight, first));
        HF_CHECK_OK(hf_conn_read(conn.conn, flight, sizeof(flight), &len, &want));
        HF_CHECK(want == HF_WANT_READ);
        HF_CHECK_CODE(hf_conn_write(conn.conn, (const uint8_t *)"x", 1), HF_E_INCOMPATIBLE);
        HF_CHECK_CODE(hf_conn_read(conn.conn, flight, 1, &len, &want), HF_E_INCOMPATIBLE);
    }
    finish(&conn, &peer);
}

HF_TESTS({"a flood of key updates ends it", a_flood_of_key_updates_ends_it},
         {"key updates between data are fine", key_updates_between_data_are_fine},
         {"a message in pieces is told as what it is", a_message_in_pieces_is_told_as_what_it_is})
