/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/ticket_secrets.h"

#include <openssl/rand.h>
#include <string.h>

#include "x509/ossl.h"
#include "x509/scratch.h"

enum place { CURRENT, UPCOMING, PREVIOUS };

static hf_result fill_random(uint8_t *out, size_t len)
{
    HF_TRY_OSSL(RAND_priv_bytes_ex(hf_ossl_ctx(), out, len, 0) == 1, HF_E_OPENSSL);
    return hf_ok();
}

/* Three keys from one secret, each by a digest with its own label. */
static hf_result derive(const uint8_t secret[HF_TICKET_SECRET_SIZE], struct hf_ticket_key *out)
{
    static const char *const labels[] = {"handfast ticket name 1", "handfast ticket cipher 1",
                                         "handfast ticket mac 1"};
    uint8_t name[HF_DIGEST_SIZE];
    uint8_t *const outs[] = {name, out->cipher, out->mac};
    for (size_t i = 0; i < 3; i++) {
        /* One secret has one length, and no label is the start of another. */
        const struct hf_span parts[] = {hf_span_of(labels[i], strlen(labels[i])),
                                        hf_span_of(secret, HF_TICKET_SECRET_SIZE)};
        HF_TRY(hf_ossl_sha256(parts, 2, outs[i]));
    }
    (void)hf_mem_copy(out->name, sizeof(out->name), name, sizeof(out->name));
    return hf_ok();
}

/* The thread's digest still has what it returned last: a key. */
static void reset_digest(void)
{
    struct hf_scratch *scratch;
    if (hf_is_ok(hf_scratch_get(&scratch))) {
        (void)EVP_DigestInit_ex2(scratch->md, hf_ossl_digest(HF_DIGEST_SIZE), NULL);
    }
}

hf_result hf_ticket_secrets_derive(const struct hf_ticket_secrets *ring,
                                   struct hf_ticket_snapshot *out)
{
    hf_result r = hf_ok();
    out->which = ring->which;
    for (size_t i = 0; i < HF_TICKET_KEYS_MAX && hf_is_ok(r); i++) {
        if ((ring->which >> i & 1) != 0) {
            r = derive(ring->secrets[i], &out->keys[i]);
        }
    }
    reset_digest();
    return r;
}

static void set(struct hf_ticket_secrets *ring, size_t place, const uint8_t *secret)
{
    (void)hf_mem_copy(ring->secrets[place], HF_TICKET_SECRET_SIZE, secret, HF_TICKET_SECRET_SIZE);
    ring->which |= 1U << place;
}

static hf_result check_secret(const struct hf_ticket_secrets *ring, size_t place)
{
    const uint8_t *secret = ring->secrets[place];
    bool same = true;
    for (size_t i = 1; i < HF_TICKET_SECRET_SIZE; i++) {
        same = same && secret[i] == secret[0];
    }
    /* CVE-2020-13777: a key of zeros, by mistake. */
    HF_NEED_SEEN(!same, HF_E_BAD_ARGUMENT, "a random secret", "one that is all the same byte");
    for (size_t i = 0; i < place; i++) {
        HF_NEED_SEEN((ring->which >> i & 1) == 0 ||
                         !hf_mem_equal_secret(ring->secrets[i], secret, HF_TICKET_SECRET_SIZE),
                     HF_E_BAD_ARGUMENT, "different secrets", "the same one twice");
    }
    return hf_ok();
}

hf_result hf_ticket_secrets_take(const struct hf_ticket_ring *in, struct hf_ticket_secrets *out)
{
    HF_NEED_PTR(in);
    HF_NEED_SEEN(in->current != NULL, HF_E_BAD_ARGUMENT, "a current secret", "none");
    HF_NEED_SEEN(in->previous_count <= HF_TICKET_PREVIOUS_MAX &&
                     (in->previous != NULL || in->previous_count == 0),
                 HF_E_BAD_ARGUMENT, "at most 2 previous secrets", "%zu", in->previous_count);
    set(out, CURRENT, in->current);
    if (in->upcoming != NULL) {
        set(out, UPCOMING, in->upcoming);
    }
    for (size_t i = 0; i < in->previous_count; i++) {
        set(out, PREVIOUS + i, in->previous + i * HF_TICKET_SECRET_SIZE);
    }
    for (size_t i = 0; i < HF_TICKET_KEYS_MAX; i++) {
        if ((out->which >> i & 1) != 0) {
            HF_TRY(check_secret(out, i));
        }
    }
    return hf_ok();
}

hf_result hf_ticket_secrets_make(struct hf_ticket_secrets *out)
{
    HF_TRY(fill_random(out->secrets[CURRENT], HF_TICKET_SECRET_SIZE));
    HF_TRY(fill_random(out->secrets[UPCOMING], HF_TICKET_SECRET_SIZE));
    out->which = 1U << CURRENT | 1U << UPCOMING;
    return hf_ok();
}

hf_result hf_ticket_secrets_step(struct hf_ticket_secrets *ring)
{
    uint8_t fresh[2][HF_TICKET_SECRET_SIZE];
    struct hf_ticket_secrets before = *ring;
    hf_result r = fill_random(&fresh[0][0], sizeof(fresh));
    if (hf_is_ok(r)) {
        bool had = (before.which >> UPCOMING & 1) != 0;
        ring->which = 0;
        set(ring, CURRENT, had ? before.secrets[UPCOMING] : fresh[0]);
        set(ring, UPCOMING, fresh[1]);
        set(ring, PREVIOUS, before.secrets[CURRENT]);
        if ((before.which >> PREVIOUS & 1) != 0) {
            set(ring, PREVIOUS + 1, before.secrets[PREVIOUS]);
        }
    }
    hf_mem_wipe(fresh, sizeof(fresh));
    hf_mem_wipe(&before, sizeof(before));
    return r;
}
