/* SPDX-License-Identifier: Apache-2.0
 *
 * One pass, left to right, table-driven: every byte is looked at once, and the first one that does
 * not fit decides the answer. Lengths are given, so NUL and line ends are bytes like any other.
 */
#include "id/spiffe_id.h"

#include "id/trust_domain.h"

static bool is_dot_segment(const uint8_t *segment, size_t len)
{
    return segment[0] == '.' && (len == 1 || (len == 2 && segment[1] == '.'));
}

/* Refuse an empty segment; `at` is where its text should begin. */
static hf_result refuse_empty(struct hf_span path, size_t at, size_t offset)
{
    if (at == path.len) {
        HF_FAIL_SEEN(HF_E_ID_TRAILING_SLASH, "a path that ends with a segment",
                     "'/' at byte %zu, the last one", offset + at - 1); /* spec: ID-15 */
    }
    HF_FAIL_SEEN(HF_E_ID_EMPTY_SEGMENT, "a segment between two slashes", "'//' at byte %zu",
                 offset + at - 1); /* spec: ID-13 */
}

/* `path` begins with '/', which lies at `offset` of the whole ID. */
static hf_result check_path(struct hf_span path, size_t offset)
{
    size_t at = 0;
    while (at < path.len) {
        at++; /* the slash */
        struct hf_span rest = hf_span_of(path.data + at, path.len - at);
        size_t run = hf_character_run(rest, HF_CHARACTER_SEGMENT);
        if (run < rest.len && rest.data[run] != '/') {
            return hf_character_refuse(rest.data[run], offset + at + run, HF_E_ID_PATH_CHARACTER,
                                       "segments of letters, digits, '.', '-' and '_'");
        }
        if (run == 0) {
            return refuse_empty(path, at, offset);
        }
        if (is_dot_segment(rest.data, run)) {
            HF_FAIL_SEEN(HF_E_ID_DOT_SEGMENT, "no '.' and no '..' segment", "one at byte %zu",
                         offset + at); /* spec: ID-14 */
        }
        at += run;
    }
    return hf_ok();
}

hf_result hf_spiffe_id_parse(const uint8_t *text, size_t len, struct hf_spiffe_id *out)
{
    static const struct hf_spiffe_id none;
    HF_NEED_PTR(out);
    *out = none;
    HF_NEED(text != NULL || len == 0, HF_E_BAD_ARGUMENT);
    HF_NEED(len != 0, HF_E_ID_EMPTY);
    HF_NEED_SEEN(len <= HF_ID_MAX, HF_E_ID_TOO_LONG, "at most 2048 bytes", "%zu bytes",
                 len); /* spec: ID-17 */
    struct hf_span rest = hf_span_of(text, len);
    struct hf_span scheme = HF_SPAN("spiffe://");
    HF_NEED(hf_span_starts_with(rest, scheme), HF_E_ID_SCHEME); /* spec: ID-01 */
    rest = hf_span_of(text + scheme.len, len - scheme.len);
    size_t run = hf_character_run(rest, HF_CHARACTER_DOMAIN);
    if (run < rest.len && rest.data[run] != '/') {
        return hf_trust_domain_refuse(rest, run, scheme.len);
    }
    HF_NEED(run != 0, HF_E_ID_NO_TRUST_DOMAIN); /* spec: ID-02 */
    HF_NEED_SEEN(run <= HF_TRUST_DOMAIN_MAX, HF_E_ID_TRUST_DOMAIN_TOO_LONG,
                 "a trust domain name of at most 255 bytes", "%zu bytes", run); /* spec: ID-19 */
    struct hf_span path = hf_span_of(rest.data + run, rest.len - run);
    HF_TRY(check_path(path, scheme.len + run));
    out->id = text;
    out->id_len = len;
    out->trust_domain = rest.data;
    out->trust_domain_len = run;
    out->path = path.data;
    out->path_len = path.len;
    return hf_ok();
}

/* Only A-Z: no locale, and nothing outside ASCII that lower-cases into it (U+212A). */
static char lower(uint8_t c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

hf_result hf_spiffe_id_parse_lenient(const uint8_t *text, size_t len, char *out, size_t *out_len)
{
    HF_NEED_PTR(out);
    HF_NEED_PTR(out_len);
    out[0] = '\0';
    *out_len = 0;
    HF_NEED(text != NULL || len == 0, HF_E_BAD_ARGUMENT);
    HF_NEED_SEEN(len <= HF_ID_MAX, HF_E_ID_TOO_LONG, "at most 2048 bytes", "%zu bytes", len);
    /* Scheme and trust domain reach to the third slash; the path keeps its case: ID-20. */
    size_t slashes = 0;
    for (size_t i = 0; i < len; i++) {
        slashes += text[i] == '/';
        out[i] = slashes < 3 ? lower(text[i]) : (char)text[i];
    }
    out[len] = '\0';
    struct hf_spiffe_id id;
    hf_result result = hf_spiffe_id_parse((const uint8_t *)out, len, &id);
    if (!hf_is_ok(result)) {
        out[0] = '\0';
        return result;
    }
    *out_len = len;
    return hf_ok();
}

void hf_spiffe_id_claim(const struct hf_spiffe_id *id)
{
    struct hf_error *error = hf_error_current();
    /* id_len is at most HF_ID_MAX and every byte of a parsed ID is printable. */
    if (hf_mem_copy(error->claimed_id, sizeof(error->claimed_id) - 1, id->id, id->id_len)) {
        error->claimed_id[id->id_len] = '\0';
    }
}
