/* SPDX-License-Identifier: Apache-2.0
 *
 * Recalled verdicts and time (P3; threat C2): the window is that of the whole built chain, anchor
 * included; clocks may jump in either direction; and where another path would be found at another
 * time, the cache does not answer with the first one.
 */
#include "hf_test.h"
#include "recall_kit.h"

#define ID "spiffe://a.example/web"
#define DAY 86400

static struct pki_cert root, middle, leaf;

static void make_root(struct pki_cert *out, const char *name, size_t key, int64_t from,
                      int64_t until)
{
    struct pki_spec spec;
    pki_authority(&spec, name, NULL, KIT_KEY(key));
    spec.not_before = from;
    spec.not_after = until;
    pki_add_key_ids(&spec, KIT_KEY(key));
    kit_sign(&spec, KIT_KEY(key), out);
}

static void make_middle(struct pki_cert *out, const char *issuer, size_t issuer_key, int64_t from,
                        int64_t until)
{
    struct pki_spec spec;
    pki_intermediate(&spec, issuer, "middle", NULL, KIT_KEY(2));
    spec.not_before = from;
    spec.not_after = until;
    pki_add_key_ids(&spec, KIT_KEY(issuer_key));
    kit_sign(&spec, KIT_KEY(issuer_key), out);
}

static void make_leaf(struct pki_cert *out, int64_t from, int64_t until)
{
    struct pki_spec spec;
    pki_leaf(&spec, "middle", ID, KIT_LEAF_KEY);
    spec.not_before = from;
    spec.not_after = until;
    pki_add_key_ids(&spec, KIT_KEY(2));
    kit_sign(&spec, KIT_KEY(2), out);
}

static struct recall_answer ask_at(struct hf_chain_cache *cache, struct hf_bundle_set *set,
                                   int64_t at)
{
    return recall_ask(
        cache, (struct recall_question){.set = set, .certs = KIT_CERTS(&leaf, &middle), .at = at});
}

/* Remember a verdict of PKI_NOW, then ask around the two ends of the window. */
static void check_window(int64_t from, int64_t until)
{
    struct hf_chain_cache *cache = recall_cache(0);
    struct hf_bundle_set *set = kit_set1("a.example", KIT_CERTS(&root));
    struct recall_answer first = ask_at(cache, set, PKI_NOW);
    HF_CHECK(recall_is_judged(first));
    HF_CHECK(first.peer.not_before == from && first.peer.not_after == until);
    HF_CHECK(recall_is_refused(ask_at(cache, set, from - 1), HF_E_CERT_NOT_YET_VALID));
    HF_CHECK(recall_is_hit(ask_at(cache, set, from)));
    HF_CHECK(recall_is_hit(ask_at(cache, set, until - 1)));
    HF_CHECK(recall_is_refused(ask_at(cache, set, until), HF_E_CERT_EXPIRED));
    HF_CHECK(recall_is_refused(ask_at(cache, set, until + DAY), HF_E_CERT_EXPIRED));
    /* A clock that is set back: what was right then is right again. verified_at is new. */
    struct recall_answer back = ask_at(cache, set, PKI_NOW + 1);
    HF_CHECK(recall_is_hit(back) && back.peer.verified_at == PKI_NOW + 1);
    hf_bundle_set_unref(set);
    hf_chain_cache_unref(cache);
}

/* C2: each certificate of the chain in turn is the one that limits it. */
static void the_window_of_every_certificate_counts(void)
{
    const int64_t wide[2] = {PKI_NOW - 1000 * DAY, PKI_NOW + 1000 * DAY};
    for (int who = 0; who < 3; who++) {
        int64_t from[3] = {wide[0], wide[0], wide[0]};
        int64_t until[3] = {wide[1], wide[1], wide[1]};
        from[who] = PKI_NOW - 50;
        until[(who + 1) % 3] = PKI_NOW + 60;
        make_root(&root, "root", 0, from[0], until[0]);
        make_middle(&middle, "root", 0, from[1], until[1]);
        make_leaf(&leaf, from[2], until[2]);
        check_window(PKI_NOW - 50, PKI_NOW + 60);
    }
}

/* C2: one second of validity is one second of hits. */
static void the_shortest_window(void)
{
    make_root(&root, "root", 0, PKI_NOW - DAY, PKI_NOW + DAY);
    make_middle(&middle, "root", 0, PKI_NOW - DAY, PKI_NOW + DAY);
    make_leaf(&leaf, PKI_NOW, PKI_NOW + 1);
    struct hf_chain_cache *cache = recall_cache(0);
    struct hf_bundle_set *set = kit_set1("a.example", KIT_CERTS(&root));
    HF_CHECK(recall_is_judged(ask_at(cache, set, PKI_NOW)));
    HF_CHECK(recall_is_hit(ask_at(cache, set, PKI_NOW)));
    HF_CHECK(recall_is_refused(ask_at(cache, set, PKI_NOW + 1), HF_E_CERT_EXPIRED));
    HF_CHECK(recall_is_refused(ask_at(cache, set, PKI_NOW - 1), HF_E_CERT_NOT_YET_VALID));
    hf_bundle_set_unref(set);
    hf_chain_cache_unref(cache);
}

