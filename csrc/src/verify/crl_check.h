/* SPDX-License-Identifier: Apache-2.0
 *
 * Revocation along one path.
 */
#ifndef HF_VERIFY_CRL_CHECK_H
#define HF_VERIFY_CRL_CHECK_H

#include "verify/question.h"

/* Every certificate of the path below its anchor against question->crls, by question->crl_policy.
 * To be asked after the path's signatures were verified: the keys on it are then those of its
 * issuers, and each is worth a signature check. On failure the record has the depth. */
HF_MUST_USE hf_result hf_crl_check_path(const struct hf_pool *pool, const struct hf_path *path,
                                        const struct hf_question *question);

#endif
