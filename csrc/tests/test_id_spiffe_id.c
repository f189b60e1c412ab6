/* SPDX-License-Identifier: Apache-2.0
 *
 * SPIFFE IDs: ID-01..ID-21 of the checklist, and threat I3 (byte-exact, never normalised).
 */
#include <string.h>

#include "hf_test.h"
#include "id/spiffe_id.h"
#include "id/trust_domain.h"

static hf_result parse(const char *text)
{
    struct hf_spiffe_id id;
    return hf_spiffe_id_parse((const uint8_t *)text, strlen(text), &id);
}

#define REFUSED(text, code) HF_CHECK_CODE(parse(text), code)

static void the_parts_are_where_they_should_be(void)
{
    /* ID-21: the path is optional. */
    static const char whole[] = "spiffe://a.example/ns/prod";
    struct hf_spiffe_id id;
    HF_CHECK_OK(hf_spiffe_id_parse((const uint8_t *)whole, strlen(whole), &id));
    HF_CHECK(id.id == (const uint8_t *)whole && id.id_len == strlen(whole));
    HF_CHECK(hf_span_equal(hf_spiffe_id_domain(&id), HF_SPAN("a.example")));
    HF_CHECK(hf_span_equal(hf_spiffe_id_path(&id), HF_SPAN("/ns/prod")));
    HF_CHECK(hf_span_equal(hf_spiffe_id_whole(&id), HF_SPAN("spiffe://a.example/ns/prod")));
    HF_CHECK_OK(hf_spiffe_id_parse((const uint8_t *)whole, 18, &id));
    HF_CHECK(hf_span_equal(hf_spiffe_id_domain(&id), HF_SPAN("a.example")));
    HF_CHECK(id.path_len == 0);
}

static void the_length_counts_and_not_a_nul(void)
{
    struct hf_spiffe_id id;
    static const uint8_t text[] = "spiffe://td/pathXXXX";
    HF_CHECK_OK(hf_spiffe_id_parse(text, 16, &id));
    HF_CHECK(hf_span_equal(hf_spiffe_id_path(&id), HF_SPAN("/path")));
}

static void the_scheme_is_spiffe(void)
{
    /* ID-01 */
    static const char *const wrong[] = {
        "spiffe:/td",        "spiffe:td", "SPIFFE://td",  "Spiffe://td",
        "http://td/a",       "//td/a",    "td/a",         "spiffe",
        "spiffe:",           "spiffe:/",  " spiffe://td", "spiffes://td",
        "spiff\xc3\xa9://td"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        REFUSED(wrong[i], HF_E_ID_SCHEME);
    }
    REFUSED("", HF_E_ID_EMPTY);
}

static void the_trust_domain_is_there(void)
{
    /* ID-02 */
    REFUSED("spiffe://", HF_E_ID_NO_TRUST_DOMAIN);
    REFUSED("spiffe:///path", HF_E_ID_NO_TRUST_DOMAIN);
    REFUSED("spiffe:////", HF_E_ID_NO_TRUST_DOMAIN);
}

static void there_is_no_query_and_no_fragment(void)
{
    /* ID-03, ID-04: bare ones too. */
    REFUSED("spiffe://td?", HF_E_ID_QUERY);
    REFUSED("spiffe://td?q=1", HF_E_ID_QUERY);
    REFUSED("spiffe://td/p?", HF_E_ID_QUERY);
    REFUSED("spiffe://td/p?q", HF_E_ID_QUERY);
    REFUSED("spiffe://?q", HF_E_ID_QUERY);
    REFUSED("spiffe://td#", HF_E_ID_FRAGMENT);
    REFUSED("spiffe://td/p#f", HF_E_ID_FRAGMENT);
    REFUSED("spiffe://td/#", HF_E_ID_FRAGMENT);
}

static void there_is_no_user_and_no_port(void)
{
    /* ID-05, ID-06 */
    REFUSED("spiffe://user@td", HF_E_ID_USERINFO);
    REFUSED("spiffe://user:pw@td/p", HF_E_ID_USERINFO);
    REFUSED("spiffe://@td/p", HF_E_ID_USERINFO);
    REFUSED("spiffe://td:80", HF_E_ID_PORT);
    REFUSED("spiffe://td:/p", HF_E_ID_PORT);
    REFUSED("spiffe://td:80/a@b", HF_E_ID_PORT);
}

static void the_host_is_in_lower_case(void)
{
    /* ID-07: strict in certificates; ID-20 is met by the lenient constructor. */
    REFUSED("spiffe://Td/p", HF_E_ID_UPPER_CASE);
    REFUSED("spiffe://tD/p", HF_E_ID_UPPER_CASE);
    REFUSED("spiffe://TD", HF_E_ID_UPPER_CASE);
}

