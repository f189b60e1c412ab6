/* SPDX-License-Identifier: Apache-2.0
 *
 * Compiled authorizers: what they let in, and which programs are refused.
 */
#include <string.h>

#include "base/mem.h"
#include "hf_test.h"
#include "policy/policy.h"

#define ANY {HF_POLICY_ANY, 0, NULL, 0}
#define TEXT(op, text) {(op), 0, (const uint8_t *)(text), sizeof(text) - 1}
#define EXACTLY(text) TEXT(HF_POLICY_EXACTLY, text)
#define PREFIX(text) TEXT(HF_POLICY_PREFIX, text)
#define DOMAIN(text) TEXT(HF_POLICY_TRUST_DOMAIN, text)
#define JOIN(op, n) {(op), (n), NULL, 0}
#define AND(n) JOIN(HF_POLICY_AND, n)
#define OR(n) JOIN(HF_POLICY_OR, n)
#define NOT JOIN(HF_POLICY_NOT, 1)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool allows(const struct hf_policy *policy, const char *id)
{
    hf_result r = hf_policy_check(policy, (const uint8_t *)id, strlen(id));
    if (!hf_is_ok(r)) {
        HF_CHECK_CODE(r, HF_E_NOT_AUTHORIZED);
    }
    return hf_is_ok(r);
}

static struct hf_policy *compiled(const struct hf_policy_node *nodes, size_t count)
{
    struct hf_policy *policy;
    HF_CHECK_OK(hf_policy_new(nodes, count, &policy));
    return policy;
}

#define COMPILED(nodes) compiled((nodes), COUNT(nodes))

static void nobody_without_a_policy(void)
{
    HF_CHECK(!allows(NULL, "spiffe://a.example/web"));
    HF_CHECK(strstr(hf_error_current()->expected, "without one") != NULL);
}

static void anyone_means_every_id(void)
{
    const struct hf_policy_node nodes[] = {ANY};
    struct hf_policy *policy = COMPILED(nodes);
    HF_CHECK(allows(policy, "spiffe://a.example/web"));
    HF_CHECK(allows(policy, "spiffe://b.example"));
    hf_policy_unref(policy);
}

static void a_trust_domain_is_that_one_only(void)
{
    const struct hf_policy_node nodes[] = {DOMAIN("a.example")};
    struct hf_policy *policy = COMPILED(nodes);
    HF_CHECK(allows(policy, "spiffe://a.example/web"));
    HF_CHECK(allows(policy, "spiffe://a.example"));
    HF_CHECK(!allows(policy, "spiffe://a.example.evil/web")); /* I7 */
    HF_CHECK(!allows(policy, "spiffe://sub.a.example/web"));
    HF_CHECK(!allows(policy, "spiffe://a.exampl/web"));
    hf_policy_unref(policy);
}

/* I7: byte for byte, path included, case included. */
static void exactly_accepts_no_other_id(void)
{
    static const char *const ids[] = {
        "spiffe://a.example/ns/prod", "spiffe://a.example/ns/prod/web",
        "spiffe://a.example/ns/Prod", "spiffe://a.example/ns/prod-",
        "spiffe://a.example/ns/pro",  "spiffe://a.example/ns",
        "spiffe://a.example",         "spiffe://a.example.evil/ns/prod",
        "spiffe://b.example/ns/prod"};
    for (size_t i = 0; i < COUNT(ids); i++) {
        struct hf_policy_node node = {HF_POLICY_EXACTLY, 0, (const uint8_t *)ids[i],
                                      strlen(ids[i])};
        struct hf_policy *policy = compiled(&node, 1);
        for (size_t k = 0; k < COUNT(ids); k++) {
            HF_CHECK(allows(policy, ids[k]) == (i == k));
        }
        hf_policy_unref(policy);
    }
}

