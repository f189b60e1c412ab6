/* SPDX-License-Identifier: Apache-2.0
 *
 * Application protocols. The choice is ours, not SSL_select_next_proto's, which falls back to a
 * protocol that was not offered, and over-reads on an empty list (CVE-2024-5535).
 */
#include "tls/config.h"

static bool take_name(struct hf_span *list, struct hf_span *name)
{
    uint8_t len;
    *name = hf_span_of(NULL, 0);
    return hf_span_take_u8(list, &len) && len != 0 && hf_span_take(list, len, name);
}

hf_result hf_alpn_check(struct hf_span list)
{
    HF_NEED_SEEN(list.len != 0 && list.len <= UINT16_MAX, HF_E_CONFIG_INVALID,
                 "an ALPN list of 1 to 65,535 bytes", "%zu bytes", list.len);
    while (list.len != 0) {
        struct hf_span name;
        HF_NEED_SEEN(take_name(&list, &name), HF_E_CONFIG_INVALID,
                     "ALPN names of 1 to 255 bytes, each after a byte with its length",
                     "a name that is empty or longer than the rest of the list");
    }
    return hf_ok();
}

bool hf_alpn_contains(struct hf_span list, struct hf_span name)
{
    struct hf_span candidate;
    while (take_name(&list, &candidate)) {
        if (hf_span_equal(candidate, name)) {
            return true;
        }
    }
    return false;
}

int hf_alpn_select(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                   const unsigned char *offered, unsigned int offered_len, void *config)
{
    const struct hf_config *own = config;
    struct hf_span list = hf_span_of(own->alpn, own->alpn_len);
    struct hf_span theirs = hf_span_of(offered, offered_len);
    struct hf_span name;
    (void)ssl;
    while (take_name(&list, &name)) {
        if (hf_alpn_contains(theirs, name)) {
            *out = name.data;
            *out_len = (unsigned char)name.len;
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}
