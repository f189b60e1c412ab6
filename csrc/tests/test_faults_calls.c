/* SPDX-License-Identifier: Apache-2.0
 *
 * The fd form over sockets whose system calls fail: the k-th recv or send, for all k, with each
 * error; short ones; and a connection that is reset, ended or silent after every byte (D4, D5,
 * D10).
 *
 * recv and send are defined here, so that the engine's calls come here and go on as recvfrom and
 * sendto when nothing is to happen.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hf_test.h"
#include "sweep_kit.h"

enum call_fault { CALL_GOOD, CALL_FAILS, CALL_SHORT, CALL_ALL_SHORT, CALL_BYTES };

static struct {
    enum call_fault fault;
    size_t k;   /* of CALL_FAILS and CALL_SHORT: which call, from 1 */
    int number; /* errno; of CALL_BYTES, 0: the stream ends */
    int fd;     /* of CALL_BYTES: whose recv */
    size_t at;  /* of CALL_BYTES: after so many bytes */
    size_t calls;
    size_t bytes;
    bool hit;
} plan;

/* How many bytes this call may move; 0: none, and errno is set (or, CALL_BYTES, the end). */
static size_t allowed(int fd, size_t len, bool receives)
{
    plan.calls++;
    switch (plan.fault) {
    case CALL_FAILS:
        plan.hit |= plan.calls == plan.k;
        errno = plan.number;
        return plan.calls == plan.k ? 0 : len;
    case CALL_SHORT:
        plan.hit |= plan.calls == plan.k;
        return plan.calls == plan.k ? 1 : len;
    case CALL_ALL_SHORT:
        plan.hit = true;
        return 1;
    case CALL_BYTES:
        if (fd != plan.fd || !receives) {
            return len;
        }
        plan.hit |= plan.bytes == plan.at;
        errno = plan.number;
        return plan.at - plan.bytes < len ? plan.at - plan.bytes : len;
    default:
        return len;
    }
}

ssize_t recv(int fd, void *to, size_t len, int flags)
{
    size_t n = allowed(fd, len, true);
    if (n == 0) {
        return plan.fault == CALL_BYTES && plan.number == 0 ? 0 : -1;
    }
    ssize_t got = recvfrom(fd, to, n, flags, NULL, NULL);
    if (fd == plan.fd && got > 0) {
        plan.bytes += (size_t)got;
    }
    return got;
}

ssize_t send(int fd, const void *from, size_t len, int flags)
{
    size_t n = allowed(fd, len, false);
    return n == 0 ? -1 : sendto(fd, from, n, flags, NULL, 0);
}

static struct hf_config *configs[2]; /* client, server */

static void start(void)
{
    tls_good_configs(PKI_ED25519, &configs[0], &configs[1]);
}

static void finish(void)
{
    hf_config_unref(configs[0]);
    hf_config_unref(configs[1]);
}

struct wire {
    struct tls_end end[2];
    int fd[2];
    bool heard[2];
    bool said[2];
};

static const uint8_t word[] = "as good as my word";

static void open_wire(struct wire *wire)
{
    static const struct wire empty;
    *wire = empty;
    HF_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, wire->fd) == 0);
    for (int i = 0; i < 2; i++) {
        HF_CHECK(fcntl(wire->fd[i], F_SETFL, O_NONBLOCK) == 0);
        tls_end_conn(&wire->end[i], configs[i]);
    }
    plan.calls = plan.bytes = 0;
    plan.hit = false;
}

static void close_wire(struct wire *wire)
{
    for (int i = 0; i < 2; i++) {
        tls_forget_chains(wire->end[i].conn);
        tls_end_free(&wire->end[i]);
        if (wire->fd[i] >= 0) {
            (void)close(wire->fd[i]);
        }
    }
}

static void keep(struct wire *wire, int i, hf_result r)
{
    struct tls_end *end = &wire->end[i];
    if (hf_is_ok(r) || !hf_is_ok(end->result)) {
        return;
    }
    end->result = r;
    hf_error_copy(&end->error);
    /* As whoever owns the socket does: the peer learns that nothing more comes. */
    (void)close(wire->fd[i]);
    wire->fd[i] = -1;
}

static void step(struct wire *wire, int i)
{
    struct tls_end *end = &wire->end[i];
    uint8_t heard[sizeof(word) + 1];
    size_t len = 0;
    uint32_t want;
    int done = 0;
    if (!hf_is_ok(end->result)) {
        return;
    }
    if (!end->done) {
        keep(wire, i, hf_conn_handshake_fd(end->conn, wire->fd[i], &done, &want));
        end->done = done != 0;
    }
    if (!end->done || !hf_is_ok(end->result)) {
        return;
    }
    if (!wire->said[i]) {
        keep(wire, i, hf_conn_write_fd(end->conn, wire->fd[i], word, sizeof(word), &len, &want));
        wire->said[i] = len != 0;
    } else {
        keep(wire, i, hf_conn_flush_fd(end->conn, wire->fd[i], &want));
    }
    if (!wire->heard[i] && hf_is_ok(end->result)) {
        keep(wire, i, hf_conn_read_fd(end->conn, wire->fd[i], heard, sizeof(heard), &len, &want));
        wire->heard[i] = hf_mem_equal(heard, len, word, sizeof(word));
    }
}

static bool both_heard(const struct wire *wire)
{
    return wire->heard[0] && wire->heard[1];
}

static void talk(struct wire *wire, int rounds)
{
    for (int round = 0; round < rounds && !both_heard(wire); round++) {
        step(wire, 0);
        step(wire, 1);
    }
}

