/* SPDX-License-Identifier: Apache-2.0
 *
 * An X.509-SVID from presentation to identity. The order is the security of it: the ID is read
 * strictly before anything else is asked (I4), it alone picks the bundle (P1, C5), and no other
 * bundle takes part in the verdict.
 *
 *   every certificate read strictly      X509-27
 *   the leaf is an SVID                  X509-01..X509-07, X509-16..X509-33
 *   the bundle of its own trust domain   X509-34
 *   the leaf's validity
 *   a path to one of its authorities     X509-08..X509-15, X509-17, X509-27
 *   that none of its lists revokes       WAPI-47, where it is asked for
 */
#include "verify/judge.h"

#include "id/spiffe_id.h"
#include "verify/crl_book.h"
#include "verify/decide.h"
#include "verify/describe.h"
#include "verify/path_rules.h"
#include "verify/peer.h"
#include "x509/svid_rules.h"

static hf_result at_leaf(hf_result r)
{
    if (!hf_is_ok(r)) {
        hf_error_current()->depth = 0;
    }
    return r;
}

static hf_result find_bundle(const struct hf_bundle_set *bundles, const struct hf_spiffe_id *id,
                             struct hf_bundle **out)
{
    struct hf_bundle *bundle = hf_bundle_set_find(bundles, hf_spiffe_id_domain(id));
    *out = bundle;
    HF_NEED_SEEN(bundle != NULL, HF_E_UNKNOWN_TRUST_DOMAIN, "a trust domain with a bundle", "%.*s",
                 (int)id->trust_domain_len, (const char *)id->trust_domain);
    HF_NEED_SEEN(bundle->count != 0, HF_E_EMPTY_BUNDLE, "at least one authority",
                 "none in the bundle of %s", bundle->trust_domain);
    return hf_ok();
}

static hf_result find_path(const struct hf_bundle_set *bundles, struct hf_pool *pool,
                           const struct hf_judge_options *options, const struct hf_spiffe_id *id,
                           struct hf_path *path, struct hf_bundle **bundle)
{
    HF_TRY(find_bundle(bundles, id, bundle));
    HF_TRY(at_leaf(hf_path_check_time(&pool->certs[0], pool->in->at)));
    struct hf_question question = {.at = pool->in->at,
                                   .purpose = pool->in->purpose,
                                   .rules = options->rules,
                                   .way = options->way,
                                   .trust_domain = hf_spiffe_id_domain(id)};
    hf_crl_book_ask(options->crls, options->crl_policy, &question);
    return hf_decide(pool, *bundle, &question, path);
}

/* Refusals that another trust domain's bundle may explain. */
static bool is_about_authority(uint32_t code)
{
    return code == HF_E_UNKNOWN_AUTHORITY || code == HF_E_BAD_SIGNATURE ||
           code == HF_E_UNKNOWN_TRUST_DOMAIN || code == HF_E_EMPTY_BUNDLE;
}

static hf_result judge(const struct hf_bundle_set *bundles, struct hf_pool *pool,
                       const struct hf_judge_options *options, struct hf_peer *out)
{
    struct hf_spiffe_id id;
    struct hf_path path;
    struct hf_bundle *bundle = NULL;
    HF_TRY(at_leaf(hf_svid_leaf_check(&pool->certs[0], options->rules, pool->in->purpose, &id)));
    hf_result r = find_path(bundles, pool, options, &id, &path, &bundle);
    if (hf_is_ok(r)) {
        return hf_peer_fill(pool, bundle, &path, &id, out);
    }
    if (is_about_authority(r.code) && options->way != HF_WAY_FAST) {
        hf_describe_foreign(pool, bundles, bundle, options->way);
        r.code = hf_error_current()->code;
    }
    hf_spiffe_id_claim(&id);
    return r;
}

hf_result hf_judge_svid(const struct hf_bundle_set *bundles, const struct hf_presented *presented,
                        const struct hf_judge_options *options, struct hf_peer *out)
{
    HF_NEED_PTR(out);
    hf_peer_clear(out);
    HF_NEED_PTR(bundles);
    HF_NEED_PTR(presented);
    HF_NEED_PTR(options);
    struct hf_pool pool;
    hf_result r = hf_pool_init(presented, &pool);
    if (hf_is_ok(r)) {
        r = judge(bundles, &pool, options, out);
    }
    hf_pool_wipe(&pool);
    return r;
}
