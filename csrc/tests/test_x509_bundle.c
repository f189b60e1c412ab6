/* SPDX-License-Identifier: Apache-2.0
 *
 * Trust bundles and sets of them: content digests, duplicates, never pooled (P1, ID-22, X509-34,
 * X509-39, X509-43).
 */
#include <string.h>

#include "hf_test.h"
#include "pki.h"
#include "x509/bundle.h"

static struct pki_spec spec;
static struct pki_cert roots[4];

static void make_roots(void)
{
    for (size_t i = 0; i < 4; i++) {
        pki_authority(&spec, "root", "spiffe://a.example",
                      pki_key(i == 2   ? PKI_RSA2048
                              : i == 3 ? PKI_ED25519
                                       : PKI_P256,
                              i));
        spec.serial = (struct der_bytes){(const uint8_t *)"\x01\x02\x03\x04" + i, 1};
        pki_make(&spec, spec.key, &roots[i]);
    }
}

static hf_result bundle_of(const char *trust_domain, const char *which, struct hf_bundle **out)
{
    static uint8_t der[8 * PKI_CERT_MAX];
    const struct pki_cert *list[8] = {NULL};
    size_t count = strlen(which);
    for (size_t i = 0; i < count; i++) {
        list[i] = &roots[which[i] - '0'];
    }
    size_t len = pki_concat(list, count, der, sizeof(der));
    hf_result r = hf_bundle_new((const uint8_t *)trust_domain, strlen(trust_domain), der, len, out);
    /* The bundle has its own copy. */
    hf_mem_wipe(der, len);
    return r;
}

static bool same_digest(const struct hf_bundle *a, const struct hf_bundle *b)
{
    uint8_t left[HF_DIGEST_SIZE];
    uint8_t right[HF_DIGEST_SIZE];
    hf_bundle_digest(a, left);
    hf_bundle_digest(b, right);
    return hf_mem_equal(left, sizeof(left), right, sizeof(right));
}

static void authorities_are_read_and_decoded(void)
{
    struct hf_bundle *bundle;
    make_roots();
    HF_CHECK_OK(bundle_of("a.example", "0123", &bundle));
    HF_CHECK(hf_bundle_count(bundle) == 4);
    HF_CHECK(strcmp(bundle->trust_domain, "a.example") == 0);
    for (size_t i = 0; i < 4; i++) {
        const struct hf_authority *a = &bundle->authorities[i];
        HF_CHECK(a->x509 != NULL && a->signer != NULL && a->cert.is_ca);
        HF_CHECK(a->cert.der.data >= bundle->der &&
                 a->cert.der.data < bundle->der + bundle->der_len);
        HF_CHECK(i == 0 || hf_mem_compare(bundle->authorities[i - 1].digest, HF_DIGEST_SIZE,
                                          a->digest, HF_DIGEST_SIZE) < 0);
    }
    hf_bundle_unref(bundle);
}

static void the_digest_is_of_the_content(void)
{
    struct hf_bundle *a;
    struct hf_bundle *b;
    HF_CHECK_OK(bundle_of("a.example", "012", &a));
    HF_CHECK_OK(bundle_of("a.example", "2012011", &b));
    HF_CHECK(hf_bundle_count(b) == 3);
    HF_CHECK(same_digest(a, b));
    HF_CHECK(hf_bundle_generation(b) > hf_bundle_generation(a));
    hf_bundle_unref(b);
    HF_CHECK_OK(bundle_of("a.example", "01", &b));
    HF_CHECK(!same_digest(a, b));
    hf_bundle_unref(b);
    HF_CHECK_OK(bundle_of("b.example", "012", &b));
    HF_CHECK(!same_digest(a, b));
    hf_bundle_unref(b);
    hf_bundle_unref(a);
}

static void an_empty_bundle_is_one(void)
{
    /* X509-43, BUN-13: it trusts nobody, which is for the verdict to say. */
    struct hf_bundle *empty;
    struct hf_bundle *other;
    HF_CHECK_OK(bundle_of("a.example", "", &empty));
    HF_CHECK_OK(hf_bundle_new((const uint8_t *)"b.example", 9, NULL, 0, &other));
    HF_CHECK(hf_bundle_count(empty) == 0 && !same_digest(empty, other));
    hf_bundle_unref(empty);
    hf_bundle_unref(other);
}

static void references_are_counted(void)
{
    struct hf_bundle *bundle;
    size_t before = hf_mem_live();
    HF_CHECK_OK(bundle_of("a.example", "0", &bundle));
    HF_CHECK(hf_bundle_ref(bundle) == bundle);
    hf_bundle_unref(bundle);
    HF_CHECK(hf_bundle_count(bundle) == 1);
    hf_bundle_unref(bundle);
    hf_bundle_unref(NULL);
    HF_CHECK(hf_mem_live() == before);
}