/* C2: after 2038, up to the year 9999, and at times that no certificate knows. */
static void far_dates_hold_too(void)
{
    const int64_t year_9999 = 253402300799;
    const int64_t year_2040 = 2208988800;
    make_root(&root, "root", 0, PKI_NOW - DAY, year_9999);
    make_middle(&middle, "root", 0, PKI_NOW - DAY, year_9999);
    make_leaf(&leaf, PKI_NOW - DAY, year_9999);
    struct hf_chain_cache *cache = recall_cache(0);
    struct hf_bundle_set *set = kit_set1("a.example", KIT_CERTS(&root));
    HF_CHECK(recall_is_judged(ask_at(cache, set, PKI_NOW)));
    HF_CHECK(recall_is_hit(ask_at(cache, set, year_2040)));
    HF_CHECK(recall_is_hit(ask_at(cache, set, year_9999 - 1)));
    HF_CHECK(recall_is_refused(ask_at(cache, set, year_9999), HF_E_CERT_EXPIRED));
    HF_CHECK(recall_is_refused(ask_at(cache, set, INT64_MAX), HF_E_CERT_EXPIRED));
    HF_CHECK(recall_is_refused(ask_at(cache, set, INT64_MIN + 1), HF_E_CERT_NOT_YET_VALID));
    hf_bundle_set_unref(set);
    hf_chain_cache_unref(cache);
}

/* P3: two anchors of one name and key, of different times. The path found depends on the time, and
 * what is recalled is the path of now: window, anchor and all. */
static void another_path_at_another_time(void)
{
    static struct pki_cert early, late;
    make_root(&early, "root", 0, PKI_NOW - 10 * DAY, PKI_NOW + 2 * DAY);
    make_root(&late, "root", 0, PKI_NOW + DAY, PKI_NOW + 20 * DAY);
    make_middle(&middle, "root", 0, PKI_NOW - 30 * DAY, PKI_NOW + 30 * DAY);
    make_leaf(&leaf, PKI_NOW - 30 * DAY, PKI_NOW + 30 * DAY);
    struct hf_bundle_set *set = kit_set1("a.example", KIT_CERTS(&early, &late));
    /* Every order of first asking, then the same moments again. */
    const int64_t moments[] = {PKI_NOW,           PKI_NOW + DAY - 1,
                               PKI_NOW + DAY,     PKI_NOW + 2 * DAY - 1,
                               PKI_NOW + 2 * DAY, PKI_NOW + 19 * DAY};
    const size_t count = sizeof(moments) / sizeof(moments[0]);
    for (size_t first = 0; first < count; first++) {
        struct hf_chain_cache *cache = recall_cache(0);
        size_t hits = 0;
        for (size_t k = 0; k < 3 * count; k++) {
            struct recall_answer answer = ask_at(cache, set, moments[(first + k) % count]);
            HF_CHECK(answer.same && answer.code == HF_OK);
            hits += answer.hit;
        }
        HF_CHECK(hits != 0);
        HF_CHECK(recall_is_refused(ask_at(cache, set, PKI_NOW + 20 * DAY), HF_E_CERT_EXPIRED));
        hf_chain_cache_unref(cache);
    }
    hf_bundle_set_unref(set);
}

/* Three authorities, the first of them a stranger's, then two of one name and key; the one that is
 * good from PKI_NOW + `second` days on comes second. A bundle sorts them by what was signed. */
static struct hf_bundle_set *sorted_set(int64_t second)
{
    static struct pki_cert other, early, late;
    for (int i = 0; i < 1000; i++) {
        make_root(&other, "other", 1, PKI_NOW - 30 * DAY, PKI_NOW + 30 * DAY);
        make_root(&early, "root", 0, PKI_NOW - 10 * DAY, PKI_NOW + 2 * DAY);
        make_root(&late, "root", 0, PKI_NOW + DAY, PKI_NOW + 20 * DAY);
        struct hf_bundle_set *set = kit_set1("a.example", KIT_CERTS(&other, &early, &late));
        const struct hf_authority *found = set->bundles[0]->authorities;
        if (found[0].cert.not_before == PKI_NOW - 30 * DAY &&
            found[1].cert.not_before == PKI_NOW + second * DAY) {
            return set;
        }
        hf_bundle_set_unref(set);
    }
    return NULL;
}

/* P3: straight from any moment to any other, also back in time: whichever authority is preferred
 * when both are good, what is recalled is what would be judged. */
