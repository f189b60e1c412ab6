/* SPDX-License-Identifier: Apache-2.0
 *
 * R7: tickets in a fleet. Which keys open them, who takes whose, and what becomes of tickets that
 * were changed on the way. What P4 says of every session is in test_tls_resume*.c, for tickets too.
 */
#include <string.h>

#include "hf_test.h"
#include "resume_kit.h"
#include "tls/ticket_keys.h"

#define SIZE HF_TICKET_SECRET_SIZE

static struct resume_world world;

static struct hf_ticket_statistics counts(void)
{
    struct hf_ticket_statistics now;
    hf_ticket_keys_statistics(world.server.tickets, &now);
    return now;
}

static void secret(uint8_t out[SIZE], uint8_t start)
{
    for (size_t i = 0; i < SIZE; i++) {
        out[i] = (uint8_t)(start + 7 * i);
    }
}

/* The server of the world gets other keys, as another process has them. */
static void other_keys(const struct hf_ticket_ring *ring)
{
    hf_ticket_keys_unref(world.server.tickets);
    HF_CHECK_OK(hf_ticket_keys_new(ring, RESUME_AGE, &world.server.tickets));
}

/* A ticket opens with its key while that is current or one of two previous ones, and no longer. */
static void a_retired_key_opens_nothing(void)
{
    for (int version = HF_TLS12; version <= HF_TLS13; version++) {
        for (int rotations = 0; rotations <= 4; rotations++) {
            resume_start_tickets(&world, version);
            HF_CHECK(resume_meets_anew(&world));
            for (int i = 0; i < rotations; i++) {
                HF_CHECK_OK(hf_ticket_keys_rotate(world.server.tickets));
            }
            bool opens = rotations <= HF_TICKET_PREVIOUS_MAX;
            HF_CHECK(opens ? resume_resumes(&world) : resume_meets_anew(&world));
            HF_CHECK(counts().unknown == (opens ? 0 : 1));
            HF_CHECK(counts().opened == (opens ? 1 : 0));
            HF_CHECK(counts().rotations == (uint64_t)rotations);
            HF_CHECK(resume_resumes(&world));
            resume_finish(&world);
        }
    }
}

/* Random keys of two processes have nothing in common. */
static void another_process_opens_nothing(void)
{
    for (int version = HF_TLS12; version <= HF_TLS13; version++) {
        resume_start_tickets(&world, version);
        HF_CHECK(resume_meets_anew(&world) && resume_resumes(&world));
        other_keys(NULL);
        HF_CHECK(resume_meets_anew(&world) && resume_resumes(&world));
        resume_finish(&world);
    }
}

/* Keys of our own rotate by the clock that nobody sets, given ones do not. */
static void keys_of_our_own_rotate(void)
{
    struct hf_ticket_ring ring = {0};
    uint8_t current[SIZE];
    secret(current, 1);
    ring.current = current;
    for (int own = 0; own <= 1; own++) {
        resume_start_tickets(&world, HF_TLS13);
        other_keys(own == 1 ? NULL : &ring);
        HF_CHECK(resume_meets_anew(&world));
        hf_clock_monotonic_set(1000000 + HF_TICKET_ROTATION - 1);
        HF_CHECK(resume_meets_anew(&world));
        HF_CHECK(counts().rotations == 0);
        hf_clock_monotonic_set(1000000 + HF_TICKET_ROTATION);
        HF_CHECK(resume_resumes(&world) && resume_resumes(&world));
        HF_CHECK(counts().rotations == (own == 1 ? 1 : 0));
        resume_finish(&world);
    }
}

/* Two machines of one identity, each with an SVID of its own, one of them a rotation ahead. */
static void a_fleet_shares_its_keys(void)
{
    for (int version = HF_TLS12; version <= HF_TLS13; version++) {
        uint8_t one[SIZE];
        uint8_t two[SIZE];
        secret(one, 1);
        secret(two, 2);
        const struct hf_ticket_ring early = {.current = one, .upcoming = two};
        const struct hf_ticket_ring late = {.current = two, .previous = one, .previous_count = 1};
        resume_start_tickets(&world, version);
        other_keys(&early);
        HF_CHECK(resume_meets_anew(&world));
        resume_renew(&world.server, TLS_SERVER_ID, 3000);
        other_keys(&late);
        HF_CHECK(resume_resumes(&world));
        resume_renew(&world.server, TLS_SERVER_ID, 3001);
        other_keys(&early);
        HF_CHECK(resume_resumes(&world));
        resume_renew(&world.server, "spiffe://a.example/another-server", 3000);
        HF_CHECK(resume_meets_anew(&world));
        resume_finish(&world);
    }
}

/* R3: the session ends with the SVID that was shown when it began, although there is a new one. */
static void it_ends_with_the_svid_that_began_it(void)
{
    for (int version = HF_TLS12; version <= HF_TLS13; version++) {
        for (int64_t now = 299; now <= 300; now++) {
            SSL_SESSION *session;
            resume_start_tickets(&world, version);
            resume_renew(&world.server, TLS_SERVER_ID, 300);
            HF_CHECK(!resume_theirs(&world, NULL, NULL, NULL, &session));
            resume_renew(&world.server, TLS_SERVER_ID, 3000);
            resume_clock(now);
            HF_CHECK(resume_theirs(&world, NULL, NULL, session, NULL) == (now == 299));
            SSL_SESSION_free(session);
            resume_finish(&world);
        }
    }
}

