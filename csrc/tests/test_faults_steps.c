/* SPDX-License-Identifier: Apache-2.0
 *
 * Between two steps of a handshake, for all steps, bytes in pieces and one at a time: the wall
 * clock jumps (D11), or the process forks (D9).
 */
#include <sys/wait.h>
#include <unistd.h>

#include "hf_test.h"
#include "line_kit.h"
#include "sweep_kit.h"

#define YEARS (20 * 365 * 86400LL)
/* Long enough for a machine that is busy; a child that hangs is ended by then. */
#define PATIENCE 30

static struct hf_config *client_config;
static struct hf_config *server_config;

static void start(void)
{
    tls_good_configs(PKI_ED25519, &client_config, &server_config);
}

static void finish(void)
{
    hf_config_unref(client_config);
    hf_config_unref(server_config);
}

/* A conversation with something before its k-th step; false when it has fewer. */
static bool converse(struct line *line, enum line_fault fault, int to, size_t k,
                     line_at_step *at_step, void *arg)
{
    static const struct line none;
    *line = none;
    line->fault = fault;
    line->to = to;
    line->k = k;
    line->at_step = at_step;
    line->arg = arg;
    line_start(line, client_config, server_config);
    line_run(line);
    return line->steps >= k;
}

/* ---- the clock ---- */

static void jump(void *arg)
{
    const int64_t *seconds = arg;
    hf_clock_set(PKI_NOW + *seconds);
}

/* Who is done judged its peer at a moment at which the peer was good. */
static bool judged_wrongly(const struct line_end *end)
{
    struct hf_peer peer;
    if (!end->tls.done) {
        return false;
    }
    return !hf_is_ok(hf_conn_peer(end->tls.conn, &peer)) || peer.verified_at < peer.not_before ||
           peer.verified_at > peer.not_after;
}

static void jump_at_every_step(struct sweep *sweep, enum line_fault fault, int to, int64_t seconds)
{
    size_t stride = fault == LINE_GOOD ? 1 : sweep_stride(11);
    bool more = true;
    for (size_t k = 1; more; k += stride) {
        struct line line;
        size_t before = hf_mem_live();
        hf_clock_set(PKI_NOW);
        more = converse(&line, fault, to, k, jump, &seconds);
        if (more) {
            sweep->injected++;
            sweep->accepted += judged_wrongly(&line.client) || judged_wrongly(&line.server);
            line_end_streams(&line);
            sweep->hung += !line_failed(&line.client) && !line_whole(&line.client);
            sweep->hung += !line_failed(&line.server) && !line_whole(&line.server);
            sweep_note(sweep, &line.client.tls);
            sweep_note(sweep, &line.server.tls);
        }
        line_free(&line);
        sweep->leaked += hf_mem_live() != before;
    }
    hf_clock_set(PKI_NOW);
}

static void the_clock_jumps(const char *kind, int64_t seconds, uint32_t code)
{
    struct sweep sweep;
    size_t refusals = 0;
    start();
    sweep_start(&sweep, kind);
    jump_at_every_step(&sweep, LINE_GOOD, HF_ROLE_CLIENT, seconds);
    jump_at_every_step(&sweep, LINE_BYTES, HF_ROLE_CLIENT, seconds);
    jump_at_every_step(&sweep, LINE_BYTES, HF_ROLE_SERVER, seconds);
    for (size_t i = 0; i < SWEEP_CODES && sweep.codes[i].count != 0; i++) {
        uint32_t seen = sweep.codes[i].code;
        HF_CHECK(seen == code || seen == HF_E_PEER_ALERT || seen == HF_E_TRUNCATED);
        refusals += seen == code ? sweep.codes[i].count : 0;
    }
    /* The negative control: jumps before the judgement are seen, later ones change nothing. */
    HF_CHECK(refusals > 10 && refusals < sweep.injected);
    HF_CHECK(sweep_report(&sweep));
    finish();
}

static void forwards(void)
{
    the_clock_jumps("clock jumps forwards at every step", YEARS, HF_E_CERT_EXPIRED);
}

