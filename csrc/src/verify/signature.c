/* SPDX-License-Identifier: Apache-2.0
 *
 * Digests are fetched once for the process; a thread keeps its contexts, and for the keys that it
 * used last an EVP_PKEY_CTX after EVP_PKEY_verify_init, which OpenSSL documents as good for any
 * number of verifications. Making one fetches by name, under locks: that is a first use (ossl.c).
 */
#include "verify/signature.h"

#include <openssl/rsa.h>
#include <stdatomic.h>

#include "x509/scratch.h"

enum family { FAMILY_NONE, FAMILY_ECDSA, FAMILY_RSA, FAMILY_PSS, FAMILY_ED25519 };

struct algorithm {
    enum family family;
    size_t digest_len;
};

static struct algorithm algorithm_of(enum hf_signature_kind kind)
{
    static const struct algorithm algorithms[] = {
        [HF_SIG_ECDSA_SHA256] = {FAMILY_ECDSA, 32}, [HF_SIG_ECDSA_SHA384] = {FAMILY_ECDSA, 48},
        [HF_SIG_ECDSA_SHA512] = {FAMILY_ECDSA, 64}, [HF_SIG_RSA_SHA256] = {FAMILY_RSA, 32},
        [HF_SIG_RSA_SHA384] = {FAMILY_RSA, 48},     [HF_SIG_RSA_SHA512] = {FAMILY_RSA, 64},
        [HF_SIG_RSA_PSS_SHA256] = {FAMILY_PSS, 32}, [HF_SIG_RSA_PSS_SHA384] = {FAMILY_PSS, 48},
        [HF_SIG_RSA_PSS_SHA512] = {FAMILY_PSS, 64}, [HF_SIG_ED25519] = {.family = FAMILY_ED25519},
    };
    static const struct algorithm none;
    size_t i = (size_t)kind;
    return i < sizeof(algorithms) / sizeof(algorithms[0]) ? algorithms[i] : none;
}

bool hf_signature_fits(enum hf_signature_kind signature, enum hf_key_kind key)
{
    enum family family = algorithm_of(signature).family;
    switch (key) {
    case HF_KEY_P256:
    case HF_KEY_P384:
    case HF_KEY_P521:
        return family == FAMILY_ECDSA;
    case HF_KEY_RSA:
        return family == FAMILY_RSA || family == FAMILY_PSS;
    case HF_KEY_ED25519:
        return family == FAMILY_ED25519;
    default:
        return false;
    }
}

hf_result hf_signature_digest(const struct hf_signed *what, uint8_t out[HF_SIGNATURE_DIGEST_MAX],
                              size_t *len)
{
    struct hf_scratch *scratch;
    *len = 0;
    HF_TRY(hf_scratch_get(&scratch));
    size_t digest_len = algorithm_of(what->kind).digest_len;
    const EVP_MD *digest = hf_ossl_digest(digest_len);
    HF_NEED(digest != NULL, HF_E_BAD_ARGUMENT);
    if (EVP_DigestInit_ex2(scratch->md, digest, NULL) != 1 ||
        EVP_DigestUpdate(scratch->md, what->tbs.data, what->tbs.len) != 1 ||
        EVP_DigestFinal_ex(scratch->md, out, NULL) != 1) {
        HF_FAIL_OSSL(HF_E_OPENSSL);
    }
    *len = digest_len;
    return hf_ok();
}

/* RFC 4055: the salt of PSS is as long as the digest, and the reader took no other. */
static bool set_rsa(EVP_PKEY_CTX *ctx, struct algorithm algorithm)
{
    const EVP_MD *digest = hf_ossl_digest(algorithm.digest_len);
    bool pss = algorithm.family == FAMILY_PSS;
    return EVP_PKEY_CTX_set_rsa_padding(ctx, pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) ==
               1 &&
           EVP_PKEY_CTX_set_signature_md(ctx, digest) == 1 &&
           (!pss || (EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, digest) == 1 &&
                     EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, (int)algorithm.digest_len) == 1));
}

