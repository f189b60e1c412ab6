/* SPDX-License-Identifier: Apache-2.0
 *
 * Revocation lists and SVIDs: what a verifier says under every choice of lists, by each way, in a
 * batch, with a cache, and when memory runs out. What a single list says: test_verify_crl.c.
 */
#include "batch_kit.h"
#include "crl_kit.h"
#include "hf_test.h"
#include "ossl_memory.h"
#include "pki_sign.h"
#include "policy/verifier.h"
#include "recall_kit.h"
#include "verify/crl_book.h"

#define A "a.example"
#define B "b.example"
#define LEAVES 12

static struct pki_cert root, middle, leaf, more[LEAVES], b_root, b_leaf;
static struct hf_bundle_set *set;
static struct hf_policy *anybody;

static const struct pki_revoked revokes_leaf = {.serial = DER_BYTES("\x21\x07")};
static const struct pki_revoked revokes_middle = {.serial = DER_BYTES("\x21\x08")};

static void make_world(void)
{
    static const struct hf_policy_node node = {.op = HF_POLICY_ANY};
    struct pki_spec spec;
    kit_root(&root, "root", KIT_KEY(0));
    pki_intermediate(&spec, "root", "middle", NULL, KIT_KEY(1));
    pki_add_key_ids(&spec, KIT_KEY(0));
    spec.serial = revokes_middle.serial;
    kit_sign(&spec, KIT_KEY(0), &middle);
    pki_leaf(&spec, "middle", "spiffe://" A "/web", KIT_LEAF_KEY);
    pki_add_key_ids(&spec, KIT_KEY(1));
    spec.serial = revokes_leaf.serial;
    kit_sign(&spec, KIT_KEY(1), &leaf);
    for (size_t i = 0; i < LEAVES; i++) {
        kit_leaf(&more[i], "middle", KIT_KEY(1), "spiffe://" A "/web");
    }
    /* Another trust domain, where all have the same names. */
    kit_root(&b_root, "root", KIT_KEY(2));
    kit_leaf(&b_leaf, "root", KIT_KEY(2), "spiffe://" B "/web");
    struct hf_bundle *bundles[2] = {kit_bundle(A, KIT_CERTS(&root)),
                                    kit_bundle(B, KIT_CERTS(&b_root))};
    set = kit_set(bundles, 2);
    pki_need(hf_is_ok(hf_policy_new(&node, 1, &anybody)), "policy");
}

/* ---- lists -------------------------------------------------------------------------------- */

/* What may be there, in this order. */
enum {
    LEAF_GOOD = 0x01,
    LEAF_REVOKED = 0x02,
    LEAF_OLD = 0x04,
    LEAF_FORGED = 0x08,
    MIDDLE_GOOD = 0x10,
    MIDDLE_REVOKED = 0x20,
    CHOICES = 0x40,
};

static void add(struct crl_lists *to, const char *issuer, size_t signer, int64_t until,
                const struct pki_revoked *entry)
{
    struct pki_crl_spec spec;
    pki_crl(&spec, issuer, KIT_KEY(signer));
    spec.this_update = PKI_NOW - 60;
    spec.next_update = until;
    spec.entries = entry;
    spec.count = entry == NULL ? 0 : 1;
    crl_kit_add(to, &spec, KIT_KEY(signer));
}

static struct hf_crl_set *choose(unsigned mask)
{
    static struct crl_lists lists;
    lists.len = 0;
    const int64_t later = PKI_NOW + 60;
    if ((mask & LEAF_GOOD) != 0) {
        add(&lists, "middle", 1, later, NULL);
    }
    if ((mask & LEAF_REVOKED) != 0) {
        add(&lists, "middle", 1, later, &revokes_leaf);
    }
    if ((mask & LEAF_OLD) != 0) {
        add(&lists, "middle", 1, PKI_NOW, NULL);
    }
    if ((mask & LEAF_FORGED) != 0) {
        add(&lists, "middle", 2, later, &revokes_leaf);
    }
    if ((mask & MIDDLE_GOOD) != 0) {
        add(&lists, "root", 0, later, NULL);
    }
    if ((mask & MIDDLE_REVOKED) != 0) {
        add(&lists, "root", 0, later, &revokes_middle);
    }
    return lists.len == 0 ? NULL : crl_kit_set(&lists);
}

/* One page, which may be missing, and unclaimed lists; takes the sets over. */
static struct hf_crl_book *book_of(const char *domain, struct hf_crl_set *crls,
                                   struct hf_crl_set *unclaimed)
{
    struct hf_crl_book *book;
    const struct hf_crl_page page = {(const uint8_t *)domain, sizeof(A) - 1, crls};
    pki_need(hf_is_ok(hf_crl_book_new(&page, crls == NULL ? 0 : 1, unclaimed, &book)), "book");
    hf_crl_set_unref(crls);
    hf_crl_set_unref(unclaimed);
    return book;
}

