/* SPDX-License-Identifier: Apache-2.0 */
#include "x509/authority.h"

#include "x509/svid_rules.h"

/* The point is on its curve and not at infinity. RSA needs nothing beyond the bounds of the view:
 * OpenSSL's check of a modulus is a primality test, seconds for a store of web roots. */
static hf_result check_key(const struct hf_authority *authority)
{
    if (authority->cert.key_kind == HF_KEY_RSA) {
        return hf_ok();
    }
    hf_ossl_clear();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(hf_ossl_ctx(), authority->key, NULL);
    HF_NEED_MEM(ctx);
    int good = EVP_PKEY_public_check(ctx);
    EVP_PKEY_CTX_free(ctx);
    if (good != 1) {
        HF_FAIL_OSSL(HF_E_CERT_KEY);
    }
    return hf_ok();
}

/* Decode what was read, and digest it. */
static hf_result decode(struct hf_authority *out)
{
    HF_TRY(hf_ossl_x509(out->cert.der, &out->x509));
    out->key = X509_get0_pubkey(out->x509);
    if (out->key == NULL) {
        HF_FAIL_OSSL(HF_E_CERT_KEY);
    }
    HF_TRY(check_key(out));
    return hf_ossl_sha256(&out->cert.der, 1, out->digest);
}

static hf_result decode_or_wipe(struct hf_authority *out)
{
    hf_result result = decode(out);
    if (!hf_is_ok(result)) {
        hf_authority_wipe(out);
    }
    return result;
}

hf_result hf_authority_init(struct hf_authority *out, struct hf_span der)
{
    static const struct hf_authority none;
    *out = none;
    HF_TRY(hf_cert_parse(der, &out->cert));
    HF_TRY(hf_svid_authority_check(&out->cert));
    return decode_or_wipe(out);
}

hf_result hf_authority_init_root(struct hf_authority *out, struct hf_span der)
{
    static const struct hf_authority none;
    *out = none;
    HF_TRY(hf_cert_parse_root(der, &out->cert));
    HF_TRY(hf_svid_authority_check(&out->cert));
    return decode_or_wipe(out);
}

void hf_authority_wipe(struct hf_authority *authority)
{
    X509_free(authority->x509);
    authority->x509 = NULL;
    authority->key = NULL;
}
