/* SPDX-License-Identifier: Apache-2.0
 *
 * Configurations from the inside: one immutable SSL_CTX, and what its connections share.
 */
#ifndef HF_TLS_CONFIG_H
#define HF_TLS_CONFIG_H

#include <openssl/ssl.h>

#include "base/refcount.h"
#include "policy/verifier.h"
#include "tls/chain_share.h"
#include "x509/svid.h"

struct hf_config {
    struct hf_refcount refs;
    SSL_CTX *ctx; /* never changed after hf_config_new() */
    struct hf_verifier *verifier;
    struct hf_svid *svid; /* NULL: a client without a certificate */
    int role;
    int min_version;
    bool web;       /* the peer is verified by its name */
    bool anonymous; /* a one-way server: no peer is authenticated, and there is no verifier */
    bool key_log;
    uint8_t *alpn; /* wire form, checked; NULL for none */
    size_t alpn_len;
    struct hf_session_store *sessions; /* NULL: no session is resumed */
    uint8_t session_context[HF_DIGEST_SIZE];
    struct hf_ticket_keys *tickets; /* a server; NULL: sessions wait in `sessions`, if at all */
    int64_t session_max_age;        /* 0: no session is resumed */
    /* Two things here are no settings. Handshake steps that may still be OpenSSL's first of their
     * kind: counts down, and ends at the first handshake that succeeds. */
    atomic_int first_uses;
    struct hf_chain_share chains; /* and what verified peers showed lately */
};

#define HF_CONFIG_FIRST_USES 64

/* context.c: every setting of the context. Of `config` its sessions are looked at. */
HF_MUST_USE hf_result hf_context_new(const struct hf_config *config,
                                     const struct hf_config_spec *spec, SSL_CTX **out);

/* alpn.c */

/* One or more names of 1 to 255 bytes, each after its length. */
HF_MUST_USE hf_result hf_alpn_check(struct hf_span list);

/* True when `name` is in `list` (checked wire form). */
bool hf_alpn_contains(struct hf_span list, struct hf_span name);

/* OpenSSL's callback on a server: our order decides. `config` is the argument. */
int hf_alpn_select(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                   const unsigned char *offered, unsigned int offered_len, void *config);

#endif
