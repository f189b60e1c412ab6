/* SPDX-License-Identifier: Apache-2.0
 *
 * D7: the k-th allocation fails, for all k of a conversation, OpenSSL's allocations and the
 * engine's in one count. Nobody is let in by a failure, nothing is lost, and the next handshake is
 * good.
 *
 * OpenSSL takes other functions for its memory only before its first allocation, so this is a
 * program of its own.
 */
#include <string.h>

#include "hf_test.h"
#include "line_kit.h"
#include "ossl_memory.h"
#include "resume_kit.h"
#include "sweep_kit.h"

static const struct hf_policy_node nobody[] = {{.op = HF_POLICY_ANY}, {.op = HF_POLICY_NOT}};

static struct hf_config *client_config;
static struct hf_config *server_config;

static void start(const struct hf_policy_node *policy, size_t count)
{
    static struct tls_who client;
    static struct tls_who server;
    tls_who(&client, HF_ROLE_CLIENT);
    tls_who(&server, HF_ROLE_SERVER);
    server.policy = policy;
    server.policy_count = count;
    client_config = tls_config(&client);
    server_config = tls_config(&server);
}

static void finish(void)
{
    hf_config_unref(client_config);
    hf_config_unref(server_config);
}

/* What is held, without this thread's list of errors: it keeps names of some of the last sixteen,
 * more or fewer by the random numbers of the peers. */
static size_t held(void)
{
    OPENSSL_thread_stop();
    return hf_mem_live();
}

/* One conversation with the k-th allocation failing; k 0: none. Whether it came to that. */
static bool converse(struct line *line, size_t k)
{
    static const struct line good;
    *line = good;
    line_start(line, client_config, server_config);
    hf_mem_fail_at(k);
    line_run(line);
    bool hit = k != 0 && !hf_mem_fail_pending();
    hf_mem_fail_at(0);
    line_end_streams(line);
    return hit;
}

static bool is_identity(const struct line_end *end, const char *id)
{
    struct hf_peer peer;
    return hf_is_ok(hf_conn_peer(end->tls.conn, &peer)) && strcmp(peer.id, id) == 0;
}

/* An end that is done knows whom it talks to, and heard nothing but the truth. */
static bool is_sound(const struct line *line)
{
    return !line->client.heard_odd && !line->server.heard_odd &&
           (!line->client.tls.done || is_identity(&line->client, TLS_SERVER_ID)) &&
           (!line->server.tls.done || is_identity(&line->server, TLS_CLIENT_ID));
}

static void judge(struct sweep *sweep, struct line *line, bool refused)
{
    sweep->injected++;
    sweep->accepted += !is_sound(line) || (refused && line->server.tls.done);
    sweep->hung += !line_failed(&line->client) && !line_whole(&line->client);
    sweep->hung += !line_failed(&line->server) && !line_whole(&line->server);
    sweep_note(sweep, &line->client.tls);
    sweep_note(sweep, &line->server.tls);
}

/* Memory that is missing twice is lost: what stays after the first time may be a table of OpenSSL's
 * that is made once. */
static bool loses_memory(size_t k)
{
    struct line line;
    size_t before = held();
    (void)converse(&line, k);
    line_free(&line);
    return held() > before;
}

static void every_allocation(const char *kind, bool refused, size_t least)
{
    struct sweep sweep;
    struct line line;
    size_t stride = sweep_stride(1);
    sweep_start(&sweep, kind);
    sweep.no_memory = true;
    (void)converse(&line, 0);
    HF_CHECK(refused ? line.server.tls.result.code == HF_E_NOT_AUTHORIZED
                     : line_whole(&line.client) && line_whole(&line.server));
    line_free(&line);
    for (size_t k = 1;; k += stride) {
        size_t before = held();
        bool hit = converse(&line, k);
        if (hit) {
            judge(&sweep, &line, refused);
        }
        line_free(&line);
        if (held() > before && loses_memory(k)) {
            sweep.leaked++;
            (void)fprintf(stderr, "    leaked: allocation %zu\n", k);
        }
        if (!hit) {
            break;
        }
    }
    HF_CHECK(sweep.injected * stride >= least);
    HF_CHECK(sweep_report(&sweep));
    /* What failed left nothing behind: the next one is good. */
    (void)converse(&line, 0);
    HF_CHECK(refused || (line_whole(&line.client) && line_whole(&line.server)));
    line_free(&line);
}

