/* SPDX-License-Identifier: Apache-2.0
 *
 * C2: the window is that of the whole path, anchor included, to the second, at any date; and a
 * refusal says how far outside the time was.
 */
#include "base/clock.h"
#include "hf_test.h"
#include "kit.h"

#define ID "spiffe://a.example/web"
#define LEAF 0
#define MIDDLE 1
#define ROOT 2

struct window {
    int64_t from;
    int64_t to;
};

static struct pki_cert chain[3];

static struct hf_bundle_set *make_chain(const struct window windows[3])
{
    struct pki_spec spec[3];
    pki_leaf(&spec[LEAF], "middle", ID, KIT_LEAF_KEY);
    pki_intermediate(&spec[MIDDLE], "root", "middle", NULL, KIT_KEY(1));
    pki_authority(&spec[ROOT], "root", NULL, KIT_KEY(0));
    for (size_t i = 0; i < 3; i++) {
        spec[i].not_before = windows[i].from;
        spec[i].not_after = windows[i].to;
        pki_add_key_ids(&spec[i], i == LEAF ? KIT_KEY(1) : KIT_KEY(0));
        kit_sign(&spec[i], i == LEAF ? KIT_KEY(1) : KIT_KEY(0), &chain[i]);
    }
    return kit_set1("a.example", KIT_CERTS(&chain[ROOT]));
}

static hf_result judge_at(const struct hf_bundle_set *set, int64_t at, struct hf_peer *peer)
{
    struct kit_ask ask = {HF_RULES_STRICT, HF_PURPOSE_EITHER, at};
    return kit_judge_as(set, KIT_CERTS(&chain[LEAF], &chain[MIDDLE]), ask, peer);
}

#define T PKI_NOW

/* Each certificate in turn has the narrow window; what is outside of it is refused for it. */
static void every_certificate_of_the_path_counts(void)
{
    for (int32_t narrow = LEAF; narrow <= ROOT; narrow++) {
        struct window windows[3] = {
            {T - 9000, T + 9000}, {T - 9000, T + 9000}, {T - 9000, T + 9000}};
        windows[narrow].from = T - 100;
        windows[narrow].to = T + 100;
        struct hf_bundle_set *set = make_chain(windows);
        struct hf_peer peer;
        HF_CHECK_OK(judge_at(set, T - 100, &peer));
        HF_CHECK(peer.not_before == T - 100 && peer.not_after == T + 100);
        HF_CHECK(peer.leaf_not_before == windows[LEAF].from);
        HF_CHECK(peer.leaf_not_after == windows[LEAF].to);
        HF_CHECK_OK(judge_at(set, T + 99, &peer));
        HF_CHECK(peer.verified_at == T + 99);
        HF_CHECK_CODE(judge_at(set, T - 101, &peer), HF_E_CERT_NOT_YET_VALID);
        HF_CHECK(kit_depth() == narrow && hf_error_current()->skew == 1);
        HF_CHECK(kit_claimed(ID));
        HF_CHECK_CODE(judge_at(set, T + 160, &peer), HF_E_CERT_EXPIRED);
        HF_CHECK(kit_depth() == narrow && hf_error_current()->skew == 60);
        hf_bundle_set_unref(set);
    }
}

/* RFC 5280 includes the second of notAfter, OpenSSL does not: the stricter answer (P2). */
static void the_second_of_not_after_is_too_late(void)
{
    for (int32_t narrow = LEAF; narrow <= ROOT; narrow++) {
        struct window windows[3] = {
            {T - 9000, T + 9000}, {T - 9000, T + 9000}, {T - 9000, T + 9000}};
        windows[narrow].to = T + 100;
        struct hf_bundle_set *set = make_chain(windows);
        HF_CHECK_CODE(judge_at(set, T + 100, NULL), HF_E_CERT_EXPIRED);
        HF_CHECK(kit_depth() == narrow && hf_error_current()->skew == 1);
        hf_bundle_set_unref(set);
    }
}

/* X509-27: dates beyond 32 bits, and the last one that X.509 can write (9999-12-31 23:59:59). */
static void far_dates_are_dates_like_any_other(void)
{
    static const int64_t edges[] = {INT64_C(2147483647), INT64_C(2147483648), INT64_C(2524607999),
                                    INT64_C(2524608000), INT64_C(4294967296)};
    for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
        struct window all = {edges[i] - 10, edges[i] + 10};
        struct window windows[3] = {all, all, all};
        struct hf_bundle_set *set = make_chain(windows);
        HF_CHECK_OK(judge_at(set, edges[i], NULL));
        HF_CHECK_OK(judge_at(set, edges[i] - 10, NULL));
        HF_CHECK_CODE(judge_at(set, edges[i] - 11, NULL), HF_E_CERT_NOT_YET_VALID);
        HF_CHECK_CODE(judge_at(set, edges[i] + 11, NULL), HF_E_CERT_EXPIRED);
        hf_bundle_set_unref(set);
    }
    struct window forever = {T - 10, INT64_C(253402300799)};
    struct window windows[3] = {forever, forever, forever};
    struct hf_bundle_set *set = make_chain(windows);
    HF_CHECK_OK(judge_at(set, INT64_C(253402300798), NULL));
    HF_CHECK_CODE(judge_at(set, INT64_C(253402300799), NULL), HF_E_CERT_EXPIRED);
    HF_CHECK_CODE(judge_at(set, INT64_MAX, NULL), HF_E_CERT_EXPIRED);
    HF_CHECK_CODE(judge_at(set, INT64_MIN + 1, NULL), HF_E_CERT_NOT_YET_VALID);
    hf_bundle_set_unref(set);
}