/* I7: a prefix ends where a segment ends. */
static void a_prefix_ends_at_a_segment(void)
{
    const struct hf_policy_node nodes[] = {PREFIX("spiffe://a.example/ns/prod")};
    struct hf_policy *policy = COMPILED(nodes);
    HF_CHECK(allows(policy, "spiffe://a.example/ns/prod"));
    HF_CHECK(allows(policy, "spiffe://a.example/ns/prod/web"));
    HF_CHECK(allows(policy, "spiffe://a.example/ns/prod/web/1"));
    HF_CHECK(!allows(policy, "spiffe://a.example/ns/prod-evil"));
    HF_CHECK(!allows(policy, "spiffe://a.example/ns/prod-evil/web"));
    HF_CHECK(!allows(policy, "spiffe://a.example/ns/prod.web"));
    HF_CHECK(!allows(policy, "spiffe://a.example/ns/PROD/web"));
    HF_CHECK(!allows(policy, "spiffe://a.example/ns"));
    HF_CHECK(!allows(policy, "spiffe://a.example"));
    HF_CHECK(!allows(policy, "spiffe://b.example/ns/prod/web"));
    HF_CHECK(!allows(policy, "spiffe://a.example.evil/ns/prod/web"));
    hf_policy_unref(policy);
}

static void a_prefix_without_a_path_is_the_whole_domain(void)
{
    const struct hf_policy_node nodes[] = {PREFIX("spiffe://a.example")};
    struct hf_policy *policy = COMPILED(nodes);
    HF_CHECK(allows(policy, "spiffe://a.example"));
    HF_CHECK(allows(policy, "spiffe://a.example/web"));
    HF_CHECK(!allows(policy, "spiffe://a.example.evil/web"));
    HF_CHECK(!allows(policy, "spiffe://a.example2/web"));
    hf_policy_unref(policy);
}

static void and_or_not_combine(void)
{
    /* (in a.example and not below /admin) or exactly b's web */
    const struct hf_policy_node nodes[] = {DOMAIN("a.example"),
                                           PREFIX("spiffe://a.example/admin"),
                                           NOT,
                                           AND(2),
                                           EXACTLY("spiffe://b.example/web"),
                                           OR(2)};
    struct hf_policy *policy = COMPILED(nodes);
    HF_CHECK(allows(policy, "spiffe://a.example/web"));
    HF_CHECK(!allows(policy, "spiffe://a.example/admin"));
    HF_CHECK(!allows(policy, "spiffe://a.example/admin/root"));
    HF_CHECK(allows(policy, "spiffe://a.example/administrator"));
    HF_CHECK(allows(policy, "spiffe://b.example/web"));
    HF_CHECK(!allows(policy, "spiffe://b.example/db"));
    hf_policy_unref(policy);
}

/* A5: what is no SPIFFE ID satisfies nothing, not even a negation. */
static void an_id_that_does_not_parse_is_never_allowed(void)
{
    const struct hf_policy_node not_a[] = {DOMAIN("a.example"), NOT};
    const struct hf_policy_node any[] = {ANY};
    struct hf_policy *policies[] = {COMPILED(not_a), COMPILED(any)};
    for (size_t i = 0; i < COUNT(policies); i++) {
        HF_CHECK_CODE(hf_policy_check(policies[i], (const uint8_t *)"", 0), HF_E_ID_EMPTY);
        HF_CHECK_CODE(hf_policy_check(policies[i], (const uint8_t *)"https://b/w", 11),
                      HF_E_ID_SCHEME);
        HF_CHECK_CODE(hf_policy_check(policies[i], (const uint8_t *)"spiffe://b/w\0x", 14),
                      HF_E_ID_PATH_CHARACTER);
        HF_CHECK_CODE(hf_policy_check(policies[i], (const uint8_t *)"spiffe://B/w", 12),
                      HF_E_ID_UPPER_CASE);
        HF_CHECK_CODE(hf_policy_check(policies[i], NULL, 4), HF_E_BAD_ARGUMENT);
        hf_policy_unref(policies[i]);
    }
}

static void check_invalid(const struct hf_policy_node *nodes, size_t count, uint32_t code)
{
    size_t before = hf_mem_live();
    struct hf_policy *policy = (struct hf_policy *)&policy;
    HF_CHECK_CODE(hf_policy_new(nodes, count, &policy), code);
    HF_CHECK(policy == NULL);
    HF_CHECK(hf_mem_live() == before);
}

