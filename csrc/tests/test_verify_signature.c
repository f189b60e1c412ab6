/* SPDX-License-Identifier: Apache-2.0
 *
 * One signature at a time: every kind, kinds that do not fit, encodings that are not DER.
 */
#include "verify/signature.h"

#include <openssl/err.h>
#include <openssl/rsa.h>

#include "hf_test.h"
#include "signature_kit.h"
#include "x509/der.h"

static const struct {
    enum pki_kind key;
    enum pki_algorithm algorithm;
    enum hf_signature_kind kind;
} rows[] = {
    {PKI_P256, PKI_SIGN_ECDSA_SHA256, HF_SIG_ECDSA_SHA256},
    {PKI_P256, PKI_SIGN_ECDSA_SHA384, HF_SIG_ECDSA_SHA384},
    {PKI_P256, PKI_SIGN_ECDSA_SHA512, HF_SIG_ECDSA_SHA512},
    {PKI_P384, PKI_SIGN_ECDSA_SHA256, HF_SIG_ECDSA_SHA256},
    {PKI_P384, PKI_SIGN_ECDSA_SHA384, HF_SIG_ECDSA_SHA384},
    {PKI_P521, PKI_SIGN_ECDSA_SHA512, HF_SIG_ECDSA_SHA512},
    {PKI_P521, PKI_SIGN_ECDSA_SHA256, HF_SIG_ECDSA_SHA256},
    {PKI_RSA2048, PKI_SIGN_RSA_SHA256, HF_SIG_RSA_SHA256},
    {PKI_RSA2048, PKI_SIGN_RSA_SHA384, HF_SIG_RSA_SHA384},
    {PKI_RSA2048, PKI_SIGN_RSA_SHA512, HF_SIG_RSA_SHA512},
    {PKI_RSA2048, PKI_SIGN_PSS_SHA256, HF_SIG_RSA_PSS_SHA256},
    {PKI_RSA2048, PKI_SIGN_PSS_SHA384, HF_SIG_RSA_PSS_SHA384},
    {PKI_RSA2048, PKI_SIGN_PSS_SHA512, HF_SIG_RSA_PSS_SHA512},
    {PKI_RSA3072, PKI_SIGN_RSA_SHA256, HF_SIG_RSA_SHA256},
    {PKI_ED25519, PKI_SIGN_ED25519, HF_SIG_ED25519},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static struct sample samples[ROWS];

static void make_samples(void)
{
    for (size_t i = 0; i < ROWS; i++) {
        sample_make(&samples[i], pki_key(rows[i].key, 0), rows[i].algorithm);
        HF_CHECK(samples[i].what.kind == rows[i].kind);
    }
}

/* Twice, and in turns: contexts that a thread keeps are for one key and one kind. */
static void every_kind_holds_again_and_again(void)
{
    for (size_t i = 0; i < 3 * ROWS; i++) {
        const struct sample *s = &samples[i * 7 % ROWS];
        HF_CHECK_OK(hf_signature_verify(s->signer, &s->what));
    }
}

static void nothing_holds_of_another_key_message_or_kind(void)
{
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t k = 0; k < ROWS; k++) {
            struct hf_signed mixed = samples[i].what;
            mixed.tbs = samples[k].what.tbs;
            HF_CHECK(i == k ||
                     hf_signature_verify(samples[i].signer, &mixed).code == HF_E_BAD_SIGNATURE);
            mixed = samples[i].what;
            mixed.kind = samples[k].what.kind;
            HF_CHECK(mixed.kind == samples[i].what.kind ||
                     hf_signature_verify(samples[i].signer, &mixed).code == HF_E_BAD_SIGNATURE);
            bool same = rows[i].key == rows[k].key;
            HF_CHECK(same || hf_signature_verify(samples[k].signer, &samples[i].what).code ==
                                 HF_E_BAD_SIGNATURE);
        }
        struct hf_signed none = samples[i].what;
        none.kind = HF_SIG_NONE;
        HF_CHECK_CODE(hf_signature_verify(samples[i].signer, &none), HF_E_BAD_SIGNATURE);
        none = samples[i].what;
        none.signature = hf_span_of(NULL, 0);
        HF_CHECK_CODE(hf_signature_verify(samples[i].signer, &none), HF_E_BAD_SIGNATURE);
    }
}

static void kinds_fit_their_keys_and_no_others(void)
{
    for (int key = HF_KEY_NONE; key <= HF_KEY_ED25519; key++) {
        for (int kind = HF_SIG_NONE; kind <= HF_SIG_ED25519 + 1; kind++) {
            bool ecdsa = kind >= HF_SIG_ECDSA_SHA256 && kind <= HF_SIG_ECDSA_SHA512;
            bool rsa = kind >= HF_SIG_RSA_SHA256 && kind <= HF_SIG_RSA_PSS_SHA512;
            bool fits = (ecdsa && key >= HF_KEY_P256 && key <= HF_KEY_P521) ||
                        (rsa && key == HF_KEY_RSA) ||
                        (kind == HF_SIG_ED25519 && key == HF_KEY_ED25519);
            HF_CHECK(hf_signature_fits((enum hf_signature_kind)kind, (enum hf_key_kind)key) ==
                     fits);
        }
    }
}