static EVP_PKEY_CTX *make_ctx(const struct hf_signer *signer, struct algorithm algorithm)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(hf_ossl_ctx(), signer->key, NULL);
    if (ctx == NULL || EVP_PKEY_verify_init(ctx) != 1 ||
        (algorithm.family != FAMILY_ECDSA && !set_rsa(ctx, algorithm))) {
        EVP_PKEY_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

/* keys[i] to the front, those before it one back. */
static void move_to_front(struct hf_scratch *scratch, size_t i)
{
    struct hf_scratch_key key = scratch->keys[i];
    for (; i > 0; i--) {
        scratch->keys[i] = scratch->keys[i - 1];
    }
    scratch->keys[0] = key;
}

static bool find_ctx(struct hf_scratch *scratch, const struct hf_signer *signer,
                     enum hf_signature_kind kind)
{
    for (size_t i = 0; i < HF_SCRATCH_KEYS && scratch->keys[i].ctx != NULL; i++) {
        const struct hf_scratch_key *key = &scratch->keys[i];
        if (key->kind == kind &&
            hf_mem_equal(key->id, HF_DIGEST_SIZE, signer->id, HF_DIGEST_SIZE)) {
            move_to_front(scratch, i);
            return true;
        }
    }
    return false;
}

/* After it, keys[0] is the signer's, for this kind of signature. */
static hf_result need_ctx(struct hf_scratch *scratch, const struct hf_signer *signer,
                          enum hf_signature_kind kind)
{
    if (find_ctx(scratch, signer, kind)) {
        return hf_ok();
    }
    hf_ossl_first_use_begin();
    EVP_PKEY_CTX *ctx = make_ctx(signer, algorithm_of(kind));
    hf_ossl_first_use_end();
    if (ctx == NULL) {
        HF_FAIL_OSSL(HF_E_OPENSSL);
    }
    struct hf_scratch_key *last = &scratch->keys[HF_SCRATCH_KEYS - 1];
    EVP_PKEY_CTX_free(last->ctx);
    last->ctx = ctx;
    last->kind = kind;
    (void)hf_mem_copy(last->id, HF_DIGEST_SIZE, signer->id, HF_DIGEST_SIZE);
    move_to_front(scratch, HF_SCRATCH_KEYS - 1);
    return hf_ok();
}

static hf_result verify_digest(struct hf_scratch *scratch, const struct hf_signer *signer,
                               const struct hf_signed *what, bool *holds)
{
    uint8_t digest[HF_SIGNATURE_DIGEST_MAX];
    size_t len;
    HF_TRY(hf_signature_digest(what, digest, &len));
    HF_TRY(need_ctx(scratch, signer, what->kind));
    *holds = EVP_PKEY_verify(scratch->keys[0].ctx, what->signature.data, what->signature.len,
                             digest, len) == 1;
    return hf_ok();
}

/* Ed25519 signs the message, in one call. There is nothing worth keeping but the context. */
static hf_result verify_message(struct hf_scratch *scratch, const struct hf_signer *signer,
                                const struct hf_signed *what, bool *holds)
{
    EVP_MD_CTX *md = scratch->message;
    bool first = !scratch->message_used;
    if (first) {
        hf_ossl_first_use_begin();
    }
    int ready = EVP_DigestVerifyInit_ex(md, NULL, NULL, hf_ossl_ctx(), NULL, signer->key, NULL);
    if (first) {
        hf_ossl_first_use_end();
    }
    scratch->message_used = true;
    if (ready != 1) {
        (void)EVP_MD_CTX_reset(md);
        HF_FAIL_OSSL(HF_E_OPENSSL);
    }
    *holds = EVP_DigestVerify(md, what->signature.data, what->signature.len, what->tbs.data,
                              what->tbs.len) == 1;
    /* It holds a reference on the key. */
    (void)EVP_MD_CTX_reset(md);
    return hf_ok();
}

static atomic_uint_least64_t verified;

uint64_t hf_signature_count(void)
{
    return atomic_load_explicit(&verified, memory_order_relaxed);
}

hf_result hf_signature_verify(const struct hf_signer *signer, const struct hf_signed *what)
{
    struct hf_scratch *scratch;
    bool holds = false;
    HF_TRY(hf_scratch_get(&scratch));
    HF_NEED(hf_signature_fits(what->kind, signer->kind), HF_E_BAD_SIGNATURE);
    hf_ossl_clear();
    atomic_fetch_add_explicit(&verified, 1, memory_order_relaxed);
    HF_TRY(signer->kind == HF_KEY_ED25519 ? verify_message(scratch, signer, what, &holds)
                                          : verify_digest(scratch, signer, what, &holds));
    if (!holds) {
        /* Refused either way; but nobody's key is to blame for a full memory. */
        HF_NEED(!hf_ossl_was_memory(), HF_E_OUT_OF_MEMORY);
        HF_FAIL(HF_E_BAD_SIGNATURE);
    }
    return hf_ok();
}
