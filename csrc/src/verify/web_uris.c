/* SPDX-License-Identifier: Apache-2.0
 *
 * URIs below a CA whose name constraints speak of URIs. The constraint is about the host, and where
 * a host begins and ends in an odd URI is what OpenSSL's versions read in opposite ways (user
 * information, queries and fragments without a path, ports that are none, NUL: threats 2.3). So
 * only URIs that can be read in one way are compared at all. RFC 5280 4.2.1.10 itself refuses those
 * without a host and those with an address.
 */
#include "verify/web_rules.h"

static bool is_letter(uint8_t c)
{
    uint8_t lower = (uint8_t)(c | 0x20);
    return lower >= 'a' && lower <= 'z';
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* scheme "://", taken off. */
static bool take_scheme(struct hf_span *uri)
{
    size_t i = 0;
    while (i < uri->len &&
           (is_letter(uri->data[i]) || (i > 0 && (is_digit(uri->data[i]) || uri->data[i] == '+' ||
                                                  uri->data[i] == '-' || uri->data[i] == '.')))) {
        i++;
    }
    struct hf_span ignored;
    return i > 0 && hf_span_take(uri, i, &ignored) && hf_span_starts_with(*uri, HF_SPAN("://")) &&
           hf_span_take(uri, 3, &ignored);
}

/* Labels of a host name, none empty, the last one not a number; taken off. */
static bool take_host(struct hf_span *uri)
{
    size_t i = 0;
    size_t label = 0;
    bool number = true;
    for (; i < uri->len; i++) {
        uint8_t c = uri->data[i];
        if (c == '.' && label != 0) {
            label = 0;
            number = true;
            continue;
        }
        if (!is_letter(c) && !is_digit(c) && c != '-' && c != '_') {
            break;
        }
        label++;
        number = number && is_digit(c);
    }
    struct hf_span ignored;
    return label != 0 && !number && hf_span_take(uri, i, &ignored);
}

static bool take_port(struct hf_span *uri)
{
    struct hf_span ignored;
    size_t i = 1;
    if (uri->len == 0 || uri->data[0] != ':') {
        return true;
    }
    while (i < uri->len && is_digit(uri->data[i])) {
        i++;
    }
    return i > 1 && i <= 6 && hf_span_take(uri, i, &ignored);
}

bool hf_web_uri_is_plain(struct hf_span uri)
{
    for (size_t i = 0; i < uri.len; i++) {
        if (uri.data[i] <= 0x20 || uri.data[i] >= 0x7f) {
            return false;
        }
    }
    return take_scheme(&uri) && take_host(&uri) && take_port(&uri) &&
           (uri.len == 0 || uri.data[0] == '/');
}
