/* SPDX-License-Identifier: Apache-2.0
 *
 * General RFC 5280 paths: servers of the public web, and client certificates without a SPIFFE ID.
 * The same reader, limits and search as for SVIDs; other rules for the leaf, and a name.
 */
#include <stdio.h>

#include "verify/decide.h"
#include "verify/describe.h"
#include "verify/path_rules.h"
#include "verify/peer.h"
#include "verify/web_rules.h"

/* RFC 1035 */
#define HOST_MAX 253
#define LABEL_MAX 63

static bool is_letter_or_digit(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Labels of letters, digits, '-' and '_', none empty, the last one not a number. OpenSSL would take
 * ".example.org" for every name below it, and "192.0.2.1" for a host of that name. */
static bool is_host(struct hf_span text)
{
    size_t label = 0;
    bool number = true;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c == '.') {
            if (label == 0) {
                return false;
            }
            label = 0;
            number = true;
            continue;
        }
        if ((!is_letter_or_digit(c) && c != '-' && c != '_') || ++label > LABEL_MAX) {
            return false;
        }
        number = number && c >= '0' && c <= '9';
    }
    return text.len <= HOST_MAX && label != 0 && !number;
}

static hf_result check_name(const struct hf_name *name)
{
    if (name == NULL || name->kind == HF_NAME_NONE) {
        return hf_ok();
    }
    HF_NEED_PTR(name->text.data);
    if (name->kind == HF_NAME_IP) {
        HF_NEED_SEEN(name->text.len == 4 || name->text.len == 16, HF_E_BAD_ARGUMENT,
                     "4 or 16 bytes of an IP address", "%zu bytes", name->text.len);
        return hf_ok();
    }
    HF_NEED_SEEN(name->kind == HF_NAME_DNS, HF_E_BAD_ARGUMENT, "a kind of name (HF_NAME_*)", "%d",
                 name->kind);
    HF_NEED_SEEN(is_host(name->text), HF_E_BAD_ARGUMENT,
                 "a host name in ASCII, without a dot at its ends", "%zu bytes that are not one",
                 name->text.len);
    return hf_ok();
}

static hf_result check_leaf(const struct hf_cert *leaf, const struct hf_question *question)
{
    HF_NEED_SEEN(!leaf->is_ca, HF_E_SVID_IS_CA, "a leaf", "basicConstraints CA");
    HF_NEED_SEEN((leaf->key_usage & HF_KU_KEY_CERT_SIGN) == 0, HF_E_SVID_CAN_SIGN,
                 "no keyCertSign in a leaf", "key usage 0x%x", (unsigned)leaf->key_usage);
    HF_NEED(!leaf->has_name_constraints && !leaf->has_policy_constraints, HF_E_CA_CONSTRAINTS);
    HF_TRY(hf_web_leaf_check(leaf, question->purpose));
    return hf_path_check_time(leaf, question->at);
}

/* OpenSSL only says that the name differs; a person wants to know from which. */
static void name_expected(const struct hf_name *name)
{
    struct hf_error *error = hf_error_current();
    const uint8_t *text = name->text.data;
    if (name->kind == HF_NAME_DNS) {
        hf_error_escape(error->expected, sizeof(error->expected), text, name->text.len);
        return;
    }
    size_t used = 0;
    for (size_t i = 0; i < name->text.len; i++) {
        bool v4 = name->text.len == 4;
        const char *between = i == 0 ? "" : v4 ? "." : i % 2 == 0 ? ":" : "";
        int wrote = snprintf(error->expected + used, sizeof(error->expected) - used,
                             v4 ? "%s%u" : "%s%02x", between, (unsigned)text[i]);
        used += wrote > 0 ? (size_t)wrote : 0;
    }
}

static hf_result judge(const struct hf_bundle *roots, struct hf_pool *pool,
                       const struct hf_question *question, struct hf_peer *out)
{
    struct hf_path path;
    hf_result r = check_leaf(&pool->certs[0], question);
    if (!hf_is_ok(r)) {
        hf_error_current()->depth = 0;
        return r;
    }
    HF_NEED_SEEN(roots->count != 0, HF_E_EMPTY_BUNDLE, "at least one root", "none");
    r = hf_decide(pool, roots, question, &path);
    if (r.code == HF_E_NAME_MISMATCH && question->name != NULL) {
        name_expected(question->name);
    }
    HF_TRY(r);
    return hf_peer_fill(pool, roots, &path, NULL, out);
}

hf_result hf_judge_web(const struct hf_bundle *roots, const struct hf_presented *presented,
                       const struct hf_web_terms *terms, struct hf_peer *out)
{
    HF_NEED_PTR(out);
    hf_peer_clear(out);
    HF_NEED_PTR(roots);
    HF_NEED_PTR(presented);
    HF_NEED_PTR(terms);
    HF_TRY(check_name(terms->name));
    struct hf_question question = {.at = presented->at,
                                   .purpose = presented->purpose,
                                   .web = true,
                                   .max_depth = terms->max_depth,
                                   .name = terms->name,
                                   .crls = terms->crls,
                                   .crl_policy = terms->crl_policy};
    struct hf_pool pool;
    hf_result r = hf_pool_init(presented, &pool);
    if (hf_is_ok(r)) {
        r = judge(roots, &pool, &question, out);
    }
    hf_pool_wipe(&pool);
    return r;
}
