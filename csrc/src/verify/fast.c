/* SPDX-License-Identifier: Apache-2.0
 *
 * The signatures of a path, from the anchor down. Which paths: fast_profile.c.
 */
#include "verify/fast.h"

#include "verify/issuer_memory.h"
#include "verify/signature.h"

static hf_result at_depth(hf_result r, size_t depth)
{
    if (!hf_is_ok(r)) {
        hf_error_current()->depth = (int32_t)depth;
    }
    return r;
}

/* The intermediate's key, once its signature held under `above`. */
static hf_result step_down(struct hf_pool *pool, const struct hf_bundle *bundle,
                           const struct hf_signer *above, const struct hf_cert *cert,
                           struct hf_signer **out)
{
    *out = hf_issuer_memory_find(bundle, above, cert->der);
    if (*out != NULL) {
        return hf_ok();
    }
    struct hf_signed what = hf_signed_of(cert);
    pool->issuers_verified++;
    HF_TRY(hf_signature_verify(above, &what));
    HF_TRY(hf_signer_new(cert, out));
    hf_issuer_memory_keep(bundle, above, cert->der, *out);
    return hf_ok();
}

hf_result hf_fast_issuers(struct hf_pool *pool, const struct hf_bundle *bundle,
                          const struct hf_path *path, struct hf_signer **signer)
{
    *signer = NULL;
    struct hf_signer *above = hf_signer_ref(path->anchor->signer);
    for (size_t depth = path->count - 1; depth > 0; depth--) {
        struct hf_signer *next = NULL;
        hf_result r = step_down(pool, bundle, above, hf_path_cert(pool, path, depth), &next);
        hf_signer_unref(above);
        HF_TRY(at_depth(r, depth));
        above = next;
    }
    *signer = above;
    return hf_ok();
}

hf_result hf_fast_signatures(struct hf_pool *pool, const struct hf_bundle *bundle,
                             const struct hf_path *path)
{
    struct hf_signer *signer;
    HF_TRY(hf_fast_issuers(pool, bundle, path, &signer));
    struct hf_signed leaf = hf_signed_of(hf_path_cert(pool, path, 0));
    hf_result r = hf_signature_verify(signer, &leaf);
    hf_signer_unref(signer);
    return at_depth(r, 0);
}