static struct hf_crl_book *choose_book(unsigned mask, bool claimed)
{
    struct hf_crl_set *crls = choose(mask);
    return claimed ? book_of(A, crls, NULL) : book_of(A, NULL, crls);
}

/* Takes the book over. */
static struct hf_verifier *asking(struct hf_crl_book *book, int policy)
{
    struct hf_verifier *verifier;
    pki_need(hf_is_ok(hf_verifier_new_crls(set, anybody, HF_RULES_STRICT, NULL, book, policy,
                                           &verifier)),
             "verifier");
    hf_crl_book_unref(book);
    return verifier;
}

/* ---- every choice ------------------------------------------------------------------------- */

/* What handfast_crl.h says, in other words than the engine's. */
static uint32_t expected(unsigned mask, bool claimed, int policy, int32_t *depth)
{
    uint32_t missing = policy == HF_CRL_REQUIRED ? HF_E_CRL_MISSING : HF_OK;
    uint32_t of_leaf = missing;
    *depth = 0;
    if ((mask & LEAF_REVOKED) != 0) {
        return HF_E_CERT_REVOKED;
    }
    if ((mask & MIDDLE_REVOKED) != 0) {
        *depth = 1;
        return HF_E_CERT_REVOKED;
    }
    if ((mask & LEAF_GOOD) != 0) {
        of_leaf = HF_OK;
    } else if ((mask & LEAF_OLD) != 0) {
        of_leaf = HF_E_CRL_EXPIRED;
    } else if ((mask & LEAF_FORGED) != 0 && claimed) {
        of_leaf = HF_E_CRL_UNTRUSTED;
    }
    if (of_leaf != HF_OK) {
        return of_leaf;
    }
    *depth = 1;
    return (mask & MIDDLE_GOOD) != 0 ? HF_OK : missing;
}

static void check_choice(unsigned mask, bool claimed, int policy)
{
    struct kit_chain chain;
    struct hf_peer peers[3];
    int32_t depth;
    uint32_t code = expected(mask, claimed, policy, &depth);
    struct hf_verifier *verifier = asking(choose_book(mask, claimed), policy);
    (void)kit_chain(&chain, KIT_CERTS(&leaf, &middle));
    for (int way = HF_BY_ANY; way <= HF_BY_FAST; way++) {
        HF_CHECK_CODE(hf_verifier_authenticate(verifier, &chain.chain, PKI_NOW, HF_PURPOSE_EITHER,
                                               way, &peers[way]),
                      code);
        HF_CHECK(code == HF_OK || kit_depth() == depth);
        HF_CHECK(hf_mem_equal(&peers[way], sizeof(peers[0]), &peers[0], sizeof(peers[0])));
    }
    HF_CHECK_CODE(hf_verifier_verify(verifier, &chain.chain, PKI_NOW, HF_PURPOSE_EITHER, &peers[1]),
                  code);
    HF_CHECK(hf_mem_equal(&peers[1], sizeof(peers[0]), &peers[0], sizeof(peers[0])));
    HF_CHECK((peers[0].id_len != 0) == (code == HF_OK));
    hf_verifier_unref(verifier);
}

/* P2, WAPI-47: the fast path accepts what the general one accepts, and both what they should. */
static void each_way_says_what_the_lists_say(void)
{
    for (unsigned mask = 0; mask < CHOICES; mask++) {
        for (int policy = HF_CRL_REQUIRED; policy <= HF_CRL_IF_AVAILABLE; policy++) {
            check_choice(mask, true, policy);
            check_choice(mask, false, policy);
        }
    }
}

HF_MUST_USE static hf_result ask(struct hf_verifier *verifier, struct kit_certs certs)
{
    struct kit_chain chain;
    struct hf_peer peer;
    return hf_verifier_verify(verifier, kit_chain(&chain, certs), PKI_NOW, HF_PURPOSE_EITHER,
                              &peer);
}

