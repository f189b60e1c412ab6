/* SPDX-License-Identifier: Apache-2.0
 *
 * Our own identity: the chain's order, its limits, the root that is never sent (X509-01..X509-33
 * hold for ourselves too).
 */
#include <string.h>

#include "hf_test.h"
#include "pki.h"
#include "x509/svid.h"

static struct pki_spec spec;
static struct pki_cert leaf;
static struct pki_cert intermediate;
static struct pki_cert root;
static uint8_t chain[40000];
static uint8_t key[4096];

static void make_chain(void)
{
    pki_authority(&spec, "root", "spiffe://a.example", pki_key(PKI_P256, 0));
    pki_make(&spec, pki_key(PKI_P256, 0), &root);
    pki_intermediate(&spec, "root", "intermediate", NULL, pki_key(PKI_P256, 1));
    pki_make(&spec, pki_key(PKI_P256, 0), &intermediate);
    pki_leaf(&spec, "intermediate", "spiffe://a.example/web", pki_key(PKI_P256, 2));
    pki_make(&spec, pki_key(PKI_P256, 1), &leaf);
}

static hf_result load(const struct pki_cert *const *certs, size_t count, EVP_PKEY *with,
                      struct hf_svid **out)
{
    size_t chain_len = pki_concat(certs, count, chain, sizeof(chain));
    size_t key_len = pki_key_der(with, PKI_PKCS8, key, sizeof(key));
    return hf_svid_new(chain, chain_len, key, key_len, out);
}

static void refuse(const struct pki_cert *const *certs, size_t count, uint32_t code, int depth)
{
    struct hf_svid *svid;
    size_t before = hf_mem_live();
    HF_CHECK_CODE(load(certs, count, pki_key(PKI_P256, 2), &svid), code);
    HF_CHECK(svid == NULL && hf_error_current()->depth == depth);
    HF_CHECK(hf_mem_live() == before);
}

static void a_good_chain_is_taken(void)
{
    struct hf_svid *svid;
    make_chain();
    const struct pki_cert *const certs[] = {&leaf, &intermediate};
    if (!HF_CHECK_OK(load(certs, 2, pki_key(PKI_P256, 2), &svid))) {
        return;
    }
    hf_mem_wipe(chain, sizeof(chain)); /* nothing is borrowed */
    hf_mem_wipe(key, sizeof(key));
    HF_CHECK(strcmp(svid->id, "spiffe://a.example/web") == 0 && svid->id_len == 22);
    HF_CHECK(svid->not_before == PKI_NOT_BEFORE && svid->not_after == PKI_NOT_AFTER);
    HF_CHECK(sk_X509_num(svid->intermediates) == 1);
    HF_CHECK(X509_check_private_key(svid->leaf, svid->key) == 1);
    HF_CHECK(hf_svid_ref(svid) == svid);
    hf_svid_unref(svid);
    hf_svid_unref(svid);
    hf_svid_unref(NULL);
}

static void the_root_is_never_sent(void)
{
    struct hf_svid *with;
    struct hf_svid *without;
    make_chain();
    const struct pki_cert *const certs[] = {&leaf, &intermediate, &root};
    HF_CHECK_OK(load(certs, 3, pki_key(PKI_P256, 2), &with));
    HF_CHECK_OK(load(certs, 2, pki_key(PKI_P256, 2), &without));
    HF_CHECK(sk_X509_num(with->intermediates) == 1);
    HF_CHECK(hf_mem_equal(with->digest, HF_DIGEST_SIZE, without->digest, HF_DIGEST_SIZE));
    hf_svid_unref(with);
    hf_svid_unref(without);
    /* Self-issued but not self-signed is an intermediate like any other. */
    pki_intermediate(&spec, "root", "root", NULL, pki_key(PKI_P256, 0));
    pki_make(&spec, pki_key(PKI_P256, 3), &root);
    HF_CHECK_OK(load(certs, 3, pki_key(PKI_P256, 2), &with));
    HF_CHECK(sk_X509_num(with->intermediates) == 2);
    hf_svid_unref(with);
}

static void a_leaf_alone_is_a_chain(void)
{
    struct hf_svid *svid;
    make_chain();
    const struct pki_cert *const certs[] = {&leaf};
    HF_CHECK_OK(load(certs, 1, pki_key(PKI_P256, 2), &svid));
    HF_CHECK(sk_X509_num(svid->intermediates) == 0);
    hf_svid_unref(svid);
}

