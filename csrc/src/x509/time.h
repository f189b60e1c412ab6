/* SPDX-License-Identifier: Apache-2.0
 *
 * Times of certificates, by the profile of RFC 5280 4.1.2.5.
 */
#ifndef HF_X509_TIME_H
#define HF_X509_TIME_H

#include "x509/der.h"

/* One Time: UTCTime for 1950-2049, GeneralizedTime for 2050-9999, always with seconds, always in
 * UTC with 'Z', without fractions, on a day that exists. Seconds since 1970. any_year allows
 * GeneralizedTime for earlier years too.
 * Errors: HF_E_DER_TIME, HF_E_DER_*. */
HF_MUST_USE hf_result hf_time_take(struct hf_span *from, bool any_year, int64_t *out);

#endif
