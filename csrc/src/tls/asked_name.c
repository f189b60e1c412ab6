/* SPDX-License-Identifier: Apache-2.0
 *
 * The server name as OpenSSL read it: for the application, and to be held against our own reading.
 */
#include <string.h>

#include "tls/connection.h"

hf_result hf_conn_server_name(const struct hf_conn *conn, const char **name, size_t *len)
{
    HF_NEED_PTR(name);
    HF_NEED_PTR(len);
    *name = "";
    *len = 0;
    HF_CONN_ENTER(conn);
    HF_NEED_SEEN(conn->was_open && conn->ssl != NULL, HF_E_WRONG_STATE, "a finished handshake",
                 "one under way");
    const char *asked = SSL_get_servername(conn->ssl, TLSEXT_NAMETYPE_host_name);
    if (asked != NULL) {
        *name = asked;
        *len = strlen(asked);
    }
    return hf_ok();
}
