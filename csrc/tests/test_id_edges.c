/* SPDX-License-Identifier: Apache-2.0
 *
 * The edges of the ID parsers: last letters, last bytes, empty and absent arguments. Each test here
 * notices a mutant that no other noticed (tools/mutate.py).
 */
#include <string.h>

#include "hf_test.h"
#include "id/spiffe_id.h"
#include "id/trust_domain.h"

/* The text alone, with nothing behind it: reading on is a finding of ASan's. */
static uint8_t *exactly(const char *text)
{
    return hf_mem_dup((const uint8_t *)text, strlen(text));
}

static void upper_case_reaches_from_a_to_z(void)
{
    /* ID-07, ID-20 */
    static const char typed[] = "spiffe://AZ.azAZ/A-Z";
    char out[HF_ID_MAX + 1];
    size_t len;
    HF_CHECK_OK(hf_spiffe_id_parse_lenient((const uint8_t *)typed, strlen(typed), out, &len));
    HF_CHECK(len == strlen(typed) && strcmp(out, "spiffe://az.azaz/A-Z") == 0);
    HF_CHECK_CODE(hf_trust_domain_parse((const uint8_t *)"A", 1), HF_E_ID_UPPER_CASE);
    HF_CHECK_CODE(hf_trust_domain_parse((const uint8_t *)"Z", 1), HF_E_ID_UPPER_CASE);
    HF_CHECK_CODE(hf_trust_domain_parse((const uint8_t *)"[", 1), HF_E_ID_TRUST_DOMAIN_CHARACTER);
    HF_CHECK_CODE(hf_trust_domain_parse((const uint8_t *)"@", 1), HF_E_ID_USERINFO);
}

static void a_lenient_refusal_leaves_an_empty_text(void)
{
    static uint8_t endless[HF_ID_MAX + 1];
    char out[HF_ID_MAX + 1];
    size_t len;
    for (size_t i = 0; i < sizeof(endless); i++) {
        endless[i] = 'a';
    }
    (void)memset(out, 'x', sizeof(out));
    HF_CHECK_CODE(hf_spiffe_id_parse_lenient(endless, sizeof(endless), out, &len),
                  HF_E_ID_TOO_LONG);
    HF_CHECK(out[0] == '\0' && out[1] == 'x' && len == 0);
    (void)memset(out, 'x', sizeof(out));
    HF_CHECK_CODE(hf_spiffe_id_parse_lenient(NULL, 1, out, &len), HF_E_BAD_ARGUMENT);
    HF_CHECK(out[0] == '\0' && len == 0);
}

static void nothing_behind_the_text_is_read(void)
{
    static const char *const texts[] = {"spiffe://td/path", "spiffe://td", "spiffe://td:80",
                                        "spiffe://u@td", "s"};
    char out[HF_ID_MAX + 1];
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct hf_spiffe_id id;
        size_t len = 0;
        uint8_t *text = exactly(texts[i]);
        hf_result strict = hf_spiffe_id_parse(text, strlen(texts[i]), &id);
        hf_result lenient = hf_spiffe_id_parse_lenient(text, strlen(texts[i]), out, &len);
        HF_CHECK(strict.code == lenient.code);
        HF_CHECK(hf_is_ok(strict) == (i < 2));
        hf_mem_free(text);
    }
}

static void no_name_is_told_from_no_argument(void)
{
    HF_CHECK_CODE(hf_trust_domain_parse(NULL, 0), HF_E_ID_NO_TRUST_DOMAIN);
    HF_CHECK_CODE(hf_trust_domain_parse(NULL, 1), HF_E_BAD_ARGUMENT);
}

static void the_place_of_a_wrong_character_is_told(void)
{
    HF_CHECK_CODE(hf_trust_domain_parse((const uint8_t *)"ab!", 3), HF_E_ID_TRUST_DOMAIN_CHARACTER);
    HF_CHECK(strstr(hf_error_current()->seen, "at byte 2") != NULL);
}

static void the_longest_id_is_claimed_whole(void)
{
    static char text[HF_ID_MAX + 1] = "spiffe://td/";
    struct hf_spiffe_id id;
    (void)memset(text + 12, 'p', HF_ID_MAX - 12);
    HF_CHECK_OK(hf_spiffe_id_parse((const uint8_t *)text, HF_ID_MAX, &id));
    hf_spiffe_id_claim(&id);
    HF_CHECK(strcmp(hf_error_current()->claimed_id, text) == 0);
}

HF_TESTS({"upper case reaches from A to Z", upper_case_reaches_from_a_to_z},
         {"a lenient refusal leaves an empty text", a_lenient_refusal_leaves_an_empty_text},
         {"nothing behind the text is read", nothing_behind_the_text_is_read},
         {"no name is told from no argument", no_name_is_told_from_no_argument},
         {"the place of a wrong character is told", the_place_of_a_wrong_character_is_told},
         {"the longest ID is claimed whole", the_longest_id_is_claimed_whole})
