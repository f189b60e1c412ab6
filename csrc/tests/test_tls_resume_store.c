/* SPDX-License-Identifier: Apache-2.0
 *
 * The store of sessions: its bounds, its threads and forks, and what happens without memory.
 */
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hf_test.h"
#include "resume_kit.h"

static struct resume_world world;

/* D9: the child has no sessions of its parent's, and uses up none. */
static void a_child_starts_without(void)
{
    int status = -1;
    resume_start(&world, HF_TLS13);
    HF_CHECK(resume_meets_anew(&world));
    pid_t child = fork();
    if (child == 0) {
        struct hf_session_statistics now;
        bool good = true;
        hf_session_store_statistics(world.server.sessions, &now);
        good = good && now.entries == 0;
        good = good && resume_meets_anew(&world) && resume_resumes(&world);
        _exit(good ? 0 : 1);
    }
    HF_CHECK(child > 0 && waitpid(child, &status, 0) == child);
    HF_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    HF_CHECK(resume_resumes(&world));
    resume_finish(&world);
}

/* R10: peers that come once and never again. */
static void the_store_is_bounded(void)
{
    struct hf_session_statistics now;
    resume_start(&world, HF_TLS13);
    hf_session_store_unref(world.server.sessions);
    HF_CHECK_OK(hf_session_store_new(5, 0, &world.server.sessions));
    for (int i = 0; i < 20; i++) {
        HF_CHECK(!resume_theirs(&world, NULL, NULL, NULL, NULL));
    }
    hf_session_store_statistics(world.server.sessions, &now);
    HF_CHECK(now.max_entries == 5 && now.entries == 5 && now.inserts == 20 && now.evictions == 15);
    hf_session_store_clear(world.server.sessions);
    hf_session_store_statistics(world.server.sessions, &now);
    HF_CHECK(now.entries == 0);
    resume_finish(&world);
}

/* A client keeps a few for a destination, and each of TLS 1.3 goes to one connection only. */
static void a_client_keeps_a_few(void)
{
    static struct tls_pair pairs[HF_SESSIONS_PER_KEY + 2];
    const size_t count = sizeof(pairs) / sizeof(pairs[0]);
    struct hf_session_statistics now;
    resume_start(&world, HF_TLS13);
    for (int i = 0; i < 6; i++) {
        HF_CHECK(i == 0 ? resume_meets_anew(&world) : resume_resumes(&world));
        HF_CHECK(tls_talk(&world.pair.client, &world.pair.server));
    }
    hf_session_store_statistics(world.client.sessions, &now);
    HF_CHECK(now.entries == 1 && now.hits == 5);
    /* All begin with nothing to offer, and each is given one. */
    hf_session_store_clear(world.client.sessions);
    for (size_t i = 0; i < count; i++) {
        resume_prepare(&world);
        pairs[i] = world.pair;
        world.pair = (struct tls_pair){0};
        tls_step(&pairs[i].client);
    }
    for (size_t i = 0; i < count; i++) {
        tls_drive(&pairs[i].client, &pairs[i].server, SIZE_MAX);
        HF_CHECK(tls_talk(&pairs[i].client, &pairs[i].server));
        hf_session_store_statistics(world.client.sessions, &now);
        HF_CHECK(now.entries == (i < HF_SESSIONS_PER_KEY ? i + 1 : HF_SESSIONS_PER_KEY));
        tls_pair_free(&pairs[i]);
    }
    resume_finish(&world);
}

/* TLS 1.2: one session for as long as nothing else is known of the peer, on either side. */
static void an_unchanged_session_is_kept_once(void)
{
    struct hf_session_statistics client;
    struct hf_session_statistics server;
    resume_start(&world, HF_TLS12);
    HF_CHECK(resume_meets_anew(&world));
    for (int i = 0; i < 3; i++) {
        HF_CHECK(resume_resumes(&world));
    }
    hf_session_store_statistics(world.client.sessions, &client);
    hf_session_store_statistics(world.server.sessions, &server);
    HF_CHECK(server.inserts == 1 && server.entries == 1 && client.entries == 1);
    resume_finish(&world);
}

