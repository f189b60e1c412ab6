/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenSSL's verdict on one path: the general rules of RFC 5280 and all signatures.
 */
#ifndef HF_VERIFY_GENERAL_H
#define HF_VERIFY_GENERAL_H

#include "verify/question.h"

/* X509_verify_cert with exactly this path's certificates and exactly its anchor, then revocation.
 * The depth of a failure is in the record; no verdict is ever read from OpenSSL's error queue
 * (C13). */
HF_MUST_USE hf_result hf_general_verify(struct hf_pool *pool, const struct hf_path *path,
                                        const struct hf_question *question);

/* The signatures of a path alone, from the anchor down, for telling why a path was refused.
 * HF_E_BAD_SIGNATURE, with the depth of the certificate whose signature is wrong. */
HF_MUST_USE hf_result hf_general_signatures(struct hf_pool *pool, const struct hf_path *path);

#endif
