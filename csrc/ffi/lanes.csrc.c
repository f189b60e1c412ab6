/* SPDX-License-Identifier: Apache-2.0
 *
 * Signature lanes: the switch, the state, and one signature for test vectors.
 */

static uint32_t hf_ffi_signature_check(int lane, const char *algorithm, const uint8_t *spki,
                                       size_t spki_len, const uint8_t *message, size_t message_len,
                                       const uint8_t *signature, size_t signature_len)
{
    return hf_signature_check(lane, algorithm, spki, spki_len, message, message_len, signature,
                              signature_len)
        .code;
}

static uint32_t hf_ffi_x25519_agree(const uint8_t *private_key, const uint8_t *peer,
                                    size_t peer_len, uint8_t *out)
{
    return hf_x25519_agree(private_key, peer, peer_len, out).code;
}