/* Windows that never overlap: refused at every time. */
static void a_path_without_a_common_window_never_holds(void)
{
    struct window windows[3] = {{T, T + 100}, {T + 100, T + 200}, {T - 100, T + 300}};
    struct hf_bundle_set *set = make_chain(windows);
    for (int64_t at = T - 1; at <= T + 201; at++) {
        HF_CHECK(!hf_is_ok(judge_at(set, at, NULL)));
    }
    hf_bundle_set_unref(set);
}

/* An expired root beside its successor of the same name: the valid one is found, and when there
 * is only the old one, that is what is said. */
static void an_expired_namesake_does_not_hide_the_valid_one(void)
{
    static struct pki_cert old_root, new_root, leaf;
    struct pki_spec spec;
    pki_authority(&spec, "root", NULL, KIT_KEY(0));
    spec.not_before = T - 9000;
    spec.not_after = T - 5000;
    kit_sign(&spec, KIT_KEY(0), &old_root);
    pki_authority(&spec, "root", NULL, KIT_KEY(0));
    kit_sign(&spec, KIT_KEY(0), &new_root);
    pki_leaf(&spec, "root", ID, KIT_LEAF_KEY);
    kit_sign(&spec, KIT_KEY(0), &leaf);
    struct hf_bundle_set *both = kit_set1("a.example", KIT_CERTS(&old_root, &new_root));
    struct hf_bundle_set *old_only = kit_set1("a.example", KIT_CERTS(&old_root));
    HF_CHECK_OK(kit_judge(both, KIT_CERTS(&leaf), NULL));
    HF_CHECK_CODE(kit_judge(old_only, KIT_CERTS(&leaf), NULL), HF_E_CERT_EXPIRED);
    HF_CHECK(kit_depth() == 1 && hf_error_current()->skew == 5000);
    hf_bundle_set_unref(both);
    hf_bundle_set_unref(old_only);
}

/* The depth in a failure is the place in what was presented, whatever the order. */
static void the_depth_is_a_place_in_what_was_presented(void)
{
    struct window windows[3] = {{T - 9000, T + 9000}, {T - 9000, T + 9000}, {T - 9000, T + 9000}};
    static struct pki_cert stranger;
    struct kit_ask ask = {HF_RULES_STRICT, HF_PURPOSE_EITHER, T};
    kit_root(&stranger, "stranger", KIT_KEY(4));
    windows[MIDDLE].to = T - 1;
    struct hf_bundle_set *set = make_chain(windows);
    HF_CHECK_CODE(kit_judge_as(set, KIT_CERTS(&chain[LEAF], &stranger, &chain[MIDDLE]), ask, NULL),
                  HF_E_CERT_EXPIRED);
    HF_CHECK(kit_depth() == 2);
    hf_bundle_set_unref(set);
    windows[MIDDLE].to = T + 9000;
    windows[ROOT].to = T - 1;
    set = make_chain(windows);
    HF_CHECK_CODE(kit_judge_as(set, KIT_CERTS(&chain[LEAF], &stranger, &chain[MIDDLE]), ask, NULL),
                  HF_E_CERT_EXPIRED);
    HF_CHECK(kit_depth() == 3);
    HF_CHECK_CODE(
        kit_judge_as(set, KIT_CERTS(&chain[LEAF], &chain[ROOT], &chain[MIDDLE]), ask, NULL),
        HF_E_CERT_EXPIRED);
    HF_CHECK(kit_depth() == 1);
    hf_bundle_set_unref(set);
}

static void nothing_is_left(void)
{
    HF_CHECK(hf_mem_live() == 0);
}

HF_TESTS({"every certificate of the path counts", every_certificate_of_the_path_counts},
         {"the second of notAfter is too late", the_second_of_not_after_is_too_late},
         {"far dates are dates like any other", far_dates_are_dates_like_any_other},
         {"a path without a common window never holds", a_path_without_a_common_window_never_holds},
         {"an expired namesake does not hide the valid one",
          an_expired_namesake_does_not_hide_the_valid_one},
         {"the depth is a place in what was presented", the_depth_is_a_place_in_what_was_presented},
         {"nothing is left", nothing_is_left})
