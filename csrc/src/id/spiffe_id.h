/* SPDX-License-Identifier: Apache-2.0
 *
 * SPIFFE IDs from the inside: the parts as spans. The parser itself is in handfast.h.
 */
#ifndef HF_ID_SPIFFE_ID_H
#define HF_ID_SPIFFE_ID_H

#include "base/span.h"

/* What stands before the trust domain in every ID: spiffe:// */
#define HF_SPIFFE_SCHEME_LEN (sizeof("spiffe://") - 1)

static inline struct hf_span hf_spiffe_id_whole(const struct hf_spiffe_id *id)
{
    return hf_span_of(id->id, id->id_len);
}

static inline struct hf_span hf_spiffe_id_domain(const struct hf_spiffe_id *id)
{
    return hf_span_of(id->trust_domain, id->trust_domain_len);
}

static inline struct hf_span hf_spiffe_id_path(const struct hf_spiffe_id *id)
{
    return hf_span_of(id->path, id->path_len);
}

/* Note the ID that a peer claims, NOT verified, in this thread's failure record. Call it after the
 * failure was recorded: a new record starts without one. */
void hf_spiffe_id_claim(const struct hf_spiffe_id *id);

#endif
