/* SPDX-License-Identifier: Apache-2.0
 *
 * The verified-chain cache, and verdicts in one crossing.
 */
#include <stddef.h>

HF_FFI_RELEASE(HF_FFI_CHAIN_CACHE, hf_ffi_chain_cache_unref, hf_chain_cache, hf_chain_cache_unref)

static struct hf_chain_cache *hf_ffi_chain_cache_new(size_t max_entries, size_t max_bytes,
                                                     int64_t max_age)
{
    const struct hf_chain_cache_limits limits = {max_entries, max_bytes, max_age};
    struct hf_chain_cache *out = NULL;
    HF_FFI_MADE(HF_FFI_CHAIN_CACHE, hf_chain_cache_new(&limits, &out), out);
}

/* Judge a chain. `lengths` are uint32_t in the order of this machine, as bytes, so that Python
 * makes no array of C for them. The answer is how many bytes of `out` say something, up to the end
 * of the ID; or, below zero, the negative code of the refusal. */
static int64_t hf_ffi_verify(struct hf_verifier *verifier, const uint8_t *der,
                             const uint8_t *lengths, size_t count, int64_t at, int purpose,
                             struct hf_peer *out)
{
    union {
        uint32_t number;
        uint8_t bytes[sizeof(uint32_t)];
    } each[HF_CHAIN_MAX];
    uint32_t own[HF_CHAIN_MAX];
    /* With more than HF_CHAIN_MAX the count alone is looked at, and no lengths are there. */
    for (size_t i = 0; count <= HF_CHAIN_MAX && i < count; i++) {
        for (size_t k = 0; k < sizeof(uint32_t); k++) {
            each[i].bytes[k] = lengths[i * sizeof(uint32_t) + k];
        }
        own[i] = each[i].number;
    }
    const struct hf_chain chain = {der, own, count};
    uint32_t code = hf_verifier_verify(verifier, &chain, at, purpose, out).code;
    if (code != 0) {
        return -(int64_t)code;
    }
    return (int64_t)(offsetof(struct hf_peer, id) + out->id_len);
}
