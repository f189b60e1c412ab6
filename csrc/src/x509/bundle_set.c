/* SPDX-License-Identifier: Apache-2.0
 *
 * Bundles side by side, found by the exact name of their trust domain. They are never merged: P1.
 */
#include <stdlib.h>

#include "x509/bundle.h"

static struct hf_span name_of(const struct hf_bundle *bundle)
{
    return hf_span_of(bundle->trust_domain, bundle->trust_domain_len);
}

static int compare_names(const void *a, const void *b)
{
    struct hf_bundle *const *left = a;
    struct hf_bundle *const *right = b;
    return hf_span_compare(name_of(*left), name_of(*right));
}

struct hf_bundle_set *hf_bundle_set_ref(struct hf_bundle_set *set)
{
    hf_refcount_take(&set->refs);
    return set;
}

void hf_bundle_set_unref(struct hf_bundle_set *set)
{
    if (set == NULL || !hf_refcount_drop(&set->refs)) {
        return;
    }
    for (size_t i = 0; i < set->count; i++) {
        hf_bundle_unref(set->bundles[i]);
    }
    hf_mem_free(set->bundles);
    hf_mem_free(set);
}

static void unref_at(struct hf_bundle_set **set)
{
    hf_bundle_set_unref(*set);
}

static hf_result check_unique(const struct hf_bundle_set *set)
{
    for (size_t i = 1; i < set->count; i++) {
        HF_NEED_SEEN(compare_names(&set->bundles[i - 1], &set->bundles[i]) != 0,
                     HF_E_BUNDLE_DUPLICATE, "one bundle a trust domain", "two for %s",
                     set->bundles[i]->trust_domain);
    }
    return hf_ok();
}

/* SHA-256 of the digests of the bundles, which carry their trust domains, in order of name. */
static hf_result digest_content(struct hf_bundle_set *set)
{
    HF_DEFER(hf_mem_free_at)
    struct hf_span *parts = hf_mem_new_array(set->count, sizeof(*parts));
    HF_NEED_MEM(parts);
    for (size_t i = 0; i < set->count; i++) {
        parts[i] = hf_span_of(set->bundles[i]->digest, HF_DIGEST_SIZE);
    }
    return hf_ossl_sha256(parts, set->count, set->digest);
}

hf_result hf_bundle_set_new(struct hf_bundle *const *bundles, size_t count,
                            struct hf_bundle_set **out)
{
    HF_NEED_PTR(out);
    *out = NULL;
    HF_NEED(bundles != NULL || count == 0, HF_E_BAD_ARGUMENT);
    HF_DEFER(unref_at) struct hf_bundle_set *set = hf_mem_new(sizeof(*set));
    HF_NEED_MEM(set);
    hf_refcount_init(&set->refs);
    set->bundles = hf_mem_new_array(count, sizeof(struct hf_bundle *));
    HF_NEED_MEM(set->bundles);
    for (size_t i = 0; i < count; i++) {
        HF_NEED_PTR(bundles[i]);
        /* Web roots have no trust domain and must never stand for one. */
        HF_NEED(bundles[i]->trust_domain_len != 0, HF_E_BAD_ARGUMENT);
        set->bundles[i] = hf_bundle_ref(bundles[i]);
        set->count++;
    }
    if (count != 0) {
        qsort(set->bundles, count, sizeof(struct hf_bundle *), compare_names);
    }
    HF_TRY(check_unique(set));
    HF_TRY(digest_content(set));
    *out = set;
    set = NULL;
    return hf_ok();
}

struct hf_bundle *hf_bundle_set_find(const struct hf_bundle_set *set, struct hf_span trust_domain)
{
    size_t low = 0;
    size_t high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = hf_span_compare(trust_domain, name_of(set->bundles[middle]));
        if (order == 0) {
            return set->bundles[middle];
        }
        if (order < 0) {
            high = middle;
        }
        if (order > 0) {
            low = middle + 1;
        }
    }
    return NULL;
}
