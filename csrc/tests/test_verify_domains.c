/* SPDX-License-Identifier: Apache-2.0
 *
 * P1, C5, X509-34: a peer is accepted only by an authority of the trust domain in its own ID.
 * Every trust domain's leaf is shown with every trust domain's authority: only the diagonal holds,
 * also when the authorities share a name, share a key, or certified each other.
 */
#include <string.h>

#include "hf_test.h"
#include "kit.h"

#define N 4

static const char *const domains[N] = {"a.example", "b.example", "a.example.org", "sub.a.example"};

enum shape { DISTINCT, SAME_NAME, SAME_NAME_NO_IDS, SAME_NAME_AND_KEY };

static const char *authority_name(enum shape shape, size_t domain)
{
    return shape == DISTINCT ? domains[domain] : "authority";
}

static EVP_PKEY *authority_key(enum shape shape, size_t domain)
{
    return shape == SAME_NAME_AND_KEY ? KIT_KEY(0) : KIT_KEY(domain);
}

static void make_root(enum shape shape, size_t domain, struct pki_cert *out)
{
    struct pki_spec spec;
    char uri[64];
    EVP_PKEY *key = authority_key(shape, domain);
    (void)snprintf(uri, sizeof(uri), "spiffe://%s", domains[domain]);
    pki_authority(&spec, authority_name(shape, domain), uri, key);
    if (shape != SAME_NAME_NO_IDS) {
        pki_add_key_ids(&spec, key);
    }
    kit_sign(&spec, key, out);
}

/* A leaf that names `domain`, issued by the authority of `issuer`. */
static void make_leaf(enum shape shape, size_t domain, size_t issuer, struct pki_cert *out)
{
    struct pki_spec spec;
    char uri[64];
    EVP_PKEY *key = authority_key(shape, issuer);
    (void)snprintf(uri, sizeof(uri), "spiffe://%s/web", domains[domain]);
    pki_leaf(&spec, authority_name(shape, issuer), uri, KIT_LEAF_KEY);
    if (shape != SAME_NAME_NO_IDS) {
        pki_add_key_ids(&spec, key);
    }
    kit_sign(&spec, key, out);
}

static struct hf_bundle_set *make_set(enum shape shape)
{
    static struct pki_cert root;
    struct hf_bundle *bundles[N];
    for (size_t i = 0; i < N; i++) {
        make_root(shape, i, &root);
        bundles[i] = kit_bundle(domains[i], KIT_CERTS(&root));
    }
    return kit_set(bundles, N);
}

static void check_matrix(enum shape shape)
{
    static struct pki_cert leaf;
    struct hf_bundle_set *set = make_set(shape);
    for (size_t domain = 0; domain < N; domain++) {
        for (size_t issuer = 0; issuer < N; issuer++) {
            struct hf_peer peer;
            make_leaf(shape, domain, issuer, &leaf);
            hf_result r = kit_judge(set, KIT_CERTS(&leaf), &peer);
            if (domain == issuer) {
                HF_CHECK_OK(r);
                HF_CHECK(peer.trust_domain_len == strlen(domains[domain]));
                uint8_t digest[HF_DIGEST_SIZE];
                struct hf_span name = hf_span_of(domains[domain], strlen(domains[domain]));
                hf_bundle_digest(hf_bundle_set_find(set, name), digest);
                HF_CHECK(hf_mem_equal(digest, HF_DIGEST_SIZE, peer.bundle_digest, HF_DIGEST_SIZE));
                continue;
            }
            HF_CHECK_CODE(r, HF_E_UNKNOWN_AUTHORITY);
            HF_CHECK(peer.id_len == 0);
            char expected[64];
            (void)snprintf(expected, sizeof(expected), "signed by an authority of %s",
                           domains[issuer]);
            HF_CHECK(kit_saw(expected));
        }
    }
    hf_bundle_set_unref(set);
}

static void only_the_diagonal_passes(void)
{
    check_matrix(DISTINCT);
}

static void also_when_authorities_share_a_name(void)
{
    check_matrix(SAME_NAME);
    check_matrix(SAME_NAME_NO_IDS);
}

