/* SPDX-License-Identifier: Apache-2.0
 *
 * An acceptor on loopback and clients for it, for the tests of the acceptor. A failure inside the
 * kit is a bug of the test: it ends the process.
 */
#ifndef HF_TESTS_ACCEPTOR_KIT_H
#define HF_TESTS_ACCEPTOR_KIT_H

#include "tls_kit.h"

/* Milliseconds after which something that should have happened has not. */
#define ACC_PATIENCE 20000

struct acc {
    struct hf_acceptor *acceptor;
    int socket;
    struct hf_config *server;
    struct hf_config *client;
};

/* Limits that no test reaches by accident; change what the test is about. */
struct hf_acceptor_spec acc_spec(uint32_t workers);
/* A listening socket on loopback. */
int acc_listen(void);
/* Made, configured for `server` (NULL: anybody of the domain may come in), not started. */
void acc_make(struct acc *out, struct hf_acceptor_spec spec, const struct tls_who *server);
/* The same, started. */
void acc_open(struct acc *out, struct hf_acceptor_spec spec, const struct tls_who *server);
/* Started, with a second socket of its own that nobody else has. */
void acc_open_two(struct acc *out, struct hf_acceptor_spec spec);
void acc_close(struct acc *acc);
/* Its configurations: `server` on every worker. */
void acc_configure(struct acc *acc, struct hf_config *server, uint64_t generation);

/* A connected TCP socket, blocking. */
int acc_connect(const struct acc *acc);
/* Make a socket non-blocking. */
void acc_unblock(int fd);
/* Wait for one entry of the queue, and take it. */
struct hf_accepted acc_next(struct acc *acc);
/* Nothing is in the queue. */
bool acc_is_empty(struct acc *acc);
/* Close what was handed out. */
void acc_drop(struct hf_accepted *item);
/* The peer closes or resets within the patience. */
bool acc_hangs_up(int fd);
/* Wait until this many are accepted and not taken. */
bool acc_until_under_way(const struct acc *acc, size_t count);
/* Wait until so many handshakes have a place: what is accepted later is later for all workers. */
bool acc_until_begun(const struct acc *acc, size_t count);

/* The client's handshake over a blocking socket. */
HF_MUST_USE hf_result acc_shake(struct hf_config *client, int fd, struct hf_conn **out);

#endif
