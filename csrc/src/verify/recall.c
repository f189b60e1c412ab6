/* SPDX-License-Identifier: Apache-2.0
 *
 * The key, SHA-256 over (C1, C3):
 *
 *   seed of the cache              16 bytes
 *   purpose, rules                  1 byte each
 *   policy digest                  32 bytes
 *   length of the trust domain      1 byte, and the trust domain of the presented leaf
 *   bundle digest                  32 bytes: the content, of that trust domain's bundle
 *   chain digest                   32 bytes: SHA-256 over every presented certificate in order,
 *                                  each after its length
 *   and where revocation lists are asked:
 *   their policy                    1 byte: a bit more when the trust domain's cannot be used
 *   lists digest                   32 bytes: the content, of that trust domain's lists; zeros when
 *                                  it has none that can be used
 *   unclaimed lists digest         32 bytes, likewise, of those that are nobody's
 *
 * Each part has a fixed size or its length before it, so no two questions share the hashed bytes.
 */
#include "verify/recall.h"

#include "id/spiffe_id.h"
#include "verify/crl_book.h"
#include "verify/path_rules.h"
#include "verify/peer.h"
#include "verify/presented.h"
#include "x509/svid_rules.h"

static struct hf_span digest_of(const struct hf_crl_set *lists)
{
    static const uint8_t none[HF_DIGEST_SIZE];
    return hf_span_of(lists == NULL ? none : lists->digest, HF_DIGEST_SIZE);
}

static hf_result make_key(const struct hf_recaller *recaller, int purpose,
                          struct hf_span trust_domain, const struct hf_bundle *bundle,
                          struct hf_recall_miss *miss)
{
    const uint8_t asked[] = {(uint8_t)purpose, (uint8_t)recaller->rules};
    const uint8_t len = (uint8_t)trust_domain.len; /* at most HF_TRUST_DOMAIN_MAX, 255 */
    struct hf_question about = {.trust_domain = trust_domain};
    hf_crl_book_ask(recaller->crls, recaller->crl_policy, &about);
    const uint8_t crl_policy = (uint8_t)(about.crl_policy | (about.crls_unusable ? 0x80 : 0));
    const struct hf_span parts[] = {
        hf_span_of(hf_chain_cache_seed(recaller->cache), HF_CACHE_SEED_SIZE),
        hf_span_of(asked, sizeof(asked)),
        hf_span_of(recaller->policy, HF_DIGEST_SIZE),
        hf_span_of(&len, 1),
        trust_domain,
        hf_span_of(bundle->digest, HF_DIGEST_SIZE),
        hf_span_of(miss->chain_digest, HF_DIGEST_SIZE),
        hf_span_of(&crl_policy, 1),
        digest_of(about.crls),
        digest_of(about.crls_unclaimed),
    };
    const size_t count = sizeof(parts) / sizeof(parts[0]);
    HF_TRY(hf_ossl_sha256(parts, crl_policy == 0 ? count - 3 : count, miss->key));
    miss->keyed = true;
    return hf_ok();
}

/* The leaf alone is read: of the others the key has every byte, and the judge has read them. */
static hf_result read_leaf(const struct hf_recaller *recaller, const struct hf_presented *presented,
                           struct hf_cert *leaf, struct hf_spiffe_id *id)
{
    HF_TRY(hf_chain_check_limits(presented->chain));
    HF_TRY(hf_cert_parse(hf_span_of(presented->chain->der, presented->chain->lengths[0]), leaf));
    HF_TRY(hf_svid_leaf_check(leaf, recaller->rules, presented->purpose, id));
    return hf_path_check_time(leaf, presented->at);
}

static bool find(const struct hf_recaller *recaller, const struct hf_presented *presented,
                 const struct hf_spiffe_id *id, struct hf_recall_miss *miss,
                 const struct hf_bundle **bundle, struct hf_cached *out)
{
    struct hf_span trust_domain = hf_spiffe_id_domain(id);
    *bundle = hf_bundle_set_find(recaller->bundles, trust_domain);
    return *bundle != NULL && (*bundle)->count != 0 &&
           hf_is_ok(hf_chain_digest(presented->chain, miss->chain_digest)) &&
           hf_is_ok(make_key(recaller, presented->purpose, trust_domain, *bundle, miss)) &&
           hf_chain_cache_find(recaller->cache, miss->key, presented->at, out);
}

