/* SPDX-License-Identifier: Apache-2.0
 *
 * What certificates of web paths keep to beyond RFC 5280's path algorithm: rules of its profile
 * and of the CA/Browser Forum's Baseline Requirements ("BR") that OpenSSL does not look at. None
 * of them is asked of an SVID or of a SPIFFE authority.
 */
#ifndef HF_VERIFY_WEB_RULES_H
#define HF_VERIFY_WEB_RULES_H

#include "verify/question.h"

/* A leaf by itself. A server's certificate is held to more than a client's: the BR are about
 * servers. */
HF_MUST_USE hf_result hf_web_leaf_check(const struct hf_cert *leaf, int purpose);

/* A presented CA of the path. */
HF_MUST_USE hf_result hf_web_issuer_check(const struct hf_cert *cert);

/* The root. Only what no root of a real store breaks. */
HF_MUST_USE hf_result hf_web_anchor_check(const struct hf_cert *cert, int purpose);

/* The value of an extension that views do not carry; `value` stays as it is when there is none. */
HF_MUST_USE hf_result hf_web_find_extension(const struct hf_cert *cert, struct hf_span oid,
                                            bool *found, struct hf_span *value);

/* web_names.c: the form of host names and mailboxes of a leaf, and its common name. */
HF_MUST_USE hf_result hf_web_names_check(const struct hf_cert *leaf, int purpose);

/* web_constraints.c: the name constraints of the CA at `depth` are critical, and bind no name of a
 * kind that nobody compares; those for hosts have the form of hosts, and wildcards below them,
 * which OpenSSL takes for a host of that name, keep to them. Whether names keep to them is
 * OpenSSL's verdict otherwise. */
HF_MUST_USE hf_result hf_web_constraints_check(const struct hf_pool *pool,
                                               const struct hf_path *path, size_t depth);

/* web_uris.c: scheme://host[:port][/...], so that there is no doubt about the host. */
bool hf_web_uri_is_plain(struct hf_span uri);

#endif
