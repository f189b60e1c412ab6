/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates for tests, made at run time so that no file ages: every field can be given raw, so
 * every mistake of an issuer can be made. Keys and signatures are OpenSSL's.
 *
 *   struct pki_spec spec;
 *   struct pki_cert root, leaf;
 *   pki_authority(&spec, "root", "spiffe://a.example", pki_key(PKI_P256, 0));
 *   pki_make(&spec, pki_key(PKI_P256, 0), &root);
 *   pki_leaf(&spec, "root", "spiffe://a.example/web", pki_key(PKI_P256, 1));
 *   pki_add(&spec, PKI_OID_BASIC_CONSTRAINTS, true, DER_BYTES("\x30\x00"));
 *   pki_make(&spec, pki_key(PKI_P256, 0), &leaf);
 *
 * A failure inside is a bug of the test and ends the process.
 */
#ifndef HF_TESTS_PKI_H
#define HF_TESTS_PKI_H

#include <openssl/evp.h>
#include <stdbool.h>

#include "base/span.h"
#include "der_writer.h"

enum pki_kind {
    PKI_P256,
    PKI_P384,
    PKI_P521,
    PKI_RSA2048,
    PKI_RSA3072,
    PKI_ED25519,
    PKI_RSA1024, /* refused kinds from here */
    PKI_SECP256K1,
    PKI_ED448,
    PKI_KINDS
};

#define PKI_KEYS_MAX 8

/* The index-th key of a kind, made at first use and kept: borrowed, never freed by the caller. */
EVP_PKEY *pki_key(enum pki_kind kind, size_t index);

/* How a certificate is signed. DEFAULT: SHA-256 and what fits the key (P-384: SHA-384, P-521:
 * SHA-512). */
enum pki_algorithm {
    PKI_SIGN_DEFAULT,
    PKI_SIGN_ECDSA_SHA256,
    PKI_SIGN_ECDSA_SHA384,
    PKI_SIGN_ECDSA_SHA512,
    PKI_SIGN_RSA_SHA256,
    PKI_SIGN_RSA_SHA384,
    PKI_SIGN_RSA_SHA512,
    PKI_SIGN_PSS_SHA256,
    PKI_SIGN_PSS_SHA384,
    PKI_SIGN_PSS_SHA512,
    PKI_SIGN_ED25519,
    PKI_SIGN_ECDSA_SHA1, /* refused from here */
    PKI_SIGN_RSA_SHA1,
    PKI_ALGORITHMS
};

#define PKI_OID_SKI "2.5.29.14"
#define PKI_OID_KEY_USAGE "2.5.29.15"
#define PKI_OID_SAN "2.5.29.17"
#define PKI_OID_BASIC_CONSTRAINTS "2.5.29.19"
#define PKI_OID_NAME_CONSTRAINTS "2.5.29.30"
#define PKI_OID_CRL_POINTS "2.5.29.31"
#define PKI_OID_POLICIES "2.5.29.32"
#define PKI_OID_POLICY_MAPPINGS "2.5.29.33"
#define PKI_OID_AKI "2.5.29.35"
#define PKI_OID_POLICY_CONSTRAINTS "2.5.29.36"
#define PKI_OID_EKU "2.5.29.37"
#define PKI_OID_INHIBIT_ANY "2.5.29.54"
#define PKI_OID_SERVER_AUTH "1.3.6.1.5.5.7.3.1"
#define PKI_OID_CLIENT_AUTH "1.3.6.1.5.5.7.3.2"
#define PKI_OID_EMAIL "1.3.6.1.5.5.7.3.4"
#define PKI_OID_ANY_EKU "2.5.29.37.0"

/* Tags of GeneralName. */
#define PKI_OTHER 0xa0
#define PKI_EMAIL 0x81
#define PKI_DNS 0x82
#define PKI_DIRECTORY 0xa4
#define PKI_URI 0x86
#define PKI_IP 0x87
#define PKI_RID 0x88

struct pki_name {
    uint8_t tag;
    struct der_bytes value;
};

struct pki_extension {
    char oid[64];
    bool critical;
    bool false_written; /* critical FALSE written out: not DER */
    size_t at;          /* value in the spec's pool */
    size_t len;
};

#define PKI_EXTENSIONS_MAX 24
#define PKI_POOL 16384

