/* SPDX-License-Identifier: Apache-2.0
 *
 * The whole way of an SVID: what is accepted, what a peer record then says, and that a refusal
 * leaves nobody behind.
 */
#include <string.h>

#include "hf_test.h"
#include "kit.h"

static struct pki_cert root, middle, leaf, other_root;
static struct hf_bundle_set *set;

static const struct hf_judge_options strict = {.rules = HF_RULES_STRICT};

#define ID "spiffe://a.example/ns/prod/web"

static void make_world(void)
{
    kit_root(&root, "root", KIT_KEY(0));
    kit_intermediate(&middle, "root", KIT_KEY(0), "middle", KIT_KEY(1));
    kit_leaf(&leaf, "middle", KIT_KEY(1), ID);
    kit_root(&other_root, "other root", KIT_KEY(2));
    set = kit_set1("a.example", KIT_CERTS(&root));
}

static bool is_nobody(const struct hf_peer *peer)
{
    static const struct hf_peer nobody;
    return hf_mem_equal(peer, sizeof(*peer), &nobody, sizeof(nobody));
}

static void digest(const uint8_t *data, size_t len, uint8_t out[HF_DIGEST_SIZE])
{
    HF_CHECK(EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL) == 1);
}

/* X509-07, X509-27: leaf, intermediate, authority of the leaf's own trust domain. */
static void a_good_chain_is_accepted(void)
{
    struct hf_peer peer;
    HF_CHECK_OK(kit_judge(set, KIT_CERTS(&leaf, &middle), &peer));
    HF_CHECK(strcmp(peer.id, ID) == 0);
    HF_CHECK(peer.id_len == sizeof(ID) - 1);
    HF_CHECK(peer.trust_domain_len == strlen("a.example"));
    HF_CHECK(peer.path_length == 3);
    HF_CHECK(peer.verified_at == PKI_NOW);
    HF_CHECK(peer.not_before == PKI_NOT_BEFORE && peer.not_after == PKI_NOT_AFTER);
    HF_CHECK(peer.leaf_not_before == PKI_NOT_BEFORE && peer.leaf_not_after == PKI_NOT_AFTER);
}

/* C1: the chain digest covers every byte presented, with lengths, in order. There is no cache yet:
 * its key will be this digest. */
static void digests_are_of_what_was_presented(void)
{
    struct hf_peer peer;
    HF_CHECK_OK(kit_judge(set, KIT_CERTS(&leaf, &middle), &peer));
    static uint8_t bytes[2 * PKI_CERT_MAX + 8];
    size_t n = 0;
    const struct pki_cert *certs[] = {&leaf, &middle};
    for (size_t i = 0; i < 2; i++) {
        bytes[n++] = 0;
        bytes[n++] = 0;
        bytes[n++] = (uint8_t)(certs[i]->len >> 8);
        bytes[n++] = (uint8_t)certs[i]->len;
        HF_CHECK(hf_mem_copy(bytes + n, sizeof(bytes) - n, certs[i]->der, certs[i]->len));
        n += certs[i]->len;
    }
    uint8_t expected[HF_DIGEST_SIZE];
    digest(bytes, n, expected);
    HF_CHECK(hf_mem_equal(peer.chain_digest, HF_DIGEST_SIZE, expected, HF_DIGEST_SIZE));
    digest(root.der, root.len, expected);
    HF_CHECK(hf_mem_equal(peer.anchor_digest, HF_DIGEST_SIZE, expected, HF_DIGEST_SIZE));
    hf_bundle_digest(set->bundles[0], expected);
    HF_CHECK(hf_mem_equal(peer.bundle_digest, HF_DIGEST_SIZE, expected, HF_DIGEST_SIZE));
    struct hf_peer longer;
    HF_CHECK_OK(kit_judge(set, KIT_CERTS(&leaf, &middle, &root), &longer));
    HF_CHECK(!hf_mem_equal(peer.chain_digest, HF_DIGEST_SIZE, longer.chain_digest, HF_DIGEST_SIZE));
}

