/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/peer.h"

#include "verify/path_rules.h"

void hf_peer_clear(struct hf_peer *out)
{
    static const struct hf_peer nobody;
    *out = nobody;
}

static bool copy_digest(uint8_t out[HF_DIGEST_SIZE], const uint8_t from[HF_DIGEST_SIZE])
{
    return hf_mem_copy(out, HF_DIGEST_SIZE, from, HF_DIGEST_SIZE);
}

hf_result hf_peer_write(const struct hf_verdict_facts *facts, const struct hf_spiffe_id *id,
                        struct hf_peer *out)
{
    if (id != NULL) {
        /* The parser's limits: an ID that fits no record was refused long before. */
        HF_NEED(hf_mem_copy(out->id, HF_ID_MAX, id->id, id->id_len), HF_E_INTERNAL);
        out->id[id->id_len] = '\0';
        out->id_len = (uint16_t)id->id_len;
        out->trust_domain_len = (uint16_t)id->trust_domain_len;
    }
    out->not_before = facts->not_before;
    out->not_after = facts->not_after;
    out->leaf_not_before = facts->leaf->not_before;
    out->leaf_not_after = facts->leaf->not_after;
    out->verified_at = facts->at;
    out->path_length = facts->path_length;
    HF_NEED(copy_digest(out->chain_digest, facts->chain_digest), HF_E_INTERNAL);
    HF_NEED(copy_digest(out->bundle_digest, facts->bundle_digest), HF_E_INTERNAL);
    HF_NEED(copy_digest(out->anchor_digest, facts->anchor_digest), HF_E_INTERNAL);
    return hf_ok();
}

hf_result hf_peer_fill(const struct hf_pool *pool, const struct hf_bundle *bundle,
                       const struct hf_path *path, const struct hf_spiffe_id *id,
                       struct hf_peer *out)
{
    uint8_t chain_digest[HF_DIGEST_SIZE];
    HF_TRY(hf_pool_digest(pool, chain_digest));
    struct hf_verdict_facts facts = {
        .leaf = &pool->certs[0],
        .at = pool->in->at,
        .path_length = (uint32_t)path->count + 1,
        .chain_digest = chain_digest,
        .bundle_digest = bundle->digest,
        .anchor_digest = path->anchor->digest,
    };
    hf_path_window(pool, path, &facts.not_before, &facts.not_after);
    return hf_peer_write(&facts, id, out);
}
