/* SPDX-License-Identifier: Apache-2.0
 *
 * The key schedule of TLS 1.3, which is ours in the pinned build: against the traces of RFC 8448,
 * and against OpenSSL's own in everything that libssl can ask, and some of what it cannot.
 */
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <string.h>

#include "hf_test.h"
#include "x509/ossl.h"

#ifdef HF_OPENSSL_PINNED
#define OURS "handfast"
#else
#define OURS "default" /* a system's OpenSSL keeps its own */
#endif

#define OUT_MAX 8192

struct question {
    int mode;
    const char *digest;
    struct hf_span key; /* without data: left out, as the others */
    struct hf_span salt;
    struct hf_span prefix;
    struct hf_span label;
    struct hf_span data;
};

static void add(OSSL_PARAM **at, const char *name, struct hf_span bytes)
{
    if (bytes.data != NULL) {
        *(*at)++ =
            OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)bytes.data, bytes.len);
    }
}

/* As libssl does it; what the answer is, or false. */
static bool ask(const char *properties, const struct question *q, uint8_t *out, size_t len)
{
    OSSL_PARAM params[8];
    OSSL_PARAM *at = params;
    int mode = q->mode;
    *at++ = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode);
    if (q->digest != NULL) {
        *at++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
                                                 (char *)(uintptr_t)q->digest, 0);
    }
    add(&at, OSSL_KDF_PARAM_KEY, q->key);
    add(&at, OSSL_KDF_PARAM_SALT, q->salt);
    add(&at, OSSL_KDF_PARAM_PREFIX, q->prefix);
    add(&at, OSSL_KDF_PARAM_LABEL, q->label);
    add(&at, OSSL_KDF_PARAM_DATA, q->data);
    *at = OSSL_PARAM_construct_end();
    EVP_KDF *kdf = EVP_KDF_fetch(hf_ossl_ctx(), OSSL_KDF_NAME_TLS1_3_KDF, properties);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    bool good = HF_CHECK(ctx != NULL) && EVP_KDF_derive(ctx, out, len, params) == 1;
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    hf_ossl_clear();
    return good;
}

static struct question question_of(int mode, const char *digest)
{
    struct question q = {.mode = mode, .digest = digest, .prefix = HF_SPAN("tls13 ")};
    return q;
}

static void libssl_gets_ours(void)
{
    EVP_KDF *kdf = EVP_KDF_fetch(hf_ossl_ctx(), "TLS13-KDF", NULL);
    if (HF_CHECK(kdf != NULL)) {
        HF_CHECK(strcmp(OSSL_PROVIDER_get0_name(EVP_KDF_get0_provider(kdf)), OURS) == 0);
    }
    EVP_KDF_free(kdf);
    /* Everything else stays OpenSSL's. */
    HF_CHECK(strcmp(OSSL_PROVIDER_get0_name(EVP_MD_get0_provider(hf_ossl_digest(32))), "default") ==
             0);
}

/* RFC 8448, section 3: from nothing to the master secret. */
static void the_traces_of_rfc_8448_come_out(void)
{
    static const uint8_t shared[32] = {0x8b, 0xd4, 0x05, 0x4f, 0xb5, 0x5b, 0x9d, 0x63,
                                       0xfd, 0xfb, 0xac, 0xf9, 0xf0, 0x4b, 0x9f, 0x0d,
                                       0x35, 0xe6, 0xd6, 0x3f, 0x53, 0x75, 0x63, 0xef,
                                       0xd4, 0x62, 0x72, 0x90, 0x0f, 0x89, 0x49, 0x2d};
    static const uint8_t expected[3][32] = {
        {0x33, 0xad, 0x0a, 0x1c, 0x60, 0x7e, 0xc0, 0x3b, 0x09, 0xe6, 0xcd,
         0x98, 0x93, 0x68, 0x0c, 0xe2, 0x10, 0xad, 0xf3, 0x00, 0xaa, 0x1f,
         0x26, 0x60, 0xe1, 0xb2, 0x2e, 0x10, 0xf1, 0x70, 0xf9, 0x2a},
        {0x1d, 0xc8, 0x26, 0xe9, 0x36, 0x06, 0xaa, 0x6f, 0xdc, 0x0a, 0xad,
         0xc1, 0x2f, 0x74, 0x1b, 0x01, 0x04, 0x6a, 0xa6, 0xb9, 0x9f, 0x69,
         0x1e, 0xd2, 0x21, 0xa9, 0xf0, 0xca, 0x04, 0x3f, 0xbe, 0xac},
        {0x18, 0xdf, 0x06, 0x84, 0x3d, 0x13, 0xa0, 0x8b, 0xf2, 0xa4, 0x49,
         0x84, 0x4c, 0x5f, 0x8a, 0x47, 0x80, 0x01, 0xbc, 0x4d, 0x4c, 0x62,
         0x79, 0x84, 0xd5, 0xa4, 0x1d, 0xa8, 0xd0, 0x40, 0x29, 0x19}};
    uint8_t secret[3][32];
    struct question q = question_of(EVP_KDF_HKDF_MODE_EXTRACT_ONLY, "SHA2-256");
    q.label = HF_SPAN("derived");
    for (size_t i = 0; i < 3; i++) {
        q.salt = i == 0 ? hf_span_of(NULL, 0) : hf_span_of(secret[i - 1], 32);
        q.key = i == 1 ? hf_span_of(shared, 32) : hf_span_of(NULL, 0);
        HF_CHECK(ask(NULL, &q, secret[i], 32));
        HF_CHECK(hf_mem_equal(secret[i], 32, expected[i], 32));
    }
}

