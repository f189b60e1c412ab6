/* SPDX-License-Identifier: Apache-2.0
 *
 * What a policy is once it was compiled. Only compile.c writes it and only policy.c reads it.
 *
 * The program is postfix. Its operands wait on a stack of HF_POLICY_STACK_MAX bits, one 64-bit
 * word, and the compiler proves that they fit: asking a policy allocates nothing, cannot fail, and
 * costs at most one look at each instruction.
 */
#ifndef HF_POLICY_PROGRAM_H
#define HF_POLICY_PROGRAM_H

#include "base/refcount.h"
#include "policy/policy.h"

enum hf_policy_op {
    HF_OP_ANY = 1,
    HF_OP_TRUST_DOMAIN, /* elements[first] is its name */
    HF_OP_SET,          /* elements[first .. first + count), sorted: IDs, byte for byte */
    HF_OP_PREFIX,       /* elements[first] is the trust domain, elements[first + 1] the path */
    HF_OP_AND,          /* count operands */
    HF_OP_OR,
    HF_OP_NOT,
};

struct hf_policy_step {
    enum hf_policy_op op;
    uint32_t first;
    uint32_t count;
};

struct hf_policy {
    struct hf_refcount refs;
    struct hf_policy_step *steps;
    size_t step_count;
    struct hf_span *elements; /* into text */
    size_t element_count;
    uint8_t *text;
    uint8_t digest[HF_DIGEST_SIZE]; /* of the steps and their elements */
};

/* digest.c: of a program that is complete. */
HF_MUST_USE hf_result hf_policy_make_digest(struct hf_policy *policy);

/* Fill an empty policy from a program that is checked here. What it allocated before a failure
 * stays in `out`, for whoever frees it. */
HF_MUST_USE hf_result hf_policy_compile(const struct hf_policy_node *nodes, size_t count,
                                        struct hf_policy *out);

#endif
