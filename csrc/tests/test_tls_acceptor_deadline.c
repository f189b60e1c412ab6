/* SPDX-License-Identifier: Apache-2.0
 *
 * How long a worker waits, for what, and who is late then (D1). The epoll_wait() of this program
 * waits for nothing and remembers for how long it was to; the test is the worker.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "acceptor_kit.h"
#include "hf_test.h"
#include "tls/acceptor.h"

/* Milliseconds that a test may not have been running in between. */
#define STALLED ACC_PATIENCE
/* More than a worker waits at once. */
#define LONG (STALLED * 100)

static struct hf_acceptor *watched;
static int rounds;
static int timeouts[4];
static int found[4];          /* events */
static uint32_t wanted_by[4]; /* what the oldest handshake waits for */

static int ask(int epoll, struct epoll_event *events, int max, int timeout)
{
    return (int)syscall(SYS_epoll_pwait, epoll, events, max, timeout, NULL, (size_t)8);
}

int epoll_wait(int epoll, struct epoll_event *events, int max, int timeout)
{
    if (watched == NULL) {
        return ask(epoll, events, max, timeout);
    }
    const struct hf_shake *oldest = watched->workers[0].oldest;
    timeouts[rounds] = timeout;
    found[rounds] = ask(epoll, events, max, 0);
    wanted_by[rounds] = oldest == NULL ? 0 : oldest->events;
    rounds++;
    atomic_store(&watched->stop, rounds == 2);
    return found[rounds - 1];
}

static struct acc acc;
static struct hf_acceptor_worker *worker;
static int peers[4]; /* who say nothing */
static size_t peer_count;

static void start(uint32_t handshake_ms)
{
    struct hf_acceptor_spec spec = acc_spec(1);
    spec.handshake_ms = handshake_ms;
    acc_make(&acc, spec, NULL);
    worker = &acc.acceptor->workers[0];
}

static void finish(void)
{
    while (peer_count > 0) {
        (void)close(peers[--peer_count]);
    }
    acc_close(&acc);
}

