/* SPDX-License-Identifier: Apache-2.0
 *
 * Which reasons a list speaks of for one certificate: distribution points (RFC 5280 4.2.1.13,
 * 5.2.5 and 6.3.3).
 */
#ifndef HF_VERIFY_CRL_POINTS_H
#define HF_VERIFY_CRL_POINTS_H

#include "x509/crl.h"

/* Bits of ReasonFlags; 0 when the list is not about this certificate: it is for another kind, or
 * for a distribution point that the certificate does not name. */
HF_MUST_USE hf_result hf_crl_reasons_for(const struct hf_crl *crl, const struct hf_cert *cert,
                                         uint32_t *out);

#endif