static void digests_are_of_the_message(void)
{
    for (size_t i = 0; i < ROWS; i++) {
        static const char *const names[] = {"SHA2-256", "SHA2-384", "SHA2-512"};
        uint8_t ours[HF_SIGNATURE_DIGEST_MAX];
        unsigned char theirs[EVP_MAX_MD_SIZE];
        size_t ours_len;
        size_t theirs_len = 0;
        const struct hf_signed *what = &samples[i].what;
        hf_result r = hf_signature_digest(what, ours, &ours_len);
        if (what->kind == HF_SIG_ED25519) {
            HF_CHECK_CODE(r, HF_E_BAD_ARGUMENT);
            HF_CHECK(ours_len == 0);
            continue;
        }
        HF_CHECK_OK(r);
        HF_CHECK(EVP_Q_digest(NULL, names[((unsigned)what->kind - 1) % 3], NULL, what->tbs.data,
                              what->tbs.len, theirs, &theirs_len) == 1);
        HF_CHECK(hf_mem_equal(ours, ours_len, theirs, theirs_len));
    }
}

/* Every byte of every signature counts. For RSA this is slow enough to look at some only. */
static void one_bit_spoils_a_signature(void)
{
    for (size_t i = 0; i < ROWS; i++) {
        uint8_t bytes[1024];
        struct hf_signed spoiled = samples[i].what;
        size_t len = spoiled.signature.len;
        HF_CHECK(hf_mem_copy(bytes, sizeof(bytes), spoiled.signature.data, len));
        spoiled.signature = hf_span_of(bytes, len);
        for (size_t at = 0; at < len; at += len > 150 ? 37 : 5) {
            bytes[at] ^= 0x10;
            HF_CHECK_CODE(hf_signature_verify(samples[i].signer, &spoiled), HF_E_BAD_SIGNATURE);
            bytes[at] ^= 0x10;
        }
        HF_CHECK_OK(hf_signature_verify(samples[i].signer, &spoiled));
        spoiled.signature.len--;
        HF_CHECK_CODE(hf_signature_verify(samples[i].signer, &spoiled), HF_E_BAD_SIGNATURE);
        bytes[len] = 0;
        spoiled.signature.len += 2;
        HF_CHECK_CODE(hf_signature_verify(samples[i].signer, &spoiled), HF_E_BAD_SIGNATURE);
    }
}

/* A PSS signature of SHA-256, with a salt and a mask of the test's choice. */
static hf_result verify_pss(int salt, const EVP_MD *mask)
{
    static const uint8_t message[] = "what was signed";
    uint8_t signature[512];
    size_t len = sizeof(signature);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *key = NULL;
    HF_CHECK(EVP_DigestSignInit(ctx, &key, EVP_sha256(), NULL, pki_key(PKI_RSA2048, 0)) == 1);
    HF_CHECK(EVP_PKEY_CTX_set_rsa_padding(key, RSA_PKCS1_PSS_PADDING) == 1);
    HF_CHECK(EVP_PKEY_CTX_set_rsa_pss_saltlen(key, salt) == 1);
    HF_CHECK(EVP_PKEY_CTX_set_rsa_mgf1_md(key, mask) == 1);
    HF_CHECK(EVP_DigestSign(ctx, signature, &len, message, sizeof(message)) == 1);
    EVP_MD_CTX_free(ctx);
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].key == PKI_RSA2048 && rows[i].kind == HF_SIG_RSA_PSS_SHA256) {
            struct hf_signed what = {.kind = HF_SIG_RSA_PSS_SHA256,
                                     .tbs = hf_span_of(message, sizeof(message)),
                                     .signature = hf_span_of(signature, len)};
            return hf_signature_verify(samples[i].signer, &what);
        }
    }
    return hf_ok();
}

/* P2: the salt is as long as the digest, and the mask is of the same, as the reader has seen in the
 * certificate; what OpenSSL would guess by itself is not asked. */
static void pss_is_of_one_salt_and_one_mask(void)
{
    HF_CHECK_OK(verify_pss(32, EVP_sha256()));
    HF_CHECK_CODE(verify_pss(31, EVP_sha256()), HF_E_BAD_SIGNATURE);
    HF_CHECK_CODE(verify_pss(33, EVP_sha256()), HF_E_BAD_SIGNATURE);
    HF_CHECK_CODE(verify_pss(0, EVP_sha256()), HF_E_BAD_SIGNATURE);
    HF_CHECK_CODE(verify_pss(32, EVP_sha384()), HF_E_BAD_SIGNATURE);
}

