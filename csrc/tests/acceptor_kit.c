/* SPDX-License-Identifier: Apache-2.0 */
#include "acceptor_kit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tls/acceptor.h"

static void need(bool holds, const char *what)
{
    if (!holds) {
        (void)fprintf(stderr, "acceptor_kit: %s\n", what);
        exit(2);
    }
}

struct hf_acceptor_spec acc_spec(uint32_t workers)
{
    struct hf_acceptor_spec spec = {
        .workers = workers,
        .max_handshakes = 1000,
        .max_waiting = 1000,
        .handshake_ms = ACC_PATIENCE,
    };
    return spec;
}

int acc_listen(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    need(fd >= 0, "socket");
    need(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0, "bind");
    need(listen(fd, 1024) == 0, "listen");
    return fd;
}

void acc_configure(struct acc *acc, struct hf_config *server, uint64_t generation)
{
    struct hf_config *configs[HF_ACCEPTOR_WORKERS_MAX];
    for (size_t i = 0; i < HF_ACCEPTOR_WORKERS_MAX; i++) {
        configs[i] = server;
    }
    size_t count = server == NULL ? 0 : HF_ACCEPTOR_WORKERS_MAX;
    need(hf_is_ok(hf_acceptor_configure(acc->acceptor, 0, configs, count, generation)),
         "configure");
}

static void make_with(struct acc *out, struct hf_acceptor_spec spec, const struct tls_who *server,
                      size_t sockets)
{
    struct tls_who ours;
    struct tls_who theirs;
    tls_who(&ours, HF_ROLE_SERVER);
    tls_who(&theirs, HF_ROLE_CLIENT);
    out->server = tls_config(server == NULL ? &ours : server);
    out->client = tls_config(&theirs);
    out->socket = acc_listen();
    int listening[2] = {out->socket, sockets == 2 ? acc_listen() : -1};
    spec.sockets = listening;
    spec.socket_count = sockets;
    need(hf_is_ok(hf_acceptor_new(&spec, &out->acceptor)), "new");
    acc_configure(out, out->server, 1);
    if (sockets == 2) {
        (void)close(listening[1]); /* the acceptor has its copy */
    }
}

void acc_make(struct acc *out, struct hf_acceptor_spec spec, const struct tls_who *server)
{
    make_with(out, spec, server, 1);
}

void acc_open_two(struct acc *out, struct hf_acceptor_spec spec)
{
    make_with(out, spec, NULL, 2);
    need(hf_is_ok(hf_acceptor_start(out->acceptor)), "start");
}

void acc_open(struct acc *out, struct hf_acceptor_spec spec, const struct tls_who *server)
{
    acc_make(out, spec, server);
    need(hf_is_ok(hf_acceptor_start(out->acceptor)), "start");
}

void acc_close(struct acc *acc)
{
    hf_acceptor_free(acc->acceptor);
    hf_config_unref(acc->server);
    hf_config_unref(acc->client);
    (void)close(acc->socket);
}

int acc_connect(const struct acc *acc)
{
    struct sockaddr_in address;
    socklen_t len = sizeof(address);
    need(getsockname(acc->socket, (struct sockaddr *)&address, &len) == 0, "getsockname");
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    need(fd >= 0, "socket");
    need(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0, "connect");
    return fd;
}

void acc_unblock(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    need(flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0, "fcntl");
}

static bool wait_readable(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    return poll(&poll_fd, 1, ACC_PATIENCE) == 1;
}

struct hf_accepted acc_next(struct acc *acc)
{
    struct hf_accepted out = {0};
    size_t count;
    need(wait_readable(hf_acceptor_event(acc->acceptor)), "nothing came out of the queue");
    need(hf_is_ok(hf_acceptor_take(acc->acceptor, &out, 1, &count)) && count == 1, "take");
    return out;
}

bool acc_is_empty(struct acc *acc)
{
    struct pollfd poll_fd = {.fd = hf_acceptor_event(acc->acceptor), .events = POLLIN};
    return poll(&poll_fd, 1, 0) == 0;
}

void acc_drop(struct hf_accepted *item)
{
    hf_conn_free(item->conn);
    if (item->fd >= 0) {
        (void)close(item->fd);
    }
}

bool acc_hangs_up(int fd)
{
    uint8_t bytes[512];
    ssize_t n;
    do {
        if (!wait_readable(fd)) {
            return false;
        }
        n = recv(fd, bytes, sizeof(bytes), 0);
    } while (n > 0);
    return true;
}

static size_t begun(const struct acc *acc)
{
    return atomic_load(&acc->acceptor->handshakes);
}

static size_t under_way(const struct acc *acc)
{
    return hf_acceptor_under_way(acc->acceptor, 0);
}

static bool wait_until(size_t (*counted)(const struct acc *acc), const struct acc *acc,
                       size_t count)
{
    /* Not by hf_clock_now(): the kit has stopped that one. */
    int64_t until = hf_clock_monotonic() + ACC_PATIENCE / 1000;
    while (counted(acc) != count) {
        if (hf_clock_monotonic() > until) {
            return false;
        }
        (void)sched_yield();
    }
    return true;
}

bool acc_until_under_way(const struct acc *acc, size_t count)
{
    return wait_until(under_way, acc, count);
}

bool acc_until_begun(const struct acc *acc, size_t count)
{
    return wait_until(begun, acc, count);
}

hf_result acc_shake(struct hf_config *client, int fd, struct hf_conn **out)
{
    int done = 0;
    uint32_t want;
    acc_unblock(fd);
    HF_TRY(hf_conn_new(client, HF_NAME_NONE, NULL, 0, out));
    for (;;) {
        HF_TRY(hf_conn_handshake_fd(*out, fd, &done, &want));
        if (done != 0) {
            return hf_ok();
        }
        need(wait_readable(fd), "a handshake went nowhere");
    }
}
