/* SPDX-License-Identifier: Apache-2.0
 *
 * From the parts of a private key to OpenSSL's key object. OpenSSL takes numbers in the machine's
 * byte order, so they pass through one scratch area, which is wiped.
 */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/params.h>

#include "x509/private_key.h"

#define NUMBER_MAX (8192 / 8)

struct scratch {
    uint8_t numbers[HF_RSA_NUMBERS][NUMBER_MAX];
    OSSL_PARAM params[HF_RSA_NUMBERS + 1];
    size_t count;
};

static void wipe_free_at(struct scratch **scratch)
{
    if (*scratch != NULL) {
        hf_mem_wipe_free(*scratch, sizeof(**scratch));
    }
}

static void bn_clear_free_at(BIGNUM **number)
{
    BN_clear_free(*number);
}

static void pkey_free_at(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static hf_result add_number(struct scratch *s, const char *name, struct hf_span big_endian,
                            size_t size)
{
    uint8_t *room = s->numbers[s->count];
    HF_DEFER(bn_clear_free_at)
    BIGNUM *number = BN_bin2bn(big_endian.data, (int)big_endian.len, NULL);
    HF_NEED_MEM(number);
    HF_NEED(size <= NUMBER_MAX && BN_bn2nativepad(number, room, (int)size) == (int)size,
            HF_E_KEY_INVALID);
    s->params[s->count] = OSSL_PARAM_construct_BN(name, room, size);
    s->count++;
    return hf_ok();
}

/* OSSL_PARAM has no const, but EVP_PKEY_fromdata only reads. */
static void *unconst(const void *p)
{
    union {
        const void *in;
        void *out;
    } u = {p};
    return u.out;
}

static hf_result add_ec(struct scratch *s, const struct hf_private_key *key,
                        const struct hf_cert *cert)
{
    bool p256 = key->kind == HF_KEY_P256;
    bool p384 = key->kind == HF_KEY_P384;
    HF_TRY(add_number(s, OSSL_PKEY_PARAM_PRIV_KEY, key->scalar, p256 ? 32 : p384 ? 48 : 66));
    s->params[s->count++] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                                             unconst(p256   ? "P-256"
                                                                     : p384 ? "P-384"
                                                                            : "P-521"),
                                                             0);
    s->params[s->count++] = OSSL_PARAM_construct_octet_string(
        OSSL_PKEY_PARAM_PUB_KEY, unconst(cert->public_key.data), cert->public_key.len);
    return hf_ok();
}

static hf_result add_rsa(struct scratch *s, const struct hf_private_key *key)
{
    static const char *const names[HF_RSA_NUMBERS] = {
        OSSL_PKEY_PARAM_RSA_N,         OSSL_PKEY_PARAM_RSA_E,
        OSSL_PKEY_PARAM_RSA_D,         OSSL_PKEY_PARAM_RSA_FACTOR1,
        OSSL_PKEY_PARAM_RSA_FACTOR2,   OSSL_PKEY_PARAM_RSA_EXPONENT1,
        OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
    };
    for (size_t i = 0; i < HF_RSA_NUMBERS; i++) {
        HF_TRY(add_number(s, names[i], key->rsa[i], key->rsa[i].len));
    }
    return hf_ok();
}

static hf_result add_parts(struct scratch *s, const struct hf_private_key *key,
                           const struct hf_cert *cert)
{
    if (key->kind == HF_KEY_RSA) {
        return add_rsa(s, key);
    }
    if (key->kind != HF_KEY_ED25519) {
        return add_ec(s, key, cert);
    }
    s->params[s->count++] = OSSL_PARAM_construct_octet_string(
        OSSL_PKEY_PARAM_PRIV_KEY, unconst(key->scalar.data), key->scalar.len);
    return hf_ok();
}

static hf_result build(const struct hf_private_key *key, const struct hf_cert *cert, EVP_PKEY **out)
{
    HF_DEFER(wipe_free_at) struct scratch *s = hf_mem_new(sizeof(*s));
    HF_NEED_MEM(s);
    HF_TRY(add_parts(s, key, cert));
    s->params[s->count] = OSSL_PARAM_construct_end();
    const char *type = key->kind == HF_KEY_RSA       ? "RSA"
                       : key->kind == HF_KEY_ED25519 ? "ED25519"
                                                     : "EC";
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(hf_ossl_ctx(), type, NULL);
    HF_NEED_MEM(ctx);
    bool good = EVP_PKEY_fromdata_init(ctx) == 1 &&
                EVP_PKEY_fromdata(ctx, out, EVP_PKEY_KEYPAIR, s->params) == 1;
    EVP_PKEY_CTX_free(ctx);
    if (!good) {
        HF_FAIL_OSSL(HF_E_KEY_INVALID);
    }
    return hf_ok();
}

/* Sign something and verify it with the certificate. Comparing public keys would not do: the
 * public half of a key file may be right while the private half is another's. */
static hf_result prove(EVP_PKEY *key, X509 *x509)
{
    static const uint8_t message[] = "handfast: does this key fit this certificate?";
    uint8_t signature[NUMBER_MAX];
    size_t len = sizeof(signature);
    const char *digest = EVP_PKEY_is_a(key, "ED25519") ? NULL : "SHA2-256";
    OSSL_LIB_CTX *lib = hf_ossl_ctx();
    EVP_MD_CTX *signer = EVP_MD_CTX_new();
    EVP_MD_CTX *verifier = EVP_MD_CTX_new();
    bool memory = signer != NULL && verifier != NULL;
    bool fits = memory && EVP_DigestSignInit_ex(signer, NULL, digest, lib, NULL, key, NULL) == 1 &&
                EVP_DigestSign(signer, signature, &len, message, sizeof(message)) == 1 &&
                EVP_DigestVerifyInit_ex(verifier, NULL, digest, lib, NULL, X509_get0_pubkey(x509),
                                        NULL) == 1 &&
                EVP_DigestVerify(verifier, signature, len, message, sizeof(message)) == 1;
    EVP_MD_CTX_free(signer);
    EVP_MD_CTX_free(verifier);
    HF_NEED_MEM(memory ? key : NULL);
    if (!fits) {
        HF_FAIL_OSSL(HF_E_KEY_MISMATCH);
    }
    return hf_ok();
}

hf_result hf_private_key_pair(const struct hf_private_key *key, const struct hf_cert *cert,
                              X509 *x509, EVP_PKEY **out)
{
    static const char *const names[] = {"nothing", "P-256", "P-384", "P-521", "RSA", "Ed25519"};
    HF_DEFER(pkey_free_at) EVP_PKEY *pkey = NULL;
    *out = NULL;
    HF_NEED_SEEN(key->kind == cert->key_kind, HF_E_KEY_MISMATCH, names[cert->key_kind], "%s",
                 names[key->kind]);
    hf_ossl_clear();
    HF_TRY(build(key, cert, &pkey));
    HF_TRY(prove(pkey, x509));
    *out = pkey;
    pkey = NULL;
    return hf_ok();
}
