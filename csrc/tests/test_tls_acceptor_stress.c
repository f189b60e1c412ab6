/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything at once (D8, P5): full and resumed handshakes, peers that babble and peers that leave,
 * while identities and bundles rotate every 50 ms and accepting is paused now and then. Worth most
 * under the thread sanitizer; HF_STRESS_SECONDS=600 for the long form (`make stress`).
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "acceptor_kit.h"
#include "hf_test.h"
#include "sweep_kit.h"

#define CLIENTS 3
#define ROTATE_MS 50

struct stress {
    struct acc acc;
    struct tls_who server;
    struct tls_who client;
    struct hf_config *client_config;
    struct pki_cert other;
    atomic_bool over;
    atomic_bool quiet; /* nobody comes any more */
    atomic_size_t good;
    atomic_size_t resumed;
    atomic_size_t bad;
    atomic_size_t rotations;
    atomic_size_t finished; /* clients that have gone for good */
};

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t seconds_to_run(void)
{
    const char *asked = getenv("HF_STRESS_SECONDS");
    return asked == NULL ? 2 : strtoll(asked, NULL, 10);
}

/* The client's handshake with a session of its own when it has one, and the byte that brings the
 * next one. */
static bool come(struct stress *stress, const uint8_t *key, size_t len)
{
    struct hf_conn *client;
    struct hf_conn_facts facts;
    uint8_t byte;
    size_t n = 0;
    int done = 0;
    uint32_t want;
    int fd = acc_connect(&stress->acc);
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    hf_result r = hf_conn_new(stress->client_config, HF_NAME_NONE, NULL, 0, &client);
    if (hf_is_ok(r) && len != 0) {
        r = hf_conn_set_session_key(client, key, len);
    }
    acc_unblock(fd);
    while (hf_is_ok(r) && done == 0) {
        r = hf_conn_handshake_fd(client, fd, &done, &want);
        if (hf_is_ok(r) && done == 0 && poll(&poll_fd, 1, ACC_PATIENCE) != 1) {
            r.code = HF_E_HANDSHAKE_TIMEOUT;
        }
    }
    while (hf_is_ok(r) && n == 0) {
        r = hf_conn_read_fd(client, fd, &byte, 1, &n, &want);
        if (hf_is_ok(r) && n == 0 && poll(&poll_fd, 1, ACC_PATIENCE) != 1) {
            r.code = HF_E_HANDSHAKE_TIMEOUT;
        }
    }
    if (HF_CHECK_OK(r) && HF_CHECK_OK(hf_conn_facts(client, &facts))) {
        atomic_fetch_add(&stress->resumed, facts.resumed ? 1 : 0);
    }
    hf_conn_free(client);
    (void)close(fd);
    return hf_is_ok(r);
}

static void babble(struct stress *stress, int way)
{
    int fd = acc_connect(&stress->acc);
    if (way == 0) {
        (void)send(fd, "GET / HTTP/1.1\r\n", 16, MSG_NOSIGNAL);
        HF_CHECK(acc_hangs_up(fd));
    } else if (way == 1) {
        (void)send(fd, "\x16\x03\x01\x02\x00\x01", 6, MSG_NOSIGNAL);
    } else if (way == 2) {
        struct linger rude = {.l_onoff = 1};
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &rude, sizeof(rude));
    }
    (void)close(fd);
    atomic_fetch_add(&stress->bad, 1);
}

/* Each with a destination of its own: they share configuration and store. */
static void *come_and_go(void *argument)
{
    struct stress *stress = argument;
    static atomic_uint number;
    uint8_t key = (uint8_t)atomic_fetch_add(&number, 1);
    for (int i = 0; !atomic_load(&stress->over); i++) {
        if (i % 6 == 5) {
            babble(stress, i / 6 % 4);
        } else {
            size_t key_len = i % 6 < 2 ? 0 : 1; /* without a key there is no session */
            atomic_fetch_add(&stress->good, come(stress, &key, key_len) ? 1 : 0);
        }
    }
    atomic_fetch_add(&stress->finished, 1);
    return NULL;
}

/* Each configuration is a new one, and every second bundle another. From now on the kit, which has
 * buffers of its own, is this thread's alone. */
