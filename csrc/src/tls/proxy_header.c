/* SPDX-License-Identifier: Apache-2.0
 *
 * The PROXY protocol, which of its versions it is, and version 1: a line of text.
 */
#include "tls/proxy_header.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#define FIELDS 6 /* PROXY TCP4 source destination source-port destination-port */
#define ADDRESS_TEXT_MAX 45

static const uint8_t signature_2[] = {'\r', '\n', '\r', '\n', 0,   '\r',
                                      '\n', 'Q',  'U',  'I',  'T', '\n'};

static bool begins_like(struct hf_span bytes, struct hf_span signature)
{
    size_t n = bytes.len < signature.len ? bytes.len : signature.len;
    return hf_mem_equal(bytes.data, n, signature.data, n);
}

/* Up to the next space or the end: an empty field where two spaces meet. */
static struct hf_span take_field(struct hf_span *line)
{
    struct hf_span field;
    size_t n = 0;
    while (n < line->len && line->data[n] != ' ') {
        n++;
    }
    (void)hf_span_take(line, n, &field);
    if (line->len != 0) {
        (void)hf_span_take(line, 1, &(struct hf_span){0});
    }
    return field;
}

static bool read_port(struct hf_span text, uint16_t *out)
{
    uint32_t port = 0;
    if (text.len == 0 || text.len > 5 || (text.len > 1 && text.data[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        port = port * 10 + (uint32_t)(text.data[i] - '0');
    }
    *out = (uint16_t)port;
    return port <= UINT16_MAX;
}

static bool read_address(struct hf_span text, int family, uint8_t out[16])
{
    char spelled[ADDRESS_TEXT_MAX + 1] = "";
    if (text.len == 0 || !hf_mem_copy(spelled, ADDRESS_TEXT_MAX, text.data, text.len)) {
        return false;
    }
    return inet_pton(family == HF_PROXY_IPV4 ? AF_INET : AF_INET6, spelled, out) == 1;
}

static bool read_fields(struct hf_span line, struct hf_proxy_header *out)
{
    struct hf_span fields[FIELDS];
    size_t spaces = 0;
    for (size_t i = 0; i < line.len; i++) {
        spaces += line.data[i] == ' ';
    }
    for (size_t i = 0; i < FIELDS; i++) {
        fields[i] = take_field(&line);
    }
    if (hf_span_equal(fields[1], HF_SPAN("UNKNOWN"))) {
        return true; /* "the receiver must ignore anything presented before the CRLF" */
    }
    bool four = hf_span_equal(fields[1], HF_SPAN("TCP4"));
    out->family = four ? HF_PROXY_IPV4 : HF_PROXY_IPV6;
    return spaces == FIELDS - 1 && (four || hf_span_equal(fields[1], HF_SPAN("TCP6"))) &&
           read_address(fields[2], out->family, out->source) &&
           read_address(fields[3], out->family, out->destination) &&
           read_port(fields[4], &out->source_port) && read_port(fields[5], &out->destination_port);
}

static hf_result read_version_1(struct hf_span bytes, struct hf_proxy_header *out)
{
    char shown[128];
    size_t end = 0;
    out->version = 1;
    while (end < bytes.len && end < HF_PROXY_LINE_MAX && bytes.data[end] >= 0x20 &&
           bytes.data[end] < 0x7f) {
        end++;
    }
    /* A CR that is the last byte so far may still be followed by the LF. */
    bool open = end == bytes.len || (bytes.data[end] == '\r' && end + 1 == bytes.len);
    if (open && end + 1 < HF_PROXY_LINE_MAX) {
        out->need = bytes.len + 1;
        return hf_ok();
    }
    hf_error_escape(shown, sizeof(shown), bytes.data, end);
    HF_NEED_SEEN(end + 2 <= HF_PROXY_LINE_MAX && end + 2 <= bytes.len && bytes.data[end] == '\r' &&
                     bytes.data[end + 1] == '\n',
                 HF_E_PROXY_HEADER, "a line of at most 107 bytes that ends in CRLF", "%s", shown);
    HF_NEED_SEEN(read_fields(hf_span_of(bytes.data, end), out), HF_E_PROXY_HEADER,
                 "PROXY TCP4 or TCP6, two addresses, two ports", "%s", shown);
    out->len = end + 2;
    return hf_ok();
}

static hf_result read_any(struct hf_span bytes, struct hf_proxy_header *out)
{
    struct hf_span one = HF_SPAN("PROXY ");
    struct hf_span two = hf_span_of(signature_2, sizeof(signature_2));
    char shown[64];
    if (bytes.len == 0) {
        out->need = one.len;
        return hf_ok();
    }
    if (begins_like(bytes, two)) {
        if (bytes.len < HF_PROXY_V2_HEAD) {
            out->version = bytes.len < two.len ? 0 : 2;
            out->need = HF_PROXY_V2_HEAD;
            return hf_ok();
        }
        return hf_proxy_read_version_2(bytes, out);
    }
    if (begins_like(bytes, one)) {
        if (bytes.len < one.len) {
            out->need = one.len;
            return hf_ok();
        }
        return read_version_1(bytes, out);
    }
    hf_error_escape(shown, sizeof(shown), bytes.data, bytes.len < 12 ? bytes.len : 12);
    HF_FAIL_SEEN(HF_E_PROXY_MISSING, "a PROXY header, version 1 or 2", "%s", shown);
}

hf_result hf_proxy_header_read(const uint8_t *bytes, size_t len, struct hf_proxy_header *out)
{
    HF_NEED_PTR(out);
    *out = (struct hf_proxy_header){0};
    HF_NEED(bytes != NULL || len == 0, HF_E_BAD_ARGUMENT);
    hf_result r = read_any(hf_span_of(bytes, len), out);
    if (!hf_is_ok(r)) {
        *out = (struct hf_proxy_header){.version = out->version};
    }
    return r;
}
