/* SPDX-License-Identifier: Apache-2.0
 *
 * Times by RFC 5280 4.1.2.5 (X509-27), and validity to the second.
 */
#include <string.h>

#include "hf_test.h"
#include "pki.h"
#include "x509/svid_rules.h"
#include "x509/time.h"

static hf_result take(uint8_t tag, const char *text, int64_t *out)
{
    uint8_t buffer[64];
    struct der_writer w = {buffer, sizeof(buffer), 0};
    der_element(&w, tag, der_text(text));
    struct hf_span from = hf_span_of(buffer, w.len);
    return hf_time_take(&from, false, out);
}

static bool utc_is(const char *text, int64_t seconds)
{
    int64_t out;
    return HF_CHECK_OK(take(HF_DER_UTC_TIME, text, &out)) && out == seconds;
}

static bool generalized_is(const char *text, int64_t seconds)
{
    int64_t out;
    return HF_CHECK_OK(take(HF_DER_GENERALIZED_TIME, text, &out)) && out == seconds;
}

static void good_times_are_read(void)
{
    HF_CHECK(utc_is("700101000000Z", 0));
    HF_CHECK(utc_is("691231235959Z", -1));
    HF_CHECK(utc_is("500101000000Z", -631152000));
    HF_CHECK(utc_is("000229120000Z", 951825600));
    HF_CHECK(utc_is("380119031408Z", INT64_C(2147483648)));
    HF_CHECK(utc_is("491231235959Z", INT64_C(2524607999)));
    HF_CHECK(generalized_is("20500101000000Z", INT64_C(2524608000)));
    HF_CHECK(generalized_is("21000228235959Z", INT64_C(4107542399)));
    HF_CHECK(generalized_is("99991231235959Z", INT64_C(253402300799)));
}

static void other_forms_of_utc_time_are_refused(void)
{
    static const char *const bad[] = {"7001010000Z",
                                      "700101000000",
                                      "700101000000+0000",
                                      "7001010000+0000",
                                      "700101000000z",
                                      "700101000000.0Z",
                                      "70010100000 Z",
                                      "7001010000000Z",
                                      "",
                                      "Z",
                                      "a00101000000Z",
                                      "70a101000000Z",
                                      "7001-1000000Z",
                                      "70010100000\x00",
                                      "700101:00000Z",
                                      "700101000/00Z"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t out;
        HF_CHECK_CODE(take(HF_DER_UTC_TIME, bad[i], &out), HF_E_DER_TIME);
    }
}

static void days_that_do_not_exist_are_refused(void)
{
    static const char *const bad[] = {"700001000000Z", "701301000000Z", "700100000000Z",
                                      "700132000000Z", "700431000000Z", "700230000000Z",
                                      "710229000000Z", "700101240000Z", "700101006000Z",
                                      "700101000060Z", "161231235960Z"};
    int64_t out;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        HF_CHECK_CODE(take(HF_DER_UTC_TIME, bad[i], &out), HF_E_DER_TIME);
    }
    HF_CHECK_CODE(take(HF_DER_GENERALIZED_TIME, "21000229000000Z", &out), HF_E_DER_TIME);
    HF_CHECK_OK(take(HF_DER_GENERALIZED_TIME, "24000229000000Z", &out));
}

static void generalized_time_is_for_later_years_only(void)
{
    static const char *const bad[] = {"20491231235959Z",   "19700101000000Z",     "19500101000000Z",
                                      "00000101000000Z",   "205001010000Z",       "20500101000000",
                                      "20500101000000.1Z", "20500101000000+0000", "2050010100000Z",
                                      "2a500101000000Z",   "205b0101000000Z"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t out;
        HF_CHECK_CODE(take(HF_DER_GENERALIZED_TIME, bad[i], &out), HF_E_DER_TIME);
        HF_CHECK(out == 0);
    }
}

static void a_root_may_use_it_for_any_year(void)
{
    static const uint8_t text[] = "\x18\x0f"
                                  "20111006083956Z\x18\x0f"
                                  "20111306083956Z";
    struct hf_span from = hf_span_of(text, 34);
    int64_t out;
    HF_CHECK_OK(hf_time_take(&from, true, &out));
    HF_CHECK(out == INT64_C(1317890396));
    HF_CHECK_CODE(hf_time_take(&from, true, &out), HF_E_DER_TIME); /* month 13 */
}