/* r and s of the sample, in an encoding of the test's own. */
static hf_result verify_as(const struct sample *s, struct der_bytes encoded)
{
    struct hf_signed what = s->what;
    what.signature = hf_span_of(encoded.data, encoded.len);
    return hf_signature_verify(s->signer, &what);
}

static void take_values(const struct sample *s, struct der_bytes *r_value,
                        struct der_bytes *s_value)
{
    struct hf_span rest = s->what.signature;
    struct hf_span both;
    struct hf_span r;
    struct hf_span t;
    HF_CHECK_OK(hf_der_take(&rest, HF_DER_SEQUENCE, &both));
    HF_CHECK_OK(hf_der_take_integer(&both, &r));
    HF_CHECK_OK(hf_der_take_integer(&both, &t));
    *r_value = (struct der_bytes){r.data, r.len};
    *s_value = (struct der_bytes){t.data, t.len};
}

/* The same numbers, written in ways that are not DER, or with something more. */
static void ecdsa_signatures_are_der_or_nothing(void)
{
    const struct sample *s = &samples[0];
    struct der_bytes r;
    struct der_bytes t;
    take_values(s, &r, &t);
    for (int shape = 0; shape < 9; shape++) {
        uint8_t buffer[200];
        struct der_writer w = {buffer, sizeof(buffer), 0};
        if (shape == 1) {
            der_raw(&w, DER_BYTES("\x30\x80")); /* indefinite */
        }
        size_t outer = shape == 1 ? 0 : der_open(&w, shape == 2 ? 0x31 : 0x30);
        uint8_t padded[80] = {0};
        HF_CHECK(hf_mem_copy(padded + 1, sizeof(padded) - 1, r.data, r.len));
        der_element(&w, shape == 4 ? 0x04 : 0x02,
                    shape == 3 ? (struct der_bytes){padded, r.len + 1} : r);
        der_element(&w, 0x02, shape == 5 ? DER_BYTES("") : t);
        if (shape == 6) {
            der_element(&w, 0x05, DER_NONE);
        }
        if (shape == 1) {
            der_raw(&w, DER_BYTES("\x00\x00"));
        } else {
            der_close(&w, outer);
        }
        if (shape == 7) {
            der_raw(&w, DER_BYTES("\x00"));
        }
        if (shape == 8) { /* a length in the long form that has no need of it */
            uint8_t longer[200];
            struct der_writer l = {longer, sizeof(longer), 0};
            der_raw(&l, DER_BYTES("\x30\x81"));
            der_raw(&l, (struct der_bytes){buffer + 1, w.len - 1});
            HF_CHECK_CODE(verify_as(s, der_done(&l)), HF_E_BAD_SIGNATURE);
            continue;
        }
        HF_CHECK_CODE(verify_as(s, der_done(&w)), shape == 0 ? HF_OK : HF_E_BAD_SIGNATURE);
    }
}

/* C13: neither believed nor left behind. */
static void the_error_queue_decides_nothing(void)
{
    struct hf_signed spoiled = samples[0].what;
    spoiled.tbs = samples[1].what.tbs;
    ERR_raise(ERR_LIB_EVP, ERR_R_MALLOC_FAILURE);
    HF_CHECK_OK(hf_signature_verify(samples[0].signer, &samples[0].what));
    HF_CHECK(ERR_peek_error() == 0);
    ERR_raise(ERR_LIB_EVP, ERR_R_MALLOC_FAILURE);
    HF_CHECK_CODE(hf_signature_verify(samples[0].signer, &spoiled), HF_E_BAD_SIGNATURE);
    HF_CHECK(ERR_peek_error() == 0);
}

static void verifications_are_counted(void)
{
    uint64_t before = hf_signature_count();
    HF_CHECK_OK(hf_signature_verify(samples[0].signer, &samples[0].what));
    HF_CHECK(hf_signature_count() == before + 1);
    for (size_t i = 0; i < ROWS; i++) {
        sample_free(&samples[i]);
    }
}

HF_TESTS({"make samples", make_samples},
         {"every kind holds again and again", every_kind_holds_again_and_again},
         {"nothing holds of another key, message or kind",
          nothing_holds_of_another_key_message_or_kind},
         {"kinds fit their keys and no others", kinds_fit_their_keys_and_no_others},
         {"digests are of the message", digests_are_of_the_message},
         {"one bit spoils a signature", one_bit_spoils_a_signature},
         {"PSS is of one salt and one mask", pss_is_of_one_salt_and_one_mask},
         {"ECDSA signatures are DER or nothing", ecdsa_signatures_are_der_or_nothing},
         {"the error queue decides nothing", the_error_queue_decides_nothing},
         {"verifications are counted", verifications_are_counted})
