/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenSSL is held to one path: paths that nobody would find, handed in as if somebody had. Whatever
 * OpenSSL makes of their certificates, it is not what was asked about.
 */
#include "verify/general.h"

#include <openssl/err.h>

#include "hf_test.h"
#include "kit.h"

#define ID "spiffe://a.example/web"

static struct pki_cert root, upper, lower, leaf, root_leaf;
static struct hf_bundle_set *set;

static void make_world(void)
{
    kit_root(&root, "root", KIT_KEY(0));
    kit_intermediate(&upper, "root", KIT_KEY(0), "upper", KIT_KEY(1));
    kit_intermediate(&lower, "upper", KIT_KEY(1), "lower", KIT_KEY(2));
    kit_leaf(&leaf, "lower", KIT_KEY(2), ID);
    kit_leaf(&root_leaf, "root", KIT_KEY(0), ID);
    set = kit_set1("a.example", KIT_CERTS(&root));
}

/* All that was presented, in its order, is the path. */
static hf_result ask(struct kit_certs presented,
                     hf_result (*about)(struct hf_pool *pool, const struct hf_path *path))
{
    static struct kit_chain chain;
    struct hf_pool pool;
    struct hf_path path = {.count = presented.count, .anchor = &set->bundles[0]->authorities[0]};
    struct hf_presented in = {.chain = kit_chain(&chain, presented)};
    HF_CHECK_OK(hf_pool_init(&in, &pool));
    for (size_t i = 0; i < presented.count; i++) {
        path.index[i] = (uint8_t)i;
    }
    uint32_t first = about(&pool, &path).code;
    /* C13: what lies in OpenSSL's queue decides nothing, and nothing is left in it. */
    ERR_raise(ERR_LIB_EVP, ERR_R_MALLOC_FAILURE);
    hf_result r = about(&pool, &path);
    HF_CHECK(r.code == first && ERR_peek_error() == 0);
    hf_pool_wipe(&pool);
    return r;
}

static hf_result verify(struct hf_pool *pool, const struct hf_path *path)
{
    const struct hf_question question = {
        .at = PKI_NOW, .way = HF_WAY_GENERAL, .trust_domain = HF_SPAN("a.example")};
    return hf_general_verify(pool, path, &question);
}

static void the_path_that_was_asked_about_and_no_other(void)
{
    static struct pki_cert forged;
    forged = leaf;
    forged.der[forged.len - 1] ^= 1;
    HF_CHECK_OK(ask(KIT_CERTS(&leaf, &lower, &upper), verify));
    HF_CHECK_CODE(ask(KIT_CERTS(&forged, &lower, &upper), verify), HF_E_BAD_SIGNATURE);
    HF_CHECK_OK(ask(KIT_CERTS(&root_leaf), verify));
    /* OpenSSL builds a shorter one, and one of the same length in another order. */
    HF_CHECK_CODE(ask(KIT_CERTS(&root_leaf, &upper), verify), HF_E_CHAIN_REJECTED);
    HF_CHECK(kit_saw("another"));
    HF_CHECK_CODE(ask(KIT_CERTS(&leaf, &upper, &lower), verify), HF_E_CHAIN_REJECTED);
    HF_CHECK(kit_saw("another"));
}

/* Signatures alone: of each step, from the anchor down, at the depth of what is signed. */
static void signatures_are_those_of_the_path(void)
{
    static struct pki_cert forged;
    HF_CHECK_OK(ask(KIT_CERTS(&leaf, &lower, &upper), hf_general_signatures));
    HF_CHECK_OK(ask(KIT_CERTS(&root_leaf), hf_general_signatures));
    HF_CHECK_CODE(ask(KIT_CERTS(&leaf, &upper, &lower), hf_general_signatures), HF_E_BAD_SIGNATURE);
    HF_CHECK(kit_depth() == 2);
    forged = lower;
    forged.der[forged.len - 1] ^= 1;
    HF_CHECK_CODE(ask(KIT_CERTS(&leaf, &forged, &upper), hf_general_signatures),
                  HF_E_BAD_SIGNATURE);
    HF_CHECK(kit_depth() == 1);
    forged = leaf;
    forged.der[forged.len - 1] ^= 1;
    HF_CHECK_CODE(ask(KIT_CERTS(&forged, &lower, &upper), hf_general_signatures),
                  HF_E_BAD_SIGNATURE);
    HF_CHECK(kit_depth() == 0);
}

static void nothing_is_left(void)
{
    hf_bundle_set_unref(set);
    HF_CHECK(hf_mem_live() == 0);
}

HF_TESTS({"make the world", make_world},
         {"the path that was asked about and no other", the_path_that_was_asked_about_and_no_other},
         {"signatures are those of the path", signatures_are_those_of_the_path},
         {"nothing is left", nothing_is_left})
