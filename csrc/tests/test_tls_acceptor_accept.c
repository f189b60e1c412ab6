/* SPDX-License-Identifier: Apache-2.0
 *
 * What accept(2) returns, and what becomes of it (D2, D7, D10). The one of this program says what a
 * test wants, and the workers are no threads: a test is the worker.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "acceptor_kit.h"
#include "hf_test.h"
#include "tls/acceptor.h"

/* Of two; the other one has no configuration. */
#define SOCKET 1

static struct {
    bool on;        /* or else the system is asked */
    size_t waiting; /* connections */
    int then;       /* errno when there are none */
    struct sockaddr_storage from;
    socklen_t from_len;
    int as; /* the descriptor's number; -1: any */
    size_t calls;
    int flags;
} script;

int accept4(int fd, struct sockaddr *address, socklen_t *len, int flags);

int accept4(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
    int pair[2];
    if (!script.on) {
        return (int)syscall(SYS_accept4, fd, address, len, flags);
    }
    script.calls++;
    script.flags = flags;
    if (script.waiting == 0) {
        errno = script.then;
        return -1;
    }
    script.waiting--;
    HF_CHECK(*len == sizeof(script.from));
    (void)hf_mem_copy(address, *len, &script.from, sizeof(script.from));
    *len = script.from_len;
    HF_CHECK(socketpair(AF_UNIX, SOCK_STREAM | flags, 0, pair) == 0);
    (void)close(pair[1]);
    if (script.as >= 0) {
        HF_CHECK(dup2(pair[0], script.as) == script.as);
        (void)close(pair[0]);
        return script.as;
    }
    return pair[0];
}

static struct acc acc;
static struct hf_acceptor_worker *worker;
static size_t ended; /* by the end of a worker: counted, and told nobody */

static void start(void)
{
    struct tls_who who;
    struct hf_acceptor_spec spec = acc_spec(2);
    const int sockets[2] = {acc_listen(), acc_listen()};
    spec.sockets = sockets;
    spec.socket_count = 2;
    HF_CHECK_OK(hf_acceptor_new(&spec, &acc.acceptor));
    (void)close(sockets[0]);
    (void)close(sockets[1]);
    tls_who(&who, HF_ROLE_SERVER);
    acc.server = tls_config(&who);
    HF_CHECK_OK(hf_acceptor_configure(acc.acceptor, SOCKET, &acc.server, 1, 7));
    worker = &acc.acceptor->workers[0];
    script.from_len = sizeof(sa_family_t);
    script.from.ss_family = AF_UNIX;
    script.as = -1;
    script.calls = 0;
    script.on = true;
}

/* There is no thread that would end what is under way. */
static void finish(void)
{
    script.on = false;
    for (uint32_t i = 0; i < 2; i++) {
        while (hf_worker_give_way(&acc.acceptor->workers[i])) {
        }
    }
    while (!acc_is_empty(&acc)) {
        struct hf_accepted item = acc_next(&acc);
        acc_drop(&item);
    }
    HF_CHECK(hf_acceptor_under_way(acc.acceptor, SOCKET) == ended);
    ended = 0;
    hf_acceptor_free(acc.acceptor);
    hf_config_unref(acc.server);
}

static void says(int number)
{
    script.waiting = 0;
    script.then = number;
    hf_acceptor_accept(worker, SOCKET);
}

static void comes(size_t count)
{
    script.waiting = count;
    script.then = EAGAIN;
    hf_acceptor_accept(worker, SOCKET);
}

static bool is_told(int outcome, int number)
{
    if (acc_is_empty(&acc)) {
        return false;
    }
    struct hf_accepted item = acc_next(&acc);
    return item.outcome == outcome && item.system == number && item.socket == SOCKET &&
           item.count == 0 && item.code == HF_OK && item.conn == NULL && item.fd == -1 &&
           item.age_ms >= 0 && item.age_ms < ACC_PATIENCE;
}

static bool rests(int64_t least)
{
    bool quiet = worker->quiet_until != 0;
    HF_CHECK(!quiet ||
             (worker->quiet_until >= least && worker->quiet_until < least + ACC_PATIENCE));
    return quiet;
}

/* ---- what it says ------------------------------------------------------------------------- */

