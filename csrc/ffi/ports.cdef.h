/* SPDX-License-Identifier: Apache-2.0
 *
 * The beginning of a connection: include/handfast_ports.h as Python calls it.
 */

/* ---- ports ---- */

static const int HF_CLIENT_HELLO_BYTES_MAX;
static const int HF_PROXY_HEADER_MAX;
static const int HF_PROXY_IPV4;
static const int HF_PROXY_IPV6;

struct hf_client_hello {
    size_t need;
    size_t server_name_len;
    char server_name[...];
};

struct hf_proxy_header {
    size_t need;
    size_t len;
    int32_t version;
    int32_t local;
    int32_t family;
    uint16_t source_port;
    uint16_t destination_port;
    uint8_t source[16];
    uint8_t destination[16];
};

uint32_t hf_ffi_client_hello_read(const uint8_t *, size_t, struct hf_client_hello *);
uint32_t hf_ffi_proxy_header_read(const uint8_t *, size_t, struct hf_proxy_header *);
uint32_t hf_ffi_conn_server_name(const struct hf_conn *, const char **, size_t *);
