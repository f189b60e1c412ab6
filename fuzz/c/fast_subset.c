/* SPDX-License-Identifier: Apache-2.0
 *
 * Promise P2: what the fast path accepts, X509_verify_cert and all our rules accept, and say the
 * same of it. The input tells a chain (csrc/tests/grammar.h): really signed, then odd in fields,
 * extensions, structure or bytes, before the signature or after.
 *
 * What an attacker must hold, for most inputs: the key of an authority, to sign odd certificates
 * with. A verifier must do without trust in issuers' care; without that key most inputs would end
 * at the signature.
 */
#include <stdio.h>
#include <stdlib.h>

#include "grammar_chain.h"

#define SPOILT_MAX 16

static struct {
    unsigned long long built, spoilt, covered, accepted, accepted_spoilt, general, other_path;
} counts;

/* How often each refusal of the general path was seen: the grammar reaches that many rules. */
#define KINDS_MAX 128
static struct {
    uint32_t code;
    unsigned long long count;
} refusals[KINDS_MAX];

static void note_refusal(uint32_t code)
{
    size_t i = 0;
    while (i < KINDS_MAX - 1 && refusals[i].count != 0 && refusals[i].code != code) {
        i++;
    }
    refusals[i].code = code;
    refusals[i].count++;
}

__attribute__((destructor)) static void tell(void)
{
    for (size_t i = 0; i < KINDS_MAX && refusals[i].count != 0; i++) {
        const struct hf_error_row *row = hf_error_row_of(refusals[i].code);
        (void)fprintf(stderr, "fast_subset: refused %llu: %s\n", refusals[i].count,
                      row == NULL ? "?" : row->name);
    }
    (void)fprintf(
        stderr,
        "fast_subset: cases %llu (built %llu, spoilt after signing %llu), covered by the "
        "fast path %llu, accepted by it %llu (spoilt %llu), by the general path %llu, by way of "
        "another path %llu\n",
        counts.built + counts.spoilt, counts.built, counts.spoilt, counts.covered, counts.accepted,
        counts.accepted_spoilt, counts.general, counts.other_path);
}

static void print_hex(const char *what, const uint8_t *data, size_t len)
{
    (void)fprintf(stderr, "%s ", what);
    for (size_t i = 0; i < len; i++) {
        (void)fprintf(stderr, "%02x", data[i]);
    }
    (void)fprintf(stderr, "\n");
}

/* Signatures and keys are new in each run: what broke is told in full. */
static void lie(const struct grammar_case *made, const char *what, uint32_t one, uint32_t other)
{
    const struct hf_bundle *bundle =
        hf_bundle_set_find(made->bundles, hf_span_of("a.example", sizeof("a.example") - 1));
    (void)fprintf(stderr, "%s: codes %08x, %08x; at %lld, purpose %d, rules %d\n", what, one, other,
                  (long long)made->asked.at, made->asked.purpose, made->rules);
    const uint8_t *at = made->der;
    for (size_t i = 0; i < made->count; i++) {
        print_hex("presented", at, made->lengths[i]);
        at += made->lengths[i];
    }
    for (size_t i = 0; bundle != NULL && i < bundle->count; i++) {
        print_hex("authority", bundle->authorities[i].cert.der.data,
                  bundle->authorities[i].cert.der.len);
    }
    abort();
}

static hf_result judge(const struct grammar_case *made, enum hf_way way, struct hf_peer *peer)
{
    struct hf_judge_options options = {made->rules, way};
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
static void check_other_path(const struct grammar_case *made, const struct hf_peer *found)
{
    static struct grammar_case narrow;
    narrow.asked = made->asked;
    narrow.rules = made->rules;
    struct hf_peer fast;
    struct hf_peer general;
    narrow.bundles = only(made, found);
    hf_result f = {.code = HF_E_INTERNAL};
    hf_result g = f;
    if (narrow.bundles != NULL) {
        f = judge(&narrow, HF_WAY_FAST, &fast);
        g = judge(&narrow, HF_WAY_GENERAL, &general);
        hf_bundle_set_unref(narrow.bundles);
    }
    counts.other_path++;
    if (!hf_is_ok(f) || !hf_is_ok(g) || found->path_length != general.path_length ||
        !same_peer(&fast, &general)) {
        lie(made, "the path that the fast way found does not hold", f.code, g.code);
    }
}

/* The fast path's answer to one chain, held against the others'. */
static bool compare(const struct grammar_case *made, bool always)
{
    struct hf_peer fast;
    struct hf_peer general;
    struct hf_peer any;
    hf_result f = judge(made, HF_WAY_FAST, &fast);
    counts.covered += hf_is_ok(f) || f.code == HF_E_BAD_SIGNATURE;
    counts.accepted += hf_is_ok(f);
    if (!hf_is_ok(f) && !always) {
        return false;
    }
    hf_result g = judge(made, HF_WAY_GENERAL, &general);
    hf_result a = judge(made, HF_WAY_ANY, &any);
    counts.general += hf_is_ok(g);
    if (!hf_is_ok(g)) {
        note_refusal(g.code);
    }
    if (hf_is_ok(f) && !hf_is_ok(g)) {
        lie(made, "the fast path accepts, the general one does not", f.code, g.code);
    }
    if (hf_is_ok(f) && !same_peer(&fast, &general)) {
        check_other_path(made, &fast);
    }
    if (a.code != g.code) {
        lie(made, "both ways together answer otherwise than the general one", a.code, g.code);
    }
    if (!same_peer(&any, &general)) {
        lie(made, "both ways together see another peer than the general one", a.code, g.code);
    }
    return hf_is_ok(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct grammar_case made;
    struct choices c = {hf_span_of(data, size)};
    size_t spoils = choose(&c, SPOILT_MAX + 1);
    if (!grammar_case_make(&c, &made)) {
        grammar_case_wipe(&made);
        return 0;
    }
    counts.built++;
    (void)compare(&made, true);
    for (size_t i = 0; i < spoils && c.left.len != 0; i++) {
        grammar_case_spoil(&c, &made);
        counts.spoilt++;
        counts.accepted_spoilt += compare(&made, false);
    }
    grammar_case_wipe(&made);
    return 0;
}
