/* SPDX-License-Identifier: Apache-2.0
 *
 * URI name constraints on SPIFFE IDs, a second opinion (threats I4, checklist X509-17).
 */
#ifndef HF_VERIFY_NAME_CONSTRAINTS_H
#define HF_VERIFY_NAME_CONSTRAINTS_H

#include "verify/path.h"

/* Every certificate of the path below `depth` that names a SPIFFE ID, against the URI subtrees of
 * the CA at `depth`. Other types of names are OpenSSL's alone. */
HF_MUST_USE hf_result hf_name_constraints_check(const struct hf_pool *pool,
                                                const struct hf_path *path, size_t depth);

/* The trust domain against the content of one NameConstraints SEQUENCE. */
HF_MUST_USE hf_result hf_name_constraints_judge(struct hf_span constraints,
                                                struct hf_span trust_domain);

#endif
