/* SPDX-License-Identifier: Apache-2.0
 *
 * The strict reader of revocation lists: what it finds, and what it refuses to read.
 */
#include "hf_test.h"
#include "kit.h"
#include "pki_crl.h"
#include "x509/crl.h"

static uint8_t der[1u << 16];
static struct pki_crl_spec spec;

static const struct pki_revoked some[] = {
    {.serial = DER_BYTES("\x12\x34"),
     .extensions = DER_BYTES("\x30\x0c\x30\x0a\x06\x03\x55\x1d\x15"
                             "\x04\x03\x0a\x01\x01")},
    {.serial = DER_BYTES("\x05")},
    {.serial = DER_BYTES("\x00\xff\x01"),
     .date = DER_BYTES("\x17\x0d"
                       "230102030405Z")},
};

static void start(void)
{
    pki_crl(&spec, "root", KIT_KEY(0));
    spec.entries = some;
    spec.count = 3;
}

static hf_result read_spec(struct hf_crl *out)
{
    size_t len = pki_crl_make(&spec, KIT_KEY(0), der, sizeof(der));
    return hf_crl_read(hf_span_of(der, len), out);
}

static void refused(uint32_t code)
{
    struct hf_crl crl;
    HF_CHECK_CODE(read_spec(&crl), code);
    HF_CHECK(crl.entries == NULL && crl.count == 0);
    hf_crl_wipe(&crl);
}

static void accepted(void)
{
    struct hf_crl crl;
    HF_CHECK_OK(read_spec(&crl));
    hf_crl_wipe(&crl);
}

static void a_list_is_read(void)
{
    struct hf_crl crl;
    start();
    HF_CHECK_OK(read_spec(&crl));
    HF_CHECK(crl.this_update == PKI_NOT_BEFORE && crl.next_update == PKI_NOT_AFTER);
    HF_CHECK(crl.count == 3 && crl.has_number && crl.aki.len == 20 && crl.point.len == 0);
    HF_CHECK(crl.scope == (HF_CRL_USERS | HF_CRL_AUTHORITIES));
    HF_CHECK(crl.reasons == HF_CRL_ALL_REASONS);
    HF_CHECK(crl.signature_kind == HF_SIG_ECDSA_SHA256);
    hf_crl_wipe(&crl);
}

static void serial_numbers_are_found_as_bytes(void)
{
    struct hf_crl crl;
    start();
    HF_CHECK_OK(read_spec(&crl));
    const struct hf_crl_entry *first = hf_crl_find(&crl, HF_SPAN("\x12\x34"));
    const struct hf_crl_entry *last = hf_crl_find(&crl, HF_SPAN("\x00\xff\x01"));
    HF_CHECK(first != NULL && first->reason == 1 && first->revoked_at == PKI_NOW - 86400);
    HF_CHECK(hf_crl_find(&crl, HF_SPAN("\x05")) != NULL);
    HF_CHECK(last != NULL && last->reason == HF_CRL_UNSPECIFIED);
    HF_CHECK(last != NULL && last->revoked_at == INT64_C(1672628645));
    HF_CHECK(hf_crl_find(&crl, HF_SPAN("\xff\x01")) == NULL);
    HF_CHECK(hf_crl_find(&crl, HF_SPAN("\x00\x05")) == NULL);
    HF_CHECK(hf_crl_find(&crl, HF_SPAN("")) == NULL);
    HF_CHECK(hf_crl_find(&crl, HF_SPAN("\x12")) == NULL);
    uint8_t long_serial[65] = {5};
    HF_CHECK(hf_crl_find(&crl, hf_span_of(long_serial, sizeof(long_serial))) == NULL);
    hf_crl_wipe(&crl);
}

