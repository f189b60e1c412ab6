/* SPDX-License-Identifier: Apache-2.0
 *
 * One signature at a time: every kind, kinds that do not fit, encodings that are not DER, and what
 * a thread keeps between two of them.
 */
#include "verify/signature.h"

#include <openssl/err.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hf_test.h"
#include "kit.h"
#include "x509/der.h"
#include "x509/scratch.h"

/* A root of its own for each key: what it signed, and who. */
struct sample {
    struct pki_cert der;
    struct hf_cert cert;
    struct hf_signed what;
    struct hf_signer *signer;
};

static void make(struct sample *out, EVP_PKEY *key, enum pki_algorithm algorithm)
{
    struct pki_spec spec;
    pki_authority(&spec, "root", NULL, key);
    spec.algorithm = algorithm;
    kit_sign(&spec, key, &out->der);
    HF_CHECK_OK(hf_cert_parse(pki_span(&out->der), &out->cert));
    HF_CHECK_OK(hf_signer_new(&out->cert, &out->signer));
    out->what = hf_signed_of(&out->cert);
}

static const struct {
    enum pki_kind key;
    enum pki_algorithm algorithm;
    enum hf_signature_kind kind;
} rows[] = {
    {PKI_P256, PKI_SIGN_ECDSA_SHA256, HF_SIG_ECDSA_SHA256},
    {PKI_P256, PKI_SIGN_ECDSA_SHA384, HF_SIG_ECDSA_SHA384},
    {PKI_P256, PKI_SIGN_ECDSA_SHA512, HF_SIG_ECDSA_SHA512},
    {PKI_P384, PKI_SIGN_ECDSA_SHA256, HF_SIG_ECDSA_SHA256},
    {PKI_P384, PKI_SIGN_ECDSA_SHA384, HF_SIG_ECDSA_SHA384},
    {PKI_P521, PKI_SIGN_ECDSA_SHA512, HF_SIG_ECDSA_SHA512},
    {PKI_P521, PKI_SIGN_ECDSA_SHA256, HF_SIG_ECDSA_SHA256},
    {PKI_RSA2048, PKI_SIGN_RSA_SHA256, HF_SIG_RSA_SHA256},
    {PKI_RSA2048, PKI_SIGN_RSA_SHA384, HF_SIG_RSA_SHA384},
    {PKI_RSA2048, PKI_SIGN_RSA_SHA512, HF_SIG_RSA_SHA512},
    {PKI_RSA2048, PKI_SIGN_PSS_SHA256, HF_SIG_RSA_PSS_SHA256},
    {PKI_RSA2048, PKI_SIGN_PSS_SHA384, HF_SIG_RSA_PSS_SHA384},
    {PKI_RSA2048, PKI_SIGN_PSS_SHA512, HF_SIG_RSA_PSS_SHA512},
    {PKI_RSA3072, PKI_SIGN_RSA_SHA256, HF_SIG_RSA_SHA256},
    {PKI_ED25519, PKI_SIGN_ED25519, HF_SIG_ED25519},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static struct sample samples[ROWS];

static void make_samples(void)
{
    for (size_t i = 0; i < ROWS; i++) {
        make(&samples[i], pki_key(rows[i].key, 0), rows[i].algorithm);
        HF_CHECK(samples[i].what.kind == rows[i].kind);
    }
}

/* Twice, and in turns: contexts that a thread keeps are for one key and one kind. */
static void every_kind_holds_again_and_again(void)
{
    for (size_t i = 0; i < 3 * ROWS; i++) {
        const struct sample *s = &samples[i * 7 % ROWS];
        HF_CHECK_OK(hf_signature_verify(s->signer, &s->what));
    }
}

static void nothing_holds_of_another_key_message_or_kind(void)
{
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t k = 0; k < ROWS; k++) {
            struct hf_signed mixed = samples[i].what;
            mixed.tbs = samples[k].what.tbs;
            HF_CHECK(i == k ||
                     hf_signature_verify(samples[i].signer, &mixed).code == HF_E_BAD_SIGNATURE);
            mixed = samples[i].what;
            mixed.kind = samples[k].what.kind;
            HF_CHECK(mixed.kind == samples[i].what.kind ||
                     hf_signature_verify(samples[i].signer, &mixed).code == HF_E_BAD_SIGNATURE);
            bool same = rows[i].key == rows[k].key;
            HF_CHECK(same || hf_signature_verify(samples[k].signer, &samples[i].what).code ==
                                 HF_E_BAD_SIGNATURE);
        }
        struct hf_signed none = samples[i].what;
        none.kind = HF_SIG_NONE;
        HF_CHECK_CODE(hf_signature_verify(samples[i].signer, &none), HF_E_BAD_SIGNATURE);
        none = samples[i].what;
        none.signature = hf_span_of(NULL, 0);
        HF_CHECK_CODE(hf_signature_verify(samples[i].signer, &none), HF_E_BAD_SIGNATURE);
    }
}

