/* SPDX-License-Identifier: Apache-2.0
 *
 * Revocation lists by trust domain from the inside. Everything is made at construction and only
 * read afterwards.
 */
#ifndef HF_VERIFY_CRL_BOOK_H
#define HF_VERIFY_CRL_BOOK_H

#include "id/trust_domain.h"
#include "verify/crl_set.h"
#include "verify/question.h"

struct hf_domain_lists {
    size_t trust_domain_len;
    uint8_t trust_domain[HF_TRUST_DOMAIN_MAX];
    struct hf_crl_set *crls; /* NULL: there are some, and they cannot be used */
};

struct hf_crl_book {
    struct hf_refcount refs;
    size_t count;
    struct hf_domain_lists *domains; /* sorted by trust domain */
    struct hf_crl_set *unclaimed;    /* NULL: none */
};

/* Exactly this trust domain's; NULL when it has no lists. */
const struct hf_domain_lists *hf_crl_book_find(const struct hf_crl_book *book,
                                               struct hf_span trust_domain);

/* Fill in what is asked about revocation; the question has its trust domain already. `book` may be
 * NULL when the policy is 0. */
void hf_crl_book_ask(const struct hf_crl_book *book, int policy, struct hf_question *question);

#endif
