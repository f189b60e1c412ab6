/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/presented.h"

#define MESSAGE_CERTIFICATE 11

/* A vector whose length is the first `width` bytes, big-endian (RFC 8446 3.4). */
static bool take_vector(struct hf_span *from, unsigned width, struct hf_span *out)
{
    size_t len = 0;
    for (unsigned i = 0; i < width; i++) {
        uint8_t byte;
        if (!hf_span_take_u8(from, &byte)) {
            return false;
        }
        len = len << 8 | byte;
    }
    return hf_span_take(from, len, out);
}

static hf_result malformed(const char *what)
{
    HF_FAIL_SEEN(HF_E_PROTOCOL, "a Certificate message", "%s", what);
}

/* Down to the list of entries. */
static hf_result open_message(struct hf_span message, int version, struct hf_span *entries)
{
    uint8_t type;
    struct hf_span body;
    struct hf_span context;
    if (!hf_span_take_u8(&message, &type) || type != MESSAGE_CERTIFICATE ||
        !take_vector(&message, 3, &body) || message.len != 0) {
        return malformed("a message that does not fit its header");
    }
    /* The context belongs to post-handshake authentication, which does not happen here. */
    if (version == HF_TLS13 && (!take_vector(&body, 1, &context) || context.len != 0)) {
        return malformed("a request context within a handshake");
    }
    if (!take_vector(&body, 3, entries) || body.len != 0) {
        return malformed("a list that does not fill the message");
    }
    return hf_ok();
}

/* One entry; its extensions (OpenSSL judged them, we asked for none) are passed over. */
static hf_result take_entry(struct hf_span *entries, int version, struct hf_span *der)
{
    struct hf_span extensions;
    if (!take_vector(entries, 3, der) || der->len == 0) {
        return malformed("a certificate without bytes, or with fewer than announced");
    }
    if (version == HF_TLS13 && !take_vector(entries, 2, &extensions)) {
        return malformed("extensions of a certificate that do not fit");
    }
    return hf_ok();
}

/* First pass: is it in form and within the limits (C10), and how much is it? */
static hf_result measure(struct hf_span entries, int version, size_t *count, size_t *total)
{
    *count = 0;
    *total = 0;
    HF_NEED_SEEN(entries.len != 0, HF_E_NO_CERTIFICATE, "a certificate", "an empty list");
    while (entries.len != 0) {
        struct hf_span der;
        HF_TRY(take_entry(&entries, version, &der));
        HF_NEED_SEEN(*count < HF_CHAIN_MAX, HF_E_CHAIN_TOO_LONG, "at most 8 certificates",
                     "more than 8");
        *count += 1;
        *total += der.len;
        HF_NEED_SEEN(*total <= HF_CHAIN_BYTES_MAX, HF_E_CHAIN_TOO_LARGE,
                     "at most 32,768 bytes of certificates", "at least %zu", *total);
    }
    return hf_ok();
}

hf_result hf_presented_read(struct hf_span message, int version, struct hf_presented_chain **out)
{
    struct hf_span entries;
    size_t count;
    size_t total;
    *out = NULL;
    HF_TRY(open_message(message, version, &entries));
    HF_TRY(measure(entries, version, &count, &total));

    struct hf_presented_chain *chain = hf_mem_new(sizeof(*chain) + total);
    HF_NEED_MEM(chain);
    hf_refcount_init(&chain->refs);
    for (size_t i = 0; i < count; i++) {
        struct hf_span der;
        hf_result r = take_entry(&entries, version, &der);
        if (!hf_is_ok(r) ||
            !hf_mem_copy(chain->der + chain->der_len, total - chain->der_len, der.data, der.len)) {
            hf_mem_free(chain);
            HF_FAIL(HF_E_INTERNAL);
        }
        chain->lengths[i] = (uint32_t)der.len;
        chain->der_len += der.len;
    }
    chain->count = count;
    *out = chain;
    return hf_ok();
}

struct hf_presented_chain *hf_presented_ref(struct hf_presented_chain *chain)
{
    if (chain != NULL) {
        hf_refcount_take(&chain->refs);
    }
    return chain;
}

void hf_presented_unref(struct hf_presented_chain *chain)
{
    if (chain != NULL && hf_refcount_drop(&chain->refs)) {
        hf_mem_free(chain);
    }
}

struct hf_chain hf_presented_view(const struct hf_presented_chain *chain)
{
    struct hf_chain view = {chain->der, chain->lengths, chain->count};
    return view;
}
