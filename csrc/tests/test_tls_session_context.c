/* SPDX-License-Identifier: Apache-2.0
 *
 * R1, R9: what a session is bound to, as digests: two settings that differ in anything never share
 * one, however their parts are cut.
 */
#include <string.h>

#include "hf_test.h"
#include "resume_kit.h"
#include "tls/session.h"

static struct hf_config *configs[3];
static struct hf_session_store *store;
static struct hf_ticket_keys *tickets;

enum { USUAL, OTHER_SVID, OTHER_POLICY };

static void make_world(void)
{
    static const char id[] = "spiffe://a.example/other";
    const struct hf_policy_node other = {HF_POLICY_EXACTLY, 0, (const uint8_t *)id, sizeof(id) - 1};
    HF_CHECK_OK(hf_session_store_new(0, 0, &store));
    HF_CHECK_OK(hf_ticket_keys_new(NULL, 0, &tickets));
    for (size_t i = 0; i < 3; i++) {
        struct tls_who who;
        tls_who(&who, HF_ROLE_CLIENT);
        who.sessions = store;
        if (i == OTHER_SVID) {
            resume_renew(&who, TLS_CLIENT_ID, 3000);
        }
        if (i == OTHER_POLICY) {
            who.policy = &other;
            who.policy_count = 1;
        }
        configs[i] = tls_config(&who);
    }
}

/* ---- of a configuration ------------------------------------------------------------------- */

static struct hf_config_spec usual(void)
{
    return (struct hf_config_spec){.role = HF_ROLE_SERVER,
                                   .min_version = HF_TLS13,
                                   .svid = configs[USUAL]->svid,
                                   .verifier = configs[USUAL]->verifier};
}

/* Each with one setting of its own; the same text in each place where there may be text. */
static void change(struct hf_config_spec *spec, size_t i)
{
    static const char text[] = "\x03P-5";
    switch (i) {
    case 0:
        break;
    case 1:
        spec->role = HF_ROLE_CLIENT;
        break;
    case 2:
        spec->min_version = HF_TLS12;
        break;
    case 3:
        spec->svid = NULL;
        break;
    case 4:
        spec->svid = configs[OTHER_SVID]->svid;
        break;
    case 5:
        spec->verifier = NULL;
        break;
    case 6:
        spec->verifier = configs[OTHER_POLICY]->verifier;
        break;
    case 7:
        spec->groups = "";
        break;
    case 8:
        spec->groups = text;
        break;
    case 9:
        spec->ciphersuites = "";
        break;
    case 10:
        spec->ciphersuites = text;
        break;
    case 11:
        spec->alpn = (const uint8_t *)text;
        spec->alpn_len = sizeof(text);
        break;
    default:
        spec->tickets = tickets;
        break;
    }
}

#define CHANGES 13

static void each_setting_is_a_context_of_its_own(void)
{
    uint8_t made[CHANGES + 2][HF_DIGEST_SIZE];
    for (size_t i = 0; i < CHANGES; i++) {
        struct hf_config_spec spec = usual();
        change(&spec, i);
        HF_CHECK_OK(hf_session_context(&spec, made[i]));
    }
    /* Its kind and rules. */
    for (size_t i = 0; i < 2; i++) {
        struct hf_verifier verifier = {.kind = configs[USUAL]->verifier->kind,
                                       .rules = configs[USUAL]->verifier->rules,
                                       .policy = configs[USUAL]->verifier->policy};
        struct hf_config_spec spec = usual();
        spec.verifier = &verifier;
        verifier.kind = i == 0 ? HF_VERIFIER_WEB : verifier.kind;
        verifier.rules = i == 1 ? HF_RULES_COMPATIBLE : verifier.rules;
        HF_CHECK_OK(hf_session_context(&spec, made[CHANGES + i]));
    }
    for (size_t i = 0; i < CHANGES + 2; i++) {
        for (size_t j = 0; j < i; j++) {
            HF_CHECK(!hf_mem_equal(made[i], HF_DIGEST_SIZE, made[j], HF_DIGEST_SIZE));
        }
    }
}

/* Tickets go by the identity, and everything else is as it was. */
static void what_is_the_same_is_one_context(void)
{
    for (size_t i = 0; i < CHANGES; i++) {
        uint8_t made[2][HF_DIGEST_SIZE];
        struct hf_config_spec first = usual();
        struct hf_config_spec second = usual();
        change(&first, i);
        change(&second, i);
        if (second.tickets != NULL) {
            second.svid = configs[OTHER_SVID]->svid;
        }
        HF_CHECK_OK(hf_session_context(&first, made[0]));
        HF_CHECK_OK(hf_session_context(&second, made[1]));
        HF_CHECK(hf_mem_equal(made[0], HF_DIGEST_SIZE, made[1], HF_DIGEST_SIZE));
    }
}

/* ---- of a client's destination ------------------------------------------------------------ */

struct destination {
    const struct hf_config *config;
    int16_t kind;
    struct hf_span name;
    struct hf_span key;
};

static void client_key(const struct destination *to, uint8_t out[HF_DIGEST_SIZE])
{
    struct hf_config config = *to->config;
    struct hf_conn conn = {.config = &config, .name_kind = to->kind};
    char name[512];
    HF_CHECK(hf_mem_copy(name, sizeof(name), to->name.data, to->name.len));
    conn.name = name;
    conn.name_len = to->name.len;
    HF_CHECK_OK(hf_session_client_key(&conn, to->key, out));
}

