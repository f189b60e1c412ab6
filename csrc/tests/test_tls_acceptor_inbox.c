/* SPDX-License-Identifier: Apache-2.0
 *
 * Clients' handshakes on workers: each connection that is handed in comes out once, by its tag.
 */
#include <errno.h>
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

static void hand_in(struct hf_acceptor *workers, const struct acc *to, uint64_t tag)
{
    int fd = acc_connect(to);
    acc_unblock(fd);
    uint32_t index = (uint32_t)(tag % hf_acceptor_workers(workers));
    HF_CHECK_OK(hf_acceptor_hand_in(workers, index, client_of(to), fd, tag));
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
    bool seen[MANY] = {false};
    acc_open(&acc, acc_spec(2), NULL);
    struct hf_acceptor *workers = workers_of(2, ACC_PATIENCE);
    for (uint64_t tag = 0; tag < MANY; tag++) {
        hand_in(workers, &acc, tag);
    }
    for (size_t i = 0; i < MANY; i++) {
        struct hf_accepted item = next(workers);
        HF_CHECK(item.outcome == HF_ACCEPTED_READY && item.generation < MANY && item.socket == 0);
        HF_CHECK(!seen[item.generation]);
        seen[item.generation] = true;
        HF_CHECK_OK(hf_conn_peer(item.conn, &peer));
        HF_CHECK(strcmp(peer.id, TLS_SERVER_ID) == 0);
        acc_drop(&item);
    }
    HF_CHECK(hf_acceptor_under_way(workers, 0) == 0);
    hf_acceptor_free(workers);
    acc_close(&acc);
}

/* All of them, however many: nobody's failure is only counted. */
static void each_failure_has_its_tag(void)
{
    struct acc acc;
    uint64_t tags = 0;
    const size_t more = HF_ACCEPTOR_FAILURES_MAX + 20;
    acc_open(&acc, acc_spec(1), NULL);
    struct hf_acceptor *workers = workers_of(1, ACC_PATIENCE);
    for (uint64_t tag = 1; tag <= more; tag++) {
        int pair[2];
        HF_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
        acc_unblock(pair[0]);
        (void)close(pair[1]); /* whoever answered is gone */
        HF_CHECK_OK(hf_acceptor_hand_in(workers, 0, client_of(&acc), pair[0], tag));
    }
    for (size_t i = 0; i < more; i++) {
        struct hf_accepted item = next(workers);
        HF_CHECK(item.outcome == HF_ACCEPTED_REFUSED && item.code != 0 && item.count == 1);
        HF_CHECK(item.fd == -1 && item.conn != NULL);
        tags += item.generation;
        acc_drop(&item);
    }
    HF_CHECK(tags == more * (more + 1) / 2);
    hf_acceptor_free(workers);
    acc_close(&acc);
}

/* The system's word for it, and not what a handshake makes of a socket without a peer. */
static void a_connect_that_fails_says_why(void)
{
    struct acc acc;
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);
    acc_open(&acc, acc_spec(1), NULL);
    struct hf_acceptor *workers = workers_of(1, ACC_PATIENCE);
    int gone = acc_listen();
    HF_CHECK(getsockname(gone, (struct sockaddr *)&address, &len) == 0);
    (void)close(gone);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    HF_CHECK(connect(fd, (struct sockaddr *)&address, len) != 0 && errno == EINPROGRESS);
    HF_CHECK_OK(hf_acceptor_hand_in(workers, 0, client_of(&acc), fd, 7));
    struct hf_accepted item = next(workers);
    HF_CHECK(item.outcome == HF_ACCEPTED_FAILED && item.system == ECONNREFUSED);
    HF_CHECK(item.generation == 7 && item.fd == -1 && item.conn == NULL);
    hf_acceptor_free(workers);
    acc_close(&acc);
}

static void a_silent_server_is_given_up(void)
{
    struct acc acc;
    acc_make(&acc, acc_spec(1), NULL); /* listens, and nobody accepts */
    struct hf_acceptor *workers = workers_of(1, 50);
    hand_in(workers, &acc, 3);
    struct hf_accepted item = next(workers);
    HF_CHECK(item.outcome == HF_ACCEPTED_TIMED_OUT && item.generation == 3);
    HF_CHECK(item.code == HF_E_HANDSHAKE_TIMEOUT && item.fd == -1);
    hf_acceptor_free(workers);
    acc_close(&acc);
}

/* Under way, or not begun: it is closed with the workers. */
static void what_is_under_way_ends_with_the_workers(void)
{
    struct acc acc;
    acc_make(&acc, acc_spec(1), NULL);
    struct hf_acceptor *workers = workers_of(2, ACC_PATIENCE);
    for (uint64_t tag = 0; tag < 6; tag++) {
        hand_in(workers, &acc, tag);
    }
    HF_CHECK(hf_acceptor_under_way(workers, 0) == 6);
    HF_CHECK_OK(hf_acceptor_stop(workers));
    hf_acceptor_free(workers);
    acc_close(&acc);
}

/* What is refused stays the caller's. */
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
         {"a connect that fails says why", a_connect_that_fails_says_why},
         {"a silent server is given up", a_silent_server_is_given_up},
         {"what is under way ends with the workers", what_is_under_way_ends_with_the_workers},
         {"only a worker that runs takes any", only_a_worker_that_runs_takes_any})
