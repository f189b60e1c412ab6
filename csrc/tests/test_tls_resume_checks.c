/* SPDX-License-Identifier: Apache-2.0
 *
 * R6: the two looks at a session, each by itself. What ends before the first look is a full
 * handshake; what ends between the two is a refusal by the second. And what others do with our
 * sessions: another server name, another protocol, the same ticket twice, a process that forked.
 */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hf_test.h"
#include "resume_kit.h"

static struct resume_world world;

/* The server has looked at the session and taken it when the client's certificate ends. */
static void the_second_look_of_a_server(void)
{
    struct pki_spec spec;
    resume_start(&world, HF_TLS13);
    pki_leaf(&spec, "root", TLS_CLIENT_ID, world.client.key);
    spec.not_after = PKI_NOW + 300;
    tls_who_leaf(&world.client, &spec, world.client.key);
    for (int64_t now = 299; now <= 300; now++) {
        resume_clock(0);
        HF_CHECK(resume_meets_anew(&world) && resume_resumes(&world));
        resume_prepare(&world);
        tls_step(&world.pair.client);
        HF_CHECK(tls_carry(&world.pair.client, &world.pair.server, SIZE_MAX) != 0);
        resume_clock(now);
        HF_CHECK(tls_carry(&world.pair.server, &world.pair.client, SIZE_MAX) != 0);
        HF_CHECK(tls_carry(&world.pair.client, &world.pair.server, SIZE_MAX) != 0);
        HF_CHECK(world.pair.server.done == (now == 299));
        HF_CHECK_CODE(world.pair.server.result, now == 299 ? HF_OK : HF_E_CERT_EXPIRED);
        hf_session_store_clear(world.client.sessions);
    }
    resume_finish(&world);
}

/* The client has offered it when the server's certificate ends. */
static void the_second_look_of_a_client(void)
{
    struct pki_spec spec;
    for (int version = HF_TLS12; version <= HF_TLS13; version++) {
        resume_start(&world, version);
        pki_leaf(&spec, "root", TLS_SERVER_ID, world.server.key);
        spec.not_after = PKI_NOW + 300;
        tls_who_leaf(&world.server, &spec, world.server.key);
        for (int64_t now = 299; now <= 300; now++) {
            resume_clock(0);
            HF_CHECK(resume_meets_anew(&world) && resume_resumes(&world));
            resume_prepare(&world);
            tls_step(&world.pair.client);
            resume_clock(now);
            tls_drive(&world.pair.client, &world.pair.server, SIZE_MAX);
            HF_CHECK(world.pair.client.done == (now == 299));
            HF_CHECK_CODE(world.pair.client.result, now == 299 ? HF_OK : HF_E_CERT_EXPIRED);
            hf_session_store_clear(world.client.sessions);
        }
        resume_finish(&world);
    }
}

/* R5: the policy is in the context, and asked all the same: here the contexts are made equal. */
static void the_policy_is_asked_in_an_equal_context_too(void)
{
    static const char other[] = "spiffe://a.example/other";
    const struct hf_policy_node not_him = {HF_POLICY_EXACTLY, 0, (const uint8_t *)other,
                                           sizeof(other) - 1};
    for (int version = HF_TLS12; version <= HF_TLS13; version++) {
        uint8_t context[HF_DIGEST_SIZE];
        resume_start(&world, version);
        HF_CHECK(resume_meets_anew(&world) && resume_resumes(&world));
        (void)hf_mem_copy(context, sizeof(context), world.pair.server.conn->config->session_context,
                          sizeof(context));
        world.server.policy = &not_him;
        world.server.policy_count = 1;
        resume_prepare(&world);
        (void)hf_mem_copy(world.pair.server.conn->config->session_context, sizeof(context), context,
                          sizeof(context));
        tls_drive(&world.pair.client, &world.pair.server, SIZE_MAX);
        HF_CHECK(!world.pair.server.done);
        HF_CHECK_CODE(world.pair.server.result, HF_E_NOT_AUTHORIZED);
        resume_finish(&world);
    }
}

