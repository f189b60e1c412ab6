/* SPDX-License-Identifier: Apache-2.0
 *
 * "Signed by an authority of b.example": the likeliest mistake of an operator with more than one
 * trust domain, and impossible to guess from "unknown authority". It runs only after a refusal.
 */
#include <stdio.h>

#include "verify/describe.h"
#include "verify/path_signatures.h"

/* Over all bundles, since a stranger must not buy much work: paths whose signatures are looked at,
 * and certificates that are walked over. Those that name each other as issuers in every way make
 * hundreds of steps in each bundle; honest ones as many as there are intermediates. */
#define FOREIGN_PATHS_MAX 8
#define FOREIGN_WALK_MAX 4096

struct budget {
    unsigned paths;
    unsigned walk;
};

static bool signed_by(struct hf_pool *pool, const struct hf_bundle *bundle, enum hf_way way,
                      struct budget *budget)
{
    struct hf_question question = {.way = way};
    struct hf_search search;
    bool found = false;
    hf_search_init(pool, bundle, &search);
    while (!found && budget->paths > 0 && hf_search_next(&search)) {
        budget->paths--;
        found = hf_is_ok(hf_path_signatures(pool, bundle, &search.path, &question));
    }
    budget->walk -= search.walked < budget->walk ? search.walked : budget->walk;
    return found;
}

static const struct hf_bundle *find(struct hf_pool *pool, const struct hf_bundle_set *bundles,
                                    const struct hf_bundle *own, enum hf_way way)
{
    struct budget budget = {FOREIGN_PATHS_MAX, FOREIGN_WALK_MAX};
    for (size_t i = 0; i < bundles->count && budget.paths > 0 && budget.walk > 0; i++) {
        if (bundles->bundles[i] != own && signed_by(pool, bundles->bundles[i], way, &budget)) {
            return bundles->bundles[i];
        }
    }
    return NULL;
}

void hf_describe_foreign(struct hf_pool *pool, const struct hf_bundle_set *bundles,
                         const struct hf_bundle *own, enum hf_way way)
{
    struct hf_error refusal = *hf_error_current();
    const struct hf_bundle *signer = find(pool, bundles, own, way);
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
