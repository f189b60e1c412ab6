/* SPDX-License-Identifier: Apache-2.0
 *
 * Signature lanes: the switch, the state, and one signature for test vectors.
 */

/* ---- lanes ---- */

#define HF_LANE_OPENSSL ...
#define HF_LANE_MB ...
#define HF_LANE_BOTH ...
#define HF_X25519_BYTES ...

void hf_mb_allow(bool);
bool hf_mb_available(void);
const char *hf_mb_state(void);
uint32_t hf_ffi_signature_check(int, const char *, const uint8_t *, size_t, const uint8_t *, size_t,
                                const uint8_t *, size_t);
uint32_t hf_ffi_x25519_agree(const uint8_t *, const uint8_t *, size_t, uint8_t *);
