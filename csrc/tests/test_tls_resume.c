/* SPDX-License-Identifier: Apache-2.0
 *
 * P4: resumption grants nothing more. Each fact that a session rests on is changed alone, in TLS
 * 1.2 and 1.3, with a store and with tickets, between two handshakes; that everything else would
 * have resumed is seen first.
 */
#include <string.h>

#include "hf_test.h"
#include "resume_kit.h"

static struct resume_world world;

#define EACH_WAY                                                                                   \
    for (size_t way = 0; way < RESUME_WAYS; way++, resume_finish(&world))                          \
        if (resume_start_way(&world, way), true)

/* The first meeting and, as the control of all that follow, a second one that resumes. */
static bool known_to_each_other(void)
{
    return HF_CHECK(resume_meets_anew(&world)) && HF_CHECK(resume_resumes(&world));
}

/* R1, R5: the control. Peer, chain and time of authentication are those of the full handshake;
 * bundles of equal content were delivered again in between. */
static void nothing_changed(void)
{
    EACH_WAY
    {
        struct hf_peer full[2];
        struct hf_peer again[2];
        struct hf_chain chain;
        int64_t authenticated;
        HF_CHECK(resume_meets_anew(&world));
        HF_CHECK_OK(hf_conn_peer(world.pair.client.conn, &full[0]));
        HF_CHECK_OK(hf_conn_peer(world.pair.server.conn, &full[1]));
        for (int i = 1; i < 4; i++) {
            resume_clock(60 * i);
            HF_CHECK(resume_resumes(&world));
            HF_CHECK_OK(hf_conn_peer(world.pair.client.conn, &again[0]));
            HF_CHECK_OK(hf_conn_peer(world.pair.server.conn, &again[1]));
            HF_CHECK(hf_mem_equal(full, sizeof(full), again, sizeof(again)));
            HF_CHECK_OK(hf_conn_authenticated_at(world.pair.server.conn, &authenticated));
            HF_CHECK(authenticated == PKI_NOW);
            HF_CHECK_OK(hf_conn_presented(world.pair.server.conn, &chain));
            HF_CHECK(chain.count == 1 && hf_span_equal(hf_span_of(chain.der, chain.lengths[0]),
                                                       pki_span(&world.client.chain[0])));
        }
    }
}

/* R3: to the second at which the certificate ends, and not from it on: a clean full handshake with
 * the new one, a refusal without. Either side. */
static void the_certificate_ends(void)
{
    for (int role = HF_ROLE_CLIENT; role <= HF_ROLE_SERVER; role++) {
        EACH_WAY
        {
            struct tls_who *who = role == HF_ROLE_CLIENT ? &world.client : &world.server;
            const char *id = role == HF_ROLE_CLIENT ? TLS_CLIENT_ID : TLS_SERVER_ID;
            int other = role == HF_ROLE_CLIENT ? HF_ROLE_SERVER : HF_ROLE_CLIENT;
            resume_renew(who, id, 300);
            HF_CHECK(known_to_each_other());
            resume_clock(299);
            HF_CHECK(resume_resumes(&world));
            struct tls_who expired = *who;
            resume_renew(who, id, 3000);
            resume_clock(300);
            HF_CHECK(resume_meets_anew(&world));
            *who = expired;
            HF_CHECK(resume_refuses(&world, other, HF_E_CERT_EXPIRED));
        }
    }
}

/* R3: the same with an intermediate, and with the authority itself: the window is that of the whole
 * path. */
static void an_issuer_ends(void)
{
    for (int authority = 0; authority <= 1; authority++) {
        EACH_WAY
        {
            struct tls_who *who = &world.client;
            struct pki_spec spec;
            pki_authority(&spec, "root", NULL, KIT_KEY(0));
            spec.not_after = PKI_NOW + (authority == 1 ? 300 : 3600);
            pki_make(&spec, KIT_KEY(0), &world.server.authority);
            pki_intermediate(&spec, "root", "middle", NULL, KIT_KEY(1));
            spec.not_after = PKI_NOW + (authority == 1 ? 3600 : 300);
            pki_make(&spec, KIT_KEY(0), &who->chain[1]);
            pki_leaf(&spec, "middle", TLS_CLIENT_ID, who->key);
            pki_make(&spec, KIT_KEY(1), &who->chain[0]);
            who->chain_count = 2;
            HF_CHECK(known_to_each_other());
            resume_clock(299);
            HF_CHECK(resume_resumes(&world));
            resume_clock(300);
            HF_CHECK(resume_refuses(&world, HF_ROLE_SERVER, HF_E_CERT_EXPIRED));
        }
    }
}

