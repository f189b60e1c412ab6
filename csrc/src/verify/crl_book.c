/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/crl_book.h"

#include <stdlib.h>

static struct hf_span name_of(const struct hf_domain_lists *lists)
{
    return hf_span_of(lists->trust_domain, lists->trust_domain_len);
}

static int compare_names(const void *a, const void *b)
{
    const struct hf_domain_lists *left = a;
    const struct hf_domain_lists *right = b;
    return hf_span_compare(name_of(left), name_of(right));
}

struct hf_crl_book *hf_crl_book_ref(struct hf_crl_book *book)
{
    if (book != NULL) {
        hf_refcount_take(&book->refs);
    }
    return book;
}

void hf_crl_book_unref(struct hf_crl_book *book)
{
    if (book == NULL || !hf_refcount_drop(&book->refs)) {
        return;
    }
    for (size_t i = 0; i < book->count; i++) {
        hf_crl_set_unref(book->domains[i].crls);
    }
    hf_crl_set_unref(book->unclaimed);
    hf_mem_free(book->domains);
    hf_mem_free(book);
}

static void unref_at(struct hf_crl_book **book)
{
    hf_crl_book_unref(*book);
}

static hf_result take_page(struct hf_crl_book *book, const struct hf_crl_page *page)
{
    struct hf_domain_lists *lists = &book->domains[book->count];
    HF_NEED_SEEN(page->trust_domain != NULL && page->trust_domain_len != 0 &&
                     hf_mem_copy(lists->trust_domain, sizeof(lists->trust_domain),
                                 page->trust_domain, page->trust_domain_len),
                 HF_E_BAD_ARGUMENT, "a trust domain of 1 to 255 bytes", "%zu",
                 page->trust_domain_len);
    lists->trust_domain_len = page->trust_domain_len;
    lists->crls = hf_crl_set_ref(page->crls);
    book->count++;
    return hf_ok();
}

static hf_result check_unique(const struct hf_crl_book *book)
{
    for (size_t i = 1; i < book->count; i++) {
        HF_NEED_SEEN(compare_names(&book->domains[i - 1], &book->domains[i]) != 0,
                     HF_E_BAD_ARGUMENT, "the lists of a trust domain together", "two pages of one");
    }
    return hf_ok();
}

hf_result hf_crl_book_new(const struct hf_crl_page *pages, size_t count,
                          struct hf_crl_set *unclaimed, struct hf_crl_book **out)
{
    HF_NEED_PTR(out);
    *out = NULL;
    HF_NEED(pages != NULL || count == 0, HF_E_BAD_ARGUMENT);
    HF_DEFER(unref_at) struct hf_crl_book *book = hf_mem_new(sizeof(*book));
    HF_NEED_MEM(book);
    hf_refcount_init(&book->refs);
    book->domains = hf_mem_new_array(count, sizeof(*book->domains));
    HF_NEED_MEM(book->domains);
    for (size_t i = 0; i < count; i++) {
        HF_TRY(take_page(book, &pages[i]));
    }
    if (count != 0) {
        qsort(book->domains, count, sizeof(*book->domains), compare_names);
    }
    HF_TRY(check_unique(book));
    book->unclaimed = hf_crl_set_ref(unclaimed);
    *out = book;
    book = NULL;
    return hf_ok();
}

const struct hf_domain_lists *hf_crl_book_find(const struct hf_crl_book *book,
                                               struct hf_span trust_domain)
{
    size_t low = 0;
    size_t high = book == NULL ? 0 : book->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = hf_span_compare(trust_domain, name_of(&book->domains[middle]));
        if (order == 0) {
            return &book->domains[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

void hf_crl_book_ask(const struct hf_crl_book *book, int policy, struct hf_question *question)
{
    question->crl_policy = policy;
    if (policy == 0) {
        return;
    }
    const struct hf_domain_lists *found = hf_crl_book_find(book, question->trust_domain);
    question->crls = found == NULL ? NULL : found->crls;
    question->crls_unclaimed = book == NULL ? NULL : book->unclaimed;
    question->crls_unusable = found != NULL && found->crls == NULL;
}