/* D7: any allocation of a handshake that would resume may fail. It ends in a failure, a full
 * handshake or a resumed one, and nothing is left behind. */
static void no_memory(void)
{
    size_t refused = 0;
    for (size_t way = 0; way < RESUME_WAYS; way++) {
        bool pending = false;
        resume_start_way(&world, way);
        HF_CHECK(resume_meets_anew(&world));
        for (size_t k = 1; !pending; k++) {
            HF_CHECK(k < 200);
            resume_meet(&world);
            resume_prepare(&world);
            hf_mem_fail_at(k);
            tls_drive(&world.pair.client, &world.pair.server, SIZE_MAX);
            pending = hf_mem_fail_pending();
            hf_mem_fail_at(0);
            bool open = resume_both_open(&world);
            HF_CHECK(open || !hf_is_ok(world.pair.client.result) ||
                     !hf_is_ok(world.pair.server.result));
            refused += !open;
            if (open) {
                (void)resume_resumed(&world); /* or the ends do not agree on it */
            }
        }
        HF_CHECK(resume_both_open(&world) && resume_resumed(&world));
        resume_finish(&world);
    }
    HF_CHECK(refused > 10);
}

static void nothing_is_left(void)
{
    size_t before = hf_mem_live();
    for (size_t way = 0; way < RESUME_WAYS; way++) {
        resume_start_way(&world, way);
        HF_CHECK(resume_meets_anew(&world) && resume_resumes(&world));
        resume_finish(&world);
    }
    HF_CHECK(hf_mem_live() == before);
}

static void limits_and_keys(void)
{
    struct hf_session_store *store;
    struct tls_end end;
    HF_CHECK_CODE(hf_session_store_new(HF_SESSION_ENTRIES_MAX + 1, 0, &store), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_session_store_new(0, HF_SESSION_AGE_MAX + 1, &store), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_session_store_new(0, -1, &store), HF_E_BAD_ARGUMENT);
    resume_start(&world, HF_TLS13);
    struct hf_config *config = tls_config(&world.server);
    tls_end_conn(&end, config);
    int64_t when;
    HF_CHECK_CODE(hf_conn_set_session_key(end.conn, NULL, 0), HF_E_WRONG_STATE);
    HF_CHECK_CODE(hf_conn_authenticated_at(end.conn, &when), HF_E_WRONG_STATE);
    tls_end_free(&end);
    hf_config_unref(config);
    HF_CHECK(resume_meets_anew(&world));
    HF_CHECK_CODE(hf_conn_set_session_key(world.pair.client.conn, NULL, 0), HF_E_WRONG_STATE);
    resume_finish(&world);
}

/* A chain that fills the limit exactly is resumed, one byte more is not: memory is bounded. */
static void large_chains_are_not_kept(void)
{
    static uint8_t filling[PKI_POOL - 256];
    const size_t longer[] = {0, 1};
    for (size_t i = 0; i < 2; i++) {
        struct pki_spec spec;
        size_t len = sizeof(filling) - 512;
        resume_start(&world, HF_TLS13);
        while (world.client.chain[0].len != HF_SESSION_CHAIN_MAX + longer[i]) {
            HF_CHECK(len <= sizeof(filling));
            pki_leaf(&spec, "root", TLS_CLIENT_ID, world.client.key);
            struct der_bytes value = {filling, len};
            pki_add(&spec, "1.3.6.1.4.1.1", false, value);
            tls_who_leaf(&world.client, &spec, world.client.key);
            len += HF_SESSION_CHAIN_MAX + longer[i] - world.client.chain[0].len;
        }
        HF_CHECK(resume_meets_anew(&world));
        HF_CHECK(resume_resumes(&world) == (longer[i] == 0));
        resume_finish(&world);
    }
}

