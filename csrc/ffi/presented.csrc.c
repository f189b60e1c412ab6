/* SPDX-License-Identifier: Apache-2.0
 *
 * Chains of peers, kept beyond their connections.
 */
HF_FFI_RELEASE(HF_FFI_PRESENTED, hf_ffi_presented_unref, hf_presented_chain, hf_presented_unref)

static void hf_ffi_presented_view(const struct hf_presented_chain *chain, struct hf_chain *out)
{
    *out = hf_presented_view(chain);
}