static void names_and_arguments_are_checked(void)
{
    struct hf_bundle *bundle;
    HF_CHECK_CODE(bundle_of("A.example", "0", &bundle), HF_E_ID_UPPER_CASE);
    HF_CHECK_CODE(bundle_of("", "0", &bundle), HF_E_ID_NO_TRUST_DOMAIN);
    HF_CHECK_CODE(bundle_of("spiffe://a", "0", &bundle), HF_E_ID_TRUST_DOMAIN_CHARACTER);
    HF_CHECK(bundle == NULL);
    HF_CHECK_CODE(hf_bundle_new((const uint8_t *)"a", 1, NULL, 1, &bundle), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_bundle_new(NULL, 1, NULL, 0, &bundle), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_bundle_new((const uint8_t *)"a", 1, NULL, 0, NULL), HF_E_BAD_ARGUMENT);
}

static hf_result refuse_second(uint32_t *depth)
{
    /* roots[0] is good, roots[1] is what the test made. */
    struct hf_bundle *bundle;
    hf_result r = bundle_of("a.example", "01", &bundle);
    HF_CHECK(bundle == NULL);
    *depth = (uint32_t)hf_error_current()->depth;
    return r;
}

static void every_authority_must_be_one(void)
{
    uint32_t depth;
    size_t before = hf_mem_live();
    make_roots();
    pki_leaf(&spec, "root", "spiffe://a.example/web", pki_key(PKI_P256, 1));
    spec.subject_name = "web";
    pki_make(&spec, pki_key(PKI_P256, 0), &roots[1]);
    HF_CHECK_CODE(refuse_second(&depth), HF_E_CA_NOT_CA);
    HF_CHECK(depth == 1);
    pki_authority(&spec, "root", NULL, pki_key(PKI_RSA1024, 0));
    pki_make(&spec, spec.key, &roots[1]);
    HF_CHECK_CODE(refuse_second(&depth), HF_E_CERT_KEY);
    roots[1].len--;
    HF_CHECK_CODE(refuse_second(&depth), HF_E_DER_TRUNCATED);
    HF_CHECK(hf_mem_live() == before);
    make_roots();
}

static void a_key_off_its_curve_is_refused(void)
{
    /* OpenSSL decodes lazily what it should refuse: the key is checked when the bundle is made. */
    static uint8_t spki[91];
    uint32_t depth;
    unsigned char *der = NULL;
    pki_authority(&spec, "root", NULL, pki_key(PKI_P256, 1));
    HF_CHECK(i2d_PUBKEY(spec.key, &der) == 91);
    (void)hf_mem_copy(spki, sizeof(spki), der, 91);
    OPENSSL_free(der);
    spki[90] ^= 1;
    spec.spki = (struct der_bytes){spki, 91};
    pki_make(&spec, spec.key, &roots[1]);
    HF_CHECK_CODE(refuse_second(&depth), HF_E_CERT_KEY);
    make_roots();
}

static void an_anchor_need_not_be_self_signed(void)
{
    /* X509-39: only SHOULD. */
    struct hf_bundle *bundle;
    pki_intermediate(&spec, "elsewhere", "root", NULL, pki_key(PKI_P256, 1));
    pki_make(&spec, pki_key(PKI_P256, 5), &roots[1]);
    HF_CHECK_OK(bundle_of("a.example", "1", &bundle));
    hf_bundle_unref(bundle);
    make_roots();
}

static void the_number_of_authorities_is_bounded(void)
{
    static uint8_t many[2 * (HF_BUNDLE_MAX + 1)];
    struct hf_bundle *bundle;
    for (size_t i = 0; i < sizeof(many); i += 2) {
        many[i] = 0x30;
    }
    HF_CHECK_CODE(hf_bundle_new((const uint8_t *)"a", 1, many, sizeof(many), &bundle), HF_E_LIMIT);
    HF_CHECK_CODE(hf_bundle_new((const uint8_t *)"a", 1, many, sizeof(many) - 2, &bundle),
                  HF_E_DER_TRUNCATED); /* the limit itself is fine, its 1000 empty ones are not */
}

