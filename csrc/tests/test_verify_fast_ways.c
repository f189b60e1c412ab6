/* SPDX-License-Identifier: Apache-2.0
 *
 * Which way a chain went changes nothing of what is told about it: the same peers, and the same
 * refusals to the word. Every kind of key and signature takes the fast path.
 */
#include <string.h>

#include "chain_pool.h"
#include "hf_test.h"
#include "kit.h"
#include "verify/fast.h"
#include "verify/issuer_memory.h"
#include "verify/signature.h"

#define ID "spiffe://a.example/web"

static const enum pki_kind allowed[] = {PKI_P256,    PKI_P384,    PKI_P521,
                                        PKI_RSA2048, PKI_RSA3072, PKI_ED25519};
#define ALLOWED (sizeof(allowed) / sizeof(allowed[0]))

static const struct kit_ask plainly = {HF_RULES_STRICT, HF_PURPOSE_EITHER, PKI_NOW};

static void check_both(const struct hf_bundle_set *set, struct kit_certs chain, uint32_t code)
{
    HF_CHECK_CODE(kit_judge_by(HF_WAY_FAST, set, chain, plainly, NULL), code);
    HF_CHECK_CODE(kit_judge_by(HF_WAY_GENERAL, set, chain, plainly, NULL), code);
    HF_CHECK_CODE(kit_judge_by(HF_WAY_ANY, set, chain, plainly, NULL), code);
}

/* A chain of these keys; `spoilt` is the depth of a signature with one bit changed, -1 for none. */
static void check_kinds(enum pki_kind of_root, enum pki_kind of_middle, enum pki_kind of_leaf,
                        int spoilt)
{
    static struct pki_cert root, middle, leaf;
    struct pki_spec spec;
    kit_root(&root, "root", pki_key(of_root, 0));
    pki_intermediate(&spec, "root", "middle", NULL, pki_key(of_middle, 1));
    pki_add_key_ids(&spec, pki_key(of_root, 0));
    spec.bad_signature = spoilt == 1;
    kit_sign(&spec, pki_key(of_root, 0), &middle);
    pki_leaf(&spec, "middle", ID, pki_key(of_leaf, 2));
    pki_add_key_ids(&spec, pki_key(of_middle, 1));
    spec.bad_signature = spoilt == 0;
    kit_sign(&spec, pki_key(of_middle, 1), &leaf);
    struct hf_bundle_set *set = kit_set1("a.example", KIT_CERTS(&root));
    check_both(set, KIT_CERTS(&leaf, &middle), spoilt < 0 ? HF_OK : HF_E_BAD_SIGNATURE);
    HF_CHECK(spoilt < 0 || kit_depth() == spoilt);
    hf_bundle_set_unref(set);
}

static void every_kind_of_key_takes_the_fast_path(void)
{
    for (size_t i = 0; i < ALLOWED; i++) {
        for (int spoilt = -1; spoilt <= 1; spoilt++) {
            enum pki_kind next = allowed[(i + 1) % ALLOWED];
            check_kinds(allowed[i], next, allowed[(i + 2) % ALLOWED], spoilt);
            check_kinds(allowed[i], allowed[i], allowed[i], spoilt);
        }
    }
}

static void check_algorithm(enum pki_kind kind, enum pki_algorithm algorithm)
{
    static struct pki_cert root, leaf;
    struct pki_spec spec;
    EVP_PKEY *key = pki_key(kind, 0);
    kit_root(&root, "root", key);
    struct hf_bundle_set *set = kit_set1("a.example", KIT_CERTS(&root));
    for (int spoilt = 0; spoilt < 2; spoilt++) {
        pki_leaf(&spec, "root", ID, KIT_LEAF_KEY);
        pki_add_key_ids(&spec, key);
        spec.algorithm = algorithm;
        spec.bad_signature = spoilt != 0;
        kit_sign(&spec, key, &leaf);
        check_both(set, KIT_CERTS(&leaf), spoilt == 0 ? HF_OK : HF_E_BAD_SIGNATURE);
    }
    hf_bundle_set_unref(set);
}

