/* SPDX-License-Identifier: Apache-2.0
 *
 * Revocation lists: include/handfast_crl.h as Python calls it.
 */

/* ---- revocation lists ---- */

static const int HF_CRL_REQUIRED;
static const int HF_CRL_IF_AVAILABLE;

struct hf_crl_set;

struct hf_crl_set *hf_ffi_crl_set_new(const uint8_t *, size_t);
void hf_ffi_crl_set_unref(struct hf_crl_set *);
size_t hf_crl_set_count(const struct hf_crl_set *);
size_t hf_crl_set_entries(const struct hf_crl_set *);
struct hf_verifier *hf_ffi_verifier_new_web_crls(const uint8_t *, size_t, uint32_t,
                                                 struct hf_crl_set *, int);

struct hf_crl_book;
struct hf_crl_page {
    const uint8_t *trust_domain;
    size_t trust_domain_len;
    struct hf_crl_set *crls;
};

struct hf_crl_book *hf_ffi_crl_book_new(const struct hf_crl_page *, size_t, struct hf_crl_set *);
void hf_ffi_crl_book_unref(struct hf_crl_book *);
struct hf_verifier *hf_ffi_verifier_new_crls(struct hf_bundle_set *, struct hf_policy *, int,
                                             struct hf_chain_cache *, struct hf_crl_book *, int);
