/* SPDX-License-Identifier: Apache-2.0
 *
 * Revocation along one path.
 */
#ifndef HF_VERIFY_CRL_CHECK_H
#define HF_VERIFY_CRL_CHECK_H

#include "verify/question.h"

/* Every certificate of the path below its anchor against question->crls, by question->crl_policy,
 * which may be 0. One that was revoked is told before one of which the lists do not say enough. To
 * be asked after the path's signatures were verified: the keys on it are then those of its issuers,
 * and each is worth a signature check. On failure the record has the depth. */
HF_MUST_USE hf_result hf_crl_check_listed(const struct hf_pool *pool, const struct hf_path *path,
                                          const struct hf_question *question);

/* Most never ask: a look at one number. */
static inline hf_result hf_crl_check_path(const struct hf_pool *pool, const struct hf_path *path,
                                          const struct hf_question *question)
{
    return question->crl_policy == 0 ? hf_ok() : hf_crl_check_listed(pool, path, question);
}

#endif
