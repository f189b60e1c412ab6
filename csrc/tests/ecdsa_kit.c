/* SPDX-License-Identifier: Apache-2.0 */
#include "ecdsa_kit.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/obj_mac.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#include "x509/ossl.h"

static void need(bool good, const char *what)
{
    if (!good) {
        (void)fprintf(stderr, "ecdsa_kit: %s\n", what);
        abort();
    }
}

void ecdsa_init(struct ecdsa *e, enum hf_key_kind kind)
{
    int nid = kind == HF_KEY_P256 ? NID_X9_62_prime256v1 : NID_secp384r1;
    e->kind = kind;
    e->len = kind == HF_KEY_P256 ? 32 : 48;
    e->ctx = BN_CTX_new();
    e->group = EC_GROUP_new_by_curve_name(nid);
    need(e->ctx != NULL && e->group != NULL, "a curve");
    e->n = BN_dup(EC_GROUP_get0_order(e->group));
    e->p = BN_dup(EC_GROUP_get0_field(e->group));
    e->d = BN_new();
    e->q = EC_POINT_new(e->group);
    need(e->n != NULL && e->p != NULL && e->d != NULL && e->q != NULL, "memory");
    ecdsa_new_key(e);
}

void ecdsa_free(struct ecdsa *e)
{
    EC_POINT_free(e->q);
    BN_free(e->d);
    BN_free(e->p);
    BN_free(e->n);
    EC_GROUP_free(e->group);
    BN_CTX_free(e->ctx);
}

static void random_scalar(const struct ecdsa *e, BIGNUM *out)
{
    do {
        need(BN_rand_range(out, e->n) == 1, "randomness");
    } while (BN_is_zero(out));
}

static void make_point(struct ecdsa *e)
{
    need(EC_POINT_mul(e->group, e->q, e->d, NULL, NULL, e->ctx) == 1, "a point");
}

void ecdsa_new_key(struct ecdsa *e)
{
    random_scalar(e, e->d);
    make_point(e);
}

void ecdsa_set_key(struct ecdsa *e, int d)
{
    need(BN_set_word(e->d, (BN_ULONG)(d < 0 ? -d : d)) == 1, "a number");
    need(d >= 0 || BN_sub(e->d, e->n, e->d) == 1, "a number");
    make_point(e);
}

void ecdsa_random_digest(struct ecdsa_case *c, size_t len)
{
    need(len <= sizeof(c->digest) && RAND_bytes(c->digest, (int)len) == 1, "randomness");
    c->digest_len = len;
}

void ecdsa_digest_of(const struct ecdsa *e, const BIGNUM *value, struct ecdsa_case *c)
{
    need(BN_bn2binpad(value, c->digest, (int)e->len) == (int)e->len, "a digest");
    c->digest_len = e->len;
}

BIGNUM *ecdsa_number(const struct ecdsa *e, const struct ecdsa_case *c)
{
    size_t len = c->digest_len < e->len ? c->digest_len : e->len;
    BIGNUM *number = BN_bin2bn(c->digest, (int)len, NULL);
    need(number != NULL && BN_nnmod(number, number, e->n, e->ctx) == 1, "a number");
    return number;
}

void ecdsa_sign(const struct ecdsa *e, const BIGNUM *k, struct ecdsa_case *c)
{
    EC_POINT *point = EC_POINT_new(e->group);
    BIGNUM *nonce = k == NULL ? BN_new() : BN_dup(k);
    BIGNUM *r = BN_new();
    BIGNUM *s = BN_new();
    BIGNUM *number = ecdsa_number(e, c);
    need(point != NULL && nonce != NULL && r != NULL && s != NULL, "memory");
    if (k == NULL) {
        random_scalar(e, nonce);
    }
    need(EC_POINT_mul(e->group, point, nonce, NULL, NULL, e->ctx) == 1 &&
             EC_POINT_get_affine_coordinates(e->group, point, r, NULL, e->ctx) == 1 &&
             BN_nnmod(r, r, e->n, e->ctx) == 1,
         "r");
    /* s = (e + r d) / k */
    need(BN_mod_mul(s, r, e->d, e->n, e->ctx) == 1 && BN_mod_add(s, s, number, e->n, e->ctx) == 1 &&
             BN_mod_inverse(nonce, nonce, e->n, e->ctx) != NULL &&
             BN_mod_mul(s, s, nonce, e->n, e->ctx) == 1,
         "s");
    ecdsa_write(e, r, s, c);
    BN_free(number);
    BN_free(s);
    BN_free(r);
    BN_free(nonce);
    EC_POINT_free(point);
}

