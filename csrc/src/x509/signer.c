/* SPDX-License-Identifier: Apache-2.0 */
#include "x509/signer.h"

static bool is_curve(enum hf_key_kind kind)
{
    return kind == HF_KEY_P256 || kind == HF_KEY_P384 || kind == HF_KEY_P521;
}

/* In range, on its curve and not at infinity; the curves of the list have prime order, so there is
 * no small subgroup to land in. RSA needs nothing beyond the bounds of the view: OpenSSL's check of
 * a modulus is a primality test, seconds for a store of web roots. */
static bool is_sound(EVP_PKEY *key)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(hf_ossl_ctx(), key, NULL);
    bool good = ctx != NULL && EVP_PKEY_public_check_quick(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);
    return good;
}

static hf_result decode(const struct hf_cert *issuer, struct hf_signer *signer)
{
    const unsigned char *at = issuer->spki.data;
    hf_ossl_clear();
    signer->key = d2i_PUBKEY_ex(NULL, &at, (long)issuer->spki.len, hf_ossl_ctx(), NULL);
    if (signer->key == NULL || (is_curve(issuer->key_kind) && !is_sound(signer->key))) {
        HF_FAIL_OSSL(HF_E_CERT_KEY);
    }
    return hf_ok();
}

static hf_result fill(const struct hf_cert *issuer, struct hf_signer *signer)
{
    signer->kind = issuer->key_kind;
    HF_TRY(hf_ossl_sha256(&issuer->spki, 1, signer->id));
    /* Decoding is a first use, and so is what EVP keeps with a key. */
    hf_ossl_first_use_begin();
    hf_result r = decode(issuer, signer);
    hf_ossl_first_use_end();
    HF_TRY(r);
    if (is_curve(issuer->key_kind)) {
        HF_NEED(hf_mem_copy(signer->point, HF_POINT_MAX, issuer->public_key.data,
                            issuer->public_key.len),
                HF_E_INTERNAL);
        signer->point_len = (uint8_t)issuer->public_key.len;
    }
    return hf_ok();
}

hf_result hf_signer_new(const struct hf_cert *issuer, struct hf_signer **out)
{
    *out = NULL;
    HF_TRY(hf_library_init());
    struct hf_signer *signer = hf_mem_new(sizeof(*signer));
    HF_NEED_MEM(signer);
    hf_refcount_init(&signer->refs);
    hf_result r = fill(issuer, signer);
    if (!hf_is_ok(r)) {
        hf_signer_unref(signer);
        return r;
    }
    *out = signer;
    return hf_ok();
}

struct hf_signer *hf_signer_ref(struct hf_signer *signer)
{
    hf_refcount_take(&signer->refs);
    return signer;
}

void hf_signer_unref(struct hf_signer *signer)
{
    if (signer == NULL || !hf_refcount_drop(&signer->refs)) {
        return;
    }
    EVP_PKEY_free(signer->key);
    hf_mem_free(signer);
}
