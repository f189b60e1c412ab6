/* SPDX-License-Identifier: Apache-2.0
 *
 * The fd form over socket pairs with small buffers: the same machine, and what sockets add to it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hf_test.h"
#include "tls_kit.h"

static struct tls_who client;
static struct tls_who server;

struct wire {
    struct hf_conn *conn[2]; /* client, server */
    int fd[2];
    int done[2];
    hf_result result[2];
    struct hf_error error[2];
};

static void connect_wire(struct wire *w)
{
    struct hf_config *ours = tls_config(&client);
    struct hf_config *theirs = tls_config(&server);
    int small = 4096;
    static const struct wire empty;
    *w = empty;
    HF_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, w->fd) == 0);
    for (int i = 0; i < 2; i++) {
        HF_CHECK(fcntl(w->fd[i], F_SETFL, O_NONBLOCK) == 0);
        HF_CHECK(setsockopt(w->fd[i], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)) == 0);
        HF_CHECK_OK(hf_conn_new(i == 0 ? ours : theirs, HF_NAME_NONE, NULL, 0, &w->conn[i]));
    }
    hf_config_unref(ours);
    hf_config_unref(theirs);
}

static void new_wire(struct wire *w)
{
    tls_who(&client, HF_ROLE_CLIENT);
    tls_who(&server, HF_ROLE_SERVER);
    connect_wire(w);
}

static void free_wire(struct wire *w)
{
    for (int i = 0; i < 2; i++) {
        tls_forget_chains(w->conn[i]);
        hf_conn_free(w->conn[i]);
        if (w->fd[i] >= 0) {
            (void)close(w->fd[i]);
        }
    }
}

static void hang_up(struct wire *w, int i)
{
    (void)close(w->fd[i]);
    w->fd[i] = -1;
}

static void step(struct wire *w, int i)
{
    uint32_t want;
    if (w->done[i] || !hf_is_ok(w->result[i])) {
        return;
    }
    w->result[i] = hf_conn_handshake_fd(w->conn[i], w->fd[i], &w->done[i], &want);
    if (!hf_is_ok(w->result[i])) {
        hf_error_copy(&w->error[i]);
        HF_CHECK(w->done[i] == 0);
        return;
    }
    HF_CHECK(w->done[i] || want != HF_WANT_NOTHING);
}

static bool shake(struct wire *w)
{
    for (int round = 0; round < 8; round++) {
        step(w, 0);
        step(w, 1);
    }
    return w->done[0] && w->done[1];
}

static void two_sockets_shake_hands(void)
{
    struct wire w;
    struct hf_peer peer;
    uint32_t want;
    new_wire(&w);
    step(&w, 1); /* a server first: it waits */
    HF_CHECK(w.conn[1]->ssl == NULL);
    HF_CHECK(shake(&w));
    HF_CHECK_OK(hf_conn_peer(w.conn[0], &peer));
    HF_CHECK(strcmp(peer.id, TLS_SERVER_ID) == 0);
    HF_CHECK_OK(hf_conn_peer(w.conn[1], &peer));
    HF_CHECK(strcmp(peer.id, TLS_CLIENT_ID) == 0);
    HF_CHECK_OK(hf_conn_flush_fd(w.conn[0], w.fd[0], &want));
    HF_CHECK(want == HF_WANT_NOTHING);
    free_wire(&w);
}

#define BULK 1000000

