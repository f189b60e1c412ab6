/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/mem.h"

static _Thread_local struct hf_error last;

static const struct hf_error_row rows[] = {
#define HF_ROW(symbol, name, category, number, alert, text, hint)                                  \
    {HF_E_##symbol, alert, name, HF_NAME_OF_##category, text, hint},
#define HF_NAME_OF_INTERNAL "internal"
#define HF_NAME_OF_USAGE "usage"
#define HF_NAME_OF_IO "io"
#define HF_NAME_OF_CLOSED "closed"
#define HF_NAME_OF_PEER "peer"
#define HF_NAME_OF_INCOMPATIBLE "incompatible"
#define HF_NAME_OF_ID "id"
#define HF_NAME_OF_DER "der"
#define HF_NAME_OF_CERTIFICATE "certificate"
#define HF_NAME_OF_CHAIN "chain"
#define HF_NAME_OF_POLICY "policy"
#define HF_NAME_OF_CONFIG "config"
    HF_ERRORS(HF_ROW)
#undef HF_ROW
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

struct hf_error *hf_error_current(void)
{
    return &last;
}

void hf_error_copy(struct hf_error *out)
{
    if (out != NULL) {
        *out = last;
    }
}

size_t hf_error_table(const struct hf_error_row **table)
{
    if (table != NULL) {
        *table = rows;
    }
    return ROWS;
}

const struct hf_error_row *hf_error_row_of(uint32_t code)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].code == code) {
            return &rows[i];
        }
    }
    return NULL;
}

hf_result hf_error_set(uint32_t code, const char *file, int line)
{
    /* Only the text heads are cleared: the record is 2.8 KB and parsers fail often. */
    last.code = code;
    last.line = (uint32_t)line;
    last.depth = -1;
    last.alert = -1;
    last.system = 0;
    last.openssl_reason = 0;
    last.skew = 0;
    last.file = file;
    last.expected[0] = '\0';
    last.seen[0] = '\0';
    last.claimed_id[0] = '\0';
    hf_result r = {code};
    return r;
}

hf_result hf_error_set_seen(uint32_t code, const char *file, int line, const char *expected,
                            const char *seen_format, ...)
{
    hf_result r = hf_error_set(code, file, line);
    (void)snprintf(last.expected, sizeof(last.expected), "%s", expected);
    va_list args;
    va_start(args, seen_format);
    (void)vsnprintf(last.seen, sizeof(last.seen), seen_format, args);
    va_end(args);
    return r;
}

hf_result hf_error_restore(const struct hf_error *record)
{
    last = *record;
    hf_result r = {record->code};
    return r;
}

void hf_error_escape(char *out, size_t cap, const uint8_t *bytes, size_t len)
{
    static const char hex[] = "0123456789abcdef";
    size_t n = 0;
    if (cap == 0) {
        return;
    }
    for (size_t i = 0; i < len; i++) {
        uint8_t c = bytes[i];
        bool plain = c >= 0x20 && c < 0x7f && c != '\\';
        size_t need = plain ? 1 : 4;
        if (n + need >= cap) {
            break;
        }
        if (plain) {
            out[n++] = (char)c;
            continue;
        }
        out[n++] = '\\';
        out[n++] = 'x';
        out[n++] = hex[c >> 4];
        out[n++] = hex[c & 15];
    }
    out[n] = '\0';
}