static void *rotate(void *argument)
{
    struct stress *stress = argument;
    uint64_t generation = 1;
    while (!atomic_load(&stress->quiet)) {
        struct hf_config *configs[2];
        stress->server.also = generation % 2 == 0 ? &stress->other : NULL;
        configs[0] = tls_config(&stress->server);
        configs[1] = tls_config(&stress->server);
        HF_CHECK_OK(hf_acceptor_configure(stress->acc.acceptor, 0, configs, 2, ++generation));
        hf_config_unref(configs[0]);
        hf_config_unref(configs[1]);
        if (generation % 16 == 0) {
            HF_CHECK_OK(hf_acceptor_pause(stress->acc.acceptor, true));
            (void)poll(NULL, 0, 1);
            HF_CHECK_OK(hf_acceptor_pause(stress->acc.acceptor, false));
        }
        atomic_fetch_add(&stress->rotations, 1);
        (void)poll(NULL, 0, ROTATE_MS);
    }
    return NULL;
}

struct taken {
    size_t ready;
    size_t failed;
};

/* What Python's side does: the connection is used on another thread than the one it came from. */
static void take(struct stress *stress, struct taken *taken)
{
    struct hf_accepted items[16];
    struct pollfd poll_fd = {.fd = hf_acceptor_event(stress->acc.acceptor), .events = POLLIN};
    size_t count;
    if (poll(&poll_fd, 1, ROTATE_MS) != 1) {
        return;
    }
    HF_CHECK_OK(hf_acceptor_take(stress->acc.acceptor, items, 16, &count));
    for (size_t i = 0; i < count; i++) {
        if (items[i].outcome == HF_ACCEPTED_READY) {
            size_t n;
            uint32_t want;
            /* A client that has gone is its own business. */
            HF_CHECK_OK(
                hf_conn_write_fd(items[i].conn, items[i].fd, (const uint8_t *)"x", 1, &n, &want));
            taken->ready++;
        } else {
            HF_CHECK(items[i].code == HF_E_NOT_TLS || items[i].code == HF_E_TRUNCATED ||
                     items[i].code == HF_E_RESET);
            taken->failed += items[i].count;
        }
        acc_drop(&items[i]);
    }
}

static void start(struct stress *stress)
{
    kit_root(&stress->other, "another root", KIT_KEY(1));
    tls_who(&stress->server, HF_ROLE_SERVER);
    HF_CHECK_OK(hf_session_store_new(0, 0, &stress->server.sessions));
    HF_CHECK_OK(hf_chain_cache_new(NULL, &stress->server.cache));
    tls_who(&stress->client, HF_ROLE_CLIENT);
    HF_CHECK_OK(hf_session_store_new(0, 0, &stress->client.sessions));
    stress->client_config = tls_config(&stress->client);
    acc_open(&stress->acc, acc_spec(2), &stress->server);
}

static void everything_at_once(void)
{
    static struct stress stress;
    struct taken taken = {0};
    pthread_t threads[CLIENTS];
    pthread_t rotating;
    size_t descriptors = sweep_descriptors();
    start(&stress);
    int64_t until = now_ms() + seconds_to_run() * 1000;
    HF_CHECK(pthread_create(&rotating, NULL, rotate, &stress) == 0);
    for (size_t i = 0; i < CLIENTS; i++) {
        HF_CHECK(pthread_create(&threads[i], NULL, come_and_go, &stress) == 0);
    }
    /* Where much else runs, so many seconds may be too few for anybody to come back. */
    while (now_ms() < until ||
           (atomic_load(&stress.resumed) == 0 && now_ms() < until + ACC_PATIENCE)) {
        take(&stress, &taken);
    }
    atomic_store(&stress.over, true);
    until = now_ms() + 2 * ACC_PATIENCE;
    while (now_ms() < until && (atomic_load(&stress.finished) < CLIENTS ||
                                hf_acceptor_under_way(stress.acc.acceptor, 0) != 0)) {
        take(&stress, &taken);
    }
    HF_CHECK(hf_acceptor_under_way(stress.acc.acceptor, 0) == 0);
    for (size_t i = 0; i < CLIENTS; i++) {
        HF_CHECK(pthread_join(threads[i], NULL) == 0);
    }
    atomic_store(&stress.quiet, true);
    HF_CHECK(pthread_join(rotating, NULL) == 0);
    size_t good = atomic_load(&stress.good);
    HF_CHECK(good > 0 && taken.ready == good && atomic_load(&stress.resumed) > 0);
    (void)printf("good %zu, of them resumed %zu; bad %zu, told %zu; rotations %zu\n", good,
                 atomic_load(&stress.resumed), atomic_load(&stress.bad), taken.failed,
                 atomic_load(&stress.rotations));
    acc_close(&stress.acc);
    hf_config_unref(stress.client_config);
    hf_session_store_unref(stress.client.sessions);
    hf_session_store_unref(stress.server.sessions);
    hf_chain_cache_unref(stress.server.cache);
    HF_CHECK(sweep_descriptors() == descriptors);
}

HF_TESTS({"everything at once", everything_at_once})
