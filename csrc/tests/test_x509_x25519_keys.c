/* SPDX-License-Identifier: Apache-2.0
 *
 * What is done with X25519 keys besides agreeing: carried from one provider to the other and back,
 * written, read, copied and compared. Ours answers as OpenSSL's own, where it is not stricter.
 */
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <string.h>

#include "hf_test.h"
#include "x25519_kit.h"

#define THEIRS "provider=default"

static bool same_parts(const EVP_PKEY *one, const EVP_PKEY *other)
{
    uint8_t parts[4][32];
    return x25519_parts(one, parts[0], parts[1]) && x25519_parts(other, parts[2], parts[3]) &&
           hf_mem_equal(parts[0], 64, parts[2], 64);
}

/* A key in another provider's hands, as its parts. */
static EVP_PKEY *carried(const EVP_PKEY *key, const char *properties)
{
    OSSL_PARAM *params = NULL;
    EVP_PKEY *out = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(hf_ossl_ctx(), "X25519", properties);
    if (EVP_PKEY_todata(key, EVP_PKEY_KEYPAIR, &params) != 1 || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &out, EVP_PKEY_KEYPAIR, params) != 1) {
        out = NULL;
    }
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(ctx);
    hf_ossl_clear();
    return out;
}

static void keys_go_from_one_provider_to_the_other_and_back(void)
{
    uint8_t here[32];
    uint8_t there[32];
    EVP_PKEY *key = x25519_made(NULL);
    EVP_PKEY *theirs = carried(key, THEIRS);
    EVP_PKEY *back = carried(theirs, NULL);
    EVP_PKEY *peer = x25519_made(NULL);
    HF_CHECK(same_parts(key, theirs) && same_parts(theirs, back));
    HF_CHECK(EVP_PKEY_eq(key, back) == 1 && EVP_PKEY_eq(key, peer) == 0);
    HF_CHECK(EVP_PKEY_eq(key, theirs) == 1);
    /* OpenSSL carries a key itself where the operation is another provider's. */
    HF_CHECK(x25519_agree(THEIRS, key, peer, there) && x25519_agree(NULL, peer, back, here));
    HF_CHECK(hf_mem_equal(here, 32, there, 32));
    EVP_PKEY_free(key);
    EVP_PKEY_free(theirs);
    EVP_PKEY_free(back);
    EVP_PKEY_free(peer);
}

static void keys_are_written_and_read(void)
{
    unsigned char *private_der = NULL;
    unsigned char *public_der = NULL;
    uint8_t out[2][32];
    EVP_PKEY *key = x25519_made(NULL);
    int private_len = i2d_PrivateKey(key, &private_der);
    int public_len = i2d_PUBKEY(key, &public_der);
    const unsigned char *at = private_der;
    EVP_PKEY *read = d2i_AutoPrivateKey_ex(NULL, &at, private_len, hf_ossl_ctx(), NULL);
    at = public_der;
    EVP_PKEY *public = d2i_PUBKEY_ex(NULL, &at, public_len, hf_ossl_ctx(), NULL);
    EVP_PKEY *peer = x25519_made(NULL);
    HF_CHECK(private_len > 0 && public_len > 0 && same_parts(key, read));
    HF_CHECK(public != NULL && EVP_PKEY_eq(key, public) == 1);
    HF_CHECK(x25519_agree(NULL, read, peer, out[0]) && x25519_agree(NULL, peer, public, out[1]));
    HF_CHECK(hf_mem_equal(out[0], 32, out[1], 32));
    /* What has no private part agrees on nothing. */
    HF_CHECK(!x25519_agree(NULL, public, peer, out[0]));
    OPENSSL_clear_free(private_der, (size_t)private_len);
    OPENSSL_free(public_der);
    EVP_PKEY_free(key);
    EVP_PKEY_free(read);
    EVP_PKEY_free(public);
    EVP_PKEY_free(peer);
}

static void copies_are_equal_and_live_on_their_own(void)
{
    uint8_t out[2][32];
    EVP_PKEY *key = x25519_made(NULL);
    EVP_PKEY *copy = EVP_PKEY_dup(key);
    EVP_PKEY *peer = x25519_made(NULL);
    HF_CHECK(x25519_agree(NULL, key, peer, out[0]));
    HF_CHECK(EVP_PKEY_eq(key, copy) == 1);
    EVP_PKEY_free(key);
    HF_CHECK(x25519_agree(NULL, copy, peer, out[1]) && hf_mem_equal(out[0], 32, out[1], 32));

    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(hf_ossl_ctx(), copy, NULL);
    size_t len = 32;
    HF_CHECK(EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1);
    EVP_PKEY_CTX *second = EVP_PKEY_CTX_dup(ctx);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(copy);
    EVP_PKEY_free(peer);
    HF_CHECK(second != NULL && EVP_PKEY_derive(second, out[1], &len) == 1 && len == 32);
    HF_CHECK(hf_mem_equal(out[0], 32, out[1], 32));
    len = 31;
    HF_CHECK(EVP_PKEY_derive(second, out[1], &len) != 1);
    EVP_PKEY_CTX_free(second);
    hf_ossl_clear();
}

