/* SPDX-License-Identifier: Apache-2.0
 *
 * RFC 5280 4.2.1.10 for the one name that counts here. Only the trust domain is compared, taken
 * from an ID that was parsed strictly: what OpenSSL versions read in two ways (user information,
 * ports, queries, NUL) cannot occur in it. A constraint is a host, or with a dot in front all hosts
 * below it; upper and lower case are the same, in ASCII.
 *
 * A trust domain that looks like an IP address is a name like any other (ID-11), where RFC 5280
 * would have its URI refused. Both opinions must agree, so the stricter one counts.
 */
#include "verify/name_constraints.h"

#include "id/spiffe_id.h"
#include "id/trust_domain.h"
#include "x509/cert_parts.h"

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static bool ends_with(struct hf_span text, struct hf_span end)
{
    if (text.len < end.len) {
        return false;
    }
    const uint8_t *at = text.data + (text.len - end.len);
    for (size_t i = 0; i < end.len; i++) {
        if (at[i] != lower(end.data[i])) {
            return false;
        }
    }
    return true;
}

/* A constraint that no host name can match is a mistake, or written for another kind of name. */
static bool is_host(struct hf_span constraint)
{
    for (size_t i = 0; i < constraint.len; i++) {
        if ((hf_character_classes[lower(constraint.data[i])] & HF_CHARACTER_DOMAIN) == 0) {
            return false;
        }
    }
    return constraint.len != 0;
}

static bool matches(struct hf_span trust_domain, struct hf_span constraint)
{
    if (!is_host(constraint) || !ends_with(trust_domain, constraint)) {
        return false;
    }
    /* ".example.org" needs something before it; "example.org" is that one host. */
    return constraint.data[0] == '.' ? trust_domain.len > constraint.len
                                     : trust_domain.len == constraint.len;
}

static hf_result refuse(const char *expected, struct hf_span trust_domain)
{
    HF_FAIL_SEEN(HF_E_NAME_CONSTRAINT, expected, "trust domain %.*s", (int)trust_domain.len,
                 (const char *)trust_domain.data);
}

/* The URI among the subtrees of one list. The reader saw to its form. */
static hf_result take_uri(struct hf_span *list, bool *is_uri, struct hf_span *uri)
{
    struct hf_span subtree;
    struct hf_der base;
    HF_TRY(hf_der_take(list, HF_DER_SEQUENCE, &subtree));
    HF_TRY(hf_der_next(&subtree, &base));
    *is_uri = base.tag == HF_NAME_TAG_URI;
    *uri = base.content;
    return hf_ok();
}

static hf_result check_permitted(struct hf_span list, struct hf_span trust_domain)
{
    bool limited = false;
    while (list.len != 0) {
        bool is_uri;
        struct hf_span uri;
        HF_TRY(take_uri(&list, &is_uri, &uri));
        if (is_uri && matches(trust_domain, uri)) {
            return hf_ok();
        }
        limited = limited || is_uri;
    }
    return limited ? refuse("a trust domain that the CA's name constraints permit", trust_domain)
                   : hf_ok();
}

static hf_result check_excluded(struct hf_span list, struct hf_span trust_domain)
{
    while (list.len != 0) {
        bool is_uri;
        struct hf_span uri;
        HF_TRY(take_uri(&list, &is_uri, &uri));
        if (!is_uri) {
            continue;
        }
        /* What somebody meant to exclude but wrote so that it excludes nothing: refuse. */
        if (!is_host(uri)) {
            return refuse("excluded subtrees that are host names", trust_domain);
        }
        if (matches(trust_domain, uri)) {
            return refuse("a trust domain that the CA's name constraints do not exclude",
                          trust_domain);
        }
    }
    return hf_ok();
}

hf_result hf_name_constraints_judge(struct hf_span constraints, struct hf_span trust_domain)
{
    struct hf_span list;
    if (hf_der_peek(constraints, HF_DER_CONTEXT_OF(0))) {
        HF_TRY(hf_der_take(&constraints, HF_DER_CONTEXT_OF(0), &list));
        HF_TRY(check_permitted(list, trust_domain));
    }
    if (hf_der_peek(constraints, HF_DER_CONTEXT_OF(1))) {
        HF_TRY(hf_der_take(&constraints, HF_DER_CONTEXT_OF(1), &list));
        HF_TRY(check_excluded(list, trust_domain));
    }
    return hf_der_end(constraints);
}

hf_result hf_name_constraints_check(const struct hf_pool *pool, const struct hf_path *path,
                                    size_t depth)
{
    const struct hf_cert *ca = hf_path_cert(pool, path, depth);
    for (size_t below = 0; ca->has_name_constraints && below < depth; below++) {
        const struct hf_cert *cert = hf_path_cert(pool, path, below);
        struct hf_spiffe_id id;
        /* spec: RFC 5280 6.1.3 (b): a self-issued CA is not bound by those above it. */
        if (cert->uri_count == 0 || (below > 0 && cert->self_issued) ||
            !hf_is_ok(hf_spiffe_id_parse(cert->uri.data, cert->uri.len, &id))) {
            continue;
        }
        HF_TRY(hf_name_constraints_judge(ca->name_constraints, hf_spiffe_id_domain(&id)));
    }
    return hf_ok();
}
