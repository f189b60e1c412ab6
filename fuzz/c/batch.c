/* SPDX-License-Identifier: Apache-2.0
 *
 * A batch says of each chain what a single judgement says (C9): verdict, reason, depth, end of
 * validity and ID. The input tells the chains (csrc/tests/grammar_chain.h), equal and spoilt ones
 * among them, who judges (policies, rules, revocation lists), how they lie in memory, lanes and
 * threads; or it is an array of offsets itself.
 *
 * What an attacker must hold: some of the chains of a corpus; and for the offsets, what an
 * application takes over from a file without looking.
 */
#include <stdio.h>
#include <stdlib.h>

#include "batch_kit.h"
#include "crl_kit.h"
#include "grammar_chain.h"
#include "grammar_world.h"
#include "policy/verifier.h"

#define CHAINS_MAX 40

#define REQUIRE(cond) require((cond), #cond, __LINE__)

static void require(bool holds, const char *what, int line)
{
    if (!holds) {
        (void)fprintf(stderr, "line %d: does not hold: %s\n", line, what);
        abort();
    }
}

static struct {
    unsigned long long chains, accepted, twins, by_lanes;
} counts;

__attribute__((destructor)) static void tell(void)
{
    (void)fprintf(stderr,
                  "batch: chains %llu, accepted %llu, equal to another %llu, by lanes %llu\n",
                  counts.chains, counts.accepted, counts.twins, counts.by_lanes);
}

/* Lists of the authority and the CA that most chains are under; one of them revokes the serial
 * number that the input can choose. */
static struct hf_crl_book *make_book(bool revokes)
{
    static struct crl_lists lists;
    const struct pki_revoked one = {.serial = DER_BYTES("\x01")};
    struct hf_crl_book *book;
    struct pki_crl_spec spec;
    lists.len = 0;
    crl_kit_add_plain(&lists, grammar_authority_name(0), grammar_authority_key(0));
    pki_crl(&spec, "ca0", pki_key(PKI_P256, 4));
    spec.entries = &one;
    spec.count = revokes;
    crl_kit_add(&lists, &spec, pki_key(PKI_P256, 4));
    struct hf_crl_set *set = crl_kit_set(&lists);
    REQUIRE(hf_is_ok(hf_crl_book_new(NULL, 0, set, &book)));
    hf_crl_set_unref(set);
    return book;
}

static struct hf_verifier *with_lists(int crl_policy, int rules)
{
    const struct hf_policy_node anybody = {.op = HF_POLICY_ANY};
    struct hf_crl_book *book = crl_policy == 0 ? NULL : make_book(crl_policy != HF_CRL_REQUIRED);
    struct hf_bundle_set *set = grammar_bundles(NULL);
    struct hf_policy *policy;
    struct hf_verifier *verifier;
    REQUIRE(hf_is_ok(hf_policy_new(&anybody, 1, &policy)));
    REQUIRE(hf_is_ok(hf_verifier_new_crls(set, policy, rules, NULL, book, crl_policy, &verifier)));
    hf_bundle_set_unref(set);
    hf_policy_unref(policy);
    hf_crl_book_unref(book);
    return verifier;
}

#define VERIFIERS 6
static struct hf_verifier *verifiers[VERIFIERS];

static void make_verifiers(void)
{
    verifiers[0] = batch_verifier(grammar_bundles(NULL), HF_POLICY_ANY, NULL);
    verifiers[1] = batch_verifier(grammar_bundles(NULL), HF_POLICY_TRUST_DOMAIN, "b.example");
    verifiers[2] = batch_verifier(grammar_bundles(NULL), 0, NULL);
    verifiers[3] = with_lists(0, HF_RULES_COMPATIBLE);
    verifiers[4] = with_lists(HF_CRL_REQUIRED, HF_RULES_STRICT);
    verifiers[5] = with_lists(HF_CRL_IF_AVAILABLE, HF_RULES_STRICT);
}

static void add_case(const struct grammar_case *made, struct batch_corpus *corpus)
{
    static struct pki_cert certs[GRAMMAR_CERTS];
    const struct pki_cert *order[GRAMMAR_CERTS];
    const uint8_t *at = made->der;
    for (size_t i = 0; i < made->count; i++) {
        certs[i].len = made->lengths[i];
        REQUIRE(hf_mem_copy(certs[i].der, sizeof(certs[i].der), at, made->lengths[i]));
        at += made->lengths[i];
        order[i] = &certs[i];
    }
    batch_add(corpus, (struct kit_certs){order, made->count});
}

