/* SPDX-License-Identifier: Apache-2.0
 *
 * A bundle is built in one go on its own copy of the DER, sorted and cleared of duplicates, and
 * never written again: any number of threads may read it.
 */
#include "x509/bundle.h"

#include <stdlib.h>

#include "x509/authority.h"

static atomic_uint_least64_t generations;

struct hf_bundle *hf_bundle_ref(struct hf_bundle *bundle)
{
    hf_refcount_take(&bundle->refs);
    return bundle;
}

static void annex_free(struct hf_annex_place *place)
{
    if (place == NULL) {
        return;
    }
    struct hf_annex *annex = atomic_load_explicit(&place->kept, memory_order_acquire);
    if (annex != NULL) {
        annex->release(annex);
    }
    hf_mem_free(place);
}

void hf_bundle_unref(struct hf_bundle *bundle)
{
    if (bundle == NULL || !hf_refcount_drop(&bundle->refs)) {
        return;
    }
    for (size_t i = 0; i < bundle->count; i++) {
        hf_authority_wipe(&bundle->authorities[i]);
    }
    annex_free(bundle->annex);
    hf_mem_free(bundle->authorities);
    hf_mem_free(bundle->der);
    hf_mem_free(bundle);
}

static void unref_at(struct hf_bundle **bundle)
{
    hf_bundle_unref(*bundle);
}

size_t hf_bundle_count(const struct hf_bundle *bundle)
{
    return bundle->count;
}

void hf_bundle_digest(const struct hf_bundle *bundle, uint8_t out[HF_DIGEST_SIZE])
{
    (void)hf_mem_copy(out, HF_DIGEST_SIZE, bundle->digest, sizeof(bundle->digest));
}

uint64_t hf_bundle_generation(const struct hf_bundle *bundle)
{
    return bundle->generation;
}

static int compare_digests(const void *a, const void *b)
{
    const struct hf_authority *left = a;
    const struct hf_authority *right = b;
    return hf_mem_compare(left->digest, HF_DIGEST_SIZE, right->digest, HF_DIGEST_SIZE);
}

/* Order does not matter, and what is there twice counts once. */
static void sort_unique(struct hf_bundle *bundle)
{
    size_t kept = 0;
    if (bundle->count == 0) {
        return;
    }
    qsort(bundle->authorities, bundle->count, sizeof(*bundle->authorities), compare_digests);
    for (size_t i = 1; i < bundle->count; i++) {
        struct hf_authority *next = &bundle->authorities[i];
        if (compare_digests(&bundle->authorities[kept], next) == 0) {
            hf_authority_wipe(next);
            continue;
        }
        kept++;
        bundle->authorities[kept] = *next;
    }
    bundle->count = kept + 1;
}

/* SHA-256 of: length and bytes of the trust domain, then the digest of each authority, sorted. */
static hf_result digest_content(struct hf_bundle *bundle)
{
    uint8_t len = (uint8_t)bundle->trust_domain_len;
    HF_DEFER(hf_mem_free_at)
    struct hf_span *parts = hf_mem_new_array(bundle->count + 2, sizeof(*parts));
    HF_NEED_MEM(parts);
    parts[0] = hf_span_of(&len, 1);
    parts[1] = hf_span_of(bundle->trust_domain, bundle->trust_domain_len);
    for (size_t i = 0; i < bundle->count; i++) {
        parts[i + 2] = hf_span_of(bundle->authorities[i].digest, HF_DIGEST_SIZE);
    }
    return hf_ossl_sha256(parts, bundle->count + 2, bundle->digest);
}