/* RFC 5280 5.1.2.6 wants an empty list left out; both ways mean that nothing is revoked. */
static void a_list_may_be_empty(void)
{
    struct hf_crl crl;
    start();
    spec.count = 0;
    HF_CHECK_OK(read_spec(&crl));
    HF_CHECK(crl.count == 0 && hf_crl_find(&crl, HF_SPAN("\x05")) == NULL);
    hf_crl_wipe(&crl);
    spec.entries_raw = DER_BYTES("\x30\x00");
    accepted();
}

static void only_version_2_with_a_number_is_read(void)
{
    start();
    spec.no_version = true;
    refused(HF_E_CRL_INVALID);
    start();
    spec.version = DER_BYTES("\x02\x01\x02");
    refused(HF_E_CRL_INVALID);
    start();
    pki_drop(&spec.parts, PKI_OID_CRL_NUMBER); /* limbo: crl::crlnumber-missing */
    refused(HF_E_CRL_INVALID);
    start();
    spec.no_extensions = true;
    refused(HF_E_CRL_INVALID);
    start();
    pki_set(&spec.parts, PKI_OID_CRL_NUMBER, true, DER_BYTES("\x02\x01\x07"));
    refused(HF_E_CRL_INVALID);
    start();
    pki_set(&spec.parts, PKI_OID_CRL_NUMBER, false, DER_BYTES("\x02\x01\xff"));
    refused(HF_E_CRL_INVALID);
    start();
    pki_add(&spec.parts, PKI_OID_CRL_NUMBER, false, DER_BYTES("\x02\x01\x08"));
    refused(HF_E_CERT_DUPLICATE_EXTENSION);
}

static void times_are_strict_and_have_an_end(void)
{
    start();
    spec.times = DER_BYTES("\x17\x0d"
                           "230101000000Z");
    refused(HF_E_CRL_INVALID); /* no nextUpdate */
    spec.times = DER_BYTES("\x17\x0d"
                           "230101000000Z"
                           "\x18\x0f"
                           "20240101000000Z");
    refused(HF_E_DER_TIME); /* GeneralizedTime before 2050 */
    spec.times = DER_BYTES("\x17\x0d"
                           "230101000000Z"
                           "\x18\x0f"
                           "20510101000000Z");
    accepted();
}

/* What is critical and unknown may be what makes a list no list of revoked certificates. */
static void unknown_critical_parts_are_refused(void)
{
    start();
    pki_add(&spec.parts, "1.2.3.4", false, DER_BYTES("\x05\x00"));
    accepted();
    pki_set(&spec.parts, "1.2.3.4", true, DER_BYTES("\x05\x00"));
    refused(HF_E_CERT_UNKNOWN_CRITICAL);
    start();
    struct pki_revoked odd = {.serial = DER_BYTES("\x07"),
                              .extensions = DER_BYTES("\x30\x0c\x30\x0a\x06\x02\x2a\x03\x01\x01\xff"
                                                      "\x04\x01\x00")};
    spec.entries = &odd;
    spec.count = 1;
    refused(HF_E_CERT_UNKNOWN_CRITICAL);
    odd.extensions = DER_BYTES("\x30\x09\x30\x07\x06\x02\x2a\x03\x04\x01\x00");
    accepted();
    odd.extensions = DER_BYTES("\x30\x00");
    refused(HF_E_CRL_INVALID);
}

static void reasons_of_entries_are_those_of_the_standard(void)
{
    struct pki_revoked odd = {.serial = DER_BYTES("\x07")};
    static const uint8_t good[] = {0, 1, 2, 3, 4, 5, 6, 9, 10};
    start();
    spec.entries = &odd;
    spec.count = 1;
    uint8_t list[] = {0x30, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55, 0x1d, 0x15, 0x04, 3, 0x0a, 1, 0};
    odd.extensions = (struct der_bytes){list, sizeof(list)};
    for (size_t i = 0; i < sizeof(good); i++) {
        list[13] = good[i];
        accepted();
    }
    list[13] = 7;
    refused(HF_E_CRL_INVALID);
    list[13] = 11;
    refused(HF_E_CRL_INVALID);
    list[13] = 8; /* removeFromCRL */
    refused(HF_E_CRL_UNSUPPORTED);
    list[13] = 1;
    list[11] = 0x02;
    refused(HF_E_DER_TAG);
}