#define INVALID(code, ...)                                                                         \
    do {                                                                                           \
        const struct hf_policy_node nodes_[] = {__VA_ARGS__};                                      \
        check_invalid(nodes_, COUNT(nodes_), (code));                                              \
    } while (0)

static void programs_that_make_no_sense_are_refused(void)
{
    struct hf_policy_node too_many[1] = {ANY};
    struct hf_policy_node no_text = {HF_POLICY_EXACTLY, 0, NULL, 7};
    check_invalid(too_many, 0, HF_E_POLICY_INVALID);
    check_invalid(too_many, HF_POLICY_NODES_MAX + 1, HF_E_POLICY_INVALID);
    check_invalid(NULL, 1, HF_E_BAD_ARGUMENT);
    check_invalid(&no_text, 1, HF_E_BAD_ARGUMENT);
    INVALID(HF_E_POLICY_INVALID, ANY, ANY);    /* two verdicts */
    INVALID(HF_E_POLICY_INVALID, NOT);         /* no operand */
    INVALID(HF_E_POLICY_INVALID, ANY, AND(2)); /* too few */
    INVALID(HF_E_POLICY_INVALID, ANY, OR(0));  /* none */
    INVALID(HF_E_POLICY_INVALID, ANY, AND(0));
    INVALID(HF_E_POLICY_INVALID, ANY, OR(UINT32_MAX));
    INVALID(HF_E_POLICY_INVALID, ANY, ANY, JOIN(HF_POLICY_NOT, 2));
    INVALID(HF_E_POLICY_INVALID, JOIN(0, 0));
    INVALID(HF_E_POLICY_INVALID, JOIN(8, 0));
    INVALID(HF_E_ID_TRUST_DOMAIN_CHARACTER, DOMAIN("a example"));
    INVALID(HF_E_ID_UPPER_CASE, EXACTLY("spiffe://A.example/web"));
    INVALID(HF_E_ID_TRAILING_SLASH, PREFIX("spiffe://a.example/ns/"));
    HF_CHECK_CODE(hf_policy_new(too_many, 1, NULL), HF_E_BAD_ARGUMENT);
}

/* Room for n IDs "spiffe://a.example/w<k>" and one more node. */
static struct hf_policy_node *many_ids(size_t n, char (**text)[48])
{
    struct hf_policy_node *nodes = hf_mem_new_array(2 * n, sizeof(*nodes));
    *text = hf_mem_new_array(n, sizeof(**text));
    for (size_t i = 0; i < n; i++) {
        /* Not in order, so that sorting matters. */
        int len = snprintf((*text)[i], sizeof((*text)[i]), "spiffe://a.example/w%zu", i * 7919 % n);
        struct hf_policy_node node = {HF_POLICY_EXACTLY, 0, (const uint8_t *)(*text)[i],
                                      (size_t)len};
        nodes[i] = node;
    }
    return nodes;
}

static void check_many(const struct hf_policy *policy, size_t n)
{
    char id[48];
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(id, sizeof(id), "spiffe://a.example/w%zu", i);
        HF_CHECK(allows(policy, id));
    }
    HF_CHECK(!allows(policy, "spiffe://a.example/wx"));
    (void)snprintf(id, sizeof(id), "spiffe://a.example/w%zu", n);
    HF_CHECK(!allows(policy, id));
}

/* Ten thousand callers under one OR: one set, no matter that only 64 operands may wait. */
static void many_exact_ids_become_one_set(void)
{
    enum { N = 10000 };
    char (*text)[48];
    struct hf_policy_node *nodes = many_ids(N, &text);
    struct hf_policy_node join = OR(N);
    nodes[N] = join;
    struct hf_policy *policy = compiled(nodes, N + 1);
    check_many(policy, N);
    hf_policy_unref(policy);
    hf_mem_free(nodes);
    hf_mem_free(text);
}

