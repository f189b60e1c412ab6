/* SPDX-License-Identifier: Apache-2.0
 *
 * PROXY headers: what is accepted can be written again and is the same, comes the same in any
 * pieces, and lies within the input.
 *
 * What an attacker must hold: an address that is named as a proxy's, or what stands before one.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/span.h"

__attribute__((noinline)) static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* A line has one spelling, but for IPv6 addresses: those are compared as addresses. */
static void check_line(const struct hf_proxy_header *header, const uint8_t *data)
{
    char text[HF_PROXY_LINE_MAX + 1] = "";
    char shown[2][INET6_ADDRSTRLEN];
    char given[2][INET6_ADDRSTRLEN];
    unsigned ports[2];
    char again[256];
    must(header->len <= HF_PROXY_LINE_MAX && header->len >= 15);
    must(hf_mem_copy(text, HF_PROXY_LINE_MAX, data, header->len));
    if (header->family == HF_PROXY_NONE) {
        must(strncmp(text, "PROXY UNKNOWN", 13) == 0);
        return;
    }
    bool four = header->family == HF_PROXY_IPV4;
    must(sscanf(text, "PROXY %*4s %45s %45s %u %u", given[0], given[1], &ports[0], &ports[1]) == 4);
    must(ports[0] == header->source_port && ports[1] == header->destination_port);
    for (size_t i = 0; i < 2; i++) {
        uint8_t address[16];
        const uint8_t *read = i == 0 ? header->source : header->destination;
        must(inet_pton(four ? AF_INET : AF_INET6, given[i], address) == 1);
        must(hf_mem_equal(address, four ? 4 : 16, read, four ? 4 : 16));
        must(inet_ntop(four ? AF_INET : AF_INET6, read, shown[i], sizeof(shown[i])) != NULL);
    }
    (void)snprintf(again, sizeof(again), "PROXY TCP%d %s %s %u %u\r\n", header->family,
                   four ? shown[0] : given[0], four ? shown[1] : given[1], ports[0], ports[1]);
    must(strcmp(again, text) == 0);
}

static void check_binary(const struct hf_proxy_header *header, const uint8_t *data)
{
    size_t size = header->family == HF_PROXY_IPV4 ? 4 : 16;
    must(header->len <= HF_PROXY_HEADER_MAX);
    must(header->len == 16 + ((size_t)data[14] << 8 | data[15]));
    must((data[12] == 0x20) == (header->local == 1));
    if (header->family != HF_PROXY_NONE) {
        must(header->len >= 16 + 2 * size + 4 && header->local == 0);
        must(hf_mem_equal(header->source, size, data + 16, size));
        must(hf_mem_equal(header->destination, size, data + 16 + size, size));
        must(header->source_port == (data[16 + 2 * size] << 8 | data[17 + 2 * size]));
    }
}

/* Asked with exactly what it says that it needs, it comes to the same end. */
static void check_cut(const struct hf_proxy_header *whole, const uint8_t *data)
{
    struct hf_proxy_header out;
    size_t len = 0;
    for (size_t steps = 0; steps <= whole->len; steps++) {
        must(hf_is_ok(hf_proxy_header_read(data, len, &out)));
        if (out.need == 0) {
            must(len == whole->len && out.len == len && out.family == whole->family);
            must(hf_mem_equal(out.source, 16, whole->source, 16));
            return;
        }
        must(out.need > len && out.need <= whole->len);
        len = out.need;
    }
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hf_proxy_header header;
    hf_result r = hf_proxy_header_read(data, size, &header);
    if (!hf_is_ok(r)) {
        must(r.code == HF_E_PROXY_HEADER || r.code == HF_E_PROXY_MISSING);
        must(header.len == 0 && header.need == 0 && header.family == HF_PROXY_NONE);
        must((r.code == HF_E_PROXY_MISSING) == (header.version == 0));
        return 0;
    }
    must((header.need == 0) == (header.len != 0));
    if (header.need != 0) {
        must(header.need > size && header.need <= HF_PROXY_HEADER_MAX);
        return 0;
    }
    must(header.len <= size && (header.version == 1 || header.version == 2));
    if (header.version == 1) {
        check_line(&header, data);
    } else {
        check_binary(&header, data);
    }
    check_cut(&header, data);
    return 0;
}
