/* SPDX-License-Identifier: Apache-2.0
 *
 * PROXY headers of both versions: what is read, and everything that is refused.
 */
#include <string.h>

#include "base/span.h"
#include "hf_test.h"

#define V2 "\r\n\r\n\0\r\nQUIT\n"
#define ADDRESSES4 "\xc0\0\2\7\x0a\0\0\1\x15\xb3\1\xbb" /* 192.0.2.7:5555 to 10.0.0.1:443 */
/* By a table-driven implementation that knows 0xe3069283 for "123456789". */
#define CRC_GOOD "\xbe\x4e\x38\x2a"
#define CRC_BAD "\xbe\x4e\x38\x2b"

static struct hf_proxy_header header;

/* From a block of its own, so that reading on is a finding of ASan's. */
static hf_result read_span(struct hf_span bytes)
{
    HF_DEFER(hf_mem_free_at) uint8_t *exact = hf_mem_dup(bytes.data, bytes.len);
    hf_result r = hf_proxy_header_read(exact, bytes.len, &header);
    HF_CHECK(hf_is_ok(r) || (header.need == 0 && header.len == 0 && header.family == 0));
    return r;
}

#define READ(literal) read_span(HF_SPAN(literal))

static bool is_address(const uint8_t *address, const char *expected)
{
    return hf_mem_equal(address, 4, expected, 4);
}

static void a_line_is_read(void)
{
    HF_CHECK_OK(READ("PROXY TCP4 192.0.2.7 10.0.0.1 5555 443\r\nGET /"));
    HF_CHECK(header.version == 1 && header.need == 0 && header.len == 40 && header.local == 0);
    HF_CHECK(header.family == HF_PROXY_IPV4 && is_address(header.source, "\xc0\0\2\7"));
    HF_CHECK(is_address(header.destination, "\x0a\0\0\1"));
    HF_CHECK(header.source_port == 5555 && header.destination_port == 443);
    HF_CHECK_OK(READ("PROXY TCP6 2001:db8::7 ::1 0 65535\r\n"));
    HF_CHECK(header.family == HF_PROXY_IPV6 && header.source[0] == 0x20 && header.source[15] == 7);
    HF_CHECK(header.source_port == 0 && header.destination_port == 65535);
}

static void unknown_tells_no_address(void)
{
    HF_CHECK_OK(READ("PROXY UNKNOWN\r\n"));
    HF_CHECK(header.family == HF_PROXY_NONE && header.len == 15);
    HF_CHECK_OK(READ("PROXY UNKNOWN ff:: ff:: 1 2\r\n"));
    HF_CHECK(header.family == HF_PROXY_NONE && header.source_port == 0);
}

static void bad_lines_are_refused(void)
{
    static const char *const bad[] = {
        "PROXY TCP4 192.0.2.7 10.0.0.1 5555 443\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 5555 443 \r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 5555 443 9\r\n",
        "PROXY TCP4  192.0.2.7 10.0.0.1 5555 443\r\n",
        "PROXY  TCP4 192.0.2.7 10.0.0.1 5555 443\r\n",
        "PROXY TCP4 192.0.2.07 10.0.0.1 5555 443\r\n",
        "PROXY TCP4 192.0.2.256 10.0.0.1 5555 443\r\n",
        "PROXY TCP4 192.0.2 10.0.0.1 5555 443\r\n",
        "PROXY TCP4 ::1 ::1 5555 443\r\n",
        "PROXY TCP6 192.0.2.7 10.0.0.1 5555 443\r\n",
        "PROXY TCP6 fe80::1%eth0 ::1 5555 443\r\n",
        "PROXY TCP6 1:2:3:4:5:6:7:8:9 ::1 5555 443\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 05555 443\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 65536 443\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 1000000 443\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 -1 443\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 5555 4a3\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 5555\r\n",
        "PROXY TCP4\r\n",
        "PROXY UDP4 192.0.2.7 10.0.0.1 5555 443\r\n",
        "PROXY tcp4 192.0.2.7 10.0.0.1 5555 443\r\n",
        "PROXY UNKNOWNS\r\n",
        "PROXY \r\n",
        "PROXY UNKNOWN\rX",
        "PROXY UNKNOWN\t\r\n",
        "PROXY UNKNOWN \x80\r\n",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (!HF_CHECK_CODE(read_span(hf_span_of(bad[i], strlen(bad[i]))), HF_E_PROXY_HEADER)) {
            (void)fprintf(stderr, "    for %s\n", bad[i]);
        }
        HF_CHECK(header.version == 1);
    }
    HF_CHECK_CODE(READ("PROXY UNKNOWN \0\r\n"), HF_E_PROXY_HEADER);
}

