/* SPDX-License-Identifier: Apache-2.0
 *
 * handfast_crl.h - certificate revocation lists, for general RFC 5280 paths and for SVIDs. Included
 * by handfast.h.
 *
 * What counts. A list speaks of a certificate when it is in the name of the certificate's issuer,
 * is signed by the key of a certificate of that name on the very path that was built (whose key
 * usage, when there is one, has cRLSign), is in date at the time of the verdict, and covers the
 * certificate's kind, its distribution point and all reasons (several lists may do so together).
 * Nothing is fetched, and no list is taken from a peer. Refused when they are loaded: delta lists,
 * indirect lists, lists of attribute certificates, lists without nextUpdate or CRL number, unknown
 * critical extensions of lists or of their entries.
 *
 * A certificate that its issuer listed is revoked whatever the policy says, also when the list is
 * out of date or for other certificates, and whatever the date of its entry. The root is trusted by
 * configuration: no list is asked about it.
 */
#ifndef HANDFAST_CRL_H
#define HANDFAST_CRL_H

#include "handfast.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HF_CRL_MAX 1000                /* lists in one set */
#define HF_CRL_BYTES_MAX 0xffffff      /* bytes of one list: 16 MiB less one */
#define HF_CRL_SET_BYTES_MAX 0x4000000 /* bytes of all of them: 64 MiB; the index adds as much */

struct hf_crl_set; /* revocation lists, read and indexed once: immutable, counted */

/* Concatenated DER lists, at least one. On failure the record's depth is the place of the list.
 * Errors: HF_E_CRL_INVALID, HF_E_CRL_UNSUPPORTED, HF_E_CERT_UNKNOWN_CRITICAL,
 * HF_E_CERT_ALGORITHM, HF_E_DER_*, HF_E_LIMIT. */
HF_MUST_USE hf_result hf_crl_set_new(const uint8_t *der, size_t len, struct hf_crl_set **out);
struct hf_crl_set *hf_crl_set_ref(struct hf_crl_set *set);
void hf_crl_set_unref(struct hf_crl_set *set);
size_t hf_crl_set_count(const struct hf_crl_set *set);
/* Revoked certificates in all of them. */
size_t hf_crl_set_entries(const struct hf_crl_set *set);

/* REQUIRED: every certificate below the root must be covered by good lists.
 * IF_AVAILABLE: a certificate that no list here speaks of passes. One that is spoken of by lists
 * that are out of date or not signed by the issuer does not: that is a mistake, or an attack. */
#define HF_CRL_REQUIRED 1
#define HF_CRL_IF_AVAILABLE 2

/* hf_verifier_new_web() with lists: a reference on `crls` is taken. NULL: none are asked, and
 * crl_policy must be 0. A refusal is HF_E_CERT_REVOKED, HF_E_CRL_MISSING, HF_E_CRL_EXPIRED,
 * HF_E_CRL_NOT_YET_VALID or HF_E_CRL_UNTRUSTED. */
HF_MUST_USE hf_result hf_verifier_new_web_crls(const uint8_t *roots, size_t roots_len,
                                               uint32_t max_depth, struct hf_crl_set *crls,
                                               int crl_policy, struct hf_verifier **out);

/* Lists of several trust domains, each for its own SVIDs and never for another's (P1), even where
 * two call their authorities by the same name: immutable, counted. */
struct hf_crl_book;

/* crls: a reference is taken. NULL: this trust domain has lists that cannot be used; who is in no
 * position to say what they say believes none of its SVIDs, under either policy
 * (HF_E_CRL_INVALID). */
struct hf_crl_page {
    const uint8_t *trust_domain;
    size_t trust_domain_len;
    struct hf_crl_set *crls;
};

/* Any number of pages, 0 too. `unclaimed` (a reference is taken, NULL for none) are lists of which
 * nobody knows whose they are, such as those of a peer's intermediate: they count for whoever has
 * the key that signed them on his path, and are not there for anybody else.
 * Errors: HF_E_BAD_ARGUMENT, also for one trust domain twice. */
HF_MUST_USE hf_result hf_crl_book_new(const struct hf_crl_page *pages, size_t count,
                                      struct hf_crl_set *unclaimed, struct hf_crl_book **out);
struct hf_crl_book *hf_crl_book_ref(struct hf_crl_book *book);
void hf_crl_book_unref(struct hf_crl_book *book);

/* hf_verifier_new() with lists: a reference on `book` is taken. NULL: none are asked, and
 * crl_policy must be 0. A chain is asked about by the lists of the trust domain whose authority it
 * ends in: every certificate below that authority. What is remembered in a cache is bound to the
 * content of the lists and to their dates; sessions are judged again before they are resumed. */
HF_MUST_USE hf_result hf_verifier_new_crls(struct hf_bundle_set *bundles, struct hf_policy *policy,
                                           int rules, struct hf_chain_cache *cache,
                                           struct hf_crl_book *book, int crl_policy,
                                           struct hf_verifier **out);

#ifdef __cplusplus
}
#endif

#endif
