/* SPDX-License-Identifier: Apache-2.0
 *
 * Session id contexts and client keys: SHA-256 over parts, each after its length, so that no two
 * lists of parts share the hashed bytes.
 */
#include <string.h>

#include "tls/session.h"

#define PARTS_MAX 12

struct parts {
    size_t count;
    uint8_t lengths[PARTS_MAX][4];
    struct hf_span spans[2 * PARTS_MAX];
};

static void add(struct parts *parts, const void *data, size_t len)
{
    uint8_t *length = parts->lengths[parts->count];
    for (size_t i = 0; i < 4; i++) {
        length[i] = (uint8_t)(len >> 8 * i);
    }
    parts->spans[2 * parts->count] = hf_span_of(length, 4);
    parts->spans[2 * parts->count + 1] = hf_span_of(data, len);
    parts->count++;
}

/* NULL and "" are different settings. */
static void add_text(struct parts *parts, const char *text)
{
    add(parts, text, text == NULL ? 0 : strlen(text) + 1);
}

hf_result hf_session_context(const struct hf_config_spec *spec, uint8_t out[HF_DIGEST_SIZE])
{
    static const char in_store[] = "handfast session 1";
    static const char in_ticket[] = "handfast ticket 1";
    const struct hf_svid *svid = spec->svid;
    const struct hf_verifier *verifier = spec->verifier;
    const uint8_t *policy = verifier == NULL ? NULL : hf_policy_digest(verifier->policy);
    const uint8_t numbers[] = {
        (uint8_t)spec->role,
        verifier == NULL ? UINT8_MAX : (uint8_t)verifier->kind,
        verifier == NULL ? UINT8_MAX : (uint8_t)verifier->rules,
        (uint8_t)(spec->min_version == HF_TLS12),
    };
    struct parts parts = {0};
    add_text(&parts, spec->tickets == NULL ? in_store : in_ticket);
    add(&parts, numbers, sizeof(numbers));
    add(&parts, policy, policy == NULL ? 0 : HF_DIGEST_SIZE);
    if (spec->tickets != NULL) {
        /* Servers of one identity take each other's tickets, each with an SVID of its own. */
        add(&parts, svid->id, svid->id_len);
    } else {
        /* Not the identity alone: who has a new SVID shows it, so that no session rests on an
         * authority that is only left to be removed (P5), or on a key that was given up. */
        add(&parts, svid == NULL ? NULL : svid->digest, svid == NULL ? 0 : HF_DIGEST_SIZE);
    }
    add_text(&parts, spec->groups);
    add_text(&parts, spec->ciphersuites);
    add(&parts, spec->alpn, spec->alpn_len);
    return hf_ossl_sha256(parts.spans, 2 * parts.count, out);
}

/* The bytes of an extension of the ClientHello, whatever is in them. */
static void add_extension(struct parts *parts, SSL *ssl, unsigned type)
{
    const unsigned char *data = NULL;
    size_t len = 0;
    /* An empty extension and none are different; the spans outlive this call. */
    static const uint8_t marks[] = {0, 1};
    int there = SSL_client_hello_get0_ext(ssl, type, &data, &len) == 1;
    add(parts, &marks[there], 1);
    add(parts, data, there ? len : 0);
}

int hf_session_hello_callback(SSL *ssl, int *alert, void *unused)
{
    const struct hf_conn *conn = SSL_get_app_data(ssl);
    uint8_t context[HF_DIGEST_SIZE];
    struct parts parts = {0};
    (void)unused;
    *alert = SSL_AD_INTERNAL_ERROR;
    if (conn == NULL) {
        return SSL_CLIENT_HELLO_ERROR;
    }
    add(&parts, conn->config->session_context, HF_DIGEST_SIZE);
    add_extension(&parts, ssl, TLSEXT_TYPE_server_name);
    add_extension(&parts, ssl, TLSEXT_TYPE_application_layer_protocol_negotiation);
    if (!hf_is_ok(hf_ossl_sha256(parts.spans, 2 * parts.count, context)) ||
        SSL_set_session_id_context(ssl, context, sizeof(context)) != 1) {
        return SSL_CLIENT_HELLO_ERROR;
    }
    return SSL_CLIENT_HELLO_SUCCESS;
}

hf_result hf_session_client_key(const struct hf_conn *conn, struct hf_span key,
                                uint8_t out[HF_DIGEST_SIZE])
{
    const struct hf_config *config = conn->config;
    const uint8_t kind = (uint8_t)conn->name_kind;
    struct parts parts = {0};
    add(&parts, hf_session_store_seed(config->sessions), HF_SESSION_SEED_SIZE);
    add(&parts, config->session_context, HF_DIGEST_SIZE);
    add(&parts, &kind, 1);
    add(&parts, conn->name, conn->name_len);
    add(&parts, key.data, key.len);
    return hf_ossl_sha256(parts.spans, 2 * parts.count, out);
}