/* R2: the authority of the peer's chain is removed, on either side. */
static void the_authority_is_removed(void)
{
    for (int role = HF_ROLE_CLIENT; role <= HF_ROLE_SERVER; role++) {
        EACH_WAY
        {
            struct tls_who *who = role == HF_ROLE_CLIENT ? &world.client : &world.server;
            HF_CHECK(known_to_each_other());
            kit_root(&who->authority, "root", KIT_KEY(1));
            HF_CHECK(resume_refuses(&world, role, HF_E_UNKNOWN_AUTHORITY));
        }
    }
}

/* R2: rotated with overlap: the chain is judged anew once, by the bundle that is there now, and
 * the proof of the key stays as old as it is. Without the old authority it is over. */
static void the_authority_is_rotated(void)
{
    struct pki_cert next;
    kit_root(&next, "next", KIT_KEY(1));
    EACH_WAY
    {
        struct hf_peer before;
        struct hf_peer after;
        int64_t authenticated;
        HF_CHECK(known_to_each_other());
        HF_CHECK_OK(hf_conn_peer(world.pair.server.conn, &before));
        world.server.also = &next;
        resume_clock(10);
        HF_CHECK(resume_resumes(&world));
        HF_CHECK_OK(hf_conn_peer(world.pair.server.conn, &after));
        HF_CHECK_OK(hf_conn_authenticated_at(world.pair.server.conn, &authenticated));
        HF_CHECK(!hf_mem_equal(before.bundle_digest, HF_DIGEST_SIZE, after.bundle_digest,
                               HF_DIGEST_SIZE));
        HF_CHECK(before.verified_at == PKI_NOW && after.verified_at == PKI_NOW + 10);
        HF_CHECK(authenticated == PKI_NOW);
        resume_clock(20);
        HF_CHECK(resume_resumes(&world));
        HF_CHECK_OK(hf_conn_peer(world.pair.server.conn, &after));
        /* A ticket of TLS 1.2 stays as it is, so the chain is judged again each time. */
        bool fixed = world.version == HF_TLS12 && world.server.tickets != NULL;
        HF_CHECK(after.verified_at == PKI_NOW + (fixed ? 20 : 10));
        world.server.authority = next;
        world.server.also = NULL;
        HF_CHECK(resume_refuses(&world, HF_ROLE_SERVER, HF_E_UNKNOWN_AUTHORITY));
    }
}

/* R1, R5: another policy is another context, and who is not in it is not let in. */
static void the_policy_changes(void)
{
    static const char same[] = TLS_CLIENT_ID;
    static const char other[] = "spiffe://a.example/other";
    const struct hf_policy_node exactly = {HF_POLICY_EXACTLY, 0, (const uint8_t *)same,
                                           sizeof(same) - 1};
    const struct hf_policy_node not_him = {HF_POLICY_EXACTLY, 0, (const uint8_t *)other,
                                           sizeof(other) - 1};
    EACH_WAY
    {
        HF_CHECK(known_to_each_other());
        world.server.policy = &exactly;
        world.server.policy_count = 1;
        HF_CHECK(resume_meets_anew(&world));
        HF_CHECK(resume_resumes(&world));
        world.server.policy = &not_him;
        HF_CHECK(resume_refuses(&world, HF_ROLE_SERVER, HF_E_NOT_AUTHORIZED));
    }
}

/* R9: our own policy on the server changed: its session is not even offered. */
static void the_clients_policy_changes(void)
{
    static const char other[] = "spiffe://a.example/other";
    const struct hf_policy_node not_him = {HF_POLICY_EXACTLY, 0, (const uint8_t *)other,
                                           sizeof(other) - 1};
    EACH_WAY
    {
        HF_CHECK(known_to_each_other());
        world.client.policy = &not_him;
        world.client.policy_count = 1;
        HF_CHECK(resume_refuses(&world, HF_ROLE_CLIENT, HF_E_NOT_AUTHORIZED));
    }
}

/* R1, R9: each other setting of the server, and own SVIDs. */
static void the_context_changes(void)
{
    static const char id[] = "spiffe://a.example/another-server";
    for (int change = 0; change < 6; change++) {
        EACH_WAY
        {
            HF_CHECK(known_to_each_other());
            switch (change) {
            case 0:
                world.server.alpn = "\x02h2";
                break;
            case 1:
                world.server.groups = "P-256:X25519";
                break;
            case 2:
                world.server.ciphersuites = "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256";
                break;
            case 3:
                resume_renew(&world.server, id, 3000);
                break;
            /* A new SVID is shown: nothing goes on resting on the old one. */
            case 4:
                resume_renew(&world.server, TLS_SERVER_ID, 3000);
                break;
            default:
                resume_renew(&world.client, TLS_CLIENT_ID, 3000);
                break;
            }
            /* Servers of one identity take each other's tickets. */
            bool same = change == 4 && world.server.tickets != NULL;
            HF_CHECK(same || resume_meets_anew(&world));
            HF_CHECK(resume_resumes(&world));
        }
    }
}

