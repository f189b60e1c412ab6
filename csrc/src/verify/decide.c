/* SPDX-License-Identifier: Apache-2.0
 *
 * Work is bounded whatever was presented (C10). A candidate that breaks a cheap rule of ours costs
 * signatures only as long as nothing better is known to tell; a signature that was found wrong
 * once rules out every later candidate with the same step, without looking again.
 */
#include "verify/decide.h"

#include "verify/crl_check.h"
#include "verify/describe.h"
#include "verify/fast.h"
#include "verify/general.h"
#include "verify/path_rules.h"
#include "verify/path_signatures.h"

/* Candidates looked at, tried or not. Only many authorities of one name without key identifiers
 * can make so many. */
#define CANDIDATES_MAX 1024

enum rank { RANK_NONE, RANK_SIGNATURE, RANK_RULE };

/* A step of a path whose signature is wrong. */
struct bad_step {
    const struct hf_cert *cert;
    const struct hf_cert *issuer;
};

struct decision {
    struct hf_pool *pool;
    const struct hf_bundle *bundle;
    const struct hf_question *question;
    struct hf_search search;
    size_t attempts;
    size_t bad_count;
    struct bad_step bad[HF_PATHS_MAX];
    enum rank rank; /* of the failure kept */
    struct hf_error kept;
};

static bool is_internal(hf_result r)
{
    return hf_code_category(r.code) == HF_CATEGORY_INTERNAL;
}

static bool is_bad_step(const struct decision *d, const struct hf_cert *cert,
                        const struct hf_cert *issuer)
{
    for (size_t i = 0; i < d->bad_count; i++) {
        if (d->bad[i].cert == cert && d->bad[i].issuer == issuer) {
            return true;
        }
    }
    return false;
}

static bool is_ruled_out(const struct decision *d)
{
    const struct hf_path *path = &d->search.path;
    for (size_t depth = 0; d->bad_count != 0 && depth < path->count; depth++) {
        if (is_bad_step(d, hf_path_cert(d->pool, path, depth),
                        hf_path_cert(d->pool, path, depth + 1))) {
            return true;
        }
    }
    return false;
}

/* The failure is about the certificate at this depth of the path: tell its place in what was
 * presented, so that the right one is shown. An authority that was not presented stands behind. */
static int32_t place_of(const struct decision *d, int32_t depth)
{
    const struct hf_path *path = &d->search.path;
    if (depth < 0) {
        return -1; /* about the path as a whole */
    }
    if ((size_t)depth < path->count) {
        return path->index[depth];
    }
    size_t place = 0;
    while (place < d->pool->count &&
           !hf_span_equal(d->pool->certs[place].der, path->anchor->cert.der)) {
        place++;
    }
    return (int32_t)place;
}

/* Keep this thread's current failure when it tells more than what was kept before. */
static void keep(struct decision *d, enum rank rank)
{
    if (rank > d->rank) {
        d->rank = rank;
        d->kept = *hf_error_current();
        d->kept.depth = place_of(d, d->kept.depth);
    }
}

/* A signature on the path does not hold; the record says which. */
static void note_bad_signature(struct decision *d)
{
    const struct hf_path *path = &d->search.path;
    size_t depth = (size_t)hf_error_current()->depth;
    if (depth >= path->count || d->bad_count == HF_PATHS_MAX) {
        return;
    }
    struct bad_step step = {hf_path_cert(d->pool, path, depth),
                            hf_path_cert(d->pool, path, depth + 1)};
    d->bad[d->bad_count++] = step;
    hf_describe_bad_signature(step.cert, step.issuer, depth + 1 == path->count);
    keep(d, RANK_SIGNATURE);
}

/* All that is left of a path that keeps our own rules. */
static hf_result verify(struct decision *d)
{
    const struct hf_path *path = &d->search.path;
    if (d->question->way != HF_WAY_GENERAL && hf_fast_covers(d->pool, path, d->question)) {
        hf_result r = hf_fast_signatures(d->pool, d->bundle, path);
        if (hf_is_ok(r)) {
            return hf_crl_check_path(d->pool, path, d->question);
        }
        if (r.code != HF_E_CERT_KEY) {
            return r;
        }
    }
    HF_NEED_SEEN(d->question->way != HF_WAY_FAST, HF_E_CHAIN_REJECTED,
                 "a path of the fast path's profile", "one that is not");
    return hf_general_verify(d->pool, path, d->question);
}

/* Our rules said no, and the record says why: it is worth telling if the signatures hold. */
static hf_result weigh(struct decision *d)
{
    if (d->rank == RANK_RULE) {
        return hf_ok();
    }
    struct hf_error refusal = *hf_error_current();
    d->attempts++;
    hf_result r = hf_path_signatures(d->pool, d->bundle, &d->search.path, d->question);
    if (is_internal(r)) {
        return r;
    }
    if (r.code == HF_E_BAD_SIGNATURE) {
        note_bad_signature(d);
        return hf_ok();
    }
    (void)hf_error_restore(&refusal).code;
    keep(d, RANK_RULE);
    return hf_ok();
}

/* One candidate. *held tells whether it is the one; an error ends the search. */
static hf_result attempt(struct decision *d, bool *held)
{
    const struct hf_path *path = &d->search.path;
    hf_result r = hf_path_check(d->pool, path, d->question);
    if (!hf_is_ok(r)) {
        return is_internal(r) ? r : weigh(d);
    }
    d->attempts++;
    r = verify(d);
    *held = hf_is_ok(r);
    if (is_internal(r)) {
        return r;
    }
    if (*held) {
        return hf_ok();
    }
    if (r.code != HF_E_BAD_SIGNATURE) {
        /* OpenSSL looks at names and extensions before it looks at signatures. */
        return weigh(d);
    }
    note_bad_signature(d);
    return hf_ok();
}

static hf_result run(struct decision *d, bool *held)
{
    size_t candidates = 0;
    while (hf_search_next(&d->search)) {
        if (++candidates > CANDIDATES_MAX || d->attempts >= HF_PATHS_MAX) {
            d->search.exhausted = true;
            break;
        }
        if (is_ruled_out(d)) {
            continue;
        }
        HF_TRY(attempt(d, held));
        if (*held) {
            return hf_ok();
        }
    }
    return hf_ok();
}

hf_result hf_decide(struct hf_pool *pool, const struct hf_bundle *bundle,
                    const struct hf_question *question, struct hf_path *out)
{
    struct decision d;
    d.pool = pool;
    d.bundle = bundle;
    d.question = question;
    d.attempts = 0;
    d.bad_count = 0;
    d.rank = RANK_NONE;
    hf_search_init(pool, bundle, &d.search);
    bool held = false;
    HF_TRY(run(&d, &held));
    if (held) {
        *out = d.search.path;
        return hf_ok();
    }
    if (d.search.exhausted) {
        /* Whatever else was found, not everything was looked at. */
        HF_FAIL_SEEN(HF_E_PATH_SEARCH_LIMIT, "at most 64 paths to try",
                     "more, over %zu certificates and %zu authorities", pool->count, bundle->count);
    }
    if (d.rank != RANK_NONE) {
        return hf_error_restore(&d.kept);
    }
    return hf_describe_unknown_authority(pool, bundle, &d.search);
}