static void backwards(void)
{
    the_clock_jumps("clock jumps backwards at every step", -YEARS, HF_E_CERT_NOT_YET_VALID);
}

/* ---- fork ---- */

/* No code that a process ends with by accident. */
#define GOOD 42

/* A handshake of its own, from nothing; and the random bytes of its ClientHello. */
static bool fresh(uint8_t random[32])
{
    static const struct line good;
    struct line line = good;
    const uint8_t *hello;
    size_t len;
    int done;
    uint32_t want;
    line_start(&line, client_config, server_config);
    /* Behind the headers of the record and of the message, and the version. */
    bool fine = hf_is_ok(hf_conn_handshake(line.client.tls.conn, &done, &want)) &&
                hf_is_ok(hf_conn_outgoing(line.client.tls.conn, &hello, &len)) && len > 43 &&
                hf_mem_copy(random, 32, hello + 11, 32);
    line_run(&line);
    fine = fine && line_whole(&line.client) && line_whole(&line.server);
    line_free(&line);
    return fine;
}

struct fork_arg {
    int out; /* the child's random bytes come here */
    pid_t child;
    bool in_child;
};

static void fork_here(void *arg)
{
    struct fork_arg *at = arg;
    uint8_t random[32] = {0};
    int ends[2];
    HF_CHECK(pipe(ends) == 0);
    at->out = ends[0];
    at->child = fork();
    if (at->child != 0) {
        (void)close(ends[1]);
        return;
    }
    (void)alarm(PATIENCE);
    at->in_child = true;
    bool fine = fresh(random) && write(ends[1], random, sizeof(random)) == sizeof(random);
    if (!fine) {
        _exit(1);
    }
    /* And goes on with the connection that it has a copy of. */
}

static void join(struct sweep *sweep, struct fork_arg *at)
{
    uint8_t theirs[32];
    uint8_t ours[32];
    int status = 0;
    bool heard = read(at->out, theirs, sizeof(theirs)) == sizeof(theirs);
    (void)close(at->out);
    HF_CHECK(waitpid(at->child, &status, 0) == at->child);
    sweep->hung += WIFSIGNALED(status);
    HF_CHECK(heard && WIFEXITED(status) && WEXITSTATUS(status) == GOOD);
    /* Two processes with the same random numbers would have the same keys. */
    HF_CHECK(fresh(ours));
    sweep->accepted += hf_mem_equal(ours, sizeof(ours), theirs, sizeof(theirs));
}

static void fork_at_every_step(struct sweep *sweep, enum line_fault fault, int to, size_t stride)
{
    bool more = true;
    for (size_t k = 1; more; k += stride) {
        struct line line;
        struct fork_arg at = {-1, -1, false};
        size_t memory = hf_mem_live();
        size_t descriptors = sweep_descriptors();
        more = converse(&line, fault, to, k, fork_here, &at);
        bool whole = line_whole(&line.client) && line_whole(&line.server);
        line_free(&line);
        if (at.in_child) {
            _exit(whole && hf_mem_live() == memory ? GOOD : 2);
        }
        if (more) {
            sweep->injected++;
            HF_CHECK(whole);
            join(sweep, &at);
        }
        sweep->leaked += hf_mem_live() != memory || sweep_descriptors() != descriptors;
    }
}

static void the_process_forks(void)
{
    struct sweep sweep;
    start();
    sweep_start(&sweep, "fork at every step");
    fork_at_every_step(&sweep, LINE_GOOD, HF_ROLE_CLIENT, 1);
    fork_at_every_step(&sweep, LINE_BYTES, HF_ROLE_CLIENT, sweep_stride(53));
    fork_at_every_step(&sweep, LINE_BYTES, HF_ROLE_SERVER, sweep_stride(53));
    HF_CHECK(sweep.injected > 6);
    HF_CHECK(sweep_report(&sweep));
    finish();
}

HF_TESTS({"the clock jumps forwards", forwards}, {"the clock jumps backwards", backwards},
         {"the process forks", the_process_forks})
