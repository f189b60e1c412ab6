/* SPDX-License-Identifier: Apache-2.0
 *
 * The certificates of the peer as they were on the wire, read from the Certificate message by a
 * strict reader of ours and kept with the connection: what is judged and shown is what was sent,
 * not what a library made of it.
 */
#ifndef HF_TLS_PRESENTED_H
#define HF_TLS_PRESENTED_H

#include "base/refcount.h"
#include "base/span.h"

/* One block of memory, immutable and counted: a connection, the sessions that it leaves and whoever
 * asks for the chain share it. `lengths` and `der` are in the form of struct hf_chain. */
struct hf_presented_chain {
    struct hf_refcount refs;
    size_t count;
    uint32_t lengths[HF_CHAIN_MAX];
    size_t der_len;
    uint8_t der[];
};

/* `message`: a whole Certificate handshake message, its 4-byte header included. Over the limits:
 * HF_E_CHAIN_TOO_LONG or _TOO_LARGE. No certificate in it: HF_E_NO_CERTIFICATE. Any other form
 * than RFC 8446 4.4.2 (version HF_TLS13) or RFC 5246 7.4.2: HF_E_PROTOCOL. */
HF_MUST_USE hf_result hf_presented_read(struct hf_span message, int version,
                                        struct hf_presented_chain **out);

struct hf_presented_chain *hf_presented_ref(struct hf_presented_chain *chain);

#endif
