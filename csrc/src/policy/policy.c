/* SPDX-License-Identifier: Apache-2.0
 *
 * Asking a policy. IDs are compared part by part as they were parsed, never as text with a
 * pattern: a prefix ends where a segment ends (threats I7). Only a parsed ID can be asked about,
 * so one that does not parse is refused whatever the program says, also below a NOT (threats A5).
 */
#include "policy/policy.h"

#include "id/spiffe_id.h"
#include "policy/program.h"

_Static_assert(HF_POLICY_STACK_MAX == 64, "the operands that wait are the bits of one uint64_t");

hf_result hf_policy_new(const struct hf_policy_node *nodes, size_t count, struct hf_policy **out)
{
    HF_NEED_PTR(out);
    *out = NULL;
    struct hf_policy *policy = hf_mem_new(sizeof(*policy));
    HF_NEED_MEM(policy);
    hf_refcount_init(&policy->refs);
    hf_result r = hf_policy_compile(nodes, count, policy);
    if (hf_is_ok(r)) {
        r = hf_policy_make_digest(policy);
    }
    if (!hf_is_ok(r)) {
        hf_policy_unref(policy);
        return r;
    }
    *out = policy;
    return hf_ok();
}

struct hf_policy *hf_policy_ref(struct hf_policy *policy)
{
    if (policy != NULL) {
        hf_refcount_take(&policy->refs);
    }
    return policy;
}

void hf_policy_unref(struct hf_policy *policy)
{
    if (policy == NULL || !hf_refcount_drop(&policy->refs)) {
        return;
    }
    hf_mem_free(policy->steps);
    hf_mem_free(policy->elements);
    hf_mem_free(policy->text);
    hf_mem_free(policy);
}

static bool in_set(const struct hf_span *set, size_t count, struct hf_span id)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = hf_span_compare(set[middle], id);
        if (order == 0) {
            return true;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

/* The ID itself and what lies below it: /ns/prod covers /ns/prod/web, never /ns/prod-evil. A prefix
 * without a path covers its whole trust domain. */
static bool below(const struct hf_span *prefix, const struct hf_spiffe_id *id)
{
    struct hf_span path = hf_spiffe_id_path(id);
    return hf_span_equal(prefix[0], hf_spiffe_id_domain(id)) &&
           hf_span_starts_with(path, prefix[1]) &&
           (path.len == prefix[1].len || path.data[prefix[1].len] == '/');
}

static bool test(const struct hf_policy *policy, const struct hf_policy_step *step,
                 const struct hf_spiffe_id *id)
{
    const struct hf_span *elements = policy->elements + step->first;
    switch (step->op) {
    case HF_OP_ANY:
        return true;
    case HF_OP_TRUST_DOMAIN:
        return hf_span_equal(elements[0], hf_spiffe_id_domain(id));
    case HF_OP_SET:
        return in_set(elements, step->count, hf_spiffe_id_whole(id));
    case HF_OP_PREFIX:
        return below(elements, id);
    default:
        return false;
    }
}

/* The lowest n bits. n is 1 to 64. */
static uint64_t low_bits(uint32_t n)
{
    return UINT64_MAX >> (HF_POLICY_STACK_MAX - n);
}

bool hf_policy_allows(const struct hf_policy *policy, const struct hf_spiffe_id *id)
{
    if (policy == NULL) {
        return false; /* default deny */
    }
    /* Bit 0 is the operand on top. The compiler counted: there are always enough. */
    uint64_t stack = 0;
    for (size_t i = 0; i < policy->step_count; i++) {
        const struct hf_policy_step *step = &policy->steps[i];
        if (step->op == HF_OP_NOT) {
            stack ^= 1;
            continue;
        }
        if (step->op == HF_OP_AND || step->op == HF_OP_OR) {
            uint64_t all = low_bits(step->count);
            bool verdict = step->op == HF_OP_AND ? (stack & all) == all : (stack & all) != 0;
            /* Two shifts: with 64 operands one would be undefined. */
            stack = (stack >> (step->count - 1) >> 1 << 1) | verdict;
            continue;
        }
        stack = (stack << 1) | test(policy, step, id);
    }
    return (stack & 1) != 0;
}

hf_result hf_policy_refuse(const struct hf_policy *policy, const struct hf_spiffe_id *id)
{
    /* A parsed ID is printable by its grammar: no escaping is needed. */
    return hf_error_set_seen(HF_E_NOT_AUTHORIZED, __FILE__, __LINE__,
                             policy == NULL ? "a policy: without one nobody is allowed"
                                            : "an ID that the policy allows",
                             "%.*s", (int)id->id_len, (const char *)id->id);
}

hf_result hf_policy_check(const struct hf_policy *policy, const uint8_t *id, size_t len)
{
    struct hf_spiffe_id parsed;
    HF_TRY(hf_spiffe_id_parse(id, len, &parsed));
    return hf_policy_allows(policy, &parsed) ? hf_ok() : hf_policy_refuse(policy, &parsed);
}
