/* SPDX-License-Identifier: Apache-2.0
 *
 * Judgements by a chosen way.
 */

static uint32_t hf_ffi_authenticate(struct hf_verifier *verifier, const uint8_t *der,
                                    const uint32_t *lengths, size_t count, int64_t at, int purpose,
                                    int way, struct hf_peer *out)
{
    const struct hf_chain chain = {der, lengths, count};
    return hf_verifier_authenticate(verifier, &chain, at, purpose, way, out).code;
}
