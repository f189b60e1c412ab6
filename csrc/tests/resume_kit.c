/* SPDX-License-Identifier: Apache-2.0 */
#include "resume_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void need(bool holds)
{
    if (!holds) {
        (void)fprintf(stderr, "resume_kit: broken (%s)\n", hf_error_current()->seen);
        exit(2);
    }
}

void resume_clock(int64_t seconds)
{
    hf_clock_set(PKI_NOW + seconds);
    hf_clock_monotonic_set(1000000 + seconds);
}

void resume_start(struct resume_world *world, int version)
{
    static const struct resume_world empty;
    *world = empty;
    tls_who(&world->client, HF_ROLE_CLIENT);
    tls_who(&world->server, HF_ROLE_SERVER);
    world->version = version;
    world->client.min_version = HF_TLS12;
    world->server.min_version = HF_TLS12;
    need(hf_is_ok(hf_session_store_new(0, RESUME_AGE, &world->client.sessions)));
    need(hf_is_ok(hf_session_store_new(0, RESUME_AGE, &world->server.sessions)));
    resume_clock(0);
}

void resume_start_tickets(struct resume_world *world, int version)
{
    resume_start(world, version);
    hf_session_store_unref(world->server.sessions);
    world->server.sessions = NULL;
    need(hf_is_ok(hf_ticket_keys_new(NULL, RESUME_AGE, &world->server.tickets)));
}

void resume_start_way(struct resume_world *world, size_t way)
{
    int version = way % 2 == 0 ? HF_TLS12 : HF_TLS13;
    if (way < 2) {
        resume_start(world, version);
    } else {
        resume_start_tickets(world, version);
    }
}

void resume_finish(struct resume_world *world)
{
    tls_pair_free(&world->pair);
    hf_session_store_unref(world->client.sessions);
    hf_session_store_unref(world->server.sessions);
    hf_ticket_keys_unref(world->server.tickets);
    hf_clock_set(PKI_NOW);
    hf_clock_monotonic_reset();
}

void resume_prepare(struct resume_world *world)
{
    static const uint8_t destination[] = "db:443";
    struct hf_config *client = tls_config(&world->client);
    struct hf_config *server = tls_config(&world->server);
    tls_pair_free(&world->pair);
    need(SSL_CTX_set_max_proto_version(server->ctx, world->version) == 1);
    tls_end_conn(&world->pair.client, client);
    tls_end_conn(&world->pair.server, server);
    need(hf_is_ok(
        hf_conn_set_session_key(world->pair.client.conn, destination, sizeof(destination) - 1)));
    hf_config_unref(client);
    hf_config_unref(server);
}

void resume_meet(struct resume_world *world)
{
    resume_prepare(world);
    tls_drive(&world->pair.client, &world->pair.server, SIZE_MAX);
    if (resume_both_open(world)) {
        need(tls_talk(&world->pair.client, &world->pair.server));
    }
}

bool resume_both_open(const struct resume_world *world)
{
    const struct tls_pair *pair = &world->pair;
    return pair->client.done && pair->server.done && hf_is_ok(pair->client.result) &&
           hf_is_ok(pair->server.result);
}

bool resume_resumed(const struct resume_world *world)
{
    struct hf_conn_facts client;
    struct hf_conn_facts server;
    need(hf_is_ok(hf_conn_facts(world->pair.client.conn, &client)) &&
         hf_is_ok(hf_conn_facts(world->pair.server.conn, &server)));
    need(client.resumed == server.resumed && client.version == world->version);
    return client.resumed == 1;
}

bool resume_meets_anew(struct resume_world *world)
{
    resume_meet(world);
    return resume_both_open(world) && !resume_resumed(world);
}

bool resume_resumes(struct resume_world *world)
{
    resume_meet(world);
    return resume_both_open(world) && resume_resumed(world);
}

bool resume_refuses(struct resume_world *world, int role, uint32_t code)
{
    const struct tls_pair *pair = &world->pair;
    resume_meet(world);
    const struct tls_end *end = role == HF_ROLE_SERVER ? &pair->server : &pair->client;
    return !end->done && end->result.code == code;
}

bool resume_theirs(struct resume_world *world, const char *name, const char *alpn,
                   SSL_SESSION *offered, SSL_SESSION **got)
{
    struct tls_end client;
    struct tls_end server;
    struct hf_conn_facts facts = {0};
    SSL_CTX *ctx = tls_plain_ctx(&world->client);
    struct hf_config *config = tls_config(&world->server);
    need(SSL_CTX_set_max_proto_version(config->ctx, world->version) == 1);
    tls_end_plain(&client, ctx, false);
    tls_end_conn(&server, config);
    need(name == NULL || SSL_set_tlsext_host_name(client.ssl, name) == 1);
    need(alpn == NULL ||
         SSL_set_alpn_protos(client.ssl, (const uint8_t *)alpn, (unsigned)strlen(alpn)) == 0);
    need(offered == NULL || SSL_set_session(client.ssl, offered) == 1);
    tls_drive(&client, &server, SIZE_MAX);
    need(tls_talk(&client, &server));
    need(hf_is_ok(hf_conn_facts(server.conn, &facts)));
    need(SSL_session_reused(client.ssl) == facts.resumed);
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

void resume_renew(struct tls_who *who, const char *id, int64_t until)
{
    struct pki_spec spec;
    pki_leaf(&spec, "root", id, who->key);
    spec.not_after = PKI_NOW + until;
    tls_who_leaf(who, &spec, who->key);
}
