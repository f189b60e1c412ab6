/* SPDX-License-Identifier: Apache-2.0
 *
 * Revocation lists.
 */

/* ---- revocation lists --------------------------------------------------------------------- */

HF_FFI_RELEASE(HF_FFI_CRL_SET, hf_ffi_crl_set_unref, hf_crl_set, hf_crl_set_unref)
HF_FFI_RELEASE(HF_FFI_CRL_BOOK, hf_ffi_crl_book_unref, hf_crl_book, hf_crl_book_unref)

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

static struct hf_crl_book *hf_ffi_crl_book_new(const struct hf_crl_page *pages, size_t count,
                                               struct hf_crl_set *unclaimed)
{
    struct hf_crl_book *out = NULL;
    HF_FFI_MADE(HF_FFI_CRL_BOOK, hf_crl_book_new(pages, count, unclaimed, &out), out);
}

static struct hf_verifier *hf_ffi_verifier_new_crls(struct hf_bundle_set *bundles,
                                                    struct hf_policy *policy, int rules,
                                                    struct hf_chain_cache *cache,
                                                    struct hf_crl_book *book, int crl_policy)
{
    struct hf_verifier *out = NULL;
    HF_FFI_MADE(HF_FFI_VERIFIER,
                hf_verifier_new_crls(bundles, policy, rules, cache, book, crl_policy, &out), out);
}
