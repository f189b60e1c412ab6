/* SPDX-License-Identifier: Apache-2.0
 *
 * A judgement with one signature left to check, so that several can be checked at a time.
 */
#ifndef HF_VERIFY_PENDING_H
#define HF_VERIFY_PENDING_H

#include "id/spiffe_id.h"
#include "verify/path.h"
#include "verify/signature.h"

struct hf_pending {
    struct hf_pool pool; /* only the views of what was presented are ever written */
    struct hf_path path;
    const struct hf_bundle *bundle;
    struct hf_spiffe_id id;
    struct hf_signer *signer; /* whose key the leaf's signature is to be checked with */
    struct hf_signed leaf;
};

/* Everything of hf_judge_svid() but the leaf's signature. *ready false with HF_OK: not decidable
 * this way, use hf_judge_svid(). It never refuses: the only failures are the engine's own. When
 * *ready, `bundles`, `presented` and its bytes must stay until hf_pending_wipe(), which is to be
 * called then and only then. */
HF_MUST_USE hf_result hf_pending_begin(const struct hf_bundle_set *bundles,
                                       const struct hf_presented *presented,
                                       const struct hf_judge_options *options,
                                       struct hf_pending *out, bool *ready);

/* The caller saw the signature hold: the peer, just as hf_judge_svid() fills it. A signature that
 * does not hold decides nothing: hf_judge_svid() may know another path, and what to tell. */
HF_MUST_USE hf_result hf_pending_accept(const struct hf_pending *pending, struct hf_peer *out);
void hf_pending_wipe(struct hf_pending *pending);

#endif
