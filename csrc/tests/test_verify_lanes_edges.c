/* SPDX-License-Identifier: Apache-2.0
 *
 * The signature lanes in ECDSA's corners, each in every lane and alone: digests beyond the order,
 * numbers out of range, points that coincide. OpenSSL is the judge.
 */
#include "ecdsa_kit.h"
#include "hf_test.h"

static const enum hf_key_kind curves[] = {HF_KEY_P256, HF_KEY_P384};
#define CURVES (sizeof(curves) / sizeof(curves[0]))

static struct ecdsa_tally tally;

/* One case in every lane, alone and beside seven good ones. */
static void compare_everywhere(struct ecdsa *e, const struct ecdsa_case *odd, bool must_hold)
{
    for (size_t at = 0; at < HF_MB_LANES; at++) {
        struct ecdsa_case cases[HF_MB_LANES];
        bool good[HF_MB_LANES];
        for (size_t i = 0; i < HF_MB_LANES; i++) {
            cases[i].kind = e->kind;
            ecdsa_random_digest(&cases[i], 32);
            ecdsa_sign(e, NULL, &cases[i]);
            good[i] = i != at || must_hold;
        }
        cases[at] = *odd;
        HF_CHECK(ecdsa_compare(cases, good, HF_MB_LANES, &tally));
    }
    struct ecdsa_case alone = *odd;
    HF_CHECK(ecdsa_compare(&alone, &must_hold, 1, &tally));
}

/* n, n + 1, 2^bits - 1: digests that ECDSA takes modulo n; and n itself, which becomes zero. */
static void digests_beyond_the_order_are_reduced(void)
{
    for (size_t c = 0; c < CURVES; c++) {
        struct ecdsa e;
        struct ecdsa_case odd = {.kind = curves[c]};
        BIGNUM *value = BN_new();
        ecdsa_init(&e, curves[c]);
        for (BN_ULONG more = 1; more < 4; more++) {
            HF_CHECK(BN_copy(value, e.n) != NULL && BN_add_word(value, more) == 1);
            ecdsa_digest_of(&e, value, &odd);
            ecdsa_sign(&e, NULL, &odd);
            compare_everywhere(&e, &odd, true);
        }
        for (size_t i = 0; i < e.len; i++) {
            odd.digest[i] = 0xff;
        }
        ecdsa_sign(&e, NULL, &odd);
        compare_everywhere(&e, &odd, true);
        /* e = 0: valid for OpenSSL, a miss for crypto_mb. */
        BN_zero(value);
        for (int i = 0; i < 2; i++) {
            ecdsa_digest_of(&e, i == 0 ? value : e.n, &odd);
            ecdsa_sign(&e, NULL, &odd);
            HF_CHECK(ecdsa_openssl(&odd));
            compare_everywhere(&e, &odd, false);
        }
        BN_free(value);
        ecdsa_free(&e);
    }
}

/* 0, 1, n - 1, n, n + 1, r + n, s + n: what is out of range must not be reduced. */
static void r_and_s_out_of_range_never_hold(void)
{
    for (size_t c = 0; c < CURVES; c++) {
        struct ecdsa e;
        ecdsa_init(&e, curves[c]);
        struct ecdsa_case odd = {.kind = curves[c]};
        ecdsa_random_digest(&odd, 32);
        ecdsa_sign(&e, NULL, &odd);
        BIGNUM *r;
        BIGNUM *s;
        ecdsa_read(&odd, &r, &s);
        BIGNUM *edge = BN_new();
        for (int i = 0; i < 6; i++) {
            HF_CHECK(i < 3 ? BN_set_word(edge, 0) == 1 : BN_copy(edge, e.n) != NULL);
            HF_CHECK(BN_add_word(edge, (BN_ULONG)(i % 3)) == 1);
            ecdsa_write(&e, edge, s, &odd);
            compare_everywhere(&e, &odd, false);
            ecdsa_write(&e, r, edge, &odd);
            compare_everywhere(&e, &odd, false);
            ecdsa_write(&e, edge, edge, &odd);
            compare_everywhere(&e, &odd, false);
        }
        HF_CHECK(BN_add(edge, r, e.n) == 1);
        ecdsa_write(&e, edge, s, &odd);
        compare_everywhere(&e, &odd, false);
        HF_CHECK(BN_add(edge, s, e.n) == 1);
        ecdsa_write(&e, r, edge, &odd);
        compare_everywhere(&e, &odd, false);
        /* The other s of the same signature is as good: ECDSA has two. */
        HF_CHECK(BN_sub(edge, e.n, s) == 1);
        ecdsa_write(&e, r, edge, &odd);
        compare_everywhere(&e, &odd, true);
        ecdsa_write(&e, s, r, &odd);
        compare_everywhere(&e, &odd, false);
        BN_free(edge);
        BN_free(r);
        BN_free(s);
        ecdsa_free(&e);
    }
}

