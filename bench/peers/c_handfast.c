/* SPDX-License-Identifier: Apache-2.0
 *
 * c_handfast.c - handfast's engine through handfast.h alone, without Python: what the engine
 * costs beside c_loop.c, and, beside handfast_memory.py, what Python costs.
 */
#include "c_engine.h"
#include "c_sampler.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX 65536

struct file {
    uint8_t data[FILE_MAX];
    size_t len;
};

struct options {
    const char *pki;
    const char *groups;
    int identities; /* of each end; more than one: each is seen once, then all are forgotten */
    long count;
};

struct ends {
    struct hf_config **client; /* one an identity */
    struct hf_config **server;
    struct hf_chain_cache *cache;
    int identities;
    int next;
};

/* ---- configurations ----------------------------------------------------------------------- */

static void read_file(const char *directory, const char *name, struct file *out)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *stream = fopen(path, "rb");
    if (stream == NULL) {
        perror(path);
        exit(1);
    }
    out->len = fread(out->data, 1, sizeof(out->data), stream);
    fclose(stream);
}

/* Files as bench/pki.py names them: the first identity has no number. */
static struct hf_svid *svid_new(const char *pki, const char *who, int identity)
{
    static struct file chain, key;
    struct hf_svid *svid;
    char number[16] = "", name[64];
    if (identity > 0) {
        snprintf(number, sizeof(number), "-%04d", identity);
    }
    snprintf(name, sizeof(name), "%s%s.der", who, number);
    read_file(pki, name, &chain);
    snprintf(name, sizeof(name), "%s%s.key.der", who, number);
    read_file(pki, name, &key);
    engine_need(hf_svid_new(chain.data, chain.len, key.data, key.len, &svid), "svid");
    return svid;
}

static struct hf_config **configs_new(const struct options *options, struct hf_verifier *verifier,
                                      int role)
{
    struct hf_config **all = calloc((size_t)options->identities, sizeof(struct hf_config *));
    if (all == NULL) {
        engine_die("memory");
    }
    for (int i = 0; i < options->identities; i++) {
        struct hf_svid *svid =
            svid_new(options->pki, role == HF_ROLE_SERVER ? "server" : "client", i);
        const struct hf_config_spec spec = {
            .role = role, .svid = svid, .verifier = verifier, .groups = options->groups};
        engine_need(hf_config_new(&spec, &all[i]), "config");
        hf_svid_unref(svid);
    }
    return all;
}

static void configs_free(struct hf_config **all, int count)
{
    for (int i = 0; i < count; i++) {
        hf_config_unref(all[i]);
    }
    free(all);
}

static struct ends ends_new(const struct options *options)
{
    struct ends ends = {.identities = options->identities};
    engine_need(hf_chain_cache_new(NULL, &ends.cache), "cache");
    static struct file root;
    read_file(options->pki, "root.der", &root);
    struct hf_verifier *verifier = engine_verifier(root.data, root.len, ends.cache);
    ends.client = configs_new(options, verifier, HF_ROLE_CLIENT);
    ends.server = configs_new(options, verifier, HF_ROLE_SERVER);
    hf_verifier_unref(verifier);
    return ends;
}

/* ---- one handshake ------------------------------------------------------------------------ */

static struct hf_conn *conn_new(struct hf_config *config)
{
    struct hf_conn *conn;
    engine_need(hf_conn_new(config, HF_NAME_NONE, NULL, 0, &conn), "connection");
    return conn;
}

/* Give `to` what `from` has to send. */
static void carry(struct hf_conn *from, struct hf_conn *to)
{
    const uint8_t *data;
    size_t len;
    engine_need(hf_conn_outgoing(from, &data, &len), "outgoing");
    engine_need(hf_conn_receive(to, data, len), "receive");
    engine_need(hf_conn_consumed(from, len), "consumed");
}

static int step(struct hf_conn *conn, struct hf_conn *other, int64_t *spent, int with_split)
{
    int64_t begin = with_split ? thread_cpu() : 0;
    int done;
    uint32_t want;
    engine_need(hf_conn_handshake(conn, &done, &want), "handshake");
    if (with_split) {
        *spent += thread_cpu() - begin;
    }
    carry(conn, other);
    return done;
}

