/* SPDX-License-Identifier: Apache-2.0
 *
 * Revocation lists. What we read, OpenSSL reads too and says the same: issuer, times, number of
 * entries, and for every entry that it is revoked. Then a chain is judged by the list, which signs
 * for nobody here: it is never accepted as covered.
 *
 * What an attacker must hold: the place that lists are fetched from. Signatures are checked after
 * the list was read.
 */
#include <openssl/x509.h>
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

static void compare_entries(const struct hf_crl *crl, X509_CRL *theirs)
{
    STACK_OF(X509_REVOKED) *revoked = X509_CRL_get_REVOKED(theirs);
    int count = revoked == NULL ? 0 : sk_X509_REVOKED_num(revoked);
    REQUIRE((size_t)count == crl->count);
    for (int i = 0; i < count && i < 64; i++) {
        const ASN1_INTEGER *serial =
            X509_REVOKED_get0_serialNumber(sk_X509_REVOKED_value(revoked, i));
        unsigned char der[128];
        unsigned char *at = der;
        int len = i2d_ASN1_INTEGER(serial, NULL);
        REQUIRE(len > 2 && (size_t)len <= sizeof(der));
        REQUIRE(i2d_ASN1_INTEGER(serial, &at) == len);
        /* At most 64 bytes of content: one byte each of tag and length before them. */
        const struct hf_crl_entry *found = hf_crl_find(crl, hf_span_of(der + 2, (size_t)len - 2));
        REQUIRE(found != NULL);
    }
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
