/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules on paths, asked one by one: what no whole verdict shows, because another rule says the same
 * (tools/mutate.py).
 */
#include "hf_test.h"
#include "kit.h"
#include "verify/path_rules.h"

static struct pki_cert root, middle, leaf;

static void make_world(void)
{
    kit_root(&root, "root", KIT_KEY(0));
    kit_intermediate(&middle, "root", KIT_KEY(0), "middle", KIT_KEY(1));
    kit_leaf(&leaf, "middle", KIT_KEY(1), "spiffe://a.example/web");
}

static hf_result ask(const struct pki_spec *spec)
{
    static struct pki_cert made;
    struct hf_cert cert;
    kit_sign(spec, KIT_KEY(0), &made);
    hf_result r = hf_cert_parse(pki_span(&made), &cert);
    return hf_is_ok(r) ? hf_web_signing_check(&cert) : r;
}

/* C11: each on its own, though a path would not come by what is no CA. */
static void a_web_issuer_is_a_ca_that_may_sign(void)
{
    struct pki_spec spec;
    pki_authority(&spec, "ca", NULL, KIT_KEY(0));
    HF_CHECK_OK(ask(&spec));
    pki_drop(&spec, PKI_OID_KEY_USAGE);
    HF_CHECK_OK(ask(&spec));
    pki_set_key_usage(&spec, true, HF_KU_CRL_SIGN | HF_KU_DIGITAL_SIGNATURE);
    HF_CHECK_CODE(ask(&spec), HF_E_CA_NOT_CA);
    pki_set_key_usage(&spec, true, HF_KU_KEY_CERT_SIGN);
    pki_add(&spec, PKI_OID_INHIBIT_ANY, true, DER_BYTES("\x02\x01\x00"));
    HF_CHECK_CODE(ask(&spec), HF_E_CA_CONSTRAINTS);
    pki_leaf(&spec, "ca", "spiffe://a.example/web", KIT_KEY(1));
    HF_CHECK_CODE(ask(&spec), HF_E_CA_NOT_CA);
    pki_drop(&spec, PKI_OID_KEY_USAGE);
    HF_CHECK_CODE(ask(&spec), HF_E_CA_NOT_CA);
}

static void a_window_is_of_the_path_alone(void)
{
    struct kit_chain chain;
    struct hf_pool pool;
    struct hf_search search;
    /* Whatever stood there before: later, and earlier, than all of the path. */
    int64_t not_before = INT64_MAX;
    int64_t not_after = INT64_MIN;
    struct hf_bundle_set *set = kit_set1("a.example", KIT_CERTS(&root));
    struct hf_presented in = {.chain = kit_chain(&chain, KIT_CERTS(&leaf, &middle))};
    HF_CHECK_OK(hf_pool_init(&in, &pool));
    hf_search_init(&pool, set->bundles[0], &search);
    HF_CHECK(hf_search_next(&search));
    hf_path_window(&pool, &search.path, &not_before, &not_after);
    HF_CHECK(not_before == PKI_NOT_BEFORE && not_after == PKI_NOT_AFTER);
    hf_pool_wipe(&pool);
    hf_bundle_set_unref(set);
}

/* X509-17, by the path as well: who finds a path need not have looked at the leaf before. */
static void a_path_looks_at_the_leaf_s_time_too(void)
{
    static struct pki_cert early;
    struct pki_spec spec;
    struct kit_chain chain;
    struct hf_pool pool;
    struct hf_search search;
    pki_leaf(&spec, "middle", "spiffe://a.example/web", KIT_LEAF_KEY);
    spec.not_after = PKI_NOW - 1;
    kit_sign(&spec, KIT_KEY(1), &early);
    struct hf_bundle_set *set = kit_set1("a.example", KIT_CERTS(&root));
    struct hf_presented in = {.chain = kit_chain(&chain, KIT_CERTS(&early, &middle))};
    struct hf_question question = {.at = PKI_NOW, .trust_domain = HF_SPAN("a.example")};
    HF_CHECK_OK(hf_pool_init(&in, &pool));
    hf_search_init(&pool, set->bundles[0], &search);
    HF_CHECK(hf_search_next(&search));
    HF_CHECK_CODE(hf_path_check(&pool, &search.path, &question), HF_E_CERT_EXPIRED);
    HF_CHECK(kit_depth() == 0);
    question.at = PKI_NOW - 2;
    HF_CHECK_OK(hf_path_check(&pool, &search.path, &question));
    hf_pool_wipe(&pool);
    hf_bundle_set_unref(set);
}

HF_TESTS({"(the certificates)", make_world},
         {"a web issuer is a CA that may sign", a_web_issuer_is_a_ca_that_may_sign},
         {"a window is of the path alone", a_window_is_of_the_path_alone},
         {"a path looks at the leaf's time, too", a_path_looks_at_the_leaf_s_time_too})
