/* SPDX-License-Identifier: Apache-2.0
 *
 * Signature algorithms and public keys of the allow-list, with exact parameters (C10, X509-27).
 */
#include "hf_test.h"
#include "pki.h"
#include "x509/certificate.h"

static struct pki_spec spec;
static struct pki_cert der;
static struct hf_cert cert;

static void start(EVP_PKEY *key)
{
    pki_leaf(&spec, "root", "spiffe://a.example/web", key);
}

static hf_result parse(EVP_PKEY *issuer)
{
    pki_make(&spec, issuer, &der);
    return hf_cert_parse(pki_span(&der), &cert);
}

struct algorithm {
    enum pki_kind key;
    enum pki_algorithm wanted;
    enum hf_signature_kind kind;
};

static void each_algorithm_of_the_list_is_read(void)
{
    static const struct algorithm list[] = {
        {PKI_P256, PKI_SIGN_ECDSA_SHA256, HF_SIG_ECDSA_SHA256},
        {PKI_P384, PKI_SIGN_ECDSA_SHA384, HF_SIG_ECDSA_SHA384},
        {PKI_P521, PKI_SIGN_ECDSA_SHA512, HF_SIG_ECDSA_SHA512},
        {PKI_RSA2048, PKI_SIGN_RSA_SHA256, HF_SIG_RSA_SHA256},
        {PKI_RSA2048, PKI_SIGN_RSA_SHA384, HF_SIG_RSA_SHA384},
        {PKI_RSA2048, PKI_SIGN_RSA_SHA512, HF_SIG_RSA_SHA512},
        {PKI_RSA2048, PKI_SIGN_PSS_SHA256, HF_SIG_RSA_PSS_SHA256},
        {PKI_RSA2048, PKI_SIGN_PSS_SHA384, HF_SIG_RSA_PSS_SHA384},
        {PKI_RSA2048, PKI_SIGN_PSS_SHA512, HF_SIG_RSA_PSS_SHA512},
        {PKI_ED25519, PKI_SIGN_ED25519, HF_SIG_ED25519},
    };
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        start(pki_key(PKI_P256, 1));
        spec.algorithm = list[i].wanted;
        HF_CHECK_OK(parse(pki_key(list[i].key, 0)));
        HF_CHECK(cert.signature_kind == list[i].kind);
    }
}

static void sha1_is_refused(void)
{
    start(pki_key(PKI_P256, 1));
    spec.algorithm = PKI_SIGN_ECDSA_SHA1;
    HF_CHECK_CODE(parse(pki_key(PKI_P256, 0)), HF_E_CERT_ALGORITHM);
    spec.algorithm = PKI_SIGN_RSA_SHA1;
    HF_CHECK_CODE(parse(pki_key(PKI_RSA2048, 0)), HF_E_CERT_ALGORITHM);
    /* ... but a configured root's signature of itself is not judged. */
    HF_CHECK_OK(hf_cert_parse_root(pki_span(&der), &cert));
    HF_CHECK(cert.signature_kind == HF_SIG_NONE && cert.key_kind == HF_KEY_P256);
}

static hf_result with_algorithm(struct der_bytes inner, struct der_bytes outer)
{
    start(pki_key(PKI_P256, 1));
    spec.inner_algorithm = inner;
    spec.outer_algorithm = outer;
    return parse(pki_key(PKI_P256, 0));
}

static void inner_and_outer_algorithm_are_the_same(void)
{
    struct der_bytes sha256 = DER_BYTES("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02");
    struct der_bytes sha384 = DER_BYTES("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03");
    HF_CHECK_OK(with_algorithm(sha256, sha256));
    HF_CHECK_CODE(with_algorithm(sha256, sha384), HF_E_CERT_ALGORITHM);
    HF_CHECK_CODE(with_algorithm(sha384, sha256), HF_E_CERT_ALGORITHM);
    HF_CHECK_CODE(hf_cert_parse_root(pki_span(&der), &cert), HF_E_CERT_ALGORITHM);
}

static hf_result with_both(struct der_bytes algorithm)
{
    return with_algorithm(algorithm, algorithm);
}

