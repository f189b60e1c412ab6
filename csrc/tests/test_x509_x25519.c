/* SPDX-License-Identifier: Apache-2.0
 *
 * X25519 in the engine's context, which is ours where there are lanes: against RFC 7748, and
 * against OpenSSL's own in everything that can be asked of both.
 */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "handfast_lanes.h"
#include "hf_test.h"
#include "x25519_kit.h"

/* ---- which one it is ---------------------------------------------------------------------- */

static bool fetched_from(const char *provider)
{
    EVP_KEYMGMT *keys = EVP_KEYMGMT_fetch(hf_ossl_ctx(), "X25519", NULL);
    EVP_KEYEXCH *exchange = EVP_KEYEXCH_fetch(hf_ossl_ctx(), "X25519", NULL);
    bool both = keys != NULL && exchange != NULL &&
                strcmp(OSSL_PROVIDER_get0_name(EVP_KEYMGMT_get0_provider(keys)), provider) == 0 &&
                strcmp(OSSL_PROVIDER_get0_name(EVP_KEYEXCH_get0_provider(exchange)), provider) == 0;
    EVP_KEYMGMT_free(keys);
    EVP_KEYEXCH_free(exchange);
    return both;
}

/* In children, because the first question decides for a process. */
static void the_switch_decides_until_the_first_key(void)
{
    const char *ours = x25519_ours();
    HF_CHECK_OK(hf_library_init());
    for (int first_off = 0; first_off < 2; first_off++) {
        int status = -1;
        pid_t child = fork();
        if (child == 0) {
            hf_mb_allow(first_off == 0);
            const char *expected = first_off == 0 ? ours : "default";
            bool before = fetched_from(expected);
            hf_mb_allow(first_off != 0);
            EVP_PKEY *key = x25519_made(NULL);
            bool after = fetched_from(expected);
            _exit(before && after && key != NULL ? 0 : 1);
        }
        HF_CHECK(child > 0 && waitpid(child, &status, 0) == child);
        HF_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
}

static void libssl_gets_ours_where_there_are_lanes(void)
{
    HF_CHECK(fetched_from(x25519_ours()));
    EVP_KEYMGMT *other = EVP_KEYMGMT_fetch(hf_ossl_ctx(), "X448", NULL);
    HF_CHECK(strcmp(OSSL_PROVIDER_get0_name(EVP_KEYMGMT_get0_provider(other)), "default") == 0);
    EVP_KEYMGMT_free(other);
}

/* ---- what comes out ----------------------------------------------------------------------- */

/* RFC 7748, 5.2 (the first two) and 6.1, from both sides. */
static const struct {
    uint8_t scalar[32];
    uint8_t point[32];
    uint8_t out[32];
} known[] = {
    {{0xa5, 0x46, 0xe3, 0x6b, 0xf0, 0x52, 0x7c, 0x9d, 0x3b, 0x16, 0x15,
      0x4b, 0x82, 0x46, 0x5e, 0xdd, 0x62, 0x14, 0x4c, 0x0a, 0xc1, 0xfc,
      0x5a, 0x18, 0x50, 0x6a, 0x22, 0x44, 0xba, 0x44, 0x9a, 0xc4},
     {0xe6, 0xdb, 0x68, 0x67, 0x58, 0x30, 0x30, 0xdb, 0x35, 0x94, 0xc1,
      0xa4, 0x24, 0xb1, 0x5f, 0x7c, 0x72, 0x66, 0x24, 0xec, 0x26, 0xb3,
      0x35, 0x3b, 0x10, 0xa9, 0x03, 0xa6, 0xd0, 0xab, 0x1c, 0x4c},
     {0xc3, 0xda, 0x55, 0x37, 0x9d, 0xe9, 0xc6, 0x90, 0x8e, 0x94, 0xea,
      0x4d, 0xf2, 0x8d, 0x08, 0x4f, 0x32, 0xec, 0xcf, 0x03, 0x49, 0x1c,
      0x71, 0xf7, 0x54, 0xb4, 0x07, 0x55, 0x77, 0xa2, 0x85, 0x52}},
    {{0x4b, 0x66, 0xe9, 0xd4, 0xd1, 0xb4, 0x67, 0x3c, 0x5a, 0xd2, 0x26,
      0x91, 0x95, 0x7d, 0x6a, 0xf5, 0xc1, 0x1b, 0x64, 0x21, 0xe0, 0xea,
      0x01, 0xd4, 0x2c, 0xa4, 0x16, 0x9e, 0x79, 0x18, 0xba, 0x0d},
     {0xe5, 0x21, 0x0f, 0x12, 0x78, 0x68, 0x11, 0xd3, 0xf4, 0xb7, 0x95,
      0x9d, 0x05, 0x38, 0xae, 0x2c, 0x31, 0xdb, 0xe7, 0x10, 0x6f, 0xc0,
      0x3c, 0x3e, 0xfc, 0x4c, 0xd5, 0x49, 0xc7, 0x15, 0xa4, 0x93},
     {0x95, 0xcb, 0xde, 0x94, 0x76, 0xe8, 0x90, 0x7d, 0x7a, 0xad, 0xe4,
      0x5c, 0xb4, 0xb8, 0x73, 0xf8, 0x8b, 0x59, 0x5a, 0x68, 0x79, 0x9f,
      0xa1, 0x52, 0xe6, 0xf8, 0xf7, 0x64, 0x7a, 0xac, 0x79, 0x57}},
    {{0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d, 0x3c, 0x16, 0xc1,
      0x72, 0x51, 0xb2, 0x66, 0x45, 0xdf, 0x4c, 0x2f, 0x87, 0xeb, 0xc0,
      0x99, 0x2a, 0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x2a},
     {0xde, 0x9e, 0xdb, 0x7d, 0x7b, 0x7d, 0xc1, 0xb4, 0xd3, 0x5b, 0x61,
      0xc2, 0xec, 0xe4, 0x35, 0x37, 0x3f, 0x83, 0x43, 0xc8, 0x5b, 0x78,
      0x67, 0x4d, 0xad, 0xfc, 0x7e, 0x14, 0x6f, 0x88, 0x2b, 0x4f},
     {0x4a, 0x5d, 0x9d, 0x5b, 0xa4, 0xce, 0x2d, 0xe1, 0x72, 0x8e, 0x3b,
      0xf4, 0x80, 0x35, 0x0f, 0x25, 0xe0, 0x7e, 0x21, 0xc9, 0x47, 0xd1,
      0x9e, 0x33, 0x76, 0xf0, 0x9b, 0x3c, 0x1e, 0x16, 0x17, 0x42}},
    {{0x5d, 0xab, 0x08, 0x7e, 0x62, 0x4a, 0x8a, 0x4b, 0x79, 0xe1, 0x7f,
      0x8b, 0x83, 0x80, 0x0e, 0xe6, 0x6f, 0x3b, 0xb1, 0x29, 0x26, 0x18,
      0xb6, 0xfd, 0x1c, 0x2f, 0x8b, 0x27, 0xff, 0x88, 0xe0, 0xeb},
     {0x85, 0x20, 0xf0, 0x09, 0x89, 0x30, 0xa7, 0x54, 0x74, 0x8b, 0x7d,
      0xdc, 0xb4, 0x3e, 0xf7, 0x5a, 0x0d, 0xbf, 0x3a, 0x0d, 0x26, 0x38,
      0x1a, 0xf4, 0xeb, 0xa4, 0xa9, 0x8e, 0xaa, 0x9b, 0x4e, 0x6a},
     {0x4a, 0x5d, 0x9d, 0x5b, 0xa4, 0xce, 0x2d, 0xe1, 0x72, 0x8e, 0x3b,
      0xf4, 0x80, 0x35, 0x0f, 0x25, 0xe0, 0x7e, 0x21, 0xc9, 0x47, 0xd1,
      0x9e, 0x33, 0x76, 0xf0, 0x9b, 0x3c, 0x1e, 0x16, 0x17, 0x42}},
};

static void the_vectors_of_rfc_7748_come_out(void)
{
    uint8_t out[32];
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        HF_CHECK(x25519_agree_raw(NULL, known[i].scalar, known[i].point, out));
        HF_CHECK(hf_mem_equal(out, 32, known[i].out, 32));
    }
}

