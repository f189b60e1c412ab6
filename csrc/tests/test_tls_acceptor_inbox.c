/* SPDX-License-Identifier: Apache-2.0
 *
 * Clients' handshakes on workers: each connection that was lent comes back once, by its tag.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "acceptor_kit.h"
#include "hf_test.h"

#define MANY 60

/* Workers that listen to nobody. */
static struct hf_acceptor *workers_of(uint32_t count, uint32_t handshake_ms)
{
    static const int nobody[] = {HF_ACCEPTOR_NO_SOCKET};
    struct hf_acceptor_spec spec = acc_spec(count);
    struct hf_acceptor *made = NULL;
    spec.sockets = nobody;
    spec.socket_count = 1;
    spec.handshake_ms = handshake_ms;
    HF_CHECK_OK(hf_acceptor_new(&spec, &made));
    HF_CHECK_OK(hf_acceptor_start(made));
    HF_CHECK(hf_acceptor_workers(made) == count);
    return made;
}

static struct hf_conn *client_of(const struct acc *acc)
{
    struct hf_conn *conn = NULL;
    HF_CHECK_OK(hf_conn_new(acc->client, HF_NAME_NONE, NULL, 0, &conn));
    return conn;
}

/* What was lent. */
struct lent {
    struct hf_conn *conn;
    int fd;
};

static struct lent hand_in(struct hf_acceptor *workers, const struct acc *to, uint64_t tag)
{
    struct lent one = {client_of(to), acc_connect(to)};
    acc_unblock(one.fd);
    uint32_t index = (uint32_t)(tag % hf_acceptor_workers(workers));
    HF_CHECK_OK(hf_acceptor_hand_in(workers, index, one.conn, one.fd, tag));
    return one;
}

static void drop(struct lent one)
{
    hf_conn_free(one.conn);
    (void)close(one.fd);
}

static struct hf_accepted next(struct hf_acceptor *workers)
{
    struct acc view = {.acceptor = workers, .socket = -1};
    return acc_next(&view);
}

static void everyone_meets_the_server(void)
{
    struct acc acc;
    struct hf_peer peer;
    struct lent lent[MANY];
    bool seen[MANY] = {false};
    acc_open(&acc, acc_spec(2), NULL);
    struct hf_acceptor *workers = workers_of(2, ACC_PATIENCE);
    for (uint64_t tag = 0; tag < MANY; tag++) {
        lent[tag] = hand_in(workers, &acc, tag);
    }
    for (size_t i = 0; i < MANY; i++) {
        int done = 0;
        uint32_t want;
        struct hf_accepted item = next(workers);
        HF_CHECK(item.outcome == HF_ACCEPTED_READY && item.generation < MANY && item.socket == 0);
        HF_CHECK(item.conn == NULL && item.fd == -1);
        HF_CHECK(!seen[item.generation]);
        seen[item.generation] = true;
        const struct lent one = lent[item.generation];
        HF_CHECK_OK(hf_conn_handshake_fd(one.conn, one.fd, &done, &want));
        HF_CHECK(done == 1);
        HF_CHECK_OK(hf_conn_peer(one.conn, &peer));
        HF_CHECK(strcmp(peer.id, TLS_SERVER_ID) == 0);
        drop(one);
    }
    HF_CHECK(hf_acceptor_under_way(workers, 0) == 0);
    hf_acceptor_free(workers);
    acc_close(&acc);
}

#define MORE (HF_ACCEPTOR_FAILURES_MAX + 20)

/* All of them, however many: nobody's failure is only counted. */
static void each_failure_has_its_tag(void)
{
    struct acc acc;
    struct lent lent[MORE];
    bool seen[MORE] = {false};
    acc_open(&acc, acc_spec(1), NULL);
    struct hf_acceptor *workers = workers_of(1, ACC_PATIENCE);
    for (uint64_t tag = 0; tag < MORE; tag++) {
        int pair[2];
        HF_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
        acc_unblock(pair[0]);
        (void)close(pair[1]); /* whoever answered is gone */
        lent[tag] = (struct lent){client_of(&acc), pair[0]};
        HF_CHECK_OK(hf_acceptor_hand_in(workers, 0, lent[tag].conn, pair[0], tag));
    }
    for (size_t i = 0; i < MORE; i++) {
        int done;
        uint32_t want;
        struct hf_accepted item = next(workers);
        HF_CHECK(item.outcome == HF_ACCEPTED_REFUSED && item.code != 0 && item.count == 1);
        HF_CHECK(item.generation < MORE && !seen[item.generation]);
        seen[item.generation] = true;
        const struct lent one = lent[item.generation];
        HF_CHECK_CODE(hf_conn_handshake_fd(one.conn, one.fd, &done, &want), item.code);
        drop(one);
    }
    hf_acceptor_free(workers);
    acc_close(&acc);
}

