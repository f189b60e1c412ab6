/* SPDX-License-Identifier: Apache-2.0
 *
 * One worker: wait for events, go on with the handshakes that they name, end those that are late,
 * then accept new ones. See acceptor.h for the invariants.
 */
#ifdef __linux__
#include <errno.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "tls/acceptor.h"
#include "tls/connection.h"

#define EVENTS 64

/* What events carry: the wake-up, a listening socket, or the address of a handshake. */
#define TAG_WAKE 0
#define TAG_SOCKET 1
#define TAG_SHAKE (TAG_SOCKET + HF_ACCEPTOR_SOCKETS_MAX)

int64_t hf_acceptor_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void hf_acceptor_wake(const struct hf_acceptor_worker *worker)
{
    uint64_t one = 1;
    ssize_t n = write(worker->wake, &one, sizeof(one));
    (void)n; /* a full counter wakes as well */
}

bool hf_acceptor_may_accept(struct hf_acceptor *acceptor)
{
    return !atomic_load(&acceptor->stop) && !atomic_load(&acceptor->paused) &&
           atomic_load(&acceptor->queue.ready) < acceptor->max_waiting;
}

void hf_shake_free(struct hf_shake *shake)
{
    if (shake == NULL) {
        return;
    }
    if (!shake->handed_in) {
        hf_conn_free(shake->conn);
        if (shake->fd >= 0) {
            (void)close(shake->fd);
        }
    }
    hf_mem_free(shake);
}

/* ---- the list, by age ---- */

static void publish_oldest(struct hf_acceptor_worker *worker)
{
    atomic_store(&worker->oldest_number,
                 worker->oldest == NULL ? UINT64_MAX : worker->oldest->number);
}

void hf_worker_begin(struct hf_acceptor_worker *worker, struct hf_shake *shake)
{
    struct epoll_event event = {.events = shake->events, .data.u64 = (uint64_t)(uintptr_t)shake};
    shake->older = worker->newest;
    if (worker->newest == NULL) {
        worker->oldest = shake;
    } else {
        worker->newest->newer = shake;
    }
    worker->newest = shake;
    publish_oldest(worker);
    atomic_fetch_add(&worker->acceptor->handshakes, 1);
    if (epoll_ctl(worker->epoll, EPOLL_CTL_ADD, shake->fd, &event) != 0) {
        shake->system = errno;
        hf_worker_finish(worker, shake, HF_ACCEPTED_FAILED, HF_E_IO);
    }
}

static void unlink_shake(struct hf_acceptor_worker *worker, struct hf_shake *shake)
{
    if (shake->older == NULL) {
        worker->oldest = shake->newer;
    } else {
        shake->older->newer = shake->newer;
    }
    if (shake->newer == NULL) {
        worker->newest = shake->older;
    } else {
        shake->newer->older = shake->older;
    }
    shake->older = shake->newer = NULL;
    publish_oldest(worker);
    atomic_fetch_sub(&worker->acceptor->handshakes, 1);
    (void)epoll_ctl(worker->epoll, EPOLL_CTL_DEL, shake->fd, NULL);
    hf_sources_leave(&worker->acceptor->sources, shake->source);
    shake->source = NULL;
}

void hf_worker_finish(struct hf_acceptor_worker *worker, struct hf_shake *shake, int outcome,
                      uint32_t code)
{
    unlink_shake(worker, shake);
    shake->outcome = outcome;
    shake->code = code;
    if (outcome != HF_ACCEPTED_READY && !shake->handed_in) {
        (void)close(shake->fd);
        shake->fd = -1;
    }
    if (outcome != HF_ACCEPTED_READY && outcome != HF_ACCEPTED_REFUSED && !shake->handed_in) {
        hf_conn_free(shake->conn);
        shake->conn = NULL;
    }
    hf_queue_put(worker->acceptor, shake);
}

bool hf_worker_give_way(struct hf_acceptor_worker *worker)
{
    if (worker->oldest == NULL) {
        return false;
    }
    hf_worker_finish(worker, worker->oldest, HF_ACCEPTED_GAVE_WAY, HF_E_LIMIT);
    return true;
}

/* ---- handshakes ---- */

