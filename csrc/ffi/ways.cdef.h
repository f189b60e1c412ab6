/* SPDX-License-Identifier: Apache-2.0
 *
 * Judgements by a chosen way.
 */

/* ---- ways ---- */

#define HF_BY_ANY ...
#define HF_BY_GENERAL ...
#define HF_BY_FAST ...

uint32_t hf_ffi_authenticate(struct hf_verifier *, const uint8_t *, const uint32_t *, size_t,
                             int64_t, int, int, struct hf_peer *);