/* One that began so long ago; its generation is its number. */
static void begin(int64_t ago)
{
    int pair[2];
    struct hf_shake *shake = hf_mem_new(sizeof(*shake));
    HF_CHECK(shake != NULL && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    peers[peer_count++] = pair[1];
    shake->fd = pair[0];
    shake->began = hf_acceptor_now() - ago;
    shake->generation = shake->number = atomic_fetch_add(&acc.acceptor->accepted, 1);
    atomic_fetch_add(&acc.acceptor->sockets[0].under_way, 1);
    hf_worker_begin(worker, shake);
}

/* Until it has waited twice. Whoever is under way then is closed, and told nobody. */
static void work(void)
{
    watched = acc.acceptor;
    rounds = 0;
    HF_CHECK(hf_acceptor_work(worker) == NULL);
    watched = NULL;
    HF_CHECK(rounds == 2 && worker->oldest == NULL);
}

static bool was_late(uint64_t number)
{
    if (acc_is_empty(&acc)) {
        return false;
    }
    struct hf_accepted item = acc_next(&acc);
    return item.outcome == HF_ACCEPTED_TIMED_OUT && item.code == HF_E_HANDSHAKE_TIMEOUT &&
           item.generation == number && item.conn == NULL && item.fd == -1;
}

static bool is_about(int64_t timeout, int64_t wanted)
{
    return timeout <= wanted && timeout > wanted - STALLED;
}

static void without_handshakes_it_waits_for_ever(void)
{
    start(LONG);
    work();
    HF_CHECK(timeouts[0] == -1 && timeouts[1] == -1 && acc_is_empty(&acc));
    finish();
}

/* For the oldest one alone; a minute at most, which is no deadline. */
static void it_waits_until_the_oldest_is_late(void)
{
    static const int64_t ago[] = {0, STALLED, LONG - 3 * STALLED, LONG - 2 * STALLED};
    for (size_t i = 0; i < sizeof(ago) / sizeof(ago[0]); i++) {
        int64_t left = LONG - ago[i];
        start(LONG);
        begin(ago[i]);
        begin(0);
        work();
        for (int k = 0; k < 2; k++) {
            HF_CHECK(left > 60000 ? timeouts[k] == 60000 : is_about(timeouts[k], left));
        }
        HF_CHECK(acc_is_empty(&acc));
        finish();
    }
}

/* Whoever is late already is ended at once, all of them, and nobody else. */
static void all_that_are_late_are_ended(void)
{
    start(LONG);
    begin(2 * LONG);
    begin(LONG + 1);
    begin(LONG - 2 * STALLED);
    begin(0);
    work();
    HF_CHECK(timeouts[0] == 0 && is_about(timeouts[1], 2 * STALLED));
    HF_CHECK(was_late(0) && was_late(1) && acc_is_empty(&acc));
    finish();
}

/* A rest ends when it does, whether or not there are handshakes; over, nobody waits for it. */
static void a_rest_ends(void)
{
    for (int with_one = 0; with_one <= 1; with_one++) {
        start(LONG);
        if (with_one == 1) {
            begin(0);
        }
        worker->quiet_until = hf_acceptor_now() + 2 * STALLED;
        work();
        HF_CHECK(is_about(timeouts[0], 2 * STALLED) && is_about(timeouts[1], 2 * STALLED));
        HF_CHECK(!worker->listening);
        atomic_store(&acc.acceptor->stop, false);
        worker->quiet_until = hf_acceptor_now() - 1;
        if (with_one == 1) {
            begin(0);
        }
        work();
        HF_CHECK(timeouts[0] == (with_one == 1 ? 60000 : -1) && worker->listening);
        finish();
    }
}

/* One that rests longer than a handshake has: the handshake is what is waited for. */
static void a_rest_makes_nobody_late(void)
{
    start(LONG);
    begin(LONG - 2 * STALLED);
    worker->quiet_until = hf_acceptor_now() + LONG;
    work();
    HF_CHECK(is_about(timeouts[0], 2 * STALLED));
    finish();
}

/* Not even somebody who has come, and nobody is asked for. */
static void who_rests_accepts_nobody(void)
{
    start(LONG);
    int fd = acc_connect(&acc);
    worker->quiet_until = hf_acceptor_now() + 2 * STALLED;
    work();
    HF_CHECK(hf_acceptor_under_way(acc.acceptor, 0) == 0);
    atomic_store(&acc.acceptor->stop, false);
    worker->quiet_until = 0;
    work();
    HF_CHECK(hf_acceptor_under_way(acc.acceptor, 0) == 1);
    (void)close(fd);
    finish();
}

/* What others ask of it, each time that it is awake. */
static void who_is_asked_gives_way(void)
{
    start(LONG);
    begin(0);
    begin(0);
    atomic_store(&worker->asked_for_descriptors, 1);
    work();
    struct hf_accepted item = acc_next(&acc);
    HF_CHECK(item.outcome == HF_ACCEPTED_GAVE_WAY && item.generation == 0);
    HF_CHECK(acc_is_empty(&acc));
    finish();
}

/* What came when it had been told to stop is freed, and begun no more. */
static void what_was_handed_in_last_is_freed(void)
{
    start(LONG);
    size_t before = hf_mem_live();
    worker->inbox = hf_mem_new(sizeof(*worker->inbox));
    HF_CHECK(worker->inbox != NULL);
    worker->inbox->handed_in = true;
    atomic_store(&acc.acceptor->stop, true);
    HF_CHECK(hf_acceptor_work(worker) == NULL);
    HF_CHECK(worker->inbox == NULL && hf_mem_live() == before && acc_is_empty(&acc));
    finish();
}

static int64_t milliseconds(void)
{
    struct timespec now;
    HF_CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void by_the_clock_that_nobody_sets(void)
{
    int64_t before = milliseconds();
    int64_t now = hf_acceptor_now();
    HF_CHECK(now >= before && now <= milliseconds());
}

/* ---- for what ----------------------------------------------------------------------------- */

static bool is_waited_for(int fd)
{
    bool was = epoll_ctl(worker->epoll, EPOLL_CTL_DEL, fd, NULL) == 0;
    HF_CHECK(was || errno == ENOENT);
    return was;
}

/* All of its sockets, and no number behind them. */
static void each_socket_is_waited_for(void)
{
    const int sockets[3] = {acc_listen(), acc_listen(), acc_listen()};
    struct hf_acceptor_spec spec = acc_spec(1);
    spec.sockets = sockets;
    spec.socket_count = 2;
    /* In this order: who was not accepted is still there the next time. */
    static const uint32_t order[] = {0, 2, 1};
    for (size_t k = 0; k < 3; k++) {
        uint32_t i = order[k];
        const struct acc to = {.socket = sockets[i]};
        HF_CHECK_OK(hf_acceptor_new(&spec, &acc.acceptor));
        worker = &acc.acceptor->workers[0];
        acc.acceptor->sockets[2].fd = sockets[2];
        int fd = acc_connect(&to);
        /* While another one has something, too, but is of no use. */
        const struct acc none = {.socket = sockets[0]};
        int other = i == 1 ? acc_connect(&none) : -1;
        atomic_store(&acc.acceptor->sockets[0].broken, i == 1);
        work();
        HF_CHECK(found[0] == (i < 2 ? 1 : 0) && found[1] == 0);
        if (i < 2) {
            struct hf_accepted item = acc_next(&acc);
            HF_CHECK(item.outcome == HF_ACCEPTED_NO_CONFIG && item.socket == i);
        }
        HF_CHECK(acc_is_empty(&acc));
        hf_acceptor_free(acc.acceptor);
        (void)close(fd);
        if (other >= 0) {
            (void)close(other);
        }
    }
    for (size_t i = 0; i < 3; i++) {
        (void)close(sockets[i]);
    }
}

/* One that is of no use, or that was let go of, would wake it for ever. */
static void what_is_of_no_use_is_not_waited_for(void)
{
    for (int i = 0; i < 3; i++) {
        start(LONG);
        atomic_store(&acc.acceptor->sockets[0].broken, i == 1);
        worker->left = i == 2 ? 1 : 0;
        work();
        HF_CHECK(worker->listening);
        HF_CHECK(is_waited_for(acc.acceptor->sockets[0].fd) == (i == 0));
        finish();
    }
}

/* Nor is one that it listened to when it rests, broken or not. */
static void who_rests_waits_for_no_socket(void)
{
    for (int i = 0; i < 2; i++) {
        start(LONG);
        work();
        HF_CHECK(worker->listening);
        atomic_store(&acc.acceptor->stop, false);
        atomic_store(&acc.acceptor->sockets[0].broken, i == 1);
        worker->quiet_until = hf_acceptor_now() + 2 * STALLED;
        work();
        HF_CHECK(!worker->listening && !is_waited_for(acc.acceptor->sockets[0].fd));
        finish();
    }
}

/* A handshake that has nothing to send waits for the peer: a socket that can be written to, as they
 * mostly can, would wake it for ever. */
static void a_handshake_waits_for_the_peer(void)
{
    start(LONG);
    begin(0);
    HF_CHECK_OK(hf_conn_new(acc.server, HF_NAME_NONE, NULL, 0, &worker->oldest->conn));
    struct epoll_event event = {.events = EPOLLOUT,
                                .data.u64 = (uint64_t)(uintptr_t)worker->oldest};
    worker->oldest->events = EPOLLOUT;
    HF_CHECK(epoll_ctl(worker->epoll, EPOLL_CTL_MOD, worker->oldest->fd, &event) == 0);
    acc_unblock(worker->oldest->fd);
    work();
    HF_CHECK(found[0] == 1 && wanted_by[0] == EPOLLOUT);
    HF_CHECK(found[1] == 0 && wanted_by[1] == EPOLLIN && acc_is_empty(&acc));
    finish();
}

HF_TESTS({"without handshakes it waits for ever", without_handshakes_it_waits_for_ever},
         {"it waits until the oldest is late", it_waits_until_the_oldest_is_late},
         {"all that are late are ended", all_that_are_late_are_ended}, {"a rest ends", a_rest_ends},
         {"a rest makes nobody late", a_rest_makes_nobody_late},
         {"who rests accepts nobody", who_rests_accepts_nobody},
         {"who is asked gives way", who_is_asked_gives_way},
         {"what was handed in last is freed", what_was_handed_in_last_is_freed},
         {"by the clock that nobody sets", by_the_clock_that_nobody_sets},
         {"each socket is waited for", each_socket_is_waited_for},
         {"what is of no use is not waited for", what_is_of_no_use_is_not_waited_for},
         {"who rests waits for no socket", who_rests_waits_for_no_socket},
         {"a handshake waits for the peer", a_handshake_waits_for_the_peer})
