/* SPDX-License-Identifier: Apache-2.0
 *
 * "Signed by an authority of b.example": the likeliest mistake of an operator with more than one
 * trust domain, and impossible to guess from "unknown authority". It runs only after a refusal.
 */
#include <stdio.h>

#include "verify/describe.h"
#include "verify/general.h"

/* Paths whose signatures are looked at, over all bundles: a stranger must not buy much work. */
#define FOREIGN_PATHS_MAX 8

static bool signed_by(struct hf_pool *pool, const struct hf_bundle *bundle, unsigned *budget)
{
    struct hf_search search;
    hf_search_init(pool, bundle, &search);
    while (*budget > 0 && hf_search_next(&search)) {
        --*budget;
        if (hf_is_ok(hf_general_signatures(pool, &search.path))) {
            return true;
        }
    }
    return false;
}

static const struct hf_bundle *find(struct hf_pool *pool, const struct hf_bundle_set *bundles,
                                    const struct hf_bundle *own)
{
    unsigned budget = FOREIGN_PATHS_MAX;
    for (size_t i = 0; i < bundles->count; i++) {
        if (bundles->bundles[i] != own && signed_by(pool, bundles->bundles[i], &budget)) {
            return bundles->bundles[i];
        }
    }
    return NULL;
}

void hf_describe_foreign(struct hf_pool *pool, const struct hf_bundle_set *bundles,
                         const struct hf_bundle *own)
{
    struct hf_error refusal = *hf_error_current();
    const struct hf_bundle *signer = find(pool, bundles, own);
    if (signer != NULL) {
        (void)snprintf(refusal.seen, sizeof(refusal.seen), "signed by an authority of %.220s",
                       signer->trust_domain);
        if (refusal.code == HF_E_BAD_SIGNATURE) {
            /* The signature is right, by another trust domain's authority of the same name. */
            refusal.code = HF_E_UNKNOWN_AUTHORITY;
        }
    }
    hf_result r = hf_error_restore(&refusal);
    (void)r;
}
