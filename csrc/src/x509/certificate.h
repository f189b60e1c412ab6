/* SPDX-License-Identifier: Apache-2.0
 *
 * The strict one-pass view of a certificate: spans into its DER and facts read from it, no copies
 * and no allocation. What this reader does not understand it refuses; nothing later parses again.
 */
#ifndef HF_X509_CERTIFICATE_H
#define HF_X509_CERTIFICATE_H

#include "base/span.h"

/* Signature algorithms and keys of the allow-list (C10; docs: svid-rules). */
enum hf_signature_kind {
    HF_SIG_NONE = 0,
    HF_SIG_ECDSA_SHA256,
    HF_SIG_ECDSA_SHA384,
    HF_SIG_ECDSA_SHA512,
    HF_SIG_RSA_SHA256,
    HF_SIG_RSA_SHA384,
    HF_SIG_RSA_SHA512,
    HF_SIG_RSA_PSS_SHA256,
    HF_SIG_RSA_PSS_SHA384,
    HF_SIG_RSA_PSS_SHA512,
    HF_SIG_ED25519,
};

enum hf_key_kind {
    HF_KEY_NONE = 0,
    HF_KEY_P256,
    HF_KEY_P384,
    HF_KEY_P521,
    HF_KEY_RSA, /* 2048 to 8192 bits, multiple of 8, odd exponent 3 to 2^32 */
    HF_KEY_ED25519,
};

#define HF_KU_DIGITAL_SIGNATURE 0x0001u
#define HF_KU_NON_REPUDIATION 0x0002u
#define HF_KU_KEY_ENCIPHERMENT 0x0004u
#define HF_KU_DATA_ENCIPHERMENT 0x0008u
#define HF_KU_KEY_AGREEMENT 0x0010u
#define HF_KU_KEY_CERT_SIGN 0x0020u
#define HF_KU_CRL_SIGN 0x0040u
#define HF_KU_ENCIPHER_ONLY 0x0080u
#define HF_KU_DECIPHER_ONLY 0x0100u

#define HF_EKU_SERVER 0x1u
#define HF_EKU_CLIENT 0x2u
#define HF_EKU_ANY 0x4u
#define HF_EKU_OTHER 0x8u

struct hf_cert {
    struct hf_span der;        /* the whole certificate */
    struct hf_span tbs;        /* TBSCertificate with its header: what is signed */
    struct hf_span serial;     /* content bytes */
    struct hf_span issuer;     /* Name with its header */
    struct hf_span subject;    /* Name with its header */
    struct hf_span spki;       /* SubjectPublicKeyInfo with its header */
    struct hf_span public_key; /* content of its BIT STRING */
    struct hf_span signature;  /* content of the BIT STRING */
    struct hf_span uri;        /* the first URI SAN, empty when there is none */
    struct hf_span san;        /* GeneralNames content, for later readers */
    struct hf_span aki;        /* keyIdentifier, empty when absent */
    struct hf_span ski;
    struct hf_span
        name_constraints; /* content of the NameConstraints SEQUENCE, empty when absent */
    int64_t not_before;
    int64_t not_after;
    enum hf_signature_kind signature_kind;
    enum hf_key_kind key_kind;
    uint32_t key_bits;
    uint32_t key_usage; /* HF_KU_* */
    uint32_t eku;       /* HF_EKU_* */
    uint32_t uri_count; /* every URI SAN, also those that are not spiffe (X509-02) */
    uint32_t dns_count;
    uint32_t ip_count;
    uint32_t email_count;
    uint32_t other_san_count;
    int32_t path_len; /* -1: no limit */
    bool has_basic_constraints;
    bool basic_constraints_critical;
    bool is_ca;
    bool has_key_usage;
    bool key_usage_critical;
    bool has_eku;
    bool eku_critical;
    bool has_san;
    bool san_critical;
    bool has_name_constraints;
    bool name_constraints_critical;
    bool has_policy_constraints; /* policyConstraints, policyMappings or inhibitAnyPolicy */
    bool has_unknown_critical;
    /* There is an extension, not critical, that is not read here, or a kind of name whose inside is
     * not, and which OpenSSL may read and refuse: a verdict without OpenSSL must not rest on such a
     * view (P2). Certificate policies and authority information do not count: it reads neither. */
    bool has_unread_extension;
    bool aki_names_issuer; /* the AKI names the issuer's certificate too, by name and serial */
    bool subject_empty;
    bool as_root;     /* read by hf_cert_parse_root */
    bool self_issued; /* issuer and subject are the same bytes */
};

/* Read `der`, all of it. `out` borrows from it. An unknown critical extension, an algorithm or key
 * outside the allow-list, a bad serial or a version other than 3 is refused here.
 * Errors: HF_E_DER_*, HF_E_CERT_*. */
HF_MUST_USE hf_result hf_cert_parse(struct hf_span der, struct hf_cert *out);

/* The same for a configured root of the web, never for a certificate that a peer sent. Somebody
 * chose it, it cannot be issued again, and 39 of the 144 roots of Debian 12 would be refused:
 *   - its signature is its own and proves nothing, so any algorithm will do (SHA-1 often;
 *     signature_kind is NONE then);
 *   - its serial number may be zero;
 *   - GeneralizedTime may stand for years before 2050, and key usage may have trailing zero bits.
 */
HF_MUST_USE hf_result hf_cert_parse_root(struct hf_span der, struct hf_cert *out);

/* The first certificate of concatenated DER: its full extent, taken off `from`. */
HF_MUST_USE hf_result hf_cert_take(struct hf_span *from, struct hf_span *out);

#endif
