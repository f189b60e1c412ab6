/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/crl_set.h"

#include "x509/der.h"
#include "x509/ossl.h"

struct hf_crl_set *hf_crl_set_ref(struct hf_crl_set *set)
{
    if (set != NULL) {
        hf_refcount_take(&set->refs);
    }
    return set;
}

static void wipe_list(struct hf_listed *list)
{
    struct hf_crl_verdict *verdict = atomic_load_explicit(&list->verdicts, memory_order_acquire);
    while (verdict != NULL) {
        struct hf_crl_verdict *next = verdict->next;
        hf_mem_free(verdict);
        verdict = next;
    }
    hf_crl_wipe(&list->crl);
}

void hf_crl_set_unref(struct hf_crl_set *set)
{
    if (set == NULL || !hf_refcount_drop(&set->refs)) {
        return;
    }
    for (size_t i = 0; i < set->count; i++) {
        wipe_list(&set->lists[i]);
    }
    hf_mem_free(set->lists);
    hf_mem_free(set->der);
    hf_mem_free(set);
}

static void unref_at(struct hf_crl_set **set)
{
    hf_crl_set_unref(*set);
}

size_t hf_crl_set_count(const struct hf_crl_set *set)
{
    return set->count;
}

size_t hf_crl_set_entries(const struct hf_crl_set *set)
{
    size_t entries = 0;
    for (size_t i = 0; i < set->count; i++) {
        entries += set->lists[i].crl.count;
    }
    return entries;
}

static hf_result at_list(hf_result r, size_t place)
{
    if (!hf_is_ok(r)) {
        hf_error_current()->depth = (int32_t)place;
    }
    return r;
}

static hf_result count_lists(struct hf_span der, size_t *count)
{
    struct hf_der list;
    *count = 0;
    while (der.len != 0) {
        HF_TRY(at_list(hf_der_take_large(&der, HF_DER_SEQUENCE, &list), *count));
        *count += 1;
        HF_NEED_SEEN(*count <= HF_CRL_MAX, HF_E_LIMIT, "at most 1000 CRLs", "more");
    }
    HF_NEED_SEEN(*count != 0, HF_E_CRL_INVALID, "at least one CRL", "none");
    return hf_ok();
}

static hf_result read_lists(struct hf_crl_set *set, size_t len)
{
    struct hf_span rest = hf_span_of(set->der, len);
    while (rest.len != 0) {
        struct hf_der list;
        HF_TRY(hf_der_take_large(&rest, HF_DER_SEQUENCE, &list));
        HF_TRY(at_list(hf_crl_read(list.whole, &set->lists[set->count].crl), set->count));
        set->count++;
    }
    return hf_ok();
}

hf_result hf_crl_set_new(const uint8_t *der, size_t len, struct hf_crl_set **out)
{
    size_t count;
    HF_NEED_PTR(out);
    *out = NULL;
    HF_NEED(der != NULL || len == 0, HF_E_BAD_ARGUMENT);
    HF_NEED_SEEN(len <= HF_CRL_SET_BYTES_MAX, HF_E_LIMIT, "at most 64 MiB of CRLs", "%zu bytes",
                 len);
    HF_TRY(hf_library_init());
    HF_TRY(count_lists(hf_span_of(der, len), &count));
    HF_DEFER(unref_at) struct hf_crl_set *set = hf_mem_new(sizeof(*set));
    HF_NEED_MEM(set);
    hf_refcount_init(&set->refs);
    set->der = hf_mem_dup(der, len);
    HF_NEED_MEM(set->der);
    set->lists = hf_mem_new_array(count, sizeof(*set->lists));
    HF_NEED_MEM(set->lists);
    for (size_t i = 0; i < count; i++) {
        atomic_init(&set->lists[i].verdicts, NULL);
        atomic_init(&set->lists[i].verdict_count, 0);
    }
    HF_TRY(read_lists(set, len));
    const struct hf_span whole = hf_span_of(set->der, len);
    HF_TRY(hf_ossl_sha256(&whole, 1, set->digest));
    *out = set;
    set = NULL;
    return hf_ok();
}
