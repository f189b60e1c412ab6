/* SPDX-License-Identifier: Apache-2.0
 *
 * The acceptor from the inside.
 *
 * Theory of operation. Each worker has an epoll of its own with the listening sockets (exclusive:
 * one wakes for a connection), an eventfd by which others wake it, and its handshakes. A handshake
 * is one struct from accept to the queue, so that putting a finished one into the queue needs no
 * memory and cannot fail. A handshake is a unit that is resumed by an event: nothing here assumes
 * that a step ends it.
 *
 *   accept --> worker's list (by age) --finish()--> queue --hf_acceptor_take()--> the caller
 *     the caller --hf_acceptor_hand_in()--> worker's inbox --^
 *
 * Invariants:
 *   1. A handshake is touched by its worker alone until it is in the queue, and then by whoever
 *      took it out, under the queue's lock.
 *   2. All handshakes have the same time, so a list by age is a list by deadline: its head is all
 *      that a timer has to look at.
 *   3. A worker frees handshakes only after it went through all events of one epoll_wait(): an
 *      event never names one that is gone.
 *   4. A descriptor leaves the worker's epoll before it is closed or given away.
 *   5. `under_way` of a socket counts what was accepted and not taken: it goes up once and down
 *      once for each.
 *   6. No worker waits for another one, nor for the caller.
 *   7. A socket's descriptor is closed by the last worker that lets go of it, or when there is no
 *      worker: none uses a number that may be another's.
 */
#ifndef HF_TLS_ACCEPTOR_H
#define HF_TLS_ACCEPTOR_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "tls/acceptor_sources.h"
#include "tls/config.h"

/* Milliseconds without a shortage after which the next one is told again. */
#define HF_ACCEPTOR_TELL_AGAIN 1000

struct hf_shake {
    struct hf_shake *older; /* in a worker's list */
    struct hf_shake *newer; /* the same; in the queue: the next one */
    struct hf_conn *conn;
    struct hf_source *source;
    int64_t began;   /* milliseconds, monotonic */
    uint64_t number; /* in the order of accepting, over all workers */
    uint64_t generation;
    int fd;
    uint32_t socket;
    uint32_t events; /* what epoll waits for */
    bool handed_in;  /* by somebody who waits for it, and to whom all of it belongs */
    int outcome;
    uint32_t code;
    int system;
    struct hf_remote remote;
};

struct hf_acceptor_worker {
    pthread_t thread;
    struct hf_acceptor *acceptor;
    uint32_t index;
    int epoll;
    int wake;
    bool listening;      /* the sockets are in the epoll */
    int64_t quiet_until; /* the system was short of something */
    struct hf_shake *oldest;
    struct hf_shake *newest;
    _Atomic uint64_t oldest_number; /* for the others; UINT64_MAX: none */
    atomic_uint asked_for_room;
    atomic_uint asked_for_descriptors;
    pthread_mutex_t inbox_lock;
    struct hf_shake *inbox; /* handed in, the newest first */
    uint32_t left;          /* bits of the closing sockets that it has let go of */
    uint32_t ended;         /* and of those whose handshakes it has ended */
};

struct hf_acceptor_socket {
    int fd;
    atomic_bool broken;
    atomic_size_t under_way;
    uint64_t generation; /* under `config_lock`, as the next two */
    size_t config_count;
    struct hf_config *configs[HF_ACCEPTOR_WORKERS_MAX];
    atomic_bool closing;
    atomic_bool ending;
    atomic_uint holders;       /* while closing: workers that have not let go of it */
    struct hf_shake *farewell; /* what the last one of them puts into the queue */
};

struct hf_acceptor_queue {
    pthread_mutex_t lock;
    int event;
    struct hf_shake *first;
    struct hf_shake *last;
    size_t failures;
    uint64_t *untold; /* by socket and row of the error table, and a row for GAVE_WAY */
    size_t rows;
    uint64_t untold_total;
    atomic_size_t ready; /* READY ones in it: read without the lock */
};

struct hf_acceptor {
    pid_t pid;
    uint32_t worker_count;
    uint32_t running;
    uint32_t max_handshakes;
    uint32_t max_waiting;
    int64_t handshake_ms;
    uint32_t socket_count;
    atomic_bool stop;
    atomic_bool paused;
    _Atomic int64_t short_since; /* the system was short of something then; told at most once in
                                  * HF_ACCEPTOR_TELL_AGAIN */
    atomic_uint handshakes;      /* under way */
    _Atomic uint64_t accepted;
    pthread_mutex_t config_lock;
    struct hf_sources sources;
    struct hf_acceptor_queue queue;
    struct hf_acceptor_socket sockets[HF_ACCEPTOR_SOCKETS_MAX];
    struct hf_acceptor_worker workers[HF_ACCEPTOR_WORKERS_MAX];
};

/* acceptor.c */
/* Not in a child of the process that made it (D9). */
HF_MUST_USE hf_result hf_acceptor_need_here(const struct hf_acceptor *acceptor);
/* What errno says now of the call that failed. */
HF_MUST_USE hf_result hf_acceptor_failed(const char *what);

/* acceptor_queue.c */
HF_MUST_USE hf_result hf_queue_open(struct hf_acceptor_queue *queue, size_t sockets);
void hf_queue_close(struct hf_acceptor_queue *queue);
/* Takes the handshake over; a failure too many is counted and freed. */
void hf_queue_put(struct hf_acceptor *acceptor, struct hf_shake *shake);
/* A failure that there was no memory for. */
void hf_queue_count(struct hf_acceptor *acceptor, uint32_t socket, uint32_t code);

/* acceptor_accept.c: take connections from a socket that has some. */
void hf_acceptor_accept(struct hf_acceptor_worker *worker, uint32_t socket);

/* acceptor_room.c */
/* Do what other workers have asked of this one. */
void hf_worker_give_way_as_asked(struct hf_acceptor_worker *worker);
/* When there are too many under way, the oldest of all workers gives way: at once when it is this
 * worker's, and else that worker is asked to look. */
void hf_acceptor_make_room(struct hf_acceptor_worker *worker);
/* The same for want of descriptors, however many are under way. */
void hf_acceptor_free_descriptor(struct hf_acceptor_worker *worker);
/* Accept nothing for a moment: what failed would fail again at once. */
void hf_worker_rest(struct hf_acceptor_worker *worker);

/* acceptor_inbox.c: begin what was handed in; free what nobody will begin. */
void hf_worker_open_inbox(struct hf_acceptor_worker *worker);
void hf_worker_empty_inbox(struct hf_acceptor_worker *worker);

/* acceptor_close.c: let go of sockets that are closing, and end what is to be ended. */
void hf_worker_mind_closing(struct hf_acceptor_worker *worker);
bool hf_worker_has_left(const struct hf_acceptor_worker *worker, uint32_t socket);

/* acceptor_worker.c */
void *hf_acceptor_work(void *worker);
bool hf_acceptor_may_accept(struct hf_acceptor *acceptor);
void hf_acceptor_wake(const struct hf_acceptor_worker *worker);
/* Into the worker's list; out of it and into the queue. */
void hf_worker_begin(struct hf_acceptor_worker *worker, struct hf_shake *shake);
void hf_worker_finish(struct hf_acceptor_worker *worker, struct hf_shake *shake, int outcome,
                      uint32_t code);
/* The worker's oldest one, if any, gives way. */
bool hf_worker_give_way(struct hf_acceptor_worker *worker);
/* Free one that is in no list: what it has left is closed. */
void hf_shake_free(struct hf_shake *shake);
/* Milliseconds that only grow. */
int64_t hf_acceptor_now(void);

#endif