/* One key and name in every bundle: then each authority really is an authority of each domain, so
 * all of the matrix passes, each leaf by the bundle of its own domain. */
static void a_shared_authority_is_judged_by_the_own_bundle(void)
{
    static struct pki_cert leaf;
    struct hf_bundle_set *set = make_set(SAME_NAME_AND_KEY);
    for (size_t domain = 0; domain < N; domain++) {
        struct hf_peer peer;
        uint8_t digest[HF_DIGEST_SIZE];
        make_leaf(SAME_NAME_AND_KEY, domain, 0, &leaf);
        HF_CHECK_OK(kit_judge(set, KIT_CERTS(&leaf), &peer));
        struct hf_span name = hf_span_of(domains[domain], strlen(domains[domain]));
        hf_bundle_digest(hf_bundle_set_find(set, name), digest);
        HF_CHECK(hf_mem_equal(digest, HF_DIGEST_SIZE, peer.bundle_digest, HF_DIGEST_SIZE));
    }
    hf_bundle_set_unref(set);
}

/* C5: b's authority, certified by a's authority, is presented between them: the chain does lead to
 * an authority of a, so it is a's own doing. The other way round it does not. */
static void cross_signing_binds_only_who_signed(void)
{
    static struct pki_cert root_a, root_b, b_by_a, leaf;
    struct pki_spec spec;
    kit_root(&root_a, "A", KIT_KEY(0));
    kit_root(&root_b, "B", KIT_KEY(1));
    kit_intermediate(&b_by_a, "A", KIT_KEY(0), "B", KIT_KEY(1));
    struct hf_bundle *bundles[2] = {kit_bundle("a.example", KIT_CERTS(&root_a)),
                                    kit_bundle("b.example", KIT_CERTS(&root_b))};
    struct hf_bundle_set *set = kit_set(bundles, 2);
    kit_leaf(&leaf, "B", KIT_KEY(1), "spiffe://a.example/web");
    HF_CHECK_CODE(kit_judge(set, KIT_CERTS(&leaf), NULL), HF_E_UNKNOWN_AUTHORITY);
    HF_CHECK(kit_saw("b.example"));
    HF_CHECK_OK(kit_judge(set, KIT_CERTS(&leaf, &b_by_a), NULL));
    /* Presenting a's root, or b's, changes nothing. */
    HF_CHECK_CODE(kit_judge(set, KIT_CERTS(&leaf, &root_b, &root_a), NULL), HF_E_UNKNOWN_AUTHORITY);
    /* b_by_a says that it is an authority of b: the strict rules refuse it below a (C6). */
    pki_intermediate(&spec, "A", "B", "spiffe://b.example", KIT_KEY(1));
    pki_add_key_ids(&spec, KIT_KEY(0));
    kit_sign(&spec, KIT_KEY(0), &b_by_a);
    HF_CHECK_CODE(kit_judge(set, KIT_CERTS(&leaf, &b_by_a), NULL), HF_E_CA_ID);
    HF_CHECK(kit_depth() == 1);
    kit_leaf(&leaf, "A", KIT_KEY(0), "spiffe://b.example/web");
    HF_CHECK_CODE(kit_judge(set, KIT_CERTS(&leaf, &root_a), NULL), HF_E_UNKNOWN_AUTHORITY);
    HF_CHECK(kit_saw("a.example"));
    hf_bundle_set_unref(set);
}

/* Names that look alike are other trust domains: found by the whole name only. */
static void look_alike_trust_domains_are_others(void)
{
    static const char *const names[] = {"a.exampl",  "a.example2", "aa.example",
                                        "a-example", "a.example.", ".a.example"};
    static struct pki_cert leaf;
    struct hf_bundle_set *set = make_set(DISTINCT);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char uri[64];
        (void)snprintf(uri, sizeof(uri), "spiffe://%s/web", names[i]);
        kit_leaf(&leaf, domains[0], KIT_KEY(0), uri);
        HF_CHECK_CODE(kit_judge(set, KIT_CERTS(&leaf), NULL), HF_E_UNKNOWN_TRUST_DOMAIN);
    }
    hf_bundle_set_unref(set);
}

