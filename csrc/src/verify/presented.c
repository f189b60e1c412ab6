/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/presented.h"

hf_result hf_chain_check_limits(const struct hf_chain *chain)
{
    HF_NEED_PTR(chain);
    HF_NEED(chain->count != 0, HF_E_CHAIN_EMPTY);
    HF_NEED_SEEN(chain->count <= HF_CHAIN_MAX, HF_E_CHAIN_TOO_LONG, "at most 8 certificates", "%zu",
                 chain->count);
    HF_NEED_PTR(chain->der);
    HF_NEED_PTR(chain->lengths);
    size_t total = 0; /* at most 8 times 2^32: no overflow on a 64-bit machine, and checked below */
    for (size_t i = 0; i < chain->count; i++) {
        HF_NEED_SEEN(chain->lengths[i] <= HF_CHAIN_BYTES_MAX - total, HF_E_CHAIN_TOO_LARGE,
                     "at most 32768 bytes", "more, with certificate %zu", i);
        total += chain->lengths[i];
    }
    return hf_ok();
}

/* True when one of the first n certificates has the same bytes. */
static bool seen_before(const struct hf_pool *pool, size_t n, struct hf_span der)
{
    for (size_t i = 0; i < n; i++) {
        if (hf_span_equal(pool->certs[i].der, der)) {
            return true;
        }
    }
    return false;
}

hf_result hf_pool_init(const struct hf_presented *in, struct hf_pool *out)
{
    /* The views are written by the reader: clearing all 8 of them would only cost. */
    out->in = in;
    out->count = 0;
    out->issuers_verified = 0;
    for (size_t i = 0; i < HF_CHAIN_MAX; i++) {
        out->decoded[i] = NULL;
    }
    HF_TRY(hf_chain_check_limits(in->chain));
    const uint8_t *at = in->chain->der;
    for (size_t i = 0; i < in->chain->count; i++) {
        struct hf_span der = hf_span_of(at, in->chain->lengths[i]);
        at += der.len;
        out->repeated[i] = seen_before(out, i, der);
        if (i != 0 && in->met != NULL && hf_span_equal(in->met->der, der)) {
            out->certs[i] = *in->met;
            out->count++;
            continue;
        }
        hf_result r = hf_cert_parse(der, &out->certs[i]);
        if (!hf_is_ok(r)) {
            hf_error_current()->depth = (int32_t)i;
            return r;
        }
        out->count++;
    }
    return hf_ok();
}

void hf_pool_wipe(struct hf_pool *pool)
{
    for (size_t i = 0; i < HF_CHAIN_MAX; i++) {
        hf_x509_free_at(&pool->decoded[i]);
        pool->decoded[i] = NULL;
    }
}

hf_result hf_pool_x509(struct hf_pool *pool, size_t i, X509 **out)
{
    *out = NULL;
    if (pool->in->x509s != NULL) {
        HF_NEED_PTR(pool->in->x509s[i]);
        *out = pool->in->x509s[i];
        return hf_ok();
    }
    if (pool->decoded[i] == NULL) {
        HF_TRY(hf_ossl_x509(pool->certs[i].der, &pool->decoded[i]));
    }
    *out = pool->decoded[i];
    return hf_ok();
}

hf_result hf_chain_digest(const struct hf_chain *chain, uint8_t out[HF_DIGEST_SIZE])
{
    struct hf_span parts[2 * HF_CHAIN_MAX];
    uint8_t lengths[HF_CHAIN_MAX][4];
    const uint8_t *at = chain->der;
    for (size_t i = 0; i < chain->count; i++) {
        uint32_t len = chain->lengths[i];
        lengths[i][0] = (uint8_t)(len >> 24);
        lengths[i][1] = (uint8_t)(len >> 16);
        lengths[i][2] = (uint8_t)(len >> 8);
        lengths[i][3] = (uint8_t)len;
        parts[2 * i] = hf_span_of(lengths[i], 4);
        parts[2 * i + 1] = hf_span_of(at, len);
        at += len;
    }
    return hf_ossl_sha256(parts, 2 * chain->count, out);
}

hf_result hf_pool_digest(const struct hf_pool *pool, uint8_t out[HF_DIGEST_SIZE])
{
    if (pool->in->digest == NULL) {
        return hf_chain_digest(pool->in->chain, out);
    }
    HF_NEED(hf_mem_copy(out, HF_DIGEST_SIZE, pool->in->digest, HF_DIGEST_SIZE), HF_E_INTERNAL);
    return hf_ok();
}
