/* SPDX-License-Identifier: Apache-2.0
 *
 * Revocation lists from the inside. Everything is made at construction and only read afterwards,
 * but for what is remembered about signatures.
 */
#ifndef HF_VERIFY_CRL_SET_H
#define HF_VERIFY_CRL_SET_H

#include <stdatomic.h>

#include "base/refcount.h"
#include "handfast_crl.h"
#include "x509/crl.h"

/* Verdicts kept for one list. Honest issuers have one key or, during a change, two. */
#define HF_CRL_VERDICTS_MAX 8

/* Whether the list's signature holds under one key: true for ever, whatever path the key was met
 * on, because it depends on nothing else. */
struct hf_crl_verdict {
    struct hf_crl_verdict *next;
    bool held;
    uint8_t key[HF_DIGEST_SIZE]; /* SHA-256 of SubjectPublicKeyInfo */
};

struct hf_listed {
    struct hf_crl crl;
    /* Grows at its head and never shrinks: readers need no lock, and neither does a forked child.
     */
    _Atomic(struct hf_crl_verdict *) verdicts;
    atomic_uint verdict_count;
};

struct hf_crl_set {
    struct hf_refcount refs;
    struct hf_listed *lists;
    size_t count;
    uint8_t *der;
    uint8_t digest[HF_DIGEST_SIZE]; /* SHA-256 of the lists, as they came, back to back */
};

/* Whether `key` (of a certificate that was verified) signed the list: remembered, or checked. */
HF_MUST_USE hf_result hf_listed_signature(struct hf_listed *list, const struct hf_cert *issuer,
                                          bool *held);

#endif