static void parameters_are_exact(void)
{
    /* ECDSA with NULL, RSA without, Ed25519 with NULL. */
    HF_CHECK_CODE(with_both(DER_BYTES("\x30\x0c\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02\x05\x00")),
                  HF_E_CERT_ALGORITHM);
    HF_CHECK_CODE(with_both(DER_BYTES("\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b")),
                  HF_E_CERT_ALGORITHM);
    HF_CHECK_OK(
        with_both(DER_BYTES("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00")));
    HF_CHECK_CODE(with_both(DER_BYTES("\x30\x07\x06\x03\x2b\x65\x70\x05\x00")),
                  HF_E_CERT_ALGORITHM);
    HF_CHECK_OK(with_both(DER_BYTES("\x30\x05\x06\x03\x2b\x65\x70")));
    HF_CHECK_CODE(with_both(DER_BYTES("\x30\x05\x06\x03\x2b\x65\x71")), HF_E_CERT_ALGORITHM);
    HF_CHECK_CODE(with_both(DER_BYTES("\x30\x00")), HF_E_DER_TRUNCATED);
    HF_CHECK_CODE(with_both(DER_BYTES("\x30\x02\x05\x00")), HF_E_DER_TAG);
    /* MD5, SHA-224 with RSA. */
    HF_CHECK_CODE(
        with_both(DER_BYTES("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04\x05\x00")),
        HF_E_CERT_ALGORITHM);
    HF_CHECK_CODE(
        with_both(DER_BYTES("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0e\x05\x00")),
        HF_E_CERT_ALGORITHM);
}

/* PSS with any three of hash, MGF1 hash and salt; `null` writes NULL parameters for the hashes. */
static struct der_bytes pss(const char *hash, const char *mgf, uint8_t salt, bool null)
{
    static uint8_t buffer[128];
    struct der_writer w = {buffer, sizeof(buffer), 0};
    size_t algorithm = der_open(&w, 0x30);
    der_oid(&w, "1.2.840.113549.1.1.10");
    size_t parameters = der_open(&w, 0x30);
    size_t field = der_open(&w, 0xa0);
    size_t digest = der_open(&w, 0x30);
    der_oid(&w, hash);
    if (null) {
        der_element(&w, 0x05, DER_NONE);
    }
    der_close(&w, digest);
    der_close(&w, field);
    field = der_open(&w, 0xa1);
    size_t mgf1 = der_open(&w, 0x30);
    der_oid(&w, "1.2.840.113549.1.1.8");
    digest = der_open(&w, 0x30);
    der_oid(&w, mgf);
    if (null) {
        der_element(&w, 0x05, DER_NONE);
    }
    der_close(&w, digest);
    der_close(&w, mgf1);
    der_close(&w, field);
    field = der_open(&w, 0xa2);
    der_element(&w, 0x02, (struct der_bytes){&salt, 1});
    der_close(&w, field);
    der_close(&w, parameters);
    der_close(&w, algorithm);
    return der_done(&w);
}

#define SHA256 "2.16.840.1.101.3.4.2.1"
#define SHA384 "2.16.840.1.101.3.4.2.2"
#define SHA512 "2.16.840.1.101.3.4.2.3"
#define SHA1 "1.3.14.3.2.26"

static void pss_names_one_hash_everywhere(void)
{
    HF_CHECK_OK(with_both(pss(SHA256, SHA256, 32, true)));
    HF_CHECK_OK(with_both(pss(SHA384, SHA384, 48, true)));
    HF_CHECK_OK(with_both(pss(SHA512, SHA512, 64, true)));
    HF_CHECK_OK(with_both(pss(SHA256, SHA256, 32, false)));
    HF_CHECK_OK(with_both(pss(SHA384, SHA384, 48, false)));
    HF_CHECK_OK(with_both(pss(SHA512, SHA512, 64, false)));
    HF_CHECK_CODE(with_both(pss(SHA256, SHA384, 32, true)), HF_E_CERT_ALGORITHM);
    HF_CHECK_CODE(with_both(pss(SHA256, SHA1, 32, true)), HF_E_CERT_ALGORITHM);
    HF_CHECK_CODE(with_both(pss(SHA256, SHA256, 20, true)), HF_E_CERT_ALGORITHM);
    HF_CHECK_CODE(with_both(pss(SHA256, SHA256, 0, true)), HF_E_CERT_ALGORITHM);
    HF_CHECK_CODE(with_both(pss(SHA512, SHA512, 32, true)), HF_E_CERT_ALGORITHM);
    HF_CHECK_CODE(with_both(pss(SHA1, SHA1, 20, true)), HF_E_CERT_ALGORITHM);
    /* All defaults: SHA-1. */
    HF_CHECK_CODE(
        with_both(DER_BYTES("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x00")),
        HF_E_CERT_ALGORITHM);
}

struct key {
    enum pki_kind key;
    enum hf_key_kind kind;
    uint32_t bits;
};

