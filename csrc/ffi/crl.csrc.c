/* SPDX-License-Identifier: Apache-2.0
 *
 * Revocation lists.
 */

/* ---- revocation lists --------------------------------------------------------------------- */

HF_FFI_RELEASE(HF_FFI_CRL_SET, hf_ffi_crl_set_unref, hf_crl_set, hf_crl_set_unref)

static struct hf_crl_set *hf_ffi_crl_set_new(const uint8_t *der, size_t len)
{
    struct hf_crl_set *out = NULL;
    HF_FFI_MADE(HF_FFI_CRL_SET, hf_crl_set_new(der, len, &out), out);
}

static struct hf_verifier *hf_ffi_verifier_new_web_crls(const uint8_t *roots, size_t roots_len,
                                                        uint32_t max_depth, struct hf_crl_set *crls,
                                                        int policy)
{
    struct hf_verifier *out = NULL;
    HF_FFI_MADE(HF_FFI_VERIFIER,
                hf_verifier_new_web_crls(roots, roots_len, max_depth, crls, policy, &out), out);
}
