/* SPDX-License-Identifier: Apache-2.0
 *
 * What a broken network, a hostile peer or a full memory makes of a handshake: always a clean
 * refusal with a reason, never a success, a crash or a leak (D4, D5, D7, D12).
 */
#include <string.h>

#include "hf_test.h"
#include "tls_kit.h"

static struct tls_who client;
static struct tls_who server;
static struct hf_config *client_config;
static struct hf_config *server_config;

static void start(void)
{
    tls_who(&client, HF_ROLE_CLIENT);
    tls_who(&server, HF_ROLE_SERVER);
    client_config = tls_config(&client);
    server_config = tls_config(&server);
}

static void finish(void)
{
    hf_config_unref(client_config);
    hf_config_unref(server_config);
}

/* Hand over at most `budget` bytes, then the end of the stream. */
static void carry_until(struct tls_end *from, struct tls_end *to, size_t *budget)
{
    const uint8_t *data;
    size_t len;
    HF_CHECK_OK(hf_conn_outgoing(from->conn, &data, &len));
    size_t n = len < *budget ? len : *budget;
    if (n != 0 && hf_is_ok(to->result)) {
        HF_CHECK_OK(hf_conn_receive(to->conn, data, n));
    }
    HF_CHECK_OK(hf_conn_consumed(from->conn, len));
    *budget -= n;
    if (n < len && hf_is_ok(to->result)) {
        HF_CHECK_OK(hf_conn_receive_eof(to->conn));
    }
    tls_step(to);
}

/* One handshake, cut after `budget` bytes of one direction. False when it was long enough. */
static bool run_cut(size_t budget, bool cut_client)
{
    struct tls_end one;
    struct tls_end other;
    size_t all = SIZE_MAX;
    tls_end_conn(&one, client_config);
    tls_end_conn(&other, server_config);
    tls_step(&one);
    for (int round = 0; round < 3; round++) {
        carry_until(&one, &other, cut_client ? &budget : &all);
        carry_until(&other, &one, cut_client ? &all : &budget);
    }
    struct tls_end *starved = cut_client ? &other : &one;
    bool whole = starved->done;
    if (!whole) {
        HF_CHECK_CODE(starved->result, HF_E_TRUNCATED);
    }
    tls_end_free(&one);
    tls_end_free(&other);
    return !whole;
}

static void cut_at_every_byte(void)
{
    start();
    for (int direction = 0; direction < 2; direction++) {
        size_t n = 0;
        while (run_cut(n, direction == 0)) {
            n++;
        }
        HF_CHECK(n > 600); /* a hello, a certificate, a proof and a Finished were cut */
    }
    finish();
}

/* Every byte of the client's flights, spoiled: no success, no crash. */
static void spoilt_at_every_byte(void)
{
    uint8_t flight[4096];
    struct tls_end one;
    struct tls_end other;
    start();
    for (size_t at = 0;; at++) {
        const uint8_t *data;
        size_t len;
        size_t seen = 0;
        tls_end_conn(&one, client_config);
        tls_end_conn(&other, server_config);
        tls_step(&one);
        for (int round = 0; round < 3; round++) {
            HF_CHECK_OK(hf_conn_outgoing(one.conn, &data, &len));
            HF_CHECK(hf_mem_copy(flight, sizeof(flight), data, len));
            HF_CHECK_OK(hf_conn_consumed(one.conn, len));
            if (at >= seen && at < seen + len) {
                flight[at - seen] ^= 0x41;
            }
            seen += len;
            if (len != 0 && hf_is_ok(other.result)) {
                HF_CHECK_OK(hf_conn_receive(other.conn, flight, len));
                tls_step(&other);
            }
            (void)tls_carry(&other, &one, SIZE_MAX);
        }
        /* A spoiled length may ask for bytes that never come: waiting is an answer too. */
        HF_CHECK(at >= seen || !(other.done && one.done && tls_talk(&one, &other)));
        tls_end_free(&one);
        tls_end_free(&other);
        if (at >= seen) {
            break;
        }
    }
    finish();
}

static void check_first_bytes(struct hf_config *config, const char *bytes, size_t len,
                              uint32_t code)
{
    struct tls_end end;
    const uint8_t *out;
    size_t out_len;
    tls_end_conn(&end, config);
    if (config->role == HF_ROLE_CLIENT) {
        tls_step(&end);
        HF_CHECK_OK(hf_conn_consumed(end.conn, hf_conn_pending_out(end.conn)));
    }
    HF_CHECK_OK(hf_conn_receive(end.conn, (const uint8_t *)bytes, len));
    tls_step(&end);
    HF_CHECK_CODE(end.result, code);
    HF_CHECK_OK(hf_conn_outgoing(end.conn, &out, &out_len));
    if (code == HF_E_NOT_TLS) {
        HF_CHECK(end.conn->ssl == NULL);
        HF_CHECK(hf_mem_equal(out, out_len, "\x15\x03\x03\x00\x02\x02\x0a", 7));
        HF_CHECK(end.error.alert == HF_ALERT_UNEXPECTED_MESSAGE);
    }
    tls_end_free(&end);
}

