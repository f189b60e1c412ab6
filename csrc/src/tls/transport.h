/* SPDX-License-Identifier: Apache-2.0
 *
 * What OpenSSL reads from and writes to: two buffers of ours behind one BIO. No system call is
 * made below OpenSSL, so the memory form and the fd form of a connection are the same machine.
 */
#ifndef HF_TLS_TRANSPORT_H
#define HF_TLS_TRANSPORT_H

#include <openssl/bio.h>

#include "tls/buffer.h"

struct hf_transport {
    struct hf_buffer in;  /* from the peer, not read by OpenSSL yet */
    struct hf_buffer out; /* for the peer */
    bool no_memory;       /* a write failed for that reason */
    bool stopped;         /* OpenSSL gets no more to read */
};

/* A BIO over `transport`, which must outlive it. Reading from an empty `in` says "retry", never
 * "end": whether more will come is the connection's to know, and the same on every OpenSSL. */
HF_MUST_USE hf_result hf_transport_bio(struct hf_transport *transport, BIO **out);

#endif