static void the_leaf_keeps_the_strict_rules(void)
{
    const struct pki_cert *const certs[] = {&leaf, &intermediate};
    make_chain();
    pki_set_key_usage(&spec, false, 1);
    pki_make(&spec, pki_key(PKI_P256, 1), &leaf);
    refuse(certs, 2, HF_E_SVID_KEY_USAGE, 0);
    pki_leaf(&spec, "intermediate", "spiffe://a.example", pki_key(PKI_P256, 2));
    pki_make(&spec, pki_key(PKI_P256, 1), &leaf);
    refuse(certs, 2, HF_E_SVID_NO_PATH, 0);
    /* A CA's own chain is no SVID: X509-13. */
    make_chain();
    const struct pki_cert *const ca[] = {&intermediate, &root};
    refuse(ca, 2, HF_E_SVID_IS_CA, 0);
}

static void each_is_signed_by_the_next(void)
{
    const struct pki_cert *const without[] = {&leaf, &root};
    const struct pki_cert *const turned[] = {&leaf, &root, &intermediate};
    const struct pki_cert *const twice[] = {&leaf, &intermediate, &intermediate};
    const struct pki_cert *const leaves[] = {&leaf, &leaf};
    const struct pki_cert *const good[] = {&leaf, &intermediate};
    make_chain();
    refuse(without, 2, HF_E_CHAIN_REJECTED, 0);
    refuse(turned, 3, HF_E_CHAIN_REJECTED, 0);
    refuse(twice, 3, HF_E_CHAIN_REJECTED, 1);
    refuse(leaves, 2, HF_E_CA_NOT_CA, 1);
    /* The right name and the wrong key. */
    pki_make(&spec, pki_key(PKI_P256, 5), &leaf);
    refuse(good, 2, HF_E_BAD_SIGNATURE, 0);
}

static void limits_are_those_of_a_peer(void)
{
    /* C10: 8 certificates and 32 KiB are accepted, so no more is sent. */
    static struct pki_cert cas[9];
    const struct pki_cert *certs[10];
    static char names[10][8];
    struct hf_svid *svid;
    for (size_t i = 0; i < 9; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "ca%zu", i);
        (void)snprintf(names[i + 1], sizeof(names[i + 1]), "ca%zu", i + 1);
        pki_intermediate(&spec, names[i + 1], names[i], NULL, pki_key(PKI_P256, i % 2));
        pki_make(&spec, pki_key(PKI_P256, (i + 1) % 2), &cas[i]);
        certs[i + 1] = &cas[i];
    }
    pki_leaf(&spec, "ca0", "spiffe://a.example/web", pki_key(PKI_P256, 2));
    pki_make(&spec, pki_key(PKI_P256, 0), &leaf);
    certs[0] = &leaf;
    HF_CHECK_OK(load(certs, 8, pki_key(PKI_P256, 2), &svid));
    hf_svid_unref(svid);
    refuse(certs, 9, HF_E_CHAIN_TOO_LONG, -1);
    refuse(certs, 10, HF_E_CHAIN_TOO_LONG, -1);
    HF_CHECK_CODE(hf_svid_new(chain, HF_CHAIN_BYTES_MAX + 1, key, 1, &svid), HF_E_CHAIN_TOO_LARGE);
}

static void arguments_are_checked(void)
{
    struct hf_svid *svid;
    const struct pki_cert *const certs[] = {&leaf, &intermediate};
    make_chain();
    size_t len = pki_concat(certs, 2, chain, sizeof(chain));
    size_t key_len = pki_key_der(pki_key(PKI_P256, 2), PKI_PKCS8, key, sizeof(key));
    HF_CHECK_CODE(hf_svid_new(NULL, 0, key, key_len, &svid), HF_E_CHAIN_EMPTY);
    HF_CHECK_CODE(hf_svid_new(NULL, 1, key, key_len, &svid), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_svid_new(chain, len, NULL, 1, &svid), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_svid_new(chain, len, NULL, 0, &svid), HF_E_KEY_INVALID);
    HF_CHECK_CODE(hf_svid_new(chain, len, key, key_len, NULL), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_svid_new(chain, len - 1, key, key_len, &svid), HF_E_DER_TRUNCATED);
    HF_CHECK(svid == NULL);
}

HF_TESTS({"a good chain is taken", a_good_chain_is_taken},
         {"the root is never sent", the_root_is_never_sent},
         {"a leaf alone is a chain", a_leaf_alone_is_a_chain},
         {"the leaf keeps the strict rules", the_leaf_keeps_the_strict_rules},
         {"each is signed by the next", each_is_signed_by_the_next},
         {"limits are those of a peer", limits_are_those_of_a_peer},
         {"arguments are checked", arguments_are_checked})
