/* SPDX-License-Identifier: Apache-2.0
 *
 * From candidate paths to one verdict: the first path that holds, or the refusal that tells most.
 */
#ifndef HF_VERIFY_DECIDE_H
#define HF_VERIFY_DECIDE_H

#include "verify/question.h"

/* Try every path to an authority of `bundle` within HF_PATHS_MAX attempts; `out` is the one that
 * holds. The order of what is told on refusal:
 *   1. a path whose signatures hold, and what is wrong with it (expired, name constraint, ...)
 *   2. a path with a wrong signature
 *   3. no path at all: HF_E_UNKNOWN_AUTHORITY
 * Failures of the engine (no memory, OpenSSL) end the search at once: nothing is skipped over, as
 * far as OpenSSL tells a failure of its own from a signature that does not hold. */
HF_MUST_USE hf_result hf_decide(struct hf_pool *pool, const struct hf_bundle *bundle,
                                const struct hf_question *question, struct hf_path *out);

#endif
