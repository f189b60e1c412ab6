/* SPDX-License-Identifier: Apache-2.0
 *
 * No end of a handshake without all that proves the peer (threat C14). What OpenSSL would never do
 * by itself is brought about by tampering with a server's context.
 */
#include <string.h>

#include "hf_test.h"
#include "tls_kit.h"

static struct tls_who client;
static struct tls_who server;

/* Two workloads whose handshake is over for OpenSSL, and the server's was not admitted yet. */
static void pair_at_the_door(struct tls_pair *pair)
{
    const uint8_t *flight;
    size_t len;
    tls_who(&client, HF_ROLE_CLIENT);
    tls_who(&server, HF_ROLE_SERVER);
    struct hf_config *ours = tls_config(&client);
    struct hf_config *theirs = tls_config(&server);
    tls_end_conn(&pair->client, ours);
    tls_end_conn(&pair->server, theirs);
    hf_config_unref(ours);
    hf_config_unref(theirs);
    tls_step(&pair->client);
    (void)tls_carry(&pair->client, &pair->server, SIZE_MAX);
    (void)tls_carry(&pair->server, &pair->client, SIZE_MAX);
    HF_CHECK(pair->client.done && !pair->server.done);
    HF_CHECK_OK(hf_conn_outgoing(pair->client.conn, &flight, &len));
    HF_CHECK_OK(hf_conn_receive(pair->server.conn, flight, len));
    HF_CHECK(SSL_do_handshake(pair->server.conn->ssl) == 1);
}

static int believe(X509_STORE_CTX *store, void *unused)
{
    (void)unused;
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
}

/* Run a plain client against a server whose own context was tampered with. */
static void run_tampered(struct hf_config *config, SSL_CTX *plain, struct tls_end *out)
{
    struct tls_end peer;
    tls_end_plain(&peer, plain, false);
    tls_end_conn(out, config);
    tls_drive(&peer, out, SIZE_MAX);
    tls_end_free(&peer);
}

/* C14, the certificate is missing: even a context that asks for none admits nobody. */
static void no_admission_without_a_certificate(void)
{
    struct tls_end end;
    tls_who(&client, HF_ROLE_CLIENT);
    tls_who(&server, HF_ROLE_SERVER);
    client.chain_count = 0;
    SSL_CTX *plain = tls_plain_ctx(&client);
    struct hf_config *config = tls_config(&server);
    SSL_CTX_set_verify(config->ctx, SSL_VERIFY_NONE, NULL);
    run_tampered(config, plain, &end);
    HF_CHECK_CODE(end.result, HF_E_NO_CERTIFICATE);
    HF_CHECK(!end.done);
    tls_end_free(&end);
    hf_config_unref(config);
    SSL_CTX_free(plain);
}

/* C14, the verdict is missing: OpenSSL's word alone is not enough. */
static void no_admission_without_our_verdict(void)
{
    struct tls_end end;
    tls_who(&client, HF_ROLE_CLIENT);
    tls_who(&server, HF_ROLE_SERVER);
    SSL_CTX *plain = tls_plain_ctx(&client);
    struct hf_config *config = tls_config(&server);
    SSL_CTX_set_cert_verify_callback(config->ctx, believe, NULL);
    run_tampered(config, plain, &end);
    HF_CHECK_CODE(end.result, HF_E_INTERNAL);
    HF_CHECK(strcmp(end.error.expected, "our own verdict on the peer") == 0);
    HF_CHECK(!end.done);
    tls_end_free(&end);
    hf_config_unref(config);
    SSL_CTX_free(plain);
}

/* C14, the handshake is not finished; and a verdict that is another's. */
static void admission_wants_this_verdict_and_the_end(void)
{
    struct tls_pair pair;
    struct tls_end fresh;
    pair_at_the_door(&pair);
    struct hf_conn *conn = pair.server.conn;
    const X509 *leaf = conn->verdict->leaf;
    conn->verdict->ssl = pair.client.conn->ssl;
    HF_CHECK_CODE(hf_conn_admit(conn), HF_E_INTERNAL);
    conn->verdict->ssl = conn->ssl;
    conn->verdict->leaf = SSL_get_certificate(conn->ssl);
    HF_CHECK_CODE(hf_conn_admit(conn), HF_E_INTERNAL);
    conn->verdict->leaf = NULL;
    HF_CHECK_CODE(hf_conn_admit(conn), HF_E_INTERNAL);
    HF_CHECK(conn->state == HF_CONN_HANDSHAKE);
    conn->verdict->leaf = leaf;
    HF_CHECK_OK(hf_conn_admit(conn));
    HF_CHECK(conn->state == HF_CONN_OPEN);

    tls_end_conn(&fresh, conn->config);
    HF_CHECK_OK(hf_conn_start(fresh.conn));
    HF_CHECK_CODE(hf_conn_admit(fresh.conn), HF_E_INTERNAL);
    HF_CHECK(fresh.conn->state == HF_CONN_HANDSHAKE);
    tls_end_free(&fresh);
    tls_pair_free(&pair);
}

/* R6: a session that was resumed by other ways than ours is refused, whoever managed to: here the
 * tickets of OpenSSL, which ask none of our callbacks. With sessions of ours, and without. */
static void resume_by_a_ticket(struct hf_session_store *sessions, const char *seen)
{
    struct tls_end first;
    struct tls_end ours;
    tls_who(&client, HF_ROLE_CLIENT);
    tls_who(&server, HF_ROLE_SERVER);
    SSL_CTX *plain = tls_plain_ctx(&client);
    server.sessions = sessions;
    struct hf_config *config = tls_config(&server);
    (void)SSL_CTX_clear_options(config->ctx, SSL_OP_NO_TICKET);
    HF_CHECK(SSL_CTX_set_num_tickets(config->ctx, 1) == 1);
    (void)SSL_CTX_set_session_cache_mode(config->ctx, SSL_SESS_CACHE_SERVER);
    tls_end_plain(&first, plain, false);
    tls_end_conn(&ours, config);
    tls_drive(&first, &ours, SIZE_MAX);
    HF_CHECK(first.done && ours.done);
    SSL_SESSION *session = SSL_get1_session(first.ssl);
    HF_CHECK(SSL_SESSION_is_resumable(session) == 1);
    SSL_set_shutdown(first.ssl, SSL_SENT_SHUTDOWN); /* or freeing the SSL spoils the session */
    tls_end_free(&first);
    tls_end_free(&ours);

    tls_end_plain(&first, plain, false);
    HF_CHECK(SSL_set_session(first.ssl, session) == 1);
    tls_end_conn(&ours, config);
    tls_drive(&first, &ours, SIZE_MAX);
    HF_CHECK_CODE(ours.result, HF_E_PROTOCOL);
    HF_CHECK(strcmp(ours.error.seen, seen) == 0);
    tls_end_free(&first);
    tls_end_free(&ours);
    SSL_SESSION_free(session);
    hf_config_unref(config);
    SSL_CTX_free(plain);
}

static void no_admission_of_a_resumed_session(void)
{
    struct hf_session_store *sessions;
    resume_by_a_ticket(NULL, "a resumed session");
    HF_CHECK_OK(hf_session_store_new(0, 0, &sessions));
    resume_by_a_ticket(sessions, "one without what we know");
    hf_session_store_unref(sessions);
}

HF_TESTS({"no admission without a certificate", no_admission_without_a_certificate},
         {"no admission without our verdict", no_admission_without_our_verdict},
         {"admission wants this verdict and the end", admission_wants_this_verdict_and_the_end},
         {"no admission of a resumed session", no_admission_of_a_resumed_session})
