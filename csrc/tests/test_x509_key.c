/* SPDX-License-Identifier: Apache-2.0
 *
 * Private keys: the three forms, and every way in which a key is not the certificate's.
 */
#include <string.h>

#include "hf_test.h"
#include "pki.h"
#include "x509/private_key.h"
#include "x509/svid.h"

static uint8_t key[8192];
static size_t key_len;

static hf_result load(EVP_PKEY *leaf_key)
{
    static struct pki_spec spec;
    static struct pki_cert leaf;
    struct hf_svid *svid;
    pki_leaf(&spec, "root", "spiffe://a.example/web", leaf_key);
    pki_make(&spec, pki_key(PKI_P256, 0), &leaf);
    hf_result r = hf_svid_new(leaf.der, leaf.len, key, key_len, &svid);
    HF_CHECK(hf_is_ok(r) == (svid != NULL));
    if (hf_is_ok(r)) {
        HF_CHECK(X509_check_private_key(svid->leaf, svid->key) == 1);
    }
    hf_svid_unref(svid);
    return r;
}

static void use(EVP_PKEY *pkey, enum pki_key_form form)
{
    key_len = pki_key_der(pkey, form, key, sizeof(key));
}

static void use_raw(struct der_bytes bytes)
{
    HF_CHECK(hf_mem_copy(key, sizeof(key), bytes.data, bytes.len));
    key_len = bytes.len;
}

static void every_form_of_every_key_is_read(void)
{
    static const enum pki_kind kinds[] = {PKI_P256, PKI_P384, PKI_P521, PKI_RSA2048, PKI_RSA3072};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        EVP_PKEY *pkey = pki_key(kinds[i], 3);
        use(pkey, PKI_PKCS8);
        HF_CHECK_OK(load(pkey));
        use(pkey, PKI_TRADITIONAL);
        HF_CHECK_OK(load(pkey));
    }
    use(pki_key(PKI_ED25519, 3), PKI_PKCS8);
    HF_CHECK_OK(load(pki_key(PKI_ED25519, 3)));
}

static void a_key_of_another_pair_is_refused(void)
{
    static const enum pki_kind kinds[] = {PKI_P256, PKI_P384, PKI_P521, PKI_RSA2048, PKI_ED25519};
    size_t count = sizeof(kinds) / sizeof(kinds[0]);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            use(pki_key(kinds[j], 4), PKI_PKCS8);
            HF_CHECK_CODE(load(pki_key(kinds[i], i == j ? 5 : 4)), HF_E_KEY_MISMATCH);
        }
    }
}

static void encrypted_keys_are_refused(void)
{
    use(pki_key(PKI_P256, 3), PKI_PKCS8_ENCRYPTED);
    HF_CHECK_CODE(load(pki_key(PKI_P256, 3)), HF_E_KEY_INVALID);
    HF_CHECK(strstr(hf_error_current()->expected, "unencrypted") != NULL);
}

static void kinds_outside_the_list_are_refused(void)
{
    static const enum pki_kind kinds[] = {PKI_SECP256K1, PKI_ED448};
    for (size_t i = 0; i < 2; i++) {
        use(pki_key(kinds[i], 0), PKI_PKCS8);
        HF_CHECK_CODE(load(pki_key(PKI_P256, 3)), HF_E_KEY_INVALID);
    }
    use(pki_key(PKI_SECP256K1, 0), PKI_TRADITIONAL);
    HF_CHECK_CODE(load(pki_key(PKI_P256, 3)), HF_E_KEY_INVALID);
    use(pki_key(PKI_RSA1024, 0), PKI_PKCS8);
    HF_CHECK_CODE(load(pki_key(PKI_RSA2048, 3)), HF_E_KEY_MISMATCH);
}

static void every_cut_and_every_longer_key_is_refused(void)
{
    static const enum pki_key_form forms[] = {PKI_PKCS8, PKI_TRADITIONAL};
    for (size_t i = 0; i < 2; i++) {
        use(pki_key(PKI_P256, 3), forms[i]);
        size_t whole = key_len;
        for (key_len = 0; key_len < whole; key_len++) {
            HF_CHECK_CODE(load(pki_key(PKI_P256, 3)), HF_E_KEY_INVALID);
        }
        key_len = whole + 1;
        HF_CHECK_CODE(load(pki_key(PKI_P256, 3)), HF_E_KEY_INVALID);
    }
}

