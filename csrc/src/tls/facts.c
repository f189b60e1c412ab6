/* SPDX-License-Identifier: Apache-2.0
 *
 * What is known of a connection once its handshake is over.
 */
#include <stdio.h>

#include <openssl/objects.h>

#include "tls/connection.h"

/* RFC 9266, section 2. */
#define BINDING_LABEL "EXPORTER-Channel-Binding"
#define BINDING_SIZE 32

static hf_result need_opened(const struct hf_conn *conn)
{
    HF_NEED_SEEN(conn->was_open, HF_E_WRONG_STATE, "a finished handshake",
                 "one that is not, or failed");
    return hf_ok();
}

hf_result hf_conn_peer(const struct hf_conn *conn, struct hf_peer *out)
{
    HF_NEED_PTR(out);
    *out = (struct hf_peer){0};
    HF_CONN_ENTER(conn);
    HF_TRY(need_opened(conn));
    HF_NEED_SEEN(conn->verdict != NULL, HF_E_WRONG_STATE, "a peer that was authenticated",
                 "one of a one-way server, which asks nobody");
    HF_NEED(hf_mem_copy(out, sizeof(*out), conn->verdict->peer, conn->verdict->peer_len),
            HF_E_INTERNAL);
    return hf_ok();
}

hf_result hf_conn_presented(const struct hf_conn *conn, struct hf_chain *out)
{
    HF_NEED_PTR(out);
    *out = (struct hf_chain){0};
    HF_CONN_ENTER(conn);
    HF_NEED_SEEN(conn->presented != NULL, HF_E_WRONG_STATE, "certificates of the peer",
                 "none came, or none that could be taken");
    *out = hf_presented_view(conn->presented);
    return hf_ok();
}

hf_result hf_conn_presented_keep(const struct hf_conn *conn, struct hf_presented_chain **out)
{
    HF_NEED_PTR(out);
    *out = NULL;
    HF_CONN_ENTER(conn);
    HF_NEED_SEEN(conn->presented != NULL, HF_E_WRONG_STATE, "certificates of the peer",
                 "none came, or none that could be taken");
    *out = hf_presented_ref(conn->presented);
    return hf_ok();
}

hf_result hf_conn_alpn(const struct hf_conn *conn, const uint8_t **name, size_t *len)
{
    const unsigned char *chosen = NULL;
    unsigned chosen_len = 0;
    HF_NEED_PTR(name);
    HF_NEED_PTR(len);
    *name = NULL;
    *len = 0;
    HF_CONN_ENTER(conn);
    HF_TRY(need_opened(conn));
    SSL_get0_alpn_selected(conn->ssl, &chosen, &chosen_len);
    *name = chosen;
    *len = chosen_len;
    return hf_ok();
}

static void put_text(char out[64], const char *text)
{
    (void)snprintf(out, 64, "%s", text == NULL ? "" : text);
}

static const char *group_name(SSL *ssl)
{
#if OPENSSL_VERSION_NUMBER >= 0x30200000L
    return SSL_get0_group_name(ssl);
#else
    return SSL_group_to_name(ssl, (int)SSL_get_negotiated_group(ssl));
#endif
}

static void put_signature(char out[64], SSL *ssl)
{
#if OPENSSL_VERSION_NUMBER >= 0x30500000L
    const char *name = NULL;
    if (SSL_get0_peer_signature_name(ssl, &name) == 1) {
        put_text(out, name);
    }
#else
    int type = NID_undef;
    int digest = NID_undef;
    if (SSL_get_peer_signature_type_nid(ssl, &type) != 1) {
        return;
    }
    put_text(out, OBJ_nid2sn(type));
    if (SSL_get_peer_signature_nid(ssl, &digest) == 1 && digest != NID_undef) {
        (void)snprintf(out, 64, "%s+%s", OBJ_nid2sn(type), OBJ_nid2sn(digest));
    }
#endif
}

hf_result hf_conn_facts(const struct hf_conn *conn, struct hf_conn_facts *out)
{
    HF_NEED_PTR(out);
    *out = (struct hf_conn_facts){0};
    HF_CONN_ENTER(conn);
    HF_TRY(need_opened(conn));
    const SSL_CIPHER *cipher = SSL_get_current_cipher(conn->ssl);
    out->version = SSL_version(conn->ssl);
    out->resumed = SSL_session_reused(conn->ssl);
    put_text(out->cipher, cipher == NULL ? NULL : SSL_CIPHER_standard_name(cipher));
    put_text(out->group, group_name(conn->ssl));
    put_signature(out->signature, conn->ssl);
    return hf_ok();
}

hf_result hf_conn_resumed(const struct hf_conn *conn, int *out)
{
    HF_NEED_PTR(out);
    *out = 0;
    HF_CONN_ENTER(conn);
    HF_TRY(need_opened(conn));
    *out = SSL_session_reused(conn->ssl);
    return hf_ok();
}

hf_result hf_conn_channel_binding(struct hf_conn *conn, uint8_t out[32])
{
    static const unsigned char empty[1] = {0};
    HF_NEED_PTR(out);
    hf_mem_wipe(out, BINDING_SIZE);
    HF_CONN_ENTER(conn);
    HF_TRY(need_opened(conn));
    hf_ossl_clear();
    /* The context is the empty string, not absent: the same in TLS 1.3, not in 1.2. A TLS 1.2
     * connection has the extended master secret here, without which RFC 9266 forbids this. */
    if (SSL_export_keying_material(conn->ssl, out, BINDING_SIZE, BINDING_LABEL,
                                   sizeof(BINDING_LABEL) - 1, empty, 0, 1) != 1) {
        hf_mem_wipe(out, BINDING_SIZE);
        HF_FAIL_OSSL(HF_E_OPENSSL);
    }
    return hf_ok();
}

size_t hf_conn_pending_in(const struct hf_conn *conn)
{
    return conn == NULL ? 0 : hf_buffer_len(&conn->transport.in);
}

size_t hf_conn_pending_out(const struct hf_conn *conn)
{
    return conn == NULL ? 0 : hf_buffer_len(&conn->transport.out);
}
