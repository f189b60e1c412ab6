/* SPDX-License-Identifier: Apache-2.0 */
#include "x25519_kit.h"

const char *x25519_ours(void)
{
    return hf_x25519_lanes_available() ? "handfast" : "default";
}

EVP_PKEY *x25519_made(const char *properties)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(hf_ossl_ctx(), "X25519", properties);
    if (ctx == NULL || EVP_PKEY_keygen_init(ctx) != 1 || EVP_PKEY_keygen(ctx, &key) != 1) {
        key = NULL;
    }
    EVP_PKEY_CTX_free(ctx);
    hf_ossl_clear();
    return key;
}

EVP_PKEY *x25519_private(const char *properties, const uint8_t *bytes, size_t len)
{
    EVP_PKEY *key =
        EVP_PKEY_new_raw_private_key_ex(hf_ossl_ctx(), "X25519", properties, bytes, len);
    hf_ossl_clear();
    return key;
}

EVP_PKEY *x25519_public(const char *properties, const uint8_t *bytes, size_t len)
{
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key_ex(hf_ossl_ctx(), "X25519", properties, bytes, len);
    hf_ossl_clear();
    return key;
}

bool x25519_agree(const char *properties, EVP_PKEY *mine, EVP_PKEY *peer, uint8_t out[32])
{
    size_t len = 0;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(hf_ossl_ctx(), mine, properties);
    bool good = ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 &&
                EVP_PKEY_derive_set_peer(ctx, peer) == 1 && EVP_PKEY_derive(ctx, NULL, &len) == 1 &&
                len == 32 && EVP_PKEY_derive(ctx, out, &len) == 1 && len == 32;
    EVP_PKEY_CTX_free(ctx);
    hf_ossl_clear();
    return good;
}

bool x25519_agree_raw(const char *properties, const uint8_t mine[32], const uint8_t peer[32],
                      uint8_t out[32])
{
    EVP_PKEY *one = x25519_private(properties, mine, 32);
    EVP_PKEY *other = x25519_public(properties, peer, 32);
    bool good = one != NULL && other != NULL && x25519_agree(properties, one, other, out);
    EVP_PKEY_free(one);
    EVP_PKEY_free(other);
    return good;
}

bool x25519_parts(const EVP_PKEY *key, uint8_t private_key[32], uint8_t public_key[32])
{
    size_t private_len = 32;
    size_t public_len = 32;
    return EVP_PKEY_get_raw_private_key(key, private_key, &private_len) == 1 && private_len == 32 &&
           EVP_PKEY_get_raw_public_key(key, public_key, &public_len) == 1 && public_len == 32;
}
