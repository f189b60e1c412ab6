/* SPDX-License-Identifier: Apache-2.0
 *
 * handfast_acceptor.h - handshakes on threads of the engine's own. Included by handfast.h.
 *
 * Workers accept on listening sockets, shake hands and judge, each with an event loop (epoll) and
 * configurations of its own. Finished connections wait in one queue; hf_acceptor_event() is
 * readable while something is in it. Everything that a stranger can hold on to is bounded: the time
 * of a handshake, how many are under way in all and from one address, how many finished
 * ones wait (no more is accepted then), and how many failures are kept to be told one by one (the
 * others are counted by reason).
 *
 * The workers shake hands for clients as well, on connections that are handed in: by the same
 * loops, with the same deadline, and out of the same queue.
 *
 * Linux only so far: elsewhere hf_acceptor_available() is false, and making one fails.
 *
 * Fork: a child has none of the threads. Every function refuses there (HF_E_WRONG_STATE), and
 * hf_acceptor_free() closes the child's copies of the acceptor's own descriptors and nothing else:
 * connections that were under way stay open in the child until it executes or ends.
 */
#ifndef HANDFAST_ACCEPTOR_H
#define HANDFAST_ACCEPTOR_H

#include <stdbool.h>

#include "handfast.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HF_ACCEPTOR_WORKERS_MAX 64
#define HF_ACCEPTOR_SOCKETS_MAX 16
/* Failures that wait to be told one by one; past it they are counted. */
#define HF_ACCEPTOR_FAILURES_MAX 256

/* In the place of a listening socket: there is none, and workers do what is handed in. */
#define HF_ACCEPTOR_NO_SOCKET (-2)

struct hf_acceptor; /* owned; see each function for who may call it */

struct hf_acceptor_spec {
    const int *sockets; /* listening; duplicated, and made non-blocking (which is shared) */
    size_t socket_count;
    uint32_t workers;
    uint32_t max_handshakes; /* under way at once: past it the oldest one gives way */
    uint32_t max_per_source; /* of one IPv4 address or IPv6 /64; 0: no limit of its own */
    uint32_t max_waiting;    /* finished ones in the queue: nothing is accepted then */
    uint32_t handshake_ms;   /* from accept to the end of a handshake */
};

bool hf_acceptor_available(void);

/* Made, with no thread yet. Errors: HF_E_BAD_ARGUMENT, HF_E_IO, HF_E_CONFIG_INVALID where there is
 * no epoll. */
HF_MUST_USE hf_result hf_acceptor_new(const struct hf_acceptor_spec *spec,
                                      struct hf_acceptor **out);
/* Stops first. One thread, the last one to use it. */
void hf_acceptor_free(struct hf_acceptor *acceptor);

/* New handshakes of a socket use these from now on, configuration i on worker i; handshakes under
 * way end on what they began with. `generation` comes back with each connection. A count of 0:
 * there is nothing to answer with, and connections are refused. Any thread. */
HF_MUST_USE hf_result hf_acceptor_configure(struct hf_acceptor *acceptor, uint32_t socket,
                                            struct hf_config *const *configs, size_t count,
                                            uint64_t generation);

/* Make the threads, which take no signals. HF_E_IO when the system gives none; fewer than asked
 * for are enough. */
HF_MUST_USE hf_result hf_acceptor_start(struct hf_acceptor *acceptor);
/* End them: what is under way is closed, as are its copies of the listening sockets; what is in the
 * queue stays to be taken. Waits for a step of a handshake at most. Calling it again does nothing.
 */
HF_MUST_USE hf_result hf_acceptor_stop(struct hf_acceptor *acceptor);
/* Accept nothing, or go on; handshakes under way are not touched. Any thread. */
HF_MUST_USE hf_result hf_acceptor_pause(struct hf_acceptor *acceptor, bool paused);
/* Accept nothing more from one socket. When the last worker has let go of it, its copy is closed,
 * and HF_ACCEPTED_CLOSED comes out of the queue: from there on hf_acceptor_under_way() of it only
 * falls. With `end`, what is under way ends, too. The socket itself goes on listening as long as
 * others have it. From the thread that starts and stops; again, to end, is right. */
HF_MUST_USE hf_result hf_acceptor_close_socket(struct hf_acceptor *acceptor, uint32_t socket,
                                               bool end);

/* Lend a worker a connection whose handshake was not begun, and its connected, non-blocking socket.
 * Both stay the caller's, who leaves them alone until the `tag` comes out of the queue (under
 * socket 0, as a generation, without conn and fd), or until hf_acceptor_stop(): then the next step
 * of the connection finds it done, or repeats its failure. Every tag comes out, so the caller
 * bounds how many there are. To get one back early, shut its socket down. HF_E_WRONG_STATE where no
 * worker `index` runs. From the thread that starts and stops. */
HF_MUST_USE hf_result hf_acceptor_hand_in(struct hf_acceptor *acceptor, uint32_t index,
                                          struct hf_conn *conn, int fd, uint64_t tag);

#define HF_ACCEPTED_READY 1     /* verified and authorized: conn and fd are the caller's */
#define HF_ACCEPTED_REFUSED 2   /* conn is the caller's: its next step repeats the failure */
#define HF_ACCEPTED_TIMED_OUT 3 /* from here on there is no conn */
#define HF_ACCEPTED_GAVE_WAY 4  /* the oldest, for a newer one, or for want of descriptors */
#define HF_ACCEPTED_CROWDED 5   /* too many of its source are under way */
#define HF_ACCEPTED_NO_CONFIG 6 /* there was nothing to answer with */
#define HF_ACCEPTED_FAILED 7    /* the system failed us, not the peer: see `system` */
#define HF_ACCEPTED_SHORTAGE 8  /* nobody: accept() failed for want of something (`system`) */
#define HF_ACCEPTED_BROKEN 9    /* nobody: the listening socket is of no use any more (`system`) */
#define HF_ACCEPTED_ENDED 10    /* by hf_acceptor_close_socket() */
#define HF_ACCEPTED_CLOSED 11   /* nobody: the last worker has let go of the listening socket */

struct hf_accepted {
    struct hf_conn *conn;
    int fd; /* non-blocking; -1 when it was closed */
    int outcome;
    uint32_t code;       /* of the failure, 0 for READY */
    int32_t system;      /* errno, or 0 */
    uint32_t socket;     /* which of the listening sockets */
    uint32_t count;      /* of connections; more than 1: only counted, and no address is known */
    uint64_t generation; /* of the configuration that it began with; or its tag */
    int64_t age_ms;      /* since it was accepted */
    int family;          /* of the address: AF_INET, AF_INET6, another, or 0: not known */
    uint16_t port;
    uint32_t scope;
    uint8_t address[16];
};

/* Take what is in the queue, at most `cap`, oldest first. Any thread. */
HF_MUST_USE hf_result hf_acceptor_take(struct hf_acceptor *acceptor, struct hf_accepted *out,
                                       size_t cap, size_t *count);

/* Readable (poll) while something is in the queue. It belongs to the acceptor: do not read it. */
int hf_acceptor_event(const struct hf_acceptor *acceptor);

/* Connections of a socket that were accepted and not taken yet. After hf_acceptor_stop() and when
 * the queue is empty: those that it ended. */
size_t hf_acceptor_under_way(const struct hf_acceptor *acceptor, uint32_t socket);
/* Threads that run. */
uint32_t hf_acceptor_workers(const struct hf_acceptor *acceptor);

#ifdef __cplusplus
}
#endif

#endif
