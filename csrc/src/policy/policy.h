/* SPDX-License-Identifier: Apache-2.0
 *
 * A compiled authorizer from the inside.
 */
#ifndef HF_POLICY_POLICY_H
#define HF_POLICY_POLICY_H

#include "base/span.h"

struct hf_policy; /* policy/program.h: for compile.c and policy.c only */

/* The verdict on an ID that was authenticated. Never allocates, never fails. */
bool hf_policy_allows(const struct hf_policy *policy, const struct hf_spiffe_id *id);

/* SHA-256 over the whole program: policies of one digest give the same verdicts. NULL for NULL. */
const uint8_t *hf_policy_digest(const struct hf_policy *policy);

/* HF_E_NOT_AUTHORIZED for an ID that it does not allow. */
HF_MUST_USE hf_result hf_policy_refuse(const struct hf_policy *policy,
                                       const struct hf_spiffe_id *id);

#endif
