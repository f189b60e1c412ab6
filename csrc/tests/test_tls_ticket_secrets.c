/* SPDX-License-Identifier: Apache-2.0
 *
 * R7: the ring of secrets by itself: what is taken, where it goes, how it moves on, and which keys
 * are made of it.
 */
#include "hf_test.h"
#include "tls/ticket_secrets.h"
#include "x509/ossl.h"

#define SIZE HF_TICKET_SECRET_SIZE

/* Secret number n: its bytes count on from n. */
static void secret(uint8_t *out, uint8_t n)
{
    for (size_t i = 0; i < SIZE; i++) {
        out[i] = (uint8_t)(n + i);
    }
}

static bool is_secret(const struct hf_ticket_secrets *ring, size_t place, uint8_t n)
{
    uint8_t wanted[SIZE];
    secret(wanted, n);
    return (ring->which >> place & 1) != 0 &&
           hf_mem_equal(ring->secrets[place], SIZE, wanted, SIZE);
}

/* Every machine of a fleet, whatever its version, makes the same of one secret: SHA-256 of a label
 * and the secret, computed elsewhere. */
static void keys_are_made_by_label(void)
{
    static const uint8_t name[] =
        "\x66\x81\xff\x1c\x60\x81\xe1\xf4\x2f\x1e\x9d\x1a\x04\x11\xdd\xab";
    static const uint8_t cipher[] =
        "\x96\x1f\xde\x7f\x5b\x83\x7a\x1f\xf6\x57\x5b\xff\x6b\xa2\x6d\x65"
        "\xe7\x6e\x06\xa9\xac\x17\xd3\xb8\x93\xd1\xe2\xa1\x2d\x7d\xa2\x40";
    static const uint8_t mac[] = "\x4c\x10\xe3\xcc\xd0\xfb\x02\x3d\x4f\xce\xa7\x40\x85\x7c\x1c\xec"
                                 "\xcd\x34\xf2\x85\x72\x28\xc8\x3a\x89\xc0\xea\xc0\xe0\xd9\x3d\x5c";
    struct hf_ticket_secrets ring = {.which = 1U << 3};
    struct hf_ticket_snapshot made = {.which = 0};
    struct hf_ticket_key none = {.name = {0}};
    HF_CHECK_OK(hf_library_init());
    secret(ring.secrets[3], 1);
    HF_CHECK_OK(hf_ticket_secrets_derive(&ring, &made));
    HF_CHECK(made.which == 1U << 3);
    HF_CHECK(hf_mem_equal(made.keys[3].name, HF_TICKET_NAME_SIZE, name, HF_TICKET_NAME_SIZE));
    HF_CHECK(hf_mem_equal(made.keys[3].cipher, 32, cipher, 32));
    HF_CHECK(hf_mem_equal(made.keys[3].mac, 32, mac, 32));
    for (size_t i = 0; i < 3; i++) {
        HF_CHECK(hf_mem_equal(&made.keys[i], sizeof(none), &none, sizeof(none)));
    }
}

static void each_has_its_place(void)
{
    uint8_t secrets[4][SIZE];
    for (uint8_t i = 0; i < 4; i++) {
        secret(secrets[i], (uint8_t)(10 * i + 10));
    }
    for (uint32_t upcoming = 0; upcoming <= 1; upcoming++) {
        for (uint32_t previous = 0; previous <= HF_TICKET_PREVIOUS_MAX; previous++) {
            struct hf_ticket_secrets ring = {.which = 0};
            const struct hf_ticket_ring in = {secrets[0], upcoming == 1 ? secrets[1] : NULL,
                                              secrets[2], previous};
            HF_CHECK_OK(hf_ticket_secrets_take(&in, &ring));
            HF_CHECK(ring.which == (1U | upcoming << 1 | ((1U << previous) - 1) << 2));
            HF_CHECK(is_secret(&ring, 0, 10));
            HF_CHECK(is_secret(&ring, 1, 20) == (upcoming == 1));
            HF_CHECK(is_secret(&ring, 2, 30) == (previous >= 1));
            HF_CHECK(is_secret(&ring, 3, 40) == (previous >= 2));
        }
    }
}

HF_MUST_USE static hf_result take(const uint8_t *current, const uint8_t *upcoming,
                                  const uint8_t *previous)
{
    struct hf_ticket_secrets ring = {.which = 0};
    const struct hf_ticket_ring in = {current, upcoming, previous, previous == NULL ? 0 : 2};
    return hf_ticket_secrets_take(&in, &ring);
}