static void a_silent_server_is_given_up(void)
{
    struct acc acc;
    acc_make(&acc, acc_spec(1), NULL); /* listens, and nobody accepts */
    struct hf_acceptor *workers = workers_of(1, 50);
    struct lent one = hand_in(workers, &acc, 3);
    struct hf_accepted item = next(workers);
    HF_CHECK(item.outcome == HF_ACCEPTED_TIMED_OUT && item.generation == 3);
    HF_CHECK(item.code == HF_E_HANDSHAKE_TIMEOUT && item.fd == -1);
    drop(one);
    hf_acceptor_free(workers);
    acc_close(&acc);
}

static void one_is_had_back_by_shutting_it_down(void)
{
    struct acc acc;
    acc_make(&acc, acc_spec(1), NULL);
    struct hf_acceptor *workers = workers_of(1, ACC_PATIENCE);
    struct lent one = hand_in(workers, &acc, 9);
    HF_CHECK(shutdown(one.fd, SHUT_RDWR) == 0);
    struct hf_accepted item = next(workers);
    HF_CHECK(item.outcome == HF_ACCEPTED_REFUSED && item.generation == 9);
    drop(one);
    hf_acceptor_free(workers);
    acc_close(&acc);
}

/* Under way, or not begun: it is whole, and its owner's, when the workers have ended. */
static void what_is_under_way_is_had_back_when_the_workers_end(void)
{
    struct acc acc;
    struct lent lent[6];
    acc_make(&acc, acc_spec(1), NULL);
    struct hf_acceptor *workers = workers_of(2, ACC_PATIENCE);
    for (uint64_t tag = 0; tag < 6; tag++) {
        lent[tag] = hand_in(workers, &acc, tag);
    }
    HF_CHECK(hf_acceptor_under_way(workers, 0) == 6);
    HF_CHECK_OK(hf_acceptor_stop(workers));
    for (size_t i = 0; i < 6; i++) {
        int done;
        uint32_t want;
        HF_CHECK_OK(hf_conn_handshake_fd(lent[i].conn, lent[i].fd, &done, &want));
        HF_CHECK(done == 0 && want == HF_WANT_READ);
        drop(lent[i]);
    }
    hf_acceptor_free(workers);
    acc_close(&acc);
}

static void only_a_worker_that_runs_takes_any(void)
{
    struct acc acc;
    int pair[2];
    acc_open(&acc, acc_spec(1), NULL);
    HF_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    struct hf_conn *conn = client_of(&acc);
    struct hf_acceptor *workers = workers_of(1, ACC_PATIENCE);
    HF_CHECK_CODE(hf_acceptor_hand_in(NULL, 0, conn, pair[0], 1), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_acceptor_hand_in(workers, 0, NULL, pair[0], 1), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_acceptor_hand_in(workers, 0, conn, -1, 1), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_acceptor_hand_in(workers, 1, conn, pair[0], 1), HF_E_WRONG_STATE);
    HF_CHECK_OK(hf_acceptor_stop(workers));
    HF_CHECK_CODE(hf_acceptor_hand_in(workers, 0, conn, pair[0], 1), HF_E_WRONG_STATE);
    hf_acceptor_free(workers);
    hf_conn_free(conn);
    (void)close(pair[0]);
    (void)close(pair[1]);
    acc_close(&acc);
}

HF_TESTS({"everyone meets the server", everyone_meets_the_server},
         {"each failure has its tag", each_failure_has_its_tag},
         {"a silent server is given up", a_silent_server_is_given_up},
         {"one is had back by shutting it down", one_is_had_back_by_shutting_it_down},
         {"what is under way is had back when the workers end",
          what_is_under_way_is_had_back_when_the_workers_end},
         {"only a worker that runs takes any", only_a_worker_that_runs_takes_any})