static void no_two_destinations_share_a_key(void)
{
    /* With lengths of one byte, or without their first, these would be the same bytes as those of
     * another name and key. */
    static uint8_t zeros[256];
    static uint8_t three_and_zeros[256] = {3};
    static uint8_t cut[259] = {[252] = 3, [256] = 'k', [257] = 'e', [258] = 'y'};
    const struct hf_span none = hf_span_of(NULL, 0);
    const struct hf_config *usual_one = configs[USUAL];
    const struct destination all[] = {
        {usual_one, HF_NAME_NONE, none, none},
        {usual_one, HF_NAME_DNS, none, none},
        {usual_one, HF_NAME_NONE, HF_SPAN("a"), HF_SPAN("bc")},
        {usual_one, HF_NAME_DNS, HF_SPAN("a"), HF_SPAN("bc")},
        {usual_one, HF_NAME_DNS, HF_SPAN("ab"), HF_SPAN("c")},
        {usual_one, HF_NAME_DNS, none, HF_SPAN("\0\0\0\0x")},
        {usual_one, HF_NAME_DNS, hf_span_of(zeros, 4), HF_SPAN("x")},
        {usual_one, HF_NAME_DNS, none, hf_span_of(cut, sizeof(cut))},
        {usual_one, HF_NAME_DNS, hf_span_of(three_and_zeros, 256), HF_SPAN("key")},
        {configs[OTHER_SVID], HF_NAME_DNS, HF_SPAN("a"), HF_SPAN("bc")},
        {configs[OTHER_POLICY], HF_NAME_DNS, HF_SPAN("a"), HF_SPAN("bc")}};
    uint8_t made[sizeof(all) / sizeof(all[0])][HF_DIGEST_SIZE];
    uint8_t again[HF_DIGEST_SIZE];
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        client_key(&all[i], made[i]);
        client_key(&all[i], again);
        HF_CHECK(hf_mem_equal(made[i], HF_DIGEST_SIZE, again, HF_DIGEST_SIZE));
        for (size_t j = 0; j < i; j++) {
            HF_CHECK(!hf_mem_equal(made[i], HF_DIGEST_SIZE, made[j], HF_DIGEST_SIZE));
        }
    }
}

/* Each store has a seed of its own: nobody outside can choose who shares a place with whom. */
static void no_two_stores_share_a_key(void)
{
    uint8_t made[2][HF_DIGEST_SIZE];
    const struct destination to = {configs[USUAL], HF_NAME_DNS, HF_SPAN("a"), HF_SPAN("b")};
    struct hf_session_store *other;
    HF_CHECK_OK(hf_session_store_new(0, 0, &other));
    client_key(&to, made[0]);
    configs[USUAL]->sessions = other;
    client_key(&to, made[1]);
    configs[USUAL]->sessions = store;
    HF_CHECK(!hf_mem_equal(made[0], HF_DIGEST_SIZE, made[1], HF_DIGEST_SIZE));
    hf_session_store_unref(other);
}

/* ---- of a connection ---------------------------------------------------------------------- */

/* What OpenSSL compares of a session, after a handshake under this name. */
static void id_context(const struct hf_config *config, const char *name,
                       uint8_t out[HF_DIGEST_SIZE])
{
    struct tls_who who;
    struct tls_end client;
    struct tls_end server;
    unsigned len = 0;
    struct hf_config *own = NULL;
    tls_who(&who, HF_ROLE_SERVER);
    who.sessions = store;
    own = tls_config(&who);
    (void)hf_mem_copy(own->session_context, HF_DIGEST_SIZE, config->session_context,
                      HF_DIGEST_SIZE);
    SSL_CTX *ctx = tls_plain_ctx(&who);
    tls_end_plain(&client, ctx, false);
    tls_end_conn(&server, own);
    HF_CHECK(SSL_set_tlsext_host_name(client.ssl, name) == 1);
    tls_drive(&client, &server, SIZE_MAX);
    HF_CHECK(server.done);
    const SSL_SESSION *session = SSL_get0_session(server.conn->ssl);
    const unsigned char *made = SSL_SESSION_get0_id_context(session, &len);
    HF_CHECK(hf_mem_copy(out, HF_DIGEST_SIZE, made, len) && len == HF_DIGEST_SIZE);
    tls_end_free(&client);
    tls_end_free(&server);
    hf_config_unref(own);
    SSL_CTX_free(ctx);
}

/* OpenSSL's own comparison is one of the configuration and the name: it does not rest on ours. */
static void openssl_compares_them_as_well(void)
{
    uint8_t made[4][HF_DIGEST_SIZE];
    id_context(configs[USUAL], "a.example", made[0]);
    id_context(configs[USUAL], "a.example", made[1]);
    id_context(configs[USUAL], "b.example", made[2]);
    id_context(configs[OTHER_POLICY], "a.example", made[3]);
    HF_CHECK(hf_mem_equal(made[0], HF_DIGEST_SIZE, made[1], HF_DIGEST_SIZE));
    HF_CHECK(!hf_mem_equal(made[0], HF_DIGEST_SIZE, made[2], HF_DIGEST_SIZE));
    HF_CHECK(!hf_mem_equal(made[0], HF_DIGEST_SIZE, made[3], HF_DIGEST_SIZE));
}

static void nothing_is_left(void)
{
    for (size_t i = 0; i < 3; i++) {
        hf_config_unref(configs[i]);
    }
    hf_session_store_unref(store);
    hf_ticket_keys_unref(tickets);
    HF_CHECK(hf_mem_live() == 0);
}

HF_TESTS({"make the world", make_world},
         {"each setting is a context of its own", each_setting_is_a_context_of_its_own},
         {"what is the same is one context", what_is_the_same_is_one_context},
         {"no two destinations share a key", no_two_destinations_share_a_key},
         {"no two stores share a key", no_two_stores_share_a_key},
         {"OpenSSL compares them as well", openssl_compares_them_as_well},
         {"nothing is left", nothing_is_left})