/* 10,000 agreements in each direction: keys of ours with keys of OpenSSL's. */
static void ours_and_openssls_agree(void)
{
    uint8_t here[32];
    uint8_t there[32];
    size_t agreed = 0;
    for (size_t i = 0; i < 10000; i++) {
        EVP_PKEY *ours = x25519_made(NULL);
        EVP_PKEY *theirs = x25519_made("provider=default");
        bool good = x25519_agree(NULL, ours, theirs, here) &&
                    x25519_agree("provider=default", theirs, ours, there) &&
                    hf_mem_equal(here, 32, there, 32);
        agreed += good ? 1 : 0;
        EVP_PKEY_free(ours);
        EVP_PKEY_free(theirs);
    }
    HF_CHECK(agreed == 10000);
}

/* Points of small order, in every form that 32 bytes have for them: RFC 7748, 6.1, and RFC 8446,
 * 7.4.2, want the secret of zeros refused. */
static void secrets_that_everybody_knows_are_refused(void)
{
    static const uint8_t eight[2][32] = {
        {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
         0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
         0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
        {0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1,
         0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c,
         0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57}};
    uint8_t points[7][32] = {{0}, {1}};
    uint8_t out[32];
    for (size_t i = 0; i < 2; i++) {
        (void)hf_mem_copy(points[2 + i], 32, eight[i], 32);
    }
    for (size_t i = 0; i < 3; i++) { /* p - 1, p, p + 1 */
        for (size_t j = 0; j < 32; j++) {
            points[4 + i][j] = j == 0 ? (uint8_t)(0xec + i) : j == 31 ? 0x7f : 0xff;
        }
    }
    for (size_t i = 0; i < 7; i++) {
        for (uint8_t top = 0; top < 2; top++) {
            points[i][31] ^= (uint8_t)(top << 7); /* which X25519 does not look at */
            for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
                HF_CHECK(!x25519_agree_raw(NULL, known[k].scalar, points[i], out));
                HF_CHECK(!x25519_agree_raw("provider=default", known[k].scalar, points[i], out));
            }
        }
    }
}

