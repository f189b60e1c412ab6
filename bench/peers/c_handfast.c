/* SPDX-License-Identifier: Apache-2.0
 *
 * c_handfast.c - handfast's engine through handfast.h alone, without Python: what the engine
 * costs beside c_loop.c, and, beside handfast_memory.py, what Python costs.
 */
#include "c_sampler.h"

#include <getopt.h>
#include <handfast.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRUST_DOMAIN "bench.example"
#define FILE_MAX 65536

struct file {
    uint8_t data[FILE_MAX];
    size_t len;
};

struct ends {
    struct hf_config *client;
    struct hf_config *server;
};

static _Noreturn void die(const char *what)
{
    struct hf_error error;
    hf_error_copy(&error);
    fprintf(stderr, "c_handfast: %s: code %#x, expected %s, seen %s (%s:%u)\n", what, error.code,
            error.expected, error.seen, error.file != NULL ? error.file : "-", error.line);
    exit(1);
}

static void need(hf_result result, const char *what)
{
    if (result.code != 0) {
        die(what);
    }
}

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

static struct hf_verifier *verifier_new(const char *pki)
{
    static struct file root;
    static const char domain[] = TRUST_DOMAIN;
    struct hf_bundle *bundle;
    struct hf_bundle_set *set;
    struct hf_policy *policy;
    struct hf_verifier *verifier;
    const struct hf_policy_node members = {
        .op = HF_POLICY_TRUST_DOMAIN,
        .text = (const uint8_t *)domain,
        .len = sizeof(domain) - 1,
    };
    read_file(pki, "root.der", &root);
    need(hf_bundle_new(members.text, members.len, root.data, root.len, &bundle), "bundle");
    need(hf_bundle_set_new(&bundle, 1, &set), "bundle set");
    need(hf_policy_new(&members, 1, &policy), "policy");
    need(hf_verifier_new(set, policy, HF_RULES_STRICT, &verifier), "verifier");
    hf_bundle_unref(bundle);
    hf_bundle_set_unref(set);
    hf_policy_unref(policy);
    return verifier;
}

static struct hf_config *config_new(const char *pki, const char *groups, int role)
{
    static struct file chain, key;
    struct hf_svid *svid;
    struct hf_config *config;
    int is_server = role == HF_ROLE_SERVER;
    read_file(pki, is_server ? "server.der" : "client.der", &chain);
    read_file(pki, is_server ? "server.key.der" : "client.key.der", &key);
    need(hf_svid_new(chain.data, chain.len, key.data, key.len, &svid), "svid");
    struct hf_verifier *verifier = verifier_new(pki);
    const struct hf_config_spec spec = {
        .role = role, .svid = svid, .verifier = verifier, .groups = groups};
    need(hf_config_new(&spec, &config), "config");
    hf_svid_unref(svid);
    hf_verifier_unref(verifier);
    return config;
}

/* ---- one handshake ------------------------------------------------------------------------ */

static struct hf_conn *conn_new(struct hf_config *config)
{
    struct hf_conn *conn;
    need(hf_conn_new(config, HF_NAME_NONE, NULL, 0, &conn), "connection");
    return conn;
}

/* Give `to` what `from` has to send. */
static void carry(struct hf_conn *from, struct hf_conn *to)
{
    const uint8_t *data;
    size_t len;
    need(hf_conn_outgoing(from, &data, &len), "outgoing");
    need(hf_conn_receive(to, data, len), "receive");
    need(hf_conn_consumed(from, len), "consumed");
}

static int step(struct hf_conn *conn, struct hf_conn *other, int64_t *spent, int with_split)
{
    int64_t begin = with_split ? thread_cpu() : 0;
    int done;
    uint32_t want;
    need(hf_conn_handshake(conn, &done, &want), "handshake");
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
    need(hf_conn_peer(conn, &peer), "peer");
    if (strcmp(peer.id, expected) != 0) {
        die("met somebody else");
    }
}

static void handshake(void *state, struct split *split)
{
    const struct ends *ends = state;
    struct hf_conn *client = conn_new(ends->client);
    struct hf_conn *server = conn_new(ends->server);
    drive(client, server, split);
    check(client, "spiffe://" TRUST_DOMAIN "/server");
    check(server, "spiffe://" TRUST_DOMAIN "/client");
    hf_conn_free(client);
    hf_conn_free(server);
}

/* ---- facts and the command line ----------------------------------------------------------- */

static void print_facts(const struct ends *ends)
{
    struct split split = {0};
    struct hf_conn_facts facts;
    struct hf_conn *client = conn_new(ends->client);
    struct hf_conn *server = conn_new(ends->server);
    drive(client, server, &split);
    need(hf_conn_facts(client, &facts), "facts");
    printf("{\"openssl\": \"%s\", \"openssl_origin\": \"%s\", \"protocol\": \"%s\", "
           "\"cipher\": \"%s\", \"group\": \"%s\", \"signature\": \"%s\", "
           "\"verification\": \"handfast, SPIFFE rules and authorization\", \"tickets\": 0}\n",
           hf_openssl_running(), hf_openssl_origin(),
           facts.version == HF_TLS13 ? "TLSv1.3" : "TLSv1.2", facts.cipher, facts.group,
           facts.signature);
    fflush(stdout);
    hf_conn_free(client);
    hf_conn_free(server);
}

int main(int argc, char **argv)
{
    static const struct option known[] = {
        {"pki", required_argument, NULL, 'p'},
        {"groups", required_argument, NULL, 'g'},
        {"count", required_argument, NULL, 'k'},
        {NULL, 0, NULL, 0},
    };
    const char *pki = NULL, *groups = "X25519";
    long count = 0;
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (c) {
        case 'p':
            pki = optarg;
            break;
        case 'g':
            groups = optarg;
            break;
        case 'k':
            count = atol(optarg);
            break;
        default:
            return 2;
        }
    }
    if (pki == NULL) {
        fprintf(stderr, "usage: c_handfast --pki DIR [--groups LIST] [--count HANDSHAKES]\n");
        return 2;
    }
    struct ends ends = {
        .client = config_new(pki, groups, HF_ROLE_CLIENT),
        .server = config_new(pki, groups, HF_ROLE_SERVER),
    };
    if (count > 0) {
        sampler_repeat(handshake, &ends, count);
    } else {
        print_facts(&ends);
        sampler_serve(handshake, &ends);
    }
    hf_config_unref(ends.client);
    hf_config_unref(ends.server);
    return 0;
}