static void a_key_says_what_it_is(void)
{
    for (size_t i = 0; i < 2; i++) {
        EVP_PKEY *key = x25519_made(i == 0 ? NULL : THEIRS);
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(hf_ossl_ctx(), key, NULL);
        unsigned char *encoded = NULL;
        uint8_t parts[2][32];
        HF_CHECK(EVP_PKEY_is_a(key, "X25519") == 1 && EVP_PKEY_get_id(key) == EVP_PKEY_X25519);
        HF_CHECK(EVP_PKEY_get_bits(key) == 253 && EVP_PKEY_get_security_bits(key) == 128);
        HF_CHECK(EVP_PKEY_get_size(key) == 32);
        HF_CHECK(EVP_PKEY_get1_encoded_public_key(key, &encoded) == 32);
        HF_CHECK(x25519_parts(key, parts[0], parts[1]));
        HF_CHECK(encoded != NULL && hf_mem_equal(encoded, 32, parts[1], 32));
        /* RFC 7748, 5: clamped already. */
        HF_CHECK((parts[0][0] & 7) == 0 && (parts[0][31] & 0xc0) == 0x40);
        HF_CHECK(EVP_PKEY_pairwise_check(ctx) == 1 && EVP_PKEY_public_check(ctx) == 1);
        OPENSSL_free(encoded);
        EVP_PKEY_CTX_free(ctx);
        EVP_PKEY_free(key);
    }
}

/* As libssl takes a peer's key share: all lengths but one are refused, and nothing else is. */
static void key_shares_have_32_bytes(void)
{
    uint8_t random[64];
    unsigned char *seen = NULL;
    EVP_PKEY *share = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(hf_ossl_ctx(), "X25519", NULL);
    HF_CHECK(EVP_PKEY_paramgen_init(ctx) == 1 && EVP_PKEY_CTX_set_group_name(ctx, "x25519") == 1);
    HF_CHECK(EVP_PKEY_paramgen(ctx, &share) == 1);
    HF_CHECK(RAND_bytes_ex(hf_ossl_ctx(), random, sizeof(random), 0) == 1);
    for (size_t len = 0; len <= sizeof(random); len++) {
        HF_CHECK((EVP_PKEY_set1_encoded_public_key(share, random, len) == 1) == (len == 32));
        EVP_PKEY *one = x25519_public(NULL, random, len);
        EVP_PKEY *other = x25519_private(NULL, random, len);
        HF_CHECK((one != NULL) == (len == 32) && (other != NULL) == (len == 32));
        EVP_PKEY_free(one);
        EVP_PKEY_free(other);
    }
    HF_CHECK(EVP_PKEY_get1_encoded_public_key(share, &seen) == 32);
    HF_CHECK(seen != NULL && hf_mem_equal(seen, 32, random, 32));
    OPENSSL_free(seen);
    EVP_PKEY_free(share);
    EVP_PKEY_CTX_free(ctx);
    hf_ossl_clear();
}

static void a_share_that_is_set_takes_the_private_part_away(void)
{
    uint8_t out[32];
    EVP_PKEY *key = x25519_made(NULL);
    EVP_PKEY *peer = x25519_made(NULL);
    unsigned char *encoded = NULL;
    HF_CHECK(EVP_PKEY_get1_encoded_public_key(peer, &encoded) == 32);
    HF_CHECK(EVP_PKEY_set1_encoded_public_key(key, encoded, 32) == 1);
    HF_CHECK(EVP_PKEY_eq(key, peer) == 1 && !x25519_agree(NULL, key, peer, out));
    OPENSSL_free(encoded);
    EVP_PKEY_free(key);
    EVP_PKEY_free(peer);
}

static EVP_PKEY *of_both(const uint8_t private_key[32], const uint8_t public_key[32])
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(hf_ossl_ctx(), "X25519", NULL);
    OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY,
                                                             (void *)(uintptr_t)private_key, 32),
                           OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
                                                             (void *)(uintptr_t)public_key, 32),
                           OSSL_PARAM_construct_end()};
    if (EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) != 1) {
        key = NULL;
    }
    EVP_PKEY_CTX_free(ctx);
    hf_ossl_clear();
    return key;
}

/* Where ours is stricter; OpenSSL's takes the first and answers the second with zeros. */
static void what_makes_no_sense_is_refused(void)
{
    bool ours = hf_x25519_lanes_available();
    uint8_t parts[4][32];
    EVP_PKEY *key = x25519_made(NULL);
    EVP_PKEY *other = x25519_made(NULL);
    HF_CHECK(x25519_parts(key, parts[0], parts[1]) && x25519_parts(other, parts[2], parts[3]));
    EVP_PKEY *good = of_both(parts[0], parts[1]);
    EVP_PKEY *mixed = of_both(parts[0], parts[3]);
    HF_CHECK(good != NULL && (mixed == NULL) == ours);

    EVP_PKEY *empty = NULL;
    unsigned char *encoded = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(hf_ossl_ctx(), "X25519", NULL);
    HF_CHECK(EVP_PKEY_paramgen_init(ctx) == 1);
    HF_CHECK(EVP_PKEY_CTX_set_group_name(ctx, "X448") != 1);
    HF_CHECK(EVP_PKEY_paramgen(ctx, &empty) == 1);
    HF_CHECK((EVP_PKEY_get1_encoded_public_key(empty, &encoded) == 0) == ours);
    HF_CHECK(!x25519_agree(NULL, key, empty, parts[3]));
    HF_CHECK(!x25519_agree(NULL, empty, key, parts[3]));
    OPENSSL_free(encoded);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
    EVP_PKEY_free(good);
    EVP_PKEY_free(mixed);
    EVP_PKEY_free(empty);
    EVP_PKEY_CTX_free(ctx);
    hf_ossl_clear();
}

HF_TESTS({"keys go from one provider to the other and back",
          keys_go_from_one_provider_to_the_other_and_back},
         {"keys are written and read", keys_are_written_and_read},
         {"copies are equal and live on their own", copies_are_equal_and_live_on_their_own},
         {"a key says what it is", a_key_says_what_it_is},
         {"key shares have 32 bytes", key_shares_have_32_bytes},
         {"a share that is set takes the private part away",
          a_share_that_is_set_takes_the_private_part_away},
         {"what makes no sense is refused", what_makes_no_sense_is_refused})