/* ---- the self-test ------------------------------------------------------------------------ */

static size_t lie_at; /* which bit is wrong, of all eight keys */

static bool honest(uint8_t *out, const uint8_t *keys)
{
    bool good = true;
    for (size_t at = 0; at < HF_X25519_EIGHT; at += HF_X25519_SIZE) {
        good &= hf_x25519_public(out + at, keys + at);
    }
    return good;
}

static bool lies(uint8_t *out, const uint8_t *keys)
{
    bool good = honest(out, keys);
    out[lie_at / 8] ^= (uint8_t)(1 << lie_at % 8);
    return good;
}

static bool gives_up(uint8_t *out, const uint8_t *keys)
{
    return honest(out, keys) && false;
}

static void the_self_test_finds_out_lanes_that_lie(void)
{
#ifdef HF_OPENSSL_PINNED
    HF_CHECK(hf_x25519_self_test(honest));
#else
    HF_CHECK(!hf_x25519_lanes_available());
#endif
    HF_CHECK(!hf_x25519_self_test(gives_up));
    for (lie_at = 0; lie_at < 8 * HF_X25519_EIGHT; lie_at += 37) {
        HF_CHECK(!hf_x25519_self_test(lies));
    }
    bool available = hf_x25519_lanes_available();
    hf_mb_allow(false);
    HF_CHECK(!hf_x25519_lanes_available());
    hf_mb_allow(true);
    HF_CHECK(hf_x25519_lanes_available() == available);
}

HF_TESTS({"the switch decides until the first key", the_switch_decides_until_the_first_key},
         {"libssl gets ours where there are lanes", libssl_gets_ours_where_there_are_lanes},
         {"the vectors of RFC 7748 come out", the_vectors_of_rfc_7748_come_out},
         {"ours and OpenSSL's agree", ours_and_openssls_agree},
         {"secrets that everybody knows are refused", secrets_that_everybody_knows_are_refused},
         {"the self-test finds out lanes that lie", the_self_test_finds_out_lanes_that_lie})
