/* SPDX-License-Identifier: Apache-2.0
 *
 * One listening socket ends while the others go on (a drain, P6). No shutdown(): the socket may be
 * inherited, and its other holders go on listening.
 */
#ifdef __linux__
#include <sys/epoll.h>
#include <unistd.h>

#include "tls/acceptor.h"

static uint32_t bit(uint32_t socket)
{
    return 1U << socket;
}

bool hf_worker_has_left(const struct hf_acceptor_worker *worker, uint32_t socket)
{
    return (worker->left & bit(socket)) != 0;
}

/* Nobody holds it any more. */
static void close_now(struct hf_acceptor *acceptor, struct hf_acceptor_socket *socket)
{
    struct hf_shake *farewell = socket->farewell;
    socket->farewell = NULL;
    (void)close(socket->fd);
    socket->fd = -1;
    hf_queue_put(acceptor, farewell);
}

static void let_go(struct hf_acceptor_worker *worker, uint32_t index)
{
    struct hf_acceptor_socket *socket = &worker->acceptor->sockets[index];
    if (worker->listening) {
        (void)epoll_ctl(worker->epoll, EPOLL_CTL_DEL, socket->fd, NULL);
    }
    worker->left |= bit(index);
    if (atomic_fetch_sub(&socket->holders, 1) == 1) {
        close_now(worker->acceptor, socket);
    }
}

static void end_all_of(struct hf_acceptor_worker *worker, uint32_t socket)
{
    struct hf_shake *shake = worker->oldest;
    while (shake != NULL) {
        struct hf_shake *next = shake->newer;
        if (shake->socket == socket) {
            hf_worker_finish(worker, shake, HF_ACCEPTED_ENDED, HF_E_DRAINED);
        }
        shake = next;
    }
}

void hf_worker_mind_closing(struct hf_acceptor_worker *worker)
{
    struct hf_acceptor *acceptor = worker->acceptor;
    for (uint32_t i = 0; i < acceptor->socket_count; i++) {
        if (!hf_worker_has_left(worker, i) && atomic_load(&acceptor->sockets[i].closing)) {
            let_go(worker, i);
        }
        if ((worker->ended & bit(i)) == 0 && atomic_load(&acceptor->sockets[i].ending)) {
            worker->ended |= bit(i);
            end_all_of(worker, i);
        }
    }
}

static hf_result begin_to_close(struct hf_acceptor *acceptor, struct hf_acceptor_socket *socket,
                                uint32_t index)
{
    struct hf_shake *farewell = hf_mem_new(sizeof(*farewell));
    HF_NEED_MEM(farewell);
    farewell->fd = -1;
    farewell->socket = index;
    farewell->outcome = HF_ACCEPTED_CLOSED;
    farewell->began = hf_acceptor_now();
    socket->farewell = farewell;
    atomic_store(&socket->holders, acceptor->running);
    atomic_store(&socket->closing, true);
    if (acceptor->running == 0) {
        close_now(acceptor, socket);
    }
    return hf_ok();
}

hf_result hf_acceptor_close_socket(struct hf_acceptor *acceptor, uint32_t index, bool end)
{
    HF_TRY(hf_acceptor_need_here(acceptor));
    HF_NEED(index < acceptor->socket_count, HF_E_BAD_ARGUMENT);
    struct hf_acceptor_socket *socket = &acceptor->sockets[index];
    if (atomic_load(&acceptor->stop)) {
        return hf_ok(); /* everything is closed */
    }
    if (!atomic_load(&socket->closing)) {
        HF_TRY(begin_to_close(acceptor, socket, index));
    }
    if (end) {
        atomic_store(&socket->ending, true);
    }
    for (uint32_t i = 0; i < acceptor->worker_count; i++) {
        hf_acceptor_wake(&acceptor->workers[i]);
    }
    return hf_ok();
}
#endif
