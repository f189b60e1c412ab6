/* SPDX-License-Identifier: Apache-2.0
 *
 * One authority of a bundle, from its DER to a checked key.
 */
#ifndef HF_X509_AUTHORITY_H
#define HF_X509_AUTHORITY_H

#include "x509/bundle.h"

/* Read, judge and decode; `out` borrows `der` and owns its X509 and its signer.
 * Nothing is owned on failure. */
HF_MUST_USE hf_result hf_authority_init(struct hf_authority *out, struct hf_span der);
HF_MUST_USE hf_result hf_authority_init_root(struct hf_authority *out, struct hf_span der);
void hf_authority_wipe(struct hf_authority *authority);

#endif
