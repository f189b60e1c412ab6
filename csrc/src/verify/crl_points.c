/* SPDX-License-Identifier: Apache-2.0
 *
 * CRLDistributionPoints ::= SEQUENCE OF SEQUENCE { name [0] OPTIONAL, reasons [1] OPTIONAL,
 * cRLIssuer [2] OPTIONAL }
 *
 * A list without a point speaks of every certificate of its issuer. A list with one speaks of those
 * certificates alone that name the same point, by the same bytes: an issuer writes its own points
 * in one way. Points with a cRLIssuer lead to lists of somebody else, which are not supported.
 */
#include "verify/crl_points.h"

#include "verify/web_rules.h"
#include "x509/cert_parts.h"

#define OID_CRL_POINTS HF_SPAN("\x55\x1d\x1f")

/* "relative" is the last part of a name whose first parts are the issuer's. */
static bool is_relative_of(struct hf_span directory, struct hf_span issuer, struct hf_span relative)
{
    struct hf_span name;
    struct hf_span parts;
    struct hf_span base;
    struct hf_der last;
    if (!hf_is_ok(hf_der_take(&directory, HF_DER_SEQUENCE, &name)) ||
        !hf_is_ok(hf_der_take(&issuer, HF_DER_SEQUENCE, &base)) ||
        !hf_span_take(&name, base.len, &parts) || !hf_span_equal(parts, base)) {
        return false;
    }
    return hf_is_ok(hf_der_take_whole(&name, HF_DER_SET, &last)) && name.len == 0 &&
           hf_span_equal(last.content, relative);
}

/* Every name of `left` with every name of `right`: both were read before. */
static bool share_a_name(struct hf_span left, struct hf_span right)
{
    while (left.len != 0) {
        struct hf_der one;
        struct hf_span others = right;
        if (!hf_is_ok(hf_der_next(&left, &one))) {
            return false;
        }
        while (others.len != 0) {
            struct hf_der other;
            if (!hf_is_ok(hf_der_next(&others, &other))) {
                return false;
            }
            if (hf_span_equal(one.whole, other.whole)) {
                return true;
            }
        }
    }
    return false;
}

static bool has_relative(struct hf_span full, struct hf_span issuer, struct hf_span relative)
{
    while (full.len != 0) {
        struct hf_der name;
        if (!hf_is_ok(hf_der_next(&full, &name))) {
            return false;
        }
        if (name.tag == HF_NAME_TAG_DIRECTORY && is_relative_of(name.content, issuer, relative)) {
            return true;
        }
    }
    return false;
}

/* Two DistributionPointNames below the same issuer. */
static bool same_point(struct hf_span left, struct hf_span right, struct hf_span issuer)
{
    struct hf_der a;
    struct hf_der b;
    if (!hf_is_ok(hf_der_next(&left, &a)) || !hf_is_ok(hf_der_next(&right, &b))) {
        return false;
    }
    bool full_a = a.tag == HF_DER_CONTEXT_OF(0);
    bool full_b = b.tag == HF_DER_CONTEXT_OF(0);
    if (full_a && full_b) {
        return share_a_name(a.content, b.content);
    }
    if (full_a) {
        return has_relative(a.content, issuer, b.content);
    }
    return full_b ? has_relative(b.content, issuer, a.content)
                  : hf_span_equal(a.content, b.content);
}

/* One DistributionPoint of a certificate: the reasons for which it leads to the list. */
static hf_result read_point(struct hf_span content, const struct hf_crl *crl, uint32_t *reasons)
{
    struct hf_span name = hf_span_of(NULL, 0);
    struct hf_span flags;
    uint32_t only = HF_CRL_ALL_REASONS;
    *reasons = 0;
    if (hf_der_peek(content, HF_DER_CONTEXT_OF(0))) {
        HF_TRY(hf_der_take(&content, HF_DER_CONTEXT_OF(0), &name));
    }
    if (hf_der_peek(content, HF_DER_CONTEXT(1))) {
        HF_TRY(hf_der_take(&content, HF_DER_CONTEXT(1), &flags));
        HF_TRY(hf_der_check_flags(flags, true, &only));
    }
    /* What is left is a cRLIssuer. */
    if (content.len == 0 && name.len != 0 && same_point(name, crl->point, crl->issuer)) {
        *reasons = only & crl->reasons;
    }
    return hf_ok();
}

hf_result hf_crl_reasons_for(const struct hf_crl *crl, const struct hf_cert *cert, uint32_t *out)
{
    bool found;
    struct hf_span value;
    struct hf_span points;
    *out = 0;
    if ((crl->scope & (cert->is_ca ? HF_CRL_AUTHORITIES : HF_CRL_USERS)) == 0) {
        return hf_ok();
    }
    if (crl->point.len == 0) {
        *out = crl->reasons;
        return hf_ok();
    }
    HF_TRY(hf_web_find_extension(cert, OID_CRL_POINTS, &found, &value));
    if (!found) {
        return hf_ok();
    }
    HF_TRY(hf_der_take(&value, HF_DER_SEQUENCE, &points));
    HF_TRY(hf_der_end(value));
    while (points.len != 0) {
        struct hf_span point;
        uint32_t reasons;
        HF_TRY(hf_der_take(&points, HF_DER_SEQUENCE, &point));
        HF_TRY(read_point(point, crl, &reasons));
        *out |= reasons;
    }
    return hf_ok();
}
