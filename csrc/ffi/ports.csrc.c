/* SPDX-License-Identifier: Apache-2.0
 *
 * The beginning of a connection.
 */

/* ---- ports -------------------------------------------------------------------------------- */

static uint32_t hf_ffi_client_hello_read(const uint8_t *bytes, size_t len,
                                         struct hf_client_hello *out)
{
    return hf_client_hello_read(bytes, len, out).code;
}

static uint32_t hf_ffi_proxy_header_read(const uint8_t *bytes, size_t len,
                                         struct hf_proxy_header *out)
{
    return hf_proxy_header_read(bytes, len, out).code;
}

static uint32_t hf_ffi_conn_server_name(const struct hf_conn *conn, const char **name, size_t *len)
{
    return hf_conn_server_name(conn, name, len).code;
}
