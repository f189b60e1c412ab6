/* SPDX-License-Identifier: Apache-2.0
 *
 * Up to eight ECDSA signatures on P-256 or P-384 checked at once. handfast_lanes.h has the
 * switch and the state.
 */
#ifndef HF_VERIFY_SIGNATURE_MB_H
#define HF_VERIFY_SIGNATURE_MB_H

#include "base/span.h"
#include "x509/certificate.h"

#define HF_MB_LANES 8

struct hf_mb_job {
    const uint8_t *point; /* 04 || X || Y, known to be on the curve: nobody here looks */
    size_t point_len;     /* 65 or 97 */
    const uint8_t *digest;
    size_t digest_len;
    struct hf_span signature; /* DER, as it stands in the certificate */
    bool held;                /* out */
};

/* Check up to HF_MB_LANES jobs of one curve. `held` becomes true only where the signature holds;
 * false says nothing (OpenSSL must be asked), and is all there is when lanes are not available.
 * Never for Ed25519: crypto_mb takes signatures there that RFC 8032 refuses. */
void hf_mb_verify(enum hf_key_kind curve, struct hf_mb_job *jobs, size_t count);

/* Inside and for tests: the lanes themselves, without asking whether they are available. Only
 * where the CPU is known to support them. */
void hf_mb_run(enum hf_key_kind curve, struct hf_mb_job *jobs, size_t count);

/* Whether `run` tells good signatures from bad ones, on both curves and in every lane. */
bool hf_mb_self_test(void (*run)(enum hf_key_kind, struct hf_mb_job *, size_t));

#endif
