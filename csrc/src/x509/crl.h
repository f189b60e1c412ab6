/* SPDX-License-Identifier: Apache-2.0
 *
 * The strict view of a certificate revocation list (RFC 5280 section 5): read once, and then an
 * index of serial numbers, so that a list of 100,000 entries costs one reading and each question a
 * few comparisons.
 *
 * Complete lists that an issuer signed for its own certificates, whole or in parts (distribution
 * points, kinds of certificates, reasons). Refused: delta and indirect lists, lists of attribute
 * certificates, and whatever is critical and not understood, in a list or in one of its entries.
 */
#ifndef HF_X509_CRL_H
#define HF_X509_CRL_H

#include "x509/certificate.h"

/* Kinds of certificates that a list speaks of. */
#define HF_CRL_USERS 0x1u
#define HF_CRL_AUTHORITIES 0x2u

/* Reasons as the bits of ReasonFlags, bit 0 unused: all eight. */
#define HF_CRL_ALL_REASONS 0x1feu

/* CRLReason of an entry without one. */
#define HF_CRL_UNSPECIFIED 0

struct hf_crl_entry {
    const uint8_t *serial;
    int64_t revoked_at;
    uint8_t serial_len;
    uint8_t reason; /* CRLReason, 0 to 10 */
};

struct hf_crl {
    struct hf_span der;
    struct hf_span tbs;    /* TBSCertList with its header: what is signed */
    struct hf_span issuer; /* Name with its header */
    struct hf_span signature;
    struct hf_span aki;   /* keyIdentifier, empty when absent */
    struct hf_span point; /* DistributionPointName, with its header; empty: for every point */
    struct hf_crl_entry *entries; /* sorted by serial number: owned */
    size_t count;
    int64_t this_update;
    int64_t next_update;
    uint32_t scope;   /* HF_CRL_USERS, HF_CRL_AUTHORITIES */
    uint32_t reasons; /* bits of ReasonFlags that it speaks of */
    enum hf_signature_kind signature_kind;
    bool has_number;
};

/* Read one list; `out` borrows `der` and owns its index.
 * Errors: HF_E_CRL_INVALID, HF_E_CRL_UNSUPPORTED, HF_E_CERT_ALGORITHM, HF_E_DER_*. */
HF_MUST_USE hf_result hf_crl_read(struct hf_span der, struct hf_crl *out);
void hf_crl_wipe(struct hf_crl *crl);

/* The entry of a serial number, NULL when it is not listed. */
const struct hf_crl_entry *hf_crl_find(const struct hf_crl *crl, struct hf_span serial);

/* "keyCompromise" and so on, as RFC 5280 writes them. */
const char *hf_crl_reason_name(uint8_t reason);

#endif
