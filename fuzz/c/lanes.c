/* SPDX-License-Identifier: Apache-2.0
 *
 * Signature lanes against OpenSSL: every signature that is read for a lane, OpenSSL reads, byte for
 * byte the same; what a lane finds to hold, holds; digests become the numbers that ECDSA means.
 * Half of the inputs are mutations of a signature that is good, so that both answers are met.
 *
 * What an attacker must hold: a certificate's bytes. Its signature is looked at before anybody
 * knows who made it.
 */
#include <openssl/ecdsa.h>
#include <stdlib.h>

#include "ecdsa_kit.h"
#include "verify/ecdsa_values.h"
#include "x509/ossl.h"

/* Not inlined: the stack of a finding then shows which line it was. */
__attribute__((noinline)) static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* A key a curve, and one good signature of it: the same ones in every run. */
static struct {
    struct ecdsa keys[2];
    struct ecdsa_case good[2];
    bool ready;
} state;

static void prepare(void)
{
    static const enum hf_key_kind kinds[] = {HF_KEY_P256, HF_KEY_P384};
    for (size_t i = 0; !state.ready && i < 2; i++) {
        ecdsa_init(&state.keys[i], kinds[i]);
        ecdsa_set_key(&state.keys[i], 5);
        state.good[i].kind = kinds[i];
        ecdsa_digest_of(&state.keys[i], state.keys[i].d, &state.good[i]);
        ecdsa_sign(&state.keys[i], state.keys[i].p, &state.good[i]);
    }
    state.ready = true;
}

static void check_reader(const struct ecdsa *e, struct hf_span der)
{
    uint8_t r[HF_ECDSA_MAX];
    uint8_t s[HF_ECDSA_MAX];
    if (!hf_ecdsa_read_signature(hf_ecdsa_curve_of(e->kind), der, r, s)) {
        return;
    }
    const unsigned char *at = der.data;
    unsigned char *again = NULL;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)der.len);
    must(sig != NULL && at == der.data + der.len);
    int len = i2d_ECDSA_SIG(sig, &again);
    must(len > 0 && hf_mem_equal(again, (size_t)len, der.data, der.len));
    uint8_t theirs[HF_ECDSA_MAX];
    must(BN_bn2binpad(ECDSA_SIG_get0_r(sig), theirs, (int)e->len) == (int)e->len);
    must(hf_mem_equal(theirs, e->len, r, e->len));
    must(BN_bn2binpad(ECDSA_SIG_get0_s(sig), theirs, (int)e->len) == (int)e->len);
    must(hf_mem_equal(theirs, e->len, s, e->len));
    must(BN_cmp(ECDSA_SIG_get0_r(sig), e->n) < 0 && !BN_is_zero(ECDSA_SIG_get0_r(sig)));
    must(BN_cmp(ECDSA_SIG_get0_s(sig), e->n) < 0 && !BN_is_zero(ECDSA_SIG_get0_s(sig)));
    OPENSSL_free(again);
    ECDSA_SIG_free(sig);
}

static void check_digest(const struct ecdsa *e, const struct ecdsa_case *c)
{
    uint8_t ours[HF_ECDSA_MAX];
    uint8_t theirs[HF_ECDSA_MAX];
    BIGNUM *number = ecdsa_number(e, c);
    hf_ecdsa_read_digest(hf_ecdsa_curve_of(e->kind), hf_span_of(c->digest, c->digest_len), ours);
    must(BN_bn2binpad(number, theirs, (int)e->len) == (int)e->len);
    must(hf_mem_equal(ours, e->len, theirs, e->len));
    BN_free(number);
}

/* Positions and values to change, two bytes each. */
static void change(struct ecdsa_case *c, struct hf_span how)
{
    uint8_t at;
    uint8_t value;
    while (hf_span_take_u8(&how, &at) && hf_span_take_u8(&how, &value)) {
        if (at < c->der_len) {
            c->der[at] ^= value;
        } else {
            c->digest[at % c->digest_len] ^= value;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hf_span rest = hf_span_of(data, size);
    uint8_t choice;
    prepare();
    if (!hf_span_take_u8(&rest, &choice)) {
        return 0;
    }
    const struct ecdsa *e = &state.keys[choice & 1];
    struct ecdsa_case c = state.good[choice & 1];
    if ((choice & 2) != 0) {
        change(&c, rest);
    } else {
        struct hf_span digest;
        size_t len = 1 + (choice >> 2) % 64u;
        if (!hf_span_take(&rest, len, &digest) || rest.len > sizeof(c.der)) {
            return 0;
        }
        must(hf_mem_copy(c.digest, sizeof(c.digest), digest.data, digest.len));
        must(hf_mem_copy(c.der, sizeof(c.der), rest.data, rest.len));
        c.digest_len = len;
        c.der_len = rest.len;
    }
    check_reader(e, hf_span_of(c.der, c.der_len));
    check_digest(e, &c);
    struct hf_mb_job job = ecdsa_job(&c);
    hf_mb_verify(e->kind, &job, 1);
    must(!job.held || ecdsa_openssl(&c));
    hf_ossl_clear();
    return 0;
}
