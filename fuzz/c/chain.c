/* SPDX-License-Identifier: Apache-2.0
 *
 * Chains as a peer presents them. The input picks certificates from a fixed pool (good, expired,
 * cross-signed, constrained, of another trust domain ...) in any order and number and changes bytes
 * of them, or is a chain itself. Whatever is accepted, OpenSSL's own verification must accept.
 *
 * What an attacker must hold: nothing but a connection.
 */
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "chain_pool.h"
#include "verify/judge.h"

#define PRESENTED_MAX 12

/* What must hold of every input; says what did not before it stops. */
#define REQUIRE(cond) require((cond), #cond, __LINE__)

static void require(bool holds, const char *what, int line)
{
    if (!holds) {
        (void)fprintf(stderr, "line %d: does not hold: %s\n", line, what);
        abort();
    }
}

struct presented {
    size_t count;
    size_t len;
    uint32_t lengths[PRESENTED_MAX];
    uint8_t der[2 * HF_CHAIN_BYTES_MAX];
};

/* One certificate of the pool, perhaps with a byte changed. False at the end of the input. */
static bool take_certificate(struct hf_span *input, struct presented *out)
{
    uint8_t pick;
    struct hf_span change;
    if (out->count == PRESENTED_MAX || !hf_span_take_u8(input, &pick)) {
        return false;
    }
    const struct pki_cert *cert = chain_pool_cert(pick % CHAIN_POOL);
    uint8_t *at = out->der + out->len;
    REQUIRE(hf_mem_copy(at, sizeof(out->der) - out->len, cert->der, cert->len));
    if (pick >= 0xe0 && hf_span_take(input, 3, &change)) {
        at[((size_t)change.data[0] << 8 | change.data[1]) % cert->len] ^= change.data[2];
    }
    out->lengths[out->count++] = (uint32_t)cert->len;
    out->len += cert->len;
    return true;
}

/* The input itself: split where it splits, else in one piece. */
static void take_raw(struct hf_span input, struct presented *out)
{
    size_t len = input.len < sizeof(out->der) ? input.len : sizeof(out->der);
    REQUIRE(hf_mem_copy(out->der, sizeof(out->der), input.data, len));
    out->len = len;
    if (!hf_is_ok(hf_der_split(out->der, len, out->lengths, PRESENTED_MAX, &out->count))) {
        out->lengths[0] = (uint32_t)len;
        out->count = 1;
    }
}

static bool is_nobody(const struct hf_peer *peer)
{
    static const struct hf_peer nobody;
    return hf_mem_equal(peer, sizeof(*peer), &nobody, sizeof(nobody));
}

/* True when two different CAs that OpenSSL might use have one name: it takes the first and does
 * not turn back, so its refusal then says nothing. */
static bool has_namesakes(STACK_OF(X509) * all)
{
    for (int i = 0; i < sk_X509_num(all); i++) {
        for (int k = 0; k < i; k++) {
            X509 *a = sk_X509_value(all, i);
            X509 *b = sk_X509_value(all, k);
            if (X509_cmp(a, b) != 0 &&
                X509_NAME_cmp(X509_get_subject_name(a), X509_get_subject_name(b)) == 0) {
                return true;
            }
        }
    }
    return false;
}

static int verify_plainly(X509 *leaf, STACK_OF(X509) * presented, const struct hf_bundle *bundle,
                          int64_t at, int purpose)
{
    STACK_OF(X509) *trusted = sk_X509_new_null();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new_ex(hf_ossl_ctx(), NULL);
    REQUIRE(trusted != NULL && ctx != NULL);
    for (size_t i = 0; i < bundle->count; i++) {
        REQUIRE(sk_X509_push(trusted, bundle->authorities[i].x509) > 0);
    }
    REQUIRE(X509_STORE_CTX_init(ctx, NULL, leaf, presented) == 1);
    X509_STORE_CTX_set0_trusted_stack(ctx, trusted);
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_time(param, (time_t)at);
    REQUIRE(X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN) == 1);
    REQUIRE(X509_VERIFY_PARAM_set_purpose(param, purpose) == 1);
    int good = X509_verify_cert(ctx);
    X509_STORE_CTX_free(ctx);
    sk_X509_free(trusted);
    return good;
}

/* What was accepted, in OpenSSL's eyes. */
static void check_accepted(const struct presented *in, const struct hf_presented *asked, int rules,
                           const struct hf_peer *peer)
{
    struct hf_span domain = hf_span_of(peer->id + 9, peer->trust_domain_len);
    const struct hf_bundle *bundle = hf_bundle_set_find(chain_pool_bundles(), domain);
    STACK_OF(X509) *presented = sk_X509_new_null();
    STACK_OF(X509) *all = sk_X509_new_null();
    const uint8_t *at = in->der;
    REQUIRE(bundle != NULL && presented != NULL && all != NULL);
    REQUIRE(peer->not_before <= asked->at && asked->at < peer->not_after);
    for (size_t i = 0; i < in->count; i++) {
        X509 *x509;
        struct hf_span der = hf_span_of(at, in->lengths[i]);
        at += in->lengths[i];
        /* Names are bytes to our reader; OpenSSL also wants their UTF-8 valid. What it cannot
         * decode was on no path. */
        if (!hf_is_ok(hf_ossl_x509(der, &x509))) {
            REQUIRE(i > 0);
            continue;
        }
        REQUIRE(sk_X509_push(presented, x509) > 0);
        if (i > 0) {
            REQUIRE(sk_X509_push(all, x509) > 0);
        }
    }
    for (size_t i = 0; i < bundle->count; i++) {
        REQUIRE(sk_X509_push(all, bundle->authorities[i].x509) > 0);
    }
    if (!has_namesakes(all)) {
        int purpose = rules == HF_RULES_COMPATIBLE          ? X509_PURPOSE_ANY
                      : asked->purpose == HF_PURPOSE_CLIENT ? X509_PURPOSE_SSL_CLIENT
                                                            : X509_PURPOSE_SSL_SERVER;
        REQUIRE(verify_plainly(sk_X509_value(presented, 0), presented, bundle, asked->at,
                               purpose) == 1);
    }
    sk_X509_free(all);
    sk_X509_pop_free(presented, X509_free);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct presented in;
    uint8_t how;
    struct hf_span input = hf_span_of(data, size);
    if (!hf_span_take_u8(&input, &how)) {
        return 0;
    }
    in.count = 0;
    in.len = 0;
    if ((how & 0x80) != 0) {
        take_raw(input, &in);
    } else {
        while (take_certificate(&input, &in)) {
        }
    }
    int rules = (how & 1) != 0 ? HF_RULES_COMPATIBLE : HF_RULES_STRICT;
    struct hf_chain chain = {in.der, in.lengths, in.count};
    struct hf_presented asked = {
        .chain = &chain, .at = PKI_NOW + ((how >> 3) & 3) * 3600, .purpose = ((how >> 1) & 3) % 3};
    struct hf_peer peer;
    struct hf_judge_options options = {.rules = rules};
    hf_result r = hf_judge_svid(chain_pool_bundles(), &asked, &options, &peer);
    if (!hf_is_ok(r)) {
        REQUIRE(is_nobody(&peer) && hf_error_row_of(r.code) != NULL);
        REQUIRE(hf_error_current()->code == r.code);
        return 0;
    }
    REQUIRE(!is_nobody(&peer));
    check_accepted(&in, &asked, rules, &peer);
    return 0;
}