/* What to make. A field left zero takes the default in its comment. */
struct pki_spec {
    struct der_bytes version; /* content of [0]; default: INTEGER 2 */
    bool no_version;          /* version 1: field absent */
    struct der_bytes serial;  /* content of the INTEGER; default: a fresh positive one */
    struct der_bytes issuer;  /* whole Name; default: CN=issuer_name */
    struct der_bytes subject; /* whole Name; default: CN=subject_name, empty when NULL */
    const char *issuer_name;
    const char *subject_name;
    struct der_bytes validity; /* content of the SEQUENCE; default: from the two times */
    int64_t not_before;
    int64_t not_after;
    EVP_PKEY *key;         /* the subject's */
    struct der_bytes spki; /* whole; default: of `key` */
    enum pki_algorithm algorithm;
    struct der_bytes inner_algorithm; /* whole AlgorithmIdentifier in the TBS; default: as signed */
    struct der_bytes outer_algorithm; /* the same outside */
    struct der_bytes before_extensions; /* raw: unique identifiers */
    struct der_bytes extensions_raw;    /* whole [3] element instead of the list */
    struct der_bytes after_extensions;  /* raw, at the end of the TBS */
    struct der_bytes signature;         /* content of the BIT STRING incl. unused bits */
    bool no_extensions;
    bool bad_signature; /* one bit of it flipped */
    struct pki_extension extensions[PKI_EXTENSIONS_MAX];
    size_t extension_count;
    uint8_t pool[PKI_POOL];
    size_t pool_len;
};

#define PKI_CERT_MAX 20000

struct pki_cert {
    size_t len;
    uint8_t der[PKI_CERT_MAX];
};

/* Validity of everything made here unless told otherwise: PKI_NOW is inside. */
#define PKI_NOW INT64_C(1800000000)
#define PKI_NOT_BEFORE (PKI_NOW - 3600)
#define PKI_NOT_AFTER (PKI_NOW + 3600)

/* Start a spec. A strict leaf: empty subject, critical SAN with the one URI, KU critical
 * digitalSignature, EKU server and client. An authority: KU critical keyCertSign and cRLSign, BC
 * critical CA, URI when not NULL, self-issued. An intermediate: the same with its own issuer.
 * SKI and AKI are not added: pki_add_key_ids. */
void pki_leaf(struct pki_spec *spec, const char *issuer, const char *uri, EVP_PKEY *key);
void pki_authority(struct pki_spec *spec, const char *name, const char *uri, EVP_PKEY *key);
void pki_intermediate(struct pki_spec *spec, const char *issuer, const char *name, const char *uri,
                      EVP_PKEY *key);

/* Extensions. `add` never looks whether one is there already; `set` replaces all of that OID. */
void pki_add(struct pki_spec *spec, const char *oid, bool critical, struct der_bytes value);
void pki_set(struct pki_spec *spec, const char *oid, bool critical, struct der_bytes value);
void pki_drop(struct pki_spec *spec, const char *oid);
void pki_set_san(struct pki_spec *spec, bool critical, const struct pki_name *names, size_t count);
void pki_set_uri(struct pki_spec *spec, bool critical, struct der_bytes uri);
/* HF_KU_* bits; 0 writes an empty bit string. */
void pki_set_key_usage(struct pki_spec *spec, bool critical, unsigned bits);
void pki_set_eku(struct pki_spec *spec, bool critical, const char *const *oids, size_t count);
/* path_len < 0: none. */
void pki_set_basic_constraints(struct pki_spec *spec, bool critical, bool ca, long path_len);
/* permitted and excluded URI subtrees, NULL for none. */
void pki_set_name_constraints(struct pki_spec *spec, bool critical, const char *permitted,
                              const char *excluded);
/* SKI of the subject's key and AKI of the issuer's (SHA-1 of nothing here: first 20 bytes of a
 * SHA-256 of the public key, which RFC 5280 allows). */
void pki_add_key_ids(struct pki_spec *spec, EVP_PKEY *issuer_key);

/* Bytes that live as long as the spec: for values built on the way. */
struct der_bytes pki_keep(struct pki_spec *spec, struct der_bytes bytes);

/* Sign and encode. */
void pki_make(const struct pki_spec *spec, EVP_PKEY *issuer_key, struct pki_cert *out);

static inline struct hf_span pki_span(const struct pki_cert *cert)
{
    return hf_span_of(cert->der, cert->len);
}

/* Certificates back to back, for bundles and chains. `cap` bytes at `out`; returns the length. */
size_t pki_concat(const struct pki_cert *const *certs, size_t count, uint8_t *out, size_t cap);

/* Private keys as files carry them. Each returns the length. */
enum pki_key_form { PKI_PKCS8, PKI_TRADITIONAL, PKI_PKCS8_ENCRYPTED };
size_t pki_key_der(EVP_PKEY *key, enum pki_key_form form, uint8_t *out, size_t cap);

#endif
