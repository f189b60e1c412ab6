/* SPDX-License-Identifier: Apache-2.0 */
#include "pki_sign.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/encoder.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

struct algorithm {
    const char *digest; /* NULL: the key brings its own */
    const char *oid;
    int pss;   /* salt length, 0 for none */
    bool null; /* parameters NULL */
    const char *digest_oid;
};

static const struct algorithm algorithms[PKI_ALGORITHMS] = {
    [PKI_SIGN_ECDSA_SHA256] = {"SHA2-256", "1.2.840.10045.4.3.2", 0, false, NULL},
    [PKI_SIGN_ECDSA_SHA384] = {"SHA2-384", "1.2.840.10045.4.3.3", 0, false, NULL},
    [PKI_SIGN_ECDSA_SHA512] = {"SHA2-512", "1.2.840.10045.4.3.4", 0, false, NULL},
    [PKI_SIGN_RSA_SHA256] = {"SHA2-256", "1.2.840.113549.1.1.11", 0, true, NULL},
    [PKI_SIGN_RSA_SHA384] = {"SHA2-384", "1.2.840.113549.1.1.12", 0, true, NULL},
    [PKI_SIGN_RSA_SHA512] = {"SHA2-512", "1.2.840.113549.1.1.13", 0, true, NULL},
    [PKI_SIGN_PSS_SHA256] = {"SHA2-256", "1.2.840.113549.1.1.10", 32, false,
                             "2.16.840.1.101.3.4.2.1"},
    [PKI_SIGN_PSS_SHA384] = {"SHA2-384", "1.2.840.113549.1.1.10", 48, false,
                             "2.16.840.1.101.3.4.2.2"},
    [PKI_SIGN_PSS_SHA512] = {"SHA2-512", "1.2.840.113549.1.1.10", 64, false,
                             "2.16.840.1.101.3.4.2.3"},
    [PKI_SIGN_ED25519] = {NULL, "1.3.101.112", 0, false, NULL},
    [PKI_SIGN_ECDSA_SHA1] = {"SHA1", "1.2.840.10045.4.1", 0, false, NULL},
    [PKI_SIGN_RSA_SHA1] = {"SHA1", "1.2.840.113549.1.1.5", 0, true, NULL},
};

static EVP_PKEY *generate(enum pki_kind kind)
{
    switch (kind) {
    case PKI_P256:
        return EVP_EC_gen("P-256");
    case PKI_P384:
        return EVP_EC_gen("P-384");
    case PKI_P521:
        return EVP_EC_gen("P-521");
    case PKI_SECP256K1:
        return EVP_EC_gen("secp256k1");
    case PKI_RSA1024:
        return EVP_RSA_gen(1024);
    case PKI_RSA2048:
        return EVP_RSA_gen(2048);
    case PKI_RSA3072:
        return EVP_RSA_gen(3072);
    case PKI_ED25519:
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    case PKI_ED448:
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
    default:
        return NULL;
    }
}

EVP_PKEY *pki_key(enum pki_kind kind, size_t index)
{
    static EVP_PKEY *keys[PKI_KINDS][PKI_KEYS_MAX];
    pki_need(kind < PKI_KINDS && index < PKI_KEYS_MAX, "no such key");
    if (keys[kind][index] == NULL) {
        keys[kind][index] = generate(kind);
        pki_need(keys[kind][index] != NULL, "key generation");
    }
    return keys[kind][index];
}

enum pki_algorithm pki_algorithm_for(enum pki_algorithm wanted, EVP_PKEY *key)
{
    if (wanted != PKI_SIGN_DEFAULT) {
        return wanted;
    }
    if (EVP_PKEY_is_a(key, "RSA")) {
        return PKI_SIGN_RSA_SHA256;
    }
    if (EVP_PKEY_is_a(key, "EC")) {
        int bits = EVP_PKEY_get_bits(key);
        return bits > 384   ? PKI_SIGN_ECDSA_SHA512
               : bits > 256 ? PKI_SIGN_ECDSA_SHA384
                            : PKI_SIGN_ECDSA_SHA256;
    }
    return PKI_SIGN_ED25519;
}

