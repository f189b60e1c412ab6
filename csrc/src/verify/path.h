/* SPDX-License-Identifier: Apache-2.0
 *
 * Candidate paths: every way from the leaf over presented certificates, in whatever order they
 * came, to one authority of one bundle, as names and key identifiers have it. Whether a candidate
 * holds is for others to say; nothing is trusted because it was found.
 *
 * Why we search ourselves: OpenSSL takes the first issuer that fits by name and does not turn back
 * when its signature is wrong, so two roots of one subject, or a cross-signed CA, make it refuse
 * good chains.
 */
#ifndef HF_VERIFY_PATH_H
#define HF_VERIFY_PATH_H

#include "verify/presented.h"

/* Paths that may be tried (each costs signatures), and certificates that may be walked over (each
 * costs a look at every authority). Honest chains need one of the former and up to 7 of the latter.
 */
#define HF_PATHS_MAX 64
#define HF_WALK_MAX 256

struct hf_path {
    size_t count; /* certificates before the anchor, the leaf among them: at least 1 */
    uint8_t index[HF_CHAIN_MAX]; /* their places in the pool; index[0] is the leaf, 0 */
    const struct hf_authority *anchor;
};

struct hf_search {
    const struct hf_pool *pool;
    const struct hf_bundle *bundle;
    struct hf_path path;
    size_t next_authority[HF_CHAIN_MAX]; /* at each level: what to look at next */
    size_t next_presented[HF_CHAIN_MAX];
    unsigned walked;
    size_t top; /* place of the first certificate that was reached highest: for telling */
    size_t top_level;
    bool exhausted; /* the walk was cut off by HF_WALK_MAX */
};

void hf_search_init(const struct hf_pool *pool, const struct hf_bundle *bundle,
                    struct hf_search *out);

/* The next candidate is in search->path; false when there is none. Shorter ways to an authority
 * come before longer ones through the same certificate. */
bool hf_search_next(struct hf_search *search);

/* Certificate `depth` of a path; the anchor is at depth path->count. */
const struct hf_cert *hf_path_cert(const struct hf_pool *pool, const struct hf_path *path,
                                   size_t depth);

#endif
