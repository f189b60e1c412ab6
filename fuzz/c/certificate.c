/* SPDX-License-Identifier: Apache-2.0
 *
 * The strict certificate view, against OpenSSL: what we read, OpenSSL reads too, and it says the
 * same (promise P2 begins here). Then the SVID rules, for their own sake.
 *
 * What an attacker must hold: nothing. Certificates are read before their signatures are checked.
 */
#include <openssl/asn1.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "base/clock.h"
#include "x509/ossl.h"
#include "x509/svid_rules.h"

/* Not inlined: the stack of a finding then shows which line it was. */
__attribute__((noinline)) static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static int64_t seconds_of(const ASN1_TIME *time)
{
    struct tm tm;
    must(ASN1_TIME_to_tm(time, &tm) == 1);
    return hf_clock_days(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday) * 86400 + tm.tm_hour * 3600 +
           tm.tm_min * 60 + tm.tm_sec;
}

static void compare_names(const struct hf_cert *cert, X509 *x509)
{
    uint32_t uris = 0;
    GENERAL_NAMES *names = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
    must((names != NULL) == cert->has_san);
    for (int i = 0; names != NULL && i < sk_GENERAL_NAME_num(names); i++) {
        int type;
        const ASN1_STRING *text =
            (const ASN1_STRING *)GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
        if (type != GEN_URI) {
            continue;
        }
        struct hf_span uri =
            hf_span_of(ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text));
        must(uris != 0 || hf_span_equal(uri, cert->uri));
        uris++;
    }
    must(uris == cert->uri_count);
    GENERAL_NAMES_free(names);
}

/* OpenSSL numbers the bits of key usage in the order of the bytes, we in that of the standard. */
static uint32_t key_usage_of(X509 *x509)
{
    uint32_t theirs = X509_get_key_usage(x509);
    uint32_t ours = (theirs & KU_DECIPHER_ONLY) != 0 ? HF_KU_DECIPHER_ONLY : 0;
    for (uint32_t i = 0; i < 8; i++) {
        ours |= (theirs >> (7 - i) & 1) << i;
    }
    return ours;
}

static void compare_extensions(const struct hf_cert *cert, X509 *x509)
{
    uint32_t flags = X509_get_extension_flags(x509);
    must((flags & EXFLAG_INVALID) == 0);
    must(((flags & EXFLAG_CA) != 0) == cert->is_ca);
    must(((flags & EXFLAG_KUSAGE) != 0) == cert->has_key_usage);
    must(!cert->has_key_usage || key_usage_of(x509) == cert->key_usage);
    must(((flags & EXFLAG_XKUSAGE) != 0) == cert->has_eku);
    if (cert->has_eku) {
        uint32_t theirs = X509_get_extended_key_usage(x509);
        must(((theirs & XKU_SSL_SERVER) != 0) == ((cert->eku & HF_EKU_SERVER) != 0));
        must(((theirs & XKU_SSL_CLIENT) != 0) == ((cert->eku & HF_EKU_CLIENT) != 0));
        must(((theirs & XKU_ANYEKU) != 0) == ((cert->eku & HF_EKU_ANY) != 0));
    }
    must(X509_get_pathlen(x509) == cert->path_len);
    const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id(x509);
    must((ski != NULL) == (cert->ski.len != 0));
}

static void compare(const struct hf_cert *cert)
{
    X509 *x509 = NULL;
    /* The view says that it does not know all; a root's algorithm may be any, unread. */
    bool is_partial = cert->has_unread_extension || cert->signature_kind == HF_SIG_NONE;
    if (is_partial && !hf_is_ok(hf_ossl_x509(cert->der, &x509))) {
        return;
    }
    must(x509 != NULL || hf_is_ok(hf_ossl_x509(cert->der, &x509)));
    must(X509_get_version(x509) == 2);
    must(seconds_of(X509_get0_notBefore(x509)) == cert->not_before);
    must(seconds_of(X509_get0_notAfter(x509)) == cert->not_after);
    must((X509_NAME_entry_count(X509_get_subject_name(x509)) == 0) == cert->subject_empty);
    must(!cert->self_issued ||
         X509_NAME_cmp(X509_get_subject_name(x509), X509_get_issuer_name(x509)) == 0);
    must((size_t)ASN1_STRING_length(X509_get0_serialNumber(x509)) <= cert->serial.len);
    compare_extensions(cert, x509);
    compare_names(cert, x509);
    X509_free(x509);
}

static void judge(const uint8_t *data, size_t size)
{
    for (int rules = 0; rules < 2; rules++) {
        uint32_t leaf = hf_certificate_check(data, size, 0, rules).code;
        uint32_t signing = hf_certificate_check(data, size, 1, rules).code;
        must(leaf != HF_OK || signing != HF_OK); /* never both: X509-13 */
        must(leaf == HF_OK || hf_error_row_of(leaf) != NULL);
    }
}

/* A root of the web is read less closely: where that shows, and not elsewhere. */
static void check_root(const struct hf_cert *strict, bool read, struct hf_span der)
{
    struct hf_cert root;
    bool is_root = hf_is_ok(hf_cert_parse_root(der, &root));
    must(is_root || !read);
    if (!is_root) {
        must(root.der.len == 0);
        return;
    }
    compare(&root);
    must(!read || (root.not_before == strict->not_before && root.not_after == strict->not_after));
    must(!read || (root.key_usage == strict->key_usage && root.eku == strict->eku));
    must(!read || root.signature_kind == strict->signature_kind);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hf_cert cert;
    uint32_t lengths[HF_CHAIN_MAX];
    size_t count;
    hf_result r = hf_cert_parse(hf_span_of(data, size), &cert);
    if (hf_is_ok(r)) {
        compare(&cert);
    }
    must(hf_is_ok(r) || cert.der.len == 0);
    check_root(&cert, hf_is_ok(r), hf_span_of(data, size));
    judge(data, size);
    if (hf_is_ok(hf_der_split(data, size, lengths, HF_CHAIN_MAX, &count))) {
        size_t sum = 0;
        for (size_t i = 0; i < count; i++) {
            sum += lengths[i];
        }
        must(sum == size);
    }
    return 0;
}
