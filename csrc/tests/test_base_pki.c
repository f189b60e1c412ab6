/* SPDX-License-Identifier: Apache-2.0
 *
 * The tests' own certificate builder: OpenSSL reads what it makes, and believes its signatures.
 */
#include "hf_test.h"
#include "pki.h"
#include "x509/ossl.h"

static void check_signed_by(EVP_PKEY *key, enum pki_algorithm algorithm)
{
    struct pki_spec spec;
    struct pki_cert cert;
    X509 *x509 = NULL;
    pki_authority(&spec, "root", "spiffe://a.example", key);
    spec.algorithm = algorithm;
    pki_add_key_ids(&spec, key);
    pki_make(&spec, key, &cert);
    if (HF_CHECK_OK(hf_ossl_x509(pki_span(&cert), &x509))) {
        HF_CHECK(X509_verify(x509, key) == 1);
    }
    X509_free(x509);
}

static void every_kind_of_key_signs(void)
{
    for (int kind = 0; kind < PKI_KINDS; kind++) {
        if (kind != PKI_ED448) {
            check_signed_by(pki_key((enum pki_kind)kind, 0), PKI_SIGN_DEFAULT);
        }
    }
}

static void every_algorithm_signs(void)
{
    check_signed_by(pki_key(PKI_P256, 0), PKI_SIGN_ECDSA_SHA384);
    check_signed_by(pki_key(PKI_RSA2048, 0), PKI_SIGN_RSA_SHA384);
    check_signed_by(pki_key(PKI_RSA2048, 0), PKI_SIGN_RSA_SHA512);
    check_signed_by(pki_key(PKI_RSA2048, 0), PKI_SIGN_PSS_SHA256);
    check_signed_by(pki_key(PKI_RSA2048, 0), PKI_SIGN_PSS_SHA384);
    check_signed_by(pki_key(PKI_RSA2048, 0), PKI_SIGN_PSS_SHA512);
}

static void a_spoiled_signature_is_wrong(void)
{
    struct pki_spec spec;
    struct pki_cert cert;
    X509 *x509 = NULL;
    pki_leaf(&spec, "root", "spiffe://a.example/web", pki_key(PKI_P256, 1));
    spec.bad_signature = true;
    pki_make(&spec, pki_key(PKI_P256, 0), &cert);
    if (HF_CHECK_OK(hf_ossl_x509(pki_span(&cert), &x509))) {
        HF_CHECK(X509_verify(x509, pki_key(PKI_P256, 0)) != 1);
    }
    X509_free(x509);
}

HF_TESTS({"every kind of key signs", every_kind_of_key_signs},
         {"every algorithm signs", every_algorithm_signs},
         {"a spoiled signature is wrong", a_spoiled_signature_is_wrong})
