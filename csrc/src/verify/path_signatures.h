/* SPDX-License-Identifier: Apache-2.0
 *
 * The signatures of a path, for telling why it was refused: never for a good verdict.
 */
#ifndef HF_VERIFY_PATH_SIGNATURES_H
#define HF_VERIFY_PATH_SIGNATURES_H

#include "verify/question.h"

/* By the quickest of the ways that the question allows. HF_E_BAD_SIGNATURE, with the depth of the
 * certificate whose signature is wrong, the one nearest to the anchor. */
HF_MUST_USE hf_result hf_path_signatures(struct hf_pool *pool, const struct hf_bundle *bundle,
                                         const struct hf_path *path,
                                         const struct hf_question *question);

#endif