static void a_flipped_bit_is_noticed(void)
{
    /* A wrong private half with the right public half in the same file: only a signature shows it.
     */
    use(pki_key(PKI_P256, 3), PKI_TRADITIONAL);
    key[20] ^= 1; /* inside the private scalar: 30 77 02 01 01 04 20 ... */
    HF_CHECK_CODE(load(pki_key(PKI_P256, 3)), HF_E_KEY_MISMATCH);
    use(pki_key(PKI_RSA2048, 3), PKI_TRADITIONAL);
    struct hf_private_key parts;
    HF_CHECK_OK(hf_private_key_read(hf_span_of(key, key_len), &parts));
    /* OpenSSL falls back to d when p, q and their exponents give a wrong answer: spoil both. */
    key[parts.rsa[2].data - key + 5] ^= 1;
    key[parts.rsa[5].data - key + 5] ^= 1;
    HF_CHECK_CODE(load(pki_key(PKI_RSA2048, 3)), HF_E_KEY_MISMATCH);
}

static void the_public_half_in_the_file_is_not_believed(void)
{
    /* Another's private key under our public key. */
    static uint8_t other[512];
    size_t other_len = pki_key_der(pki_key(PKI_P256, 4), PKI_TRADITIONAL, other, sizeof(other));
    use(pki_key(PKI_P256, 3), PKI_TRADITIONAL);
    HF_CHECK(other_len == key_len);
    HF_CHECK(hf_mem_copy(key + 7, 32, other + 7, 32));
    HF_CHECK_CODE(load(pki_key(PKI_P256, 3)), HF_E_KEY_MISMATCH);
    /* And the other way round: the file's public half is wrong, its private one right. */
    use(pki_key(PKI_P256, 3), PKI_TRADITIONAL);
    HF_CHECK(hf_mem_copy(key + key_len - 64, 64, other + other_len - 64, 64));
    HF_CHECK_OK(load(pki_key(PKI_P256, 3)));
}

/* SEC1 with any scalar and curve; curve NULL leaves it out. */
static void use_sec1(struct der_bytes version, size_t scalar_len, uint8_t fill, const char *curve)
{
    static uint8_t scalar[80];
    struct der_writer w = {key, sizeof(key), 0};
    for (size_t i = 0; i < sizeof(scalar); i++) {
        scalar[i] = fill;
    }
    size_t sequence = der_open(&w, 0x30);
    der_element(&w, 0x02, version);
    der_element(&w, 0x04, (struct der_bytes){scalar, scalar_len});
    if (curve != NULL) {
        size_t parameters = der_open(&w, 0xa0);
        der_oid(&w, curve);
        der_close(&w, parameters);
    }
    der_close(&w, sequence);
    key_len = w.len;
}

#define P256 "1.2.840.10045.3.1.7"

static void sec1_has_its_form(void)
{
    EVP_PKEY *leaf = pki_key(PKI_P256, 3);
    use_sec1(DER_BYTES("\x01"), 32, 7, P256);
    HF_CHECK_CODE(load(leaf), HF_E_KEY_MISMATCH); /* a key, but not this one's */
    use_sec1(DER_BYTES("\x01"), 31, 7, P256);
    HF_CHECK_CODE(load(leaf), HF_E_KEY_MISMATCH);
    use_sec1(DER_BYTES("\x01"), 33, 7, P256);
    HF_CHECK_CODE(load(leaf), HF_E_KEY_INVALID);
    use_sec1(DER_BYTES("\x01"), 0, 7, P256);
    HF_CHECK_CODE(load(leaf), HF_E_KEY_INVALID);
    use_sec1(DER_BYTES("\x02"), 32, 7, P256);
    HF_CHECK_CODE(load(leaf), HF_E_KEY_INVALID);
    use_sec1(DER_BYTES("\x01"), 32, 7, NULL);
    HF_CHECK_CODE(load(leaf), HF_E_KEY_INVALID);
    use_sec1(DER_BYTES("\x01"), 32, 7, "1.3.132.0.10");
    HF_CHECK_CODE(load(leaf), HF_E_KEY_INVALID);
    /* Outside the range of the group: zero, and more than its order. */
    use_sec1(DER_BYTES("\x01"), 32, 0, P256);
    HF_CHECK(load(leaf).code != HF_OK);
    use_sec1(DER_BYTES("\x01"), 32, 0xff, P256);
    HF_CHECK(load(leaf).code != HF_OK);
}