/* Which one would count? A key identifier without the identifier is one, too. */
static void no_extension_appears_twice(void)
{
    start();
    pki_set(&spec.parts, PKI_OID_AKI, false, DER_BYTES("\x30\x00"));
    accepted();
    pki_add(&spec.parts, PKI_OID_AKI, false, DER_BYTES("\x30\x03\x80\x01\xcc"));
    refused(HF_E_CERT_DUPLICATE_EXTENSION);
    start();
    pki_add(&spec.parts, "1.2.3.4", false, DER_BYTES("\x05\x00"));
    pki_add(&spec.parts, "1.2.3.4", false, DER_BYTES("\x05\x00"));
    refused(HF_E_CERT_DUPLICATE_EXTENSION);
    start();
    struct pki_revoked odd = {.serial = DER_BYTES("\x07"),
                              .extensions =
                                  DER_BYTES("\x30\x18"
                                            "\x30\x0a\x06\x03\x55\x1d\x15\x04\x03\x0a\x01\x01"
                                            "\x30\x0a\x06\x03\x55\x1d\x15\x04\x03\x0a\x01\x01")};
    spec.entries = &odd;
    spec.count = 1;
    refused(HF_E_CERT_DUPLICATE_EXTENSION);
    odd.extensions = DER_BYTES("\x30\x12\x30\x07\x06\x02\x2a\x03\x04\x01\x00"
                               "\x30\x07\x06\x02\x2a\x03\x04\x01\x00");
    refused(HF_E_CERT_DUPLICATE_EXTENSION);
}

/* Complete lists of an issuer's own certificates; nothing else is taken for one. */
static void other_kinds_of_lists_are_refused(void)
{
    start();
    pki_add(&spec.parts, PKI_OID_DELTA_CRL, true, DER_BYTES("\x02\x01\x01"));
    refused(HF_E_CRL_UNSUPPORTED);
    start();
    pki_add(&spec.parts, PKI_OID_DELTA_CRL, false, DER_BYTES("\x02\x01\x01"));
    refused(HF_E_CRL_UNSUPPORTED);
    start();
    pki_add(&spec.parts, PKI_OID_ISSUING_POINT, true, DER_BYTES("\x30\x03\x84\x01\xff"));
    refused(HF_E_CRL_UNSUPPORTED); /* indirect */
    start();
    pki_add(&spec.parts, PKI_OID_ISSUING_POINT, true, DER_BYTES("\x30\x03\x85\x01\xff"));
    refused(HF_E_CRL_UNSUPPORTED); /* attribute certificates */
    start();
    struct pki_revoked other = {.serial = DER_BYTES("\x07"),
                                .extensions = DER_BYTES("\x30\x0e\x30\x0c\x06\x03\x55\x1d\x1d"
                                                        "\x01\x01\xff\x04\x02\x30\x00")};
    spec.entries = &other;
    spec.count = 1;
    refused(HF_E_CRL_UNSUPPORTED); /* an entry of another issuer */
}

static void check_point(struct der_bytes value, uint32_t scope, uint32_t reasons, size_t point)
{
    struct hf_crl crl;
    start();
    pki_add(&spec.parts, PKI_OID_ISSUING_POINT, true, value);
    HF_CHECK_OK(read_spec(&crl));
    HF_CHECK(crl.scope == scope && crl.reasons == reasons && crl.point.len == point);
    hf_crl_wipe(&crl);
}

