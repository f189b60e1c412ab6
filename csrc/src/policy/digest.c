/* SPDX-License-Identifier: Apache-2.0
 *
 * What a policy is, in 32 bytes: for keys and bindings that must not outlive a change of it. The
 * verdicts of a program depend on nothing but what is hashed: of each step its operation, its count
 * and its elements, each after its length.
 */
#include "policy/program.h"
#include "x509/ossl.h"

static void write_u32(uint8_t out[4], uint32_t n)
{
    out[0] = (uint8_t)(n >> 24);
    out[1] = (uint8_t)(n >> 16);
    out[2] = (uint8_t)(n >> 8);
    out[3] = (uint8_t)n;
}

/* How many elements a step has: a prefix has two for its count of two, a join has none. */
static uint32_t elements_of(const struct hf_policy_step *step)
{
    switch (step->op) {
    case HF_OP_TRUST_DOMAIN:
    case HF_OP_SET:
    case HF_OP_PREFIX:
        return step->count;
    default:
        return 0;
    }
}

struct writer {
    struct hf_span *parts;
    size_t part_count;
    uint8_t *numbers; /* room for four bytes a number */
};

static void add_number(struct writer *w, uint32_t n)
{
    write_u32(w->numbers, n);
    w->parts[w->part_count++] = hf_span_of(w->numbers, 4);
    w->numbers += 4;
}

hf_result hf_policy_make_digest(struct hf_policy *policy)
{
    /* A step is two numbers, an element its length and its bytes. */
    size_t count = 2 * policy->step_count + 2 * policy->element_count;
    HF_DEFER(hf_mem_free_at) struct hf_span *parts = hf_mem_new_array(count, sizeof(*parts));
    HF_NEED_MEM(parts);
    HF_DEFER(hf_mem_free_at) uint8_t *numbers = hf_mem_new_array(count, 4);
    HF_NEED_MEM(numbers);
    struct writer w = {parts, 0, numbers};
    for (size_t i = 0; i < policy->step_count; i++) {
        const struct hf_policy_step *step = &policy->steps[i];
        add_number(&w, (uint32_t)step->op);
        add_number(&w, step->count);
        for (uint32_t k = 0; k < elements_of(step); k++) {
            const struct hf_span *element = &policy->elements[step->first + k];
            add_number(&w, (uint32_t)element->len);
            w.parts[w.part_count++] = *element;
        }
    }
    return hf_ossl_sha256(parts, w.part_count, policy->digest);
}

const uint8_t *hf_policy_digest(const struct hf_policy *policy)
{
    return policy == NULL ? NULL : policy->digest;
}
