/* SPDX-License-Identifier: Apache-2.0
 *
 * Authorizers: a program from the input is compiled, or refused; a compiled one gives the verdict
 * of a plain evaluator that merges nothing and sorts nothing, on every ID of a table.
 *
 * What an attacker must hold: to choose the program, the operator's configuration; to choose the
 * ID, an SVID of a trust domain that has a bundle here.
 */
#include <stdio.h>
#include <stdlib.h>

#include "id/spiffe_id.h"
#include "policy/policy.h"

#define NODES_MAX 256

static const char *const ids[] = {"spiffe://a.example",
                                  "spiffe://a.example/ns",
                                  "spiffe://a.example/ns/prod",
                                  "spiffe://a.example/ns/prod-evil",
                                  "spiffe://a.example/ns/prod/web",
                                  "spiffe://b.example/ns",
                                  "spiffe://a.example.evil/ns",
                                  "spiffe://b.example"};
#define IDS (sizeof(ids) / sizeof(ids[0]))

static size_t length(const char *text)
{
    size_t n = 0;
    while (text[n] != '\0') {
        n++;
    }
    return n;
}

/* What must hold of every input; says what did not before it stops. */
#define REQUIRE(cond) require((cond), #cond, __LINE__)

static void require(bool holds, const char *what, int line)
{
    if (!holds) {
        (void)fprintf(stderr, "line %d: does not hold: %s\n", line, what);
        abort();
    }
}

/* One node a step: operation, then a count or a text from the table or the input itself. */
static bool take_node(struct hf_span *input, struct hf_policy_node *out)
{
    uint8_t op;
    uint8_t argument;
    if (!hf_span_take_u8(input, &op) || !hf_span_take_u8(input, &argument)) {
        return false;
    }
    struct hf_policy_node node = {op % 9u, 0, NULL, 0};
    if (node.op < HF_POLICY_TRUST_DOMAIN || node.op > HF_POLICY_PREFIX) {
        node.count = argument;
        *out = node;
        return true;
    }
    struct hf_span text;
    if (argument < 0xc0) {
        const char *id = ids[argument % IDS];
        text = hf_span_of(id, length(id));
        if (node.op == HF_POLICY_TRUST_DOMAIN) {
            text = (argument & 1) != 0 ? HF_SPAN("a.example") : HF_SPAN("b.example");
        }
    } else if (!hf_span_take(input, argument & 0x3fu, &text)) {
        return false;
    }
    node.text = text.data;
    node.len = text.len;
    *out = node;
    return true;
}

/* What one node says about an ID, in the plainest words. */
static bool says(const struct hf_policy_node *node, struct hf_spiffe_id *id)
{
    struct hf_spiffe_id other;
    struct hf_span text = hf_span_of(node->text, node->len);
    switch (node->op) {
    case HF_POLICY_TRUST_DOMAIN:
        return hf_span_equal(text, hf_spiffe_id_domain(id));
    case HF_POLICY_EXACTLY:
        return hf_span_equal(text, hf_spiffe_id_whole(id));
    case HF_POLICY_PREFIX:
        REQUIRE(hf_is_ok(hf_spiffe_id_parse(node->text, node->len, &other)));
        return hf_span_equal(text, hf_spiffe_id_whole(id)) ||
               (id->id_len > node->len && hf_span_starts_with(hf_spiffe_id_whole(id), text) &&
                id->id[node->len] == '/');
    default:
        return true; /* HF_POLICY_ANY */
    }
}

/* The program as it was written, on a stack of verdicts. It was compiled, so it makes sense. */
static bool evaluate(const struct hf_policy_node *nodes, size_t count, struct hf_spiffe_id *id)
{
    bool stack[NODES_MAX];
    size_t top = 0;
    for (size_t i = 0; i < count; i++) {
        if (nodes[i].op < HF_POLICY_AND) {
            stack[top++] = says(&nodes[i], id);
            continue;
        }
        size_t operands = nodes[i].op == HF_POLICY_NOT ? 1 : nodes[i].count;
        REQUIRE(operands >= 1 && operands <= top);
        bool all = true;
        bool any = false;
        for (size_t k = top - operands; k < top; k++) {
            all = all && stack[k];
            any = any || stack[k];
        }
        top -= operands;
        stack[top++] = nodes[i].op == HF_POLICY_AND  ? all
                       : nodes[i].op == HF_POLICY_OR ? any
                                                     : !any;
    }
    REQUIRE(top == 1);
    return stack[0];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hf_policy_node nodes[NODES_MAX];
    struct hf_span input = hf_span_of(data, size);
    size_t count = 0;
    while (count < NODES_MAX && take_node(&input, &nodes[count])) {
        count++;
    }
    struct hf_policy *policy;
    hf_result r = hf_policy_new(nodes, count, &policy);
    if (!hf_is_ok(r)) {
        REQUIRE(policy == NULL && hf_error_row_of(r.code) != NULL);
        return 0;
    }
    for (size_t i = 0; i < IDS; i++) {
        struct hf_spiffe_id id;
        size_t len = length(ids[i]);
        REQUIRE(hf_is_ok(hf_spiffe_id_parse((const uint8_t *)ids[i], len, &id)));
        bool allowed = hf_is_ok(hf_policy_check(policy, (const uint8_t *)ids[i], len));
        REQUIRE(allowed == evaluate(nodes, count, &id));
    }
    /* What is no ID is never allowed, whatever the program. */
    REQUIRE(!hf_is_ok(hf_policy_check(policy, (const uint8_t *)"spiffe://A/x", 12)));
    hf_policy_unref(policy);
    return 0;
}