/* One side writes as fast as the socket takes it, the other reads in odd pieces. */
static void much_data_through_a_small_socket(void)
{
    static uint8_t sent[BULK];
    static uint8_t heard[BULK];
    struct wire w;
    size_t written = 0;
    size_t total = 0;
    bool waited = false;
    new_wire(&w);
    HF_CHECK(shake(&w));
    for (size_t i = 0; i < BULK; i++) {
        sent[i] = (uint8_t)(i * 7 + i / 253);
    }
    while (total < BULK) {
        size_t n = 0;
        uint32_t want = 0;
        if (written < BULK) {
            if (!HF_CHECK_OK(hf_conn_write_fd(w.conn[0], w.fd[0], sent + written, BULK - written,
                                              &n, &want))) {
                break;
            }
            written += n;
        } else if (!HF_CHECK_OK(hf_conn_flush_fd(w.conn[0], w.fd[0], &want))) {
            break;
        }
        waited |= want == HF_WANT_WRITE;
        HF_CHECK(hf_conn_pending_out(w.conn[0]) < 80000); /* bounded, however much there is */
        size_t cap = BULK - total < 7777 ? BULK - total : 7777;
        if (!HF_CHECK_OK(hf_conn_read_fd(w.conn[1], w.fd[1], heard + total, cap, &n, &want))) {
            break;
        }
        total += n;
    }
    HF_CHECK(waited);
    HF_CHECK(hf_mem_equal(sent, sizeof(sent), heard, total));
    free_wire(&w);
}

/* Nothing there: it says so, and holds no buffer while it waits (D2). */
static void an_idle_connection_holds_no_buffers(void)
{
    struct wire w;
    uint8_t byte;
    size_t len;
    uint32_t want;
    new_wire(&w);
    HF_CHECK(shake(&w));
    for (int i = 0; i < 2; i++) {
        HF_CHECK_OK(hf_conn_read_fd(w.conn[i], w.fd[i], &byte, 1, &len, &want));
        HF_CHECK(len == 0 && want == HF_WANT_READ);
        HF_CHECK(w.conn[i]->transport.in.cap == 0 && w.conn[i]->transport.out.cap == 0);
    }
    free_wire(&w);
}

/* What a refused client sees: the alert, though its own handshake was over (TLS 1.3). */
static void a_refusal_arrives_through_a_socket(void)
{
    struct wire w;
    uint8_t byte;
    size_t len;
    uint32_t want;
    static const struct hf_policy_node nobody[] = {{.op = HF_POLICY_ANY}, {.op = HF_POLICY_NOT}};
    tls_who(&client, HF_ROLE_CLIENT);
    tls_who(&server, HF_ROLE_SERVER);
    server.policy = nobody;
    server.policy_count = 2;
    connect_wire(&w);
    (void)shake(&w);
    HF_CHECK(w.done[0] && !w.done[1]);
    HF_CHECK_CODE(w.result[1], HF_E_NOT_AUTHORIZED);
    hang_up(&w, 1);
    HF_CHECK_CODE(hf_conn_read_fd(w.conn[0], w.fd[0], &byte, 1, &len, &want), HF_E_PEER_ALERT);
    HF_CHECK(len == 0);
    HF_CHECK(hf_error_current()->alert == w.error[1].alert);
    HF_CHECK_CODE(hf_conn_write_fd(w.conn[0], w.fd[0], &byte, 1, &len, &want), HF_E_PEER_ALERT);
    free_wire(&w);
}

/* The same when it writes first, into a socket that nobody reads any more. */
static void a_failed_write_does_not_hide_the_alert(void)
{
    struct wire w;
    uint8_t bytes[100] = {0};
    size_t len;
    uint32_t want;
    static const struct hf_policy_node nobody[] = {{.op = HF_POLICY_ANY}, {.op = HF_POLICY_NOT}};
    tls_who(&client, HF_ROLE_CLIENT);
    tls_who(&server, HF_ROLE_SERVER);
    server.policy = nobody;
    server.policy_count = 2;
    connect_wire(&w);
    (void)shake(&w);
    hang_up(&w, 1);
    HF_CHECK_CODE(hf_conn_write_fd(w.conn[0], w.fd[0], bytes, sizeof(bytes), &len, &want),
                  HF_E_RESET);
    HF_CHECK(hf_error_current()->system == EPIPE);
    HF_CHECK_CODE(hf_conn_write_fd(w.conn[0], w.fd[0], bytes, sizeof(bytes), &len, &want),
                  HF_E_RESET);
    HF_CHECK_CODE(hf_conn_read_fd(w.conn[0], w.fd[0], bytes, 1, &len, &want), HF_E_PEER_ALERT);
    free_wire(&w);
}