/* R4: however often it is renewed, a session ends when its age is over since the peer proved to
 * hold its key. */
static void renewals_end(void)
{
    EACH_WAY
    {
        HF_CHECK(resume_meets_anew(&world));
        for (int64_t now = 300; now < RESUME_AGE; now += 300) {
            resume_clock(now);
            HF_CHECK(resume_resumes(&world));
        }
        resume_clock(RESUME_AGE - 1);
        HF_CHECK(resume_resumes(&world));
        resume_clock(RESUME_AGE);
        HF_CHECK(resume_meets_anew(&world));
        HF_CHECK(resume_resumes(&world));
    }
}

/* R4: a clock that is set back makes no session younger, by whichever clock. */
static void a_clock_is_set_back(void)
{
    EACH_WAY
    {
        HF_CHECK(known_to_each_other());
        resume_clock(-1);
        HF_CHECK(resume_meets_anew(&world));
        HF_CHECK(resume_resumes(&world));
        hf_clock_monotonic_set(1000000 + RESUME_AGE);
        HF_CHECK(resume_meets_anew(&world));
        HF_CHECK(resume_resumes(&world));
        hf_clock_set(PKI_NOW + RESUME_AGE);
        HF_CHECK(resume_meets_anew(&world));
    }
}

/* R4: either clock alone ends a session, to the second. */
static void either_clock_ends_it(void)
{
    for (int monotonic = 0; monotonic <= 1; monotonic++) {
        EACH_WAY
        {
            HF_CHECK(known_to_each_other());
            for (int64_t now = RESUME_AGE - 1; now <= RESUME_AGE; now++) {
                if (monotonic == 1) {
                    hf_clock_monotonic_set(1000000 + now);
                } else {
                    hf_clock_set(PKI_NOW + now);
                }
                HF_CHECK(now < RESUME_AGE ? resume_resumes(&world) : resume_meets_anew(&world));
            }
        }
    }
}

/* R3: the window of the chain begins later when it was judged anew by another authority's
 * certificate, and the clock is then set back before it: to a time at which the peer had proved to
 * hold its key, so that the age is good. */
static void the_clock_is_set_back_before_the_authority(void)
{
    EACH_WAY
    {
        struct pki_spec spec;
        HF_CHECK(known_to_each_other());
        pki_authority(&spec, "root", NULL, KIT_KEY(0));
        spec.not_before = PKI_NOW + 5;
        pki_make(&spec, KIT_KEY(0), &world.server.authority);
        resume_clock(10);
        HF_CHECK(resume_resumes(&world));
        hf_clock_set(PKI_NOW + 5);
        HF_CHECK(resume_resumes(&world));
        /* Between the two looks, where there is a moment between them. */
        if (world.version == HF_TLS13) {
            resume_prepare(&world);
            tls_step(&world.pair.client);
            HF_CHECK(tls_carry(&world.pair.client, &world.pair.server, SIZE_MAX) != 0);
            hf_clock_set(PKI_NOW + 4);
            tls_drive(&world.pair.client, &world.pair.server, SIZE_MAX);
            HF_CHECK_CODE(world.pair.server.result, HF_E_CERT_NOT_YET_VALID);
        }
        hf_clock_set(PKI_NOW + 4);
        HF_CHECK(resume_refuses(&world, HF_ROLE_SERVER, HF_E_CERT_NOT_YET_VALID));
    }
}

/* One side without sessions: everything works, nothing is resumed. */
static void only_one_side_wants_to(void)
{
    for (int role = HF_ROLE_CLIENT; role <= HF_ROLE_SERVER; role++) {
        EACH_WAY
        {
            struct tls_who *who = role == HF_ROLE_CLIENT ? &world.client : &world.server;
            hf_session_store_unref(who->sessions);
            hf_ticket_keys_unref(who->tickets);
            who->sessions = NULL;
            who->tickets = NULL;
            HF_CHECK(resume_meets_anew(&world));
            HF_CHECK(resume_meets_anew(&world));
        }
    }
}

HF_TESTS({"nothing changed", nothing_changed}, {"the certificate ends", the_certificate_ends},
         {"an issuer ends", an_issuer_ends}, {"the authority is removed", the_authority_is_removed},
         {"the authority is rotated", the_authority_is_rotated},
         {"the policy changes", the_policy_changes},
         {"the client's policy changes", the_clients_policy_changes},
         {"the context changes", the_context_changes}, {"renewals end", renewals_end},
         {"a clock is set back", a_clock_is_set_back},
         {"either clock ends it", either_clock_ends_it},
         {"the clock is set back before the authority", the_clock_is_set_back_before_the_authority},
         {"only one side wants to", only_one_side_wants_to})