/* The TLS layer hands over certificates that OpenSSL decoded already; the fast path needs none. */
static void decoded_certificates_are_taken_as_they_are(void)
{
    struct kit_chain chain;
    X509 *x509s[2] = {NULL, NULL};
    HF_CHECK_OK(hf_ossl_x509(pki_span(&leaf), &x509s[0]));
    HF_CHECK_OK(hf_ossl_x509(pki_span(&middle), &x509s[1]));
    struct hf_presented in = {.chain = kit_chain(&chain, KIT_CERTS(&leaf, &middle)),
                              .x509s = x509s,
                              .at = PKI_NOW,
                              .purpose = HF_PURPOSE_CLIENT};
    struct hf_judge_options general = {.rules = HF_RULES_STRICT, .way = HF_WAY_GENERAL};
    struct hf_peer peer;
    HF_CHECK_OK(hf_judge_svid(set, &in, &general, &peer));
    HF_CHECK(strcmp(peer.id, ID) == 0);
    X509_free(x509s[1]);
    x509s[1] = NULL;
    HF_CHECK_OK(hf_judge_svid(set, &in, &strict, &peer));
    HF_CHECK_CODE(hf_judge_svid(set, &in, &general, &peer), HF_E_BAD_ARGUMENT);
    HF_CHECK(is_nobody(&peer));
    X509_free(x509s[0]);
}

static void check_refused(struct kit_certs presented, uint32_t code)
{
    struct hf_peer peer;
    HF_CHECK_OK(kit_judge(set, KIT_CERTS(&leaf, &middle), &peer));
    HF_CHECK(!is_nobody(&peer));
    HF_CHECK_CODE(kit_judge(set, presented, &peer), code);
    HF_CHECK(is_nobody(&peer));
}

/* P7: nothing of a refused peer is left in the record that the caller will look at. */
static void a_refusal_leaves_nobody_behind(void)
{
    static struct pki_cert stranger;
    kit_leaf(&stranger, "other root", KIT_KEY(2), ID);
    check_refused(KIT_CERTS(&stranger), HF_E_UNKNOWN_AUTHORITY);
    check_refused(KIT_CERTS(&leaf), HF_E_UNKNOWN_AUTHORITY); /* the intermediate is missing */
    check_refused(KIT_NO_CERTS, HF_E_CHAIN_EMPTY);
}

/* X509-34, P1 */
static void a_trust_domain_without_a_bundle_is_refused(void)
{
    static struct pki_cert stranger;
    kit_leaf(&stranger, "root", KIT_KEY(0), "spiffe://c.example/web");
    HF_CHECK_CODE(kit_judge(set, KIT_CERTS(&stranger), NULL), HF_E_UNKNOWN_TRUST_DOMAIN);
    HF_CHECK(kit_saw("a.example")); /* which signed it */
    HF_CHECK(kit_claimed("spiffe://c.example/web"));
    kit_leaf(&stranger, "nobody", KIT_KEY(3), "spiffe://c.example/web");
    HF_CHECK_CODE(kit_judge(set, KIT_CERTS(&stranger), NULL), HF_E_UNKNOWN_TRUST_DOMAIN);
    HF_CHECK(kit_saw("c.example"));
}

/* X509-43: an empty bundle trusts nobody. */
static void an_empty_bundle_trusts_nobody(void)
{
    struct hf_bundle_set *empty = kit_set1("a.example", KIT_NO_CERTS);
    HF_CHECK_CODE(kit_judge(empty, KIT_CERTS(&leaf, &middle), NULL), HF_E_EMPTY_BUNDLE);
    HF_CHECK(kit_claimed(ID));
    hf_bundle_set_unref(empty);
    struct hf_bundle_set *none = kit_set(NULL, 0);
    HF_CHECK_CODE(kit_judge(none, KIT_CERTS(&leaf, &middle), NULL), HF_E_UNKNOWN_TRUST_DOMAIN);
    hf_bundle_set_unref(none);
}

/* X509-17: when a leaf has expired, that is what is told, whoever signed it. */
static void an_expired_leaf_is_told_first(void)
{
    static struct pki_cert old;
    struct pki_spec spec;
    pki_leaf(&spec, "nobody", ID, KIT_LEAF_KEY);
    spec.not_after = PKI_NOW - 1;
    kit_sign(&spec, KIT_KEY(3), &old);
    HF_CHECK_CODE(kit_judge(set, KIT_CERTS(&old), NULL), HF_E_CERT_EXPIRED);
    HF_CHECK(kit_depth() == 0);
}

