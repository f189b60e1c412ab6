/* SPDX-License-Identifier: Apache-2.0
 *
 * Our own rules on a whole path, read from the strict views. They stand beside OpenSSL's verdict
 * (general.h), never in place of it: a path must pass both. Where the fast path (fast.h) leaves
 * OpenSSL's verdict out, it leans on them for all that they see to.
 */
#ifndef HF_VERIFY_PATH_RULES_H
#define HF_VERIFY_PATH_RULES_H

#include "verify/question.h"

/* Everything but signatures and names of a web peer. On failure the record has the depth. */
HF_MUST_USE hf_result hf_path_check(const struct hf_pool *pool, const struct hf_path *path,
                                    const struct hf_question *question);

/* Inside the validity of a certificate as a path wants it: from notBefore on, and before notAfter.
 * RFC 5280 includes the second of notAfter itself; OpenSSL does not, and the stricter answer
 * counts. Fills skew. */
HF_MUST_USE hf_result hf_path_check_time(const struct hf_cert *cert, int64_t at);

/* An issuer of a web path. */
HF_MUST_USE hf_result hf_web_signing_check(const struct hf_cert *cert);

/* The window of the whole path, anchor included. */
void hf_path_window(const struct hf_pool *pool, const struct hf_path *path, int64_t *not_before,
                    int64_t *not_after);

#endif
