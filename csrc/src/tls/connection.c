/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of a connection: made, started, failed, freed, and never used by two threads at once.
 */
#include "tls/connection.h"

#include "tls/session.h"
#include "tls/verify_callback.h"

hf_result hf_conn_enter(const struct hf_conn *conn)
{
    HF_NEED_PTR(conn);
    /* Connections are made by hf_conn_new() only, so what is const here is not const there. */
    struct hf_conn *mutable_conn = (struct hf_conn *)(uintptr_t)conn;
    HF_NEED(!atomic_exchange_explicit(&mutable_conn->busy, true, memory_order_acquire), HF_E_BUSY);
    return hf_ok();
}

void hf_conn_leave_at(const struct hf_conn **conn)
{
    struct hf_conn *mutable_conn = (struct hf_conn *)(uintptr_t)*conn;
    atomic_store_explicit(&mutable_conn->busy, false, memory_order_release);
}

static void free_at(struct hf_conn **conn)
{
    hf_conn_free(*conn);
}

hf_result hf_conn_new(struct hf_config *config, int name_kind, const uint8_t *server_name,
                      size_t server_name_len, struct hf_conn **out)
{
    HF_NEED_PTR(out);
    *out = NULL;
    HF_NEED_PTR(config);
    HF_NEED_SEEN(!config->web || name_kind != HF_NAME_NONE, HF_E_NAME_INVALID,
                 "the name of the server, to be verified", "none");
    HF_NEED_SEEN(config->role == HF_ROLE_CLIENT || name_kind == HF_NAME_NONE, HF_E_BAD_ARGUMENT,
                 "no server name on the server itself", "one");

    HF_DEFER(free_at) struct hf_conn *conn = hf_mem_new(sizeof(*conn));
    HF_NEED_MEM(conn);
    atomic_init(&conn->busy, false);
    conn->alert_sent = -1;
    conn->looks_left = HF_SESSION_LOOKS_MAX;
    conn->config = hf_config_ref(config);
    HF_TRY(hf_conn_set_name(conn, name_kind, hf_span_of(server_name, server_name_len)));
    *out = conn;
    conn = NULL;
    return hf_ok();
}

void hf_conn_free(struct hf_conn *conn)
{
    /* Busy: in the middle of a step of a thread that a fork left behind, such as a worker's of a
     * connection that was lent. Nothing in it is certain then, and a child can spare the bytes. */
    if (conn == NULL || atomic_load(&conn->busy)) {
        return;
    }
    SSL_free(conn->ssl); /* before the buffers that its BIO uses */
    SSL_SESSION_free(conn->taken);
    hf_buffer_clear(&conn->transport.in);
    hf_buffer_clear(&conn->transport.out);
    hf_presented_unref(conn->presented);
    hf_mem_free(conn->verdict);
    hf_mem_free(conn->failure);
    hf_mem_free(conn->refusal);
    hf_mem_free(conn->name);
    hf_keylog_wipe(&conn->key_log);
    hf_config_unref(conn->config);
    hf_mem_free(conn);
}

static void free_ssl_at(SSL **ssl)
{
    SSL_free(*ssl);
}

hf_result hf_conn_start(struct hf_conn *conn)
{
    BIO *bio;
    hf_ossl_clear();
    HF_DEFER(free_ssl_at) SSL *ssl = SSL_new(conn->config->ctx);
    if (ssl == NULL) {
        HF_FAIL_OSSL(HF_E_OUT_OF_MEMORY);
    }
    HF_TRY(hf_transport_bio(&conn->transport, &bio));
    SSL_set_bio(ssl, bio, bio);
    HF_TRY_OSSL(SSL_set_app_data(ssl, conn) == 1, HF_E_OPENSSL);
    if (conn->name_kind == HF_NAME_DNS) {
        HF_TRY_OSSL(SSL_set_tlsext_host_name(ssl, conn->name) == 1, HF_E_OPENSSL);
    }
    SSL_set_msg_callback(ssl, hf_message_callback);
    SSL_set_msg_callback_arg(ssl, conn);
    if (conn->config->role == HF_ROLE_SERVER) {
        SSL_set_accept_state(ssl);
    } else {
        SSL_set_connect_state(ssl);
    }
    conn->ssl = ssl;
    ssl = NULL;
    return hf_session_offer(conn);
}

hf_result hf_conn_fail(struct hf_conn *conn, hf_result failure)
{
    struct hf_error *record = hf_error_current();
    if (record->alert < 0) {
        record->alert = conn->alert_sent;
    }
    conn->state = HF_CONN_FAILED;
    conn->failed_code = failure.code;
    /* 2.8 KB, and only for those that fail. Without memory the code alone is repeated. */
    conn->failure = hf_mem_new(sizeof(*conn->failure));
    if (conn->failure != NULL) {
        *conn->failure = *record;
    }
    hf_buffer_clear(&conn->transport.in);
    if (failure.code != HF_E_TRUNCATED) {
        hf_session_discard(conn);
    }
    if (!conn->was_open) {
        SSL_free(conn->ssl);
        conn->ssl = NULL;
    }
    return failure;
}

hf_result hf_conn_repeat(const struct hf_conn *conn)
{
    if (conn->failure == NULL) {
        HF_FAIL(conn->failed_code);
    }
    return hf_error_restore(conn->failure);
}
