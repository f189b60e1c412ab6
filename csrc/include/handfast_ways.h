/* SPDX-License-Identifier: Apache-2.0
 *
 * handfast_ways.h - one judgement by a chosen way (included by handfast.h), for tests of promise P2
 * and for who wants to measure: the fast path alone, or OpenSSL's X509_verify_cert alone. What it
 * answers is authentication without authorization, and nothing is remembered.
 */
#ifndef HANDFAST_WAYS_H
#define HANDFAST_WAYS_H

#include "handfast.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HF_BY_ANY 0     /* as hf_verifier_verify() does */
#define HF_BY_GENERAL 1 /* X509_verify_cert alone */
#define HF_BY_FAST 2    /* HF_E_CHAIN_REJECTED for what the fast path does not cover */

/* SPIFFE verifiers only; their policy is not asked. `way` is HF_BY_*. */
HF_MUST_USE hf_result hf_verifier_authenticate(struct hf_verifier *verifier,
                                               const struct hf_chain *chain, int64_t at,
                                               int purpose, int way, struct hf_peer *out);

#ifdef __cplusplus
}
#endif

#endif
