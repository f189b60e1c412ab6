/* SPDX-License-Identifier: Apache-2.0
 *
 * The order is hf_judge_svid()'s (judge.c), and so is the choice of a path: a candidate that the
 * judge would refuse is passed over, and at the first one that only the judge can decide this ends.
 */
#include "verify/pending.h"

#include "verify/crl_book.h"
#include "verify/crl_check.h"
#include "verify/fast.h"
#include "verify/path_rules.h"
#include "verify/peer.h"
#include "x509/svid_rules.h"

/* Enough for two authorities of one name, in a rotation. What needs more goes to the judge. */
#define CANDIDATES_MAX 8

enum fate { FATE_TAKEN, FATE_REFUSED, FATE_UNKNOWN };

/* A path that is covered and whose signatures hold, but for the leaf's, is the one to take. Lists
 * may be asked already: the keys that sign them are known. What they object to the judge tells. */
static enum fate weigh(struct hf_pending *pending, const struct hf_question *question)
{
    if (!hf_is_ok(hf_path_check(&pending->pool, &pending->path, question))) {
        return FATE_REFUSED;
    }
    if (!hf_fast_covers(&pending->pool, &pending->path, question)) {
        return FATE_UNKNOWN;
    }
    hf_result r =
        hf_fast_issuers(&pending->pool, pending->bundle, &pending->path, &pending->signer);
    if (!hf_is_ok(r)) {
        return r.code == HF_E_BAD_SIGNATURE ? FATE_REFUSED : FATE_UNKNOWN;
    }
    return hf_is_ok(hf_crl_check_path(&pending->pool, &pending->path, question)) ? FATE_TAKEN
                                                                                 : FATE_UNKNOWN;
}

static bool find_path(struct hf_pending *pending, const struct hf_question *question)
{
    struct hf_search search;
    hf_search_init(&pending->pool, pending->bundle, &search);
    for (size_t i = 0; i < CANDIDATES_MAX && hf_search_next(&search); i++) {
        pending->path = search.path;
        enum fate fate = weigh(pending, question);
        if (fate != FATE_REFUSED) {
            return fate == FATE_TAKEN;
        }
    }
    return false;
}

static bool begin(const struct hf_bundle_set *bundles, const struct hf_presented *presented,
                  const struct hf_judge_options *options, struct hf_pending *out)
{
    const struct hf_cert *leaf = &out->pool.certs[0];
    if (options->way == HF_WAY_GENERAL || !hf_is_ok(hf_pool_init(presented, &out->pool)) ||
        !hf_is_ok(hf_svid_leaf_check(leaf, options->rules, presented->purpose, &out->id))) {
        return false;
    }
    out->bundle = hf_bundle_set_find(bundles, hf_spiffe_id_domain(&out->id));
    if (out->bundle == NULL || !hf_is_ok(hf_path_check_time(leaf, presented->at))) {
        return false;
    }
    struct hf_question question = {.at = presented->at,
                                   .purpose = presented->purpose,
                                   .rules = options->rules,
                                   .trust_domain = hf_spiffe_id_domain(&out->id)};
    hf_crl_book_ask(options->crls, options->crl_policy, &question);
    if (!find_path(out, &question)) {
        return false;
    }
    out->leaf = hf_signed_of(leaf);
    /* A kind of signature that is not of this kind of key is the judge's to refuse. */
    return hf_signature_fits(out->leaf.kind, out->signer->kind);
}

hf_result hf_pending_begin(const struct hf_bundle_set *bundles,
                           const struct hf_presented *presented,
                           const struct hf_judge_options *options, struct hf_pending *out,
                           bool *ready)
{
    HF_NEED_PTR(ready);
    *ready = false;
    HF_NEED_PTR(bundles);
    HF_NEED_PTR(presented);
    HF_NEED_PTR(options);
    HF_NEED_PTR(out);
    out->signer = NULL;
    *ready = begin(bundles, presented, options, out);
    if (!*ready) {
        hf_pending_wipe(out);
    }
    return hf_ok();
}

hf_result hf_pending_accept(const struct hf_pending *pending, struct hf_peer *out)
{
    hf_peer_clear(out);
    return hf_peer_fill(&pending->pool, pending->bundle, &pending->path, &pending->id, out);
}

void hf_pending_wipe(struct hf_pending *pending)
{
    /* Nothing of OpenSSL's was made in the pool: a path that is covered needs none. */
    hf_signer_unref(pending->signer);
    pending->signer = NULL;
}
