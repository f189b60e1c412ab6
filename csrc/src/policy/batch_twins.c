/* SPDX-License-Identifier: Apache-2.0
 *
 * The hash is NH (Black, Halevi, Krawczyk, Krovetz, Rogaway: UMAC, CRYPTO '99) on 32-bit words: a
 * sum of products of pairs of words, each word with a key of its own added. Two different chains
 * meet with a chance of 2^-32 over the choice of keys, whoever made them, and it costs a fraction
 * of what a digest does.
 */
#include "policy/batch_twins.h"

#include <openssl/rand.h>

#include "x509/ossl.h"

static hf_result make_keys(struct hf_batch_twins *twins)
{
    OSSL_LIB_CTX *ctx = hf_ossl_ctx();
    HF_NEED(ctx != NULL, HF_E_OPENSSL);
    hf_ossl_clear();
    uint8_t *keys = (uint8_t *)twins->keys;
    if (RAND_bytes_ex(ctx, keys, sizeof(twins->keys), 0) != 1 ||
        RAND_bytes_ex(ctx, (uint8_t *)&twins->place_key, sizeof(twins->place_key), 0) != 1 ||
        RAND_bytes_ex(ctx, (uint8_t *)&twins->mark_key, sizeof(twins->mark_key), 0) != 1) {
        HF_FAIL_OSSL(HF_E_OPENSSL);
    }
    /* Multiplication by an odd number loses nothing. */
    twins->place_key |= 1;
    twins->mark_key |= 1;
    return hf_ok();
}

hf_result hf_batch_twins_init(const struct hf_batch_input *in, struct hf_batch_twins *out)
{
    out->in = in;
    out->slots = NULL;
    out->first = NULL;
    out->digests = NULL;
    /* At most half full, so that free places are near; HF_BATCH_MAX makes 21 bits of it. */
    out->bits = 4;
    while (((size_t)1 << out->bits) < 2 * in->count) {
        out->bits++;
    }
    HF_TRY(make_keys(out));
    out->first = hf_mem_new_array(in->count, sizeof(*out->first));
    HF_NEED_MEM(out->first);
    if (in->shared != 0) {
        out->digests = hf_mem_new_array(in->count, HF_DIGEST_SIZE);
        HF_NEED_MEM(out->digests);
    }
    out->slots = hf_mem_new_array((size_t)1 << out->bits, sizeof(*out->slots));
    HF_NEED_MEM(out->slots);
    return hf_ok();
}

void hf_batch_twins_wipe(struct hf_batch_twins *twins)
{
    hf_mem_free(twins->first);
    hf_mem_free(twins->slots);
    hf_mem_free(twins->digests);
    twins->digests = NULL;
    twins->first = NULL;
    twins->slots = NULL;
}

static uint32_t word_at(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint64_t pair(uint32_t a, uint32_t b, const uint32_t *keys)
{
    return (uint64_t)(uint32_t)(a + keys[0]) * (uint32_t)(b + keys[1]);
}

static uint64_t hash_bytes(struct hf_span bytes, const uint32_t *keys)
{
    uint64_t sum = 0;
    size_t at = 0;
    for (; at + 8 <= bytes.len; at += 8) {
        sum += pair(word_at(bytes.data + at), word_at(bytes.data + at + 4), keys + at / 4);
    }
    if (at < bytes.len) {
        uint8_t last[8] = {0};
        (void)hf_mem_copy(last, sizeof(last), bytes.data + at, bytes.len - at);
        sum += pair(word_at(last), word_at(last + 4), keys + at / 4);
    }
    return sum;
}

/* What is hashed begins with the number and lengths of the certificates: a message is never read
 * as another one by where it is cut, or by the zeros that fill its last word. */
static uint64_t hash(const struct hf_batch_twins *twins, const struct hf_batch_item *item)
{
    uint32_t head[HF_TWINS_HEAD] = {(uint32_t)item->chain.count};
    for (size_t i = 0; i < item->chain.count; i++) {
        head[1 + i] = item->lengths[i];
    }
    uint64_t sum = 0;
    for (size_t i = 0; i < HF_TWINS_HEAD; i += 2) {
        sum += pair(head[i], head[i + 1], twins->keys + i);
    }
    return sum + hash_bytes(item->bytes, twins->keys + HF_TWINS_HEAD);
}

static uint8_t *digest_at(const struct hf_batch_twins *twins, size_t i)
{
    return twins->digests + i * HF_DIGEST_SIZE;
}

static bool note_digest(const struct hf_batch_twins *twins, size_t i,
                        const struct hf_batch_item *item)
{
    const uint8_t count = (uint8_t)item->chain.count; /* HF_CHAIN_MAX at most */
    const struct hf_span parts[] = {hf_span_of(&count, 1),
                                    hf_span_of(item->lengths, count * sizeof(item->lengths[0])),
                                    item->bytes};
    return twins->digests == NULL || hf_is_ok(hf_ossl_sha256(parts, 3, digest_at(twins, i)));
}

static bool is_equal(const struct hf_batch_twins *twins, size_t other, size_t i,
                     const struct hf_batch_item *item)
{
    struct hf_batch_item met;
    if (twins->digests != NULL) {
        return hf_mem_equal(digest_at(twins, other), HF_DIGEST_SIZE, digest_at(twins, i),
                            HF_DIGEST_SIZE);
    }
    return hf_is_ok(hf_batch_input_take(twins->in, other, NULL, &met)) &&
           met.chain.count == item->chain.count &&
           hf_mem_equal(met.lengths, met.chain.count * sizeof(met.lengths[0]), item->lengths,
                        item->chain.count * sizeof(item->lengths[0])) &&
           hf_span_equal(met.bytes, item->bytes);
}

/* What the judge will refuse for its size is not worth a hash, and longer than the keys. */
static bool is_worth_it(const struct hf_batch_item *item)
{
    return item->chain.count != 0 && item->chain.count <= HF_CHAIN_MAX &&
           item->bytes.len <= HF_CHAIN_BYTES_MAX;
}

bool hf_batch_twins_met(struct hf_batch_twins *twins, size_t i, const struct hf_batch_item *item)
{
    if (!is_worth_it(item) || !note_digest(twins, i, item)) {
        return false;
    }
    uint64_t sum = hash(twins, item);
    uint64_t mark = (sum * twins->mark_key) >> 32;
    uint64_t own = mark << 32 | (uint64_t)(i + 1);
    size_t last = ((size_t)1 << twins->bits) - 1;
    size_t place = (size_t)((sum * twins->place_key) >> (64 - twins->bits));
    for (;; place = (place + 1) & last) {
        uint64_t met = 0;
        if (atomic_compare_exchange_strong_explicit(&twins->slots[place], &met, own,
                                                    memory_order_acq_rel, memory_order_acquire)) {
            return false;
        }
        size_t other = (size_t)(met & UINT32_MAX) - 1;
        if (met >> 32 == mark && is_equal(twins, other, i, item)) {
            twins->first[i] = (uint32_t)other + 1;
            return true;
        }
    }
}