static void plain_text_is_told_apart(void)
{
    static const char request[] = "GET / HTTP/1.1\r\n\r\n";
    static const char answer[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    struct tls_end end;
    start();
    check_first_bytes(server_config, request, sizeof(request) - 1, HF_E_NOT_TLS);
    check_first_bytes(client_config, answer, sizeof(answer) - 1, HF_E_NOT_TLS);
    check_first_bytes(server_config, "\x80\x2e\x01", 3, HF_E_NOT_TLS); /* SSL 2 */
    check_first_bytes(server_config, "\x16\x02\x00", 3, HF_E_NOT_TLS);
    check_first_bytes(server_config, "\x16\x03\x05", 3, HF_E_NOT_TLS);
    check_first_bytes(server_config, "\x16\x03\x01\x00\x05hello", 10, HF_E_PROTOCOL);
    check_first_bytes(server_config, "\x15\x03\x01\x00\x02\x02\x28", 7, HF_E_PROTOCOL);

    tls_end_conn(&end, server_config);
    HF_CHECK_OK(hf_conn_receive(end.conn, (const uint8_t *)request, sizeof(request) - 1));
    tls_step(&end);
    HF_CHECK(strstr(end.error.seen, "GET / HTTP/1.1\\x0d\\x0a") != NULL);
    tls_end_free(&end);
    finish();
}

/* A8's question, which first byte may be TLS, answered for all of them. */
static void every_first_byte(void)
{
    start();
    for (int byte = 0; byte < 256; byte++) {
        char bytes[1];
        bytes[0] = (char)byte;
        uint32_t code = byte == 0x16 || byte == 0x15 ? HF_OK : HF_E_NOT_TLS;
        check_first_bytes(server_config, bytes, 1, code);
        check_first_bytes(client_config, bytes, 1, code);
    }
    finish();
}

static void no_bytes_at_all(void)
{
    struct tls_end end;
    start();
    tls_end_conn(&end, server_config);
    HF_CHECK_OK(hf_conn_receive_eof(end.conn));
    tls_step(&end);
    HF_CHECK_CODE(end.result, HF_E_TRUNCATED);
    HF_CHECK_CODE(hf_conn_receive(end.conn, (const uint8_t *)"x", 1), HF_E_TRUNCATED);
    tls_end_free(&end);

    tls_end_conn(&end, server_config);
    HF_CHECK_OK(hf_conn_receive_eof(end.conn));
    HF_CHECK_CODE(hf_conn_receive(end.conn, (const uint8_t *)"x", 1), HF_E_WRONG_STATE);
    tls_end_free(&end);
    finish();
}

/* D7: the k-th allocation of ours fails, for every k of a whole handshake and a word each way. */
static void no_memory_at_any_step(void)
{
    struct tls_end one;
    struct tls_end other;
    bool refused = false;
    start();
    /* Once without a fault, so that what is made once a process is made. */
    tls_end_conn(&one, client_config);
    tls_end_conn(&other, server_config);
    tls_drive(&one, &other, SIZE_MAX);
    tls_end_free(&one);
    tls_end_free(&other);
    size_t before = hf_mem_live();
    for (size_t k = 1; k < 1000; k++) {
        tls_end_conn(&one, client_config);
        tls_end_conn(&other, server_config);
        hf_mem_fail_at(k);
        tls_drive(&one, &other, SIZE_MAX);
        bool fine = tls_talk(&one, &other);
        hf_mem_fail_at(0);
        refused |= one.result.code == HF_E_OUT_OF_MEMORY || other.result.code == HF_E_OUT_OF_MEMORY;
        HF_CHECK(one.result.code == HF_OK || one.result.code == HF_E_OUT_OF_MEMORY ||
                 one.result.code == HF_E_PEER_ALERT);
        HF_CHECK(other.result.code == HF_OK || other.result.code == HF_E_OUT_OF_MEMORY ||
                 other.result.code == HF_E_PEER_ALERT);
        tls_end_free(&one);
        tls_end_free(&other);
        HF_CHECK(hf_mem_live() == before);
        if (fine) {
            HF_CHECK(k > 8);
            break;
        }
    }
    HF_CHECK(refused);
    finish();
}

/* The record of a failure may find no memory either: the code is repeated all the same. */
static void no_memory_for_the_record(void)
{
    struct tls_end end;
    int done;
    uint32_t want;
    start();
    tls_end_conn(&end, server_config);
    HF_CHECK_OK(hf_conn_receive(end.conn, (const uint8_t *)"hello", 5));
    for (size_t k = 1; end.conn->failure != NULL || end.conn->failed_code == 0; k++) {
        tls_end_free(&end);
        tls_end_conn(&end, server_config);
        HF_CHECK_OK(hf_conn_receive(end.conn, (const uint8_t *)"hello", 5));
        hf_mem_fail_at(k);
        HF_CHECK_CODE(hf_conn_handshake(end.conn, &done, &want), HF_E_NOT_TLS);
        hf_mem_fail_at(0);
    }
    HF_CHECK_CODE(hf_conn_handshake(end.conn, &done, &want), HF_E_NOT_TLS);
    tls_end_free(&end);
    finish();
}

HF_TESTS({"cut at every byte", cut_at_every_byte}, {"spoilt at every byte", spoilt_at_every_byte},
         {"plain text is told apart", plain_text_is_told_apart},
         {"every first byte", every_first_byte}, {"no bytes at all", no_bytes_at_all},
         {"no memory at any step", no_memory_at_any_step},
         {"no memory for the record", no_memory_for_the_record})