/* P1, C6: neither refused nor covered by another trust domain's, whatever the names. */
static void a_page_is_about_its_own_trust_domain(void)
{
    struct hf_verifier *verifier =
        asking(book_of(B, choose(LEAF_REVOKED | MIDDLE_REVOKED), NULL), HF_CRL_IF_AVAILABLE);
    HF_CHECK_CODE(ask(verifier, KIT_CERTS(&leaf, &middle)), HF_OK);
    /* Its root's list has the name of b's root, and was not signed by that. */
    HF_CHECK_CODE(ask(verifier, KIT_CERTS(&b_leaf)), HF_E_CRL_UNTRUSTED);
    hf_verifier_unref(verifier);
    verifier = asking(book_of(B, choose(LEAF_GOOD | MIDDLE_GOOD), NULL), HF_CRL_REQUIRED);
    HF_CHECK_CODE(ask(verifier, KIT_CERTS(&leaf, &middle)), HF_E_CRL_MISSING);
    hf_verifier_unref(verifier);
}

/* P7: nobody can say who of them was revoked; the others are none the worse. */
static void lists_that_cannot_be_used_are_no_lists(void)
{
    for (int policy = HF_CRL_REQUIRED; policy <= HF_CRL_IF_AVAILABLE; policy++) {
        struct hf_crl_set *good = choose(LEAF_GOOD | MIDDLE_GOOD);
        const struct hf_crl_page pages[] = {
            {(const uint8_t *)B, sizeof(B) - 1, NULL},
            {(const uint8_t *)A, sizeof(A) - 1, good},
        };
        struct hf_crl_book *book;
        HF_CHECK_OK(hf_crl_book_new(pages, 2, NULL, &book));
        hf_crl_set_unref(good);
        struct hf_verifier *verifier = asking(book, policy);
        HF_CHECK_CODE(ask(verifier, KIT_CERTS(&leaf, &middle)), HF_OK);
        HF_CHECK_CODE(ask(verifier, KIT_CERTS(&b_leaf)), HF_E_CRL_INVALID);
        hf_verifier_unref(verifier);
    }
}

/* ---- batches ------------------------------------------------------------------------------ */

/* C9, WAPI-47: as each alone, with lanes and without; lanes are for those whom no list names. */
static void a_batch_says_what_each_alone_is_told(void)
{
    static const unsigned masks[] = {LEAF_GOOD | MIDDLE_GOOD, LEAF_REVOKED | MIDDLE_GOOD,
                                     LEAF_GOOD | MIDDLE_REVOKED, 0};
    struct batch_corpus *corpus = batch_corpus_new(2 * LEAVES + 1);
    for (size_t i = 0; i < LEAVES; i++) {
        batch_add(corpus, KIT_CERTS(&more[i], &middle));
        batch_add(corpus, KIT_CERTS(&leaf, &more[i], &middle));
    }
    batch_add(corpus, KIT_CERTS(&b_leaf));
    for (size_t i = 0; i < 16; i++) {
        struct batch_ask how = BATCH_USUAL;
        int policy = i % 2 == 0 ? HF_CRL_REQUIRED : HF_CRL_IF_AVAILABLE;
        struct hf_verifier *verifier = asking(choose_book(masks[i / 4], i % 4 < 2), policy);
        struct batch_columns *columns = batch_columns_new(corpus->count);
        how.lanes = i % 4 < 2 ? HF_BATCH_LANES_AUTO : HF_BATCH_LANES_OFF;
        HF_CHECK_OK(batch_run(verifier, corpus, &how, columns));
        HF_CHECK(batch_differences(verifier, corpus, &how, columns, false) == 0);
        /* Those of a whose chains no list names, and b's where lists are not required. */
        uint64_t good = i / 4 == 0 ? 2 * LEAVES : i / 4 == 1 ? LEAVES : 0;
        good = i / 4 == 3 && i % 2 == 1 ? 2 * LEAVES : good;
        HF_CHECK(columns->out.statistics.accepted == good + (i % 2 == 1 ? 1 : 0));
        HF_CHECK(i / 4 != 0 || columns->out.statistics.singly <= 2);
        batch_columns_free(columns);
        hf_verifier_unref(verifier);
    }
    batch_corpus_free(corpus);
}

/* ---- what is remembered ------------------------------------------------------------------- */

static struct recall_question about(struct hf_crl_book *book, int policy)
{
    static const struct pki_cert *const chain[] = {&leaf, &middle};
    return (struct recall_question){
        .set = set, .certs = {chain, 2}, .book = book, .crl_policy = policy};
}

/* P3, C3: every choice under one cache, twice; each has its own key, and each answer is that of a
 * verifier without a cache. */