/* P1: who else signed it is told where that explains the refusal, and only there. */
static void another_trust_domain_s_authority_is_told(void)
{
    static struct pki_cert stranger, same_a, same_b, old, cross;
    struct pki_spec spec;
    struct hf_bundle *bundles[2] = {kit_bundle("a.example", KIT_NO_CERTS),
                                    kit_bundle("b.example", KIT_CERTS(&other_root))};
    struct hf_bundle_set *none = kit_set(bundles, 2);
    kit_leaf(&stranger, "other root", KIT_KEY(2), ID);
    HF_CHECK_CODE(kit_judge(none, KIT_CERTS(&stranger), NULL), HF_E_EMPTY_BUNDLE);
    HF_CHECK(kit_saw("b.example"));
    hf_bundle_set_unref(none);
    /* The key identifier is of one's own authority, the signature of another's of its name. */
    kit_root(&same_a, "same", KIT_KEY(0));
    pki_authority(&spec, "same", NULL, KIT_KEY(2));
    kit_sign(&spec, KIT_KEY(2), &same_b);
    pki_leaf(&spec, "same", ID, KIT_LEAF_KEY);
    pki_add_key_ids(&spec, KIT_KEY(0));
    kit_sign(&spec, KIT_KEY(2), &stranger);
    bundles[0] = kit_bundle("a.example", KIT_CERTS(&same_a));
    bundles[1] = kit_bundle("b.example", KIT_CERTS(&same_b));
    struct hf_bundle_set *same = kit_set(bundles, 2);
    HF_CHECK_CODE(kit_judge(same, KIT_CERTS(&stranger), NULL), HF_E_UNKNOWN_AUTHORITY);
    HF_CHECK(hf_error_current()->code == HF_E_UNKNOWN_AUTHORITY && kit_saw("b.example"));
    hf_bundle_set_unref(same);
    /* Cross-signed, and expired in one's own trust domain: that is the reason, not the other. */
    pki_intermediate(&spec, "root", "middle", NULL, KIT_KEY(1));
    spec.not_after = PKI_NOW - 1;
    kit_sign(&spec, KIT_KEY(0), &old);
    kit_intermediate(&cross, "other root", KIT_KEY(2), "middle", KIT_KEY(1));
    bundles[0] = kit_bundle("a.example", KIT_CERTS(&root));
    bundles[1] = kit_bundle("b.example", KIT_CERTS(&other_root));
    struct hf_bundle_set *both = kit_set(bundles, 2);
    HF_CHECK_CODE(kit_judge(both, KIT_CERTS(&leaf, &old, &cross), NULL), HF_E_CERT_EXPIRED);
    HF_CHECK(!kit_saw("b.example"));
    hf_bundle_set_unref(both);
}

/* C10: counted before anything is parsed. */
static void too_many_and_too_large_chains_are_refused(void)
{
    const struct pki_cert *certs[100];
    for (size_t i = 0; i < 100; i++) {
        certs[i] = i == 0 ? &leaf : &middle;
    }
    struct kit_certs eight = {certs, HF_CHAIN_MAX};
    struct kit_certs nine = {certs, HF_CHAIN_MAX + 1};
    struct kit_certs hundred = {certs, 100};
    HF_CHECK_OK(kit_judge(set, eight, NULL));
    HF_CHECK_CODE(kit_judge(set, nine, NULL), HF_E_CHAIN_TOO_LONG);
    HF_CHECK_CODE(kit_judge(set, hundred, NULL), HF_E_CHAIN_TOO_LONG);
    static uint8_t bytes[4] = {0x30, 0x02, 0x05, 0x00};
    static const uint32_t huge[3] = {4, UINT32_MAX, UINT32_MAX};
    static const uint32_t over[2] = {HF_CHAIN_BYTES_MAX, 1};
    struct hf_chain chain = {bytes, huge, 3};
    struct hf_presented in = {.chain = &chain, .at = PKI_NOW, .purpose = HF_PURPOSE_CLIENT};
    struct hf_peer peer;
    HF_CHECK_CODE(hf_judge_svid(set, &in, &strict, &peer), HF_E_CHAIN_TOO_LARGE);
    chain.lengths = over;
    chain.count = 2;
    HF_CHECK_CODE(hf_judge_svid(set, &in, &strict, &peer), HF_E_CHAIN_TOO_LARGE);
}

