/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine's own library context: versions, digests, and a queue that decides nothing (C13).
 */
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <pthread.h>
#include <string.h>

#include "hf_test.h"
#include "pki.h"
#include "x509/ossl.h"

static void *init(void *out)
{
    *(OSSL_LIB_CTX **)out = hf_ossl_ctx();
    return NULL;
}

static void there_is_one_context_and_it_is_ours(void)
{
    OSSL_LIB_CTX *seen[4];
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        HF_CHECK(pthread_create(&threads[i], NULL, init, &seen[i]) == 0);
    }
    for (size_t i = 0; i < 4; i++) {
        HF_CHECK(pthread_join(threads[i], NULL) == 0);
        HF_CHECK(seen[i] != NULL && seen[i] == seen[0]);
    }
    HF_CHECK_OK(hf_library_init());
    HF_CHECK(seen[0] != OSSL_LIB_CTX_get0_global_default());
}

static void versions_are_told(void)
{
    HF_CHECK(hf_openssl_built()[0] >= '3');
    HF_CHECK(strcmp(hf_openssl_running(), OpenSSL_version(OPENSSL_VERSION_STRING)) == 0);
    const char *origin = hf_openssl_origin();
    HF_CHECK(strcmp(origin, "pinned") == 0 || strcmp(origin, "system") == 0);
}

static void bad_versions_are_refused(void)
{
    HF_CHECK(hf_ossl_version_refused(0x1010117fUL));
    HF_CHECK(!hf_ossl_version_refused(0x30000000UL));
    HF_CHECK(!hf_ossl_version_refused(0x30500070UL));
    /* CVE-2026-84783 */
    HF_CHECK(hf_ossl_version_refused(0x40000000UL));
    HF_CHECK(hf_ossl_version_refused(0x40000010UL));
    HF_CHECK(hf_ossl_version_refused(0x40000020UL));
    HF_CHECK(!hf_ossl_version_refused(0x40000030UL));
    HF_CHECK(!hf_ossl_version_refused(0x40100000UL));
}

static void digests_are_sha256_of_the_parts(void)
{
    static const uint8_t abc[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
                                  0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
                                  0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
    const struct hf_span parts[] = {HF_SPAN("a"), HF_SPAN(""), HF_SPAN("bc")};
    uint8_t out[HF_DIGEST_SIZE];
    HF_CHECK_OK(hf_ossl_sha256(parts, 3, out));
    HF_CHECK(hf_mem_equal(out, sizeof(out), abc, sizeof(abc)));
    HF_CHECK_OK(hf_ossl_sha256(NULL, 0, out));
    HF_CHECK(out[0] == 0xe3 && out[31] == 0x55);
}

static void junk_in_the_queue_changes_nothing(void)
{
    /* C13 */
    struct pki_spec spec;
    struct pki_cert der;
    HF_DEFER(hf_x509_free_at) X509 *x509 = NULL;
    pki_leaf(&spec, "root", "spiffe://a.example/web", pki_key(PKI_P256, 1));
    pki_make(&spec, pki_key(PKI_P256, 0), &der);
    ERR_raise(ERR_LIB_X509, X509_R_KEY_VALUES_MISMATCH);
    HF_CHECK_OK(hf_ossl_x509(pki_span(&der), &x509));
    HF_CHECK(ERR_peek_error() == 0);
}

static hf_result fail_with_reason(void)
{
    hf_ossl_clear();
    ERR_raise(ERR_LIB_X509, X509_R_KEY_VALUES_MISMATCH);
    ERR_raise(ERR_LIB_X509, ERR_R_INTERNAL_ERROR);
    HF_FAIL_OSSL(HF_E_OPENSSL);
}

static hf_result fail_without_reason(void)
{
    HF_FAIL_OSSL(HF_E_OPENSSL);
}

static void a_failure_keeps_the_cause(void)
{
    HF_CHECK_CODE(fail_with_reason(), HF_E_OPENSSL);
    HF_CHECK(hf_error_current()->openssl_reason == X509_R_KEY_VALUES_MISMATCH);
    HF_CHECK(strstr(hf_error_current()->seen, "key values mismatch") != NULL);
    HF_CHECK(ERR_peek_error() == 0);
    HF_CHECK_CODE(fail_without_reason(), HF_E_OPENSSL);
    HF_CHECK(hf_error_current()->openssl_reason == 0);
}

static void certificates_are_decoded_whole(void)
{
    static uint8_t large[HF_CHAIN_BYTES_MAX + 1];
    struct pki_spec spec;
    struct pki_cert der;
    X509 *x509 = NULL;
    pki_leaf(&spec, "root", "spiffe://a.example/web", pki_key(PKI_P256, 1));
    pki_make(&spec, pki_key(PKI_P256, 0), &der);
    der.der[der.len] = 0;
    HF_CHECK_CODE(hf_ossl_x509(hf_span_of(der.der, der.len + 1), &x509), HF_E_DER_TRAILING);
    HF_CHECK_CODE(hf_ossl_x509(hf_span_of(der.der, der.len - 1), &x509), HF_E_CERT_EXTENSION);
    HF_CHECK_CODE(hf_ossl_x509(hf_span_of(large, sizeof(large)), &x509), HF_E_DER_TOO_LARGE);
    /* What OpenSSL finds invalid while it caches extensions is refused here too. */
    pki_add(&spec, PKI_OID_SAN, false, DER_BYTES("\x30\x03\x82\x01x"));
    pki_make(&spec, pki_key(PKI_P256, 0), &der);
    HF_CHECK_CODE(hf_ossl_x509(pki_span(&der), &x509), HF_E_CERT_EXTENSION);
    HF_CHECK(x509 == NULL);
}

HF_TESTS({"there is one context and it is ours", there_is_one_context_and_it_is_ours},
         {"versions are told", versions_are_told},
         {"bad versions are refused", bad_versions_are_refused},
         {"digests are SHA-256 of the parts", digests_are_sha256_of_the_parts},
         {"junk in the queue changes nothing", junk_in_the_queue_changes_nothing},
         {"a failure keeps the cause", a_failure_keeps_the_cause},
         {"certificates are decoded whole", certificates_are_decoded_whole})
