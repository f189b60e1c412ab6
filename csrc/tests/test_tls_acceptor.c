/* SPDX-License-Identifier: Apache-2.0
 *
 * What the acceptor hands out, and its limits (D1, D2, P8).
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "acceptor_kit.h"
#include "hf_test.h"

/* A whole handshake; the server's end is taken. */
static void meet(struct acc *acc, struct hf_accepted *server, struct hf_conn **client, int *fd)
{
    *fd = acc_connect(acc);
    HF_CHECK_OK(acc_shake(acc->client, *fd, client));
    *server = acc_next(acc);
    HF_CHECK(server->outcome == HF_ACCEPTED_READY && server->code == HF_OK);
}

static void part(struct hf_accepted *server, struct hf_conn *client, int fd)
{
    acc_drop(server);
    hf_conn_free(client);
    (void)close(fd);
}

static void a_verified_peer_is_handed_out(void)
{
    struct acc acc;
    struct hf_accepted server;
    struct hf_conn *client;
    struct hf_peer peer;
    int fd;
    size_t n = 0;
    uint32_t want;
    uint8_t got[8];
    acc_open(&acc, acc_spec(2), NULL);
    HF_CHECK(hf_acceptor_workers(acc.acceptor) == 2);
    meet(&acc, &server, &client, &fd);
    HF_CHECK_OK(hf_conn_peer(server.conn, &peer));
    HF_CHECK(strcmp(peer.id, TLS_CLIENT_ID) == 0);
    HF_CHECK(server.generation == 1 && server.count == 1 && server.socket == 0);
    HF_CHECK(server.family == AF_INET && server.address[0] == 127 && server.port != 0);
    HF_CHECK(server.age_ms >= 0 && server.age_ms <= ACC_PATIENCE);
    HF_CHECK(hf_acceptor_under_way(acc.acceptor, 0) == 0 && acc_is_empty(&acc));
    HF_CHECK_OK(hf_conn_write_fd(server.conn, server.fd, (const uint8_t *)"hello", 5, &n, &want));
    while (n != 0 && hf_conn_pending_out(server.conn) != 0) {
        HF_CHECK_OK(hf_conn_flush_fd(server.conn, server.fd, &want));
    }
    do {
        HF_CHECK_OK(hf_conn_read_fd(client, fd, got, sizeof(got), &n, &want));
    } while (n == 0);
    HF_CHECK(n == 5 && hf_mem_equal(got, 5, "hello", 5));
    part(&server, client, fd);
    acc_close(&acc);
}

static void a_refusal_comes_with_its_reason_and_chain(void)
{
    static const struct hf_policy_node nobody[] = {{.op = HF_POLICY_ANY}, {.op = HF_POLICY_NOT}};
    struct tls_who strict;
    struct acc acc;
    struct hf_chain chain;
    int done;
    uint32_t want;
    struct hf_conn *client = NULL;
    tls_who(&strict, HF_ROLE_SERVER);
    strict.policy = nobody;
    strict.policy_count = 2;
    acc_open(&acc, acc_spec(2), &strict);
    int fd = acc_connect(&acc);
    HF_CHECK_OK(acc_shake(acc.client, fd, &client)); /* a TLS 1.3 client is done first */
    struct hf_accepted item = acc_next(&acc);
    HF_CHECK(item.outcome == HF_ACCEPTED_REFUSED && item.code == HF_E_NOT_AUTHORIZED);
    HF_CHECK(item.fd == -1 && item.conn != NULL && item.port != 0);
    HF_CHECK_CODE(hf_conn_handshake(item.conn, &done, &want), HF_E_NOT_AUTHORIZED);
    HF_CHECK_OK(hf_conn_presented(item.conn, &chain));
    HF_CHECK(chain.count == 1);
    HF_CHECK(acc_hangs_up(fd));
    part(&item, client, fd);
    acc_close(&acc);
}

static void a_silent_peer_is_dropped_at_its_deadline(void)
{
    struct acc acc;
    struct hf_acceptor_spec spec = acc_spec(1);
    spec.handshake_ms = 50;
    acc_open(&acc, spec, NULL);
    int fd = acc_connect(&acc);
    struct hf_accepted item = acc_next(&acc);
    HF_CHECK(item.outcome == HF_ACCEPTED_TIMED_OUT && item.code == HF_E_HANDSHAKE_TIMEOUT);
    HF_CHECK(item.conn == NULL && item.fd == -1 && item.age_ms >= 50);
    HF_CHECK(acc_hangs_up(fd));
    (void)close(fd);
    acc_close(&acc);
}

