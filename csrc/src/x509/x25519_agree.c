/* SPDX-License-Identifier: Apache-2.0
 *
 * One agreement the way that libssl goes: by EVP, and so by the provider that serves handshakes.
 */
#include <openssl/evp.h>

#include "handfast_lanes.h"
#include "x509/ossl.h"
#include "x509/x25519_scalar.h"

_Static_assert(HF_X25519_SIZE == HF_X25519_BYTES, "one length, inside and outside");

static bool agree(EVP_PKEY *mine, EVP_PKEY *peer, uint8_t out[HF_X25519_SIZE])
{
    size_t len = HF_X25519_SIZE;
    if (mine == NULL || peer == NULL) {
        return false;
    }
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(hf_ossl_ctx(), mine, NULL);
    bool good = ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 &&
                EVP_PKEY_derive_set_peer(ctx, peer) == 1 && EVP_PKEY_derive(ctx, out, &len) == 1 &&
                len == HF_X25519_SIZE;
    EVP_PKEY_CTX_free(ctx);
    return good;
}

hf_result hf_x25519_agree(const uint8_t private_key[HF_X25519_SIZE], const uint8_t *peer,
                          size_t peer_len, uint8_t out[HF_X25519_SIZE])
{
    HF_NEED(private_key != NULL && peer != NULL && out != NULL, HF_E_BAD_ARGUMENT);
    HF_TRY(hf_library_init());
    hf_ossl_clear();
    hf_ossl_first_use_begin();
    EVP_PKEY *mine =
        EVP_PKEY_new_raw_private_key_ex(hf_ossl_ctx(), "X25519", NULL, private_key, HF_X25519_SIZE);
    EVP_PKEY *other = EVP_PKEY_new_raw_public_key_ex(hf_ossl_ctx(), "X25519", NULL, peer, peer_len);
    bool good = agree(mine, other, out);
    EVP_PKEY_free(mine);
    EVP_PKEY_free(other);
    hf_ossl_first_use_end();
    if (!good) {
        HF_FAIL_OSSL(HF_E_OPENSSL);
    }
    hf_ossl_clear();
    return hf_ok();
}
