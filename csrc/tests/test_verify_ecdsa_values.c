/* SPDX-License-Identifier: Apache-2.0
 *
 * What the lanes are fed: signatures in DER and nothing else, r and s in range, digests cut and
 * reduced. No lane is needed to test it.
 */
#include <openssl/rand.h>

#include "ecdsa_kit.h"
#include "hf_test.h"
#include "verify/ecdsa_values.h"

static const enum hf_key_kind curves[] = {HF_KEY_P256, HF_KEY_P384};
#define CURVES (sizeof(curves) / sizeof(curves[0]))

static bool reads(enum hf_key_kind kind, const uint8_t *der, size_t len)
{
    uint8_t r[HF_ECDSA_MAX];
    uint8_t s[HF_ECDSA_MAX];
    return hf_ecdsa_read_signature(hf_ecdsa_curve_of(kind), hf_span_of(der, len), r, s);
}

#define READS(...)                                                                                 \
    reads(HF_KEY_P256, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void only_two_curves_are_known(void)
{
    static const enum hf_key_kind none[] = {HF_KEY_NONE, HF_KEY_P521, HF_KEY_RSA, HF_KEY_ED25519};
    for (size_t c = 0; c < CURVES; c++) {
        HF_CHECK(hf_ecdsa_curve_of(curves[c]) != NULL);
    }
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        HF_CHECK(hf_ecdsa_curve_of(none[i]) == NULL);
    }
}

static void the_orders_are_openssls(void)
{
    for (size_t c = 0; c < CURVES; c++) {
        struct ecdsa e;
        uint8_t order[HF_ECDSA_MAX];
        ecdsa_init(&e, curves[c]);
        const struct hf_ecdsa_curve *curve = hf_ecdsa_curve_of(curves[c]);
        HF_CHECK(curve->len == e.len && BN_num_bytes(e.n) == (int)e.len);
        HF_CHECK(BN_bn2binpad(e.n, order, (int)e.len) == (int)e.len);
        HF_CHECK(hf_mem_equal(order, e.len, curve->order, curve->len));
        ecdsa_free(&e);
    }
}

static void one_encoding_is_read(void)
{
    HF_CHECK(READS(0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x02));
    HF_CHECK(READS(0x30, 0x06, 0x02, 0x01, 0x7f, 0x02, 0x01, 0x7f));
    HF_CHECK(READS(0x30, 0x07, 0x02, 0x02, 0x00, 0x80, 0x02, 0x01, 0x02));
    /* Padded, negative, empty. */
    HF_CHECK(!READS(0x30, 0x07, 0x02, 0x02, 0x00, 0x01, 0x02, 0x01, 0x02));
    HF_CHECK(!READS(0x30, 0x06, 0x02, 0x01, 0x81, 0x02, 0x01, 0x02));
    HF_CHECK(!READS(0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x80));
    HF_CHECK(!READS(0x30, 0x05, 0x02, 0x00, 0x02, 0x01, 0x02));
    HF_CHECK(!READS(0x30, 0x00));
    HF_CHECK(!reads(HF_KEY_P256, (const uint8_t *)"", 0));
    /* Lengths that are long, indefinite, too short or too long. */
    HF_CHECK(!READS(0x30, 0x81, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x02));
    HF_CHECK(!READS(0x30, 0x80, 0x02, 0x01, 0x01, 0x02, 0x01, 0x02, 0x00, 0x00));
    HF_CHECK(!READS(0x30, 0x05, 0x02, 0x01, 0x01, 0x02, 0x01, 0x02));
    HF_CHECK(!READS(0x30, 0x07, 0x02, 0x01, 0x01, 0x02, 0x01, 0x02));
    HF_CHECK(!READS(0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x02, 0x02));
    /* Something behind, inside or out; another tag; one number only. */
    HF_CHECK(!READS(0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x02, 0x00));
    HF_CHECK(!READS(0x30, 0x08, 0x02, 0x01, 0x01, 0x02, 0x01, 0x02, 0x05, 0x00));
    HF_CHECK(!READS(0x31, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x02));
    HF_CHECK(!READS(0x30, 0x06, 0x04, 0x01, 0x01, 0x02, 0x01, 0x02));
    HF_CHECK(!READS(0x30, 0x03, 0x02, 0x01, 0x01));
    /* Zero. */
    HF_CHECK(!READS(0x30, 0x06, 0x02, 0x01, 0x00, 0x02, 0x01, 0x02));
    HF_CHECK(!READS(0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x00));
}

static void numbers_come_out_right_aligned(void)
{
    static const uint8_t der[] = {0x30, 0x08, 0x02, 0x02, 0x01, 0x02, 0x02, 0x02, 0x00, 0xff};
    for (size_t c = 0; c < CURVES; c++) {
        const struct hf_ecdsa_curve *curve = hf_ecdsa_curve_of(curves[c]);
        uint8_t r[HF_ECDSA_MAX];
        uint8_t s[HF_ECDSA_MAX];
        HF_CHECK(hf_ecdsa_read_signature(curve, hf_span_of(der, sizeof(der)), r, s));
        for (size_t i = 0; i < curve->len; i++) {
            size_t place = curve->len - 1 - i;
            HF_CHECK(r[place] == (i == 0 ? 0x02 : i == 1 ? 0x01 : 0));
            HF_CHECK(s[place] == (i == 0 ? 0xff : 0));
        }
    }
}

