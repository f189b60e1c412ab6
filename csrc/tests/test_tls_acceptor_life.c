/* SPDX-License-Identifier: Apache-2.0
 *
 * The acceptor's beginning and end, what the system does to it (D7, D9, D10), and rotation under
 * load (P5, D8: worth most under the thread sanitizer).
 */
#include <errno.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "acceptor_kit.h"
#include "hf_test.h"
#include "sweep_kit.h"

static void specs_that_make_no_sense_are_refused(void)
{
    int socket = acc_listen();
    int closed = -1;
    struct hf_acceptor *acceptor;
    struct hf_acceptor_spec good = acc_spec(1);
    good.sockets = &socket;
    good.socket_count = 1;
    struct hf_acceptor_spec bad = good;
    bad.workers = 0;
    HF_CHECK_CODE(hf_acceptor_new(&bad, &acceptor), HF_E_BAD_ARGUMENT);
    bad = good;
    bad.workers = HF_ACCEPTOR_WORKERS_MAX + 1;
    HF_CHECK_CODE(hf_acceptor_new(&bad, &acceptor), HF_E_BAD_ARGUMENT);
    bad = good;
    bad.socket_count = 0;
    HF_CHECK_CODE(hf_acceptor_new(&bad, &acceptor), HF_E_BAD_ARGUMENT);
    bad = good;
    bad.max_waiting = 0;
    HF_CHECK_CODE(hf_acceptor_new(&bad, &acceptor), HF_E_BAD_ARGUMENT);
    bad = good;
    bad.sockets = &closed;
    HF_CHECK_CODE(hf_acceptor_new(&bad, &acceptor), HF_E_IO);
    HF_CHECK(hf_error_current()->system == EBADF && acceptor == NULL);
    (void)close(socket);
}

static void stopping_leaves_nothing(void)
{
    struct hf_accepted item;
    struct hf_conn *client;
    for (int round = 0; round < 2; round++) {
        struct acc acc;
        size_t memory = hf_mem_live();
        size_t descriptors = sweep_descriptors();
        acc_open(&acc, acc_spec(2), NULL);
        int silent = acc_connect(&acc);
        int half = acc_connect(&acc);
        HF_CHECK(send(half, "\x16\x03\x01\x02", 4, MSG_NOSIGNAL) == 4);
        int ready = acc_connect(&acc);
        HF_CHECK_OK(acc_shake(acc.client, ready, &client));
        HF_CHECK(acc_until_under_way(&acc, 3));
        while (acc_is_empty(&acc)) {
        }
        HF_CHECK_OK(hf_acceptor_stop(acc.acceptor));
        HF_CHECK_OK(hf_acceptor_stop(acc.acceptor));
        HF_CHECK(acc_hangs_up(silent) && acc_hangs_up(half));
        if (round == 0) { /* what was done can still be taken, or goes with the acceptor */
            item = acc_next(&acc);
            HF_CHECK(item.outcome == HF_ACCEPTED_READY);
            acc_drop(&item);
            HF_CHECK(hf_acceptor_under_way(acc.acceptor, 0) == 2);
        }
        HF_CHECK_CODE(hf_acceptor_start(acc.acceptor), HF_E_WRONG_STATE);
        hf_conn_free(client);
        (void)close(silent);
        (void)close(half);
        (void)close(ready);
        acc_close(&acc);
        HF_CHECK(hf_mem_live() == memory);
        HF_CHECK(sweep_descriptors() == descriptors);
    }
}

/* D7: at each allocation of making one. */
static void no_memory_to_make_one(void)
{
    int socket = acc_listen();
    struct hf_acceptor_spec spec = acc_spec(2);
    spec.sockets = &socket;
    spec.socket_count = 1;
    spec.max_per_source = 1;
    size_t memory = hf_mem_live();
    size_t descriptors = sweep_descriptors();
    size_t failed = 0;
    for (size_t k = 1; k < 100; k++) {
        struct hf_acceptor *acceptor;
        hf_mem_fail_at(k);
        hf_result r = hf_acceptor_new(&spec, &acceptor);
        bool pending = hf_mem_fail_pending();
        hf_mem_fail_at(0);
        hf_acceptor_free(acceptor);
        if (pending) {
            break;
        }
        failed++;
        HF_CHECK_CODE(r, HF_E_OUT_OF_MEMORY);
    }
    HF_CHECK(failed == 3);
    HF_CHECK(hf_mem_live() == memory && sweep_descriptors() == descriptors);
    (void)close(socket);
}

