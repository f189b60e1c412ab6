/* SPDX-License-Identifier: Apache-2.0
 *
 * Revocation lists. What we read, OpenSSL reads too and says the same: times, number of entries,
 * for every entry that it is revoked, when and why, and which certificates it speaks of. Then a
 * chain is judged by the list, which signs for nobody here: it is never accepted as covered.
 *
 * What an attacker must hold: the place that lists are fetched from. Signatures are checked after
 * the list was read.
 */
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "crl_kit.h"
#include "verify/crl_set.h"
#include "x509/ossl.h"

#define REQUIRE(cond) require((cond), #cond, __LINE__)

__attribute__((noinline)) static void require(bool holds, const char *what, int line)
{
    if (!holds) {
        (void)fprintf(stderr, "line %d: does not hold: %s\n", line, what);
        abort();
    }
}

static int64_t seconds_of(const ASN1_TIME *time)
{
    struct tm tm;
    REQUIRE(ASN1_TIME_to_tm(time, &tm) == 1);
    return hf_clock_days(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday) * 86400 + tm.tm_hour * 3600 +
           tm.tm_min * 60 + tm.tm_sec;
}

/* Without the extension, RFC 5280 5.3.1 has "unspecified"; what OpenSSL cannot read says nothing.
 */
static bool reads_reason(const X509_REVOKED *revoked, uint8_t *out)
{
    int there;
    ASN1_ENUMERATED *reason = X509_REVOKED_get_ext_d2i(revoked, NID_crl_reason, &there, NULL);
    *out = reason == NULL ? HF_CRL_UNSPECIFIED : (uint8_t)ASN1_ENUMERATED_get(reason);
    ASN1_ENUMERATED_free(reason);
    return reason != NULL || there == -1;
}

/* A serial number may be listed twice: one of its entries says this. */
static bool has_entry(const struct hf_crl *crl, struct hf_span serial, int64_t at, uint8_t reason)
{
    for (size_t i = 0; i < crl->count; i++) {
        const struct hf_crl_entry *e = &crl->entries[i];
        if (hf_span_equal(hf_span_of(e->serial, e->serial_len), serial) && e->revoked_at == at &&
            e->reason == reason) {
            return true;
        }
    }
    return false;
}

static void compare_entries(const struct hf_crl *crl, X509_CRL *theirs)
{
    STACK_OF(X509_REVOKED) *revoked = X509_CRL_get_REVOKED(theirs);
    int count = revoked == NULL ? 0 : sk_X509_REVOKED_num(revoked);
    REQUIRE((size_t)count == crl->count);
    for (int i = 0; i < count && i < 64; i++) {
        const X509_REVOKED *one = sk_X509_REVOKED_value(revoked, i);
        const ASN1_INTEGER *serial = X509_REVOKED_get0_serialNumber(one);
        uint8_t reason;
        unsigned char der[128];
        unsigned char *at = der;
        int len = i2d_ASN1_INTEGER(serial, NULL);
        REQUIRE(len > 2 && (size_t)len <= sizeof(der));
        REQUIRE(i2d_ASN1_INTEGER(serial, &at) == len);
        /* At most 64 bytes of content: one byte each of tag and length before them. */
        const struct hf_span content = hf_span_of(der + 2, (size_t)len - 2);
        REQUIRE(hf_crl_find(crl, content) != NULL);
        int64_t date = seconds_of(X509_REVOKED_get0_revocationDate(one));
        REQUIRE(!reads_reason(one, &reason) || has_entry(crl, content, date, reason));
    }
}

/* Which part of the issuer's certificates it speaks of. */
static void compare_point(const struct hf_crl *crl, const ISSUING_DIST_POINT *point)
{
    uint32_t scope = HF_CRL_USERS | HF_CRL_AUTHORITIES;
    uint32_t reasons = 0;
    scope = point->onlyuser > 0 ? HF_CRL_USERS : point->onlyCA > 0 ? HF_CRL_AUTHORITIES : scope;
    for (int bit = 1; bit <= 8; bit++) {
        bool named = point->onlysomereasons == NULL ||
                     ASN1_BIT_STRING_get_bit(point->onlysomereasons, bit) == 1;
        reasons |= named ? 1u << bit : 0;
    }
    REQUIRE(point->indirectCRL <= 0 && point->onlyattr <= 0);
    REQUIRE(crl->scope == scope && crl->reasons == reasons);
    REQUIRE((point->distpoint != NULL) == (crl->point.len != 0));
}

static void compare_extensions(const struct hf_crl *crl, const X509_CRL *theirs)
{
    int there;
    ISSUING_DIST_POINT *point =
        X509_CRL_get_ext_d2i(theirs, NID_issuing_distribution_point, &there, NULL);
    if (point != NULL) {
        compare_point(crl, point);
    }
    REQUIRE(there != -1 || (crl->scope == (HF_CRL_USERS | HF_CRL_AUTHORITIES) &&
                            crl->reasons == HF_CRL_ALL_REASONS && crl->point.len == 0));
    ISSUING_DIST_POINT_free(point);
    AUTHORITY_KEYID *key = X509_CRL_get_ext_d2i(theirs, NID_authority_key_identifier, &there, NULL);
    const ASN1_OCTET_STRING *id = key == NULL ? NULL : key->keyid;
    REQUIRE(there == -1 ? crl->aki.len == 0 : key == NULL || (id != NULL) == (crl->aki.len != 0));
    REQUIRE(id == NULL || hf_span_equal(crl->aki, hf_span_of(ASN1_STRING_get0_data(id),
                                                             (size_t)ASN1_STRING_length(id))));
    AUTHORITY_KEYID_free(key);
}

static void compare(const struct hf_crl *crl)
{
    const unsigned char *at = crl->der.data;
    X509_CRL *theirs = d2i_X509_CRL(NULL, &at, (long)crl->der.len);
    /* Names and the insides of extensions that are not critical are not read here as closely. */
    if (theirs == NULL) {
        return;
    }
    REQUIRE(at == crl->der.data + crl->der.len);
    REQUIRE(X509_CRL_get_version(theirs) == 1);
    REQUIRE(seconds_of(X509_CRL_get0_lastUpdate(theirs)) == crl->this_update);
    REQUIRE(seconds_of(X509_CRL_get0_nextUpdate(theirs)) == crl->next_update);
    compare_entries(crl, theirs);
    compare_extensions(crl, theirs);
    X509_CRL_free(theirs);
}

static void check_order(const struct hf_crl *crl)
{
    for (size_t i = 0; i < crl->count; i++) {
        const struct hf_crl_entry *e = &crl->entries[i];
        REQUIRE(e->serial >= crl->der.data && e->serial_len >= 1);
        REQUIRE(e->serial + e->serial_len <= crl->der.data + crl->der.len);
        REQUIRE(hf_crl_find(crl, hf_span_of(e->serial, e->serial_len)) != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    struct hf_crl_set *set;
    if (!ready) {
        crl_kit_world();
        ready = true;
    }
    if (!hf_is_ok(hf_crl_set_new(data, size, &set))) {
        REQUIRE(set == NULL);
        return 0;
    }
    for (size_t i = 0; i < set->count; i++) {
        check_order(&set->lists[i].crl);
        compare(&set->lists[i].crl);
    }
    /* The kit's keys are made at its start: no input can be signed by them. */
    REQUIRE(crl_kit_judge(CRL_KIT_CHAIN, set, HF_CRL_REQUIRED, PKI_NOW).code != HF_OK);
    hf_crl_set_unref(set);
    return 0;
}
