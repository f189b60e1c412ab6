/* SPDX-License-Identifier: Apache-2.0
 *
 * From a listening socket to a handshake that waits for its first byte: until that came, a
 * connection costs its descriptor and a few hundred bytes (D2).
 */
#ifdef __linux__
#define _GNU_SOURCE /* accept4 */
#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tls/acceptor.h"
#include "tls/connection.h"

/* At once, before handshakes that are under way get their turn, and other workers theirs. */
#define BURST 4

static void read_remote(struct hf_remote *out, const struct sockaddr_storage *from, socklen_t len)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    *out = (struct hf_remote){.family = len >= sizeof(from->ss_family) ? from->ss_family : 0};
    if (out->family == AF_INET && hf_mem_copy(&v4, sizeof(v4), from, sizeof(v4))) {
        out->port = ntohs(v4.sin_port);
        (void)hf_mem_copy(out->address, sizeof(out->address), &v4.sin_addr, sizeof(v4.sin_addr));
    } else if (out->family == AF_INET6 && hf_mem_copy(&v6, sizeof(v6), from, sizeof(v6))) {
        out->port = ntohs(v6.sin6_port);
        out->scope = v6.sin6_scope_id;
        (void)hf_mem_copy(out->address, sizeof(out->address), &v6.sin6_addr, sizeof(v6.sin6_addr));
    }
}

static bool is_shortage(int number)
{
    return number == EMFILE || number == ENFILE || number == ENOBUFS || number == ENOMEM;
}

/* The socket itself, not a connection that is gone again. */
static bool is_broken(int number)
{
    return number == EBADF || number == EINVAL || number == ENOTSOCK || number == EOPNOTSUPP;
}

/* Of one connection, or none is there: accept(2) names these. */
static bool is_passing(int number)
{
    return number == EAGAIN || number == EINTR || number == ECONNABORTED || number == EPROTO ||
           number == ENETDOWN || number == ENOPROTOOPT || number == EHOSTDOWN || number == ENONET ||
           number == EHOSTUNREACH || number == ENETUNREACH;
}

/* Something to tell that is no connection. Without memory for it, it is told the next time. */
static bool tell(struct hf_acceptor *acceptor, uint32_t socket, int outcome, int number)
{
    struct hf_shake *note = hf_mem_new(sizeof(*note));
    if (note == NULL) {
        return false;
    }
    note->fd = -1;
    note->socket = socket;
    note->outcome = outcome;
    note->system = number;
    note->began = hf_acceptor_now();
    hf_queue_put(acceptor, note);
    return true;
}

static void cannot_accept(struct hf_acceptor_worker *worker, uint32_t socket, int number)
{
    struct hf_acceptor *acceptor = worker->acceptor;
    if (is_broken(number)) {
        /* Each worker finds out for itself: it would be woken for ever. */
        (void)epoll_ctl(worker->epoll, EPOLL_CTL_DEL, acceptor->sockets[socket].fd, NULL);
        if (!atomic_exchange(&acceptor->sockets[socket].broken, true) &&
            !tell(acceptor, socket, HF_ACCEPTED_BROKEN, number)) {
            atomic_store(&acceptor->sockets[socket].broken, false);
        }
    } else if (is_shortage(number)) {
        int64_t now = hf_acceptor_now();
        int64_t before = atomic_exchange(&acceptor->short_since, now);
        if (now - before > HF_ACCEPTOR_TELL_AGAIN &&
            !tell(acceptor, socket, HF_ACCEPTED_SHORTAGE, number)) {
            atomic_store(&acceptor->short_since, before);
        }
        hf_acceptor_free_descriptor(worker);
    } else if (!is_passing(number)) {
        hf_worker_rest(worker);
    }
}

/* The configuration for this worker now, with a reference; NULL: none. */
static struct hf_config *current_config(struct hf_acceptor_worker *worker, uint32_t socket,
                                        uint64_t *generation)
{
    struct hf_acceptor *acceptor = worker->acceptor;
    struct hf_acceptor_socket *from = &acceptor->sockets[socket];
    (void)pthread_mutex_lock(&acceptor->config_lock);
    struct hf_config *config =
        from->config_count == 0 ? NULL
                                : hf_config_ref(from->configs[worker->index % from->config_count]);
    *generation = from->generation;
    (void)pthread_mutex_unlock(&acceptor->config_lock);
    return config;
}

/* Refused before it began. */
static void turn_away(struct hf_acceptor *acceptor, struct hf_shake *shake, int outcome,
                      uint32_t code)
{
    hf_sources_leave(&acceptor->sources, shake->source);
    shake->source = NULL;
    (void)close(shake->fd);
    shake->fd = -1;
    shake->outcome = outcome;
    shake->code = code;
    hf_queue_put(acceptor, shake);
}

static void begin(struct hf_acceptor_worker *worker, struct hf_shake *shake)
{
    struct hf_acceptor *acceptor = worker->acceptor;
    bool has_room = hf_sources_enter(&acceptor->sources, &shake->remote, &shake->source);
    /* Not before: whoever sees two counted relies on it that a third one is past a limit of two,
     * whichever worker takes it. And not later: while nothing is under way, old configurations are
     * forgotten. */
    atomic_fetch_add(&acceptor->sockets[shake->socket].under_way, 1);
    if (!has_room) {
        turn_away(acceptor, shake, HF_ACCEPTED_CROWDED, HF_E_LIMIT);
        return;
    }
    struct hf_config *config = current_config(worker, shake->socket, &shake->generation);
    if (config == NULL) {
        turn_away(acceptor, shake, HF_ACCEPTED_NO_CONFIG, HF_E_CONFIG_INVALID);
        return;
    }
    hf_result r = hf_conn_new(config, HF_NAME_NONE, NULL, 0, &shake->conn);
    hf_config_unref(config);
    if (!hf_is_ok(r)) {
        turn_away(acceptor, shake, HF_ACCEPTED_FAILED, r.code);
        return;
    }
    hf_worker_begin(worker, shake);
    hf_acceptor_make_room(worker);
}

void hf_acceptor_accept(struct hf_acceptor_worker *worker, uint32_t socket)
{
    struct hf_acceptor *acceptor = worker->acceptor;
    if (hf_worker_has_left(worker, socket)) {
        return;
    }
    for (int i = 0; i < BURST && hf_acceptor_may_accept(acceptor); i++) {
        struct sockaddr_storage from;
        socklen_t len = sizeof(from);
        int fd = accept4(acceptor->sockets[socket].fd, (struct sockaddr *)&from, &len,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            cannot_accept(worker, socket, errno);
            return;
        }
        struct hf_shake *shake = hf_mem_new(sizeof(*shake));
        if (shake == NULL) {
            (void)close(fd);
            atomic_fetch_add(&acceptor->sockets[socket].under_way, 1);
            hf_queue_count(acceptor, socket, HF_E_OUT_OF_MEMORY);
            continue;
        }
        shake->fd = fd;
        shake->socket = socket;
        shake->events = EPOLLIN;
        shake->began = hf_acceptor_now();
        shake->number = atomic_fetch_add(&acceptor->accepted, 1);
        read_remote(&shake->remote, &from, len);
        begin(worker, shake);
    }
}
#endif
