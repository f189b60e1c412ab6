/* SPDX-License-Identifier: Apache-2.0
 *
 * Books of revocation lists, as containers: arguments, memory, and finding what is there. What they
 * say of chains: test_policy_crls.c.
 */
#include "crl_kit.h"
#include "hf_test.h"
#include "verify/crl_book.h"

#define A "a.example"
#define B "b.example"

static struct hf_bundle_set *set;
static struct hf_crl_set *crls;

static void make_world(void)
{
    static struct pki_cert root;
    static struct crl_lists lists;
    kit_root(&root, "root", KIT_KEY(0));
    crl_kit_add_plain(&lists, "root", KIT_KEY(0));
    crls = crl_kit_set(&lists);
    set = kit_set1(A, KIT_CERTS(&root));
}

static void books_are_checked(void)
{
    struct hf_crl_book *book;
    struct hf_verifier *verifier;
    char long_name[HF_TRUST_DOMAIN_MAX + 1];
    for (size_t i = 0; i < sizeof(long_name); i++) {
        long_name[i] = 'a';
    }
    const struct hf_crl_page twice[] = {{(const uint8_t *)A, sizeof(A) - 1, NULL},
                                        {(const uint8_t *)B, sizeof(B) - 1, NULL},
                                        {(const uint8_t *)A, sizeof(A) - 1, NULL}};
    const struct hf_crl_page nameless = {(const uint8_t *)A, 0, NULL};
    const struct hf_crl_page null = {NULL, 1, NULL};
    const struct hf_crl_page too_long = {(const uint8_t *)long_name, sizeof(long_name), NULL};
    HF_CHECK_CODE(hf_crl_book_new(twice, 3, NULL, &book), HF_E_BAD_ARGUMENT);
    HF_CHECK(book == NULL);
    HF_CHECK_CODE(hf_crl_book_new(&nameless, 1, NULL, &book), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_crl_book_new(&null, 1, NULL, &book), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_crl_book_new(&too_long, 1, NULL, &book), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_crl_book_new(NULL, 1, NULL, &book), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_crl_book_new(twice, 2, NULL, NULL), HF_E_BAD_ARGUMENT);
    HF_CHECK_OK(hf_crl_book_new(NULL, 0, NULL, &book));
    for (int policy = -1; policy <= 3; policy++) {
        bool good = policy == HF_CRL_REQUIRED || policy == HF_CRL_IF_AVAILABLE;
        HF_CHECK_CODE(hf_verifier_new_crls(set, NULL, 0, NULL, book, policy, &verifier),
                      good ? HF_OK : HF_E_BAD_ARGUMENT);
        hf_verifier_unref(verifier);
        HF_CHECK_CODE(hf_verifier_new_crls(set, NULL, 0, NULL, NULL, policy, &verifier),
                      policy == 0 ? HF_OK : HF_E_BAD_ARGUMENT);
        hf_verifier_unref(verifier);
    }
    hf_crl_book_unref(book);
    hf_crl_book_unref(NULL);
    HF_CHECK(hf_crl_book_ref(NULL) == NULL);
}

static const char *const some[] = {"a", "b", "c", "d", "e", "f", "g"};

/* And each is let go with its book: nothing_is_left() sees to it. */
static void every_page_is_found(void)
{
    struct hf_crl_page pages[7];
    for (size_t i = 0; i < 7; i++) {
        pages[i] = (struct hf_crl_page){(const uint8_t *)some[i * 3 % 7], 1, crls};
    }
    for (size_t count = 0; count <= 7; count++) {
        struct hf_crl_book *book;
        HF_CHECK_OK(hf_crl_book_new(pages, count, crls, &book));
        size_t found = 0;
        for (size_t i = 0; i < 7; i++) {
            const struct hf_domain_lists *at = hf_crl_book_find(book, hf_span_of(some[i], 1));
            found += at != NULL && at->trust_domain[0] == (uint8_t)some[i][0] && at->crls == crls;
        }
        HF_CHECK(found == count);
        HF_CHECK(hf_crl_book_find(book, hf_span_of("aa", 2)) == NULL);
        hf_crl_book_unref(book);
    }
    HF_CHECK(hf_crl_book_find(NULL, hf_span_of("a", 1)) == NULL);
}

static void memory_that_runs_out_is_told(void)
{
    const struct hf_crl_page page = {(const uint8_t *)A, sizeof(A) - 1, NULL};
    bool came = true;
    size_t k = 0;
    while (came) {
        struct hf_crl_book *book;
        hf_mem_fail_at(++k);
        hf_result r = hf_crl_book_new(&page, 1, NULL, &book);
        came = !hf_mem_fail_pending();
        hf_mem_fail_at(0);
        HF_CHECK_CODE(r, came ? HF_E_OUT_OF_MEMORY : HF_OK);
        hf_crl_book_unref(book);
    }
    HF_CHECK(k > 2);
}

static void nothing_is_left(void)
{
    hf_bundle_set_unref(set);
    hf_crl_set_unref(crls);
    HF_CHECK(hf_mem_live() == 0);
}

HF_TESTS({"make the world", make_world}, {"books are checked", books_are_checked},
         {"every page is found", every_page_is_found},
         {"memory that runs out is told", memory_that_runs_out_is_told},
         {"nothing is left", nothing_is_left})
