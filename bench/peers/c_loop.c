/* SPDX-License-Identifier: Apache-2.0
 *
 * c_loop.c - the C peer: full mutual TLS handshakes in memory, both ends in one
 * thread, on plain OpenSSL with its stock verification (X509_verify_cert
 * against a store that holds the root).
 *
 * What a careful C programmer would write: contexts, keys, chains and stores
 * are made once, each handshake makes two SSL objects joined by a BIO pair, and
 * nothing but libssl is called until both are done. There is no resumption, so
 * no tickets are made (handfast makes none either). With `--resume` every
 * handshake but the first one resumes the session before it, in the stock way:
 * the server's tickets are stateless and come with its first data, one byte of
 * which is sent and read after each handshake.
 * `--tuned` adds the settings that handfast's own contexts have; verification
 * stays stock.
 * `--allocator` starts handfast's engine first, which gives OpenSSL the
 * allocator of the build.
 */
#include "c_need.h"
#include "c_sampler.h"

#include <getopt.h>
#include <handfast.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    const char *pki;
    const char *groups;
    const char *ciphersuites;
    int tls12;
    int verify;
    int tuned;
    int resume;
    int identities; /* of each end, in turn */
    long count;     /* when positive: this many handshakes and out */
};

struct ends {
    SSL_CTX **client; /* one an identity */
    SSL_CTX **server;
    int identities;
    int next;
    int verify;
    int resume;
    SSL_SESSION *session; /* to be resumed next */
};

/* ---- contexts
 * -----------------------------------------------------------------------------
 */

/* "Verification off": still mutual, still CertificateVerify, but any chain is
 * taken. */
static int accept_any(X509_STORE_CTX *context, void *unused)
{
    (void)unused;
    X509_STORE_CTX_set_error(context, X509_V_OK);
    return 1;
}

/* Files as bench/pki.py names them: the first identity has no number. */
static void load(SSL_CTX *ctx, const struct options *options, const char *who, int identity)
{
    char number[16] = "", chain[4096], key[4096], root[4096];
    if (identity > 0) {
        snprintf(number, sizeof(number), "-%04d", identity);
    }
    snprintf(chain, sizeof(chain), "%s/%s%s.pem", options->pki, who, number);
    snprintf(key, sizeof(key), "%s/%s%s.key.pem", options->pki, who, number);
    snprintf(root, sizeof(root), "%s/root.pem", options->pki);
    need(SSL_CTX_use_certificate_chain_file(ctx, chain) == 1, chain);
    need(SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1, key);
    need(SSL_CTX_check_private_key(ctx) == 1, "key and certificate differ");
    need(SSL_CTX_load_verify_file(ctx, root) == 1, root);
}

/* The settings of csrc/src/tls/context.c that a C programmer could also choose.
 */
static void tune(SSL_CTX *ctx)
{
    SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_clear_options(ctx, SSL_OP_ENABLE_MIDDLEBOX_COMPAT);
    need(SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                                       "TLS_CHACHA20_POLY1305_SHA256") == 1,
         "tuned ciphersuites");
    need(SSL_CTX_set1_sigalgs_list(ctx,
                                   "ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:ecdsa_secp521r1_"
                                   "sha512:ed25519:"
                                   "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:"
                                   "rsa_pkcs1_sha256:rsa_pkcs1_sha384:rsa_pkcs1_sha512") == 1,
         "tuned signature algorithms");
}

static SSL_CTX *context_new(const struct options *options, const char *who, int identity)
{
    int is_server = strcmp(who, "server") == 0;
    int version = options->tls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
    SSL_CTX *ctx = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
    need(ctx != NULL, "SSL_CTX_new");
    need(SSL_CTX_set_min_proto_version(ctx, version) == 1, "minimum version");
    need(SSL_CTX_set_max_proto_version(ctx, version) == 1, "maximum version");
    need(SSL_CTX_set1_groups_list(ctx, options->groups) == 1, options->groups);
    if (options->resume) {
        /* Asked of every server that verifies its clients and has sessions. */
        need(SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"bench", 5) == 1,
             "session context");
    } else {
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
        need(SSL_CTX_set_num_tickets(ctx, 0) == 1, "no tickets");
    }
    if (options->tls12) {
        SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    }
    if (options->tuned) {
        tune(ctx);
    }
    if (options->ciphersuites != NULL) {
        need(SSL_CTX_set_ciphersuites(ctx, options->ciphersuites) == 1, options->ciphersuites);
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    if (!options->verify) {
        SSL_CTX_set_cert_verify_callback(ctx, accept_any, NULL);
    }
    load(ctx, options, who, identity);
    return ctx;
}

