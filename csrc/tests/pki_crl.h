/* SPDX-License-Identifier: Apache-2.0
 *
 * Revocation lists for tests, made like the certificates of pki.h: every field can be given raw.
 *
 *   struct pki_crl_spec spec;
 *   pki_crl(&spec, "root", KIT_KEY(0));
 *   const struct pki_revoked one = {.serial = DER_BYTES("\x05")};
 *   spec.entries = &one, spec.count = 1;
 *   pki_crl_make(&spec, KIT_KEY(0), &crl);
 */
#ifndef HF_TESTS_PKI_CRL_H
#define HF_TESTS_PKI_CRL_H

#include "pki.h"

#define PKI_OID_CRL_NUMBER "2.5.29.20"
#define PKI_OID_DELTA_CRL "2.5.29.27"
#define PKI_OID_ISSUING_POINT "2.5.29.28"

/* An entry: only `serial` must be given. */
struct pki_revoked {
    struct der_bytes serial;
    struct der_bytes date;       /* whole Time; default: PKI_NOW - 86400 */
    struct der_bytes extensions; /* whole SEQUENCE; default: none */
};

struct pki_crl_spec {
    const char *issuer_name;
    struct der_bytes version; /* whole element; default: INTEGER 1 */
    bool no_version;
    struct der_bytes times; /* both, raw; default: from the two below */
    int64_t this_update;
    int64_t next_update;
    const struct pki_revoked *entries;
    size_t count;
    struct der_bytes entries_raw; /* whole element instead of the list */
    bool no_extensions;
    /* Extensions (pki_add, pki_set, pki_drop), algorithm, outer_algorithm, bad_signature and
     * after_extensions are those of a certificate's spec. */
    struct pki_spec parts;
};

/* A good list: version 2, thisUpdate an hour ago, nextUpdate in an hour, a CRL number, and the key
 * identifier of its issuer. */
void pki_crl(struct pki_crl_spec *spec, const char *issuer, EVP_PKEY *issuer_key);

/* Sign and encode: the length, of at most `cap` bytes at `out`. */
size_t pki_crl_make(const struct pki_crl_spec *spec, EVP_PKEY *issuer_key, uint8_t *out,
                    size_t cap);

#endif
