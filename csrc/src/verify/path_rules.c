/* SPDX-License-Identifier: Apache-2.0
 *
 * X509_V_FLAG_X509_STRICT is not set when OpenSSL judges, because it refuses lawful SVIDs: it wants
 * an authority key identifier on every certificate but the last and a subject key identifier on
 * every CA, and SPIFFE demands neither. What else that flag would check is checked here or, on
 * single certificates, by the strict reader and the SVID rules:
 *
 *   pathLenConstraint only with cA (and keyCertSign)      below, and the reader
 *   basicConstraints of a CA are critical                 below, for presented CAs
 *   a CA has key usage with keyCertSign                   SVID rules (STRICT); a leaf never has it
 *   issuer and CA subject are not empty                   below
 *   empty subject only with a critical, non-empty SAN     SVID rules, web rules, reader
 *   algorithm the same inside and outside the signature   reader
 *   version 3 when there are extensions                   reader: version 3 always
 *   key identifiers                                       web paths only: web_rules.c
 */
#include "verify/path_rules.h"

#include "verify/name_constraints.h"
#include "verify/web_rules.h"
#include "x509/svid_rules.h"

hf_result hf_path_check_time(const struct hf_cert *cert, int64_t at)
{
    HF_TRY(hf_cert_check_time(cert, at));
    if (at != cert->not_after) {
        return hf_ok();
    }
    hf_result r = hf_error_set_seen(HF_E_CERT_EXPIRED, __FILE__, __LINE__, "a time before notAfter",
                                    "the second of notAfter itself");
    hf_error_current()->skew = 1;
    return r;
}

void hf_path_window(const struct hf_pool *pool, const struct hf_path *path, int64_t *not_before,
                    int64_t *not_after)
{
    *not_before = INT64_MIN;
    *not_after = INT64_MAX;
    for (size_t depth = 0; depth <= path->count; depth++) {
        const struct hf_cert *cert = hf_path_cert(pool, path, depth);
        *not_before = cert->not_before > *not_before ? cert->not_before : *not_before;
        *not_after = cert->not_after < *not_after ? cert->not_after : *not_after;
    }
}

hf_result hf_web_signing_check(const struct hf_cert *cert)
{
    HF_NEED_SEEN(cert->is_ca, HF_E_CA_NOT_CA, "basicConstraints CA", "%s",
                 cert->has_basic_constraints ? "cA is false" : "no basicConstraints");
    HF_NEED_SEEN(!cert->has_key_usage || (cert->key_usage & HF_KU_KEY_CERT_SIGN) != 0,
                 HF_E_CA_NOT_CA, "keyCertSign", "key usage 0x%x", (unsigned)cert->key_usage);
    /* Policies are not evaluated, so a demand for one must not be passed over. */
    HF_NEED_SEEN(!cert->has_policy_constraints, HF_E_CA_CONSTRAINTS, "no policy constraints",
                 "policyConstraints, policyMappings or inhibitAnyPolicy");
    return hf_ok();
}

/* A presented certificate that signs the one below it. */
static hf_result check_issuer(const struct hf_cert *cert, const struct hf_question *question)
{
    if (question->web) {
        HF_TRY(hf_web_signing_check(cert));
        HF_TRY(hf_web_issuer_check(cert));
    } else {
        HF_TRY(hf_svid_signing_check(cert, question->rules, question->trust_domain));
    }
    bool strict = question->web || question->rules == HF_RULES_STRICT;
    HF_NEED_SEEN(!strict || cert->basic_constraints_critical, HF_E_CA_NOT_CA,
                 "critical basicConstraints", "basicConstraints that may be ignored");
    return hf_ok();
}

/* spec: X509-26. The standard leaves open whether a CA's extended key usage limits what is below
 * it. STRICT and web paths: it does, as OpenSSL and Go have it, so a CA for mail vouches for no
 * workload. COMPATIBLE: only the leaf's counts, as go-spiffe has it. */
static hf_result check_nesting(const struct hf_cert *cert, const struct hf_question *question)
{
    bool nested = question->web || question->rules == HF_RULES_STRICT;
    uint32_t wanted = hf_purpose_eku(question->purpose);
    HF_NEED_SEEN(!nested || !cert->has_eku || (cert->eku & wanted) == wanted, HF_E_SVID_EKU,
                 "a CA without extended key usage, or with what the leaf is used for",
                 "a CA whose extended key usage lacks it");
    return hf_ok();
}

/* spec: X509-14, RFC 5280 6.1.4 (l), (m): self-issued CAs do not count. `below` is the number of
 * CAs under this one that do. */
static hf_result check_length(const struct hf_cert *cert, uint32_t below)
{
    HF_NEED_SEEN(cert->path_len < 0 || below <= (uint32_t)cert->path_len, HF_E_PATH_LENGTH,
                 "as many intermediates as pathLenConstraint allows", "%u, allowed are %d",
                 (unsigned)below, (int)cert->path_len);
    return hf_ok();
}

static hf_result check_certificate(const struct hf_pool *pool, const struct hf_path *path,
                                   const struct hf_question *question, size_t depth, uint32_t below)
{
    const struct hf_cert *cert = hf_path_cert(pool, path, depth);
    if (depth > 0) {
        if (depth < path->count) {
            HF_TRY(check_issuer(cert, question));
        } else if (question->web) {
            HF_TRY(hf_web_anchor_check(cert, question->purpose));
        }
        /* RFC 5280 4.1.2.4 and 4.1.2.6 */
        HF_NEED_SEEN(!cert->subject_empty, HF_E_CERT_EMPTY_SUBJECT, "a CA with a name",
                     "an empty subject");
        HF_TRY(check_nesting(cert, question));
        HF_TRY(check_length(cert, below));
        HF_TRY(hf_name_constraints_check(pool, path, depth));
        if (question->web) {
            HF_TRY(hf_web_constraints_check(pool, path, depth));
        }
    }
    return hf_path_check_time(cert, question->at);
}

static hf_result check_depth(uint32_t intermediates, const struct hf_question *question)
{
    HF_NEED_SEEN(!question->web || intermediates <= question->max_depth, HF_E_PATH_LENGTH,
                 "no more intermediates than max_depth", "%u, allowed are %u",
                 (unsigned)intermediates, (unsigned)question->max_depth);
    return hf_ok();
}

hf_result hf_path_check(const struct hf_pool *pool, const struct hf_path *path,
                        const struct hf_question *question)
{
    uint32_t below = 0;
    for (size_t depth = 0; depth <= path->count; depth++) {
        hf_result r = check_certificate(pool, path, question, depth, below);
        if (!hf_is_ok(r)) {
            hf_error_current()->depth = (int32_t)depth;
            return r;
        }
        if (depth > 0 && depth < path->count && !pool->certs[path->index[depth]].self_issued) {
            below++;
        }
    }
    return check_depth(below, question);
}
