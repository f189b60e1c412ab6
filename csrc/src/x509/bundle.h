/* SPDX-License-Identifier: Apache-2.0
 *
 * Trust bundles from the inside. Everything is made at construction and only read afterwards.
 */
#ifndef HF_X509_BUNDLE_H
#define HF_X509_BUNDLE_H

#include "base/refcount.h"
#include "x509/signer.h"

struct hf_authority {
    struct hf_cert cert;      /* borrows from the bundle's own copy of the DER */
    X509 *x509;               /* extensions cached, key decoded */
    struct hf_signer *signer; /* its key */
    uint8_t digest[HF_DIGEST_SIZE];
};

/* What a later layer keeps with a bundle for as long as that lives (verify/issuer_memory.h): this
 * is how it begins. Put in its place, with one exchange, by whoever needs it first. The place is
 * apart from the bundle, which nobody writes. */
struct hf_annex {
    void (*release)(struct hf_annex *annex);
};

struct hf_annex_place {
    _Atomic(struct hf_annex *) kept;
};

struct hf_bundle {
    struct hf_refcount refs;
    uint64_t generation;
    uint8_t digest[HF_DIGEST_SIZE];
    struct hf_authority *authorities; /* sorted by digest */
    size_t count;
    struct hf_annex_place *annex;
    uint8_t *der; /* all authorities */
    size_t der_len;
    size_t trust_domain_len;
    char trust_domain[HF_TRUST_DOMAIN_MAX + 1];
};

struct hf_bundle_set {
    struct hf_refcount refs;
    struct hf_bundle **bundles; /* sorted by trust domain */
    size_t count;
    uint8_t digest[HF_DIGEST_SIZE];
};

/* The bundle of exactly this trust domain, NULL when there is none. Borrowed. */
struct hf_bundle *hf_bundle_set_find(const struct hf_bundle_set *set, struct hf_span trust_domain);

/* Certificates without a trust domain, for web roots: same object, empty trust domain, and the
 * checks of an RFC 5280 anchor instead of a SPIFFE authority (v1 roots are refused too); anchors
 * with keys outside the allow-list are left out and counted in *skipped, since a system store
 * holds some. */
HF_MUST_USE hf_result hf_bundle_new_roots(const uint8_t *der, size_t der_len, size_t *skipped,
                                          struct hf_bundle **out);

#endif