bool hf_recall(const struct hf_recaller *recaller, const struct hf_presented *presented,
               struct hf_recall_miss *miss, struct hf_peer *out)
{
    struct hf_cert leaf;
    struct hf_spiffe_id id;
    const struct hf_bundle *bundle;
    struct hf_cached cached;
    miss->keyed = false;
    /* A NULL policy refuses everybody, and what is refused is not remembered. */
    if (recaller->cache == NULL || recaller->policy == NULL ||
        !hf_is_ok(read_leaf(recaller, presented, &leaf, &id))) {
        return false;
    }
    if (!find(recaller, presented, &id, miss, &bundle, &cached)) {
        return false;
    }
    const struct hf_verdict_facts facts = {
        .leaf = &leaf,
        .at = presented->at,
        .not_before = cached.not_before,
        .not_after = cached.not_after,
        .path_length = cached.path_length,
        .chain_digest = miss->chain_digest,
        .bundle_digest = bundle->digest,
        .anchor_digest = cached.anchor_digest,
    };
    return hf_is_ok(hf_peer_write(&facts, &id, out));
}

/* Narrow the span around `at` to where a certificate with this validity does not change. */
static void narrow(int64_t not_before, int64_t not_after, int64_t at, struct hf_cached *cached)
{
    const int64_t moments[] = {not_before, not_after};
    for (size_t i = 0; i < 2; i++) {
        if (moments[i] > at) {
            cached->until = moments[i] < cached->until ? moments[i] : cached->until;
        } else {
            cached->from = moments[i] > cached->from ? moments[i] : cached->from;
        }
    }
}

static void narrow_to_lists(const struct hf_crl_set *lists, int64_t at, struct hf_cached *cached)
{
    for (size_t i = 0; lists != NULL && i < lists->count; i++) {
        const struct hf_crl *crl = &lists->lists[i].crl;
        narrow(crl->this_update, crl->next_update, at, cached);
    }
}

/* The leaf is on every path: the path's own window, which comes first, is within its. */
static hf_result narrow_all(const struct hf_presented *presented, const struct hf_bundle *bundle,
                            const struct hf_question *about, struct hf_cached *cached)
{
    const struct hf_chain *chain = presented->chain;
    const uint8_t *der = chain->der + chain->lengths[0];
    for (size_t i = 1; i < chain->count; i++) {
        struct hf_cert cert;
        HF_TRY(hf_cert_parse(hf_span_of(der, chain->lengths[i]), &cert));
        narrow(cert.not_before, cert.not_after, presented->at, cached);
        der += chain->lengths[i];
    }
    for (size_t i = 0; i < bundle->count; i++) {
        const struct hf_cert *cert = &bundle->authorities[i].cert;
        narrow(cert->not_before, cert->not_after, presented->at, cached);
    }
    narrow_to_lists(about->crls, presented->at, cached);
    narrow_to_lists(about->crls_unclaimed, presented->at, cached);
    return hf_ok();
}

void hf_recall_keep(const struct hf_recaller *recaller, const struct hf_presented *presented,
                    const struct hf_recall_miss *miss, const struct hf_peer *peer)
{
    if (!miss->keyed) {
        return;
    }
    struct hf_span trust_domain =
        hf_span_of(peer->id + HF_SPIFFE_SCHEME_LEN, peer->trust_domain_len);
    const struct hf_bundle *bundle = hf_bundle_set_find(recaller->bundles, trust_domain);
    struct hf_question about = {.trust_domain = trust_domain};
    hf_crl_book_ask(recaller->crls, recaller->crl_policy, &about);
    struct hf_cached cached = {
        .from = peer->not_before,
        .until = peer->not_after,
        .not_before = peer->not_before,
        .not_after = peer->not_after,
        .path_length = peer->path_length,
    };
    if (bundle == NULL || !hf_is_ok(narrow_all(presented, bundle, &about, &cached)) ||
        !hf_mem_copy(cached.anchor_digest, HF_DIGEST_SIZE, peer->anchor_digest, HF_DIGEST_SIZE)) {
        return;
    }
    hf_chain_cache_put(recaller->cache, miss->key, trust_domain, &cached);
}