/* The same written as a | b | c | ..., which a tree of two-operand ORs gives. */
static void chains_of_or_become_one_set_too(void)
{
    enum { N = 1000 };
    char (*text)[48];
    struct hf_policy_node *ids = many_ids(N, &text);
    struct hf_policy_node *nodes = hf_mem_new_array(2 * N, sizeof(*nodes));
    size_t count = 0;
    for (size_t i = 0; i < N; i++) {
        nodes[count++] = ids[i];
        if (i > 0) {
            struct hf_policy_node join = OR(2);
            nodes[count++] = join;
        }
    }
    struct hf_policy *policy = compiled(nodes, count);
    check_many(policy, N);
    hf_policy_unref(policy);
    hf_mem_free(nodes);
    hf_mem_free(ids);
    hf_mem_free(text);
}

/* Sets apart from each other, and sets inside of other operands, stay what they are. */
static void only_neighbours_under_one_or_are_merged(void)
{
    const struct hf_policy_node nodes[] = {EXACTLY("spiffe://a.example/1"),
                                           EXACTLY("spiffe://a.example/2"),
                                           PREFIX("spiffe://b.example"),
                                           EXACTLY("spiffe://a.example/3"),
                                           EXACTLY("spiffe://a.example/4"),
                                           EXACTLY("spiffe://a.example/4"),
                                           AND(2),
                                           EXACTLY("spiffe://a.example/5"),
                                           OR(6)};
    struct hf_policy *policy = COMPILED(nodes);
    HF_CHECK(allows(policy, "spiffe://a.example/1"));
    HF_CHECK(allows(policy, "spiffe://a.example/2"));
    HF_CHECK(allows(policy, "spiffe://a.example/3"));
    HF_CHECK(allows(policy, "spiffe://a.example/4"));
    HF_CHECK(allows(policy, "spiffe://a.example/5"));
    HF_CHECK(allows(policy, "spiffe://b.example/x"));
    HF_CHECK(!allows(policy, "spiffe://a.example/6"));
    hf_policy_unref(policy);
    const struct hf_policy_node both[] = {EXACTLY("spiffe://a.example/1"),
                                          EXACTLY("spiffe://a.example/2"), AND(2)};
    policy = COMPILED(both);
    HF_CHECK(!allows(policy, "spiffe://a.example/1"));
    HF_CHECK(!allows(policy, "spiffe://a.example/2"));
    hf_policy_unref(policy);
}

/* One OR of 64 operands fits, 65 do not: the bits that wait are one word. */
static void the_stack_is_bounded(void)
{
    struct hf_policy_node nodes[HF_POLICY_STACK_MAX + 2];
    struct hf_policy_node domain = DOMAIN("a.example");
    for (size_t op = HF_POLICY_AND; op <= HF_POLICY_OR; op++) {
        for (size_t i = 0; i <= HF_POLICY_STACK_MAX; i++) {
            nodes[i] = domain;
        }
        struct hf_policy_node fits = JOIN((uint32_t)op, HF_POLICY_STACK_MAX);
        nodes[HF_POLICY_STACK_MAX] = fits;
        struct hf_policy *policy = compiled(nodes, HF_POLICY_STACK_MAX + 1);
        HF_CHECK(allows(policy, "spiffe://a.example/web"));
        HF_CHECK(!allows(policy, "spiffe://b.example/web"));
        hf_policy_unref(policy);
        nodes[HF_POLICY_STACK_MAX] = domain;
        struct hf_policy_node too_many = JOIN((uint32_t)op, HF_POLICY_STACK_MAX + 1);
        nodes[HF_POLICY_STACK_MAX + 1] = too_many;
        check_invalid(nodes, HF_POLICY_STACK_MAX + 2, HF_E_POLICY_INVALID);
    }
}

