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

/* What later layers keep with a bundle for as long as it lives, made by whoever needs it first
 * (verify/issuer_memory.h). Not part of the bundle's content: a bundle that cannot be written still
 * has one that can. */
struct hf_annex {
    _Atomic(void *) kept;
    void (*release)(void *kept);
};

struct hf_bundle {
    struct hf_refcount refs;
    uint64_t generation;
    uint8_t digest[HF_DIGEST_SIZE];
    struct hf_authority *authorities; /* sorted by digest */
    size_t count;
    struct hf_annex *annex;
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
