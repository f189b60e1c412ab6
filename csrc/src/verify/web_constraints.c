/* SPDX-License-Identifier: Apache-2.0
 *
 * RFC 5280 4.2.1.10 for the web, beside OpenSSL's opinion. OpenSSL reads "*.example.com" as a
 * host of that very name, so that excluding bar.example.com does not keep a certificate for
 * *.example.com from serving it (CVE-2025-61727 in another library), and it reads constraints that
 * are no host names as something or nothing.
 */
#include "verify/web_rules.h"
#include "x509/cert_parts.h"

/* Wildcards times excluded names that are compared for one certificate: a fraction of a
 * millisecond, on each candidate that the search comes up with (C10). */
#define COMPARE_MAX (1u << 14)

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static bool same_text(const uint8_t *a, const uint8_t *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (lower(a[i]) != lower(b[i])) {
            return false;
        }
    }
    return true;
}

/* `text` is `end`, or something and a dot and `end`. */
static bool is_at_or_below(struct hf_span text, struct hf_span end)
{
    if (end.len == 0) {
        return true;
    }
    if (text.len < end.len || !same_text(text.data + (text.len - end.len), end.data, end.len)) {
        return false;
    }
    return text.len == end.len || text.data[text.len - end.len - 1] == '.';
}

/* Some host that "*.rest" stands for lies in the excluded subtree. */
static bool reaches_into(struct hf_span rest, struct hf_span excluded)
{
    if (is_at_or_below(rest, excluded)) {
        return true;
    }
    if (!is_at_or_below(excluded, rest)) {
        return false;
    }
    for (size_t i = 0; i < excluded.len - rest.len - 1; i++) {
        if (excluded.data[i] == '.') {
            return false; /* two labels more: the star stands for one */
        }
    }
    return true;
}

/* A host name, or nothing for all of them. A leading dot is for URIs only. */
static bool is_constraint(struct hf_span text)
{
    uint8_t before = '.';
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = lower(text.data[i]);
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (!plain && (c != '.' || before == '.')) {
            return false;
        }
        before = c;
    }
    return text.len == 0 || before != '.';
}

/* The next name of a list of subtrees, whose form the reader checked. */
static hf_result take_base(struct hf_span *list, struct hf_der *base)
{
    struct hf_span subtree;
    HF_TRY(hf_der_take(list, HF_DER_SEQUENCE, &subtree));
    return hf_der_next(&subtree, base);
}

/* What the lists of one CA speak of. */
struct subject {
    bool uris;
    uint32_t others; /* kinds of names that nobody compares: bits of their tags' numbers */
    uint32_t excluded_hosts;
};

static bool is_supported(uint8_t tag)
{
    return tag == HF_NAME_TAG_DNS || tag == HF_NAME_TAG_EMAIL || tag == HF_NAME_TAG_URI ||
           tag == HF_NAME_TAG_IP || tag == HF_NAME_TAG_DIRECTORY;
}

static uint32_t tag_bit(uint8_t tag)
{
    return 1u << (tag & 0x1f);
}

static hf_result check_list(struct hf_span list, struct subject *subject)
{
    subject->excluded_hosts = 0;
    while (list.len != 0) {
        struct hf_der base;
        HF_TRY(take_base(&list, &base));
        subject->uris = subject->uris || base.tag == HF_NAME_TAG_URI;
        subject->others |= is_supported(base.tag) ? 0 : tag_bit(base.tag);
        if (base.tag != HF_NAME_TAG_DNS) {
            continue;
        }
        subject->excluded_hosts += 1;
        HF_NEED_SEEN(is_constraint(base.content), HF_E_NAME_CONSTRAINT,
                     "name constraints that are host names", "%zu bytes that are none",
                     base.content.len);
    }
    return hf_ok();
}

