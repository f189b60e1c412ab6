/* SPDX-License-Identifier: Apache-2.0
 *
 * The strict fast path: signatures alone, for paths of a narrow profile in which nothing else is
 * left to OpenSSL. P2: whatever it accepts, hf_general_verify() accepts.
 */
#ifndef HF_VERIFY_FAST_H
#define HF_VERIFY_FAST_H

#include "verify/question.h"
#include "x509/signer.h"

/* The path is of the profile (fast.c, and docs/explanation/strict-path). A path that is not is
 * neither good nor bad: hf_general_verify() says. */
bool hf_fast_covers(const struct hf_pool *pool, const struct hf_path *path,
                    const struct hf_question *question);

/* The rest is about paths that are covered. All signatures but the leaf's, from the anchor down, by
 * memory or by verification. *signer is the key of the leaf's issuer, a reference of the caller's.
 * HF_E_BAD_SIGNATURE with the depth of the certificate whose signature does not hold;
 * HF_E_CERT_KEY when the key of an intermediate is none: let hf_general_verify() say. */
HF_MUST_USE hf_result hf_fast_issuers(struct hf_pool *pool, const struct hf_bundle *bundle,
                                      const struct hf_path *path, struct hf_signer **signer);

/* All signatures. */
HF_MUST_USE hf_result hf_fast_signatures(struct hf_pool *pool, const struct hf_bundle *bundle,
                                         const struct hf_path *path);

#endif
