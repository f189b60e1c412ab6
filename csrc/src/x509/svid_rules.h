/* SPDX-License-Identifier: Apache-2.0
 *
 * What makes a certificate an SVID (checklist X509-01..X509-34), and nothing about paths.
 */
#ifndef HF_X509_SVID_RULES_H
#define HF_X509_SVID_RULES_H

#include "x509/certificate.h"

/* A leaf that may authenticate a workload. `id` borrows from the certificate. Sets claimed_id of
 * the error record as soon as one URI SAN parses. purpose: HF_PURPOSE_*. */
HF_MUST_USE hf_result hf_svid_leaf_check(const struct hf_cert *cert, int rules, int purpose,
                                         struct hf_spiffe_id *id);

/* A presented intermediate. trust_domain: the leaf's; an empty span when only the certificate in
 * itself is judged. */
HF_MUST_USE hf_result hf_svid_signing_check(const struct hf_cert *cert, int rules,
                                            struct hf_span trust_domain);

/* A configured authority: CA, may sign certificates, key allowed; its own ID is not judged. */
HF_MUST_USE hf_result hf_svid_authority_check(const struct hf_cert *cert);

/* Inside its validity at `at` (both ends inclusive, to the second). Fills skew. */
HF_MUST_USE hf_result hf_cert_check_time(const struct hf_cert *cert, int64_t at);

#endif