static void drive(struct hf_conn *client, struct hf_conn *server, struct split *split)
{
    int client_done = 0, server_done = 0;
    while (!client_done || !server_done) {
        if (!client_done) {
            client_done = step(client, server, &split->client, split->on);
        }
        if (!server_done) {
            server_done = step(server, client, &split->server, split->on);
        }
    }
}

static void check(struct hf_conn *conn, const char *expected)
{
    struct hf_peer peer;
    engine_need(hf_conn_peer(conn, &peer), "peer");
    if (strcmp(peer.id, expected) != 0) {
        engine_die("met somebody else");
    }
}

static void connect_ends(struct ends *ends, struct hf_conn **client, struct hf_conn **server)
{
    if (ends->next == 0 && ends->identities > 1) {
        hf_chain_cache_clear(ends->cache);
    }
    *client = conn_new(ends->client[ends->next]);
    *server = conn_new(ends->server[ends->next]);
    ends->next = (ends->next + 1) % ends->identities;
}

static void handshake(void *state, struct split *split)
{
    struct hf_conn *client, *server;
    connect_ends(state, &client, &server);
    drive(client, server, split);
    check(client, "spiffe://" TRUST_DOMAIN "/server");
    check(server, "spiffe://" TRUST_DOMAIN "/client");
    hf_conn_free(client);
    hf_conn_free(server);
}

/* ---- facts and the command line ----------------------------------------------------------- */

static void print_facts(struct ends *ends)
{
    struct split split = {0};
    struct hf_conn_facts facts;
    struct hf_conn *client, *server;
    connect_ends(ends, &client, &server);
    drive(client, server, &split);
    engine_need(hf_conn_facts(client, &facts), "facts");
    printf("{\"openssl\": \"%s\", \"openssl_origin\": \"%s\", \"protocol\": \"%s\", "
           "\"cipher\": \"%s\", \"group\": \"%s\", \"signature\": \"%s\", "
           "\"verification\": \"handfast, SPIFFE rules and authorization\", "
           "\"chain_cache\": \"%s\", \"tickets\": 0}\n",
           hf_openssl_running(), hf_openssl_origin(),
           facts.version == HF_TLS13 ? "TLSv1.3" : "TLSv1.2", facts.cipher, facts.group,
           facts.signature, ends->identities > 1 ? "cold" : "warm");
    fflush(stdout);
    hf_conn_free(client);
    hf_conn_free(server);
}

static struct options parse(int argc, char **argv)
{
    static const struct option known[] = {
        {"pki", required_argument, NULL, 'p'},        {"groups", required_argument, NULL, 'g'},
        {"identities", required_argument, NULL, 'i'}, {"count", required_argument, NULL, 'k'},
        {"server", no_argument, NULL, 's'},           {NULL, 0, NULL, 0},
    };
    struct options options = {.groups = "X25519", .identities = 1};
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (c) {
        case 'p':
            options.pki = optarg;
            break;
        case 'g':
            options.groups = optarg;
            break;
        case 'i':
            options.identities = atoi(optarg);
            break;
        case 'k':
            options.count = atol(optarg);
            break;
        case 's':
            sampler_server_only();
            break;
        default:
            exit(2);
        }
    }
    if (options.pki == NULL || options.identities < 1) {
        fprintf(stderr, "usage: c_handfast --pki DIR [--groups LIST] [--identities N] "
                        "[--count HANDSHAKES] [--server]\n");
        exit(2);
    }
    return options;
}

int main(int argc, char **argv)
{
    struct options options = parse(argc, argv);
    struct ends ends = ends_new(&options);
    if (options.count > 0) {
        sampler_repeat(handshake, &ends, options.count);
    } else {
        print_facts(&ends);
        sampler_serve(handshake, &ends);
    }
    configs_free(ends.client, ends.identities);
    configs_free(ends.server, ends.identities);
    hf_chain_cache_unref(ends.cache);
    return 0;
}
