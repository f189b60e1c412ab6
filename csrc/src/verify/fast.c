/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/fast.h"

#include "verify/signature.h"
#include "x509/cert_parts.h"
#include "x509/scratch.h"

#define UTF8_STRING 0x0c
#define NUMERIC_STRING 0x12
#define PRINTABLE_STRING 0x13
#define IA5_STRING 0x16

static bool is_plain(const struct hf_cert *cert)
{
    return !cert->as_root && !cert->has_unread_extension && !cert->has_name_constraints &&
           !cert->has_policy_constraints && !cert->has_unknown_critical &&
           !cert->aki_names_issuer && cert->other_san_count == 0;
}

/* Texts whose bytes are UTF-8 as they are: OpenSSL folds these by case and space alone. */
static bool is_utf8_text(uint8_t tag)
{
    return tag == UTF8_STRING || tag == NUMERIC_STRING || tag == PRINTABLE_STRING ||
           tag == IA5_STRING;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

/* The next byte that is no space, in lower case; -1 at the end. */
static int next_letter(struct hf_span *text)
{
    uint8_t c;
    while (hf_span_take_u8(text, &c)) {
        if (!is_space(c)) {
            return lower(c);
        }
    }
    return -1;
}

static bool texts_differ(struct hf_span a, struct hf_span b)
{
    for (;;) {
        int x = next_letter(&a);
        int y = next_letter(&b);
        if (x != y || x < 0) {
            return x != y;
        }
    }
}

/* One attribute each: SEQUENCE { type, value }. */
static bool attributes_differ(struct hf_span a, struct hf_span b)
{
    struct hf_span types[2];
    struct hf_der values[2];
    if (!hf_is_ok(hf_der_take_oid(&a, &types[0])) || !hf_is_ok(hf_der_next(&a, &values[0])) ||
        !hf_is_ok(hf_der_take_oid(&b, &types[1])) || !hf_is_ok(hf_der_next(&b, &values[1]))) {
        return false;
    }
    if (!hf_span_equal(types[0], types[1])) {
        return true;
    }
    if (values[0].tag == HF_DER_BIT_STRING && values[1].tag == HF_DER_BIT_STRING) {
        return !hf_span_equal(values[0].content, values[1].content);
    }
    return is_utf8_text(values[0].tag) && is_utf8_text(values[1].tag) &&
           texts_differ(values[0].content, values[1].content);
}

/* One RelativeDistinguishedName each. With several attributes in it, their order does not count:
 * those are not compared. */
static bool parts_differ(struct hf_span a, struct hf_span b)
{
    struct hf_span attributes[2];
    if (!hf_is_ok(hf_der_take(&a, HF_DER_SEQUENCE, &attributes[0])) ||
        !hf_is_ok(hf_der_take(&b, HF_DER_SEQUENCE, &attributes[1]))) {
        return false;
    }
    return a.len == 0 && b.len == 0 && attributes_differ(attributes[0], attributes[1]);
}

/* Issuer and subject differ for certain, also as X509_NAME_cmp() compares them. False may mean
 * "not certain". */
static bool names_differ(const struct hf_cert *cert)
{
    struct hf_span a = cert->issuer;
    struct hf_span b = cert->subject;
    struct hf_span parts[2];
    if (cert->subject_empty) {
        return true; /* an issuer never is: the reader */
    }
    if (!hf_is_ok(hf_der_take(&a, HF_DER_SEQUENCE, &parts[0])) ||
        !hf_is_ok(hf_der_take(&b, HF_DER_SEQUENCE, &parts[1]))) {
        return false;
    }
    while (parts[0].len != 0 && parts[1].len != 0) {
        if (!hf_is_ok(hf_der_take(&parts[0], HF_DER_SET, &a)) ||
            !hf_is_ok(hf_der_take(&parts[1], HF_DER_SET, &b))) {
            return false;
        }
        if (parts_differ(a, b)) {
            return true;
        }
    }
    return parts[0].len != parts[1].len;
}

/* The leaf's key is not decoded, but OpenSSL would, and refuse a point that is not on its curve. */
static bool is_decodable(const struct hf_cert *leaf)
{
    return leaf->key_kind == HF_KEY_RSA || leaf->key_kind == HF_KEY_ED25519 ||
           hf_scratch_on_curve(leaf->public_key);
}

bool hf_fast_covers(const struct hf_pool *pool, const struct hf_path *path,
                    const struct hf_question *question)
{
    if (question->web || !is_plain(&path->anchor->cert)) {
        return false;
    }
    for (size_t depth = 0; depth < path->count; depth++) {
        const struct hf_cert *cert = hf_path_cert(pool, path, depth);
        if (!is_plain(cert) || !names_differ(cert)) {
            return false;
        }
    }
    return is_decodable(hf_path_cert(pool, path, 0));
}

static hf_result at_depth(hf_result r, size_t depth)
{
    if (!hf_is_ok(r)) {
        hf_error_current()->depth = (int32_t)depth;
    }
    return r;
}

/* The intermediate's key, once its signature held under `above`. */
static hf_result step_down(const struct hf_bundle *bundle, const struct hf_signer *above,
                           const struct hf_cert *cert, struct hf_signer **out)
{
    (void)bundle;
    struct hf_signed what = hf_signed_of(cert);
    HF_TRY(hf_signature_verify(above, &what));
    return hf_signer_new(cert, out);
}

hf_result hf_fast_issuers(struct hf_pool *pool, const struct hf_bundle *bundle,
                          const struct hf_path *path, struct hf_signer **signer)
{
    *signer = NULL;
    struct hf_signer *above = hf_signer_ref(path->anchor->signer);
    for (size_t depth = path->count - 1; depth > 0; depth--) {
        struct hf_signer *next = NULL;
        hf_result r = step_down(bundle, above, hf_path_cert(pool, path, depth), &next);
        hf_signer_unref(above);
        HF_TRY(at_depth(r, depth));
        above = next;
    }
    *signer = above;
    return hf_ok();
}

hf_result hf_fast_signatures(struct hf_pool *pool, const struct hf_bundle *bundle,
                             const struct hf_path *path)
{
    struct hf_signer *signer;
    HF_TRY(hf_fast_issuers(pool, bundle, path, &signer));
    struct hf_signed leaf = hf_signed_of(hf_path_cert(pool, path, 0));
    hf_result r = hf_signature_verify(signer, &leaf);
    hf_signer_unref(signer);
    return at_depth(r, 0);
}