/* CVE-2020-13777: all bytes the same; one that differs makes a secret, wherever it is. */
static void a_secret_is_not_one_byte_again_and_again(void)
{
    uint8_t sevens[SIZE];
    for (size_t i = 0; i < SIZE; i++) {
        sevens[i] = 7;
    }
    HF_CHECK_CODE(take(sevens, NULL, NULL), HF_E_BAD_ARGUMENT);
    for (size_t i = 0; i < SIZE; i++) {
        sevens[i] = 8;
        HF_CHECK_OK(take(sevens, NULL, NULL));
        sevens[i] = 7;
    }
}

/* In each two places; to the last byte. */
static void no_secret_is_there_twice(void)
{
    uint8_t secrets[4][SIZE];
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < i; j++) {
            for (uint8_t k = 0; k < 4; k++) {
                secret(secrets[k], (uint8_t)(10 * k + 10));
            }
            HF_CHECK_OK(take(secrets[0], secrets[1], secrets[2]));
            (void)hf_mem_copy(secrets[i], SIZE, secrets[j], SIZE);
            HF_CHECK_CODE(take(secrets[0], secrets[1], secrets[2]), HF_E_BAD_ARGUMENT);
            secrets[i][SIZE - 1] ^= 1;
            HF_CHECK_OK(take(secrets[0], secrets[1], secrets[2]));
        }
    }
    secret(secrets[0], 10);
    HF_CHECK_CODE(take(NULL, secrets[0], NULL), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_ticket_secrets_take(NULL, &(struct hf_ticket_secrets){.which = 0}),
                  HF_E_BAD_ARGUMENT);
}

/* Also where there is no upcoming one in between. */
static void no_previous_one_is_the_current_one(void)
{
    uint8_t secrets[3][SIZE];
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < i; j++) {
            for (uint8_t k = 0; k < 3; k++) {
                secret(secrets[k], (uint8_t)(10 * k + 10));
            }
            HF_CHECK_OK(take(secrets[0], NULL, secrets[1]));
            (void)hf_mem_copy(secrets[i], SIZE, secrets[j], SIZE);
            HF_CHECK_CODE(take(secrets[0], NULL, secrets[1]), HF_E_BAD_ARGUMENT);
        }
    }
}

static bool is_random(const uint8_t made[SIZE])
{
    size_t zeros = 0;
    for (size_t i = 0; i < SIZE; i++) {
        zeros += made[i] == 0;
    }
    return zeros < SIZE / 4;
}

static void new_ones_are_random(void)
{
    struct hf_ticket_secrets ring = {.which = 0};
    HF_CHECK_OK(hf_ticket_secrets_make(&ring));
    HF_CHECK(ring.which == 3);
    HF_CHECK(is_random(ring.secrets[0]) && is_random(ring.secrets[1]));
    HF_CHECK(!hf_mem_equal(ring.secrets[0], SIZE, ring.secrets[1], SIZE));
}

/* Upcoming becomes current, current previous; the oldest is gone, and the new one is random. */
static void a_step_moves_each_by_one(void)
{
    for (uint32_t which = 1; which <= 15; which += 2) {
        struct hf_ticket_secrets ring = {.which = which};
        for (uint8_t i = 0; i < 4; i++) {
            secret(ring.secrets[i], (uint8_t)(10 * i + 10));
        }
        bool upcoming = (which & 2) != 0;
        bool previous = (which & 4) != 0;
        HF_CHECK_OK(hf_ticket_secrets_step(&ring));
        HF_CHECK(ring.which == (previous ? 15 : 7));
        HF_CHECK(is_secret(&ring, 0, 20) == upcoming && is_random(ring.secrets[0]));
        HF_CHECK(!is_secret(&ring, 1, 20) && is_random(ring.secrets[1]));
        HF_CHECK(!hf_mem_equal(ring.secrets[0], SIZE, ring.secrets[1], SIZE));
        HF_CHECK(is_secret(&ring, 2, 10));
        HF_CHECK(is_secret(&ring, 3, 30) == previous);
    }
}

HF_TESTS({"keys are made by label", keys_are_made_by_label},
         {"each has its place", each_has_its_place},
         {"a secret is not one byte again and again", a_secret_is_not_one_byte_again_and_again},
         {"no secret is there twice", no_secret_is_there_twice},
         {"no previous one is the current one", no_previous_one_is_the_current_one},
         {"new ones are random", new_ones_are_random},
         {"a step moves each by one", a_step_moves_each_by_one})