/* Holding every place keeps nobody out, whichever worker holds them. */
static void the_oldest_gives_way(void)
{
    struct acc acc;
    struct hf_accepted server;
    struct hf_conn *client;
    int silent[3];
    int fd;
    struct hf_acceptor_spec spec = acc_spec(2);
    spec.max_handshakes = 3;
    acc_open(&acc, spec, NULL);
    for (size_t i = 0; i < 3; i++) {
        silent[i] = acc_connect(&acc);
        HF_CHECK(acc_until_begun(&acc, i + 1));
    }
    fd = acc_connect(&acc);
    server = acc_next(&acc);
    HF_CHECK(server.outcome == HF_ACCEPTED_GAVE_WAY && server.code == HF_E_LIMIT);
    HF_CHECK(acc_hangs_up(silent[0]));
    HF_CHECK_OK(acc_shake(acc.client, fd, &client));
    server = acc_next(&acc);
    HF_CHECK(server.outcome == HF_ACCEPTED_READY);
    HF_CHECK(hf_acceptor_under_way(acc.acceptor, 0) == 2);
    part(&server, client, fd);
    for (size_t i = 0; i < 3; i++) {
        (void)close(silent[i]);
    }
    acc_close(&acc);
}

/* One address has its share and no more, and gets it back (P8). */
static void one_address_has_its_share(void)
{
    struct acc acc;
    struct hf_accepted item;
    struct hf_conn *client;
    struct hf_acceptor_spec spec = acc_spec(2);
    spec.max_per_source = 2;
    acc_open(&acc, spec, NULL);
    int first = acc_connect(&acc);
    int second = acc_connect(&acc);
    HF_CHECK(acc_until_begun(&acc, 2));
    int third = acc_connect(&acc);
    item = acc_next(&acc);
    HF_CHECK(item.outcome == HF_ACCEPTED_CROWDED && item.code == HF_E_LIMIT);
    HF_CHECK(acc_hangs_up(third));
    (void)close(first);
    item = acc_next(&acc);
    HF_CHECK(item.outcome == HF_ACCEPTED_REFUSED && item.code == HF_E_TRUNCATED);
    acc_drop(&item);
    int fourth;
    meet(&acc, &item, &client, &fourth);
    part(&item, client, fourth);
    (void)close(second);
    (void)close(third);
    acc_close(&acc);
}

/* What is done and not taken is bounded: nothing is accepted until there is room. */
static void a_full_queue_stops_accepting(void)
{
    struct acc acc;
    struct hf_accepted item;
    struct hf_conn *clients[2];
    int slow[2];
    struct hf_acceptor_spec spec = acc_spec(1);
    spec.max_waiting = 1;
    acc_open(&acc, spec, NULL);
    for (size_t i = 0; i < 2; i++) {
        slow[i] = acc_connect(&acc);
        HF_CHECK(acc_until_under_way(&acc, i + 1));
    }
    int first = acc_connect(&acc);
    HF_CHECK_OK(acc_shake(acc.client, first, &clients[0]));
    while (acc_is_empty(&acc)) {
    }
    int second = acc_connect(&acc); /* by the system only */
    /* The one worker is awake twice after it came, and has not accepted it. */
    for (size_t i = 0; i < 2; i++) {
        HF_CHECK(send(slow[i], "GET / HTTP/1.1\r\n", 16, MSG_NOSIGNAL) == 16);
        HF_CHECK(acc_hangs_up(slow[i]));
        (void)close(slow[i]);
    }
    HF_CHECK(hf_acceptor_under_way(acc.acceptor, 0) == 3);
    item = acc_next(&acc);
    HF_CHECK(item.outcome == HF_ACCEPTED_READY);
    acc_drop(&item);
    for (size_t i = 0; i < 2; i++) {
        item = acc_next(&acc);
        HF_CHECK(item.outcome == HF_ACCEPTED_REFUSED && item.code == HF_E_NOT_TLS);
        acc_drop(&item);
    }
    HF_CHECK_OK(acc_shake(acc.client, second, &clients[1]));
    item = acc_next(&acc);
    HF_CHECK(item.outcome == HF_ACCEPTED_READY);
    part(&item, clients[0], first);
    hf_conn_free(clients[1]);
    (void)close(second);
    acc_close(&acc);
}

