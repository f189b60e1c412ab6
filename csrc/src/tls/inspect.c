/* SPDX-License-Identifier: Apache-2.0
 *
 * What a context really says. What OpenSSL lets nobody ask a context, its ClientHello is asked.
 */
#include "tls/config.h"

#define EXTENSION_POST_HANDSHAKE_AUTH 49

static int32_t count_store(const SSL_CTX *ctx)
{
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
#if OPENSSL_VERSION_NUMBER >= 0x30300000L
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get1_objects(store);
    int32_t count = objects == NULL ? -1 : sk_X509_OBJECT_num(objects);
    sk_X509_OBJECT_pop_free(objects, X509_OBJECT_free);
    return count;
#else
    return sk_X509_OBJECT_num(X509_STORE_get0_objects(store));
#endif
}

/* `arg` points to -1 until a ClientHello was seen, then to whether it offered the extension. */
static void look_at_hello(int write_p, int version, int content_type, const void *data, size_t len,
                          SSL *ssl, void *arg)
{
    int32_t *offered = arg;
    struct hf_span hello = hf_span_of(data, len);
    struct hf_span part;
    uint8_t small = 0;
    uint8_t high = 0;
    uint8_t low = 0;
    (void)version;
    (void)ssl;
    if (!write_p || content_type != SSL3_RT_HANDSHAKE ||
        !hf_span_take(&hello, 4 + 2 + SSL3_RANDOM_SIZE, &part) ||
        part.data[0] != SSL3_MT_CLIENT_HELLO || !hf_span_take_u8(&hello, &small) ||
        !hf_span_take(&hello, small, &part) || !hf_span_take_u8(&hello, &high) ||
        !hf_span_take_u8(&hello, &low) || !hf_span_take(&hello, (size_t)high << 8 | low, &part) ||
        !hf_span_take_u8(&hello, &small) || !hf_span_take(&hello, small, &part) ||
        !hf_span_take(&hello, 2, &part)) {
        return;
    }
    *offered = 0;
    while (hf_span_take(&hello, 4, &part)) {
        unsigned type = (unsigned)part.data[0] << 8 | part.data[1];
        size_t size = (size_t)part.data[2] << 8 | part.data[3];
        if (type == EXTENSION_POST_HANDSHAKE_AUTH) {
            *offered = 1;
        }
        if (!hf_span_take(&hello, size, &part)) {
            return;
        }
    }
}

static void free_ssl_at(SSL **ssl)
{
    SSL_free(*ssl);
}

static hf_result offers_post_handshake_auth(const struct hf_config *config, int32_t *out)
{
    *out = -1;
    hf_ossl_clear();
    HF_DEFER(free_ssl_at) SSL *ssl = SSL_new(config->ctx);
    HF_NEED_MEM(ssl);
    BIO *bio = BIO_new(BIO_s_mem());
    HF_NEED_MEM(bio);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_msg_callback(ssl, look_at_hello);
    SSL_set_msg_callback_arg(ssl, out);
    SSL_set_connect_state(ssl);
    (void)SSL_do_handshake(ssl);
    hf_ossl_clear();
    HF_NEED(*out != -1, HF_E_OPENSSL);
    return hf_ok();
}

hf_result hf_config_inspect(const struct hf_config *config, struct hf_config_facts *out)
{
    HF_NEED_PTR(out);
    *out = (struct hf_config_facts){0};
    HF_NEED_PTR(config);
    SSL_CTX *ctx = config->ctx;
    out->options = SSL_CTX_get_options(ctx);
    out->mode = (uint64_t)SSL_CTX_get_mode(ctx);
    out->session_cache_mode = SSL_CTX_get_session_cache_mode(ctx);
    out->max_cert_list = SSL_CTX_get_max_cert_list(ctx);
    out->verify_mode = SSL_CTX_get_verify_mode(ctx);
    out->min_version = (int32_t)SSL_CTX_get_min_proto_version(ctx);
    out->max_version = (int32_t)SSL_CTX_get_max_proto_version(ctx);
    out->num_tickets = (int32_t)SSL_CTX_get_num_tickets(ctx);
    out->max_early_data = SSL_CTX_get_max_early_data(ctx);
    out->recv_max_early_data = SSL_CTX_get_recv_max_early_data(ctx);
    out->store_objects = count_store(ctx);
    if (config->role == HF_ROLE_CLIENT) {
        return offers_post_handshake_auth(config, &out->post_handshake_auth);
    }
    return hf_ok();
}
