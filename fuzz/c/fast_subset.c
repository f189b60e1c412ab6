/* SPDX-License-Identifier: Apache-2.0
 *
 * Promise P2: what the fast path accepts, X509_verify_cert and all our rules accept, and say the
 * same of it. The input tells a chain (csrc/tests/grammar.h): really signed, then odd in fields,
 * extensions, structure or bytes, before the signature or after.
 *
 * What an attacker must hold, for most inputs: the key of an authority, to sign odd certificates
 * with. A verifier must do without trust in issuers' care; without that key most inputs would end
 * at the signature.
 */
#include <stdio.h>
#include <stdlib.h>

#include "grammar_compare.h"

#define SPOILT_MAX 16

static struct {
    unsigned long long built, spoilt, covered, accepted, accepted_spoilt, general, other_path;
} counts;

/* How often each refusal of the general path was seen: the grammar reaches that many rules. */
#define KINDS_MAX 128
static struct {
    uint32_t code;
    unsigned long long count;
} refusals[KINDS_MAX];

static void note_refusal(uint32_t code)
{
    size_t i = 0;
    while (i < KINDS_MAX - 1 && refusals[i].count != 0 && refusals[i].code != code) {
        i++;
    }
    refusals[i].code = code;
    refusals[i].count++;
}

__attribute__((destructor)) static void tell(void)
{
    for (size_t i = 0; i < KINDS_MAX && refusals[i].count != 0; i++) {
        const struct hf_error_row *row = hf_error_row_of(refusals[i].code);
        (void)fprintf(stderr, "fast_subset: refused %llu: %s\n", refusals[i].count,
                      row == NULL ? "?" : row->name);
    }
    (void)fprintf(
        stderr,
        "fast_subset: cases %llu (built %llu, spoilt after signing %llu), covered by the "
        "fast path %llu, accepted by it %llu (spoilt %llu), by the general path %llu, by way of "
        "another path %llu\n",
        counts.built + counts.spoilt, counts.built, counts.spoilt, counts.covered, counts.accepted,
        counts.accepted_spoilt, counts.general, counts.other_path);
}

static void print_hex(const char *what, const uint8_t *data, size_t len)
{
    (void)fprintf(stderr, "%s ", what);
    for (size_t i = 0; i < len; i++) {
        (void)fprintf(stderr, "%02x", data[i]);
    }
    (void)fprintf(stderr, "\n");
}

/* Signatures and keys are new in each run: what broke is told in full. */
static void lie(const struct grammar_case *made, const struct grammar_answers *answers)
{
    const struct hf_bundle *bundle =
        hf_bundle_set_find(made->bundles, hf_span_of("a.example", sizeof("a.example") - 1));
    (void)fprintf(stderr, "%s: fast %08x, general %08x, any %08x; at %lld, purpose %d, rules %d\n",
                  answers->wrong, answers->fast, answers->general, answers->any,
                  (long long)made->asked.at, made->asked.purpose, made->rules);
    const uint8_t *at = made->der;
    for (size_t i = 0; i < made->count; i++) {
        print_hex("presented", at, made->lengths[i]);
        at += made->lengths[i];
    }
    for (size_t i = 0; bundle != NULL && i < bundle->count; i++) {
        print_hex("authority", bundle->authorities[i].cert.der.data,
                  bundle->authorities[i].cert.der.len);
    }
    abort();
}

/* The fast path's answer to one chain, held against the others'. */
static bool compare(const struct grammar_case *made, bool always)
{
    struct grammar_answers answers;
    grammar_compare(made, always, &answers);
    bool accepted = answers.fast == HF_OK;
    counts.covered += accepted || answers.fast == HF_E_BAD_SIGNATURE;
    counts.accepted += accepted;
    counts.general += answers.general == HF_OK;
    counts.other_path += answers.other_path;
    if (answers.general != HF_OK && answers.general != HF_E_NOT_JUDGED) {
        note_refusal(answers.general);
    }
    if (answers.wrong != NULL) {
        lie(made, &answers);
    }
    return accepted;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    grammar_prepare();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct grammar_case made;
    struct choices c = {hf_span_of(data, size)};
    size_t spoils = choose(&c, SPOILT_MAX + 1);
    if (!grammar_case_make(&c, &made)) {
        grammar_case_wipe(&made);
        return 0;
    }
    counts.built++;
    (void)compare(&made, true);
    for (size_t i = 0; i < spoils && c.left.len != 0; i++) {
        grammar_case_spoil(&c, &made);
        counts.spoilt++;
        counts.accepted_spoilt += compare(&made, false);
    }
    grammar_case_wipe(&made);
    return 0;
}
