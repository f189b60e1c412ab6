/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/chain_share.h"

#include "base/mem.h"

void hf_chain_share_init(struct hf_chain_share *share)
{
    for (size_t i = 0; i < HF_CHAIN_SHARE_SLOTS; i++) {
        atomic_flag_clear(&share->slots[i].busy);
        share->slots[i].chain = NULL;
    }
}

void hf_chain_share_clear(struct hf_chain_share *share)
{
    for (size_t i = 0; i < HF_CHAIN_SHARE_SLOTS; i++) {
        hf_presented_unref(share->slots[i].chain);
        share->slots[i].chain = NULL;
    }
}

static bool same(const struct hf_presented_chain *a, const struct hf_presented_chain *b)
{
    return a->count == b->count &&
           hf_mem_equal(a->lengths, sizeof(a->lengths), b->lengths, sizeof(b->lengths)) &&
           hf_mem_equal(a->der, a->der_len, b->der, b->der_len);
}

struct hf_presented_chain *hf_chain_share(struct hf_chain_share *share,
                                          struct hf_presented_chain *chain,
                                          const uint8_t digest[HF_DIGEST_SIZE])
{
    struct hf_chain_slot *slot = &share->slots[digest[0] % HF_CHAIN_SHARE_SLOTS];
    struct hf_presented_chain *mine = chain;
    struct hf_presented_chain *gone = NULL;
    if (atomic_flag_test_and_set_explicit(&slot->busy, memory_order_acquire)) {
        return chain;
    }
    if (slot->chain != chain && slot->chain != NULL && same(slot->chain, chain)) {
        mine = hf_presented_ref(slot->chain);
        gone = chain;
    } else if (slot->chain != chain) {
        gone = slot->chain;
        slot->chain = hf_presented_ref(chain);
    }
    atomic_flag_clear_explicit(&slot->busy, memory_order_release);
    hf_presented_unref(gone);
    return mine;
}