/* The verdict of every tree over two IDs, against the same tree in C. */
static void truth_tables_hold(void)
{
    const struct hf_policy_node a = EXACTLY("spiffe://a.example/a");
    const struct hf_policy_node b = DOMAIN("a.example");
    static const char *const ids[] = {"spiffe://a.example/a", "spiffe://a.example/b",
                                      "spiffe://b.example/a"};
    for (unsigned form = 0; form < 16; form++) {
        struct hf_policy_node nodes[6];
        size_t n = 0;
        const struct hf_policy_node negate = NOT;
        const struct hf_policy_node join = JOIN((form & 4) != 0 ? HF_POLICY_AND : HF_POLICY_OR, 2);
        nodes[n++] = a;
        if ((form & 1) != 0) {
            nodes[n++] = negate;
        }
        nodes[n++] = b;
        if ((form & 2) != 0) {
            nodes[n++] = negate;
        }
        nodes[n++] = join;
        if ((form & 8) != 0) {
            nodes[n++] = negate;
        }
        struct hf_policy *policy = compiled(nodes, n);
        for (size_t i = 0; i < COUNT(ids); i++) {
            bool x = (i == 0) != ((form & 1) != 0);
            bool y = (i <= 1) != ((form & 2) != 0);
            bool both = (form & 4) != 0 ? x && y : x || y;
            HF_CHECK(allows(policy, ids[i]) == (both != ((form & 8) != 0)));
        }
        hf_policy_unref(policy);
    }
}

static void a_policy_owns_its_texts_and_is_counted(void)
{
    size_t before = hf_mem_live();
    char text[] = "spiffe://a.example/web";
    struct hf_policy_node node = {HF_POLICY_EXACTLY, 0, (const uint8_t *)text, sizeof(text) - 1};
    struct hf_policy *policy = compiled(&node, 1);
    text[sizeof(text) - 2] = 'x';
    struct hf_policy *second = hf_policy_ref(policy);
    hf_policy_unref(policy);
    HF_CHECK(allows(second, "spiffe://a.example/web"));
    HF_CHECK(!allows(second, "spiffe://a.example/wex"));
    hf_policy_unref(second);
    HF_CHECK(hf_policy_ref(NULL) == NULL && hf_mem_live() == before);
    hf_policy_unref(NULL);
}

/* Every allocation fails once: an error, nothing leaked, no policy. */
static void no_memory_makes_no_policy(void)
{
    const struct hf_policy_node nodes[] = {EXACTLY("spiffe://a.example/1"),
                                           PREFIX("spiffe://b.example"), OR(2)};
    size_t before = hf_mem_live();
    size_t failed = 0;
    for (size_t k = 1;; k++) {
        struct hf_policy *policy;
        hf_mem_fail_at(k);
        hf_result r = hf_policy_new(nodes, COUNT(nodes), &policy);
        hf_mem_fail_at(0);
        if (hf_is_ok(r)) {
            hf_policy_unref(policy);
            break;
        }
        failed++;
        HF_CHECK_CODE(r, HF_E_OUT_OF_MEMORY);
        HF_CHECK(policy == NULL);
        HF_CHECK(hf_mem_live() == before);
    }
    HF_CHECK(failed == 7);
    HF_CHECK(hf_mem_live() == before);
}

HF_TESTS({"nobody without a policy", nobody_without_a_policy},
         {"anyone means every ID", anyone_means_every_id},
         {"a trust domain is that one only", a_trust_domain_is_that_one_only},
         {"exactly accepts no other ID", exactly_accepts_no_other_id},
         {"a prefix ends at a segment", a_prefix_ends_at_a_segment},
         {"a prefix without a path is the whole domain",
          a_prefix_without_a_path_is_the_whole_domain},
         {"and, or, not combine", and_or_not_combine},
         {"an ID that does not parse is never allowed", an_id_that_does_not_parse_is_never_allowed},
         {"programs that make no sense are refused", programs_that_make_no_sense_are_refused},
         {"many exact IDs become one set", many_exact_ids_become_one_set},
         {"chains of OR become one set too", chains_of_or_become_one_set_too},
         {"only neighbours under one OR are merged", only_neighbours_under_one_or_are_merged},
         {"the stack is bounded", the_stack_is_bounded}, {"truth tables hold", truth_tables_hold},
         {"a policy owns its texts and is counted", a_policy_owns_its_texts_and_is_counted},
         {"no memory makes no policy", no_memory_makes_no_policy})
