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
