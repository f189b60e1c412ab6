/* SPDX-License-Identifier: Apache-2.0
 *
 * One-way TLS to a server that is known by its name, not by a SPIFFE ID; and SNI, which workloads
 * may send too.
 */
#include <string.h>

#include "hf_test.h"
#include "tls_kit.h"

#define HOST "www.a.example"

static struct tls_who web;
static struct pki_cert root;

static SSL_CTX *web_server(void)
{
    struct pki_spec spec;
    const struct pki_name names[] = {{PKI_DNS, der_text(HOST)},
                                     {PKI_IP, DER_BYTES("\x7f\0\0\x01")}};
    tls_who(&web, HF_ROLE_SERVER);
    kit_root(&root, "root", KIT_KEY(0));
    pki_leaf(&spec, "root", TLS_SERVER_ID, KIT_LEAF_KEY); /* its SAN is replaced */
    pki_add_key_ids(&spec, KIT_KEY(0));                   /* as web paths want it */
    pki_set_san(&spec, true, names, 2);
    tls_who_leaf(&web, &spec, KIT_LEAF_KEY);
    SSL_CTX *ctx = tls_plain_ctx(&web);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    return ctx;
}

static struct hf_config *web_client(void)
{
    struct hf_verifier *verifier;
    struct hf_config *config = NULL;
    HF_CHECK_OK(hf_verifier_new_web(root.der, root.len, 4, &verifier));
    const struct hf_config_spec spec = {.role = HF_ROLE_CLIENT, .verifier = verifier};
    HF_CHECK_OK(hf_config_new(&spec, &config));
    hf_verifier_unref(verifier);
    return config;
}

static void run(int kind, const char *name, size_t len, struct tls_end *conn, struct tls_end *peer)
{
    static const struct tls_end empty;
    SSL_CTX *ctx = web_server();
    struct hf_config *config = web_client();
    *conn = empty;
    tls_end_plain(peer, ctx, true);
    HF_CHECK_OK(hf_conn_new(config, kind, (const uint8_t *)name, len, &conn->conn));
    tls_drive(conn, peer, SIZE_MAX);
    hf_config_unref(config);
    SSL_CTX_free(ctx);
}

static void the_right_name_is_let_in(void)
{
    struct tls_end conn;
    struct tls_end peer;
    struct hf_peer who;
    run(HF_NAME_DNS, HOST, strlen(HOST), &conn, &peer);
    HF_CHECK_OK(conn.result);
    HF_CHECK(tls_talk(&conn, &peer));
    HF_CHECK_OK(hf_conn_peer(conn.conn, &who));
    HF_CHECK(who.id_len == 0 && who.id[0] == '\0' && who.path_length == 2);
    const char *sni = SSL_get_servername(peer.ssl, TLSEXT_NAMETYPE_host_name);
    HF_CHECK(sni != NULL && strcmp(sni, HOST) == 0);
    tls_end_free(&conn);
    tls_end_free(&peer);

    run(HF_NAME_IP, "\x7f\0\0\x01", 4, &conn, &peer);
    HF_CHECK_OK(conn.result);
    HF_CHECK(tls_talk(&conn, &peer));
    HF_CHECK(SSL_get_servername(peer.ssl, TLSEXT_NAMETYPE_host_name) == NULL);
    tls_end_free(&conn);
    tls_end_free(&peer);
}

static void another_name_is_refused(void)
{
    struct tls_end conn;
    struct tls_end peer;
    run(HF_NAME_DNS, "mail.a.example", 14, &conn, &peer);
    HF_CHECK_CODE(conn.result, HF_E_NAME_MISMATCH);
    HF_CHECK(peer.plain_alert == HF_ALERT_BAD_CERTIFICATE);
    tls_end_free(&conn);
    tls_end_free(&peer);

    run(HF_NAME_IP, "\x7f\0\0\x02", 4, &conn, &peer);
    HF_CHECK_CODE(conn.result, HF_E_NAME_MISMATCH);
    tls_end_free(&conn);
    tls_end_free(&peer);
}

/* A workload's name in SNI is for routing alone: who the peer is, its SVID says. */
static void a_workload_may_send_a_name(void)
{
    static struct tls_who client;
    static struct tls_who server;
    struct tls_end conn = {0};
    struct tls_end peer;
    tls_who(&client, HF_ROLE_CLIENT);
    tls_who(&server, HF_ROLE_SERVER);
    struct hf_config *config = tls_config(&client);
    SSL_CTX *ctx = tls_plain_ctx(&server);
    tls_end_plain(&peer, ctx, true);
    HF_CHECK_OK(hf_conn_new(config, HF_NAME_DNS, (const uint8_t *)"x.example", 9, &conn.conn));
    tls_drive(&conn, &peer, SIZE_MAX);
    HF_CHECK(tls_talk(&conn, &peer));
    const char *sni = SSL_get_servername(peer.ssl, TLSEXT_NAMETYPE_host_name);
    HF_CHECK(sni != NULL && strcmp(sni, "x.example") == 0);
    tls_end_free(&conn);
    tls_end_free(&peer);
    hf_config_unref(config);
    SSL_CTX_free(ctx);
}

HF_TESTS({"the right name is let in", the_right_name_is_let_in},
         {"another name is refused", another_name_is_refused},
         {"a workload may send a name", a_workload_may_send_a_name})
