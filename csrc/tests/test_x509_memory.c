/* SPDX-License-Identifier: Apache-2.0
 *
 * Every allocation fails once: the answer is then HF_E_OUT_OF_MEMORY, nothing is handed out and
 * nothing is kept.
 */
#include "hf_test.h"
#include "pki.h"
#include "x509/bundle.h"
#include "x509/svid.h"

static struct pki_cert root;
static struct pki_cert leaf;
static uint8_t key[4096];
static size_t key_len;
static struct hf_bundle *kept;

static void prepare(enum pki_kind kind)
{
    static struct pki_spec spec;
    pki_authority(&spec, "root", "spiffe://a.example", pki_key(PKI_P256, 0));
    pki_make(&spec, pki_key(PKI_P256, 0), &root);
    pki_leaf(&spec, "root", "spiffe://a.example/web", pki_key(kind, 1));
    pki_make(&spec, pki_key(PKI_P256, 0), &leaf);
    key_len = pki_key_der(pki_key(kind, 1), PKI_PKCS8, key, sizeof(key));
}

static hf_result make_bundle(void)
{
    struct hf_bundle *bundle;
    hf_result r = hf_bundle_new((const uint8_t *)"a.example", 9, root.der, root.len, &bundle);
    HF_CHECK(hf_is_ok(r) == (bundle != NULL));
    hf_bundle_unref(bundle);
    return r;
}

static hf_result make_set(void)
{
    struct hf_bundle_set *set;
    hf_result r = hf_bundle_set_new(&kept, 1, &set);
    HF_CHECK(hf_is_ok(r) == (set != NULL));
    hf_bundle_set_unref(set);
    return r;
}

static hf_result make_svid(void)
{
    struct hf_svid *svid;
    hf_result r = hf_svid_new(leaf.der, leaf.len, key, key_len, &svid);
    HF_CHECK(hf_is_ok(r) == (svid != NULL));
    hf_svid_unref(svid);
    return r;
}

/* Let the 1st, 2nd, ... allocation of `make` fail until it gets through; how many there were. */
static size_t sweep(hf_result (*make)(void))
{
    size_t before = hf_mem_live();
    for (size_t k = 1; k < 1000; k++) {
        hf_mem_fail_at(k);
        hf_result r = make();
        hf_mem_fail_at(0);
        HF_CHECK(hf_mem_live() == before);
        if (hf_is_ok(r)) {
            return k - 1;
        }
        HF_CHECK_CODE(r, HF_E_OUT_OF_MEMORY);
    }
    return 1000;
}

static void bundles_survive_every_failed_allocation(void)
{
    prepare(PKI_P256);
    size_t allocations = sweep(make_bundle);
    HF_CHECK(allocations >= 4 && allocations < 100);
}

static void sets_survive_every_failed_allocation(void)
{
    prepare(PKI_P256);
    HF_CHECK_OK(hf_bundle_new((const uint8_t *)"a.example", 9, root.der, root.len, &kept));
    size_t allocations = sweep(make_set);
    HF_CHECK(allocations >= 3 && allocations < 100);
    hf_bundle_unref(kept);
}

static void svids_survive_every_failed_allocation(void)
{
    static const enum pki_kind kinds[] = {PKI_P256, PKI_RSA2048, PKI_ED25519};
    for (size_t i = 0; i < 3; i++) {
        prepare(kinds[i]);
        size_t allocations = sweep(make_svid);
        HF_CHECK(allocations >= 2 && allocations < 100);
    }
}

HF_TESTS({"bundles survive every failed allocation", bundles_survive_every_failed_allocation},
         {"sets survive every failed allocation", sets_survive_every_failed_allocation},
         {"SVIDs survive every failed allocation", svids_survive_every_failed_allocation})