static hf_result check_wildcard(struct hf_span rest, struct hf_span excluded)
{
    while (excluded.len != 0) {
        struct hf_der base;
        HF_TRY(take_base(&excluded, &base));
        HF_NEED_SEEN(base.tag != HF_NAME_TAG_DNS || !reaches_into(rest, base.content),
                     HF_E_NAME_CONSTRAINT, "no wildcard that reaches into an excluded subtree",
                     "*.%.*s", (int)(rest.len > 80 ? 80 : rest.len), (const char *)rest.data);
    }
    return hf_ok();
}

static hf_result check_uri(struct hf_span uri)
{
    char shown[160];
    if (!hf_web_uri_is_plain(uri)) {
        hf_error_escape(shown, sizeof(shown), uri.data, uri.len);
        HF_FAIL_SEEN(HF_E_NAME_CONSTRAINT, "a URI with a host name, that can be read in one way",
                     "'%s'", shown);
    }
    return hf_ok();
}

static hf_result check_names(const struct hf_cert *cert, struct hf_span excluded,
                             const struct subject *subject)
{
    struct hf_span names = cert->san;
    uint32_t count = subject->excluded_hosts;
    uint32_t compared = 0;
    while (names.len != 0) {
        struct hf_der name;
        HF_TRY(hf_der_next(&names, &name));
        struct hf_span text = name.content;
        /* spec: RFC 5280 4.2.1.10: a constraint that is not understood, and a name that it binds.
         */
        HF_NEED_SEEN((subject->others & tag_bit(name.tag)) == 0, HF_E_NAME_CONSTRAINT,
                     "no name of a kind whose constraints are not supported", "one with tag 0x%02x",
                     name.tag);
        if (name.tag == HF_NAME_TAG_URI && subject->uris) {
            HF_TRY(check_uri(text));
        }
        if (name.tag == HF_NAME_TAG_DNS && hf_span_starts_with(text, HF_SPAN("*."))) {
            HF_NEED_SEEN(count <= COMPARE_MAX - compared, HF_E_NAME_CONSTRAINT,
                         "a sensible number of wildcards and constraints", "%u constraints",
                         (unsigned)count);
            compared += count;
            HF_TRY(check_wildcard(hf_span_of(text.data + 2, text.len - 2), excluded));
        }
    }
    return hf_ok();
}

static hf_result check_below(const struct hf_pool *pool, const struct hf_path *path, size_t depth,
                             struct hf_span excluded, const struct subject *subject)
{
    for (size_t below = 0; below < depth; below++) {
        const struct hf_cert *cert = hf_path_cert(pool, path, below);
        /* spec: RFC 5280 6.1.3 (b): a self-issued CA is not bound by those above it. */
        if (below == 0 || !cert->self_issued) {
            HF_TRY(check_names(cert, excluded, subject));
        }
    }
    return hf_ok();
}

hf_result hf_web_constraints_check(const struct hf_pool *pool, const struct hf_path *path,
                                   size_t depth)
{
    const struct hf_cert *ca = hf_path_cert(pool, path, depth);
    struct hf_span rest = ca->name_constraints;
    struct hf_span excluded = hf_span_of(NULL, 0);
    struct subject subject = {false, 0, 0};
    /* spec: RFC 5280 4.2.1.10. They would be enforced here either way; but a CA that lets others
     * pass over its limits is not limited, and was not made with care. */
    HF_NEED_SEEN(!ca->has_name_constraints || ca->name_constraints_critical, HF_E_CA_CONSTRAINTS,
                 "name constraints that are critical", "some that others may pass over");
    if (hf_der_peek(rest, HF_DER_CONTEXT_OF(0))) {
        struct hf_span permitted;
        HF_TRY(hf_der_take(&rest, HF_DER_CONTEXT_OF(0), &permitted));
        HF_TRY(check_list(permitted, &subject));
        subject.excluded_hosts = 0;
    }
    if (hf_der_peek(rest, HF_DER_CONTEXT_OF(1))) {
        HF_TRY(hf_der_take(&rest, HF_DER_CONTEXT_OF(1), &excluded));
        HF_TRY(check_list(excluded, &subject));
    }
    if (!subject.uris && subject.others == 0 && subject.excluded_hosts == 0) {
        return hf_ok();
    }
    return check_below(pool, path, depth, excluded, &subject);
}
