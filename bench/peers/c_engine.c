/* SPDX-License-Identifier: Apache-2.0
 *
 * c_engine.c - makes the verifier of the peers on handfast's engine, and reports its failures.
 */
#include "c_engine.h"

#include <stdio.h>
#include <stdlib.h>

void engine_die(const char *what)
{
    struct hf_error error;
    hf_error_copy(&error);
    fprintf(stderr, "%s: code %#x, expected %s, seen %s (%s:%u)\n", what, error.code,
            error.expected, error.seen, error.file != NULL ? error.file : "-", error.line);
    exit(1);
}

void engine_need(hf_result result, const char *what)
{
    if (result.code != 0) {
        engine_die(what);
    }
}

struct hf_verifier *engine_verifier(const uint8_t *anchor, size_t len, struct hf_chain_cache *cache)
{
    static const char domain[] = TRUST_DOMAIN;
    struct hf_bundle *bundle;
    struct hf_bundle_set *set;
    struct hf_policy *policy;
    struct hf_verifier *verifier;
    const struct hf_policy_node members = {
        .op = HF_POLICY_TRUST_DOMAIN,
        .text = (const uint8_t *)domain,
        .len = sizeof(domain) - 1,
    };
    engine_need(hf_bundle_new(members.text, members.len, anchor, len, &bundle), "bundle");
    engine_need(hf_bundle_set_new(&bundle, 1, &set), "bundle set");
    engine_need(hf_policy_new(&members, 1, &policy), "policy");
    engine_need(hf_verifier_new(set, policy, HF_RULES_STRICT, cache, &verifier), "verifier");
    hf_bundle_unref(bundle);
    hf_bundle_set_unref(set);
    hf_policy_unref(policy);
    return verifier;
}