static void every_kind_of_signature_takes_the_fast_path(void)
{
    static const enum pki_kind curves[] = {PKI_P256, PKI_P384, PKI_P521};
    for (size_t i = 0; i < 3; i++) {
        check_algorithm(curves[i], PKI_SIGN_ECDSA_SHA256);
        check_algorithm(curves[i], PKI_SIGN_ECDSA_SHA384);
        check_algorithm(curves[i], PKI_SIGN_ECDSA_SHA512);
    }
    for (int a = PKI_SIGN_RSA_SHA256; a <= PKI_SIGN_PSS_SHA512; a++) {
        check_algorithm(PKI_RSA2048, (enum pki_algorithm)a);
    }
    check_algorithm(PKI_ED25519, PKI_SIGN_ED25519);
}

struct told {
    hf_result result;
    struct hf_peer peer;
    struct hf_error error;
};

static void ask(enum hf_way way, struct kit_certs chain, int rules, struct told *out)
{
    struct kit_ask asked = {rules, HF_PURPOSE_EITHER, PKI_NOW};
    out->result = kit_judge_by(way, chain_pool_bundles(), chain, asked, &out->peer);
    hf_error_copy(&out->error);
}

/* All but the place in the source, and OpenSSL's own number. */
static bool is_same_refusal(const struct hf_error *a, const struct hf_error *b)
{
    return a->code == b->code && a->depth == b->depth && a->skew == b->skew &&
           strcmp(a->expected, b->expected) == 0 && strcmp(a->seen, b->seen) == 0 &&
           strcmp(a->claimed_id, b->claimed_id) == 0;
}

static void compare(struct kit_certs chain, int rules, size_t *accepted)
{
    static struct told any, general;
    ask(HF_WAY_ANY, chain, rules, &any);
    ask(HF_WAY_GENERAL, chain, rules, &general);
    HF_CHECK(any.result.code == general.result.code);
    HF_CHECK(hf_mem_equal(&any.peer, sizeof(any.peer), &general.peer, sizeof(general.peer)));
    HF_CHECK(hf_is_ok(any.result) || is_same_refusal(&any.error, &general.error));
    *accepted += hf_is_ok(any.result) ? 1 : 0;
}

/* Good, expired, cross-signed, constrained, foreign: each beside each other, in every order. */
static void every_pair_is_told_alike(void)
{
    size_t accepted = 0;
    for (size_t i = 0; i < CHAIN_POOL; i++) {
        for (size_t k = 0; k < CHAIN_POOL; k++) {
            for (int rules = HF_RULES_STRICT; rules <= HF_RULES_COMPATIBLE; rules++) {
                compare(KIT_CERTS(chain_pool_cert(i), chain_pool_cert(k)), rules, &accepted);
            }
        }
    }
    HF_CHECK(accepted > 0);
}

static void every_three_behind_a_leaf_are_told_alike(void)
{
    static const size_t leaves[] = {POOL_LEAF, POOL_DEEP_LEAF, POOL_FOREIGN_LEAF,
                                    POOL_ROLLOVER_LEAF, POOL_LIMITED_LEAF};
    size_t accepted = 0;
    for (size_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
        for (size_t k = 0; k < (size_t)CHAIN_POOL * CHAIN_POOL; k++) {
            compare(KIT_CERTS(chain_pool_cert(leaves[i]), chain_pool_cert(k / CHAIN_POOL),
                              chain_pool_cert(k % CHAIN_POOL)),
                    HF_RULES_STRICT, &accepted);
        }
    }
    HF_CHECK(accepted > 20);
}

/* A bit of the signature of each certificate of a chain of three, and of a byte of what it signs.
 */