/* Another's client, with this session and server name. */
static bool theirs(const char *name, const char *alpn, SSL_SESSION *offered, SSL_SESSION **got)
{
    struct tls_end client;
    struct tls_end server;
    struct hf_conn_facts facts = {0};
    SSL_CTX *ctx = tls_plain_ctx(&world.client);
    struct hf_config *config = tls_config(&world.server);
    HF_CHECK(SSL_CTX_set_max_proto_version(config->ctx, world.version) == 1);
    tls_end_plain(&client, ctx, false);
    tls_end_conn(&server, config);
    HF_CHECK(name == NULL || SSL_set_tlsext_host_name(client.ssl, name) == 1);
    HF_CHECK(alpn == NULL || SSL_set_alpn_protos(client.ssl, (const unsigned char *)alpn,
                                                 (unsigned)strlen(alpn)) == 0);
    HF_CHECK(offered == NULL || SSL_set_session(client.ssl, offered) == 1);
    tls_drive(&client, &server, SIZE_MAX);
    HF_CHECK(tls_talk(&client, &server));
    HF_CHECK_OK(hf_conn_facts(server.conn, &facts));
    HF_CHECK(SSL_session_reused(client.ssl) == facts.resumed);
    if (got != NULL) {
        *got = SSL_get1_session(client.ssl);
    }
    (void)SSL_shutdown(client.ssl);
    tls_end_free(&client);
    tls_end_free(&server);
    hf_config_unref(config);
    SSL_CTX_free(ctx);
    return facts.resumed == 1;
}

static void show_until(struct tls_who *who, const char *id, int64_t until)
{
    struct pki_spec spec;
    pki_leaf(&spec, "root", id, who->key);
    spec.not_after = PKI_NOW + until;
    tls_who_leaf(who, &spec, who->key);
}

/* R3, R4: the first look of a server alone: another's client offers what is over and has a new
 * certificate to show. A full handshake, no refusal. */
static void the_first_look_of_a_server(void)
{
    for (int version = HF_TLS12; version <= HF_TLS13; version++) {
        for (int64_t now = 299; now <= 300; now++) {
            SSL_SESSION *session;
            resume_start(&world, version);
            show_until(&world.client, TLS_CLIENT_ID, 300);
            HF_CHECK(!theirs(NULL, NULL, NULL, &session));
            show_until(&world.client, TLS_CLIENT_ID, 3000);
            resume_clock(now);
            HF_CHECK(theirs(NULL, NULL, session, NULL) == (now == 299));
            SSL_SESSION_free(session);
            resume_finish(&world);
        }
    }
}

/* The client's connection to another's server, with tickets of OpenSSL's own. */
static bool to_theirs(SSL_CTX *ctx)
{
    struct tls_end client;
    struct tls_end server;
    struct hf_conn_facts facts = {0};
    struct hf_config *config = tls_config(&world.client);
    tls_end_conn(&client, config);
    HF_CHECK_OK(hf_conn_set_session_key(client.conn, (const uint8_t *)"db", 2));
    tls_end_plain(&server, ctx, true);
    tls_drive(&client, &server, SIZE_MAX);
    HF_CHECK(tls_talk(&client, &server));
    HF_CHECK_OK(hf_conn_facts(client.conn, &facts));
    (void)SSL_shutdown(server.ssl);
    tls_end_free(&client);
    tls_end_free(&server);
    hf_config_unref(config);
    return facts.resumed == 1;
}

/* The first look of a client alone: the server would resume what is over. */
static void the_first_look_of_a_client(void)
{
    for (int64_t now = 299; now <= 300; now++) {
        X509 *renewed;
        resume_start(&world, HF_TLS13);
        show_until(&world.server, TLS_SERVER_ID, 300);
        SSL_CTX *ctx = tls_plain_ctx(&world.server);
        HF_CHECK(SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"db", 2) == 1);
        HF_CHECK(!to_theirs(ctx));
        show_until(&world.server, TLS_SERVER_ID, 3000);
        HF_CHECK_OK(hf_ossl_x509(pki_span(&world.server.chain[0]), &renewed));
        HF_CHECK(SSL_CTX_use_certificate(ctx, renewed) == 1);
        X509_free(renewed);
        resume_clock(now);
        HF_CHECK(to_theirs(ctx) == (now == 299));
        SSL_CTX_free(ctx);
        resume_finish(&world);
    }
}

/* R1: what the ClientHello asks for is a part of the context. */
static void another_name_or_protocol(void)
{
    static const struct {
        const char *name;
        const char *alpn;
        bool resumes;
    } again[] = {{"a.example", "\x02h2", true},
                 {"b.example", "\x02h2", false},
                 {NULL, "\x02h2", false},
                 {"a.example", "\x03h/3\x02h2", false},
                 {"a.example", NULL, false}};
    for (int version = HF_TLS12; version <= HF_TLS13; version++) {
        for (size_t i = 0; i < sizeof(again) / sizeof(again[0]); i++) {
            SSL_SESSION *session;
            resume_start(&world, version);
            world.server.alpn = "\x02h2";
            HF_CHECK(!theirs("a.example", "\x02h2", NULL, &session));
            HF_CHECK(theirs(again[i].name, again[i].alpn, session, NULL) == again[i].resumes);
            SSL_SESSION_free(session);
            resume_finish(&world);
        }
    }
}