static void kinds_fit_their_keys_and_no_others(void)
{
    for (int key = HF_KEY_NONE; key <= HF_KEY_ED25519; key++) {
        for (int kind = HF_SIG_NONE; kind <= HF_SIG_ED25519 + 1; kind++) {
            bool ecdsa = kind >= HF_SIG_ECDSA_SHA256 && kind <= HF_SIG_ECDSA_SHA512;
            bool rsa = kind >= HF_SIG_RSA_SHA256 && kind <= HF_SIG_RSA_PSS_SHA512;
            bool fits = (ecdsa && key >= HF_KEY_P256 && key <= HF_KEY_P521) ||
                        (rsa && key == HF_KEY_RSA) ||
                        (kind == HF_SIG_ED25519 && key == HF_KEY_ED25519);
            HF_CHECK(hf_signature_fits((enum hf_signature_kind)kind, (enum hf_key_kind)key) ==
                     fits);
        }
    }
}

static void digests_are_of_the_message(void)
{
    for (size_t i = 0; i < ROWS; i++) {
        static const char *const names[] = {"SHA2-256", "SHA2-384", "SHA2-512"};
        uint8_t ours[HF_SIGNATURE_DIGEST_MAX];
        unsigned char theirs[EVP_MAX_MD_SIZE];
        size_t ours_len;
        size_t theirs_len = 0;
        const struct hf_signed *what = &samples[i].what;
        hf_result r = hf_signature_digest(what, ours, &ours_len);
        if (what->kind == HF_SIG_ED25519) {
            HF_CHECK_CODE(r, HF_E_BAD_ARGUMENT);
            HF_CHECK(ours_len == 0);
            continue;
        }
        HF_CHECK_OK(r);
        HF_CHECK(EVP_Q_digest(NULL, names[((unsigned)what->kind - 1) % 3], NULL, what->tbs.data,
                              what->tbs.len, theirs, &theirs_len) == 1);
        HF_CHECK(hf_mem_equal(ours, ours_len, theirs, theirs_len));
    }
}

/* Every byte of every signature counts. For RSA this is slow enough to look at some only. */
static void one_bit_spoils_a_signature(void)
{
    for (size_t i = 0; i < ROWS; i++) {
        uint8_t bytes[1024];
        struct hf_signed spoiled = samples[i].what;
        size_t len = spoiled.signature.len;
        HF_CHECK(hf_mem_copy(bytes, sizeof(bytes), spoiled.signature.data, len));
        spoiled.signature = hf_span_of(bytes, len);
        for (size_t at = 0; at < len; at += len > 150 ? 37 : 5) {
            bytes[at] ^= 0x10;
            HF_CHECK_CODE(hf_signature_verify(samples[i].signer, &spoiled), HF_E_BAD_SIGNATURE);
            bytes[at] ^= 0x10;
        }
        HF_CHECK_OK(hf_signature_verify(samples[i].signer, &spoiled));
        spoiled.signature.len--;
        HF_CHECK_CODE(hf_signature_verify(samples[i].signer, &spoiled), HF_E_BAD_SIGNATURE);
        bytes[len] = 0;
        spoiled.signature.len += 2;
        HF_CHECK_CODE(hf_signature_verify(samples[i].signer, &spoiled), HF_E_BAD_SIGNATURE);
    }
}

/* r and s of the sample, in an encoding of the test's own. */
static hf_result verify_as(const struct sample *s, struct der_bytes encoded)
{
    struct hf_signed what = s->what;
    what.signature = hf_span_of(encoded.data, encoded.len);
    return hf_signature_verify(s->signer, &what);
}

static void take_values(const struct sample *s, struct der_bytes *r_value,
                        struct der_bytes *s_value)
{
    struct hf_span rest = s->what.signature;
    struct hf_span both;
    struct hf_span r;
    struct hf_span t;
    HF_CHECK_OK(hf_der_take(&rest, HF_DER_SEQUENCE, &both));
    HF_CHECK_OK(hf_der_take_integer(&both, &r));
    HF_CHECK_OK(hf_der_take_integer(&both, &t));
    *r_value = (struct der_bytes){r.data, r.len};
    *s_value = (struct der_bytes){t.data, t.len};
}

