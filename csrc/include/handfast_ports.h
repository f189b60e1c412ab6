/* SPDX-License-Identifier: Apache-2.0
 *
 * handfast_ports.h - what stands at the very beginning of a connection, for ports that speak more
 * than one thing. Included by handfast.h.
 *
 * Both readers look at the bytes that have come so far, take none, keep nothing and allocate at
 * most one block for the time of a call. They are asked again with more bytes: `need` says how many
 * in all it takes to get any further, and is 0 once the answer is there. Their limits bound what a
 * caller keeps for a stranger. Where two readings are possible the bytes are refused.
 */
#ifndef HANDFAST_PORTS_H
#define HANDFAST_PORTS_H

#include "handfast.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- ClientHello: which server name is asked for (RFC 6066, section 3) --------------------- */

#define HF_CLIENT_HELLO_MAX 16384       /* bytes of the message */
#define HF_CLIENT_HELLO_BYTES_MAX 32768 /* with the headers of its records */
#define HF_SERVER_NAME_MAX 253

struct hf_client_hello {
    size_t need;                              /* bytes in all; 0: the message was whole and read */
    size_t server_name_len;                   /* 0: no name is asked for */
    char server_name[HF_SERVER_NAME_MAX + 1]; /* a host name in lower case, NUL-terminated */
};

/* Read a ClientHello of TLS 1.0 to 1.3 from whole or partial records, however it was split. The
 * name is ASCII labels of letters, digits, '-' and '_', folded to lower case, without a last dot,
 * and not an address. OpenSSL reads the same bytes again later: hf_conn_server_name() is to be
 * compared. Errors: HF_E_CLIENT_HELLO, HF_E_OUT_OF_MEMORY. */
HF_MUST_USE hf_result hf_client_hello_read(const uint8_t *bytes, size_t len,
                                           struct hf_client_hello *out);

/* The server name that OpenSSL read in the last ClientHello of a server's connection; borrowed
 * until the next call, *len 0 when there was none. HF_E_WRONG_STATE before the handshake's end. */
HF_MUST_USE hf_result hf_conn_server_name(const struct hf_conn *conn, const char **name,
                                          size_t *len);

/* ---- PROXY protocol, versions 1 and 2: whom a proxy speaks for ------------------------------ */

#define HF_PROXY_LINE_MAX 107    /* bytes of a version 1 line, CRLF included */
#define HF_PROXY_HEADER_MAX 4096 /* bytes of a version 2 header, our own limit */

#define HF_PROXY_NONE 0 /* LOCAL, UNKNOWN, UNSPEC or a local socket: no address is told */
#define HF_PROXY_IPV4 4
#define HF_PROXY_IPV6 6

struct hf_proxy_header {
    size_t need;     /* bytes in all; 0: the header was whole and read */
    size_t len;      /* bytes of it, to be dropped before anything else is read */
    int32_t version; /* 1 or 2 as soon as it is clear that this is a header; else 0 */
    int32_t local;   /* 1: the proxy speaks for itself (a health check) */
    int32_t family;  /* HF_PROXY_* of both addresses */
    uint16_t source_port;
    uint16_t destination_port;
    uint8_t source[16]; /* 4 or 16 bytes, as family says */
    uint8_t destination[16];
};

/* Read a header. Version 2: TLVs are walked, never used; a CRC-32C is checked; datagrams, unknown
 * commands and families are refused. Errors: HF_E_PROXY_MISSING when this is no header at all,
 * HF_E_PROXY_HEADER when it is a bad one. */
HF_MUST_USE hf_result hf_proxy_header_read(const uint8_t *bytes, size_t len,
                                           struct hf_proxy_header *out);

#ifdef __cplusplus
}
#endif

#endif
