/* SPDX-License-Identifier: Apache-2.0
 *
 * Is it TLS at all? Answered before OpenSSL sees a byte, so that a browser on the wrong port costs
 * nothing and the answer is a clear one.
 */
#include "tls/connection.h"

/* Content type, then the major version that every record has had since 1996. */
static bool may_be_tls(struct hf_span bytes)
{
    bool type = bytes.data[0] == SSL3_RT_HANDSHAKE || bytes.data[0] == SSL3_RT_ALERT;
    return type && (bytes.len < 2 || bytes.data[1] == SSL3_VERSION_MAJOR) &&
           (bytes.len < 3 || bytes.data[2] <= (TLS1_3_VERSION & 0xff));
}

/* OpenSSL's state of a handshake costs 40 KB: no server has one before the first record is there,
 * which is all of a ClientHello as a rule (D2). One that is longer than records are is for OpenSSL
 * to refuse. */
static bool may_begin(const struct hf_conn *conn, struct hf_span bytes)
{
    if (conn->config->role == HF_ROLE_CLIENT) {
        return bytes.len >= 3;
    }
    if (bytes.len < SSL3_RT_HEADER_LENGTH) {
        return false;
    }
    size_t length = (size_t)bytes.data[3] << 8 | bytes.data[4];
    return length > SSL3_RT_MAX_PLAIN_LENGTH || bytes.len >= SSL3_RT_HEADER_LENGTH + length;
}

hf_result hf_conn_recognise(struct hf_conn *conn)
{
    /* A plain unexpected_message: the peer may speak TLS after all and want to know. */
    static const uint8_t alert[] = {
        SSL3_RT_ALERT, 3, 3, 0, 2, SSL3_AL_FATAL, HF_ALERT_UNEXPECTED_MESSAGE};
    struct hf_span first = hf_buffer_span(&conn->transport.in);
    char shown[96];
    if (conn->recognised || first.len == 0) {
        return hf_ok();
    }
    if (may_be_tls(first)) {
        conn->recognised = may_begin(conn, first);
        return hf_ok();
    }
    /* As many as are shown fit: no byte needs more than four characters. */
    hf_error_escape(shown, sizeof(shown), first.data, first.len < 20 ? first.len : 20);
    if (hf_buffer_append(&conn->transport.out, hf_span_of(alert, sizeof(alert)))) {
        conn->alert_sent = HF_ALERT_UNEXPECTED_MESSAGE;
    }
    HF_FAIL_SEEN(HF_E_NOT_TLS, "a TLS record", "%s", shown);
}