/* The negative control: the count has OpenSSL's allocations, and a lost block shows in it. */
static void the_hook_counts(void)
{
    size_t before = hf_mem_live();
    void *block = OPENSSL_malloc(10);
    HF_CHECK(block != NULL && hf_mem_live() == before + 1);
    OPENSSL_free(block);
    HF_CHECK(hf_mem_live() == before);
    hf_mem_fail_at(1);
    block = OPENSSL_malloc(10);
    HF_CHECK(block == NULL);
    hf_mem_fail_at(0);
    hf_ossl_clear();
}

static void a_full_handshake(void)
{
    start(NULL, 0);
    every_allocation("k-th allocation fails, full handshake", false, 500);
    finish();
}

/* Who would be refused is refused whatever fails. */
static void a_refused_handshake(void)
{
    start(nobody, 2);
    every_allocation("k-th allocation fails, handshake to be refused", true, 500);
    finish();
}

/* ---- a second meeting, with a session to resume ---- */

/* Meet, and meet again with the k-th allocation failing; whether it came to that. With `refused`
 * the server's policy has changed in between. */
static bool meet_twice(struct resume_world *world, int version, size_t k, bool refused)
{
    resume_start(world, version);
    resume_meet(world);
    HF_CHECK(resume_both_open(world));
    if (refused) {
        world->server.policy = nobody;
        world->server.policy_count = 2;
    }
    resume_prepare(world);
    hf_mem_fail_at(k);
    tls_drive(&world->pair.client, &world->pair.server, SIZE_MAX);
    bool talked = tls_talk(&world->pair.client, &world->pair.server);
    bool hit = k != 0 && !hf_mem_fail_pending();
    hf_mem_fail_at(0);
    HF_CHECK(hit || talked || refused);
    return hit;
}

static bool knows(const struct tls_end *end, const char *id)
{
    struct hf_peer peer;
    return !end->done || (hf_is_ok(hf_conn_peer(end->conn, &peer)) && strcmp(peer.id, id) == 0);
}

static void judge_second(struct sweep *sweep, const struct resume_world *world, bool refused)
{
    const struct tls_pair *pair = &world->pair;
    sweep->injected++;
    sweep->accepted += !knows(&pair->client, TLS_SERVER_ID) ||
                       !knows(&pair->server, TLS_CLIENT_ID) || (refused && pair->server.done);
    sweep_note(sweep, &pair->client);
    sweep_note(sweep, &pair->server);
}

static bool loses_memory_twice(int version, size_t k, bool refused)
{
    struct resume_world world;
    size_t before = held();
    (void)meet_twice(&world, version, k, refused);
    resume_finish(&world);
    return held() > before;
}

static void every_allocation_of_a_second(const char *kind, int version, bool refused)
{
    struct sweep sweep;
    struct resume_world world;
    size_t stride = sweep_stride(version == HF_TLS13 && !refused ? 1 : 3);
    sweep_start(&sweep, kind);
    sweep.no_memory = true;
    (void)meet_twice(&world, version, 0, refused);
    /* The negative control: without a failure it is resumed, or refused. */
    HF_CHECK(refused ? world.pair.server.result.code == HF_E_NOT_AUTHORIZED
                     : resume_both_open(&world) && resume_resumed(&world));
    resume_finish(&world);
    for (size_t k = 1;; k += stride) {
        size_t before = held();
        bool hit = meet_twice(&world, version, k, refused);
        if (hit) {
            judge_second(&sweep, &world, refused);
        }
        resume_finish(&world);
        if (held() > before && loses_memory_twice(version, k, refused)) {
            sweep.leaked++;
            (void)fprintf(stderr, "    leaked: allocation %zu\n", k);
        }
        if (!hit) {
            break;
        }
    }
    HF_CHECK(sweep.injected * stride >= 100);
    HF_CHECK(sweep_report(&sweep));
}

static void a_resumed_handshake(void)
{
    every_allocation_of_a_second("k-th allocation fails, resumed handshake, TLS 1.3", HF_TLS13,
                                 false);
}

static void a_resumed_handshake_of_12(void)
{
    every_allocation_of_a_second("k-th allocation fails, resumed handshake, TLS 1.2", HF_TLS12,
                                 false);
}

/* P4: what a policy refuses by now is refused, whatever fails. */
static void a_session_that_is_refused(void)
{
    every_allocation_of_a_second("k-th allocation fails, session to be refused", HF_TLS13, true);
}

HF_TESTS({"the hook counts", the_hook_counts}, {"a full handshake", a_full_handshake},
         {"a refused handshake", a_refused_handshake}, {"a resumed handshake", a_resumed_handshake},
         {"a resumed handshake of 1.2", a_resumed_handshake_of_12},
         {"a session that is refused", a_session_that_is_refused})