/* D10: told once, and over when there are descriptors again. */
static void no_descriptors_for_a_while(void)
{
    struct acc acc;
    struct rlimit before;
    struct hf_accepted item;
    struct hf_conn *client;
    acc_open(&acc, acc_spec(2), NULL);
    int fd = acc_connect(&acc);
    HF_CHECK(acc_until_under_way(&acc, 1));
    HF_CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    int next = acc_connect(&acc);
    HF_CHECK(acc_until_under_way(&acc, 2));
    int late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct rlimit none = before;
    none.rlim_cur = 3; /* those that are there stay */
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);
    HF_CHECK(getsockname(acc.socket, (struct sockaddr *)&address, &len) == 0);
    HF_CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
    HF_CHECK(connect(late, (struct sockaddr *)&address, len) == 0);
    bool shortage = false;
    size_t gave_way = 0;
    while (gave_way < 2 || !shortage) { /* both make room, which does not help here */
        item = acc_next(&acc);
        shortage |= item.outcome == HF_ACCEPTED_SHORTAGE && item.system == EMFILE;
        gave_way += item.outcome == HF_ACCEPTED_GAVE_WAY ? 1 : 0;
    }
    HF_CHECK(acc_is_empty(&acc));
    HF_CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
    HF_CHECK_OK(acc_shake(acc.client, late, &client));
    item = acc_next(&acc);
    HF_CHECK(item.outcome == HF_ACCEPTED_READY);
    acc_drop(&item);
    hf_conn_free(client);
    (void)close(fd);
    (void)close(next);
    (void)close(late);
    acc_close(&acc);
}

static void a_listening_socket_that_ends_is_told_once(void)
{
    struct acc acc;
    acc_open(&acc, acc_spec(2), NULL);
    HF_CHECK(shutdown(acc.socket, SHUT_RD) == 0);
    struct hf_accepted item = acc_next(&acc);
    HF_CHECK(item.outcome == HF_ACCEPTED_BROKEN && item.system == EINVAL && item.count == 0);
    HF_CHECK(acc_is_empty(&acc));
    acc_close(&acc);
}

/* D9. The child runs nothing but the refusals. */
static void a_child_is_refused(void)
{
    struct acc acc;
    int status = 0;
    acc_open(&acc, acc_spec(2), NULL);
    pid_t child = fork();
    if (child == 0) {
        struct hf_accepted item;
        size_t count;
        bool refused = hf_acceptor_pause(acc.acceptor, true).code == HF_E_WRONG_STATE &&
                       hf_acceptor_stop(acc.acceptor).code == HF_E_WRONG_STATE &&
                       hf_acceptor_take(acc.acceptor, &item, 1, &count).code == HF_E_WRONG_STATE;
        hf_acceptor_free(acc.acceptor);
        _exit(refused ? 0 : 1);
    }
    HF_CHECK(child > 0 && waitpid(child, &status, 0) == child);
    HF_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    acc_close(&acc);
}

#define CLIENTS 3
#define HANDSHAKES 20

static void *come_and_go(void *argument)
{
    const struct acc *acc = argument;
    size_t *good = hf_mem_new(sizeof(*good));
    for (int i = 0; i < HANDSHAKES && good != NULL; i++) {
        struct hf_conn *client = NULL;
        int fd = acc_connect(acc);
        *good += hf_is_ok(acc_shake(acc->client, fd, &client)) ? 1 : 0;
        hf_conn_free(client);
        (void)close(fd);
    }
    return good;
}

/* P5: configurations change all the time, and nobody is refused for it. */
static void rotation_loses_nobody(void)
{
    struct acc acc;
    struct tls_who server;
    pthread_t threads[CLIENTS];
    uint64_t newest = 1;
    size_t ready = 0;
    tls_who(&server, HF_ROLE_SERVER);
    acc_open(&acc, acc_spec(2), &server);
    for (size_t i = 0; i < CLIENTS; i++) {
        HF_CHECK(pthread_create(&threads[i], NULL, come_and_go, &acc) == 0);
    }
    while (ready < CLIENTS * HANDSHAKES) {
        struct hf_config *next = tls_config(&server);
        acc_configure(&acc, next, ++newest);
        hf_config_unref(next);
        struct hf_accepted item = acc_next(&acc);
        HF_CHECK(item.outcome == HF_ACCEPTED_READY && item.generation <= newest);
        ready++;
        acc_drop(&item);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        void *good = NULL;
        HF_CHECK(pthread_join(threads[i], &good) == 0);
        HF_CHECK(good != NULL && *(size_t *)good == HANDSHAKES);
        hf_mem_free(good);
    }
    acc_close(&acc);
}

HF_TESTS({"specs that make no sense are refused", specs_that_make_no_sense_are_refused},
         {"stopping leaves nothing", stopping_leaves_nothing},
         {"no memory to make one", no_memory_to_make_one},
         {"no descriptors for a while", no_descriptors_for_a_while},
         {"a listening socket that ends is told once", a_listening_socket_that_ends_is_told_once},
         {"a child is refused", a_child_is_refused},
         {"rotation loses nobody", rotation_loses_nobody})