/* What is over goes when others come, although nobody asks for it. */
static void what_is_over_goes(void)
{
    struct hf_session_statistics now;
    resume_start(&world, HF_TLS13);
    hf_session_store_unref(world.server.sessions);
    HF_CHECK_OK(hf_session_store_new(24, 100, &world.server.sessions));
    for (int i = 0; i < 3; i++) {
        HF_CHECK(!resume_theirs(&world, NULL, NULL, NULL, NULL));
    }
    resume_clock(100);
    for (int i = 0; i < 3; i++) {
        HF_CHECK(!resume_theirs(&world, NULL, NULL, NULL, NULL));
    }
    hf_session_store_statistics(world.server.sessions, &now);
    HF_CHECK(now.entries == 3 && now.inserts == 6 && now.evictions == 0);
    resume_finish(&world);
}

#define THREADS 4
#define MEETINGS 40

static struct hf_config *shared_client;
static struct hf_config *shared_server;

struct worker {
    int open;
    int resumed;
};

/* All threads are one destination to each other, so they take each other's sessions. */
static void *meet_again(void *arg)
{
    struct worker *worker = arg;
    for (int i = 0; i < MEETINGS; i++) {
        struct tls_end client;
        struct tls_end server;
        struct hf_conn_facts facts = {0};
        tls_end_conn(&client, shared_client);
        tls_end_conn(&server, shared_server);
        if (hf_is_ok(hf_conn_set_session_key(client.conn, (const uint8_t *)"db", 2))) {
            tls_drive(&client, &server, SIZE_MAX);
        }
        worker->open += tls_talk(&client, &server) ? 1 : 0;
        worker->resumed += hf_is_ok(hf_conn_facts(server.conn, &facts)) && facts.resumed == 1;
        tls_end_free(&client);
        tls_end_free(&server);
        if (i % 16 == 15) {
            struct hf_session_statistics now;
            hf_session_store_statistics(world.server.sessions, &now);
            hf_session_store_clear(world.server.sessions);
        }
    }
    return NULL;
}

/* D8: threads on the same stores. Every one of TLS 1.3 goes to one connection only: no more are
 * resumed than were kept. */
static void threads_share_a_store(void)
{
    for (int version = HF_TLS12; version <= HF_TLS13; version++) {
        pthread_t threads[THREADS];
        struct worker workers[THREADS] = {0};
        struct hf_session_statistics now;
        uint64_t resumed = 0;
        resume_start(&world, version);
        shared_client = tls_config(&world.client);
        shared_server = tls_config(&world.server);
        HF_CHECK(SSL_CTX_set_max_proto_version(shared_server->ctx, version) == 1);
        for (int i = 0; i < THREADS; i++) {
            HF_CHECK(pthread_create(&threads[i], NULL, meet_again, &workers[i]) == 0);
        }
        for (int i = 0; i < THREADS; i++) {
            HF_CHECK(pthread_join(threads[i], NULL) == 0);
            HF_CHECK(workers[i].open == MEETINGS);
            resumed += (uint64_t)workers[i].resumed;
        }
        hf_session_store_statistics(world.server.sessions, &now);
        HF_CHECK(resumed > 0 && resumed == now.hits);
        HF_CHECK(version == HF_TLS12 || now.hits <= now.inserts);
        hf_config_unref(shared_client);
        hf_config_unref(shared_server);
        resume_finish(&world);
    }
}

HF_TESTS({"a child starts without", a_child_starts_without},
         {"the store is bounded", the_store_is_bounded},
         {"a client keeps a few", a_client_keeps_a_few},
         {"an unchanged session is kept once", an_unchanged_session_is_kept_once},
         {"large chains are not kept", large_chains_are_not_kept},
         {"what is over goes", what_is_over_goes}, {"threads share a store", threads_share_a_store},
         {"no memory", no_memory}, {"nothing is left", nothing_is_left},
         {"limits and keys", limits_and_keys})
