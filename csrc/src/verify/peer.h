/* SPDX-License-Identifier: Apache-2.0
 *
 * The record of a peer that was authenticated.
 */
#ifndef HF_VERIFY_PEER_H
#define HF_VERIFY_PEER_H

#include "verify/path.h"

/* Nobody: what every judgement starts from, and what a refused one leaves behind. */
void hf_peer_clear(struct hf_peer *out);

/* What a verdict comes to, whoever made it. */
struct hf_verdict_facts {
    const struct hf_cert *leaf;
    int64_t at;
    int64_t not_before; /* of the whole path */
    int64_t not_after;
    uint32_t path_length;
    const uint8_t *chain_digest;
    const uint8_t *bundle_digest;
    const uint8_t *anchor_digest;
};

/* Write a record, which is empty. `id` is NULL for a web peer. */
HF_MUST_USE hf_result hf_peer_write(const struct hf_verdict_facts *facts,
                                    const struct hf_spiffe_id *id, struct hf_peer *out);

/* All of it, at once, or nothing. `id` is NULL for a web peer. */
HF_MUST_USE hf_result hf_peer_fill(const struct hf_pool *pool, const struct hf_bundle *bundle,
                                   const struct hf_path *path, const struct hf_spiffe_id *id,
                                   struct hf_peer *out);

#endif