static void write_digest(struct der_writer *w, const char *oid)
{
    size_t algorithm = der_open(w, 0x30);
    der_oid(w, oid);
    der_element(w, 0x05, DER_NONE);
    der_close(w, algorithm);
}

static void write_pss(struct der_writer *w, const struct algorithm *a)
{
    uint8_t salt = (uint8_t)a->pss;
    size_t parameters = der_open(w, 0x30);
    size_t hash = der_open(w, 0xa0);
    write_digest(w, a->digest_oid);
    der_close(w, hash);
    size_t mgf = der_open(w, 0xa1);
    size_t mgf1 = der_open(w, 0x30);
    der_oid(w, "1.2.840.113549.1.1.8");
    write_digest(w, a->digest_oid);
    der_close(w, mgf1);
    der_close(w, mgf);
    size_t salt_field = der_open(w, 0xa2);
    der_element(w, 0x02, (struct der_bytes){&salt, 1});
    der_close(w, salt_field);
    der_close(w, parameters);
}

void pki_write_algorithm(struct der_writer *w, enum pki_algorithm algorithm)
{
    const struct algorithm *a = &algorithms[algorithm];
    size_t sequence = der_open(w, 0x30);
    der_oid(w, a->oid);
    if (a->null) {
        der_element(w, 0x05, DER_NONE);
    }
    if (a->pss != 0) {
        write_pss(w, a);
    }
    der_close(w, sequence);
}

size_t pki_sign(EVP_PKEY *key, enum pki_algorithm algorithm, struct der_bytes tbs, uint8_t *out,
                size_t cap)
{
    const struct algorithm *a = &algorithms[algorithm];
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx = NULL;
    size_t len = cap;
    pki_need(md != NULL, "memory");
    pki_need(EVP_DigestSignInit_ex(md, &ctx, a->digest, NULL, NULL, key, NULL) == 1, "sign");
    if (a->pss != 0) {
        pki_need(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1, "PSS");
        pki_need(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, a->pss) == 1, "salt");
    }
    pki_need(EVP_DigestSign(md, out, &len, tbs.data, tbs.len) == 1, "sign");
    EVP_MD_CTX_free(md);
    return len;
}

static const char *structure_of(EVP_PKEY *key, enum pki_key_form form)
{
    if (form == PKI_TRADITIONAL) {
        return EVP_PKEY_is_a(key, "RSA") ? "pkcs1" : "type-specific";
    }
    return form == PKI_PKCS8_ENCRYPTED ? "EncryptedPrivateKeyInfo" : "PrivateKeyInfo";
}

size_t pki_key_der(EVP_PKEY *key, enum pki_key_form form, uint8_t *out, size_t cap)
{
    static const unsigned char pass[] = "secret";
    unsigned char *at = out;
    size_t left = cap;
    OSSL_ENCODER_CTX *ctx = OSSL_ENCODER_CTX_new_for_pkey(
        key, OSSL_KEYMGMT_SELECT_KEYPAIR | OSSL_KEYMGMT_SELECT_ALL_PARAMETERS, "DER",
        structure_of(key, form), NULL);
    pki_need(ctx != NULL && OSSL_ENCODER_CTX_get_num_encoders(ctx) > 0, "key encoder");
    if (form == PKI_PKCS8_ENCRYPTED) {
        pki_need(OSSL_ENCODER_CTX_set_cipher(ctx, "AES-256-CBC", NULL) == 1, "cipher");
        pki_need(OSSL_ENCODER_CTX_set_passphrase(ctx, pass, sizeof(pass) - 1) == 1, "passphrase");
    }
    pki_need(OSSL_ENCODER_to_data(ctx, &at, &left) == 1, "key encoding");
    OSSL_ENCODER_CTX_free(ctx);
    return cap - left;
}
