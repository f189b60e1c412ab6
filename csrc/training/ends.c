/* SPDX-License-Identifier: Apache-2.0
 *
 * ends.c - the contexts of a training run, set up as csrc/src/tls/context.c does it, and one
 * connection between them in memory.
 */
#include "ends.h"

#include <openssl/err.h>
#include <string.h>

static const unsigned char context_id[] = "training";
static unsigned char record[16 * 1024];

/* ---- sessions ----------------------------------------------------------------------------- */

static int client_session_new(SSL *ssl, SSL_SESSION *session)
{
    struct ends *ends = SSL_get_app_data(ssl);
    SSL_SESSION_free(ends->session);
    ends->session = session;
    return 1;
}

static int server_session_new(SSL *ssl, SSL_SESSION *session)
{
    struct ends *ends = SSL_get_app_data(ssl);
    unsigned char *at = ends->stored;
    need(i2d_SSL_SESSION(session, NULL) <= SESSION_BYTES_MAX, "a short session");
    ends->stored_len = i2d_SSL_SESSION(session, &at);
    return 0;
}

static SSL_SESSION *server_session_get(SSL *ssl, const unsigned char *id, int len, int *copy)
{
    struct ends *ends = SSL_get_app_data(ssl);
    const unsigned char *at = ends->stored;
    (void)id;
    (void)len;
    *copy = 0;
    return ends->stored_len == 0 ? NULL : d2i_SSL_SESSION(NULL, &at, ends->stored_len);
}

/* ---- contexts ----------------------------------------------------------------------------- */

static int judged_elsewhere(X509_STORE_CTX *context, void *unused)
{
    (void)unused;
    X509_STORE_CTX_set_error(context, X509_V_OK);
    return 1;
}

static SSL_CTX *context_make(const SSL_METHOD *method, const struct plan *plan,
                             const struct world *world)
{
    SSL_CTX *ctx = SSL_CTX_new(method);
    need(ctx != NULL, "a context");
    need(SSL_CTX_set_min_proto_version(ctx, plan->version) == 1 &&
             SSL_CTX_set_max_proto_version(ctx, plan->version) == 1,
         "a version");
    need(SSL_CTX_set1_groups_list(ctx, plan->groups) == 1, plan->groups);
    need(SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                                       "TLS_CHACHA20_POLY1305_SHA256") == 1,
         "ciphersuites");
    SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_clear_options(ctx, SSL_OP_ENABLE_MIDDLEBOX_COMPAT);
    need(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), world->root) == 1, "a root");
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    if (plan->judged_elsewhere) {
        SSL_CTX_set_cert_verify_callback(ctx, judged_elsewhere, NULL);
    }
    return ctx;
}

static void identify(SSL_CTX *ctx, X509 *leaf, EVP_PKEY *key, X509 *intermediate)
{
    need(SSL_CTX_use_certificate(ctx, leaf) == 1 && SSL_CTX_use_PrivateKey(ctx, key) == 1,
         "an identity");
    need(SSL_CTX_add1_chain_cert(ctx, intermediate) == 1, "an intermediate");
}

void ends_make(const struct plan *plan, const struct world *world, struct ends *ends)
{
    *ends = (struct ends){.plan = plan};
    ends->client = context_make(TLS_client_method(), plan, world);
    ends->server = context_make(TLS_server_method(), plan, world);
    identify(ends->client, world->client, world->client_key, world->intermediate);
    identify(ends->server, world->server, world->server_key, world->intermediate);
    if (plan->resumption == RESUME_NEVER) {
        SSL_CTX_set_session_cache_mode(ends->client, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_session_cache_mode(ends->server, SSL_SESS_CACHE_OFF);
        need(SSL_CTX_set_num_tickets(ends->server, 0) == 1, "no tickets");
        SSL_CTX_set_options(ends->server, SSL_OP_NO_TICKET);
        return;
    }
    need(SSL_CTX_set_session_id_context(ends->server, context_id, sizeof(context_id) - 1) == 1,
         "a session id context");
    need(SSL_CTX_set_num_tickets(ends->server, 1) == 1, "one ticket");
    SSL_CTX_set_session_cache_mode(ends->client,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ends->client, client_session_new);
    if (plan->resumption == RESUME_STATEFUL) {
        SSL_CTX_set_options(ends->server, SSL_OP_NO_TICKET);
        SSL_CTX_set_session_cache_mode(ends->server,
                                       SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(ends->server, server_session_new);
        SSL_CTX_sess_set_get_cb(ends->server, server_session_get);
    }
}

void ends_drop(struct ends *ends)
{
    SSL_SESSION_free(ends->session);
    SSL_CTX_free(ends->client);
    SSL_CTX_free(ends->server);
}

/* ---- a connection ------------------------------------------------------------------------- */

static int step(SSL *ssl)
{
    ERR_clear_error();
    int result = SSL_do_handshake(ssl);
    need(result == 1 || SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ, "a handshake");
    return result == 1;
}

static void carry(SSL *from, SSL *to, size_t len)
{
    size_t written = 0, got = 0, more = 0;
    need(SSL_write_ex(from, record, len, &written) == 1 && written == len, "a message sent");
    while (got < len) {
        need(SSL_read_ex(to, record + got, len - got, &more) == 1, "a message received");
        got += more;
    }
}

void ends_connect(struct ends *ends)
{
    BIO *near, *far;
    SSL *client = SSL_new(ends->client);
    SSL *server = SSL_new(ends->server);
    need(client != NULL && server != NULL, "a connection");
    /* Room for a whole record, so that a message never waits for the other end. */
    need(BIO_new_bio_pair(&near, 4 * sizeof(record), &far, 4 * sizeof(record)) == 1, "a BIO pair");
    SSL_set_bio(client, near, near);
    SSL_set_bio(server, far, far);
    SSL_set_app_data(client, ends);
    SSL_set_app_data(server, ends);
    SSL_set_connect_state(client);
    SSL_set_accept_state(server);
    int resumes = ends->session != NULL && ends->plan->resumption != RESUME_NEVER;
    need(!resumes || SSL_set_session(client, ends->session) == 1, "a session");
    int client_done = 0, server_done = 0;
    while (!client_done || !server_done) {
        client_done = client_done || step(client);
        server_done = server_done || step(server);
    }
    need(SSL_session_reused(client) == resumes, resumes ? "resumption" : "a full handshake");
    carry(client, server, 64);
    carry(server, client, 64);
    for (int i = 0; i < ends->plan->records; i++) {
        carry(client, server, sizeof(record));
        carry(server, client, sizeof(record));
    }
    need(SSL_shutdown(client) == 0 && SSL_shutdown(server) == 0 && SSL_shutdown(server) == 1,
         "an orderly end");
    SSL_free(client);
    SSL_free(server);
}