/* One INTEGER, not negative. */
static size_t write_integer(const BIGNUM *value, uint8_t *out)
{
    uint8_t bytes[80];
    int len = BN_num_bytes(value) + 1;
    need(len <= (int)sizeof(bytes) && BN_bn2binpad(value, bytes, len) == len, "a number");
    int skip = len > 1 && bytes[1] < 0x80 ? 1 : 0;
    out[0] = 0x02;
    out[1] = (uint8_t)(len - skip);
    need(hf_mem_copy(out + 2, sizeof(bytes), bytes + skip, (size_t)(len - skip)), "room");
    return 2 + (size_t)(len - skip);
}

void ecdsa_write(const struct ecdsa *e, const BIGNUM *r, const BIGNUM *s, struct ecdsa_case *c)
{
    uint8_t content[2 * 82];
    size_t len = write_integer(r, content);
    len += write_integer(s, content + len);
    need(len < 256, "a short signature");
    size_t head = len < 128 ? 2 : 3;
    c->der[0] = 0x30;
    c->der[1] = 0x81;
    c->der[head - 1] = (uint8_t)len;
    need(hf_mem_copy(c->der + head, sizeof(c->der) - head, content, len), "room");
    c->der_len = head + len;
    c->kind = e->kind;
    need(EC_POINT_point2oct(e->group, e->q, POINT_CONVERSION_UNCOMPRESSED, c->point,
                            sizeof(c->point), e->ctx) == 1 + 2 * e->len,
         "a point");
}

void ecdsa_read(const struct ecdsa_case *c, BIGNUM **r, BIGNUM **s)
{
    const unsigned char *at = c->der;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)c->der_len);
    need(sig != NULL, "a signature");
    *r = BN_dup(ECDSA_SIG_get0_r(sig));
    *s = BN_dup(ECDSA_SIG_get0_s(sig));
    need(*r != NULL && *s != NULL, "memory");
    ECDSA_SIG_free(sig);
}

bool ecdsa_openssl(const struct ecdsa_case *c)
{
    size_t len = c->kind == HF_KEY_P256 ? 65 : 97;
    uint8_t point[97];
    char group[] = "P-256";
    group[2] = c->kind == HF_KEY_P256 ? '2' : '3';
    group[3] = c->kind == HF_KEY_P256 ? '5' : '8';
    group[4] = c->kind == HF_KEY_P256 ? '6' : '4';
    need(hf_mem_copy(point, sizeof(point), c->point, len), "room");
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, len),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(hf_ossl_ctx(), "EC", NULL);
    need(maker != NULL && EVP_PKEY_fromdata_init(maker) == 1 &&
             EVP_PKEY_fromdata(maker, &key, EVP_PKEY_PUBLIC_KEY, params) == 1,
         "a key");
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(hf_ossl_ctx(), key, NULL);
    need(ctx != NULL && EVP_PKEY_verify_init(ctx) == 1, "a verification");
    bool holds = EVP_PKEY_verify(ctx, c->der, c->der_len, c->digest, c->digest_len) == 1;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_CTX_free(maker);
    EVP_PKEY_free(key);
    hf_ossl_clear();
    return holds;
}

struct hf_mb_job ecdsa_job(const struct ecdsa_case *c)
{
    struct hf_mb_job job = {
        .point = c->point,
        .point_len = c->kind == HF_KEY_P256 ? 65 : 97,
        .digest = c->digest,
        .digest_len = c->digest_len,
        .signature = {c->der, c->der_len},
        .held = true, /* must be overwritten */
    };
    return job;
}

bool ecdsa_compare(const struct ecdsa_case *cases, const bool *must_hold, size_t count,
                   struct ecdsa_tally *tally)
{
    struct hf_mb_job jobs[HF_MB_LANES];
    bool good = count <= HF_MB_LANES;
    for (size_t i = 0; good && i < count; i++) {
        jobs[i] = ecdsa_job(&cases[i]);
    }
    hf_mb_verify(cases[0].kind, jobs, good ? count : 0);
    for (size_t i = 0; good && i < count; i++) {
        bool right = ecdsa_openssl(&cases[i]);
        tally->both += right && jobs[i].held;
        tally->openssl_alone += right && !jobs[i].held;
        tally->lane_alone += !right && jobs[i].held;
        good = (right || !jobs[i].held) &&
               (!must_hold[i] || (right && jobs[i].held == hf_mb_available()));
    }
    return good;
}
