/* SPDX-License-Identifier: Apache-2.0
 *
 * SPIFFE IDs and trust domains, strict and lenient, against a second reading of the rules.
 *
 * What an attacker must hold: nothing. The URI SAN of any certificate that a peer presents is read
 * before anything is verified, since it says which bundle to verify with.
 */
#include <stdlib.h>

#include "base/error.h"
#include "id/spiffe_id.h"

/* Not inlined: the stack of a finding then shows which line it was. */
__attribute__((noinline)) static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static bool allowed(uint8_t c, bool upper)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' ||
           (upper && c >= 'A' && c <= 'Z');
}

/* One segment of a path: not empty, not a dot segment, only letters of the list. */
static bool model_segment(const uint8_t *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!allowed(text[i], true)) {
            return false;
        }
    }
    bool dots = (len == 1 && text[0] == '.') || (len == 2 && text[0] == '.' && text[1] == '.');
    return len != 0 && !dots;
}

/* The checklist read again, backwards: segments are cut off the end. */
static bool model(const uint8_t *text, size_t len)
{
    size_t end = len;
    if (len > 2048 || !hf_span_starts_with(hf_span_of(text, len), HF_SPAN("spiffe://"))) {
        return false;
    }
    for (size_t i = len; i > 9; i--) {
        if (text[i - 1] == '/') {
            if (!model_segment(text + i, end - i)) {
                return false;
            }
            end = i - 1;
        }
    }
    for (size_t i = 9; i < end; i++) {
        if (!allowed(text[i], false)) {
            return false;
        }
    }
    return end > 9 && end - 9 <= 255;
}

static void check_parts(const struct hf_spiffe_id *id, const uint8_t *text, size_t len)
{
    must(id->id == text && id->id_len == len);
    must(id->trust_domain == text + 9 && id->path == text + 9 + id->trust_domain_len);
    must(9 + id->trust_domain_len + id->path_len == len);
    must(id->path_len == 0 || id->path[0] == '/');
    must(hf_is_ok(hf_trust_domain_parse(id->trust_domain, id->trust_domain_len)));
}

/* Scheme and trust domain in lower case, the path as it is. */
static void fold(const uint8_t *text, size_t len, uint8_t *out)
{
    bool path = false;
    for (size_t i = 0; i < len; i++) {
        path = path || (i >= 9 && text[i] == '/');
        bool upper = !path && text[i] >= 'A' && text[i] <= 'Z';
        out[i] = (uint8_t)(upper ? text[i] | 0x20 : text[i]);
    }
}

static void check_lenient(const uint8_t *text, size_t len, bool strict)
{
    static char out[HF_ID_MAX + 1];
    static uint8_t folded[HF_ID_MAX];
    struct hf_spiffe_id again;
    size_t out_len;
    bool lenient = hf_is_ok(hf_spiffe_id_parse_lenient(text, len, out, &out_len));
    must(lenient || !strict);
    must(!lenient || len <= HF_ID_MAX);
    if (len <= HF_ID_MAX) {
        fold(text, len, folded);
        must(lenient == model(folded, len));
    }
    if (lenient) {
        must(hf_mem_equal(out, out_len, folded, len) && out[len] == '\0');
        must(hf_is_ok(hf_spiffe_id_parse((const uint8_t *)out, out_len, &again)));
    }
}

static void check_trust_domain(const uint8_t *text, size_t len)
{
    bool good = len >= 1 && len <= 255;
    for (size_t i = 0; i < len; i++) {
        good = good && allowed(text[i], false);
    }
    must(hf_is_ok(hf_trust_domain_parse(text, len)) == good);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hf_spiffe_id id;
    hf_result r = hf_spiffe_id_parse(data, size, &id);
    must(hf_is_ok(r) == model(data, size));
    if (hf_is_ok(r)) {
        check_parts(&id, data, size);
    }
    if (!hf_is_ok(r)) {
        must(hf_code_category(r.code) == HF_CATEGORY_ID && id.id == NULL);
        must(hf_error_row_of(r.code) != NULL);
    }
    check_lenient(data, size, hf_is_ok(r));
    check_trust_domain(data, size);
    return 0;
}
