/* SPDX-License-Identifier: Apache-2.0
 *
 * Our reading of a ClientHello against OpenSSL's: the same server name, or ours refuses; and the
 * same name again when the message is split into other records.
 *
 * What an attacker must hold: a connection. This is read before anything else.
 */
#include <stdlib.h>

#include <openssl/ssl.h>

#include "hello_kit.h"
#include "x509/ossl.h"

__attribute__((noinline)) static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

struct seen {
    bool asked; /* OpenSSL came as far as to ask */
    bool named;
    char name[HF_SERVER_NAME_MAX + 1];
};

static bool same_name(const char *ours, struct hf_span theirs)
{
    for (size_t i = 0; i < theirs.len; i++) {
        uint8_t c = theirs.data[i];
        c = c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
        if ((uint8_t)ours[i] != c) {
            return false;
        }
    }
    return ours[theirs.len] == '\0';
}

/* The extension as OpenSSL found it: list length, type, name length, name. */
static int note_hello(SSL *ssl, int *alert, void *argument)
{
    struct seen *seen = argument;
    const unsigned char *body = NULL;
    size_t len = 0;
    seen->asked = true;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &body, &len) == 1) {
        seen->named = true;
        must(len > 5 && len - 5 <= HF_SERVER_NAME_MAX);
        must(hf_mem_copy(seen->name, sizeof(seen->name), body + 5, len - 5));
    }
    *alert = SSL_AD_INTERNAL_ERROR;
    return SSL_CLIENT_HELLO_ERROR;
}

static void ask_openssl(SSL_CTX *ctx, const uint8_t *data, size_t size, struct seen *seen)
{
    SSL *ssl = SSL_new(ctx);
    BIO *in = BIO_new_mem_buf(data, (int)size);
    BIO *out = BIO_new(BIO_s_mem());
    must(ssl != NULL && in != NULL && out != NULL);
    SSL_CTX_set_client_hello_cb(ctx, note_hello, seen);
    SSL_set_bio(ssl, in, out);
    SSL_set_accept_state(ssl);
    (void)SSL_do_handshake(ssl);
    SSL_free(ssl);
    hf_ossl_clear();
}

/* The message again, out of its records. */
static void collect(const uint8_t *data, size_t size, struct hello_bytes *message)
{
    message->len = 0;
    for (size_t at = 0; at + 5 <= size && data[at] == 0x16;) {
        size_t len = (size_t)data[at + 3] << 8 | data[at + 4];
        if (message->len >= 4) {
            size_t whole = 4 + ((size_t)message->data[2] << 8 | message->data[3]);
            if (message->len == whole) {
                return;
            }
        }
        hello_put(message, hf_span_of(data + at + 5, len));
        at += 5 + len;
    }
}

static void check_split(const uint8_t *data, size_t size, const struct hf_client_hello *first)
{
    static struct hello_bytes message;
    static struct hello_bytes records;
    struct hf_client_hello again;
    collect(data, size, &message);
    size_t piece = 1 + data[size - 1] % 64;
    records.len = 0;
    hello_records(&records, &message, piece);
    if (records.len <= HF_CLIENT_HELLO_BYTES_MAX) {
        must(hf_is_ok(hf_client_hello_read(records.data, records.len, &again)));
        must(again.need == 0);
        must(hf_mem_equal(again.server_name, sizeof(again.server_name), first->server_name,
                          sizeof(first->server_name)));
    }
}

/* Whatever is whole was not whole before its last byte, and named no more than is there. */
static void check_cut(const uint8_t *data, size_t size)
{
    struct hf_client_hello out;
    size_t len = 0;
    for (size_t steps = 0; steps <= size; steps++) {
        must(hf_is_ok(hf_client_hello_read(data, len, &out)));
        if (out.need == 0) {
            return;
        }
        must(out.need > len && out.need <= size);
        len = out.need;
    }
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static SSL_CTX *ctx;
    struct hf_client_hello hello;
    struct seen seen = {0};
    if (ctx == NULL) {
        must(hf_is_ok(hf_library_init()));
        ctx = SSL_CTX_new_ex(hf_ossl_ctx(), NULL, TLS_server_method());
        must(ctx != NULL);
    }
    hf_result r = hf_client_hello_read(data, size, &hello);
    must(hf_is_ok(r) || (hello.need == 0 && hello.server_name_len == 0));
    must(hello.need == 0 || (hello.need > size && hello.need <= HF_CLIENT_HELLO_BYTES_MAX));
    if (!hf_is_ok(r) || hello.need != 0) {
        return 0;
    }
    check_cut(data, size);
    check_split(data, size, &hello);
    ask_openssl(ctx, data, size, &seen);
    if (seen.asked) {
        must(seen.named == (hello.server_name_len != 0));
        size_t len = hello.server_name_len;
        must(same_name(hello.server_name, hf_span_of(seen.name, len)));
    }
    return 0;
}
