/* SPDX-License-Identifier: Apache-2.0
 *
 * The PROXY protocol, version 2: binary, with TLVs that are walked and not used.
 */
#include "tls/proxy_header.h"

#define LOCAL 0x20
#define PROXY 0x21
#define UNSPEC 0x00
#define TCP4 0x11
#define TCP6 0x21
#define UNIX_STREAM 0x31
#define TLV_CRC32C 0x03
#define TLV_SSL 0x20
#define SSL_HEAD 5 /* what the client used, and whether its certificate was verified */
#define CRC_SIZE 4
#define CRC32C_POLYNOMIAL 0x82f63b78u

/* Addresses of a family: two of them and two ports, or two paths. */
static bool address_size(uint8_t family, size_t *out)
{
    switch (family) {
    case UNSPEC:
        *out = 0;
        return true;
    case TCP4:
        *out = 12;
        return true;
    case TCP6:
        *out = 36;
        return true;
    case UNIX_STREAM:
        *out = 216;
        return true;
    default:
        *out = 0;
        return false;
    }
}

static bool take_tlv(struct hf_span *from, uint8_t *type, struct hf_span *value)
{
    struct hf_span len;
    *value = hf_span_of(NULL, 0);
    return hf_span_take_u8(from, type) && hf_span_take(from, 2, &len) &&
           hf_span_take(from, (size_t)len.data[0] << 8 | len.data[1], value);
}

/* Inside an SSL TLV there are TLVs again. */
static bool is_ssl_value(struct hf_span value)
{
    struct hf_span head;
    struct hf_span inner;
    uint8_t type;
    if (!hf_span_take(&value, SSL_HEAD, &head)) {
        return false;
    }
    while (value.len != 0) {
        if (!take_tlv(&value, &type, &inner)) {
            return false;
        }
    }
    return true;
}

/* Walk all TLVs. *crc is the value of the one CRC-32C, of no length when there is none. */
static hf_result walk(struct hf_span tlvs, struct hf_span *crc)
{
    *crc = hf_span_of(NULL, 0);
    while (tlvs.len != 0) {
        uint8_t type;
        struct hf_span value;
        HF_NEED_SEEN(take_tlv(&tlvs, &type, &value), HF_E_PROXY_HEADER, "whole TLVs",
                     "one that ends behind the header");
        HF_NEED_SEEN(type != TLV_SSL || is_ssl_value(value), HF_E_PROXY_HEADER,
                     "whole TLVs inside of the SSL TLV", "others");
        if (type == TLV_CRC32C) {
            HF_NEED_SEEN(value.len == CRC_SIZE && crc->len == 0, HF_E_PROXY_HEADER,
                         "one CRC-32C of 4 bytes", "another one");
            *crc = value;
        }
    }
    return hf_ok();
}

/* Over the whole header, its own four bytes taken as zero. */
static uint32_t crc32c(struct hf_span header, const uint8_t *crc)
{
    uint32_t sum = UINT32_MAX;
    for (size_t i = 0; i < header.len; i++) {
        const uint8_t *at = header.data + i;
        sum ^= at >= crc && at < crc + CRC_SIZE ? 0 : *at;
        for (int bit = 0; bit < 8; bit++) {
            sum = sum >> 1 ^ (CRC32C_POLYNOMIAL & (0u - (sum & 1)));
        }
    }
    return ~sum;
}

static hf_result check_crc(struct hf_span header, struct hf_span crc)
{
    if (crc.len == 0) {
        return hf_ok();
    }
    uint32_t told = (uint32_t)crc.data[0] << 24 | (uint32_t)crc.data[1] << 16 |
                    (uint32_t)crc.data[2] << 8 | crc.data[3];
    uint32_t sum = crc32c(header, crc.data);
    HF_NEED_SEEN(told == sum, HF_E_PROXY_HEADER, "a CRC-32C that is right", "%#010x, not %#010x",
                 told, sum);
    return hf_ok();
}

static uint16_t u16_at(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static void read_addresses(struct hf_span body, uint8_t family, struct hf_proxy_header *out)
{
    size_t size = family == TCP4 ? 4 : 16;
    if (family != TCP4 && family != TCP6) {
        return; /* unknown, or the paths of a socket on the proxy's machine */
    }
    out->family = family == TCP4 ? HF_PROXY_IPV4 : HF_PROXY_IPV6;
    (void)hf_mem_copy(out->source, sizeof(out->source), body.data, size);
    (void)hf_mem_copy(out->destination, sizeof(out->destination), body.data + size, size);
    out->source_port = u16_at(body.data + 2 * size);
    out->destination_port = u16_at(body.data + 2 * size + 2);
}

/* LOCAL says that what follows is to be thrown away, its family included: of a family that has
 * addresses nobody can say where they end. */
static hf_result read_body(struct hf_span header, uint8_t command, uint8_t family,
                           struct hf_proxy_header *out)
{
    struct hf_span body = hf_span_of(header.data + HF_PROXY_V2_HEAD, header.len - HF_PROXY_V2_HEAD);
    struct hf_span addresses;
    struct hf_span crc;
    size_t size;
    out->local = command == LOCAL;
    if (command == LOCAL && family != UNSPEC) {
        return hf_ok();
    }
    HF_NEED_SEEN(address_size(family, &size), HF_E_PROXY_HEADER,
                 "TCP over IPv4 or IPv6, a local stream, or unspecified", "family %#04x", family);
    HF_NEED_SEEN(hf_span_take(&body, size, &addresses), HF_E_PROXY_HEADER,
                 "the addresses of the family", "%zu bytes", body.len);
    HF_TRY(walk(body, &crc));
    HF_TRY(check_crc(header, crc));
    read_addresses(addresses, family, out);
    return hf_ok();
}

hf_result hf_proxy_read_version_2(struct hf_span bytes, struct hf_proxy_header *out)
{
    uint8_t command = bytes.data[12];
    size_t len = HF_PROXY_V2_HEAD + (size_t)u16_at(bytes.data + 14);
    out->version = 2;
    HF_NEED_SEEN(command == LOCAL || command == PROXY, HF_E_PROXY_HEADER,
                 "version 2 and the command LOCAL or PROXY", "%#04x", command);
    HF_NEED_SEEN(len <= HF_PROXY_HEADER_MAX, HF_E_PROXY_HEADER, "a header of at most 4096 bytes",
                 "%zu bytes", len);
    if (bytes.len < len) {
        out->need = len;
        return hf_ok();
    }
    HF_TRY(read_body(hf_span_of(bytes.data, len), command, bytes.data[13], out));
    out->len = len;
    return hf_ok();
}
