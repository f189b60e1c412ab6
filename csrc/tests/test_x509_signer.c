/* SPDX-License-Identifier: Apache-2.0
 *
 * Issuers' keys: decoded once, sound, counted; and points that are on their curves (C10).
 */
#include "x509/signer.h"

#include "hf_test.h"
#include "kit.h"
#include "x509/scratch.h"

static const enum pki_kind curves[] = {PKI_P256, PKI_P384, PKI_P521};

/* p of each curve, big-endian. */
static const char *const primes[] = {
    "\xff\xff\xff\xff\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff"
    "\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
    "\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff"
    "\xff\xff",
    "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
};

static void parse(const struct pki_cert *der, struct hf_cert *out)
{
    HF_CHECK_OK(hf_cert_parse(pki_span(der), out));
}

static void make(struct pki_cert *der, EVP_PKEY *key, struct hf_cert *out)
{
    kit_root(der, "root", key);
    parse(der, out);
}

static void every_kind_of_key_is_decoded(void)
{
    static const struct {
        enum pki_kind made;
        enum hf_key_kind kind;
        size_t point_len;
    } rows[] = {{PKI_P256, HF_KEY_P256, 65},  {PKI_P384, HF_KEY_P384, 97},
                {PKI_P521, HF_KEY_P521, 133}, {PKI_RSA2048, HF_KEY_RSA, 0},
                {PKI_RSA3072, HF_KEY_RSA, 0}, {PKI_ED25519, HF_KEY_ED25519, 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pki_cert der;
        struct hf_cert cert;
        struct hf_signer *signer;
        make(&der, pki_key(rows[i].made, 0), &cert);
        HF_CHECK_OK(hf_signer_new(&cert, &signer));
        HF_CHECK(signer->kind == rows[i].kind);
        HF_CHECK(EVP_PKEY_eq(signer->key, pki_key(rows[i].made, 0)) == 1);
        HF_CHECK(signer->point_len == rows[i].point_len);
        HF_CHECK(signer->point_len == 0 ||
                 hf_span_equal(hf_span_of(signer->point, signer->point_len), cert.public_key));
        hf_signer_unref(signer);
    }
}

/* The issuer memory and each thread's contexts go by it. */
static void the_id_is_of_the_key_alone(void)
{
    struct pki_cert ders[3];
    struct hf_cert certs[3];
    struct hf_signer *signers[3];
    kit_root(&ders[0], "root", KIT_KEY(0));
    kit_intermediate(&ders[1], "root", KIT_KEY(1), "other", KIT_KEY(0));
    kit_root(&ders[2], "root", KIT_KEY(1));
    for (size_t i = 0; i < 3; i++) {
        parse(&ders[i], &certs[i]);
        HF_CHECK_OK(hf_signer_new(&certs[i], &signers[i]));
    }
    HF_CHECK(hf_mem_equal(signers[0]->id, HF_DIGEST_SIZE, signers[1]->id, HF_DIGEST_SIZE));
    HF_CHECK(!hf_mem_equal(signers[0]->id, HF_DIGEST_SIZE, signers[2]->id, HF_DIGEST_SIZE));
    for (size_t i = 0; i < 3; i++) {
        hf_signer_unref(signers[i]);
    }
    hf_signer_unref(NULL);
}

static void references_are_counted(void)
{
    size_t before = hf_mem_live();
    struct pki_cert der;
    struct hf_cert cert;
    struct hf_signer *signer;
    make(&der, KIT_KEY(0), &cert);
    HF_CHECK_OK(hf_signer_new(&cert, &signer));
    HF_CHECK(hf_signer_ref(signer) == signer);
    hf_signer_unref(signer);
    HF_CHECK(signer->kind == HF_KEY_P256);
    hf_signer_unref(signer);
    HF_CHECK(hf_mem_live() == before);
    hf_mem_fail_at(1);
    HF_CHECK_CODE(hf_signer_new(&cert, &signer), HF_E_OUT_OF_MEMORY);
    hf_mem_fail_at(0);
    HF_CHECK(signer == NULL && hf_mem_live() == before);
}

/* The public key inside the certificate's own bytes, to be spoiled. */
static uint8_t *point_in(struct pki_cert *der, const struct hf_cert *cert)
{
    return der->der + (cert->public_key.data - der->der);
}

static void check_spoiled(struct pki_cert *der, struct hf_cert *cert)
{
    struct hf_signer *signer;
    HF_CHECK(!hf_scratch_on_curve(cert->public_key));
    HF_CHECK_CODE(hf_signer_new(cert, &signer), HF_E_CERT_KEY);
    HF_CHECK(signer == NULL);
    HF_CHECK_CODE(hf_bundle_new((const uint8_t *)"a.example", 9, der->der, der->len,
                                &(struct hf_bundle *){NULL}),
                  HF_E_CERT_KEY);
}

/* C10: one bit of a coordinate; a coordinate that is the prime, and so none of the field. */
static void points_beside_their_curve_are_refused(void)
{
    for (size_t c = 0; c < 3; c++) {
        struct pki_cert der;
        struct hf_cert cert;
        make(&der, pki_key(curves[c], 0), &cert);
        size_t len = cert.public_key.len;
        HF_CHECK(hf_scratch_on_curve(cert.public_key));
        point_in(&der, &cert)[len - 1] ^= 1;
        check_spoiled(&der, &cert);
        point_in(&der, &cert)[len - 1] ^= 1;
        point_in(&der, &cert)[1 + len / 4] ^= 0x80;
        check_spoiled(&der, &cert);
        HF_CHECK(hf_mem_copy(point_in(&der, &cert) + 1, (len - 1) / 2, primes[c], (len - 1) / 2));
        check_spoiled(&der, &cert);
        for (size_t i = 1; i < len; i++) {
            point_in(&der, &cert)[i] = 0;
        }
        check_spoiled(&der, &cert);
    }
}

static void only_whole_uncompressed_points_are_on_a_curve(void)
{
    struct pki_cert der;
    struct hf_cert cert;
    uint8_t point[HF_POINT_MAX + 1] = {0};
    make(&der, KIT_KEY(0), &cert);
    HF_CHECK(hf_mem_copy(point, sizeof(point), cert.public_key.data, 65));
    HF_CHECK(hf_scratch_on_curve(hf_span_of(point, 65)));
    static const size_t lengths[] = {0, 1, 33, 64, 66, 97, 133, 134};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        HF_CHECK(!hf_scratch_on_curve(hf_span_of(point, lengths[i])));
    }
    for (unsigned form = 0; form < 256; form++) {
        point[0] = (uint8_t)form;
        HF_CHECK(hf_scratch_on_curve(hf_span_of(point, 65)) == (form == 4));
    }
}

HF_TESTS({"every kind of key is decoded", every_kind_of_key_is_decoded},
         {"the id is of the key alone", the_id_is_of_the_key_alone},
         {"references are counted", references_are_counted},
         {"points beside their curve are refused", points_beside_their_curve_are_refused},
         {"only whole uncompressed points are on a curve",
          only_whole_uncompressed_points_are_on_a_curve})
