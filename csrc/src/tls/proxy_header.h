/* SPDX-License-Identifier: Apache-2.0
 *
 * The two versions of the PROXY protocol; handfast_ports.h has what is public.
 */
#ifndef HF_TLS_PROXY_HEADER_H
#define HF_TLS_PROXY_HEADER_H

#include "base/span.h"

/* Signature, version and command, family and transport, length. */
#define HF_PROXY_V2_HEAD 16

/* proxy_header_v2.c: `bytes` begins with the signature and has the whole head. */
HF_MUST_USE hf_result hf_proxy_read_version_2(struct hf_span bytes, struct hf_proxy_header *out);

#endif