static void a_set_finds_the_exact_name_only(void)
{
    /* P1: no bundle stands for another trust domain, however alike the names are. */
    static const char *const names[] = {"b.example", "a.example", "a.example.evil", "aa", "a"};
    struct hf_bundle *bundles[5];
    struct hf_bundle_set *set;
    for (size_t i = 0; i < 5; i++) {
        HF_CHECK_OK(bundle_of(names[i], "0", &bundles[i]));
    }
    HF_CHECK_OK(hf_bundle_set_new(bundles, 5, &set));
    for (size_t i = 0; i < 5; i++) {
        HF_CHECK(hf_bundle_set_find(set, hf_span_of(names[i], strlen(names[i]))) == bundles[i]);
        hf_bundle_unref(bundles[i]); /* the set has its own reference */
    }
    HF_CHECK(hf_bundle_set_find(set, HF_SPAN("a.exampl")) == NULL);
    HF_CHECK(hf_bundle_set_find(set, HF_SPAN("a.examplf")) == NULL);
    HF_CHECK(hf_bundle_set_find(set, HF_SPAN("A.example")) == NULL);
    HF_CHECK(hf_bundle_set_find(set, HF_SPAN("")) == NULL);
    HF_CHECK(hf_bundle_set_find(set, HF_SPAN("z")) == NULL);
    HF_CHECK(hf_bundle_set_ref(set) == set);
    hf_bundle_set_unref(set);
    hf_bundle_set_unref(set);
    hf_bundle_set_unref(NULL);
}

static void a_set_has_one_bundle_a_trust_domain(void)
{
    struct hf_bundle *bundles[3];
    struct hf_bundle_set *set;
    size_t before = hf_mem_live();
    HF_CHECK_OK(bundle_of("a.example", "0", &bundles[0]));
    HF_CHECK_OK(bundle_of("b.example", "0", &bundles[1]));
    HF_CHECK_OK(bundle_of("a.example", "1", &bundles[2]));
    HF_CHECK_CODE(hf_bundle_set_new(bundles, 3, &set), HF_E_BUNDLE_DUPLICATE);
    HF_CHECK(set == NULL && strstr(hf_error_current()->seen, "a.example") != NULL);
    HF_CHECK_CODE(hf_bundle_set_new(NULL, 1, &set), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_bundle_set_new(bundles, 1, NULL), HF_E_BAD_ARGUMENT);
    HF_CHECK_OK(hf_bundle_set_new(NULL, 0, &set));
    HF_CHECK(hf_bundle_set_find(set, HF_SPAN("a.example")) == NULL);
    hf_bundle_set_unref(set);
    hf_bundle_unref(bundles[2]);
    bundles[2] = NULL;
    HF_CHECK_CODE(hf_bundle_set_new(bundles, 3, &set), HF_E_BAD_ARGUMENT);
    hf_bundle_unref(bundles[0]);
    hf_bundle_unref(bundles[1]);
    HF_CHECK(hf_mem_live() == before);
}

static void the_digest_of_a_set_is_of_its_content(void)
{
    struct hf_bundle *bundles[2];
    struct hf_bundle *turned[2];
    struct hf_bundle_set *a;
    struct hf_bundle_set *b;
    HF_CHECK_OK(bundle_of("a.example", "0", &bundles[0]));
    HF_CHECK_OK(bundle_of("b.example", "1", &bundles[1]));
    turned[0] = bundles[1];
    turned[1] = bundles[0];
    HF_CHECK_OK(hf_bundle_set_new(bundles, 2, &a));
    HF_CHECK_OK(hf_bundle_set_new(turned, 2, &b));
    HF_CHECK(hf_mem_equal(a->digest, HF_DIGEST_SIZE, b->digest, HF_DIGEST_SIZE));
    hf_bundle_set_unref(b);
    HF_CHECK_OK(hf_bundle_set_new(bundles, 1, &b));
    HF_CHECK(!hf_mem_equal(a->digest, HF_DIGEST_SIZE, b->digest, HF_DIGEST_SIZE));
    hf_bundle_set_unref(b);
    hf_bundle_set_unref(a);
    hf_bundle_unref(bundles[0]);
    hf_bundle_unref(bundles[1]);
}

static uint8_t store[8 * PKI_CERT_MAX];