/* D10: told once, by whichever worker it was, and D7: later when there is no memory for it. */
static void a_socket_of_no_use(void)
{
    static const int numbers[] = {EBADF, EINVAL, ENOTSOCK, EOPNOTSUPP};
    for (size_t i = 0; i < 8; i++) {
        start();
        if (i >= 4) {
            hf_mem_fail_at(1);
            says(numbers[i % 4]);
            hf_mem_fail_at(0);
            HF_CHECK(acc_is_empty(&acc));
        }
        says(numbers[i % 4]);
        HF_CHECK(is_told(HF_ACCEPTED_BROKEN, numbers[i % 4]));
        HF_CHECK(atomic_load(&acc.acceptor->sockets[SOCKET].broken));
        worker = &acc.acceptor->workers[1];
        says(numbers[i % 4]);
        HF_CHECK(acc_is_empty(&acc) && !rests(0));
        finish();
    }
}

/* D10: told again after a second without; there is nobody to give way, so accepting rests. */
static void a_shortage(void)
{
    static const int numbers[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM};
    for (size_t i = 0; i < 4; i++) {
        start();
        int64_t began = hf_acceptor_now();
        says(numbers[i]);
        HF_CHECK(is_told(HF_ACCEPTED_SHORTAGE, numbers[i]));
        HF_CHECK(rests(began + 100));
        HF_CHECK(atomic_load(&acc.acceptor->short_since) >= began);
        /* The last one was just now, however long this test was not running. */
        atomic_store(&acc.acceptor->short_since, hf_acceptor_now() + ACC_PATIENCE);
        says(numbers[i]);
        HF_CHECK(acc_is_empty(&acc));
        int64_t before = hf_acceptor_now() - HF_ACCEPTOR_TELL_AGAIN - 1;
        atomic_store(&acc.acceptor->short_since, before);
        hf_mem_fail_at(1);
        says(numbers[i]);
        hf_mem_fail_at(0);
        HF_CHECK(acc_is_empty(&acc) && atomic_load(&acc.acceptor->short_since) == before);
        says(numbers[i]);
        HF_CHECK(is_told(HF_ACCEPTED_SHORTAGE, numbers[i]));
        finish();
    }
}

/* The oldest of this worker frees what is wanted: nobody has to rest. */
static void a_shortage_ends_the_oldest(void)
{
    start();
    comes(2);
    HF_CHECK(atomic_load(&acc.acceptor->handshakes) == 2);
    says(EMFILE);
    HF_CHECK(is_told(HF_ACCEPTED_SHORTAGE, EMFILE) && !rests(0));
    struct hf_accepted item = acc_next(&acc);
    HF_CHECK(item.outcome == HF_ACCEPTED_GAVE_WAY && item.code == HF_E_LIMIT);
    HF_CHECK(acc_is_empty(&acc) && atomic_load(&acc.acceptor->handshakes) == 1);
    finish();
}

/* A connection that is gone again, or none: the next one is asked for at once. */
static void what_passes(void)
{
    static const int numbers[] = {EAGAIN,      EINTR,     ECONNABORTED, EPROTO,       ENETDOWN,
                                  ENOPROTOOPT, EHOSTDOWN, ENONET,       EHOSTUNREACH, ENETUNREACH};
    start();
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        says(numbers[i]);
        HF_CHECK(acc_is_empty(&acc) && !rests(0));
    }
    HF_CHECK(script.calls == 10 && atomic_load(&acc.acceptor->short_since) < 0);
    finish();
}

/* Whatever else: nothing is told, and no worker spins. */
static void what_nobody_named(void)
{
    static const int numbers[] = {EPERM, EFAULT, EIO, EACCES, ETIMEDOUT};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        start();
        int64_t began = hf_acceptor_now();
        says(numbers[i]);
        HF_CHECK(acc_is_empty(&acc) && rests(began + 2));
        HF_CHECK(atomic_load(&acc.acceptor->short_since) < 0);
        finish();
    }
}

/* ---- connections -------------------------------------------------------------------------- */

/* P8: a few at once, so that those which are under way get their turn; D2: of each no more is known
 * than where it came from. */
static void four_at_once(void)
{
    start();
    HF_CHECK_OK(hf_acceptor_pause(acc.acceptor, true));
    comes(9);
    HF_CHECK(script.calls == 0);
    HF_CHECK_OK(hf_acceptor_pause(acc.acceptor, false));
    comes(9);
    HF_CHECK(script.calls == 4 && script.flags == (SOCK_NONBLOCK | SOCK_CLOEXEC));
    HF_CHECK(hf_acceptor_under_way(acc.acceptor, SOCKET) == 4);
    HF_CHECK(atomic_load(&acc.acceptor->handshakes) == 4);
    uint64_t number = 0;
    for (const struct hf_shake *shake = worker->oldest; shake != NULL; shake = shake->newer) {
        HF_CHECK(shake->number == number++ && shake->events == EPOLLIN);
        HF_CHECK(shake->socket == SOCKET && shake->generation == 7 && shake->conn != NULL);
        HF_CHECK(hf_acceptor_now() - shake->began < ACC_PATIENCE);
    }
    HF_CHECK(number == 4);
    finish();
}