/* A chain is understood as a whole: a certificate that no path would use must be readable too. */
static void every_certificate_must_be_readable(void)
{
    static struct pki_cert garbage = {4, {0x30, 0x02, 0x05, 0x00}};
    struct hf_peer peer;
    hf_result r = kit_judge(set, KIT_CERTS(&leaf, &middle, &garbage), &peer);
    HF_CHECK(hf_code_category(r.code) == HF_CATEGORY_DER);
    HF_CHECK(kit_depth() == 2);
    HF_CHECK(is_nobody(&peer));
    r = kit_judge(set, KIT_CERTS(&garbage, &leaf), &peer);
    HF_CHECK(hf_code_category(r.code) == HF_CATEGORY_DER);
    HF_CHECK(kit_depth() == 0);
}

/* Flip one bit at every byte of the leaf: no variant is accepted. P-256 signatures have a second
 * valid form (n - s), but no single bit leads there. */
static void no_mutated_leaf_is_accepted(void)
{
    static struct pki_cert mutant;
    for (size_t i = 0; i < leaf.len; i++) {
        mutant = leaf;
        mutant.der[i] ^= 0x01;
        hf_result r = kit_judge(set, KIT_CERTS(&mutant, &middle), NULL);
        if (hf_is_ok(r)) {
            (void)fprintf(stderr, "accepted with byte %zu changed\n", i);
        }
        HF_CHECK(!hf_is_ok(r));
    }
}

static void wrong_arguments_are_refused(void)
{
    struct hf_peer peer;
    struct hf_chain chain = {NULL, NULL, 1};
    struct kit_chain good;
    struct hf_presented in = {.chain = kit_chain(&good, KIT_CERTS(&leaf, &middle)),
                              .at = PKI_NOW,
                              .purpose = HF_PURPOSE_CLIENT};
    HF_CHECK_OK(hf_judge_svid(set, &in, &strict, &peer));
    HF_CHECK_CODE(hf_judge_svid(set, &in, &strict, NULL), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_judge_svid(NULL, &in, &strict, &peer), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_judge_svid(set, NULL, &strict, &peer), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_judge_svid(set, &in, NULL, &peer), HF_E_BAD_ARGUMENT);
    in.chain = NULL;
    HF_CHECK_CODE(hf_judge_svid(set, &in, &strict, &peer), HF_E_BAD_ARGUMENT);
    in.chain = &chain;
    chain.der = leaf.der;
    HF_CHECK_CODE(hf_judge_svid(set, &in, &strict, &peer), HF_E_BAD_ARGUMENT);
    chain.der = NULL;
    chain.lengths = good.lengths;
    HF_CHECK_CODE(hf_judge_svid(set, &in, &strict, &peer), HF_E_BAD_ARGUMENT);
    struct kit_ask ask = {7, HF_PURPOSE_EITHER, 0};
    HF_CHECK_CODE(kit_judge_as(set, KIT_CERTS(&leaf, &middle), ask, NULL), HF_E_BAD_ARGUMENT);
}

static void clear_world(void)
{
    hf_bundle_set_unref(set);
    HF_CHECK(hf_mem_live() == 0);
}

HF_TESTS({"make the world", make_world}, {"a good chain is accepted", a_good_chain_is_accepted},
         {"digests are of what was presented", digests_are_of_what_was_presented},
         {"decoded certificates are taken as they are", decoded_certificates_are_taken_as_they_are},
         {"a refusal leaves nobody behind", a_refusal_leaves_nobody_behind},
         {"a trust domain without a bundle is refused", a_trust_domain_without_a_bundle_is_refused},
         {"an empty bundle trusts nobody", an_empty_bundle_trusts_nobody},
         {"an expired leaf is told first", an_expired_leaf_is_told_first},
         {"another trust domain's authority is told", another_trust_domain_s_authority_is_told},
         {"too many and too large chains are refused", too_many_and_too_large_chains_are_refused},
         {"every certificate must be readable", every_certificate_must_be_readable},
         {"no mutated leaf is accepted", no_mutated_leaf_is_accepted},
         {"wrong arguments are refused", wrong_arguments_are_refused},
         {"clear the world", clear_world})
