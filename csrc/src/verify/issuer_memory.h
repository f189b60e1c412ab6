/* SPDX-License-Identifier: Apache-2.0
 *
 * What one bundle's intermediates were found to be: "this certificate, byte for byte, was signed by
 * that key, and here is its own key, decoded". A fact of arithmetic that no clock and no rule can
 * change; everything else about an intermediate is judged anew for every chain.
 *
 * Bounded, shared by threads, and gone with its bundle. Wrong signatures never enter. Nobody ever
 * waits for it: where a lock is held (by a thread that a fork left behind, say) or memory is
 * missing, the signature is verified as if there were no memory.
 */
#ifndef HF_VERIFY_ISSUER_MEMORY_H
#define HF_VERIFY_ISSUER_MEMORY_H

#include "x509/bundle.h"

#define HF_ISSUER_SETS 64
#define HF_ISSUER_WAYS 16
/* Larger intermediates are not remembered: at most 4 MiB for all of a bundle. */
#define HF_ISSUER_DER_MAX 4096

/* The key of the certificate `der`, whose signature by `above` is known to hold: a reference of the
 * caller's, or NULL when it is not known. */
struct hf_signer *hf_issuer_memory_find(const struct hf_bundle *bundle,
                                        const struct hf_signer *above, struct hf_span der);

/* Remember it: only after the signature was verified. Takes its own reference; the oldest of a full
 * set goes. */
void hf_issuer_memory_keep(const struct hf_bundle *bundle, const struct hf_signer *above,
                           struct hf_span der, struct hf_signer *signer);

/* Certificates remembered now. */
size_t hf_issuer_memory_count(const struct hf_bundle *bundle);

/* For tests: take the lock that `der` is under, as a thread that uses it does, and give it back.
 * False when it is held already, or there is no memory. */
bool hf_issuer_memory_hold(const struct hf_bundle *bundle, struct hf_span der);
void hf_issuer_memory_release(const struct hf_bundle *bundle, struct hf_span der);

#endif
