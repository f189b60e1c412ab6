/* SPDX-License-Identifier: Apache-2.0
 *
 * Chains of peers, kept beyond their connections.
 */

/* ---- presented chains ---- */

void hf_ffi_presented_view(const struct hf_presented_chain *, struct hf_chain *);
void hf_ffi_presented_unref(struct hf_presented_chain *);