static void an_issuing_point_says_what_is_covered(void)
{
    uint32_t both = HF_CRL_USERS | HF_CRL_AUTHORITIES;
    check_point(DER_BYTES("\x30\x03\x81\x01\xff"), HF_CRL_USERS, HF_CRL_ALL_REASONS, 0);
    check_point(DER_BYTES("\x30\x03\x82\x01\xff"), HF_CRL_AUTHORITIES, HF_CRL_ALL_REASONS, 0);
    check_point(DER_BYTES("\x30\x04\x83\x02\x05\x60"), both, 0x006, 0);
    check_point(DER_BYTES("\x30\x09\xa0\x07\xa0\x05\x86\x03u:a"), both, HF_CRL_ALL_REASONS, 7);
    start();
    pki_add(&spec.parts, PKI_OID_ISSUING_POINT, true,
            DER_BYTES("\x30\x06\x81\x01\xff\x82\x01\xff"));
    refused(HF_E_CRL_INVALID);
    start();
    pki_add(&spec.parts, PKI_OID_ISSUING_POINT, true, DER_BYTES("\x30\x03\x81\x01\x00"));
    refused(HF_E_DER_VALUE);
    start();
    pki_add(&spec.parts, PKI_OID_ISSUING_POINT, true, DER_BYTES("\x30\x04\x83\x02\x07\x80"));
    refused(HF_E_CRL_INVALID); /* the one reason that is none */
    start();
    pki_add(&spec.parts, PKI_OID_ISSUING_POINT, true, DER_BYTES("\x30\x04\xa0\x02\xa0\x00"));
    refused(HF_E_CRL_INVALID);
    start();
    pki_add(&spec.parts, PKI_OID_ISSUING_POINT, true, DER_BYTES("\x30\x00"));
    pki_add(&spec.parts, PKI_OID_ISSUING_POINT, true, DER_BYTES("\x30\x00"));
    refused(HF_E_CERT_DUPLICATE_EXTENSION);
}

static void algorithms_are_those_of_certificates(void)
{
    start();
    spec.parts.algorithm = PKI_SIGN_ECDSA_SHA1;
    refused(HF_E_CERT_ALGORITHM);
    start();
    spec.parts.outer_algorithm = DER_BYTES("\x30\x05\x06\x03\x2b\x65\x70");
    refused(HF_E_CERT_ALGORITHM);
}

/* Every cut and every added byte: refused, and nothing is left behind. */
static void no_part_of_a_list_is_a_list(void)
{
    struct hf_crl crl;
    start();
    size_t len = pki_crl_make(&spec, KIT_KEY(0), der, sizeof(der));
    size_t before = hf_mem_live();
    for (size_t cut = 0; cut < len; cut++) {
        HF_CHECK(!hf_is_ok(hf_crl_read(hf_span_of(der, cut), &crl)));
    }
    der[len] = 0;
    HF_CHECK_CODE(hf_crl_read(hf_span_of(der, len + 1), &crl), HF_E_DER_TRAILING);
    HF_CHECK(hf_mem_live() == before);
    spec.parts.after_extensions = DER_BYTES("\x05\x00");
    refused(HF_E_DER_TRAILING);
}

static void reasons_have_names(void)
{
    HF_CHECK(hf_crl_reason_name(1)[0] == 'k');
    HF_CHECK(hf_crl_reason_name(10)[0] == 'a');
    HF_CHECK(hf_crl_reason_name(200)[1] == 'n');
}

HF_TESTS({"a list is read", a_list_is_read},
         {"serial numbers are found as bytes", serial_numbers_are_found_as_bytes},
         {"a list may be empty", a_list_may_be_empty},
         {"only version 2 with a number is read", only_version_2_with_a_number_is_read},
         {"times are strict and have an end", times_are_strict_and_have_an_end},
         {"unknown critical parts are refused", unknown_critical_parts_are_refused},
         {"reasons of entries are those of the standard",
          reasons_of_entries_are_those_of_the_standard},
         {"no extension appears twice", no_extension_appears_twice},
         {"other kinds of lists are refused", other_kinds_of_lists_are_refused},
         {"an issuing point says what is covered", an_issuing_point_says_what_is_covered},
         {"algorithms are those of certificates", algorithms_are_those_of_certificates},
         {"no part of a list is a list", no_part_of_a_list_is_a_list},
         {"reasons have names", reasons_have_names})
