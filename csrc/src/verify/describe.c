/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/describe.h"

#include <openssl/bio.h>
#include <stdio.h>

/* Texts go into the record by hf_error_set_seen, which cuts them; this leaves room for words. */
#define NAME_CAP 128

static size_t print_name(struct hf_span name, char *out, size_t cap)
{
    const unsigned char *at = name.data;
    X509_NAME *parsed = d2i_X509_NAME(NULL, &at, (long)name.len);
    BIO *bio = BIO_new(BIO_s_mem());
    int len = 0;
    if (parsed != NULL && bio != NULL && X509_NAME_print_ex(bio, parsed, 0, XN_FLAG_RFC2253) >= 0) {
        len = BIO_read(bio, out, (int)cap);
    }
    (void)BIO_free(bio);
    X509_NAME_free(parsed);
    hf_ossl_clear();
    return len > 0 ? (size_t)len : 0;
}

void hf_describe_name(struct hf_span name, char *out, size_t cap)
{
    char text[NAME_CAP];
    size_t len = print_name(name, text, sizeof(text));
    if (len == 0) {
        hf_error_escape(out, cap, (const uint8_t *)"(no name)", 9);
        return;
    }
    hf_error_escape(out, cap, (const uint8_t *)text, len);
}

static bool key_ids_match(const struct hf_cert *cert, const struct hf_cert *issuer)
{
    return cert->aki.len != 0 && hf_span_equal(cert->aki, issuer->ski);
}

void hf_describe_bad_signature(const struct hf_cert *cert, const struct hf_cert *issuer,
                               bool at_anchor)
{
    char name[NAME_CAP];
    hf_describe_name(issuer->subject, name, sizeof(name));
    int32_t depth = hf_error_current()->depth;
    uint32_t reason = hf_error_current()->openssl_reason;
    hf_result r;
    if (at_anchor && !key_ids_match(cert, issuer)) {
        r = hf_error_set_seen(HF_E_UNKNOWN_AUTHORITY, __FILE__, __LINE__,
                              "a signature by an authority of the bundle",
                              "a signature that does not fit the key of the authority %s", name);
    } else {
        r = hf_error_set_seen(HF_E_BAD_SIGNATURE, __FILE__, __LINE__,
                              "a signature by its issuer's key",
                              "one that does not fit the key of %s", name);
    }
    (void)r;
    hf_error_current()->depth = depth;
    hf_error_current()->openssl_reason = reason;
}

/* An authority that has the name but, by its key identifier, not the key. */
static bool has_namesake(const struct hf_bundle *bundle, const struct hf_cert *cert)
{
    for (size_t i = 0; i < bundle->count; i++) {
        if (hf_span_equal(bundle->authorities[i].cert.subject, cert->issuer)) {
            return true;
        }
    }
    return false;
}

/* A certificate that was presented in the issuer's place and is no CA: 0 none. */
static size_t find_impostor(const struct hf_pool *pool, size_t top)
{
    const struct hf_cert *cert = &pool->certs[top];
    for (size_t i = 1; i < pool->count; i++) {
        const struct hf_cert *issuer = &pool->certs[i];
        if (i != top && !issuer->is_ca && hf_span_equal(cert->issuer, issuer->subject) &&
            (cert->aki.len == 0 || issuer->ski.len == 0 || hf_span_equal(cert->aki, issuer->ski))) {
            return i;
        }
    }
    return 0;
}

static hf_result describe_impostor(const struct hf_pool *pool, size_t place)
{
    const struct hf_cert *issuer = &pool->certs[place];
    char name[NAME_CAP];
    hf_describe_name(issuer->subject, name, sizeof(name));
    hf_result r = hf_error_set_seen(
        HF_E_CA_NOT_CA, __FILE__, __LINE__, "an issuer with basicConstraints CA", "%s, with %s",
        name, issuer->has_basic_constraints ? "cA false" : "no basicConstraints");
    hf_error_current()->depth = (int32_t)place;
    return r;
}

hf_result hf_describe_unknown_authority(const struct hf_pool *pool, const struct hf_bundle *bundle,
                                        const struct hf_search *search)
{
    const struct hf_cert *top = &pool->certs[search->top];
    size_t impostor = find_impostor(pool, search->top);
    char name[NAME_CAP];
    if (impostor != 0) {
        return describe_impostor(pool, impostor);
    }
    hf_describe_name(top->issuer, name, sizeof(name));
    hf_result r = hf_error_set_seen(
        HF_E_UNKNOWN_AUTHORITY, __FILE__, __LINE__, "", "issuer %s%s", name,
        has_namesake(bundle, top) ? ": in the bundle by this name, but with another key" : "");
    struct hf_error *error = hf_error_current();
    error->depth = (int32_t)search->top;
    (void)snprintf(error->expected, sizeof(error->expected),
                   "a chain to an authority of %.160s (%zu in the bundle)",
                   bundle->trust_domain_len == 0 ? "the roots" : bundle->trust_domain,
                   bundle->count);
    return r;
}
