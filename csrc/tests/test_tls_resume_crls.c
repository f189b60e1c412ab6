/* SPDX-License-Identifier: Apache-2.0
 *
 * P4: sessions and revocation lists. A session of an SVID that is on a list by now is not there at
 * the first look; a list that ends between the two looks is met by the second.
 */
#include "crl_kit.h"
#include "hf_test.h"
#include "resume_kit.h"

static struct resume_world world;
static struct hf_crl_book *good, *revoking, *short_lived;

static struct hf_crl_book *book_of(int64_t until, struct der_bytes serial)
{
    static struct crl_lists lists;
    struct pki_crl_spec spec;
    struct hf_crl_book *book;
    const struct pki_revoked entry = {.serial = serial};
    lists.len = 0;
    pki_crl(&spec, "root", KIT_KEY(0));
    spec.next_update = until;
    spec.entries = &entry;
    spec.count = serial.len == 0 ? 0 : 1;
    crl_kit_add(&lists, &spec, KIT_KEY(0));
    struct hf_crl_set *set = crl_kit_set(&lists);
    const struct hf_crl_page page = {(const uint8_t *)TLS_DOMAIN, sizeof(TLS_DOMAIN) - 1, set};
    HF_CHECK_OK(hf_crl_book_new(&page, 1, NULL, &book));
    hf_crl_set_unref(set);
    return book;
}

static void make_world(void)
{
    good = book_of(PKI_NOW + 1000, DER_NONE);
    revoking = book_of(PKI_NOW + 1000, DER_BYTES("\x21\x07"));
    short_lived = book_of(PKI_NOW + 300, DER_NONE);
}

/* The number that is on the list. */
static void get_serial(struct tls_who *who, const char *id)
{
    struct pki_spec spec;
    pki_leaf(&spec, "root", id, KIT_LEAF_KEY);
    spec.serial = DER_BYTES("\x21\x07");
    tls_who_leaf(who, &spec, KIT_LEAF_KEY);
}

static void ask(struct tls_who *who, struct hf_crl_book *book)
{
    who->book = book;
    who->crl_policy = book == NULL ? 0 : HF_CRL_REQUIRED;
}

/* Both resume under lists that name neither, and those are others each time. */
static void lists_that_name_nobody_end_nothing(void)
{
    for (size_t way = 0; way < RESUME_WAYS; way++) {
        resume_start_way(&world, way);
        ask(&world.client, good);
        ask(&world.server, good);
        HF_CHECK(resume_meets_anew(&world) && resume_resumes(&world));
        ask(&world.client, short_lived);
        ask(&world.server, short_lived);
        HF_CHECK(resume_resumes(&world) && resume_resumes(&world));
        resume_finish(&world);
    }
}

static void a_revoked_client_is_met_in_full_and_refused(void)
{
    for (size_t way = 0; way < RESUME_WAYS; way++) {
        resume_start_way(&world, way);
        get_serial(&world.client, TLS_CLIENT_ID);
        ask(&world.server, good);
        HF_CHECK(resume_meets_anew(&world) && resume_resumes(&world));
        ask(&world.server, revoking);
        HF_CHECK(resume_refuses(&world, HF_ROLE_SERVER, HF_E_CERT_REVOKED));
        resume_finish(&world);
    }
}

static void a_revoked_server_is_met_in_full_and_refused(void)
{
    for (size_t way = 0; way < RESUME_WAYS; way++) {
        resume_start_way(&world, way);
        get_serial(&world.server, TLS_SERVER_ID);
        ask(&world.client, good);
        HF_CHECK(resume_meets_anew(&world) && resume_resumes(&world));
        ask(&world.client, revoking);
        HF_CHECK(resume_refuses(&world, HF_ROLE_CLIENT, HF_E_CERT_REVOKED));
        resume_finish(&world);
    }
}

/* Who asks now does not take the word of one who did not. */
static void a_session_from_before_lists_were_asked(void)
{
    for (size_t way = 0; way < RESUME_WAYS; way++) {
        resume_start_way(&world, way);
        get_serial(&world.client, TLS_CLIENT_ID);
        HF_CHECK(resume_meets_anew(&world) && resume_resumes(&world));
        ask(&world.server, revoking);
        HF_CHECK(resume_refuses(&world, HF_ROLE_SERVER, HF_E_CERT_REVOKED));
        resume_finish(&world);
    }
}

/* The server has taken the session when the list ends; to the second. */
static void the_second_look_of_a_server(void)
{
    for (size_t way = 1; way < RESUME_WAYS; way += 2) {
        for (int64_t now = 299; now <= 300; now++) {
            resume_start_way(&world, way);
            ask(&world.server, short_lived);
            HF_CHECK(resume_meets_anew(&world) && resume_resumes(&world));
            resume_prepare(&world);
            tls_step(&world.pair.client);
            HF_CHECK(tls_carry(&world.pair.client, &world.pair.server, SIZE_MAX) != 0);
            resume_clock(now);
            HF_CHECK(tls_carry(&world.pair.server, &world.pair.client, SIZE_MAX) != 0);
            HF_CHECK(tls_carry(&world.pair.client, &world.pair.server, SIZE_MAX) != 0);
            HF_CHECK_CODE(world.pair.server.result, now == 299 ? HF_OK : HF_E_CRL_EXPIRED);
            resume_finish(&world);
        }
    }
}

/* The client has offered it when the list ends. */
static void the_second_look_of_a_client(void)
{
    for (size_t way = 0; way < RESUME_WAYS; way++) {
        for (int64_t now = 299; now <= 300; now++) {
            resume_start_way(&world, way);
            ask(&world.client, short_lived);
            HF_CHECK(resume_meets_anew(&world) && resume_resumes(&world));
            resume_prepare(&world);
            tls_step(&world.pair.client);
            resume_clock(now);
            tls_drive(&world.pair.client, &world.pair.server, SIZE_MAX);
            HF_CHECK(world.pair.client.done == (now == 299));
            HF_CHECK_CODE(world.pair.client.result, now == 299 ? HF_OK : HF_E_CRL_EXPIRED);
            resume_finish(&world);
        }
    }
}

static void clear_world(void)
{
    hf_crl_book_unref(good);
    hf_crl_book_unref(revoking);
    hf_crl_book_unref(short_lived);
}

HF_TESTS({"make the world", make_world},
         {"lists that name nobody end nothing", lists_that_name_nobody_end_nothing},
         {"a revoked client is met in full and refused",
          a_revoked_client_is_met_in_full_and_refused},
         {"a revoked server is met in full and refused",
          a_revoked_server_is_met_in_full_and_refused},
         {"a session from before lists were asked", a_session_from_before_lists_were_asked},
         {"the second look of a server", the_second_look_of_a_server},
         {"the second look of a client", the_second_look_of_a_client}, {"clear", clear_world})
