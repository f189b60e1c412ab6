/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/path_signatures.h"

#include "verify/fast.h"
#include "verify/general.h"

hf_result hf_path_signatures(struct hf_pool *pool, const struct hf_bundle *bundle,
                             const struct hf_path *path, const struct hf_question *question)
{
    if (question->way != HF_WAY_GENERAL && hf_fast_covers(pool, path, question)) {
        hf_result r = hf_fast_signatures(pool, bundle, path);
        if (r.code != HF_E_CERT_KEY) {
            return r;
        }
    }
    /* Who wants the fast path alone has no use for the other one's diagnosis. */
    return question->way == HF_WAY_FAST ? hf_ok() : hf_general_signatures(pool, path);
}
