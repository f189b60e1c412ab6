/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of a revocation list, one file each.
 */
#ifndef HF_X509_CRL_PARTS_H
#define HF_X509_CRL_PARTS_H

#include "x509/cert_parts.h"
#include "x509/crl.h"

/* crl_entries.c: the content of revokedCertificates, into the index. */
HF_MUST_USE hf_result hf_crl_read_entries(struct hf_span list, struct hf_crl *crl);

/* crl_extensions.c: the content of [0]. */
HF_MUST_USE hf_result hf_crl_read_extensions(struct hf_span content, struct hf_crl *crl);

#endif