static void without_a_configuration_peers_are_refused(void)
{
    struct acc acc;
    struct hf_accepted item;
    struct hf_conn *client;
    acc_open(&acc, acc_spec(1), NULL);
    acc_configure(&acc, NULL, 0);
    int fd = acc_connect(&acc);
    item = acc_next(&acc);
    HF_CHECK(item.outcome == HF_ACCEPTED_NO_CONFIG && item.conn == NULL);
    (void)close(fd);
    acc_configure(&acc, acc.server, 7);
    meet(&acc, &item, &client, &fd);
    HF_CHECK(item.generation == 7);
    part(&item, client, fd);
    acc_close(&acc);
}

static void a_pause_keeps_what_is_under_way(void)
{
    struct acc acc;
    struct hf_accepted item;
    struct hf_conn *client;
    int other;
    acc_open(&acc, acc_spec(1), NULL);
    int fd = acc_connect(&acc);
    HF_CHECK(acc_until_under_way(&acc, 1));
    meet(&acc, &item, &client, &other); /* the one worker is in no accept() any more */
    part(&item, client, other);
    HF_CHECK_OK(hf_acceptor_pause(acc.acceptor, true));
    int late = acc_connect(&acc); /* by the system only */
    HF_CHECK_OK(acc_shake(acc.client, fd, &client));
    item = acc_next(&acc);
    HF_CHECK(item.outcome == HF_ACCEPTED_READY);
    /* Two flights of the peer after it came, nobody has accepted it. */
    HF_CHECK(hf_acceptor_under_way(acc.acceptor, 0) == 0);
    part(&item, client, fd);
    HF_CHECK_OK(hf_acceptor_pause(acc.acceptor, false));
    HF_CHECK_OK(acc_shake(acc.client, late, &client));
    item = acc_next(&acc);
    HF_CHECK(item.outcome == HF_ACCEPTED_READY);
    part(&item, client, late);
    acc_close(&acc);
}

#define CROWD (HF_ACCEPTOR_FAILURES_MAX + 40)

/* Failures past the limit are counted by reason, and none is lost. */
static void failures_that_are_too_many_are_counted(void)
{
    struct acc acc;
    size_t told = 0;
    size_t counted = 0;
    acc_open(&acc, acc_spec(2), NULL);
    for (size_t i = 0; i < CROWD; i++) {
        int fd = acc_connect(&acc);
        HF_CHECK(send(fd, "GET / HTTP/1.1\r\n", 16, MSG_NOSIGNAL) == 16);
        HF_CHECK(acc_hangs_up(fd));
        (void)close(fd);
    }
    HF_CHECK(acc_until_under_way(&acc, CROWD));
    while (told + counted < CROWD) {
        struct hf_accepted item = acc_next(&acc);
        HF_CHECK(item.code == HF_E_NOT_TLS);
        told += item.outcome == HF_ACCEPTED_REFUSED ? 1 : 0;
        counted += item.outcome == HF_ACCEPTED_FAILED ? item.count : 0;
        acc_drop(&item);
    }
    /* A worker hangs up before it tells: the last one of each may come when there is room. */
    HF_CHECK(told >= HF_ACCEPTOR_FAILURES_MAX && told <= HF_ACCEPTOR_FAILURES_MAX + 2);
    HF_CHECK(told + counted == CROWD);
    HF_CHECK(acc_is_empty(&acc) && hf_acceptor_under_way(acc.acceptor, 0) == 0);
    acc_close(&acc);
}

HF_TESTS({"a verified peer is handed out", a_verified_peer_is_handed_out},
         {"a refusal comes with its reason and chain", a_refusal_comes_with_its_reason_and_chain},
         {"a silent peer is dropped at its deadline", a_silent_peer_is_dropped_at_its_deadline},
         {"the oldest gives way", the_oldest_gives_way},
         {"one address has its share", one_address_has_its_share},
         {"a full queue stops accepting", a_full_queue_stops_accepting},
         {"without a configuration peers are refused", without_a_configuration_peers_are_refused},
         {"a pause keeps what is under way", a_pause_keeps_what_is_under_way},
         {"failures that are too many are counted", failures_that_are_too_many_are_counted})
