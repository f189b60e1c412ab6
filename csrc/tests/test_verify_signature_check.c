/* SPDX-License-Identifier: Apache-2.0
 *
 * One signature by a lane of the caller's choice, as test vectors reach the lanes.
 */
#include <openssl/x509.h>

#include "hf_test.h"
#include "kit.h"
#include "verify/signature_mb.h"

#define MESSAGE HF_SPAN("what was signed")

struct sample {
    uint8_t spki[640];
    size_t spki_len;
    uint8_t signature[512];
    size_t signature_len;
};

/* SHA-256, or none for Ed25519. */
static void make(struct sample *out, EVP_PKEY *key, const char *digest)
{
    unsigned char *at = out->spki;
    int len = i2d_PUBKEY(key, NULL);
    HF_CHECK(len > 0 && (size_t)len <= sizeof(out->spki) && i2d_PUBKEY(key, &at) == len);
    out->spki_len = (size_t)len;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    out->signature_len = sizeof(out->signature);
    HF_CHECK(ctx != NULL && EVP_DigestSignInit_ex(ctx, NULL, digest, NULL, NULL, key, NULL) == 1);
    HF_CHECK(EVP_DigestSign(ctx, out->signature, &out->signature_len, MESSAGE.data, MESSAGE.len) ==
             1);
    EVP_MD_CTX_free(ctx);
}

static hf_result check(int lane, const char *algorithm, const struct sample *x)
{
    return hf_signature_check(lane, algorithm, x->spki, x->spki_len, MESSAGE.data, MESSAGE.len,
                              x->signature, x->signature_len);
}

static void each_algorithm_is_checked_by_the_lane_that_was_asked(void)
{
    static const struct {
        enum pki_kind kind;
        const char *digest;
        const char *algorithm;
        bool lanes;
    } rows[] = {
        {PKI_P256, "SHA256", "ecdsa-sha256", true},   {PKI_P256, "SHA512", "ecdsa-sha512", true},
        {PKI_P384, "SHA256", "ecdsa-sha256", true},   {PKI_P384, "SHA384", "ecdsa-sha384", true},
        {PKI_P521, "SHA512", "ecdsa-sha512", false},  {PKI_RSA2048, "SHA256", "rsa-sha256", false},
        {PKI_RSA2048, "SHA384", "rsa-sha384", false}, {PKI_ED25519, NULL, "ed25519", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sample x;
        make(&x, pki_key(rows[i].kind, 0), rows[i].digest);
        bool held = rows[i].lanes && hf_mb_available();
        HF_CHECK_OK(check(HF_LANE_OPENSSL, rows[i].algorithm, &x));
        HF_CHECK_OK(check(HF_LANE_BOTH, rows[i].algorithm, &x));
        HF_CHECK_CODE(check(HF_LANE_MB, rows[i].algorithm, &x), held ? HF_OK : HF_E_BAD_SIGNATURE);
        x.signature[x.signature_len - 1] ^= 1;
        for (int lane = HF_LANE_OPENSSL; lane <= HF_LANE_BOTH; lane++) {
            HF_CHECK_CODE(check(lane, rows[i].algorithm, &x), HF_E_BAD_SIGNATURE);
        }
    }
}

/* An algorithm of another kind of key, or with another digest, never holds: by no lane. */
static void another_algorithm_does_not_hold(void)
{
    static const char *const others[] = {"ecdsa-sha384", "rsa-sha256", "rsa-pss-sha256", "ed25519"};
    struct sample x;
    make(&x, pki_key(PKI_P256, 0), "SHA256");
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        for (int lane = HF_LANE_OPENSSL; lane <= HF_LANE_BOTH; lane++) {
            HF_CHECK_CODE(check(lane, others[i], &x), HF_E_BAD_SIGNATURE);
        }
    }
}

static void bad_questions_are_refused(void)
{
    struct sample x;
    make(&x, pki_key(PKI_P256, 0), "SHA256");
    HF_CHECK_CODE(check(-1, "ecdsa-sha256", &x), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(check(3, "ecdsa-sha256", &x), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(check(HF_LANE_BOTH, "ecdsa-sha1", &x), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(check(HF_LANE_BOTH, NULL, &x), HF_E_BAD_ARGUMENT);
}

/* As strictly as in a certificate; a point beside its curve is no key either. */
static void keys_are_read_strictly(void)
{
    struct sample x;
    make(&x, pki_key(PKI_P256, 0), "SHA256");
    x.spki_len += 1;
    HF_CHECK_CODE(check(HF_LANE_BOTH, "ecdsa-sha256", &x), HF_E_DER_TRAILING);
    x.spki_len -= 2;
    HF_CHECK_CODE(check(HF_LANE_BOTH, "ecdsa-sha256", &x), HF_E_DER_TRUNCATED);
    x.spki_len += 1;
    x.spki[x.spki_len - 1] ^= 1;
    for (int lane = HF_LANE_OPENSSL; lane <= HF_LANE_BOTH; lane++) {
        HF_CHECK_CODE(check(lane, "ecdsa-sha256", &x), HF_E_CERT_KEY);
    }
}

HF_TESTS({"each algorithm is checked by the lane that was asked",
          each_algorithm_is_checked_by_the_lane_that_was_asked},
         {"another algorithm does not hold", another_algorithm_does_not_hold},
         {"bad questions are refused", bad_questions_are_refused},
         {"keys are read strictly", keys_are_read_strictly})