static void a_line_has_107_bytes_at_most(void)
{
    char line[120] = "PROXY UNKNOWN ";
    (void)memset(line + 14, 'x', sizeof(line) - 14);
    line[105] = '\r';
    line[106] = '\n';
    HF_CHECK_OK(read_span(hf_span_of(line, 107)));
    HF_CHECK(header.len == 107);
    line[105] = 'x';
    line[106] = '\r';
    line[107] = '\n';
    HF_CHECK_CODE(read_span(hf_span_of(line, 108)), HF_E_PROXY_HEADER);
    (void)memset(line + 14, 'x', sizeof(line) - 14);
    HF_CHECK_OK(read_span(hf_span_of(line, 105)));
    HF_CHECK(header.need == 106);
    HF_CHECK_CODE(read_span(hf_span_of(line, 106)), HF_E_PROXY_HEADER);
}

/* Any cut asks for more, and names no more than what is missing. */
static void check_cuts(struct hf_span whole)
{
    for (size_t len = 0; len < whole.len; len++) {
        HF_CHECK_OK(read_span(hf_span_of(whole.data, len)));
        HF_CHECK(header.need > len && header.need <= whole.len && header.len == 0);
    }
    HF_CHECK_OK(read_span(whole));
    HF_CHECK(header.need == 0 && header.len == whole.len);
}

static void a_header_may_come_in_pieces(void)
{
    check_cuts(HF_SPAN("PROXY TCP4 192.0.2.7 10.0.0.1 5555 443\r\n"));
    check_cuts(HF_SPAN("PROXY UNKNOWN\r\n"));
    check_cuts(HF_SPAN(V2 "\x21\x11\0\x0c" ADDRESSES4));
    check_cuts(HF_SPAN(V2 "\x20\0\0\0"));
}

static void binary_addresses_are_read(void)
{
    HF_CHECK_OK(READ(V2 "\x21\x11\0\x0c" ADDRESSES4 "\x16\3"));
    HF_CHECK(header.version == 2 && header.len == 28 && header.local == 0);
    HF_CHECK(header.family == HF_PROXY_IPV4 && is_address(header.source, "\xc0\0\2\7"));
    HF_CHECK(is_address(header.destination, "\x0a\0\0\1"));
    HF_CHECK(header.source_port == 5555 && header.destination_port == 443);
    HF_CHECK_OK(READ(V2 "\x21\x21\0\x24"
                        "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7"
                        "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\0\1\0\2"));
    HF_CHECK(header.family == HF_PROXY_IPV6 && header.source[15] == 7);
    HF_CHECK(header.destination[15] == 1 && header.source_port == 1);
    HF_CHECK(header.destination_port == 2 && header.len == 52);
}

static void local_and_unspecified_tell_no_address(void)
{
    HF_CHECK_OK(READ(V2 "\x20\0\0\0"));
    HF_CHECK(header.local == 1 && header.family == HF_PROXY_NONE && header.len == 16);
    /* What LOCAL comes with is thrown away, its family included. */
    HF_CHECK_OK(READ(V2 "\x20\x11\0\x0c" ADDRESSES4));
    HF_CHECK(header.local == 1 && header.family == HF_PROXY_NONE && header.len == 28);
    HF_CHECK_OK(READ(V2 "\x20\x77\0\3abc"));
    HF_CHECK_OK(READ(V2 "\x21\0\0\0"));
    HF_CHECK(header.local == 0 && header.family == HF_PROXY_NONE);
    uint8_t local_socket[16 + 216] = V2 "\x21\x31\0\xd8";
    HF_CHECK_OK(read_span(hf_span_of(local_socket, sizeof(local_socket))));
    HF_CHECK(header.family == HF_PROXY_NONE && header.len == sizeof(local_socket));
}

static void bad_binary_headers_are_refused(void)
{
    HF_CHECK_CODE(READ(V2 "\x11\x11\0\x0c" ADDRESSES4), HF_E_PROXY_HEADER); /* version 1 */
    HF_CHECK_CODE(READ(V2 "\x22\x11\0\x0c" ADDRESSES4), HF_E_PROXY_HEADER); /* command 2 */
    HF_CHECK_CODE(READ(V2 "\x21\x12\0\x0c" ADDRESSES4), HF_E_PROXY_HEADER); /* UDP */
    HF_CHECK_CODE(READ(V2 "\x21\x41\0\x0c" ADDRESSES4), HF_E_PROXY_HEADER); /* family 4 */
    HF_CHECK_CODE(READ(V2 "\x21\x11\0\x0b" ADDRESSES4), HF_E_PROXY_HEADER); /* too short */
    HF_CHECK_CODE(READ(V2 "\x21\x11\x0f\xf1"), HF_E_PROXY_HEADER);          /* 4097 bytes */
    HF_CHECK_OK(READ(V2 "\x21\x11\x0f\xf0"));
    HF_CHECK(header.need == HF_PROXY_HEADER_MAX && header.version == 2);
}