static void each_key_of_the_list_is_read(void)
{
    static const struct key list[] = {
        {PKI_P256, HF_KEY_P256, 256},    {PKI_P384, HF_KEY_P384, 384},
        {PKI_P521, HF_KEY_P521, 521},    {PKI_RSA2048, HF_KEY_RSA, 2048},
        {PKI_RSA3072, HF_KEY_RSA, 3072}, {PKI_ED25519, HF_KEY_ED25519, 256},
    };
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        start(pki_key(list[i].key, 1));
        HF_CHECK_OK(parse(pki_key(PKI_P256, 0)));
        HF_CHECK(cert.key_kind == list[i].kind && cert.key_bits == list[i].bits);
    }
}

static void other_keys_are_refused(void)
{
    start(pki_key(PKI_RSA1024, 0));
    HF_CHECK_CODE(parse(pki_key(PKI_P256, 0)), HF_E_CERT_KEY);
    start(pki_key(PKI_SECP256K1, 0));
    HF_CHECK_CODE(parse(pki_key(PKI_P256, 0)), HF_E_CERT_KEY);
    start(pki_key(PKI_ED448, 0));
    HF_CHECK_CODE(parse(pki_key(PKI_P256, 0)), HF_E_CERT_KEY);
}

static hf_result with_key(struct der_bytes algorithm, size_t key_len, uint8_t first)
{
    static uint8_t buffer[512];
    static uint8_t key[256];
    struct der_writer w = {buffer, sizeof(buffer), 0};
    key[0] = 0;
    key[1] = first;
    size_t spki = der_open(&w, 0x30);
    der_element(&w, 0x30, algorithm);
    der_element(&w, 0x03, (struct der_bytes){key, key_len + 1});
    der_close(&w, spki);
    start(pki_key(PKI_P256, 1));
    spec.spki = der_done(&w);
    return parse(pki_key(PKI_P256, 0));
}

#define EC "\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"
#define P256 "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"

static void points_are_uncompressed_and_of_the_right_length(void)
{
    HF_CHECK_OK(with_key(DER_BYTES(EC P256), 65, 4));
    HF_CHECK_CODE(with_key(DER_BYTES(EC P256), 65, 2), HF_E_CERT_KEY);
    HF_CHECK_CODE(with_key(DER_BYTES(EC P256), 65, 6), HF_E_CERT_KEY); /* hybrid form */
    HF_CHECK_CODE(with_key(DER_BYTES(EC P256), 33, 2), HF_E_CERT_KEY); /* compressed */
    HF_CHECK_CODE(with_key(DER_BYTES(EC P256), 64, 4), HF_E_CERT_KEY);
    HF_CHECK_CODE(with_key(DER_BYTES(EC P256), 66, 4), HF_E_CERT_KEY);
    HF_CHECK_CODE(with_key(DER_BYTES(EC P256), 1, 0), HF_E_CERT_KEY); /* infinity */
    HF_CHECK_CODE(with_key(DER_BYTES(EC P256), 0, 0), HF_E_CERT_KEY);
    HF_CHECK_OK(with_key(DER_BYTES(EC "\x06\x05\x2b\x81\x04\x00\x22"), 97, 4));
    HF_CHECK_CODE(with_key(DER_BYTES(EC "\x06\x05\x2b\x81\x04\x00\x22"), 65, 4), HF_E_CERT_KEY);
    HF_CHECK_OK(with_key(DER_BYTES(EC "\x06\x05\x2b\x81\x04\x00\x23"), 133, 4));
    HF_CHECK_CODE(with_key(DER_BYTES(EC "\x06\x05\x2b\x81\x04\x00\x23"), 132, 4), HF_E_CERT_KEY);
    HF_CHECK_OK(with_key(DER_BYTES("\x06\x03\x2b\x65\x70"), 32, 9));
    HF_CHECK_CODE(with_key(DER_BYTES("\x06\x03\x2b\x65\x70"), 31, 9), HF_E_CERT_KEY);
    HF_CHECK_CODE(with_key(DER_BYTES("\x06\x03\x2b\x65\x70\x05\x00"), 32, 9), HF_E_CERT_KEY);
}

static void curves_are_named(void)
{
    /* C10, CVE-2022-0778: explicit parameters; also none, implicit, and NULL. */
    HF_CHECK_CODE(with_key(DER_BYTES(EC "\x30\x03\x02\x01\x01"), 65, 4), HF_E_CERT_KEY);
    HF_CHECK_CODE(with_key(DER_BYTES(EC), 65, 4), HF_E_CERT_KEY);
    HF_CHECK_CODE(with_key(DER_BYTES(EC "\x05\x00"), 65, 4), HF_E_CERT_KEY);
    HF_CHECK_CODE(with_key(DER_BYTES(EC P256 "\x05\x00"), 65, 4), HF_E_CERT_KEY);
}

struct rsa {
    size_t bytes;         /* of the modulus */
    uint8_t top;          /* its first byte */
    uint8_t bottom;       /* its last byte */
    const char *exponent; /* content of the INTEGER */
    size_t exponent_len;
    uint32_t code;
};