static void add_chains(struct choices *c, size_t count, struct batch_corpus *corpus)
{
    static struct grammar_case made;
    for (size_t i = 0; i < count; i++) {
        size_t how = i == 0 ? 0 : choose(c, 8);
        if (how == 5) {
            batch_again(corpus, choose_byte(c) % i);
        } else if (how == 6) {
            grammar_case_spoil(c, &made);
            add_case(&made, corpus);
        } else if (how == 7) {
            batch_add_bytes(corpus, hf_span_of("\x30\x02\x05\x00 more", 1 + choose(c, 9)));
        } else {
            grammar_case_wipe(&made);
            if (!grammar_case_make(c, &made)) {
                /* Its bundle is none; the chain is there all the same. */
                batch_add(corpus, (struct kit_certs){made.order, 1});
                continue;
            }
            add_case(&made, corpus);
        }
    }
    grammar_case_wipe(&made);
}

static struct batch_ask ask_of(struct choices *c)
{
    static const size_t widths[] = {8, 4};
    struct batch_ask ask = BATCH_USUAL;
    ask.chain_width = widths[choose(c, 2)];
    ask.cert_width = choose(c, 3) * 4 % 12;
    ask.lanes = choose_odd(c) ? HF_BATCH_LANES_OFF : HF_BATCH_LANES_AUTO;
    ask.threads = choose_odd(c) ? 2 : 1;
    ask.purpose = (int)choose(c, 3);
    return ask;
}

/* Chains as they are. */
static void compare(struct choices *c)
{
    size_t count = 1 + choose(c, CHAINS_MAX);
    struct batch_ask ask = ask_of(c);
    struct hf_verifier *verifier = verifiers[choose_odd(c) ? choose(c, VERIFIERS) : 0];
    struct batch_corpus *corpus = batch_corpus_new(CHAINS_MAX);
    add_chains(c, count, corpus);
    struct batch_columns *columns = batch_columns_new(corpus->count);
    REQUIRE(hf_is_ok(batch_run(verifier, corpus, &ask, columns)));
    REQUIRE(batch_differences(verifier, corpus, &ask, columns, false) == 0);
    counts.chains += corpus->count;
    counts.accepted += columns->out.statistics.accepted;
    counts.twins += columns->out.statistics.duplicates;
    counts.by_lanes += columns->out.statistics.by_lanes;
    batch_columns_free(columns);
    batch_corpus_free(corpus);
}

/* The rest of the input is offsets; data is a stock of certificates. */
static void compare_offsets(struct choices *c)
{
    static uint8_t data[4096];
    uint32_t offsets[CHAINS_MAX + 1];
    struct batch_ask ask = BATCH_USUAL;
    ask.cert_width = 0;
    size_t len = 0;
    for (size_t i = 0; i < 4; i++) {
        const struct pki_cert *cert = grammar_authority(i);
        REQUIRE(hf_mem_copy(data + len, sizeof(data) - len, cert->der, cert->len));
        len += cert->len;
    }
    size_t count = 0;
    bool good = true;
    for (uint32_t at = 0; count <= CHAINS_MAX && c->left.len != 0; count++) {
        /* Mostly upwards. */
        at += (uint32_t)choose_byte(c) * 4;
        at -= choose_odd(c) ? choose_byte(c) : 0;
        offsets[count] = at;
        good = good && at <= len && (count == 0 || offsets[count - 1] <= at);
    }
    if (count < 2) {
        return;
    }
    struct batch_corpus *corpus = batch_corpus_new(CHAINS_MAX);
    for (size_t i = 0; good && i + 1 < count; i++) {
        batch_add_bytes(corpus, hf_span_of(data + offsets[i], offsets[i + 1] - offsets[i]));
    }
    struct batch_columns *columns = batch_columns_new(count - 1);
    const struct hf_batch_input input = {.data = data,
                                         .len = len,
                                         .chains = offsets,
                                         .chain_width = sizeof(offsets[0]),
                                         .count = count - 1};
    const struct hf_batch_options options = {.at = ask.at, .threads = 1};
    hf_result r = hf_batch_verify(verifiers[0], &input, &options, NULL, &columns->out);
    REQUIRE(good ? hf_is_ok(r) : r.code == HF_E_BAD_ARGUMENT);
    if (good) {
        REQUIRE(batch_differences(verifiers[0], corpus, &ask, columns, false) == 0);
    } else {
        REQUIRE(batch_judged(columns) == 0);
    }
    batch_columns_free(columns);
    batch_corpus_free(corpus);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    grammar_prepare();
    make_verifiers();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct choices c = {hf_span_of(data, size)};
    if (choose(&c, 8) == 7) {
        compare_offsets(&c);
    } else {
        compare(&c);
    }
    return 0;
}