/* Replay: a ticket of TLS 1.3 is good once. */
static void a_ticket_is_good_once(void)
{
    SSL_SESSION *session;
    resume_start(&world, HF_TLS13);
    HF_CHECK(!theirs(NULL, NULL, NULL, &session));
    HF_CHECK(theirs(NULL, NULL, session, NULL));
    HF_CHECK(!theirs(NULL, NULL, session, NULL));
    SSL_SESSION_free(session);
    resume_finish(&world);
}

/* RFC 8446 4.1.4: a HelloRetryRequest asks for the ClientHello once more, session included. */
static void after_a_hello_retry_request(void)
{
    resume_start(&world, HF_TLS13);
    world.client.groups = "X25519:P-256";
    world.server.groups = "P-256";
    HF_CHECK(resume_meets_anew(&world));
    HF_CHECK(resume_resumes(&world));
    HF_CHECK(resume_resumes(&world));
    resume_finish(&world);
}

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
        HF_CHECK(!theirs(NULL, NULL, NULL, NULL));
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
    struct hf_session_statistics now;
    resume_start(&world, HF_TLS13);
    for (int i = 0; i < 6; i++) {
        HF_CHECK(i == 0 ? resume_meets_anew(&world) : resume_resumes(&world));
        HF_CHECK(tls_talk(&world.pair.client, &world.pair.server));
    }
    hf_session_store_statistics(world.client.sessions, &now);
    HF_CHECK(now.entries == 1 && now.hits == 5);
    HF_CHECK(HF_SESSIONS_PER_KEY == 4);
    resume_finish(&world);
}

/* RFC 8446 6.2: what ended in an error is not resumed. */
static void an_error_ends_the_session(void)
{
    for (int version = HF_TLS12; version <= HF_TLS13; version++) {
        static const uint8_t garbage[] = {23, 3,  3,  0,  32, 1,  2,  3,  4,  5,  6,  7,  8,
                                          9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                          22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32};
        resume_start(&world, version);
        HF_CHECK(resume_meets_anew(&world) && resume_resumes(&world));
        HF_CHECK_OK(hf_conn_receive(world.pair.server.conn, garbage, sizeof(garbage)));
        tls_step(&world.pair.server);
        HF_CHECK_CODE(world.pair.server.result, HF_E_PROTOCOL);
        HF_CHECK(resume_meets_anew(&world));
        resume_finish(&world);
    }
}

/* D7: any allocation of a handshake that would resume may fail. It ends in a failure, a full
 * handshake or a resumed one, and nothing is left behind. */
static void no_memory(void)
{
    size_t refused = 0;
    size_t full = 0;
    for (int version = HF_TLS12; version <= HF_TLS13; version++) {
        bool pending = false;
        resume_start(&world, version);
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
            full += open && !resume_resumed(&world);
        }
        HF_CHECK(resume_both_open(&world) && resume_resumed(&world));
        resume_finish(&world);
    }
    HF_CHECK(refused > 10);
    (void)full;
}

static void nothing_is_left(void)
{
    size_t before = hf_mem_live();
    resume_start(&world, HF_TLS13);
    HF_CHECK(resume_meets_anew(&world) && resume_resumes(&world));
    resume_finish(&world);
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

HF_TESTS({"the second look of a server", the_second_look_of_a_server},
         {"the second look of a client", the_second_look_of_a_client},
         {"the policy is asked in an equal context, too",
          the_policy_is_asked_in_an_equal_context_too},
         {"the first look of a server", the_first_look_of_a_server},
         {"the first look of a client", the_first_look_of_a_client},
         {"another name or protocol", another_name_or_protocol},
         {"a ticket is good once", a_ticket_is_good_once},
         {"after a HelloRetryRequest", after_a_hello_retry_request},
         {"a child starts without", a_child_starts_without},
         {"the store is bounded", the_store_is_bounded},
         {"a client keeps a few", a_client_keeps_a_few},
         {"an error ends the session", an_error_ends_the_session}, {"no memory", no_memory},
         {"nothing is left", nothing_is_left}, {"limits and keys", limits_and_keys})
