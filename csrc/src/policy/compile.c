/* SPDX-License-Identifier: Apache-2.0
 *
 * From postfix nodes to a compiled policy, in one pass without recursion.
 *
 * The code of an operand is a contiguous run of steps, and so are the texts of its sets. When an OR
 * arrives, neighbouring operands that are each one set therefore become one larger set by adding up
 * their counts: ten thousand allowed IDs end as a single step, however they were written down.
 */
#include "policy/program.h"

#include <stdlib.h>

struct compiler {
    struct hf_policy *out;
    size_t *operands; /* where the code of each operand that waits begins */
    size_t waiting;
    size_t text_len;
};

static hf_result fail(size_t node, const char *expected, uint32_t seen)
{
    HF_FAIL_SEEN(HF_E_POLICY_INVALID, expected, "%u at node %zu", (unsigned)seen, node);
}

/* Room for everything at once: each node adds at most one step, two elements and its text. */
static hf_result reserve(const struct hf_policy_node *nodes, size_t count, struct compiler *c)
{
    size_t text = 0;
    for (size_t i = 0; i < count; i++) {
        HF_NEED(nodes[i].text != NULL || nodes[i].len == 0, HF_E_BAD_ARGUMENT);
        HF_NEED(nodes[i].len <= HF_ID_MAX, HF_E_ID_TOO_LONG);
        text += nodes[i].len;
    }
    c->out->steps = hf_mem_new_array(count, sizeof(struct hf_policy_step));
    c->out->elements = hf_mem_new_array(2 * count, sizeof(struct hf_span));
    c->out->text = hf_mem_new(text);
    HF_NEED_MEM(c->out->steps);
    HF_NEED_MEM(c->out->elements);
    HF_NEED_MEM(c->out->text);
    c->operands = hf_mem_new_array(count, sizeof(size_t));
    HF_NEED_MEM(c->operands);
    c->text_len = text;
    return hf_ok();
}

static void add_step(struct compiler *c, enum hf_policy_op op, size_t first, uint32_t count)
{
    struct hf_policy_step step = {op, (uint32_t)first, count};
    c->out->steps[c->out->step_count++] = step;
}

/* A test of the ID: an operand of its own, with `elements` of the texts added before it. */
static void add_test(struct compiler *c, enum hf_policy_op op, uint32_t elements)
{
    c->operands[c->waiting++] = c->out->step_count;
    add_step(c, op, c->out->element_count - elements, elements);
}

static void add_element(struct compiler *c, const uint8_t *text, size_t len)
{
    c->out->elements[c->out->element_count++] = hf_span_of(text, len);
}

static hf_result add_text_test(struct compiler *c, const struct hf_policy_node *node,
                               const uint8_t *text)
{
    struct hf_spiffe_id id;
    switch (node->op) {
    case HF_POLICY_TRUST_DOMAIN:
        HF_TRY(hf_trust_domain_parse(text, node->len));
        add_element(c, text, node->len);
        add_test(c, HF_OP_TRUST_DOMAIN, 1);
        return hf_ok();
    case HF_POLICY_EXACTLY:
        HF_TRY(hf_spiffe_id_parse(text, node->len, &id));
        add_element(c, text, node->len);
        add_test(c, HF_OP_SET, 1);
        return hf_ok();
    default: /* HF_POLICY_PREFIX: the caller lets nothing else in */
        HF_TRY(hf_spiffe_id_parse(text, node->len, &id));
        add_element(c, id.trust_domain, id.trust_domain_len);
        add_element(c, id.path, id.path_len);
        add_test(c, HF_OP_PREFIX, 2);
        return hf_ok();
    }
}

/* End of the code of the k-th operand from `base`. */
static size_t operand_end(const struct compiler *c, size_t k)
{
    return k + 1 < c->waiting ? c->operands[k + 1] : c->out->step_count;
}

static bool is_set(const struct compiler *c, size_t k)
{
    return operand_end(c, k) - c->operands[k] == 1 && c->out->steps[c->operands[k]].op == HF_OP_SET;
}

