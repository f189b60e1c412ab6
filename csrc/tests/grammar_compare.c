/* SPDX-License-Identifier: Apache-2.0 */
#include "grammar_compare.h"

static hf_result judge(const struct grammar_case *made, enum hf_way way, struct hf_peer *peer)
{
    struct hf_judge_options options = {.rules = made->rules, .way = way};
    return hf_judge_svid(made->bundles, &made->asked, &options, peer);
}

/* The same question with a bundle of nothing but one authority; NULL when it is gone. */
static struct hf_bundle_set *only(const struct grammar_case *made, const struct hf_peer *peer)
{
    struct hf_span domain = hf_span_of(peer->id + 9, peer->trust_domain_len);
    const struct hf_bundle *bundle = hf_bundle_set_find(made->bundles, domain);
    struct hf_bundle *narrow = NULL;
    struct hf_bundle_set *set = NULL;
    for (size_t i = 0; bundle != NULL && i < bundle->count; i++) {
        const struct hf_authority *one = &bundle->authorities[i];
        if (!hf_mem_equal(one->digest, HF_DIGEST_SIZE, peer->anchor_digest, HF_DIGEST_SIZE)) {
            continue;
        }
        if (hf_is_ok(hf_bundle_new(domain.data, domain.len, one->cert.der.data, one->cert.der.len,
                                   &narrow))) {
            (void)hf_bundle_set_new(&narrow, 1, &set).code;
            hf_bundle_unref(narrow);
        }
    }
    return set;
}

static bool same_peer(const struct hf_peer *a, const struct hf_peer *b)
{
    return hf_mem_equal(a, sizeof(*a), b, sizeof(*b));
}

/* The fast path alone passes over candidates that it does not cover, so it may find another path
 * than the general one, which takes the first. What it found must hold all the same. */
static bool holds_alone(const struct grammar_case *made, const struct hf_peer *found)
{
    static struct grammar_case narrow;
    narrow.asked = made->asked;
    narrow.rules = made->rules;
    narrow.bundles = only(made, found);
    if (narrow.bundles == NULL) {
        return false;
    }
    struct hf_peer fast;
    struct hf_peer general;
    hf_result f = judge(&narrow, HF_WAY_FAST, &fast);
    hf_result g = judge(&narrow, HF_WAY_GENERAL, &general);
    hf_bundle_set_unref(narrow.bundles);
    return hf_is_ok(f) && hf_is_ok(g) && found->path_length == general.path_length &&
           same_peer(&fast, &general);
}

void grammar_compare(const struct grammar_case *made, bool always, struct grammar_answers *out)
{
    struct hf_peer fast;
    struct hf_peer general;
    struct hf_peer any;
    *out = (struct grammar_answers){.general = HF_E_NOT_JUDGED, .any = HF_E_NOT_JUDGED};
    out->fast = judge(made, HF_WAY_FAST, &fast).code;
    if (out->fast != HF_OK && !always) {
        return;
    }
    out->general = judge(made, HF_WAY_GENERAL, &general).code;
    out->any = judge(made, HF_WAY_ANY, &any).code;
    out->other_path = out->fast == HF_OK && !same_peer(&fast, &general);
    if (out->fast == HF_OK && out->general != HF_OK) {
        out->wrong = "the fast path accepts, the general one does not";
    } else if (out->other_path && !holds_alone(made, &fast)) {
        out->wrong = "the path that the fast way found does not hold";
    } else if (out->any != out->general) {
        out->wrong = "both ways together answer otherwise than the general one";
    } else if (!same_peer(&any, &general)) {
        out->wrong = "both ways together see another peer than the general one";
    }
}