static void the_range_ends_before_the_order(void)
{
    for (size_t c = 0; c < CURVES; c++) {
        struct ecdsa e;
        struct ecdsa_case x = {.kind = curves[c]};
        ecdsa_init(&e, curves[c]);
        BIGNUM *edge = BN_dup(e.n);
        HF_CHECK(BN_sub_word(edge, 1) == 1);
        ecdsa_write(&e, edge, edge, &x);
        HF_CHECK(reads(curves[c], x.der, x.der_len));
        for (int i = 0; i < 2; i++) {
            HF_CHECK(BN_add_word(edge, 1) == 1);
            ecdsa_write(&e, edge, BN_value_one(), &x);
            HF_CHECK(!reads(curves[c], x.der, x.der_len));
            ecdsa_write(&e, BN_value_one(), edge, &x);
            HF_CHECK(!reads(curves[c], x.der, x.der_len));
        }
        /* A byte more than the order has, and much more. */
        HF_CHECK(BN_lshift(edge, BN_value_one(), 8 * (int)e.len) == 1);
        ecdsa_write(&e, BN_value_one(), edge, &x);
        HF_CHECK(!reads(curves[c], x.der, x.der_len));
        HF_CHECK(BN_lshift(edge, e.n, 200) == 1);
        ecdsa_write(&e, edge, BN_value_one(), &x);
        HF_CHECK(!reads(curves[c], x.der, x.der_len));
        BN_free(edge);
        ecdsa_free(&e);
    }
}

/* As long as the order and above it by a byte in the middle: taking the order away borrows. */
static void digest_above(const struct hf_ecdsa_curve *curve, size_t at, struct ecdsa_case *x)
{
    while (curve->order[at] == 0xff) {
        at = (at + 1) % curve->len;
    }
    ecdsa_random_digest(x, curve->len);
    HF_CHECK(hf_mem_copy(x->digest, sizeof(x->digest), curve->order, at + 1));
    x->digest[at]++;
}

/* Against OpenSSL's numbers: short and long digests, around the order, all ones. */
static void digests_are_cut_and_reduced(void)
{
    for (size_t c = 0; c < CURVES; c++) {
        struct ecdsa e;
        struct ecdsa_case x = {.kind = curves[c]};
        uint8_t expected[HF_ECDSA_MAX];
        uint8_t seen[HF_ECDSA_MAX];
        ecdsa_init(&e, curves[c]);
        const struct hf_ecdsa_curve *curve = hf_ecdsa_curve_of(curves[c]);
        for (size_t round = 0; round < 256; round++) {
            ecdsa_random_digest(&x, 1 + round % 64);
            /* A quarter begins like the order, and ends around it. */
            for (size_t i = 0; round % 4 == 0 && i + 1 < e.len && i < x.digest_len; i++) {
                x.digest[i] = curve->order[i];
            }
            for (size_t i = 0; round % 16 == 1 && i < x.digest_len; i++) {
                x.digest[i] = 0xff;
            }
            if (round % 32 == 0) {
                ecdsa_digest_of(&e, e.n, &x);
            }
            if (round % 4 == 2) {
                digest_above(curve, round / 4 % e.len, &x);
            }
            BIGNUM *number = ecdsa_number(&e, &x);
            HF_CHECK(BN_bn2binpad(number, expected, (int)e.len) == (int)e.len);
            BN_free(number);
            hf_ecdsa_read_digest(curve, hf_span_of(x.digest, x.digest_len), seen);
            HF_CHECK(hf_mem_equal(expected, e.len, seen, e.len));
        }
        ecdsa_free(&e);
    }
}

/* Any byte of a good signature changed: what is still read, OpenSSL can read as well. */
static void what_is_read_openssl_reads_too(void)
{
    size_t read = 0;
    for (size_t c = 0; c < CURVES; c++) {
        struct ecdsa e;
        struct ecdsa_case x = {.kind = curves[c]};
        ecdsa_init(&e, curves[c]);
        for (size_t round = 0; round < 2000; round++) {
            if (round % 20 == 0) {
                ecdsa_random_digest(&x, 32);
                ecdsa_sign(&e, NULL, &x);
            }
            uint8_t random[2];
            HF_CHECK(RAND_bytes(random, 2) == 1);
            size_t at = round % 2 == 0 ? random[0] % 8u : random[0] % x.der_len;
            uint8_t old = x.der[at];
            x.der[at] = random[1];
            if (reads(curves[c], x.der, x.der_len)) {
                BIGNUM *r;
                BIGNUM *s;
                read++;
                ecdsa_read(&x, &r, &s);
                HF_CHECK(!BN_is_zero(r) && !BN_is_negative(r) && BN_cmp(r, e.n) < 0);
                HF_CHECK(!BN_is_zero(s) && !BN_is_negative(s) && BN_cmp(s, e.n) < 0);
                BN_free(r);
                BN_free(s);
            }
            x.der[at] = old;
        }
        ecdsa_free(&e);
    }
    HF_CHECK(read > 500);
}

HF_TESTS({"only two curves are known", only_two_curves_are_known},
         {"the orders are OpenSSL's", the_orders_are_openssls},
         {"one encoding is read", one_encoding_is_read},
         {"numbers come out right aligned", numbers_come_out_right_aligned},
         {"the range ends before the order", the_range_ends_before_the_order},
         {"digests are cut and reduced", digests_are_cut_and_reduced},
         {"what is read OpenSSL reads too", what_is_read_openssl_reads_too})
