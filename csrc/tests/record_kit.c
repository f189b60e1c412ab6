/* SPDX-License-Identifier: Apache-2.0 */
#include "record_kit.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER 5
#define TAG 16
#define HANDSHAKE 0x16
#define APPLICATION_DATA 0x17
#define FINISHED 20

static void need(bool holds, const char *what)
{
    if (!holds) {
        (void)fprintf(stderr, "record_kit: %s\n", what);
        exit(2);
    }
}

void record_start(struct record_middle *middle, struct hf_conn *logger)
{
    static const struct record_middle empty;
    *middle = empty;
    middle->logger = logger;
    middle->to = HF_ROLE_CLIENT;
    middle->at = SIZE_MAX;
}

static void expand(const uint8_t *secret, const char *label, uint8_t *out, size_t len)
{
    EVP_KDF *kdf = EVP_KDF_fetch(hf_ossl_ctx(), "TLS13-KDF", NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)"SHA256", 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret,
                                          RECORD_SECRET_SIZE),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, (void *)(uintptr_t)"tls13 ", 6),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL, (void *)(uintptr_t)label,
                                          strlen(label)),
        OSSL_PARAM_construct_end(),
    };
    need(ctx != NULL && EVP_KDF_derive(ctx, out, len, params) == 1, "key derivation");
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
}

static uint8_t hex_value(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

/* "LABEL <client random> <secret>", in hexadecimal. */
static void take_line(struct record_keys *keys, const char *line, const char *label)
{
    uint8_t secret[RECORD_SECRET_SIZE];
    size_t label_len = strlen(label);
    if (strncmp(line, label, label_len) != 0 || keys->known) {
        return;
    }
    const char *hex = line + label_len + 1 + 64 + 1;
    for (size_t i = 0; i < sizeof(secret); i++) {
        secret[i] = (uint8_t)(hex_value(hex[2 * i]) << 4 | hex_value(hex[2 * i + 1]));
    }
    expand(secret, "key", keys->key, sizeof(keys->key));
    expand(secret, "iv", keys->iv, sizeof(keys->iv));
    keys->known = true;
}

static void take_keys(struct record_middle *middle)
{
    const char *lines;
    size_t len;
    need(hf_is_ok(hf_conn_key_log(middle->logger, &lines, &len)), "key log");
    for (size_t start = 0; start < len;) {
        take_line(&middle->to_client, lines + start, "SERVER_HANDSHAKE_TRAFFIC_SECRET");
        take_line(&middle->to_server, lines + start, "CLIENT_HANDSHAKE_TRAFFIC_SECRET");
        while (start < len && lines[start] != '\n') {
            start++;
        }
        start++;
    }
}

static bool crypt(const struct record_keys *keys, const uint8_t *header, uint8_t *body, size_t len,
                  bool seal)
{
    uint8_t nonce[sizeof(keys->iv)];
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(hf_ossl_ctx(), "AES-128-GCM", NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0;
    (void)hf_mem_copy(nonce, sizeof(nonce), keys->iv, sizeof(keys->iv));
    for (size_t i = 0; i < 8; i++) {
        nonce[11 - i] = (uint8_t)(nonce[11 - i] ^ (keys->sequence >> (8 * i)));
    }
    bool good = EVP_CipherInit_ex2(ctx, cipher, keys->key, nonce, seal, NULL) == 1 &&
                EVP_CipherUpdate(ctx, NULL, &n, header, HEADER) == 1 &&
                EVP_CipherUpdate(ctx, body, &n, body, (int)len) == 1;
    if (!seal) {
        good = good && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, body + len) == 1;
    }
    good = good && EVP_CipherFinal_ex(ctx, body + len, &n) == 1;
    if (seal) {
        good = good && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, body + len) == 1;
    }
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    return good;
}

/* Note the messages of a record's content, and change the byte if it is here. */
static void handle(struct record_middle *middle, int to, uint8_t *content, size_t len)
{
    size_t before = middle->seen[to];
    for (size_t start = 0; start + 4 <= len;) {
        size_t size = 4 + ((size_t)content[start + 1] << 16 | (size_t)content[start + 2] << 8 |
                           content[start + 3]);
        need(size <= len - start && middle->count[to] < RECORD_MESSAGES_MAX, "whole messages");
        struct record_message message = {content[start], before + start, size};
        middle->messages[to][middle->count[to]++] = message;
        start += size;
    }
    middle->seen[to] = before + len;
    if (to == middle->to && middle->at >= before && middle->at - before < len) {
        content[middle->at - before] =
            (uint8_t)(content[middle->at - before] ^ (1u << middle->bit));
        middle->hit = true;
    }
}

void record_change(void *arg, int to, uint8_t *bytes, size_t len)
{
    struct record_middle *middle = arg;
    struct record_keys *keys = to == HF_ROLE_CLIENT ? &middle->to_client : &middle->to_server;
    for (size_t start = 0; start < len;) {
        uint8_t *header = bytes + start;
        size_t size = (size_t)header[3] << 8 | header[4];
        uint8_t *body = header + HEADER;
        need(start + HEADER + size <= len, "whole records");
        start += HEADER + size;
        if (header[0] == HANDSHAKE) {
            handle(middle, to, body, size);
            continue;
        }
        size_t count = middle->count[to];
        bool over = count != 0 && middle->messages[to][count - 1].type == FINISHED;
        if (header[0] != APPLICATION_DATA || over) {
            continue; /* alerts, and what is under the application's keys */
        }
        take_keys(middle);
        size_t inner = size - TAG;
        if (!keys->known || !crypt(keys, header, body, inner, false)) {
            continue; /* after a change the ends have other keys than we */
        }
        if (body[inner - 1] == HANDSHAKE) {
            handle(middle, to, body, inner - 1);
        }
        need(crypt(keys, header, body, inner, true), "encryption");
        keys->sequence++;
    }
}