/* More than any conversation here needs, one byte at a call included. */
#define ROUNDS 64
#define ROUNDS_SHORT 20000

struct reasons {
    uint32_t first;
    uint32_t second;
};

/* One conversation under the plan. `good`: it must come to its end all the same. */
static bool inject(struct sweep *sweep, bool good, int rounds, struct reasons allowed_reasons)
{
    struct wire wire;
    size_t memory = hf_mem_live();
    size_t descriptors = sweep_descriptors();
    open_wire(&wire);
    talk(&wire, rounds);
    bool hit = plan.hit;
    bool failed[2];
    for (int i = 0; i < 2; i++) {
        failed[i] = !hf_is_ok(wire.end[i].result);
    }
    if (hit) {
        sweep->injected++;
        HF_CHECK(!good || both_heard(&wire));
        sweep->hung += !both_heard(&wire) && !failed[0] && !failed[1];
        for (int i = 0; i < 2; i++) {
            uint32_t code = wire.end[i].result.code;
            sweep_note(sweep, &wire.end[i]);
            /* The other end sees a peer that is gone. */
            HF_CHECK(!failed[i] || code == allowed_reasons.first ||
                     code == allowed_reasons.second || code == HF_E_TRUNCATED ||
                     code == HF_E_RESET);
        }
    }
    close_wire(&wire);
    sweep->leaked += hf_mem_live() != memory || sweep_descriptors() != descriptors;
    return hit;
}

static void control(void)
{
    struct wire wire;
    plan.fault = CALL_GOOD;
    open_wire(&wire);
    talk(&wire, ROUNDS);
    HF_CHECK(both_heard(&wire) && plan.calls > 6);
    close_wire(&wire);
}

static void the_kth_call_fails(void)
{
    static const struct {
        int number;
        const char *kind;
        bool good;
        uint32_t code;
    } rows[] = {
        {EINTR, "k-th recv or send: EINTR", true, HF_OK},
        {EAGAIN, "k-th recv or send: EAGAIN", true, HF_OK},
        {ECONNRESET, "k-th recv or send: ECONNRESET", false, HF_E_RESET},
        {EPIPE, "k-th recv or send: EPIPE", false, HF_E_RESET},
        {EMFILE, "k-th recv or send: EMFILE", false, HF_E_IO},
        {ENOBUFS, "k-th recv or send: ENOBUFS", false, HF_E_IO},
        {ENOMEM, "k-th recv or send: ENOMEM", false, HF_E_IO},
    };
    start();
    control();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sweep sweep;
        struct reasons reasons = {rows[i].code, rows[i].code};
        sweep_start(&sweep, rows[i].kind);
        plan.fault = CALL_FAILS;
        plan.number = rows[i].number;
        for (plan.k = 1; inject(&sweep, rows[i].good, ROUNDS, reasons); plan.k++) {
        }
        HF_CHECK(sweep.injected > 6);
        HF_CHECK(sweep_report(&sweep));
    }
    finish();
}

static void short_calls(void)
{
    struct sweep sweep;
    struct reasons none = {HF_OK, HF_OK};
    start();
    sweep_start(&sweep, "short recv or send");
    plan.fault = CALL_SHORT;
    for (plan.k = 1; inject(&sweep, true, ROUNDS, none); plan.k++) {
    }
    plan.fault = CALL_ALL_SHORT;
    HF_CHECK(inject(&sweep, true, ROUNDS_SHORT, none));
    HF_CHECK(sweep_report(&sweep));
    finish();
}

/* After every byte that an end receives: nothing more, in one of three ways. */
static void after_every_byte(const char *kind, int number, uint32_t code)
{
    struct sweep sweep;
    struct reasons reasons = {code, HF_E_TRUNCATED};
    size_t stride = sweep_stride(5);
    start();
    sweep_start(&sweep, kind);
    plan.fault = CALL_BYTES;
    plan.number = number;
    for (int i = 0; i < 2; i++) {
        size_t total = SIZE_MAX;
        for (plan.at = 0; plan.at < total; plan.at += stride) {
            struct wire wire;
            size_t memory = hf_mem_live();
            open_wire(&wire);
            plan.fd = wire.fd[i];
            talk(&wire, ROUNDS);
            if (!plan.hit || wire.heard[i]) {
                total = 0; /* all of it had come */
            } else {
                sweep.injected++;
                /* Silence is for a deadline to end (D1); the end itself goes on waiting. */
                bool waits = hf_is_ok(wire.end[i].result);
                sweep.hung += waits != (number == EAGAIN);
                HF_CHECK(waits || wire.end[i].result.code == reasons.first);
                sweep_note(&sweep, &wire.end[0]);
                sweep_note(&sweep, &wire.end[1]);
            }
            close_wire(&wire);
            sweep.leaked += hf_mem_live() != memory;
        }
    }
    HF_CHECK(sweep.injected * stride > 1000);
    HF_CHECK(sweep_report(&sweep));
    finish();
}

static void reset_after_every_byte(void)
{
    after_every_byte("reset after every byte", ECONNRESET, HF_E_RESET);
}

static void ended_after_every_byte(void)
{
    after_every_byte("end without close_notify after every byte", 0, HF_E_TRUNCATED);
}

static void silent_after_every_byte(void)
{
    after_every_byte("silence after every byte", EAGAIN, HF_OK);
}

HF_TESTS({"the k-th call fails", the_kth_call_fails}, {"short calls", short_calls},
         {"reset after every byte", reset_after_every_byte},
         {"ended after every byte", ended_after_every_byte},
         {"silent after every byte", silent_after_every_byte})