static void from_any_moment_to_any_other(void)
{
    static const int64_t days[] = {0, 1, 2, 19};
    make_middle(&middle, "root", 0, PKI_NOW - 30 * DAY, PKI_NOW + 30 * DAY);
    make_leaf(&leaf, PKI_NOW - 30 * DAY, PKI_NOW + 30 * DAY);
    for (int late_first = 0; late_first < 2; late_first++) {
        struct hf_bundle_set *set = sorted_set(late_first != 0 ? 1 : -10);
        HF_CHECK(set != NULL);
        for (size_t pair = 0; pair < 16; pair++) {
            struct hf_chain_cache *cache = recall_cache(0);
            HF_CHECK(recall_is_judged(ask_at(cache, set, PKI_NOW + days[pair / 4] * DAY)));
            HF_CHECK(ask_at(cache, set, PKI_NOW + days[pair % 4] * DAY).same);
            hf_chain_cache_unref(cache);
        }
        hf_bundle_set_unref(set);
    }
}

/* More certificates than a chain may have are refused before anything is made of them. */
static void a_chain_that_is_too_long_is_not_looked_up(void)
{
    make_root(&root, "root", 0, PKI_NOW - DAY, PKI_NOW + DAY);
    make_middle(&middle, "root", 0, PKI_NOW - DAY, PKI_NOW + DAY);
    make_leaf(&leaf, PKI_NOW - DAY, PKI_NOW + DAY);
    struct hf_chain_cache *cache = recall_cache(0);
    struct hf_bundle_set *set = kit_set1("a.example", KIT_CERTS(&root));
    struct recall_answer answer = recall_ask(
        cache, (struct recall_question){.set = set,
                                        .certs = KIT_CERTS(&leaf, &middle, &middle, &middle,
                                                           &middle, &middle, &middle, &middle,
                                                           &middle, &middle, &middle, &middle),
                                        .at = PKI_NOW});
    HF_CHECK(recall_is_refused(answer, HF_E_CHAIN_TOO_LONG));
    hf_bundle_set_unref(set);
    hf_chain_cache_unref(cache);
}

/* P3: the same with two intermediates, of which the peer presents both. */
static void another_intermediate_at_another_time(void)
{
    static struct pki_cert second;
    make_root(&root, "root", 0, PKI_NOW - 30 * DAY, PKI_NOW + 30 * DAY);
    make_middle(&middle, "root", 0, PKI_NOW - DAY, PKI_NOW + 2 * DAY);
    make_middle(&second, "root", 0, PKI_NOW + DAY, PKI_NOW + 9 * DAY);
    make_leaf(&leaf, PKI_NOW - 30 * DAY, PKI_NOW + 30 * DAY);
    struct hf_bundle_set *set = kit_set1("a.example", KIT_CERTS(&root));
    struct hf_chain_cache *cache = recall_cache(0);
    size_t hits = 0;
    for (int round = 0; round < 2; round++) {
        for (int64_t at = PKI_NOW - 2 * DAY; at < PKI_NOW + 10 * DAY; at += DAY / 2) {
            for (int order = 0; order < 2; order++) {
                struct recall_answer answer =
                    recall_ask(cache, (struct recall_question){
                                          .set = set,
                                          .certs = order == 0 ? KIT_CERTS(&leaf, &middle, &second)
                                                              : KIT_CERTS(&leaf, &second, &middle),
                                          .at = at});
                HF_CHECK(answer.same);
                hits += answer.hit;
            }
        }
    }
    HF_CHECK(hits > 10);
    hf_chain_cache_unref(cache);
    hf_bundle_set_unref(set);
}

/* C2: an entry is not believed for longer than an hour, by the clock that nobody sets, though the
 * chain is valid for years: whatever the engine learns to refuse meanwhile is asked again. */
static void an_entry_is_asked_again_when_it_is_old(void)
{
    make_root(&root, "root", 0, PKI_NOW - DAY, PKI_NOW + 1000 * DAY);
    make_middle(&middle, "root", 0, PKI_NOW - DAY, PKI_NOW + 1000 * DAY);
    make_leaf(&leaf, PKI_NOW - DAY, PKI_NOW + 1000 * DAY);
    struct hf_chain_cache *cache = recall_cache(0);
    struct hf_bundle_set *set = kit_set1("a.example", KIT_CERTS(&root));
    hf_clock_monotonic_set(1000);
    HF_CHECK(recall_is_judged(ask_at(cache, set, PKI_NOW)));
    HF_CHECK(recall_is_hit(ask_at(cache, set, PKI_NOW + 500 * DAY)));
    hf_clock_monotonic_set(1000 + HF_CHAIN_CACHE_AGE);
    HF_CHECK(recall_is_judged(ask_at(cache, set, PKI_NOW)));
    HF_CHECK(recall_is_hit(ask_at(cache, set, PKI_NOW)));
    hf_clock_monotonic_reset();
    hf_bundle_set_unref(set);
    hf_chain_cache_unref(cache);
}

HF_TESTS({"the window of every certificate counts", the_window_of_every_certificate_counts},
         {"the shortest window", the_shortest_window}, {"far dates hold, too", far_dates_hold_too},
         {"another path at another time", another_path_at_another_time},
         {"from any moment to any other", from_any_moment_to_any_other},
         {"a chain that is too long is not looked up", a_chain_that_is_too_long_is_not_looked_up},
         {"another intermediate at another time", another_intermediate_at_another_time},
         {"an entry is asked again when it is old", an_entry_is_asked_again_when_it_is_old})