/* The same numbers, written in ways that are not DER, or with something more. */
static void ecdsa_signatures_are_der_or_nothing(void)
{
    const struct sample *s = &samples[0];
    struct der_bytes r;
    struct der_bytes t;
    take_values(s, &r, &t);
    for (int shape = 0; shape < 9; shape++) {
        uint8_t buffer[200];
        struct der_writer w = {buffer, sizeof(buffer), 0};
        if (shape == 1) {
            der_raw(&w, DER_BYTES("\x30\x80")); /* indefinite */
        }
        size_t outer = shape == 1 ? 0 : der_open(&w, shape == 2 ? 0x31 : 0x30);
        uint8_t padded[80] = {0};
        HF_CHECK(hf_mem_copy(padded + 1, sizeof(padded) - 1, r.data, r.len));
        der_element(&w, shape == 4 ? 0x04 : 0x02,
                    shape == 3 ? (struct der_bytes){padded, r.len + 1} : r);
        der_element(&w, 0x02, shape == 5 ? DER_BYTES("") : t);
        if (shape == 6) {
            der_element(&w, 0x05, DER_NONE);
        }
        if (shape == 1) {
            der_raw(&w, DER_BYTES("\x00\x00"));
        } else {
            der_close(&w, outer);
        }
        if (shape == 7) {
            der_raw(&w, DER_BYTES("\x00"));
        }
        if (shape == 8) { /* a length in the long form that has no need of it */
            uint8_t longer[200];
            struct der_writer l = {longer, sizeof(longer), 0};
            der_raw(&l, DER_BYTES("\x30\x81"));
            der_raw(&l, (struct der_bytes){buffer + 1, w.len - 1});
            HF_CHECK_CODE(verify_as(s, der_done(&l)), HF_E_BAD_SIGNATURE);
            continue;
        }
        HF_CHECK_CODE(verify_as(s, der_done(&w)), shape == 0 ? HF_OK : HF_E_BAD_SIGNATURE);
    }
}

/* C13: neither believed nor left behind. */
static void the_error_queue_decides_nothing(void)
{
    struct hf_signed spoiled = samples[0].what;
    spoiled.tbs = samples[1].what.tbs;
    ERR_raise(ERR_LIB_EVP, ERR_R_MALLOC_FAILURE);
    HF_CHECK_OK(hf_signature_verify(samples[0].signer, &samples[0].what));
    HF_CHECK(ERR_peek_error() == 0);
    ERR_raise(ERR_LIB_EVP, ERR_R_MALLOC_FAILURE);
    HF_CHECK_CODE(hf_signature_verify(samples[0].signer, &spoiled), HF_E_BAD_SIGNATURE);
    HF_CHECK(ERR_peek_error() == 0);
}

/* More keys than a thread keeps contexts for. */
#define MANY (3 * PKI_KEYS_MAX)
static struct sample many[MANY];

static void make_many(void)
{
    static const enum pki_kind curves[] = {PKI_P256, PKI_P384, PKI_P521};
    for (size_t i = 0; i < MANY; i++) {
        make(&many[i], pki_key(curves[i % 3], i / 3), PKI_SIGN_DEFAULT);
    }
}

static size_t surprises_of_many(size_t rounds)
{
    size_t surprises = 0;
    for (size_t i = 0; i < rounds * MANY; i++) {
        const struct sample *s = &many[i * 5 % MANY];
        const struct sample *other = &many[(i * 5 + 3) % MANY];
        surprises += hf_is_ok(hf_signature_verify(s->signer, &s->what)) ? 0 : 1;
        surprises += hf_is_ok(hf_signature_verify(other->signer, &s->what)) ? 1 : 0;
    }
    return surprises;
}

static void more_keys_than_a_thread_keeps(void)
{
    HF_CHECK(MANY > HF_SCRATCH_KEYS);
    make_many();
    HF_CHECK(surprises_of_many(2) == 0);
}