/* Make one set of neighbouring sets among the operands from `base` on. */
static void merge_sets(struct compiler *c, size_t base)
{
    struct hf_policy_step *steps = c->out->steps;
    size_t kept = base;
    size_t write = c->operands[base];
    bool after_set = false;
    size_t total = c->waiting;
    for (size_t k = base; k < total; k++) {
        size_t begin = c->operands[k];
        size_t end = operand_end(c, k);
        bool set = is_set(c, k);
        if (set && after_set) {
            steps[write - 1].count += steps[begin].count;
            continue;
        }
        /* kept <= k and write <= begin: nothing is overwritten before it was read. */
        c->operands[kept++] = write;
        while (begin < end) {
            steps[write++] = steps[begin++];
        }
        after_set = set;
    }
    c->waiting = kept;
    c->out->step_count = write;
}

static hf_result add_join(struct compiler *c, const struct hf_policy_node *node, size_t at)
{
    uint32_t count = node->count;
    if (node->op == HF_POLICY_NOT) {
        if (count > 1) {
            return fail(at, "NOT takes one operand", count);
        }
        count = 1;
    }
    if (count == 0) {
        return fail(at, "AND and OR take at least one operand", 0);
    }
    if (count > c->waiting) {
        return fail(at, "as many operands before as the node takes", count);
    }
    size_t base = c->waiting - count;
    if (node->op == HF_POLICY_OR) {
        merge_sets(c, base);
    }
    size_t operands = c->waiting - base;
    /* An AND or OR of one operand is that operand, so that a set stays one for the next OR. */
    if (node->op == HF_POLICY_NOT) {
        add_step(c, HF_OP_NOT, 0, 1);
    } else if (operands > 1) {
        add_step(c, node->op == HF_POLICY_OR ? HF_OP_OR : HF_OP_AND, 0, (uint32_t)operands);
    }
    c->waiting = base + 1;
    return hf_ok();
}

static hf_result add_node(struct compiler *c, const struct hf_policy_node *node, size_t at,
                          const uint8_t *text)
{
    switch (node->op) {
    case HF_POLICY_ANY:
        add_test(c, HF_OP_ANY, 0);
        return hf_ok();
    case HF_POLICY_TRUST_DOMAIN:
    case HF_POLICY_EXACTLY:
    case HF_POLICY_PREFIX:
        return add_text_test(c, node, text);
    case HF_POLICY_AND:
    case HF_POLICY_OR:
    case HF_POLICY_NOT:
        return add_join(c, node, at);
    default:
        return fail(at, "an operation that is known (HF_POLICY_*)", node->op);
    }
}

static int by_bytes(const void *a, const void *b)
{
    const struct hf_span *x = a;
    const struct hf_span *y = b;
    return hf_span_compare(*x, *y);
}

/* Sort the sets, and prove that the operands that wait at once fit the stack. */
static hf_result finish(struct compiler *c)
{
    size_t depth = 0;
    for (size_t i = 0; i < c->out->step_count; i++) {
        const struct hf_policy_step *step = &c->out->steps[i];
        if (step->op == HF_OP_SET) {
            qsort(c->out->elements + step->first, step->count, sizeof(struct hf_span), by_bytes);
        }
        if (step->op == HF_OP_AND || step->op == HF_OP_OR) {
            depth -= step->count - 1;
        } else if (step->op != HF_OP_NOT) {
            depth++;
        }
        HF_NEED_SEEN(depth <= HF_POLICY_STACK_MAX, HF_E_POLICY_INVALID,
                     "at most 64 operands waiting at once", "more, at step %zu", i);
    }
    return hf_ok();
}

static hf_result compile(const struct hf_policy_node *nodes, size_t count, struct compiler *c)
{
    HF_TRY(reserve(nodes, count, c));
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        uint8_t *text = c->out->text + used;
        HF_NEED(hf_mem_copy(text, c->text_len - used, nodes[i].text, nodes[i].len), HF_E_INTERNAL);
        used += nodes[i].len;
        HF_TRY(add_node(c, &nodes[i], i, text));
    }
    HF_NEED_SEEN(c->waiting == 1, HF_E_POLICY_INVALID, "exactly one verdict at the end", "%zu",
                 c->waiting);
    return finish(c);
}

hf_result hf_policy_compile(const struct hf_policy_node *nodes, size_t count, struct hf_policy *out)
{
    HF_NEED_SEEN(count != 0 && count <= HF_POLICY_NODES_MAX, HF_E_POLICY_INVALID,
                 "1 to 65536 nodes", "%zu", count);
    HF_NEED_PTR(nodes);
    struct compiler c = {.out = out};
    hf_result r = compile(nodes, count, &c);
    hf_mem_free(c.operands);
    return r;
}
