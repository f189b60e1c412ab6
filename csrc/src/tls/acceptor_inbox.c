/* SPDX-License-Identifier: Apache-2.0
 *
 * Connections that are handed to a worker: those of clients, which nobody accepts. They are lent:
 * the worker shakes hands on them, and neither frees nor closes anything. An inbox is emptied at
 * once by its worker, which begins what is in it in the order of coming, so that its list stays one
 * by age.
 */
#ifdef __linux__
#include <sys/epoll.h>

#include "tls/acceptor.h"
#include "tls/connection.h"

/* What is in the inbox, the oldest first, which is empty then. */
static struct hf_shake *take_all(struct hf_acceptor_worker *worker)
{
    struct hf_shake *oldest = NULL;
    (void)pthread_mutex_lock(&worker->inbox_lock);
    struct hf_shake *newest = worker->inbox;
    worker->inbox = NULL;
    (void)pthread_mutex_unlock(&worker->inbox_lock);
    while (newest != NULL) {
        struct hf_shake *before = newest->older;
        newest->older = NULL;
        newest->newer = oldest;
        oldest = newest;
        newest = before;
    }
    return oldest;
}

void hf_worker_open_inbox(struct hf_acceptor_worker *worker)
{
    struct hf_shake *shake = take_all(worker);
    while (shake != NULL) {
        struct hf_shake *next = shake->newer;
        shake->newer = NULL;
        hf_worker_begin(worker, shake);
        shake = next;
    }
}

void hf_worker_empty_inbox(struct hf_acceptor_worker *worker)
{
    struct hf_shake *shake = take_all(worker);
    while (shake != NULL) {
        struct hf_shake *next = shake->newer;
        hf_shake_free(shake);
        shake = next;
    }
}

hf_result hf_acceptor_hand_in(struct hf_acceptor *acceptor, uint32_t index, struct hf_conn *conn,
                              int fd, uint64_t tag)
{
    HF_TRY(hf_acceptor_need_here(acceptor));
    HF_NEED(conn != NULL && fd >= 0, HF_E_BAD_ARGUMENT);
    HF_NEED_SEEN(index < acceptor->running && !atomic_load(&acceptor->stop), HF_E_WRONG_STATE,
                 "a worker that runs", "number %u of %u", index, acceptor->running);
    struct hf_acceptor_worker *worker = &acceptor->workers[index];
    struct hf_shake *shake = hf_mem_new(sizeof(*shake));
    HF_NEED_MEM(shake);
    shake->conn = conn;
    shake->fd = fd;
    shake->generation = tag;
    shake->events = EPOLLOUT;
    shake->handed_in = true;
    shake->began = hf_acceptor_now();
    shake->number = atomic_fetch_add(&acceptor->accepted, 1);
    atomic_fetch_add(&acceptor->sockets[0].under_way, 1);
    (void)pthread_mutex_lock(&worker->inbox_lock);
    shake->older = worker->inbox;
    worker->inbox = shake;
    (void)pthread_mutex_unlock(&worker->inbox_lock);
    hf_acceptor_wake(worker);
    return hf_ok();
}
#endif