static void nothing_is_percent_encoded(void)
{
    /* ID-09, ID-12 */
    REFUSED("spiffe://t%64/p", HF_E_ID_PERCENT);
    REFUSED("spiffe://td/%61", HF_E_ID_PERCENT);
    REFUSED("spiffe://td/a%2fb", HF_E_ID_PERCENT);
    REFUSED("spiffe://td/%2e%2e", HF_E_ID_PERCENT);
}

static void names_are_not_judged_as_hosts(void)
{
    /* ID-10, ID-11: a name that is an address or no DNS name is a name like any other. */
    static const char *const good[] = {
        "spiffe://1.2.3.4/w",
        "spiffe://999.999.999.999/w",
        "spiffe://a..b/w",
        "spiffe://.a/w",
        "spiffe://a./w",
        "spiffe://-a/w",
        "spiffe://_/w",
        "spiffe://0/w",
        "spiffe://-/w",
        "spiffe://./w",
        "spiffe://../w",
        "spiffe://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/w"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        HF_CHECK_OK(parse(good[i]));
    }
    REFUSED("spiffe://[::1]/w", HF_E_ID_TRUST_DOMAIN_CHARACTER);
}

static void there_is_no_empty_segment(void)
{
    /* ID-13, ID-15 */
    REFUSED("spiffe://td/", HF_E_ID_TRAILING_SLASH);
    REFUSED("spiffe://td/a/", HF_E_ID_TRAILING_SLASH);
    REFUSED("spiffe://td//", HF_E_ID_EMPTY_SEGMENT);
    REFUSED("spiffe://td//a", HF_E_ID_EMPTY_SEGMENT);
    REFUSED("spiffe://td/a//b", HF_E_ID_EMPTY_SEGMENT);
}

static void there_is_no_dot_segment(void)
{
    /* ID-14 */
    REFUSED("spiffe://td/.", HF_E_ID_DOT_SEGMENT);
    REFUSED("spiffe://td/..", HF_E_ID_DOT_SEGMENT);
    REFUSED("spiffe://td/a/./b", HF_E_ID_DOT_SEGMENT);
    REFUSED("spiffe://td/a/../b", HF_E_ID_DOT_SEGMENT);
    HF_CHECK_OK(parse("spiffe://td/..."));
    HF_CHECK_OK(parse("spiffe://td/.a"));
    HF_CHECK_OK(parse("spiffe://td/a.."));
    HF_CHECK_OK(parse("spiffe://td/..a/.a."));
}

static void look_alikes_are_other_characters(void)
{
    /* ID-08, ID-16: what the character rules imply (checklist, end of section 1). */
    static const char segments[] = ";:~!*+,='\"()&$@[]{}|^`<>\\ \t\r\n";
    for (size_t i = 0; segments[i] != '\0'; i++) {
        char text[] = "spiffe://td/a_b";
        text[13] = segments[i];
        REFUSED(text, HF_E_ID_PATH_CHARACTER);
    }
    REFUSED("spiffe://td\n", HF_E_ID_TRUST_DOMAIN_CHARACTER);
    REFUSED("spiffe://td/a\n", HF_E_ID_PATH_CHARACTER);
    REFUSED("spiffe://td/a\r\n", HF_E_ID_PATH_CHARACTER);
    REFUSED("spiffe://t d/a", HF_E_ID_TRUST_DOMAIN_CHARACTER);
    REFUSED("spiffe://td\\a", HF_E_ID_TRUST_DOMAIN_CHARACTER);
    REFUSED("spiffe://\xe2\x84\xaa/a", HF_E_ID_TRUST_DOMAIN_CHARACTER); /* KELVIN SIGN */
    REFUSED("spiffe://t\xc3\xa4/a", HF_E_ID_TRUST_DOMAIN_CHARACTER);
    REFUSED("spiffe://td/\xc3\xa4", HF_E_ID_PATH_CHARACTER);
}