static void tlvs_are_walked_to_their_end(void)
{
    HF_CHECK_OK(READ(V2 "\x21\x11\0\x14" ADDRESSES4 "\1\0\2h2\4\0\0"
                        "behind"));
    HF_CHECK(header.len == 36);
    HF_CHECK_CODE(READ(V2 "\x21\x11\0\x0d" ADDRESSES4 "\1"), HF_E_PROXY_HEADER);
    HF_CHECK_CODE(READ(V2 "\x21\x11\0\x0f" ADDRESSES4 "\1\0\1"), HF_E_PROXY_HEADER);
    /* TLVs inside of the SSL TLV: one of 2 bytes; one that is longer; too short a head. */
    HF_CHECK_OK(READ(V2 "\x21\x11\0\x19" ADDRESSES4 "\x20\0\x0a\1\0\0\0\0\x21\0\2"
                        "13"));
    HF_CHECK_CODE(READ(V2 "\x21\x11\0\x19" ADDRESSES4 "\x20\0\x0a\1\0\0\0\0\x21\0\3"
                          "13"),
                  HF_E_PROXY_HEADER);
    HF_CHECK_CODE(READ(V2 "\x21\x11\0\x13" ADDRESSES4 "\x20\0\4\1\0\0\0"), HF_E_PROXY_HEADER);
}

static void a_checksum_is_checked(void)
{
    /* Of PROXY over TCP4 with the one TLV. */
    HF_CHECK_OK(READ(V2 "\x21\x11\0\x13" ADDRESSES4 "\3\0\4" CRC_GOOD));
    HF_CHECK(header.len == 35);
    HF_CHECK_CODE(READ(V2 "\x21\x11\0\x13" ADDRESSES4 "\3\0\4" CRC_BAD), HF_E_PROXY_HEADER);
    HF_CHECK_CODE(READ(V2 "\x21\x11\0\x12" ADDRESSES4 "\3\0\3abc"), HF_E_PROXY_HEADER);
    HF_CHECK_CODE(READ(V2 "\x21\x11\0\x1a" ADDRESSES4 "\3\0\4" CRC_GOOD "\3\0\4" CRC_GOOD),
                  HF_E_PROXY_HEADER);
}

static void what_is_no_header_is_missing_one(void)
{
    HF_CHECK_CODE(READ("\x16\3\1\2\0\1"), HF_E_PROXY_MISSING);
    HF_CHECK_CODE(READ("G"), HF_E_PROXY_MISSING);
    HF_CHECK_CODE(READ("PROXX"), HF_E_PROXY_MISSING);
    HF_CHECK_CODE(READ("\r\n\r\n\0\r\nQUIT\r"), HF_E_PROXY_MISSING);
    HF_CHECK(header.version == 0);
    HF_CHECK_OK(READ("PROX"));
    HF_CHECK(header.version == 0 && header.need == 6);
    HF_CHECK_OK(READ("\r\n\r\n"));
    HF_CHECK(header.version == 0 && header.need == 16);
    HF_CHECK_OK(READ(V2));
    HF_CHECK(header.version == 2 && header.need == 16);
    HF_CHECK_CODE(hf_proxy_header_read(NULL, 1, &header), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_proxy_header_read(NULL, 0, NULL), HF_E_BAD_ARGUMENT);
}

HF_TESTS({"a line is read", a_line_is_read}, {"UNKNOWN tells no address", unknown_tells_no_address},
         {"bad lines are refused", bad_lines_are_refused},
         {"a line has 107 bytes at most", a_line_has_107_bytes_at_most},
         {"a header may come in pieces", a_header_may_come_in_pieces},
         {"binary addresses are read", binary_addresses_are_read},
         {"LOCAL and unspecified tell no address", local_and_unspecified_tell_no_address},
         {"bad binary headers are refused", bad_binary_headers_are_refused},
         {"TLVs are walked to their end", tlvs_are_walked_to_their_end},
         {"a checksum is checked", a_checksum_is_checked},
         {"what is no header is missing one", what_is_no_header_is_missing_one})