/* Q = G and -G, k = 1 and n - 1; u1 G = u2 Q (the sum is a doubling), u1 G = -u2 Q (no point). */
static void special_points_are_judged_as_openssl_does(void)
{
    for (size_t c = 0; c < CURVES; c++) {
        struct ecdsa e;
        struct ecdsa_case odd = {.kind = curves[c]};
        BIGNUM *k = BN_new();
        BIGNUM *r = BN_new();
        BIGNUM *s = BN_new();
        EC_POINT *point;
        ecdsa_init(&e, curves[c]);
        point = EC_POINT_new(e.group);
        for (int key = -2; key <= 2; key++) {
            if (key == 0) {
                ecdsa_new_key(&e);
            } else {
                ecdsa_set_key(&e, key);
            }
            for (BN_ULONG i = 1; i < 3; i++) {
                ecdsa_random_digest(&odd, 48);
                HF_CHECK(BN_set_word(k, i) == 1);
                ecdsa_sign(&e, k, &odd);
                compare_everywhere(&e, &odd, true);
                HF_CHECK(BN_sub(k, e.n, k) == 1);
                ecdsa_sign(&e, k, &odd);
                compare_everywhere(&e, &odd, true);
            }
            /* e = r d, so u1 G = e/s G = r/s d G = u2 Q; and e = -r d, the opposite. */
            HF_CHECK(BN_rand_range(k, e.n) == 1);
            HF_CHECK(EC_POINT_mul(e.group, point, k, NULL, NULL, e.ctx) == 1);
            HF_CHECK(EC_POINT_get_affine_coordinates(e.group, point, r, NULL, e.ctx) == 1);
            HF_CHECK(BN_nnmod(r, r, e.n, e.ctx) == 1);
            HF_CHECK(BN_mod_mul(s, r, e.d, e.n, e.ctx) == 1);
            ecdsa_digest_of(&e, s, &odd);
            ecdsa_sign(&e, k, &odd);
            compare_everywhere(&e, &odd, false);
            HF_CHECK(ecdsa_openssl(&odd));
            HF_CHECK(BN_sub(s, e.n, s) == 1);
            ecdsa_digest_of(&e, s, &odd);
            ecdsa_write(&e, r, k, &odd);
            HF_CHECK(!ecdsa_openssl(&odd));
            compare_everywhere(&e, &odd, false);
        }
        EC_POINT_free(point);
        BN_free(s);
        BN_free(r);
        BN_free(k);
        ecdsa_free(&e);
    }
}

/* R whose x is n or more: r = x - n. Then x = r + n, and comparing r with x alone is not enough. */
static void an_x_beyond_the_order_is_never_taken_wrongly(void)
{
    for (size_t c = 0; c < CURVES; c++) {
        struct ecdsa e;
        struct ecdsa_case odd = {.kind = curves[c]};
        ecdsa_init(&e, curves[c]);
        EC_POINT *at = EC_POINT_new(e.group);
        BIGNUM *x = BN_dup(e.n);
        BIGNUM *r = BN_new();
        BIGNUM *s = BN_new();
        BIGNUM *u = BN_new();
        do {
            HF_CHECK(BN_add_word(x, 1) == 1);
        } while (EC_POINT_set_compressed_coordinates(e.group, at, x, 1, e.ctx) != 1);
        HF_CHECK(BN_cmp(x, e.p) < 0 && BN_sub(r, x, e.n) == 1 && BN_rand_range(s, e.n) == 1);
        ecdsa_random_digest(&odd, e.len);
        BIGNUM *number = ecdsa_number(&e, &odd);
        /* Q = (s R - e G) / r is the key under which (r, s) is good. */
        HF_CHECK(BN_mod_inverse(u, r, e.n, e.ctx) != NULL);
        HF_CHECK(BN_mod_mul(s, s, u, e.n, e.ctx) == 1 && BN_mod_mul(u, number, u, e.n, e.ctx) == 1);
        HF_CHECK(BN_sub(u, e.n, u) == 1);
        HF_CHECK(EC_POINT_mul(e.group, e.q, u, at, s, e.ctx) == 1);
        HF_CHECK(BN_mod_mul(s, s, r, e.n, e.ctx) == 1);
        ecdsa_write(&e, r, s, &odd);
        HF_CHECK(ecdsa_openssl(&odd));
        struct ecdsa_case alone = odd;
        HF_CHECK(ecdsa_compare(&alone, (const bool[]){false}, 1, &tally));
        /* The same with x in place of r must not hold. */
        ecdsa_write(&e, x, s, &odd);
        HF_CHECK(!ecdsa_openssl(&odd));
        HF_CHECK(ecdsa_compare(&odd, (const bool[]){false}, 1, &tally));
        BN_free(number);
        BN_free(u);
        BN_free(s);
        BN_free(r);
        BN_free(x);
        EC_POINT_free(at);
        ecdsa_free(&e);
    }
}

static void no_acceptance_was_wrong(void)
{
    (void)printf("lanes %s: %zu held for both, %zu for OpenSSL alone, %zu for a lane alone\n",
                 hf_mb_state(), tally.both, tally.openssl_alone, tally.lane_alone);
    HF_CHECK(tally.lane_alone == 0);
    HF_CHECK((tally.both > 1000) == hf_mb_available());
}

HF_TESTS({"digests beyond the order are reduced", digests_beyond_the_order_are_reduced},
         {"r and s out of range never hold", r_and_s_out_of_range_never_hold},
         {"special points are judged as OpenSSL does", special_points_are_judged_as_openssl_does},
         {"an x beyond the order is never taken wrongly",
          an_x_beyond_the_order_is_never_taken_wrongly},
         {"no acceptance was wrong", no_acceptance_was_wrong})
