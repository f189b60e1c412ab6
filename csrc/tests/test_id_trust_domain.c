/* SPDX-License-Identifier: Apache-2.0
 *
 * Bare trust domain names, and the lenient constructor for what people type.
 */
#include <string.h>

#include "hf_test.h"
#include "id/spiffe_id.h"
#include "id/trust_domain.h"

static hf_result parse(const char *text)
{
    return hf_trust_domain_parse((const uint8_t *)text, strlen(text));
}

static void the_rules_are_those_of_an_id(void)
{
    /* ID-02, ID-05..ID-11, ID-19 */
    HF_CHECK_OK(parse("a.example"));
    HF_CHECK_OK(parse("1.2.3.4"));
    HF_CHECK_OK(parse("_"));
    HF_CHECK_CODE(parse(""), HF_E_ID_NO_TRUST_DOMAIN);
    HF_CHECK_CODE(parse("A.example"), HF_E_ID_UPPER_CASE);
    HF_CHECK_CODE(parse("a.example/"), HF_E_ID_TRUST_DOMAIN_CHARACTER);
    HF_CHECK_CODE(parse("a.example:443"), HF_E_ID_PORT);
    HF_CHECK_CODE(parse("me@a.example"), HF_E_ID_USERINFO);
    HF_CHECK_CODE(parse("a?"), HF_E_ID_QUERY);
    HF_CHECK_CODE(parse("a#"), HF_E_ID_FRAGMENT);
    HF_CHECK_CODE(parse("%61"), HF_E_ID_PERCENT);
    HF_CHECK_CODE(parse("a b"), HF_E_ID_TRUST_DOMAIN_CHARACTER);
    HF_CHECK_CODE(parse("a\n"), HF_E_ID_TRUST_DOMAIN_CHARACTER);
    HF_CHECK_CODE(parse("spiffe://a.example"), HF_E_ID_TRUST_DOMAIN_CHARACTER);
    HF_CHECK_CODE(hf_trust_domain_parse((const uint8_t *)"a\0b", 3),
                  HF_E_ID_TRUST_DOMAIN_CHARACTER);
    HF_CHECK_CODE(hf_trust_domain_parse(NULL, 3), HF_E_BAD_ARGUMENT);
}

static void the_length_limit_is_exact(void)
{
    /* ID-19 */
    uint8_t name[256];
    for (size_t i = 0; i < sizeof(name); i++) {
        name[i] = 'a';
    }
    HF_CHECK_OK(hf_trust_domain_parse(name, 255));
    HF_CHECK_CODE(hf_trust_domain_parse(name, 256), HF_E_ID_TRUST_DOMAIN_TOO_LONG);
}

static hf_result lenient(const char *text, char out[HF_ID_MAX + 1])
{
    size_t len;
    hf_result r = hf_spiffe_id_parse_lenient((const uint8_t *)text, strlen(text), out, &len);
    HF_CHECK(len == strlen(out));
    HF_CHECK(hf_is_ok(r) || len == 0);
    return r;
}

static void people_may_type_upper_case(void)
{
    /* ID-20: scheme and trust domain are compared without case, the path with it. */
    char out[HF_ID_MAX + 1];
    HF_CHECK_OK(lenient("SPIFFE://A.Example/Ns/Prod", out));
    HF_CHECK(strcmp(out, "spiffe://a.example/Ns/Prod") == 0);
    HF_CHECK_OK(lenient("spiffe://a.example", out));
    HF_CHECK(strcmp(out, "spiffe://a.example") == 0);
}

static void leniency_is_about_case_alone(void)
{
    char out[HF_ID_MAX + 1];
    HF_CHECK_CODE(lenient(" spiffe://a", out), HF_E_ID_SCHEME);
    HF_CHECK_CODE(lenient("spiffe://a/", out), HF_E_ID_TRAILING_SLASH);
    HF_CHECK_CODE(lenient("spiffe://a/..", out), HF_E_ID_DOT_SEGMENT);
    HF_CHECK_CODE(lenient("spiffe://a/%41", out), HF_E_ID_PERCENT);
    HF_CHECK_CODE(lenient("spiffe://a/b\n", out), HF_E_ID_PATH_CHARACTER);
    HF_CHECK_CODE(lenient("", out), HF_E_ID_EMPTY);
    /* KELVIN SIGN lower-cases to 'k' in Unicode, and LATIN CAPITAL I WITH DOT to 'i'. */
    HF_CHECK_CODE(lenient("spiffe://\xe2\x84\xaa", out), HF_E_ID_TRUST_DOMAIN_CHARACTER);
    HF_CHECK_CODE(lenient("sp\xc4\xb0"
                          "ffe://a",
                          out),
                  HF_E_ID_SCHEME);
}

static void the_lenient_form_has_the_same_limit(void)
{
    /* ID-17 */
    static uint8_t text[HF_ID_MAX + 1];
    char out[HF_ID_MAX + 1];
    size_t len;
    (void)hf_mem_copy(text, sizeof(text), "spiffe://A/", 11);
    for (size_t i = 11; i < sizeof(text); i++) {
        text[i] = 'B';
    }
    HF_CHECK_OK(hf_spiffe_id_parse_lenient(text, HF_ID_MAX, out, &len));
    HF_CHECK(len == HF_ID_MAX && out[HF_ID_MAX] == '\0' && out[9] == 'a' && out[11] == 'B');
    HF_CHECK_CODE(hf_spiffe_id_parse_lenient(text, HF_ID_MAX + 1, out, &len), HF_E_ID_TOO_LONG);
    HF_CHECK_CODE(hf_spiffe_id_parse_lenient(NULL, 1, out, &len), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_spiffe_id_parse_lenient(text, 1, NULL, &len), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_spiffe_id_parse_lenient(text, 1, out, NULL), HF_E_BAD_ARGUMENT);
}

HF_TESTS({"the rules are those of an ID", the_rules_are_those_of_an_id},
         {"the length limit is exact", the_length_limit_is_exact},
         {"people may type upper case", people_may_type_upper_case},
         {"leniency is about case alone", leniency_is_about_case_alone},
         {"the lenient form has the same limit", the_lenient_form_has_the_same_limit})