/* Odd, but roots that systems ship: accepted as web roots, refused as authorities. */
static size_t make_odd_roots(void)
{
    static struct pki_cert odd[4];
    const struct pki_cert *const list[] = {&odd[0], &odd[1], &odd[2], &odd[3], &odd[0]};
    pki_authority(&spec, "sha1", NULL, pki_key(PKI_RSA2048, 0));
    spec.algorithm = PKI_SIGN_RSA_SHA1; /* of its own signature, which proves nothing */
    pki_make(&spec, spec.key, &odd[0]);
    pki_authority(&spec, "serial 0", NULL, pki_key(PKI_RSA2048, 0));
    spec.serial = DER_BYTES("\x00");
    pki_make(&spec, spec.key, &odd[1]);
    pki_authority(&spec, "early GeneralizedTime", NULL, pki_key(PKI_P256, 0));
    spec.validity = DER_BYTES("\x18\x0f"
                              "20111006083956Z\x18\x0f"
                              "20461006083956Z");
    pki_make(&spec, spec.key, &odd[2]);
    pki_authority(&spec, "padded key usage", NULL, pki_key(PKI_P256, 0));
    pki_set(&spec, PKI_OID_KEY_USAGE, true, DER_BYTES("\x03\x02\x00\x06"));
    pki_make(&spec, spec.key, &odd[3]);
    return pki_concat(list, 5, store, sizeof(store));
}

static void web_roots_may_be_odd(void)
{
    struct hf_bundle *bundle;
    struct hf_bundle_set *set;
    size_t skipped;
    size_t len = make_odd_roots();
    HF_CHECK_OK(hf_bundle_new_roots(store, len, &skipped, &bundle));
    HF_CHECK(skipped == 0 && hf_bundle_count(bundle) == 4 && bundle->trust_domain_len == 0);
    /* They never stand for a trust domain. */
    HF_CHECK_CODE(hf_bundle_set_new(&bundle, 1, &set), HF_E_BAD_ARGUMENT);
    hf_bundle_unref(bundle);
    struct hf_span rest = hf_span_of(store, len);
    for (size_t i = 0; i < 4; i++) {
        struct hf_span der;
        HF_CHECK_OK(hf_cert_take(&rest, &der));
        HF_CHECK(hf_bundle_new((const uint8_t *)"a", 1, der.data, der.len, &bundle).code != HF_OK);
    }
}

static void web_roots_leave_out_what_they_cannot_use(void)
{
    static struct pki_cert bad[4];
    struct hf_bundle *bundle;
    size_t skipped;
    make_roots();
    pki_authority(&spec, "small", NULL, pki_key(PKI_RSA1024, 0));
    pki_make(&spec, spec.key, &bad[0]);
    pki_authority(&spec, "v1", NULL, pki_key(PKI_RSA2048, 0));
    spec.no_version = true;
    spec.no_extensions = true;
    pki_make(&spec, spec.key, &bad[1]);
    pki_leaf(&spec, "root", "spiffe://a.example/w", pki_key(PKI_P256, 0));
    pki_make(&spec, spec.key, &bad[2]);
    pki_authority(&spec, "BER", NULL, pki_key(PKI_P256, 0));
    pki_set(&spec, PKI_OID_BASIC_CONSTRAINTS, true, DER_BYTES("\x30\x03\x01\x01\x01"));
    pki_make(&spec, spec.key, &bad[3]);
    const struct pki_cert *const list[] = {&bad[0], &bad[1], &roots[0], &bad[2], &bad[3]};
    size_t len = pki_concat(list, 5, store, sizeof(store));
    HF_CHECK_OK(hf_bundle_new_roots(store, len, &skipped, &bundle));
    HF_CHECK(skipped == 4 && hf_bundle_count(bundle) == 1);
    hf_bundle_unref(bundle);
    HF_CHECK_CODE(hf_bundle_new_roots(store, len - 1, &skipped, &bundle), HF_E_DER_TRUNCATED);
    HF_CHECK_CODE(hf_bundle_new_roots(NULL, 1, &skipped, &bundle), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_bundle_new_roots(store, len, NULL, &bundle), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_bundle_new_roots(store, len, &skipped, NULL), HF_E_BAD_ARGUMENT);
}

HF_TESTS({"authorities are read and decoded", authorities_are_read_and_decoded},
         {"the digest is of the content", the_digest_is_of_the_content},
         {"an empty bundle is one", an_empty_bundle_is_one},
         {"references are counted", references_are_counted},
         {"names and arguments are checked", names_and_arguments_are_checked},
         {"every authority must be one", every_authority_must_be_one},
         {"a key off its curve is refused", a_key_off_its_curve_is_refused},
         {"an anchor need not be self-signed", an_anchor_need_not_be_self_signed},
         {"the number of authorities is bounded", the_number_of_authorities_is_bounded},
         {"a set finds the exact name only", a_set_finds_the_exact_name_only},
         {"a set has one bundle a trust domain", a_set_has_one_bundle_a_trust_domain},
         {"the digest of a set is of its content", the_digest_of_a_set_is_of_its_content},
         {"web roots may be odd", web_roots_may_be_odd},
         {"web roots leave out what they cannot use", web_roots_leave_out_what_they_cannot_use})
