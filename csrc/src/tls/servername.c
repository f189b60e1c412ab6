/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of servers: what may go into SNI, and be compared with a certificate by a web client.
 */
#include "tls/connection.h"

#define DNS_MAX 253
#define LABEL_MAX 63

static bool is_name_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

/* ASCII labels (A-labels) of 1 to 63 bytes, without a trailing dot (RFC 6066, section 3). */
static bool is_dns_name(struct hf_span name)
{
    size_t label = 0;
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] == '.') {
            if (label == 0) {
                return false;
            }
            label = 0;
            continue;
        }
        label++;
        if (!is_name_byte(name.data[i]) || label > LABEL_MAX) {
            return false;
        }
    }
    return label != 0 && name.len <= DNS_MAX;
}

hf_result hf_conn_set_name(struct hf_conn *conn, int kind, struct hf_span name)
{
    char shown[64];
    HF_NEED_SEEN(kind == HF_NAME_NONE || kind == HF_NAME_DNS || kind == HF_NAME_IP,
                 HF_E_BAD_ARGUMENT, "a kind of name: HF_NAME_*", "%d", kind);
    if (kind == HF_NAME_NONE) {
        return hf_ok();
    }
    HF_NEED_SEEN(name.data != NULL, HF_E_NAME_INVALID, "a name", "none");
    hf_error_escape(shown, sizeof(shown), name.data, name.len);
    HF_NEED_SEEN(kind != HF_NAME_DNS || is_dns_name(name), HF_E_NAME_INVALID,
                 "an ASCII host name of at most 253 bytes", "%s", shown);
    HF_NEED_SEEN(kind != HF_NAME_IP || name.len == 4 || name.len == 16, HF_E_NAME_INVALID,
                 "4 or 16 bytes of an IP address", "%zu bytes", name.len);
    conn->name = hf_mem_new(name.len + 1);
    HF_NEED_MEM(conn->name);
    (void)hf_mem_copy(conn->name, name.len + 1, name.data, name.len);
    conn->name_len = name.len;
    conn->name_kind = (int16_t)kind;
    return hf_ok();
}