/* Where it came from, as far as the system says; nothing of what lay there before. */
static void the_address_is_what_was_said(void)
{
    static const uint8_t host[16] = {0xfe, 0x80, [7] = 1, [15] = 9};
    for (int i = 0; i < 4; i++) {
        union {
            struct sockaddr_storage any;
            struct sockaddr_in v4;
            struct sockaddr_in6 v6;
            struct sockaddr_un local;
            uint8_t bytes[sizeof(struct sockaddr_storage)];
        } from;
        start();
        for (size_t k = 0; k < sizeof(from.bytes); k++) {
            from.bytes[k] = 0x5a;
        }
        if (i == 0) {
            from.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(1234)};
            from.v4.sin_addr.s_addr = htonl(0xc0000201);
            script.from_len = sizeof(from.v4);
        } else if (i == 1) {
            from.v6 = (struct sockaddr_in6){
                .sin6_family = AF_INET6, .sin6_port = htons(4321), .sin6_scope_id = 3};
            (void)hf_mem_copy(&from.v6.sin6_addr, 16, host, 16);
            script.from_len = sizeof(from.v6);
        } else {
            from.any.ss_family = i == 2 ? AF_UNIX : AF_INET;
            script.from_len = i == 2 ? sizeof(sa_family_t) : sizeof(sa_family_t) - 1;
        }
        script.from = from.any;
        HF_CHECK_OK(hf_acceptor_configure(acc.acceptor, SOCKET, NULL, 0, 8));
        comes(1);
        struct hf_accepted item = acc_next(&acc);
        HF_CHECK(item.outcome == HF_ACCEPTED_NO_CONFIG && item.code == HF_E_CONFIG_INVALID);
        HF_CHECK(item.fd == -1 && item.conn == NULL && item.count == 1 && item.generation == 8);
        static const int families[] = {AF_INET, AF_INET6, AF_UNIX, 0};
        static const uint16_t ports[] = {1234, 4321, 0, 0};
        static const uint8_t addresses[4][16] = {{192, 0, 2, 1}, {0xfe, 0x80, [7] = 1, [15] = 9}};
        HF_CHECK(item.family == families[i] && item.port == ports[i]);
        HF_CHECK(item.scope == (i == 1 ? 3 : 0));
        HF_CHECK(hf_mem_equal(item.address, 16, addresses[i], 16));
        finish();
    }
}

/* 0 is a descriptor as good as others: a program may have closed its input. */
static void the_number_may_be_zero(void)
{
    start();
    int saved = dup(0);
    script.as = 0;
    comes(1);
    HF_CHECK(worker->oldest != NULL && worker->oldest->fd == 0);
    atomic_store(&acc.acceptor->stop, true);
    HF_CHECK(hf_acceptor_work(worker) == NULL); /* it is closed, as all are at the end */
    ended = 1;
    HF_CHECK(fcntl(0, F_GETFD) < 0 && errno == EBADF);
    finish();
    HF_CHECK(saved < 0 || dup2(saved, 0) == 0);
    (void)close(saved);
}

/* D7: at each of its two allocations, and the next one comes in. */
static void without_memory_it_is_told(void)
{
    for (size_t k = 1; k <= 2; k++) {
        start();
        hf_mem_fail_at(k);
        comes(2);
        bool failed = !hf_mem_fail_pending();
        hf_mem_fail_at(0);
        HF_CHECK(failed && hf_acceptor_under_way(acc.acceptor, SOCKET) == 2);
        HF_CHECK(atomic_load(&acc.acceptor->handshakes) == 1);
        struct hf_accepted item = acc_next(&acc);
        HF_CHECK(item.outcome == HF_ACCEPTED_FAILED && item.code == HF_E_OUT_OF_MEMORY);
        HF_CHECK(item.fd == -1 && item.conn == NULL && item.count == 1 && item.socket == SOCKET);
        HF_CHECK(item.family == (k == 1 ? 0 : AF_UNIX));
        finish();
    }
}

HF_TESTS({"a socket of no use", a_socket_of_no_use}, {"a shortage", a_shortage},
         {"a shortage ends the oldest", a_shortage_ends_the_oldest}, {"what passes", what_passes},
         {"what nobody named", what_nobody_named}, {"four at once", four_at_once},
         {"the address is what was said", the_address_is_what_was_said},
         {"the number may be zero", the_number_may_be_zero},
         {"without memory it is told", without_memory_it_is_told})
