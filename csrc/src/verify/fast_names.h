/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether OpenSSL could take a certificate for self-issued although its two names are not the same
 * bytes.
 */
#ifndef HF_VERIFY_FAST_NAMES_H
#define HF_VERIFY_FAST_NAMES_H

#include "x509/certificate.h"

/* Issuer and subject differ for certain, also as X509_NAME_cmp() compares them: without case and
 * superfluous space, whatever the type of a text. False may mean "not certain". */
bool hf_fast_names_differ(const struct hf_cert *cert);

/* The same of any two names, neither of them empty, with their headers. */
bool hf_fast_differ(struct hf_span left, struct hf_span right);

#endif
