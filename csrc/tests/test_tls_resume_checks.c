/* SPDX-License-Identifier: Apache-2.0
 *
 * R6: the two looks at a session, each by itself. What ends before the first look is a full
 * handshake; what ends between the two is a refusal by the second. And what others do with our
 * sessions: another server name, another protocol, the same ticket twice.
 *
 * tests/blind has this run against an engine with one of the looks taken out: it fails.
 */
#include <string.h>

#include "hf_test.h"
#include "resume_kit.h"

static struct resume_world world;

/* The server has looked at the session and taken it when the client's certificate ends. */
static void look_again(size_t way)
{
    resume_start_way(&world, way);
    resume_renew(&world.client, TLS_CLIENT_ID, 300);
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

static void the_second_look_of_a_server(void)
{
    look_again(1);
    look_again(3);
}

/* The client has offered it when the server's certificate ends. */
static void the_second_look_of_a_client(void)
{
    for (size_t way = 0; way < RESUME_WAYS; way++) {
        resume_start_way(&world, way);
        resume_renew(&world.server, TLS_SERVER_ID, 300);
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
    for (size_t way = 0; way < RESUME_WAYS; way++) {
        uint8_t context[HF_DIGEST_SIZE];
        resume_start_way(&world, way);
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

/* R3, R4: the first look of a server alone: another's client offers what is over and has a new
 * certificate to show. A full handshake, no refusal. */
static void the_first_look_of_a_server(void)
{
    for (size_t way = 0; way < RESUME_WAYS; way++) {
        for (int64_t now = 299; now <= 300; now++) {
            SSL_SESSION *session;
            resume_start_way(&world, way);
            resume_renew(&world.client, TLS_CLIENT_ID, 300);
            HF_CHECK(!resume_theirs(&world, NULL, NULL, NULL, &session));
            resume_renew(&world.client, TLS_CLIENT_ID, 3000);
            resume_clock(now);
            HF_CHECK(resume_theirs(&world, NULL, NULL, session, NULL) == (now == 299));
            SSL_SESSION_free(session);
            resume_finish(&world);
        }
    }
}

/* In a full handshake our own SVID would be refused: no session goes on after its end, although
 * the peer's is good and asks for it. To the second, at the first look. */
static void our_own_certificate_ends(void)
{
    for (size_t way = 0; way < RESUME_WAYS; way++) {
        for (int64_t now = 299; now <= 300; now++) {
            SSL_SESSION *session;
            resume_start_way(&world, way);
            resume_renew(&world.server, TLS_SERVER_ID, 300);
            HF_CHECK(!resume_theirs(&world, NULL, NULL, NULL, &session));
            resume_clock(now);
            HF_CHECK(resume_theirs(&world, NULL, NULL, session, NULL) == (now == 299));
            SSL_SESSION_free(session);
            resume_finish(&world);
        }
    }
}

/* From its first second on. */
static void our_own_certificate_begins(void)
{
    for (size_t way = 0; way < RESUME_WAYS; way++) {
        struct pki_spec spec;
        resume_start_way(&world, way);
        pki_leaf(&spec, "root", TLS_SERVER_ID, world.server.key);
        spec.not_before = PKI_NOW;
        tls_who_leaf(&world.server, &spec, world.server.key);
        HF_CHECK(resume_meets_anew(&world) && resume_resumes(&world));
        resume_finish(&world);
    }
}

/* R4: the age is over, or our own SVID is, between the two looks of a server: the second one says
 * so. */
static void end_between_the_looks(size_t way)
{
    for (int own = 0; own <= 1; own++) {
        int64_t end = own == 1 ? 300 : RESUME_AGE;
        for (int64_t now = end - 1; now <= end; now++) {
            resume_start_way(&world, way);
            if (own == 1) {
                resume_renew(&world.server, TLS_SERVER_ID, end);
            }
            HF_CHECK(resume_meets_anew(&world));
            resume_prepare(&world);
            tls_step(&world.pair.client);
            HF_CHECK(tls_carry(&world.pair.client, &world.pair.server, SIZE_MAX) != 0);
            HF_CHECK(tls_carry(&world.pair.server, &world.pair.client, SIZE_MAX) != 0);
            HF_CHECK(world.pair.client.done);
            resume_clock(now);
            HF_CHECK(tls_carry(&world.pair.client, &world.pair.server, SIZE_MAX) != 0);
            HF_CHECK(world.pair.server.done == (now < end));
            HF_CHECK_CODE(world.pair.server.result, now < end ? HF_OK : HF_E_SESSION_EXPIRED);
            resume_finish(&world);
        }
    }
}

static void the_age_ends_between_the_looks(void)
{
    end_between_the_looks(1);
    end_between_the_looks(3);
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
        resume_renew(&world.server, TLS_SERVER_ID, 300);
        SSL_CTX *ctx = tls_plain_ctx(&world.server);
        HF_CHECK(SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"db", 2) == 1);
        HF_CHECK(!to_theirs(ctx));
        resume_renew(&world.server, TLS_SERVER_ID, 3000);
        HF_CHECK_OK(hf_ossl_x509(pki_span(&world.server.chain[0]), &renewed));
        HF_CHECK(SSL_CTX_use_certificate(ctx, renewed) == 1);
        X509_free(renewed);
        resume_clock(now);
        HF_CHECK(to_theirs(ctx) == (now == 299));
        SSL_CTX_free(ctx);
        resume_finish(&world);
    }
}

/* A certificate of this key that is good for one purpose alone: pki.h's is for both. */
static void for_one_purpose(struct tls_who *who, const char *id, const char *purpose)
{
    struct pki_spec spec;
    const char *const only[] = {purpose};
    pki_leaf(&spec, "root", id, who->key);
    pki_set_eku(&spec, false, only, 1);
    pki_make(&spec, KIT_KEY(0), &who->chain[0]);
}

/* R2: judged anew for the same purpose: another's client need not be a server, nor the other way
 * round. */
static void the_purpose_stays(void)
{
    struct pki_cert next;
    kit_root(&next, "next", KIT_KEY(1));
    for (size_t way = 0; way < RESUME_WAYS; way++) {
        SSL_SESSION *session;
        resume_start_way(&world, way);
        for_one_purpose(&world.client, TLS_CLIENT_ID, PKI_OID_CLIENT_AUTH);
        HF_CHECK(!resume_theirs(&world, NULL, NULL, NULL, &session));
        world.server.also = &next;
        HF_CHECK(resume_theirs(&world, NULL, NULL, session, NULL));
        SSL_SESSION_free(session);
        resume_finish(&world);
    }
    resume_start(&world, HF_TLS13);
    struct tls_who server = world.server;
    for_one_purpose(&server, TLS_SERVER_ID, PKI_OID_SERVER_AUTH);
    SSL_CTX *ctx = tls_plain_ctx(&server);
    HF_CHECK(SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"db", 2) == 1);
    HF_CHECK(!to_theirs(ctx));
    world.client.also = &next;
    HF_CHECK(to_theirs(ctx));
    SSL_CTX_free(ctx);
    resume_finish(&world);
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
    for (size_t way = 0; way < RESUME_WAYS; way++) {
        for (size_t i = 0; i < sizeof(again) / sizeof(again[0]); i++) {
            SSL_SESSION *session;
            resume_start_way(&world, way);
            world.server.alpn = "\x02h2";
            HF_CHECK(!resume_theirs(&world, "a.example", "\x02h2", NULL, &session));
            HF_CHECK(resume_theirs(&world, again[i].name, again[i].alpn, session, NULL) ==
                     again[i].resumes);
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
    HF_CHECK(!resume_theirs(&world, NULL, NULL, NULL, &session));
    HF_CHECK(resume_theirs(&world, NULL, NULL, session, NULL));
    HF_CHECK(!resume_theirs(&world, NULL, NULL, session, NULL));
    SSL_SESSION_free(session);
    resume_finish(&world);
}

/* R8: a client that sends early data although no session of ours allows any. It is refused, and no
 * byte of it is read; without early data the same session is good. */
static void early_data_is_refused(void)
{
    for (size_t way = 1; way < RESUME_WAYS; way += 2) {
        static const uint8_t early[] = "GET /early";
        SSL_SESSION *session;
        struct tls_end client;
        struct tls_end server;
        size_t len = 0;
        uint8_t byte;
        uint32_t want;
        resume_start_way(&world, way);
        HF_CHECK(!resume_theirs(&world, NULL, NULL, NULL, &session));
        HF_CHECK(SSL_SESSION_get_max_early_data(session) == 0);
        SSL_SESSION *greedy = SSL_SESSION_dup(session);
        HF_CHECK(SSL_SESSION_set_max_early_data(greedy, 16384) == 1);
        SSL_CTX *ctx = tls_plain_ctx(&world.client);
        struct hf_config *config = tls_config(&world.server);
        tls_end_plain(&client, ctx, false);
        tls_end_conn(&server, config);
        HF_CHECK(SSL_set_session(client.ssl, greedy) == 1);
        HF_CHECK(SSL_write_early_data(client.ssl, early, sizeof(early), &len) == 1);
        HF_CHECK(len == sizeof(early));
        tls_drive(&client, &server, SIZE_MAX);
        HF_CHECK(!server.done && !hf_is_ok(server.result));
        HF_CHECK(!hf_is_ok(hf_conn_read(server.conn, &byte, 1, &len, &want)) && len == 0);
        HF_CHECK(SSL_get_early_data_status(client.ssl) != SSL_EARLY_DATA_ACCEPTED);
        tls_end_free(&client);
        tls_end_free(&server);
        /* A ticket of a store is used up by the attempt. */
        HF_CHECK(resume_theirs(&world, NULL, NULL, session, NULL) == (way == 3));
        hf_config_unref(config);
        SSL_CTX_free(ctx);
        SSL_SESSION_free(greedy);
        SSL_SESSION_free(session);
        resume_finish(&world);
    }
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

HF_TESTS({"the second look of a server", the_second_look_of_a_server},
         {"the second look of a client", the_second_look_of_a_client},
         {"the policy is asked in an equal context, too",
          the_policy_is_asked_in_an_equal_context_too},
         {"the first look of a server", the_first_look_of_a_server},
         {"the first look of a client", the_first_look_of_a_client},
         {"our own certificate ends", our_own_certificate_ends},
         {"our own certificate begins", our_own_certificate_begins},
         {"the age ends between the looks", the_age_ends_between_the_looks},
         {"the purpose stays", the_purpose_stays},
         {"another name or protocol", another_name_or_protocol},
         {"a ticket is good once", a_ticket_is_good_once},
         {"early data is refused", early_data_is_refused},
         {"after a HelloRetryRequest", after_a_hello_retry_request},
         {"an error ends the session", an_error_ends_the_session})