static void agree(const struct question *q, size_t len)
{
    static uint8_t ours[OUT_MAX], theirs[OUT_MAX];
    bool we_can = ask(NULL, q, ours, len);
    HF_CHECK(we_can && ask("provider=default", q, theirs, len));
    HF_CHECK(hf_mem_equal(ours, len, theirs, len));
}

static const char *const digests[] = {"SHA2-256", "SHA2-384", "SHA256", "SHA-384"};

static void labels_expand_as_openssl_expands_them(void)
{
    static const size_t lengths[] = {1, 12, 16, 31, 32, 33, 48, 49, 96, 255, 2000, OUT_MAX - 32};
    uint8_t random[512];
    HF_CHECK(RAND_bytes_ex(hf_ossl_ctx(), random, sizeof(random), 0) == 1);
    for (size_t d = 0; d < 4; d++) {
        struct question q = question_of(EVP_KDF_HKDF_MODE_EXPAND_ONLY, digests[d]);
        for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
            /* Labels and keys of all lengths, keys longer than a block among them. */
            q.key = hf_span_of(random, 1 + i * 16);
            q.label = hf_span_of(random + 100, 1 + i * 20);
            q.data =
                i % 3 == 0 ? hf_span_of(NULL, 0) : hf_span_of(random + 300, i % 3 == 1 ? 0 : 48);
            agree(&q, lengths[i]);
        }
    }
}

static void secrets_are_extracted_as_openssl_extracts_them(void)
{
    static const size_t shared[] = {32, 48, 64, 66, 80, 128, 129, 512};
    uint8_t random[600];
    HF_CHECK(RAND_bytes_ex(hf_ossl_ctx(), random, sizeof(random), 0) == 1);
    for (size_t d = 0; d < 4; d++) {
        size_t hash_len = d % 2 == 0 ? 32 : 48;
        struct question q = question_of(EVP_KDF_HKDF_MODE_EXTRACT_ONLY, digests[d]);
        q.label = HF_SPAN("derived");
        for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++) {
            q.key = hf_span_of(random, shared[i]);
            q.salt = i % 2 == 0 ? hf_span_of(NULL, 0) : hf_span_of(random + 500, hash_len);
            agree(&q, hash_len);
        }
    }
}

static void what_cannot_be_answered_is_refused(void)
{
    static const uint8_t bytes[256] = {1};
    static uint8_t out[UINT16_MAX + 1];
    struct question good = question_of(EVP_KDF_HKDF_MODE_EXPAND_ONLY, "SHA2-256");
    good.key = hf_span_of(bytes, 32);
    good.label = HF_SPAN("key");
    HF_CHECK(ask(NULL, &good, out, 32));

    struct question q = good;
    q.mode = EVP_KDF_HKDF_MODE_EXTRACT_AND_EXPAND;
    HF_CHECK(!ask(NULL, &q, out, 32));
    q = good;
    q.digest = NULL;
    HF_CHECK(!ask(NULL, &q, out, 32));
    q = good;
    q.digest = "SHA1";
    HF_CHECK(!ask("provider=" OURS, &q, out, 32) || strcmp(OURS, "default") == 0);
    q = good;
    q.key = hf_span_of(NULL, 0);
    HF_CHECK(!ask(NULL, &q, out, 32));
    q = good;
    q.label = hf_span_of(bytes, 250); /* and six of the prefix */
    HF_CHECK(!ask(NULL, &q, out, 32));
    HF_CHECK(ask(NULL, &good, out, (size_t)255 * 32));
    HF_CHECK(!ask(NULL, &good, out, (size_t)255 * 32 + 1));
    HF_CHECK(!ask(NULL, &good, out, sizeof(out)));
    HF_CHECK(!ask(NULL, &good, out, 0));
    q = good;
    q.mode = EVP_KDF_HKDF_MODE_EXTRACT_ONLY;
    HF_CHECK(!ask(NULL, &q, out, 31));
}

HF_TESTS({"libssl gets ours", libssl_gets_ours},
         {"the traces of RFC 8448 come out", the_traces_of_rfc_8448_come_out},
         {"labels expand as OpenSSL expands them", labels_expand_as_openssl_expands_them},
         {"secrets are extracted as OpenSSL extracts them",
          secrets_are_extracted_as_openssl_extracts_them},
         {"what cannot be answered is refused", what_cannot_be_answered_is_refused})