/* A diagnosis buys a stranger little work, whatever is presented. */
static void the_search_for_a_signer_is_bounded(void)
{
    enum { BUNDLES = 20 };
    static struct pki_cert root, leaf, last;
    struct hf_bundle *bundles[BUNDLES];
    struct pki_spec spec;
    for (size_t i = 0; i < BUNDLES; i++) {
        char name[32];
        EVP_PKEY *key = i + 1 == BUNDLES ? KIT_KEY(1) : KIT_KEY(0);
        (void)snprintf(name, sizeof(name), "d%02zu.example", i);
        pki_authority(&spec, "same", NULL, key);
        kit_sign(&spec, key, i + 1 == BUNDLES ? &last : &root);
        bundles[i] = kit_bundle(name, KIT_CERTS(i + 1 == BUNDLES ? &last : &root));
    }
    struct hf_bundle_set *set = kit_set(bundles, BUNDLES);
    pki_leaf(&spec, "same", "spiffe://d00.example/web", KIT_LEAF_KEY);
    kit_sign(&spec, KIT_KEY(1), &leaf);
    HF_CHECK_CODE(kit_judge(set, KIT_CERTS(&leaf), NULL), HF_E_UNKNOWN_AUTHORITY);
    HF_CHECK(!kit_saw("d19.example")); /* true, but too far down the list to look for */
    HF_CHECK(kit_claimed("spiffe://d00.example/web"));
    hf_bundle_set_unref(set);
}

/* Seven CAs that certify each other in every way are 256 steps in each bundle: the search stops
 * long before a bundle that stands behind many others. */
static void tangled_intermediates_are_not_walked_for_every_bundle(void)
{
    enum { BUNDLES = 40 };
    static struct pki_cert other, signer, leaf, tangled[7];
    const struct pki_cert *all[8] = {&leaf};
    struct hf_bundle *bundles[BUNDLES];
    struct pki_spec spec;
    kit_root(&other, "other", KIT_KEY(0));
    kit_root(&signer, "odd", KIT_KEY(1));
    for (size_t i = 0; i < BUNDLES; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "d%02zu.example", i);
        bundles[i] = kit_bundle(name, KIT_CERTS(i + 1 == BUNDLES ? &signer : &other));
    }
    struct hf_bundle_set *set = kit_set(bundles, BUNDLES);
    pki_leaf(&spec, "odd", "spiffe://unknown.example/web", KIT_LEAF_KEY);
    kit_sign(&spec, KIT_KEY(1), &leaf);
    HF_CHECK_CODE(kit_judge(set, KIT_CERTS(&leaf), NULL), HF_E_UNKNOWN_TRUST_DOMAIN);
    HF_CHECK(kit_saw("d39.example"));
    for (size_t i = 0; i < 7; i++) {
        bool odd = i % 2 == 0;
        pki_intermediate(&spec, odd ? "even" : "odd", odd ? "odd" : "even", NULL, KIT_KEY(1));
        kit_sign(&spec, KIT_KEY(1), &tangled[i]);
        all[i + 1] = &tangled[i];
    }
    struct kit_certs presented = {all, 8};
    HF_CHECK_CODE(kit_judge(set, presented, NULL), HF_E_UNKNOWN_TRUST_DOMAIN);
    HF_CHECK(!kit_saw("d39.example"));
    hf_bundle_set_unref(set);
}

static void nothing_is_left(void)
{
    HF_CHECK(hf_mem_live() == 0);
}

HF_TESTS({"only the diagonal passes", only_the_diagonal_passes},
         {"also when authorities share a name", also_when_authorities_share_a_name},
         {"a shared authority is judged by the own bundle",
          a_shared_authority_is_judged_by_the_own_bundle},
         {"cross-signing binds only who signed", cross_signing_binds_only_who_signed},
         {"look-alike trust domains are others", look_alike_trust_domains_are_others},
         {"the search for a signer is bounded", the_search_for_a_signer_is_bounded},
         {"tangled intermediates are not walked for every bundle",
          tangled_intermediates_are_not_walked_for_every_bundle},
         {"nothing is left", nothing_is_left})