static void what_is_remembered_is_bound_to_the_lists(void)
{
    struct hf_chain_cache *cache = recall_cache(0);
    for (unsigned mask = 0; mask < CHOICES; mask++) {
        for (int i = 0; i < 4; i++) {
            int policy = i < 2 ? HF_CRL_REQUIRED : HF_CRL_IF_AVAILABLE;
            int32_t depth;
            uint32_t code = expected(mask, i % 2 == 0, policy, &depth);
            struct hf_crl_book *book = choose_book(mask, i % 2 == 0);
            struct recall_answer first = recall_ask(cache, about(book, policy));
            struct recall_answer again = recall_ask(cache, about(book, policy));
            /* Without lists it is all one whose they are not. */
            bool met = mask == 0 && i % 2 == 1;
            HF_CHECK(code == HF_OK ? (met ? recall_is_hit(first) : recall_is_judged(first))
                                   : recall_is_refused(first, code));
            HF_CHECK(code == HF_OK ? recall_is_hit(again) : recall_is_refused(again, code));
            hf_crl_book_unref(book);
        }
    }
    HF_CHECK(recall_is_judged(recall_ask(cache, about(NULL, 0))));
    /* No lists, and lists that cannot be used, are different things. */
    const struct hf_crl_page page = {(const uint8_t *)A, sizeof(A) - 1, NULL};
    struct hf_crl_book *book;
    HF_CHECK_OK(hf_crl_book_new(&page, 1, NULL, &book));
    HF_CHECK(
        recall_is_refused(recall_ask(cache, about(book, HF_CRL_IF_AVAILABLE)), HF_E_CRL_INVALID));
    hf_crl_book_unref(book);
    hf_chain_cache_unref(cache);
}

/* P3, C2: it ends with the first list that does, and does not begin before it did. */
static void what_is_remembered_is_bound_to_their_dates(void)
{
    for (int claimed = 0; claimed < 2; claimed++) {
        struct hf_chain_cache *cache = recall_cache(0);
        struct hf_crl_book *book = choose_book(LEAF_GOOD | MIDDLE_GOOD, claimed == 1);
        struct recall_question q = about(book, HF_CRL_REQUIRED);
        HF_CHECK(recall_is_judged(recall_ask(cache, q)));
        q.at = PKI_NOW + 59;
        HF_CHECK(recall_is_hit(recall_ask(cache, q)));
        q.at = PKI_NOW + 60;
        HF_CHECK(recall_is_refused(recall_ask(cache, q), HF_E_CRL_EXPIRED));
        q.at = PKI_NOW - 60;
        HF_CHECK(recall_is_hit(recall_ask(cache, q)));
        q.at = PKI_NOW - 61;
        HF_CHECK(recall_is_refused(recall_ask(cache, q), HF_E_CRL_NOT_YET_VALID));
        hf_crl_book_unref(book);
        hf_chain_cache_unref(cache);
    }
}

/* ---- what goes wrong ---------------------------------------------------------------------- */

/* P7: whatever cannot be had, who is revoked is never accepted, and nothing is left behind. */
static void memory_that_runs_out_revokes_nothing_back(void)
{
    size_t before = hf_mem_live();
    for (int claimed = 0; claimed < 2; claimed++) {
        struct hf_crl_book *book = choose_book(LEAF_REVOKED | MIDDLE_GOOD, claimed == 1);
        size_t k = 1;
        for (bool came = true; came && k < 10000; k++) {
            struct hf_verifier *verifier = asking(hf_crl_book_ref(book), HF_CRL_IF_AVAILABLE);
            struct kit_chain chain;
            struct hf_peer peer;
            (void)kit_chain(&chain, KIT_CERTS(&leaf, &middle));
            atomic_store(&countdown, k);
            hf_result r = hf_verifier_verify(verifier, &chain.chain, PKI_NOW, 0, &peer);
            came = atomic_exchange(&countdown, 0) == 0;
            HF_CHECK(!hf_is_ok(r) && peer.id_len == 0);
            HF_CHECK(came || r.code == HF_E_CERT_REVOKED);
            hf_verifier_unref(verifier);
        }
        HF_CHECK(k > 2);
        hf_crl_book_unref(book);
    }
    HF_CHECK(hf_mem_live() <= before + 16); /* OpenSSL's error queue */
}

static void clear_world(void)
{
    hf_bundle_set_unref(set);
    hf_policy_unref(anybody);
}

HF_TESTS({"make the world", make_world},
         {"each way says what the lists say", each_way_says_what_the_lists_say},
         {"a page is about its own trust domain", a_page_is_about_its_own_trust_domain},
         {"lists that cannot be used are no lists", lists_that_cannot_be_used_are_no_lists},
         {"a batch says what each alone is told", a_batch_says_what_each_alone_is_told},
         {"what is remembered is bound to the lists", what_is_remembered_is_bound_to_the_lists},
         {"what is remembered is bound to their dates", what_is_remembered_is_bound_to_their_dates},
         {"memory that runs out revokes nothing back", memory_that_runs_out_revokes_nothing_back},
         {"clear", clear_world})