/* A bundle with its own copy of the DER and room for the authorities in it. */
static hf_result make_empty(struct hf_span trust_domain, struct hf_span der, size_t count,
                            struct hf_bundle **out)
{
    HF_DEFER(unref_at) struct hf_bundle *bundle = hf_mem_new(sizeof(*bundle));
    HF_NEED_MEM(bundle);
    hf_refcount_init(&bundle->refs);
    HF_NEED(
        hf_mem_copy(bundle->trust_domain, HF_TRUST_DOMAIN_MAX, trust_domain.data, trust_domain.len),
        HF_E_INTERNAL);
    bundle->trust_domain_len = trust_domain.len;
    bundle->annex = hf_mem_new(sizeof(*bundle->annex));
    HF_NEED_MEM(bundle->annex);
    atomic_init(&bundle->annex->kept, NULL);
    bundle->der = hf_mem_dup(der.data, der.len);
    HF_NEED_MEM(bundle->der);
    bundle->der_len = der.len;
    bundle->authorities = hf_mem_new_array(count, sizeof(*bundle->authorities));
    HF_NEED_MEM(bundle->authorities);
    *out = bundle;
    bundle = NULL;
    return hf_ok();
}

/* How many certificates; their lengths are read again when they are parsed. */
static hf_result count_certificates(struct hf_span der, size_t *count)
{
    struct hf_span cert;
    *count = 0;
    while (der.len != 0) {
        HF_TRY(hf_cert_take(&der, &cert));
        *count += 1;
        HF_NEED_SEEN(*count <= HF_BUNDLE_MAX, HF_E_LIMIT, "at most 1000 authorities", "more");
    }
    return hf_ok();
}

/* True when a web root that was refused with `code` is left out instead: a system's store is not
 * ours to mend, and one odd root must not take the others away. */
static bool may_skip(uint32_t code)
{
    uint32_t category = hf_code_category(code);
    return category == HF_CATEGORY_CERTIFICATE || category == HF_CATEGORY_DER;
}

/* Read every certificate. skipped NULL: each must be an authority. Else: web roots, and those that
 * are refused as certificates are counted there. */
static hf_result add_authorities(struct hf_bundle *bundle, size_t *skipped)
{
    struct hf_span rest = hf_span_of(bundle->der, bundle->der_len);
    int32_t position = 0;
    while (rest.len != 0) {
        struct hf_span der;
        struct hf_authority *next = &bundle->authorities[bundle->count];
        HF_TRY(hf_cert_take(&rest, &der));
        hf_result result =
            skipped == NULL ? hf_authority_init(next, der) : hf_authority_init_root(next, der);
        if (skipped != NULL && may_skip(result.code)) {
            *skipped += 1;
            continue;
        }
        if (!hf_is_ok(result)) {
            hf_error_current()->depth = position;
            return result;
        }
        bundle->count++;
        position++;
    }
    return hf_ok();
}

static hf_result make(struct hf_span trust_domain, struct hf_span der, size_t *skipped,
                      struct hf_bundle **out)
{
    size_t count;
    HF_DEFER(unref_at) struct hf_bundle *bundle = NULL;
    HF_TRY(hf_library_init());
    HF_TRY(count_certificates(der, &count));
    HF_TRY(make_empty(trust_domain, der, count, &bundle));
    HF_TRY(add_authorities(bundle, skipped));
    sort_unique(bundle);
    HF_TRY(digest_content(bundle));
    bundle->generation = atomic_fetch_add_explicit(&generations, 1, memory_order_relaxed) + 1;
    *out = bundle;
    bundle = NULL;
    return hf_ok();
}

hf_result hf_bundle_new(const uint8_t *trust_domain, size_t trust_domain_len, const uint8_t *der,
                        size_t der_len, struct hf_bundle **out)
{
    HF_NEED_PTR(out);
    *out = NULL;
    HF_NEED(der != NULL || der_len == 0, HF_E_BAD_ARGUMENT);
    HF_TRY(hf_trust_domain_parse(trust_domain, trust_domain_len));
    return make(hf_span_of(trust_domain, trust_domain_len), hf_span_of(der, der_len), NULL, out);
}

hf_result hf_bundle_new_roots(const uint8_t *der, size_t der_len, size_t *skipped,
                              struct hf_bundle **out)
{
    HF_NEED_PTR(out);
    *out = NULL;
    HF_NEED_PTR(skipped);
    *skipped = 0;
    HF_NEED(der != NULL || der_len == 0, HF_E_BAD_ARGUMENT);
    return make(hf_span_of(NULL, 0), hf_span_of(der, der_len), skipped, out);
}