static void forgeries_are_told_alike(void)
{
    static struct pki_cert forged[3];
    static const size_t places[] = {POOL_DEEP_LEAF, POOL_LOWER, POOL_UPPER};
    size_t accepted = 0;
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < 3; k++) {
            forged[k] = *chain_pool_cert(places[k]);
        }
        forged[i].der[forged[i].len - 1] ^= 1;
        compare(KIT_CERTS(&forged[0], &forged[1], &forged[2]), HF_RULES_STRICT, &accepted);
        forged[(i + 1) % 3].der[forged[(i + 1) % 3].len - 2] ^= 1;
        compare(KIT_CERTS(&forged[0], &forged[1], &forged[2]), HF_RULES_STRICT, &accepted);
    }
    HF_CHECK(accepted == 0);
}

/* An authority signed a CA whose point is beside its curve. OpenSSL decides, and says so each time:
 * nothing of it is remembered. */
static void an_intermediate_without_a_sound_key_is_left_to_openssl(void)
{
    static struct pki_cert root, middle, leaf;
    struct pki_spec spec;
    uint8_t spki[91];
    struct der_writer w = {spki, sizeof(spki), 0};
    der_raw(&w, DER_BYTES("\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86"
                          "\x48\xce\x3d\x03\x01\x07\x03\x42\x00\x04"));
    while (w.len < sizeof(spki)) {
        der_raw(&w, DER_BYTES("\x11"));
    }
    kit_root(&root, "root", KIT_KEY(0));
    pki_intermediate(&spec, "root", "middle", NULL, KIT_KEY(1));
    spec.spki = der_done(&w);
    kit_sign(&spec, KIT_KEY(0), &middle);
    pki_leaf(&spec, "middle", ID, KIT_LEAF_KEY);
    kit_sign(&spec, KIT_KEY(1), &leaf);
    struct hf_bundle_set *set = kit_set1("a.example", KIT_CERTS(&root));
    struct kit_certs presented = KIT_CERTS(&leaf, &middle);
    for (int i = 0; i < 2; i++) {
        hf_result general = kit_judge_by(HF_WAY_GENERAL, set, presented, plainly, NULL);
        HF_CHECK(!hf_is_ok(general));
        HF_CHECK_CODE(kit_judge_by(HF_WAY_ANY, set, presented, plainly, NULL), general.code);
        HF_CHECK_CODE(kit_judge_by(HF_WAY_FAST, set, presented, plainly, NULL),
                      HF_E_CHAIN_REJECTED);
        HF_CHECK(hf_issuer_memory_count(set->bundles[0]) == 0);
    }
    hf_bundle_set_unref(set);
}

/* Views with one thing changed by hand, also such as no reader or rule lets through: the profile
 * does not lean on them. */
static struct kit_chain chain;
static struct hf_pool pool;
static struct hf_search search;

static bool covered_with(struct hf_cert *cert, bool *flag)
{
    struct hf_question question = {.at = PKI_NOW};
    struct hf_cert kept = *cert;
    *flag = true;
    bool covered = hf_fast_covers(&pool, &search.path, &question);
    *cert = kept;
    return covered;
}

static void check_flags(struct hf_cert *cert)
{
    HF_CHECK(!covered_with(cert, &cert->as_root));
    HF_CHECK(!covered_with(cert, &cert->has_unread_extension));
    HF_CHECK(!covered_with(cert, &cert->has_name_constraints));
    HF_CHECK(!covered_with(cert, &cert->has_policy_constraints));
    HF_CHECK(!covered_with(cert, &cert->has_unknown_critical));
    HF_CHECK(!covered_with(cert, &cert->aki_names_issuer));
    HF_CHECK(covered_with(cert, &cert->has_eku));
    struct hf_question question = {.at = PKI_NOW};
    struct hf_span kept = cert->subject;
    cert->other_san_count = 1;
    HF_CHECK(!hf_fast_covers(&pool, &search.path, &question));
    cert->other_san_count = 0;
    cert->subject = cert->issuer;
    HF_CHECK(hf_fast_covers(&pool, &search.path, &question) ==
             (cert == &search.path.anchor->cert || cert->subject_empty));
    cert->subject = kept;
}