static SSL_CTX **contexts_new(const struct options *options, const char *who)
{
    SSL_CTX **all = calloc((size_t)options->identities, sizeof(SSL_CTX *));
    need(all != NULL, "memory");
    for (int i = 0; i < options->identities; i++) {
        all[i] = context_new(options, who, i);
        /* One store for all: nobody keeps the same root a thousand times. */
        SSL_CTX_set1_cert_store(all[i], SSL_CTX_get_cert_store(all[0]));
    }
    return all;
}

static void contexts_free(SSL_CTX **all, int count)
{
    for (int i = 0; i < count; i++) {
        SSL_CTX_free(all[i]);
    }
    free(all);
}

/* ---- one handshake
 * ------------------------------------------------------------------------ */

static int step(SSL *ssl, int64_t *spent, int with_split)
{
    int64_t begin = with_split ? thread_cpu() : 0;
    int result = SSL_do_handshake(ssl);
    if (with_split) {
        *spent += thread_cpu() - begin;
    }
    need(result == 1 || SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ, "handshake failed");
    return result == 1;
}

static void check(const struct ends *ends, SSL *ssl)
{
    need(SSL_get0_peer_certificate(ssl) != NULL, "no peer certificate");
    need(SSL_session_reused(ssl) == (ends->session != NULL), "resumed, or not, against the plan");
    need(!ends->verify || SSL_get_verify_result(ssl) == X509_V_OK, "peer not verified");
}

static void connect_ends(struct ends *ends, SSL **client, SSL **server)
{
    BIO *near, *far;
    *client = SSL_new(ends->client[ends->next]);
    *server = SSL_new(ends->server[ends->next]);
    ends->next = (ends->next + 1) % ends->identities;
    need(*client != NULL && *server != NULL, "SSL_new");
    need(BIO_new_bio_pair(&near, 0, &far, 0) == 1, "BIO_new_bio_pair");
    SSL_set_bio(*client, near, near);
    SSL_set_bio(*server, far, far);
    SSL_set_connect_state(*client);
    SSL_set_accept_state(*server);
    if (ends->session != NULL) {
        need(SSL_set_session(*client, ends->session) == 1, "session");
    }
}

static void drive(SSL *client, SSL *server, struct split *split)
{
    int client_done = 0, server_done = 0;
    while (!client_done || !server_done) {
        if (!client_done) {
            client_done = step(client, &split->client, split->on);
        }
        if (!server_done) {
            server_done = step(server, &split->server, split->on);
        }
    }
}

/* Tickets come before the first data; the client then has what the next
 * handshake resumes. */
