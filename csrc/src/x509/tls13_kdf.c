/* SPDX-License-Identifier: Apache-2.0
 *
 * "TLS13-KDF" for libssl, and for nobody else: parameters come with EVP_KDF_derive(), all at once,
 * and nothing is kept between two calls. So there is no state, and every context of it is the same
 * one. Who sets parameters beforehand is refused for want of them.
 *
 *   EXPAND_ONLY    HKDF-Expand-Label(key, prefix || label, data, length)
 *   EXTRACT_ONLY   HKDF-Extract(Derive-Secret(salt, prefix || label, ""), key)
 *
 * as in OpenSSL's own, against which test_x509_tls13_kdf.c compares it. An absent salt or key is a
 * hash of zeros; with an absent salt there is nothing to derive first.
 */
#include "x509/tls13_kdf.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

#include "x509/scratch.h"

#define HASH_MAX 48   /* SHA-384: no suite of TLS 1.3 has a longer one */
#define BLOCK_MAX 128 /* its block */
#define LABEL_MAX 255 /* RFC 8446, 7.1: prefix and label together */
#define INFO_MAX (2 + 1 + LABEL_MAX + 1 + HASH_MAX)

struct request {
    int mode;
    const EVP_MD *digest;
    size_t hash_len;
    size_t block_len;
    struct hf_span key;
    struct hf_span salt;
    struct hf_span prefix;
    struct hf_span label;
    struct hf_span data;
    EVP_MD_CTX *md;
};

/* ---- parameters --------------------------------------------------------------------------- */

static const EVP_MD *find_digest(const char *name)
{
    /* What libssl calls them; the names of others are looked up. */
    if (strcmp(name, "SHA2-256") == 0) {
        return hf_ossl_digest(32);
    }
    if (strcmp(name, "SHA2-384") == 0) {
        return hf_ossl_digest(48);
    }
    for (size_t len = 32; len <= HASH_MAX; len += 16) {
        if (EVP_MD_is_a(hf_ossl_digest(len), name) == 1) {
            return hf_ossl_digest(len);
        }
    }
    return NULL;
}

/* By hand: OSSL_PARAM_get_octet_string_ptr() tries another type first, and the error that it raises
 * and drops takes longer than all of expand(). */
static bool take_bytes(const OSSL_PARAM *param, struct hf_span *out)
{
    if (param->data_type != OSSL_PARAM_OCTET_STRING || param->data == NULL) {
        return false;
    }
    *out = hf_span_of(param->data, param->data_size);
    return true;
}

static bool take_digest(const OSSL_PARAM *param, const EVP_MD **out)
{
    if (param->data_type != OSSL_PARAM_UTF8_STRING || param->data == NULL) {
        return false;
    }
    *out = find_digest(param->data);
    return *out != NULL;
}

static bool take(const OSSL_PARAM *param, struct request *request)
{
    const char *key = param->key;
    if (strcmp(key, OSSL_KDF_PARAM_MODE) == 0) {
        return OSSL_PARAM_get_int(param, &request->mode) == 1;
    }
    if (strcmp(key, OSSL_KDF_PARAM_DIGEST) == 0) {
        return take_digest(param, &request->digest);
    }
    if (strcmp(key, OSSL_KDF_PARAM_KEY) == 0) {
        return take_bytes(param, &request->key);
    }
    if (strcmp(key, OSSL_KDF_PARAM_PREFIX) == 0) {
        return take_bytes(param, &request->prefix);
    }
    if (strcmp(key, OSSL_KDF_PARAM_LABEL) == 0) {
        return take_bytes(param, &request->label);
    }
    if (strcmp(key, OSSL_KDF_PARAM_DATA) == 0) {
        return take_bytes(param, &request->data);
    }
    if (strcmp(key, OSSL_KDF_PARAM_SALT) == 0) {
        return take_bytes(param, &request->salt);
    }
    return true; /* as everywhere in OpenSSL: what is not known is not meant for us */
}

static bool read_request(const OSSL_PARAM *params, struct request *request)
{
    struct hf_scratch *scratch;
    for (const OSSL_PARAM *param = params; param != NULL && param->key != NULL; param++) {
        if (!take(param, request)) {
            return false;
        }
    }
    if (request->digest == NULL || !hf_is_ok(hf_scratch_get(&scratch))) {
        return false;
    }
    request->md = scratch->secret;
    request->hash_len = (size_t)EVP_MD_get_size(request->digest);
    request->block_len = (size_t)EVP_MD_get_block_size(request->digest);
    return request->hash_len <= HASH_MAX && request->block_len <= BLOCK_MAX;
}

/* ---- HMAC and HKDF ------------------------------------------------------------------------ */

static bool hash_of(const struct request *request, const struct hf_span *parts, size_t count,
                    uint8_t *out)
{
    bool good = EVP_DigestInit_ex2(request->md, request->digest, NULL) == 1;
    for (size_t i = 0; good && i < count; i++) {
        good = parts[i].len == 0 || EVP_DigestUpdate(request->md, parts[i].data, parts[i].len) == 1;
    }
    return good && EVP_DigestFinal_ex(request->md, out, NULL) == 1;
}

#define PARTS_MAX 3