/* R3, R4: a ticket that a resumed connection was given ends with that SVID, too. */
static void renewed_tickets_end_with_it(void)
{
    for (int64_t now = 299; now <= 300; now++) {
        SSL_SESSION *first;
        SSL_SESSION *second;
        resume_start_tickets(&world, HF_TLS13);
        resume_renew(&world.server, TLS_SERVER_ID, 300);
        HF_CHECK(!resume_theirs(&world, NULL, NULL, NULL, &first));
        resume_renew(&world.server, TLS_SERVER_ID, 3000);
        resume_clock(200);
        HF_CHECK(resume_theirs(&world, NULL, NULL, first, &second));
        resume_clock(now);
        HF_CHECK(resume_theirs(&world, NULL, NULL, second, NULL) == (now == 299));
        SSL_SESSION_free(first);
        SSL_SESSION_free(second);
        resume_finish(&world);
    }
}

/* R4: another machine's steady clock says nothing. From the first sight on, ours counts. */
static void clocks_of_two_machines(void)
{
    uint8_t one[SIZE];
    secret(one, 1);
    const struct hf_ticket_ring ring = {.current = one};
    resume_start_tickets(&world, HF_TLS13);
    other_keys(&ring);
    SSL_SESSION *first;
    SSL_SESSION *second;
    HF_CHECK(!resume_theirs(&world, NULL, NULL, NULL, &first));
    other_keys(&ring);
    hf_clock_set(PKI_NOW + 600);
    hf_clock_monotonic_set(50);
    HF_CHECK(resume_theirs(&world, NULL, NULL, first, &second));
    SSL_SESSION_free(first);
    /* The wall clock stands still; the age was 600 and is over by the other. */
    hf_clock_monotonic_set(50 + RESUME_AGE - 600 - 1);
    HF_CHECK(resume_theirs(&world, NULL, NULL, second, NULL));
    hf_clock_monotonic_set(50 + RESUME_AGE - 600);
    HF_CHECK(!resume_theirs(&world, NULL, NULL, second, NULL));
    SSL_SESSION_free(second);
    resume_finish(&world);
}

/* A ticket that is shown again is a ticket: everything is asked again, and it brings nothing but a
 * handshake to whoever does not hold its secret. */
static void a_ticket_may_be_shown_again(void)
{
    SSL_SESSION *session;
    resume_start_tickets(&world, HF_TLS13);
    HF_CHECK(!resume_theirs(&world, NULL, NULL, NULL, &session));
    HF_CHECK(resume_theirs(&world, NULL, NULL, session, NULL));
    HF_CHECK(resume_theirs(&world, NULL, NULL, session, NULL));
    resume_clock(RESUME_AGE);
    HF_CHECK(!resume_theirs(&world, NULL, NULL, session, NULL));
    HF_CHECK(counts().refused == 1);
    SSL_SESSION_free(session);
    resume_finish(&world);
}

/* R7: a bit changed anywhere is a full handshake: no failure, and never a resumption. */
static void changed_tickets_open_nothing(void)
{
    size_t changed = 0;
    for (int version = HF_TLS12; version <= HF_TLS13; version++) {
        SSL_SESSION *session;
        const unsigned char *ticket;
        size_t len;
        resume_start_tickets(&world, version);
        HF_CHECK(!resume_theirs(&world, NULL, NULL, NULL, &session));
        SSL_SESSION_get0_ticket(session, &ticket, &len);
        HF_CHECK(len > 500);
        /* The session's own memory: nobody else holds it. */
        uint8_t *bytes = (uint8_t *)(uintptr_t)ticket;
        for (size_t i = 0; i < len; i++, changed++) {
            bytes[i] ^= (uint8_t)(1U << i % 8);
            HF_CHECK(!resume_theirs(&world, NULL, NULL, session, NULL));
            bytes[i] ^= (uint8_t)(1U << i % 8);
        }
        HF_CHECK(resume_theirs(&world, NULL, NULL, session, NULL));
        HF_CHECK(counts().opened == 1);
        SSL_SESSION_free(session);
        resume_finish(&world);
    }
    (void)printf("%zu changed tickets, none resumed\n", changed);
}

/* Who presents more than a ticket carries gets none, and is served all the same. */
static void large_chains_get_no_ticket(void)
{
    static uint8_t filling[HF_TICKET_CHAIN_MAX];
    for (int version = HF_TLS12; version <= HF_TLS13; version++) {
        struct pki_spec spec;
        resume_start_tickets(&world, version);
        pki_leaf(&spec, "root", TLS_CLIENT_ID, world.client.key);
        struct der_bytes value = {filling, sizeof(filling)};
        pki_add(&spec, "1.3.6.1.4.1.1", false, value);
        tls_who_leaf(&world.client, &spec, world.client.key);
        HF_CHECK(resume_meets_anew(&world) && resume_meets_anew(&world));
        HF_CHECK(counts().issued == 0);
        resume_finish(&world);
    }
}

HF_TESTS({"a retired key opens nothing", a_retired_key_opens_nothing},
         {"another process opens nothing", another_process_opens_nothing},
         {"keys of our own rotate", keys_of_our_own_rotate},
         {"a fleet shares its keys", a_fleet_shares_its_keys},
         {"it ends with the SVID that began it", it_ends_with_the_svid_that_began_it},
         {"renewed tickets end with it", renewed_tickets_end_with_it},
         {"clocks of two machines", clocks_of_two_machines},
         {"a ticket may be shown again", a_ticket_may_be_shown_again},
         {"changed tickets open nothing", changed_tickets_open_nothing},
         {"large chains get no ticket", large_chains_get_no_ticket})