static hf_result with_rsa(const struct rsa *rsa)
{
    static uint8_t buffer[4096];
    static uint8_t modulus[2000];
    struct der_writer w = {buffer, sizeof(buffer), 0};
    size_t pad = rsa->top >= 0x80 ? 1 : 0;
    modulus[0] = 0;
    modulus[pad] = rsa->top;
    modulus[pad + rsa->bytes - 1] = rsa->bottom;
    size_t spki = der_open(&w, 0x30);
    der_element(&w, 0x30, DER_BYTES("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00"));
    size_t bits = der_open(&w, 0x03);
    der_raw(&w, DER_BYTES("\x00"));
    size_t key = der_open(&w, 0x30);
    der_element(&w, 0x02, (struct der_bytes){modulus, pad + rsa->bytes});
    der_element(&w, 0x02, (struct der_bytes){(const uint8_t *)rsa->exponent, rsa->exponent_len});
    der_close(&w, key);
    der_close(&w, bits);
    der_close(&w, spki);
    start(pki_key(PKI_P256, 1));
    spec.spki = der_done(&w);
    hf_result r = parse(pki_key(PKI_P256, 0));
    modulus[pad + rsa->bytes - 1] = 0;
    return r;
}

static void rsa_keys_are_within_bounds(void)
{
    static const struct rsa list[] = {
        {256, 0x80, 1, "\x01\x00\x01", 3, HF_OK},
        {256, 0xff, 1, "\x03", 1, HF_OK},
        {1024, 0x80, 1, "\x00\xff\xff\xff\xff", 5, HF_OK},
        {257, 0x80, 1, "\x01\x00\x01", 3, HF_OK},
        {255, 0x80, 1, "\x01\x00\x01", 3, HF_E_CERT_KEY},
        {256, 0x7f, 1, "\x01\x00\x01", 3, HF_E_CERT_KEY}, /* 2047 bits */
        {257, 0x01, 1, "\x01\x00\x01", 3, HF_E_CERT_KEY}, /* 2049 bits */
        {1025, 0x80, 1, "\x01\x00\x01", 3, HF_E_CERT_KEY},
        {256, 0x80, 2, "\x01\x00\x01", 3, HF_E_CERT_KEY}, /* even */
        {256, 0x80, 1, "\x01", 1, HF_E_CERT_KEY},
        {256, 0x80, 1, "\x02", 1, HF_E_CERT_KEY},
        {256, 0x80, 1, "\x04", 1, HF_E_CERT_KEY},
        {256, 0x80, 1, "\x00", 1, HF_E_CERT_KEY},
        {256, 0x80, 1, "\xff", 1, HF_E_CERT_KEY}, /* negative */
        {256, 0x80, 1, "\x01\x00\x00\x00\x01", 5, HF_E_CERT_KEY},
        {256, 0x80, 1, "\x01\x00\x00\x00\x00\x01", 6, HF_E_CERT_KEY},
        {256, 0x80, 1, "\x00\x03", 2, HF_E_DER_VALUE}, /* padded */
        {256, 0x80, 1, "", 0, HF_E_DER_VALUE},
    };
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        HF_CHECK_CODE(with_rsa(&list[i]), list[i].code);
    }
}

static void rsa_parameters_are_null(void)
{
    HF_CHECK_CODE(with_key(DER_BYTES("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"), 100, 0x30),
                  HF_E_CERT_KEY);
    /* id-RSASSA-PSS as a key type: refused, one form of an RSA key is enough. */
    HF_CHECK_CODE(with_key(DER_BYTES("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"), 100, 0x30),
                  HF_E_CERT_KEY);
    HF_CHECK_CODE(
        with_key(DER_BYTES("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00"), 2, 0x30),
        HF_E_DER_TRUNCATED); /* 30 00: no numbers in it */
}

HF_TESTS({"each algorithm of the list is read", each_algorithm_of_the_list_is_read},
         {"SHA-1 is refused", sha1_is_refused},
         {"inner and outer algorithm are the same", inner_and_outer_algorithm_are_the_same},
         {"parameters are exact", parameters_are_exact},
         {"PSS names one hash everywhere", pss_names_one_hash_everywhere},
         {"each key of the list is read", each_key_of_the_list_is_read},
         {"other keys are refused", other_keys_are_refused},
         {"points are uncompressed", points_are_uncompressed_and_of_the_right_length},
         {"curves are named", curves_are_named},
         {"RSA keys are within bounds", rsa_keys_are_within_bounds},
         {"RSA parameters are NULL", rsa_parameters_are_null})
