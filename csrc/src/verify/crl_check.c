/* SPDX-License-Identifier: Apache-2.0
 *
 * RFC 5280 6.3 for complete lists that issuers sign themselves. Who signs for an issuer: any
 * certificate of its name that stands above on this very path, so that a CA that certified its own
 * new key (self-issued) may go on signing with either; never one that is not on the path, whatever
 * its name.
 */
#include "verify/crl_check.h"

#include <stdio.h>

#include "base/clock.h"
#include "verify/crl_names.h"
#include "verify/crl_points.h"
#include "verify/crl_set.h"

/* What lists say about one certificate. */
struct finding {
    uint32_t covered; /* reasons that good lists speak of */
    uint32_t code;    /* why another list did not count; 0 none */
    int64_t skew;
};

static bool key_ids_agree(const struct hf_crl *crl, const struct hf_cert *issuer)
{
    return crl->aki.len == 0 || issuer->ski.len == 0 || hf_span_equal(crl->aki, issuer->ski);
}

/* spec: RFC 5280 6.3.3 (f), 4.2.1.3: cRLSign where there is a key usage. */
static bool may_sign(const struct hf_cert *issuer)
{
    return !issuer->has_key_usage || (issuer->key_usage & HF_KU_CRL_SIGN) != 0;
}

static hf_result is_signed(struct hf_listed *list, const struct hf_pool *pool,
                           const struct hf_path *path, size_t depth, bool *held)
{
    *held = false;
    for (size_t above = depth + 1; above <= path->count && !*held; above++) {
        const struct hf_cert *issuer = hf_path_cert(pool, path, above);
        if (hf_crl_same_name(issuer->subject, list->crl.issuer) && may_sign(issuer) &&
            key_ids_agree(&list->crl, issuer)) {
            HF_TRY(hf_listed_signature(list, issuer, held));
        }
    }
    return hf_ok();
}

/* YYYY-MM-DD, for people. */
static void write_date(int64_t seconds, char *out, size_t cap)
{
    struct hf_date date = hf_clock_date(seconds);
    (void)snprintf(out, cap, "%04lld-%02d-%02d", (long long)date.year, date.month, date.day);
}

static hf_result refuse_revoked(const struct hf_crl_entry *entry)
{
    char date[64];
    write_date(entry->revoked_at, date, sizeof(date));
    HF_FAIL_SEEN(HF_E_CERT_REVOKED, "a certificate that was not revoked",
                 "revoked on %s, reason %s", date, hf_crl_reason_name(entry->reason));
}

/* Keep the first reason why a list did not count. */
static void note(struct finding *found, uint32_t code, int64_t skew)
{
    if (found->code == 0) {
        found->code = code;
        found->skew = skew;
    }
}

static hf_result ask_list(struct hf_listed *list, const struct hf_pool *pool,
                          const struct hf_path *path, size_t depth, int64_t at, bool claimed,
                          struct finding *found)
{
    const struct hf_cert *cert = hf_path_cert(pool, path, depth);
    const struct hf_crl *crl = &list->crl;
    uint32_t reasons;
    bool held;
    if (!hf_crl_same_name(crl->issuer, cert->issuer)) {
        return hf_ok();
    }
    HF_TRY(hf_crl_reasons_for(crl, cert, &reasons));
    const struct hf_crl_entry *entry = hf_crl_find(crl, cert->serial);
    if (reasons == 0 && entry == NULL) {
        return hf_ok();
    }
    HF_TRY(is_signed(list, pool, path, depth, &held));
    /* Its issuer signed that it is revoked: whether that list was meant for it is beside the point.
     */
    if (held && entry != NULL) {
        return refuse_revoked(entry);
    }
    if (reasons == 0) {
        return hf_ok();
    }
    if (!held) {
        if (claimed) {
            note(found, HF_E_CRL_UNTRUSTED, 0);
        }
        return hf_ok();
    }
    /* The second of nextUpdate itself is too late, as that of notAfter is. */
    if (at < crl->this_update) {
        note(found, HF_E_CRL_NOT_YET_VALID, hf_clock_distance(at, crl->this_update));
    } else if (at >= crl->next_update) {
        note(found, HF_E_CRL_EXPIRED, hf_clock_distance(crl->next_update, at));
    } else {
        found->covered |= reasons;
    }
    return hf_ok();
}

static hf_result refuse_list(const struct finding *found)
{
    switch (found->code) {
    case HF_E_CRL_UNTRUSTED:
        HF_FAIL_SEEN(HF_E_CRL_UNTRUSTED, "a CRL signed by a key of the issuer that may sign CRLs",
                     "one that is not");
    case HF_E_CRL_EXPIRED:
        (void)hf_error_set_seen(found->code, __FILE__, __LINE__, "a CRL before its nextUpdate",
                                "%lld s after it", (long long)found->skew)
            .code;
        break;
    default:
        (void)hf_error_set_seen(found->code, __FILE__, __LINE__, "a CRL after its thisUpdate",
                                "%lld s before it", (long long)found->skew)
            .code;
        break;
    }
    hf_error_current()->skew = found->skew;
    hf_result r = {found->code};
    return r;
}

static hf_result check_certificate(const struct hf_pool *pool, const struct hf_path *path,
                                   size_t depth, const struct hf_question *question)
{
    struct finding found = {0, 0, 0};
    struct hf_crl_set *const sets[] = {question->crls, question->crls_unclaimed};
    for (size_t s = 0; s < 2; s++) {
        for (size_t i = 0; sets[s] != NULL && i < sets[s]->count; i++) {
            HF_TRY(ask_list(&sets[s]->lists[i], pool, path, depth, question->at, s == 0, &found));
        }
    }
    if (found.covered == HF_CRL_ALL_REASONS) {
        return hf_ok();
    }
    if (found.code != 0) {
        return refuse_list(&found);
    }
    HF_NEED_SEEN(question->crl_policy == HF_CRL_IF_AVAILABLE, HF_E_CRL_MISSING,
                 "lists of the issuer that cover all reasons", "%s",
                 found.covered == 0 ? "none" : "lists that cover some");
    return hf_ok();
}

/* Not the last word: a certificate further up may have been revoked, and that tells more. */
static bool is_about_lists(uint32_t code)
{
    return code == HF_E_CRL_MISSING || code == HF_E_CRL_EXPIRED || code == HF_E_CRL_NOT_YET_VALID ||
           code == HF_E_CRL_UNTRUSTED;
}

hf_result hf_crl_check_listed(const struct hf_pool *pool, const struct hf_path *path,
                              const struct hf_question *question)
{
    struct hf_error first;
    bool kept = false;
    HF_NEED_SEEN(!question->crls_unusable, HF_E_CRL_INVALID,
                 "CRLs of the peer's trust domain that can be used", "one that cannot");
    for (size_t depth = 0; depth < path->count; depth++) {
        hf_result r = check_certificate(pool, path, depth, question);
        if (hf_is_ok(r)) {
            continue;
        }
        hf_error_current()->depth = (int32_t)depth;
        if (!is_about_lists(r.code)) {
            return r;
        }
        if (!kept) {
            first = *hf_error_current();
            kept = true;
        }
    }
    return kept ? hf_error_restore(&first) : hf_ok();
}
