/* SPDX-License-Identifier: Apache-2.0
 *
 * The certificates of a peer as they came: read strictly, within the limits, decoded by OpenSSL
 * only when a path needs them.
 */
#ifndef HF_VERIFY_PRESENTED_H
#define HF_VERIFY_PRESENTED_H

#include "verify/judge.h"

struct hf_pool {
    const struct hf_presented *in;
    size_t count;
    unsigned issuers_verified;          /* signatures of issuers that no memory knew: statistics */
    struct hf_cert certs[HF_CHAIN_MAX]; /* leaf first; views into the caller's bytes */
    bool repeated[HF_CHAIN_MAX];        /* the same bytes came before: never looked at again */
    X509 *decoded[HF_CHAIN_MAX];        /* ours, made on demand; unused when the caller has some */
};

/* Limits first (C10), then a strict view of every certificate, also of those that no path will
 * use: a chain is understood as a whole or refused. On failure the record has the depth. Whatever
 * the result, hf_pool_wipe() is to be called. */
HF_MUST_USE hf_result hf_pool_init(const struct hf_presented *in, struct hf_pool *out);
void hf_pool_wipe(struct hf_pool *pool);

/* OpenSSL's object of certificate i, borrowed from the pool or from the caller. */
HF_MUST_USE hf_result hf_pool_x509(struct hf_pool *pool, size_t i, X509 **out);

/* As many certificates and bytes as a peer may present (C10); before anything of them is read. */
HF_MUST_USE hf_result hf_chain_check_limits(const struct hf_chain *chain);

/* SHA-256 over every presented certificate in order, each with its length before it as four
 * bytes, big-endian (C1). The chain is within the limits. */
HF_MUST_USE hf_result hf_chain_digest(const struct hf_chain *chain, uint8_t out[HF_DIGEST_SIZE]);
/* The same of what was presented; taken from the caller when he has it. */
HF_MUST_USE hf_result hf_pool_digest(const struct hf_pool *pool, uint8_t out[HF_DIGEST_SIZE]);

#endif