/* RFC 2104, over at most PARTS_MAX parts; `out` is written last and may be one of them. */
static bool hmac(const struct request *request, struct hf_span key, const struct hf_span *parts,
                 size_t count, uint8_t *out)
{
    uint8_t pad[BLOCK_MAX] = {0};
    uint8_t inner[HASH_MAX];
    struct hf_span all[1 + PARTS_MAX] = {hf_span_of(pad, request->block_len)};
    /* A key longer than a block is its hash. */
    bool good = key.len <= request->block_len ? hf_mem_copy(pad, sizeof(pad), key.data, key.len)
                                              : hash_of(request, &key, 1, pad);
    for (size_t i = 0; i < request->block_len; i++) {
        pad[i] ^= 0x36;
    }
    for (size_t i = 0; i < count; i++) {
        all[1 + i] = parts[i];
    }
    good = good && hash_of(request, all, 1 + count, inner);
    for (size_t i = 0; i < request->block_len; i++) {
        pad[i] ^= 0x36 ^ 0x5c;
    }
    all[1] = hf_span_of(inner, request->hash_len);
    good = good && hash_of(request, all, 2, out);
    hf_mem_wipe(pad, sizeof(pad));
    hf_mem_wipe(inner, sizeof(inner));
    return good;
}

/* RFC 5869, 2.3. */
static bool expand(const struct request *request, struct hf_span key, struct hf_span info,
                   uint8_t *out, size_t len)
{
    uint8_t block[HASH_MAX];
    bool good = len <= 255 * request->hash_len;
    size_t done = 0;
    for (uint8_t number = 1; good && done < len; number++) {
        const struct hf_span parts[PARTS_MAX] = {
            hf_span_of(block, number == 1 ? 0 : request->hash_len), info, hf_span_of(&number, 1)};
        size_t n = len - done < request->hash_len ? len - done : request->hash_len;
        good = hmac(request, key, parts, PARTS_MAX, block) &&
               hf_mem_copy(out + done, len - done, block, n);
        done += n;
    }
    hf_mem_wipe(block, sizeof(block));
    return good;
}

static bool append(uint8_t info[INFO_MAX], size_t *len, struct hf_span bytes)
{
    bool fits = bytes.len == 0 || hf_mem_copy(info + *len, INFO_MAX - *len, bytes.data, bytes.len);
    *len += fits ? bytes.len : 0;
    return fits;
}

/* RFC 8446, 7.1. */
static bool expand_label(const struct request *request, struct hf_span key, struct hf_span data,
                         uint8_t *out, size_t out_len)
{
    uint8_t info[INFO_MAX];
    size_t len = 0;
    if (out_len > UINT16_MAX || request->prefix.len > LABEL_MAX ||
        request->label.len > LABEL_MAX - request->prefix.len || data.len > HASH_MAX) {
        return false;
    }
    const uint8_t head[] = {(uint8_t)(out_len >> 8), (uint8_t)out_len,
                            (uint8_t)(request->prefix.len + request->label.len)};
    const uint8_t data_len = (uint8_t)data.len;
    return append(info, &len, hf_span_of(head, sizeof(head))) &&
           append(info, &len, request->prefix) && append(info, &len, request->label) &&
           append(info, &len, hf_span_of(&data_len, 1)) && append(info, &len, data) &&
           expand(request, key, hf_span_of(info, len), out, out_len);
}

static bool extract(const struct request *request, uint8_t *out, size_t out_len)
{
    static const uint8_t zeros[HASH_MAX];
    uint8_t derived[HASH_MAX] = {0};
    uint8_t nothing[HASH_MAX];
    struct hf_span salt = hf_span_of(derived, request->hash_len);
    struct hf_span key =
        request->key.data == NULL ? hf_span_of(zeros, request->hash_len) : request->key;
    bool good = out_len == request->hash_len;
    if (good && request->salt.data != NULL) {
        good = hash_of(request, NULL, 0, nothing) &&
               expand_label(request, request->salt, hf_span_of(nothing, request->hash_len), derived,
                            request->hash_len);
    }
    good = good && hmac(request, salt, &key, 1, out);
    hf_mem_wipe(derived, sizeof(derived));
    return good;
}

/* ---- OpenSSL's side ----------------------------------------------------------------------- */

static int derive(void *unused, unsigned char *out, size_t len, const OSSL_PARAM *params)
{
    struct request request = {0};
    bool good = false;
    (void)unused;
    if (!read_request(params, &request) || out == NULL || len == 0) {
        return 0;
    }
    if (request.mode == EVP_KDF_HKDF_MODE_EXPAND_ONLY) {
        good =
            request.key.data != NULL && expand_label(&request, request.key, request.data, out, len);
    } else if (request.mode == EVP_KDF_HKDF_MODE_EXTRACT_ONLY) {
        good = extract(&request, out, len);
    }
    /* The last thing that the digest's context has seen is a secret: what it returned. */
    (void)EVP_DigestInit_ex2(request.md, request.digest, NULL);
    return good;
}

/* No state: any pointer but NULL will do. */
static char stateless;

static void *new_context(void *unused)
{
    (void)unused;
    return &stateless;
}

static void free_context(void *unused)
{
    (void)unused;
}

const OSSL_DISPATCH hf_tls13_kdf_functions[] = {
    {OSSL_FUNC_KDF_NEWCTX, (void (*)(void))new_context},
    {OSSL_FUNC_KDF_FREECTX, (void (*)(void))free_context},
    {OSSL_FUNC_KDF_DERIVE, (void (*)(void))derive},
    {0, NULL},
};