static void only_the_two_types_are_times(void)
{
    int64_t out;
    HF_CHECK_CODE(take(HF_DER_OCTET_STRING, "700101000000Z", &out), HF_E_DER_TAG);
}

static void a_refusal_shows_the_text(void)
{
    int64_t out;
    HF_CHECK_CODE(take(HF_DER_UTC_TIME,
                       "70\x1b"
                       "101000000Z",
                       &out),
                  HF_E_DER_TIME);
    HF_CHECK(strcmp(hf_error_current()->seen, "70\\x1b101000000Z") == 0);
}

static void validity_includes_both_ends(void)
{
    struct hf_cert cert = {.not_before = 1000, .not_after = 2000};
    HF_CHECK_CODE(hf_cert_check_time(&cert, 999), HF_E_CERT_NOT_YET_VALID);
    HF_CHECK(hf_error_current()->skew == 1);
    HF_CHECK_OK(hf_cert_check_time(&cert, 1000));
    HF_CHECK_OK(hf_cert_check_time(&cert, 2000));
    HF_CHECK_CODE(hf_cert_check_time(&cert, 2001), HF_E_CERT_EXPIRED);
    HF_CHECK(hf_error_current()->skew == 1);
    HF_CHECK_CODE(hf_cert_check_time(&cert, -100), HF_E_CERT_NOT_YET_VALID);
    HF_CHECK(hf_error_current()->skew == 1100);
    HF_CHECK_CODE(hf_cert_check_time(&cert, 5000), HF_E_CERT_EXPIRED);
    HF_CHECK(hf_error_current()->skew == 3000);
    HF_CHECK_CODE(hf_cert_check_time(&cert, INT64_MIN + 1), HF_E_CERT_NOT_YET_VALID);
    HF_CHECK(hf_error_current()->skew == INT64_MAX);
    cert.not_after = -2;
    cert.not_before = -3;
    HF_CHECK_CODE(hf_cert_check_time(&cert, INT64_MAX), HF_E_CERT_EXPIRED);
    HF_CHECK(hf_error_current()->skew == INT64_MAX);
}

static void validity_comes_from_the_certificate(void)
{
    struct pki_spec spec;
    struct pki_cert der;
    struct hf_cert cert;
    pki_leaf(&spec, "root", "spiffe://a.example/w", pki_key(PKI_P256, 1));
    spec.not_before = -1;
    spec.not_after = INT64_C(253402300799);
    pki_make(&spec, pki_key(PKI_P256, 0), &der);
    HF_CHECK_OK(hf_cert_parse(pki_span(&der), &cert));
    HF_CHECK(cert.not_before == -1 && cert.not_after == INT64_C(253402300799));
    spec.validity = DER_BYTES("\x17\x0d"
                              "700101000000Z");
    pki_make(&spec, pki_key(PKI_P256, 0), &der);
    HF_CHECK_CODE(hf_cert_parse(pki_span(&der), &cert), HF_E_DER_TRUNCATED);
    spec.validity = DER_BYTES("\x17\x0d"
                              "700101000000Z\x17\x0d"
                              "700101000001Z\x05\x00");
    pki_make(&spec, pki_key(PKI_P256, 0), &der);
    HF_CHECK_CODE(hf_cert_parse(pki_span(&der), &cert), HF_E_DER_TRAILING);
    spec.validity = DER_BYTES("\x17\x0b"
                              "7001010000Z\x17\x0d"
                              "700101000001Z");
    pki_make(&spec, pki_key(PKI_P256, 0), &der);
    HF_CHECK_CODE(hf_cert_parse(pki_span(&der), &cert), HF_E_DER_TIME);
}

HF_TESTS({"good times are read", good_times_are_read},
         {"other forms of UTCTime are refused", other_forms_of_utc_time_are_refused},
         {"days that do not exist are refused", days_that_do_not_exist_are_refused},
         {"GeneralizedTime is for later years only", generalized_time_is_for_later_years_only},
         {"a root may use it for any year", a_root_may_use_it_for_any_year},
         {"only the two types are times", only_the_two_types_are_times},
         {"a refusal shows the text", a_refusal_shows_the_text},
         {"validity includes both ends", validity_includes_both_ends},
         {"validity comes from the certificate", validity_comes_from_the_certificate})