static void each_condition_stands_alone(void)
{
    const struct hf_bundle_set *set = chain_pool_bundles();
    struct hf_bundle *bundle = hf_bundle_set_find(set, HF_SPAN("a.example"));
    struct hf_presented in = {.chain = kit_chain(&chain, KIT_CERTS(chain_pool_cert(POOL_LEAF),
                                                                   chain_pool_cert(POOL_MIDDLE))),
                              .at = PKI_NOW};
    struct hf_question question = {.at = PKI_NOW};
    struct hf_question web = {.at = PKI_NOW, .web = true};
    HF_CHECK_OK(hf_pool_init(&in, &pool));
    hf_search_init(&pool, bundle, &search);
    HF_CHECK(hf_search_next(&search) && search.path.count == 2);
    HF_CHECK(hf_fast_covers(&pool, &search.path, &question));
    HF_CHECK(!hf_fast_covers(&pool, &search.path, &web));
    check_flags(&pool.certs[0]);
    check_flags(&pool.certs[1]);
    for (size_t i = 0; i < bundle->count; i++) {
        if (&bundle->authorities[i] == search.path.anchor) {
            check_flags(&bundle->authorities[i].cert);
        }
    }
    hf_pool_wipe(&pool);
}

/* Signatures that the fast path looks at before this chain is refused for its old intermediate. */
static uint64_t fast_cost(enum hf_way way, const struct pki_cert *root, struct kit_certs shown)
{
    struct hf_bundle_set *set = kit_set1("a.example", KIT_CERTS(root));
    uint64_t before = hf_signature_count();
    HF_CHECK_CODE(kit_judge_by(way, set, shown, plainly, NULL), HF_E_CERT_EXPIRED);
    hf_bundle_set_unref(set);
    return hf_signature_count() - before;
}

/* Also for what breaks a rule: by the way that was asked for, and what is not covered by OpenSSL.
 */
static void signatures_go_the_way_that_was_asked_for(void)
{
    static struct pki_cert root, old, leaf, odd;
    struct pki_spec spec;
    kit_root(&root, "root", KIT_KEY(0));
    pki_intermediate(&spec, "root", "middle", NULL, KIT_KEY(1));
    spec.not_after = PKI_NOW - 1;
    kit_sign(&spec, KIT_KEY(0), &old);
    kit_leaf(&leaf, "middle", KIT_KEY(1), ID);
    pki_leaf(&spec, "middle", ID, KIT_LEAF_KEY);
    pki_add(&spec, "1.2.3.4", false, DER_BYTES("x"));
    kit_sign(&spec, KIT_KEY(1), &odd);
    HF_CHECK(fast_cost(HF_WAY_ANY, &root, KIT_CERTS(&leaf, &old)) == 2);
    HF_CHECK(fast_cost(HF_WAY_FAST, &root, KIT_CERTS(&leaf, &old)) == 2);
    HF_CHECK(fast_cost(HF_WAY_GENERAL, &root, KIT_CERTS(&leaf, &old)) == 0);
    HF_CHECK(fast_cost(HF_WAY_ANY, &root, KIT_CERTS(&odd, &old)) == 0);
}

HF_TESTS({"every kind of key takes the fast path", every_kind_of_key_takes_the_fast_path},
         {"every kind of signature takes the fast path",
          every_kind_of_signature_takes_the_fast_path},
         {"every pair is told alike", every_pair_is_told_alike},
         {"every three behind a leaf are told alike", every_three_behind_a_leaf_are_told_alike},
         {"forgeries are told alike", forgeries_are_told_alike},
         {"an intermediate without a sound key is left to OpenSSL",
          an_intermediate_without_a_sound_key_is_left_to_openssl},
         {"signatures go the way that was asked for", signatures_go_the_way_that_was_asked_for},
         {"each condition stands alone", each_condition_stands_alone})
