/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether a list is in the name of an issuer who wrote it in other bytes.
 */
#ifndef HF_VERIFY_CRL_NAMES_H
#define HF_VERIFY_CRL_NAMES_H

#include "base/span.h"

/* Two names, with their headers, that were read strictly: the same bytes, or the same name to
 * X509_NAME_cmp(), or there is no memory to tell. */
bool hf_crl_same_name(struct hf_span left, struct hf_span right);

#endif
