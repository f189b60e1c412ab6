/* SPDX-License-Identifier: Apache-2.0
 *
 * A depth-first walk with its own stack. Names are compared as bytes: RFC 5280 would also call
 * names equal that differ in case, spacing or string type, but no issuer writes its own name in
 * two ways, and bytes cannot be read in two ways.
 */
#include "verify/path.h"

void hf_search_init(const struct hf_pool *pool, const struct hf_bundle *bundle,
                    struct hf_search *out)
{
    out->pool = pool;
    out->bundle = bundle;
    out->path.count = 1;
    out->path.index[0] = 0;
    out->path.anchor = NULL;
    out->next_authority[0] = 0;
    out->next_presented[0] = 1;
    out->walked = 0;
    out->top = 0;
    out->top_level = 0;
    out->exhausted = false;
}

const struct hf_cert *hf_path_cert(const struct hf_pool *pool, const struct hf_path *path,
                                   size_t depth)
{
    return depth < path->count ? &pool->certs[path->index[depth]] : &path->anchor->cert;
}

/* Key identifiers decide only when both are there: many lawful roots and leaves have none. */
static bool key_ids_agree(const struct hf_cert *cert, const struct hf_cert *issuer)
{
    return cert->aki.len == 0 || issuer->ski.len == 0 || hf_span_equal(cert->aki, issuer->ski);
}

static bool may_have_issued(const struct hf_cert *issuer, const struct hf_cert *cert)
{
    return hf_span_equal(cert->issuer, issuer->subject) && key_ids_agree(cert, issuer);
}

static bool on_path(const struct hf_path *path, size_t i)
{
    for (size_t k = 0; k < path->count; k++) {
        if (path->index[k] == i) {
            return true;
        }
    }
    return false;
}

static bool is_authority(const struct hf_bundle *bundle, const struct hf_cert *cert)
{
    for (size_t i = 0; i < bundle->count; i++) {
        if (hf_span_equal(bundle->authorities[i].cert.der, cert->der)) {
            return true;
        }
    }
    return false;
}

/* Whether presented certificate i can stand between `cert` and an authority.
 * - Not a CA: never an issuer (C11). It had to be readable, and is otherwise ignored.
 * - Self-signed: nothing can stand above it, so it leads nowhere. A self-issued CA that another
 *   key signed counts only when its key identifiers say so; OpenSSL draws the same line.
 * - Itself an authority of the bundle: the path that ends there was already a candidate. */
static bool can_follow(const struct hf_search *search, const struct hf_cert *cert, size_t i)
{
    const struct hf_cert *issuer = &search->pool->certs[i];
    if (!issuer->is_ca || search->pool->repeated[i] || on_path(&search->path, i) ||
        !may_have_issued(issuer, cert)) {
        return false;
    }
    if (issuer->self_issued && key_ids_agree(issuer, issuer)) {
        return false;
    }
    return !is_authority(search->bundle, issuer);
}

static bool find_authority(struct hf_search *search, const struct hf_cert *cert, size_t level)
{
    const struct hf_bundle *bundle = search->bundle;
    while (search->next_authority[level] < bundle->count) {
        const struct hf_authority *authority =
            &bundle->authorities[search->next_authority[level]++];
        if (may_have_issued(&authority->cert, cert)) {
            search->path.anchor = authority;
            return true;
        }
    }
    return false;
}

/* Go one certificate up; false when there is none left at this level. */
static bool walk_up(struct hf_search *search, const struct hf_cert *cert, size_t level)
{
    while (search->next_presented[level] < search->pool->count) {
        size_t i = search->next_presented[level]++;
        if (!can_follow(search, cert, i)) {
            continue;
        }
        if (++search->walked > HF_WALK_MAX) {
            search->exhausted = true;
            return false;
        }
        /* At most HF_CHAIN_MAX levels: no certificate is twice on a path. */
        search->path.index[level + 1] = (uint8_t)i;
        search->path.count = level + 2;
        search->next_authority[level + 1] = 0;
        search->next_presented[level + 1] = 1;
        if (level + 1 > search->top_level) {
            search->top_level = level + 1;
            search->top = i;
        }
        return true;
    }
    return false;
}

bool hf_search_next(struct hf_search *search)
{
    while (search->path.count > 0 && !search->exhausted) {
        size_t level = search->path.count - 1;
        const struct hf_cert *cert = &search->pool->certs[search->path.index[level]];
        if (find_authority(search, cert, level)) {
            return true;
        }
        if (!walk_up(search, cert, level)) {
            search->path.count--;
        }
    }
    return false;
}