static void step(struct hf_acceptor_worker *worker, struct hf_shake *shake)
{
    int done;
    uint32_t want;
    hf_result r = hf_conn_handshake_fd(shake->conn, shake->fd, &done, &want);
    if (!hf_is_ok(r)) {
        hf_worker_finish(worker, shake, HF_ACCEPTED_REFUSED, r.code);
        return;
    }
    if (done != 0) {
        hf_worker_finish(worker, shake, HF_ACCEPTED_READY, 0);
        return;
    }
    /* Our flight first: the peer has nothing to answer before it. */
    uint32_t events = (want & HF_WANT_WRITE) != 0 ? EPOLLOUT : EPOLLIN;
    struct epoll_event event = {.events = events, .data.u64 = (uint64_t)(uintptr_t)shake};
    if (events == shake->events) {
        return;
    }
    shake->events = events;
    if (epoll_ctl(worker->epoll, EPOLL_CTL_MOD, shake->fd, &event) != 0) {
        shake->system = errno;
        hf_worker_finish(worker, shake, HF_ACCEPTED_FAILED, HF_E_IO);
    }
}

static void end_late_ones(struct hf_acceptor_worker *worker)
{
    int64_t began_before = hf_acceptor_now() - worker->acceptor->handshake_ms;
    while (worker->oldest != NULL && worker->oldest->began <= began_before) {
        hf_worker_finish(worker, worker->oldest, HF_ACCEPTED_TIMED_OUT, HF_E_HANDSHAKE_TIMEOUT);
    }
}

/* ---- waiting ---- */

/* A broken socket was told by whoever noticed, and is waited for no more. */
static void listen_or_not(struct hf_acceptor_worker *worker, int64_t now)
{
    struct hf_acceptor *acceptor = worker->acceptor;
    bool wanted = hf_acceptor_may_accept(acceptor) && now >= worker->quiet_until;
    if (wanted == worker->listening) {
        return;
    }
    worker->listening = wanted;
    for (uint32_t i = 0; i < acceptor->socket_count; i++) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.u64 = TAG_SOCKET + i};
        if (!hf_worker_has_left(worker, i) &&
            (!wanted || !atomic_load(&acceptor->sockets[i].broken))) {
            (void)epoll_ctl(worker->epoll, wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL,
                            acceptor->sockets[i].fd, &event);
        }
    }
}

/* Milliseconds until something is due, as epoll_wait() wants them. */
static int patience(const struct hf_acceptor_worker *worker, int64_t now)
{
    int64_t due = INT64_MAX;
    if (worker->oldest != NULL) {
        due = worker->oldest->began + worker->acceptor->handshake_ms;
    }
    if (worker->quiet_until > now && worker->quiet_until < due) {
        due = worker->quiet_until;
    }
    if (due == INT64_MAX) {
        return -1;
    }
    int64_t left = due - now;
    return left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

/* Returns the listening sockets that have a connection, as bits. */
static uint32_t handle(struct hf_acceptor_worker *worker, const struct epoll_event *events, int n)
{
    uint32_t sockets = 0;
    uint64_t counter;
    for (int i = 0; i < n; i++) {
        uint64_t tag = events[i].data.u64;
        if (tag == TAG_WAKE) {
            ssize_t got = read(worker->wake, &counter, sizeof(counter));
            (void)got;
        } else if (tag < TAG_SHAKE) {
            sockets |= 1U << (tag - TAG_SOCKET);
        } else {
            step(worker, (struct hf_shake *)(uintptr_t)tag);
        }
    }
    return sockets;
}

/* Everything that is under way ends here; it stays counted in `under_way`. */
static void close_all(struct hf_acceptor_worker *worker)
{
    while (worker->oldest != NULL) {
        struct hf_shake *shake = worker->oldest;
        unlink_shake(worker, shake);
        hf_shake_free(shake);
    }
}

void *hf_acceptor_work(void *argument)
{
    struct hf_acceptor_worker *worker = argument;
    struct epoll_event events[EVENTS];
    struct epoll_event wake = {.events = EPOLLIN, .data.u64 = TAG_WAKE};
    (void)epoll_ctl(worker->epoll, EPOLL_CTL_ADD, worker->wake, &wake);
    while (!atomic_load(&worker->acceptor->stop)) {
        hf_worker_mind_closing(worker);
        /* One moment for both: a rest that ended between them would be waited for no more. */
        int64_t now = hf_acceptor_now();
        listen_or_not(worker, now);
        int n = epoll_wait(worker->epoll, events, EVENTS, patience(worker, now));
        uint32_t sockets = handle(worker, events, n);
        hf_worker_open_inbox(worker);
        end_late_ones(worker);
        hf_worker_give_way_as_asked(worker);
        for (uint32_t i = 0; sockets != 0; i++, sockets >>= 1) {
            if ((sockets & 1) != 0) {
                hf_acceptor_accept(worker, i);
            }
        }
    }
    close_all(worker);
    hf_worker_empty_inbox(worker);
    return NULL;
}
#endif
