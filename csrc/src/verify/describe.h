/* SPDX-License-Identifier: Apache-2.0
 *
 * What a refused chain looked like, in words. Only ever called on the way to a refusal.
 */
#ifndef HF_VERIFY_DESCRIBE_H
#define HF_VERIFY_DESCRIBE_H

#include "verify/path.h"

/* A distinguished name as one line of printable ASCII ("CN=B root,O=B"), cut at `cap`. */
void hf_describe_name(struct hf_span name, char *out, size_t cap);

/* Rewrite the current failure, a wrong signature of `cert`. Below an authority (`at_anchor`) whose
 * key identifiers do not say that it is the one that signed, it is more likely that another
 * authority of the same name did: HF_E_UNKNOWN_AUTHORITY then, and BAD_SIGNATURE otherwise. */
void hf_describe_bad_signature(const struct hf_cert *cert, const struct hf_cert *issuer,
                               bool at_anchor);

/* HF_E_UNKNOWN_AUTHORITY: no path to `bundle`, and what the presented chain ends in instead. Or
 * HF_E_CA_NOT_CA, when there stands a certificate of the issuer's name that is no CA. */
HF_MUST_USE hf_result hf_describe_unknown_authority(const struct hf_pool *pool,
                                                    const struct hf_bundle *bundle,
                                                    const struct hf_search *search);

/* When the chain was refused for its authority, but an authority of another trust domain signed
 * it: say so in the current failure. A diagnosis: it changes no verdict, spends at most a few
 * signatures, and is silent about its own failures. */
void hf_describe_foreign(struct hf_pool *pool, const struct hf_bundle_set *bundles,
                         const struct hf_bundle *own, enum hf_way way);

#endif
