/* SPDX-License-Identifier: Apache-2.0 */
#include "id/trust_domain.h"

#define D (HF_CHARACTER_DOMAIN | HF_CHARACTER_SEGMENT)
#define S HF_CHARACTER_SEGMENT

const uint8_t hf_character_classes[256] = {
    ['-'] = D, ['.'] = D, ['_'] = D, ['0'] = D, ['1'] = D, ['2'] = D, ['3'] = D, ['4'] = D,
    ['5'] = D, ['6'] = D, ['7'] = D, ['8'] = D, ['9'] = D, ['a'] = D, ['b'] = D, ['c'] = D,
    ['d'] = D, ['e'] = D, ['f'] = D, ['g'] = D, ['h'] = D, ['i'] = D, ['j'] = D, ['k'] = D,
    ['l'] = D, ['m'] = D, ['n'] = D, ['o'] = D, ['p'] = D, ['q'] = D, ['r'] = D, ['s'] = D,
    ['t'] = D, ['u'] = D, ['v'] = D, ['w'] = D, ['x'] = D, ['y'] = D, ['z'] = D, ['A'] = S,
    ['B'] = S, ['C'] = S, ['D'] = S, ['E'] = S, ['F'] = S, ['G'] = S, ['H'] = S, ['I'] = S,
    ['J'] = S, ['K'] = S, ['L'] = S, ['M'] = S, ['N'] = S, ['O'] = S, ['P'] = S, ['Q'] = S,
    ['R'] = S, ['S'] = S, ['T'] = S, ['U'] = S, ['V'] = S, ['W'] = S, ['X'] = S, ['Y'] = S,
    ['Z'] = S,
};

#undef D
#undef S

hf_result hf_character_refuse(uint8_t c, size_t offset, uint32_t otherwise, const char *expected)
{
    char shown[8];
    uint32_t code = otherwise;
    switch (c) {
    case '?': /* spec: ID-03, a bare one too */
        code = HF_E_ID_QUERY;
        break;
    case '#': /* spec: ID-04 */
        code = HF_E_ID_FRAGMENT;
        break;
    case '%': /* spec: ID-09, ID-12 */
        code = HF_E_ID_PERCENT;
        break;
    default:
        break;
    }
    hf_error_escape(shown, sizeof(shown), &c, 1);
    HF_FAIL_SEEN(code, expected, "'%s' at byte %zu", shown, offset);
}

/* An '@' later in the authority means that what came before was user information. */
static bool has_userinfo(struct hf_span text, size_t at)
{
    for (size_t i = at; i < text.len && text.data[i] != '/'; i++) {
        if (text.data[i] == '@') {
            return true;
        }
    }
    return false;
}

hf_result hf_trust_domain_refuse(struct hf_span text, size_t at, size_t offset)
{
    static const char expected[] = "a trust domain name of a-z, 0-9, '.', '-' and '_'";
    uint8_t c = text.data[at];
    uint32_t code = HF_E_ID_TRUST_DOMAIN_CHARACTER;
    if (c >= 'A' && c <= 'Z') {
        code = HF_E_ID_UPPER_CASE; /* spec: ID-07; ID-20 is for hf_spiffe_id_parse_lenient */
    }
    if (c == '@' || c == ':') {
        /* spec: ID-05, ID-06 */
        code = has_userinfo(text, at) ? HF_E_ID_USERINFO : HF_E_ID_PORT;
    }
    return hf_character_refuse(c, offset + at, code, expected);
}

hf_result hf_trust_domain_parse(const uint8_t *text, size_t len)
{
    HF_NEED(text != NULL || len == 0, HF_E_BAD_ARGUMENT);
    struct hf_span name = hf_span_of(text, len);
    HF_NEED(len != 0, HF_E_ID_NO_TRUST_DOMAIN);
    /* Without this an ID given for a name would be told that it has a port. */
    HF_NEED_SEEN(!hf_span_starts_with(name, HF_SPAN("spiffe://")), HF_E_ID_TRUST_DOMAIN_CHARACTER,
                 "a bare trust domain name, without spiffe://", "a whole SPIFFE ID");
    size_t run = hf_character_run(name, HF_CHARACTER_DOMAIN);
    if (run != len) {
        return hf_trust_domain_refuse(name, run, 0);
    }
    HF_NEED_SEEN(len <= HF_TRUST_DOMAIN_MAX, HF_E_ID_TRUST_DOMAIN_TOO_LONG, "at most 255 bytes",
                 "%zu bytes", len);
    return hf_ok();
}