static void keep_session(struct ends *ends, SSL *client, SSL *server, struct split *split)
{
    char byte = 'x';
    int64_t begin = split->on ? thread_cpu() : 0;
    need(SSL_write(server, &byte, 1) == 1, "write");
    int64_t middle = split->on ? thread_cpu() : 0;
    need(SSL_read(client, &byte, 1) == 1, "read");
    SSL_SESSION_free(ends->session);
    ends->session = SSL_get1_session(client);
    need(ends->session != NULL && SSL_SESSION_is_resumable(ends->session), "a session");
    /* As after a close in good order: otherwise OpenSSL takes the session for a
     * bad one. */
    SSL_set_shutdown(client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_set_shutdown(server, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    if (split->on) {
        split->server += middle - begin;
        split->client += thread_cpu() - middle;
    }
}

static void handshake(void *state, struct split *split)
{
    struct ends *ends = state;
    SSL *client, *server;
    connect_ends(ends, &client, &server);
    drive(client, server, split);
    check(ends, client);
    check(ends, server);
    if (ends->resume) {
        keep_session(ends, client, server, split);
    }
    SSL_free(client);
    SSL_free(server);
}

/* ---- facts and the command line
 * ----------------------------------------------------------- */

static void print_facts(struct ends *ends, const struct options *options)
{
    struct split split = {0};
    SSL *client, *server;
    int signature = NID_undef;
    connect_ends(ends, &client, &server);
    drive(client, server, &split);
    need(SSL_get_peer_signature_type_nid(client, &signature) == 1, "no signature");
    const char *group = SSL_group_to_name(client, (int)SSL_get_negotiated_group(client));
    printf("{\"openssl\": \"%s\", \"openssl_flags\": \"", OpenSSL_version(OPENSSL_VERSION));
    for (const char *c = OpenSSL_version(OPENSSL_CFLAGS); *c != '\0'; c++) {
        if (*c != '"' && *c != '\\') {
            putchar(*c);
        }
    }
    printf("\", \"protocol\": \"%s\", \"cipher\": \"%s\", \"group\": \"%s\", ",
           SSL_get_version(client), SSL_CIPHER_standard_name(SSL_get_current_cipher(client)),
           group != NULL ? group : "unknown");
    printf("\"signature\": \"%s\", \"certificates_sent\": %d, \"root_sent\": "
           "false, ",
           OBJ_nid2sn(signature), sk_X509_num(SSL_get_peer_cert_chain(client)));
    printf("\"verification\": \"%s\", \"settings\": \"%s\", \"tickets\": %zu, ",
           options->verify ? "X509_verify_cert" : "off", options->tuned ? "tuned" : "stock",
           SSL_CTX_get_num_tickets(ends->server[0]));
    printf("\"openssl_build\": \"%s\", \"allocator\": \"%s\", ", hf_openssl_build(),
           hf_allocator());
    printf("\"transport\": \"BIO pair\"}\n");
    fflush(stdout);
    SSL_free(client);
    SSL_free(server);
}

static void usage(void)
{
    fprintf(stderr, "usage: c_loop --pki DIR [--groups LIST] [--ciphersuites LIST] [--tls12]\n"
                    "              [--no-verify] [--tuned] [--resume] [--allocator] [--server]\n"
                    "              [--identities N] [--count HANDSHAKES]\n"
                    "Reads `SECONDS SPLIT` lines from stdin and answers each with a sample; with\n"
                    "--count it makes that many handshakes and ends (for callgrind).\n");
    exit(2);
}

static struct options parse(int argc, char **argv)
{
    static const struct option known[] = {
        {"pki", required_argument, NULL, 'p'},
        {"groups", required_argument, NULL, 'g'},
        {"ciphersuites", required_argument, NULL, 'c'},
        {"tls12", no_argument, NULL, '2'},
        {"no-verify", no_argument, NULL, 'n'},
        {"tuned", no_argument, NULL, 't'},
        {"resume", no_argument, NULL, 'r'},
        {"allocator", no_argument, NULL, 'a'},
        {"server", no_argument, NULL, 's'},
        {"count", required_argument, NULL, 'k'},
        {"identities", required_argument, NULL, 'i'},
        {NULL, 0, NULL, 0},
    };
    struct options options = {.groups = "X25519", .verify = 1, .identities = 1};
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (c) {
        case 'p':
            options.pki = optarg;
            break;
        case 'g':
            options.groups = optarg;
            break;
        case 'c':
            options.ciphersuites = optarg;
            break;
        case '2':
            options.tls12 = 1;
            break;
        case 'n':
            options.verify = 0;
            break;
        case 't':
            options.tuned = 1;
            break;
        case 'r':
            options.resume = 1;
            break;
        case 'a':
            need(hf_library_init().code == 0, "handfast's engine");
            break;
        case 'k':
            options.count = atol(optarg);
            break;
        case 's':
            sampler_server_only();
            break;
        case 'i':
            options.identities = atoi(optarg);
            break;
        default:
            usage();
        }
    }
    if (options.pki == NULL || options.identities < 1 || optind != argc ||
        (options.resume && options.identities > 1)) {
        usage();
    }
    return options;
}

int main(int argc, char **argv)
{
    struct options options = parse(argc, argv);
    struct ends ends = {
        .client = contexts_new(&options, "client"),
        .server = contexts_new(&options, "server"),
        .identities = options.identities,
        .verify = options.verify,
        .resume = options.resume,
    };
    if (options.count > 0) {
        sampler_repeat(handshake, &ends, options.count);
    } else {
        print_facts(&ends, &options);
        sampler_serve(handshake, &ends);
    }
    SSL_SESSION_free(ends.session);
    contexts_free(ends.client, options.identities);
    contexts_free(ends.server, options.identities);
    return 0;
}