/* Independent of the table in the code. */
static bool in_domain(unsigned c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

static bool in_segment(unsigned c)
{
    return in_domain(c) || (c >= 'A' && c <= 'Z');
}

static void every_byte_at_every_position_is_judged(void)
{
    /* I3, ID-08, ID-16: all 256 values, one position after the other. */
    static const char whole[] = "spiffe://ab.c/de/fg";
    struct hf_spiffe_id id;
    for (size_t at = 0; at < strlen(whole); at++) {
        for (unsigned c = 0; c < 256; c++) {
            uint8_t text[sizeof(whole)];
            (void)hf_mem_copy(text, sizeof(text), whole, sizeof(whole));
            text[at] = (uint8_t)c;
            bool good = c == (uint8_t)whole[at];
            bool domain = at >= 9 && at <= 12;
            if (domain) {
                /* A slash inside the name ends it: "ab" + "/c"... but not at its first byte. */
                good = in_domain(c) || (c == '/' && at > 9 && at < 12);
            }
            if (at > 13) {
                good = in_segment(c);
            }
            if (at == 13) {
                good = in_domain(c) || c == '/'; /* one longer name, or as it was */
            }
            if (at == 16) {
                good = in_segment(c) || c == '/';
            }
            if (at == 15) {
                good = in_segment(c); /* "/d/" + "/f" would be an empty segment */
            }
            hf_result r = hf_spiffe_id_parse(text, strlen(whole), &id);
            if (hf_is_ok(r) != good) {
                (void)fprintf(stderr, "byte 0x%02x at %zu: %s\n", c, at, hf_test_code_name(r.code));
                HF_CHECK(hf_is_ok(r) == good);
            }
            HF_CHECK(good || (id.id == NULL && id.id_len == 0 && id.path == NULL));
            HF_CHECK(hf_is_ok(r) || hf_code_category(r.code) == HF_CATEGORY_ID);
        }
    }
}

static hf_result parse_long(size_t total, size_t domain)
{
    static uint8_t text[HF_ID_MAX + 16];
    struct hf_spiffe_id id;
    (void)hf_mem_copy(text, sizeof(text), "spiffe://", 9);
    for (size_t i = 9; i < total; i++) {
        text[i] = 'a';
    }
    if (9 + domain < total) {
        text[9 + domain] = '/';
    }
    return hf_spiffe_id_parse(text, total, &id);
}

static void length_limits_are_exact(void)
{
    /* ID-17: 2048 bytes in all; ID-18 binds issuers. ID-19: 255 bytes of trust domain. */
    HF_CHECK_OK(parse_long(2047, 10));
    HF_CHECK_OK(parse_long(2048, 10));
    HF_CHECK_CODE(parse_long(2049, 10), HF_E_ID_TOO_LONG);
    HF_CHECK_OK(parse_long(9 + 254, 300));
    HF_CHECK_OK(parse_long(9 + 255, 300));
    HF_CHECK_OK(parse_long(2048, 255));
    HF_CHECK_CODE(parse_long(9 + 256, 300), HF_E_ID_TRUST_DOMAIN_TOO_LONG);
    HF_CHECK_CODE(parse_long(2048, 256), HF_E_ID_TRUST_DOMAIN_TOO_LONG);
    HF_CHECK_CODE(parse_long(2048, 3000), HF_E_ID_TRUST_DOMAIN_TOO_LONG);
}

static void arguments_are_checked(void)
{
    struct hf_spiffe_id id;
    HF_CHECK_CODE(hf_spiffe_id_parse(NULL, 5, &id), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_spiffe_id_parse(NULL, 0, &id), HF_E_ID_EMPTY);
    HF_CHECK_CODE(hf_spiffe_id_parse((const uint8_t *)"x", 1, NULL), HF_E_BAD_ARGUMENT);
}

static void a_refusal_names_the_byte(void)
{
    REFUSED("spiffe://td/a\x01", HF_E_ID_PATH_CHARACTER);
    HF_CHECK(strcmp(hf_error_current()->seen, "'\\x01' at byte 13") == 0);
    REFUSED("spiffe://tX", HF_E_ID_UPPER_CASE);
    HF_CHECK(strcmp(hf_error_current()->seen, "'X' at byte 10") == 0);
}

HF_TESTS({"the parts are where they should be", the_parts_are_where_they_should_be},
         {"the length counts and not a NUL", the_length_counts_and_not_a_nul},
         {"the scheme is spiffe", the_scheme_is_spiffe},
         {"the trust domain is there", the_trust_domain_is_there},
         {"there is no query and no fragment", there_is_no_query_and_no_fragment},
         {"there is no user and no port", there_is_no_user_and_no_port},
         {"the host is in lower case", the_host_is_in_lower_case},
         {"nothing is percent-encoded", nothing_is_percent_encoded},
         {"names are not judged as hosts", names_are_not_judged_as_hosts},
         {"there is no empty segment", there_is_no_empty_segment},
         {"there is no dot segment", there_is_no_dot_segment},
         {"look-alikes are other characters", look_alikes_are_other_characters},
         {"every byte at every position is judged", every_byte_at_every_position_is_judged},
         {"length limits are exact", length_limits_are_exact},
         {"arguments are checked", arguments_are_checked},
         {"a refusal names the byte", a_refusal_names_the_byte})