static void a_clean_end_and_a_cut(void)
{
    struct wire w;
    uint8_t byte;
    size_t len;
    uint32_t want;
    new_wire(&w);
    HF_CHECK(shake(&w));
    HF_CHECK_OK(hf_conn_close_fd(w.conn[0], w.fd[0], &want));
    HF_CHECK(want == HF_WANT_NOTHING);
    HF_CHECK_CODE(hf_conn_read_fd(w.conn[1], w.fd[1], &byte, 1, &len, &want), HF_E_CLOSED);
    hang_up(&w, 1);
    HF_CHECK_CODE(hf_conn_read_fd(w.conn[0], w.fd[0], &byte, 1, &len, &want), HF_E_TRUNCATED);
    free_wire(&w);
}

static void a_peer_that_goes_away_early(void)
{
    struct wire w;
    int done;
    uint32_t want;
    new_wire(&w);
    hang_up(&w, 1);
    HF_CHECK_CODE(hf_conn_handshake_fd(w.conn[0], w.fd[0], &done, &want), HF_E_TRUNCATED);
    free_wire(&w);

    new_wire(&w);
    step(&w, 0);
    hang_up(&w, 0);
    step(&w, 1);
    step(&w, 1);
    HF_CHECK(w.result[1].code == HF_E_TRUNCATED || w.result[1].code == HF_E_RESET);
    free_wire(&w);
}

static void not_a_socket_is_an_io_error(void)
{
    struct wire w;
    int done;
    uint32_t want;
    new_wire(&w);
    HF_CHECK_CODE(hf_conn_handshake_fd(w.conn[0], -1, &done, &want), HF_E_IO);
    HF_CHECK(hf_error_current()->system == EBADF);
    HF_CHECK_CODE(hf_conn_handshake_fd(w.conn[0], w.fd[0], &done, &want), HF_E_IO);
    free_wire(&w);
}

/* D7 in the fd form. */
static void no_memory_at_any_step(void)
{
    struct wire w;
    new_wire(&w);
    HF_CHECK(shake(&w));
    free_wire(&w);
    for (size_t k = 1; k < 1000; k++) {
        struct hf_config *ours = tls_config(&client);
        struct hf_config *theirs = tls_config(&server);
        size_t before = hf_mem_live();
        static const struct wire empty;
        w = empty;
        HF_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, w.fd) == 0);
        for (int i = 0; i < 2; i++) {
            HF_CHECK(fcntl(w.fd[i], F_SETFL, O_NONBLOCK) == 0);
            HF_CHECK_OK(hf_conn_new(i == 0 ? ours : theirs, HF_NAME_NONE, NULL, 0, &w.conn[i]));
        }
        hf_mem_fail_at(k);
        bool fine = shake(&w);
        hf_mem_fail_at(0);
        for (int i = 0; i < 2; i++) {
            HF_CHECK(w.result[i].code == HF_OK || w.result[i].code == HF_E_OUT_OF_MEMORY ||
                     w.result[i].code == HF_E_PEER_ALERT);
        }
        free_wire(&w);
        HF_CHECK(hf_mem_live() == before);
        hf_config_unref(ours);
        hf_config_unref(theirs);
        if (fine) {
            HF_CHECK(k > 8);
            break;
        }
    }
}

HF_TESTS({"two sockets shake hands", two_sockets_shake_hands},
         {"much data through a small socket", much_data_through_a_small_socket},
         {"an idle connection holds no buffers", an_idle_connection_holds_no_buffers},
         {"a refusal arrives through a socket", a_refusal_arrives_through_a_socket},
         {"a failed write does not hide the alert", a_failed_write_does_not_hide_the_alert},
         {"a clean end and a cut", a_clean_end_and_a_cut},
         {"a peer that goes away early", a_peer_that_goes_away_early},
         {"not a socket is an I/O error", not_a_socket_is_an_io_error},
         {"no memory at any step", no_memory_at_any_step})