static void what_is_no_key_is_refused(void)
{
    static const struct der_bytes bad[] = {
        DER_BYTES("\x30\x00"),
        DER_BYTES("\x04\x00"),
        DER_BYTES("\x30\x03\x02\x01\x00"),
        DER_BYTES("\x30\x05\x02\x01\x00\x30\x00"),
        DER_BYTES("\x30\x05\x02\x01\x00\x05\x00"),
        DER_BYTES("\x30\x80\x02\x01\x00\x00\x00"),
        /* PKCS#8 with an unknown algorithm, a wrong version, more bytes. */
        DER_BYTES("\x30\x0b\x02\x01\x00\x30\x04\x06\x02\x2a\x03\x04\x00"),
        DER_BYTES("\x30\x0e\x02\x01\x05\x30\x05\x06\x03\x2b\x65\x70\x04\x02\x04\x00"),
        DER_BYTES("\x30\x0e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x02\x04\x00"),
        DER_BYTES("\x30\x10\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x02\x04\x00\x05\x00"),
        DER_BYTES("\x30\x10\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x04\x04\x00\x05\x00"),
        /* PKCS#1 of two primes only, positive numbers only. */
        DER_BYTES("\x30\x06\x02\x01\x01\x02\x01\x05"),
        DER_BYTES("\x30\x06\x02\x01\x00\x02\x01\xff"),
        DER_BYTES("\x30\x06\x02\x01\x00\x02\x01\x00"),
        DER_BYTES("-----BEGIN PRIVATE KEY-----"),
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        use_raw(bad[i]);
        HF_CHECK_CODE(load(pki_key(PKI_P256, 3)), HF_E_KEY_INVALID);
    }
}

static void pkcs8_may_carry_attributes_and_a_public_key(void)
{
    /* RFC 5958: version 1 with [0] and [1]. */
    static uint8_t raw[32];
    size_t raw_len = sizeof(raw);
    struct der_writer w = {key, sizeof(key), 0};
    HF_CHECK(EVP_PKEY_get_raw_private_key(pki_key(PKI_ED25519, 3), raw, &raw_len) == 1);
    size_t sequence = der_open(&w, 0x30);
    der_element(&w, 0x02, DER_BYTES("\x01"));
    der_element(&w, 0x30, DER_BYTES("\x06\x03\x2b\x65\x70"));
    size_t octets = der_open(&w, 0x04);
    der_element(&w, 0x04, (struct der_bytes){raw, raw_len});
    der_close(&w, octets);
    der_element(&w, 0xa0, DER_NONE);
    der_element(&w, 0x81, DER_BYTES("\x00x"));
    der_close(&w, sequence);
    key_len = w.len;
    HF_CHECK_OK(load(pki_key(PKI_ED25519, 3)));
}

static void a_curve_named_twice_is_named_alike(void)
{
    struct der_writer w = {key, sizeof(key), 0};
    uint8_t inner[256];
    size_t inner_len = pki_key_der(pki_key(PKI_P256, 3), PKI_TRADITIONAL, inner, sizeof(inner));
    size_t sequence = der_open(&w, 0x30);
    der_element(&w, 0x02, DER_BYTES("\x00"));
    size_t algorithm = der_open(&w, 0x30);
    der_oid(&w, "1.2.840.10045.2.1");
    der_oid(&w, "1.3.132.0.34"); /* P-384 outside, P-256 inside */
    der_close(&w, algorithm);
    der_element(&w, 0x04, (struct der_bytes){inner, inner_len});
    der_close(&w, sequence);
    key_len = w.len;
    HF_CHECK_CODE(load(pki_key(PKI_P256, 3)), HF_E_KEY_INVALID);
}

HF_TESTS({"every form of every key is read", every_form_of_every_key_is_read},
         {"a key of another pair is refused", a_key_of_another_pair_is_refused},
         {"encrypted keys are refused", encrypted_keys_are_refused},
         {"kinds outside the list are refused", kinds_outside_the_list_are_refused},
         {"every cut and every longer key is refused", every_cut_and_every_longer_key_is_refused},
         {"a flipped bit is noticed", a_flipped_bit_is_noticed},
         {"the public half is not believed", the_public_half_in_the_file_is_not_believed},
         {"SEC1 has its form", sec1_has_its_form},
         {"what is no key is refused", what_is_no_key_is_refused},
         {"PKCS#8 may carry attributes", pkcs8_may_carry_attributes_and_a_public_key},
         {"a curve named twice is named alike", a_curve_named_twice_is_named_alike})