/* What a thread keeps, the last used first. */
static void check_kept(const size_t *which, size_t count)
{
    struct hf_scratch *scratch;
    HF_CHECK_OK(hf_scratch_get(&scratch));
    for (size_t i = 0; i < count; i++) {
        const struct sample *s = &many[which[i]];
        HF_CHECK(scratch->keys[i].ctx != NULL && scratch->keys[i].kind == s->what.kind);
        HF_CHECK(hf_mem_equal(scratch->keys[i].id, HF_DIGEST_SIZE, s->signer->id, HF_DIGEST_SIZE));
    }
}

static void use(size_t which)
{
    HF_CHECK_OK(hf_signature_verify(many[which].signer, &many[which].what));
}

static void contexts_are_kept_by_their_last_use(void)
{
    size_t order[HF_SCRATCH_KEYS];
    struct hf_scratch *scratch;
    for (size_t i = 0; i <= HF_SCRATCH_KEYS; i++) {
        use(i);
    }
    for (size_t i = 0; i < HF_SCRATCH_KEYS; i++) {
        order[i] = HF_SCRATCH_KEYS - i;
    }
    check_kept(order, HF_SCRATCH_KEYS);
    /* Found again, wherever it was: the same context, and those before it one back. */
    static const size_t places[] = {0, 1, 5, HF_SCRATCH_KEYS - 1};
    for (size_t k = 0; k < sizeof(places) / sizeof(places[0]); k++) {
        HF_CHECK_OK(hf_scratch_get(&scratch));
        size_t found = order[places[k]];
        EVP_PKEY_CTX *const ctx = scratch->keys[places[k]].ctx;
        use(found);
        HF_CHECK(scratch->keys[0].ctx == ctx);
        for (size_t i = places[k]; i > 0; i--) {
            order[i] = order[i - 1];
        }
        order[0] = found;
        check_kept(order, HF_SCRATCH_KEYS);
    }
    /* The one that was used longest ago makes room. */
    use(0);
    HF_CHECK(scratch->keys[0].kind == many[0].what.kind);
    check_kept((const size_t[]){0, order[0], order[1]}, 3);
}

static void *verify_in_a_thread(void *surprises)
{
    *(size_t *)surprises = surprises_of_many(2);
    return NULL;
}

/* TSan sees no race, LeakSanitizer that threads leave nothing behind. */
static void threads_share_keys_and_leave_nothing(void)
{
    pthread_t threads[6];
    size_t surprises[6];
    for (size_t i = 0; i < 6; i++) {
        HF_CHECK(pthread_create(&threads[i], NULL, verify_in_a_thread, &surprises[i]) == 0);
    }
    for (size_t i = 0; i < 6; i++) {
        HF_CHECK(pthread_join(threads[i], NULL) == 0);
        HF_CHECK(surprises[i] == 0);
    }
}

/* D9: a child verifies with what its thread kept. */
static void a_child_verifies(void)
{
    pid_t child = fork();
    if (child == 0) {
        (void)alarm(60);
        _exit(
            hf_is_ok(hf_signature_verify(many[0].signer, &many[0].what)) &&
                    hf_is_ok(hf_signature_verify(samples[ROWS - 1].signer, &samples[ROWS - 1].what))
                ? 0
                : 1);
    }
    int status = -1;
    HF_CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

static void verifications_are_counted(void)
{
    uint64_t before = hf_signature_count();
    HF_CHECK_OK(hf_signature_verify(samples[0].signer, &samples[0].what));
    HF_CHECK(hf_signature_count() == before + 1);
    for (size_t i = 0; i < ROWS; i++) {
        hf_signer_unref(samples[i].signer);
    }
    for (size_t i = 0; i < MANY; i++) {
        hf_signer_unref(many[i].signer);
    }
}

HF_TESTS({"make samples", make_samples},
         {"every kind holds again and again", every_kind_holds_again_and_again},
         {"nothing holds of another key, message or kind",
          nothing_holds_of_another_key_message_or_kind},
         {"kinds fit their keys and no others", kinds_fit_their_keys_and_no_others},
         {"digests are of the message", digests_are_of_the_message},
         {"one bit spoils a signature", one_bit_spoils_a_signature},
         {"ECDSA signatures are DER or nothing", ecdsa_signatures_are_der_or_nothing},
         {"the error queue decides nothing", the_error_queue_decides_nothing},
         {"more keys than a thread keeps", more_keys_than_a_thread_keeps},
         {"contexts are kept by their last use", contexts_are_kept_by_their_last_use},
         {"threads share keys and leave nothing", threads_share_keys_and_leave_nothing},
         {"a child verifies", a_child_verifies},
         {"verifications are counted", verifications_are_counted})
