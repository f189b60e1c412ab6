/* SPDX-License-Identifier: Apache-2.0
 *
 * Every context that can be made has everything off that must be off (threat R12, D2), and what is
 * not a configuration is refused.
 */
#include "hf_test.h"
#include "tls_kit.h"

static struct tls_who who;

#define OPTIONS_ON (SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION)
#define OPTIONS_OFF                                                                                \
    (SSL_OP_ENABLE_MIDDLEBOX_COMPAT | SSL_OP_LEGACY_SERVER_CONNECT |                               \
     SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION | SSL_OP_ALLOW_CLIENT_RENEGOTIATION |                \
     SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_ENABLE_KTLS | SSL_OP_ALLOW_NO_DHE_KEX |                 \
     SSL_OP_NO_EXTENDED_MASTER_SECRET)

/* Without sessions nothing is resumed; with them our own callbacks decide, never OpenSSL's cache.
 */
static int64_t cache_mode(const struct hf_config *config)
{
    int64_t ours = SSL_SESS_CACHE_NO_INTERNAL | SSL_SESS_CACHE_NO_AUTO_CLEAR;
    if (config->sessions == NULL) {
        return SSL_SESS_CACHE_OFF;
    }
    return ours | (config->role == HF_ROLE_SERVER ? SSL_SESS_CACHE_SERVER : SSL_SESS_CACHE_CLIENT);
}

static void check_facts(const struct hf_config *config, int min_version)
{
    struct hf_config_facts facts;
    uint64_t options_on = OPTIONS_ON;
    uint64_t mode = SSL_MODE_NO_AUTO_CHAIN | SSL_MODE_RELEASE_BUFFERS;
#ifdef SSL_OP_NO_RX_CERTIFICATE_COMPRESSION
    options_on |= SSL_OP_NO_RX_CERTIFICATE_COMPRESSION | SSL_OP_NO_TX_CERTIFICATE_COMPRESSION;
#endif
    if (!HF_CHECK_OK(hf_config_inspect(config, &facts))) {
        return;
    }
    HF_CHECK((facts.options & options_on) == options_on);
    HF_CHECK((facts.options & OPTIONS_OFF) == 0);
    /* Only who has keys for them makes tickets, and only who keeps sessions takes them. */
    bool tickets =
        config->tickets != NULL || (config->role == HF_ROLE_CLIENT && config->sessions != NULL);
    HF_CHECK(((facts.options & SSL_OP_NO_TICKET) == 0) == tickets);
    HF_CHECK((facts.mode & mode) == mode);
    HF_CHECK(facts.session_cache_mode == cache_mode(config));
    HF_CHECK(facts.max_cert_list >= HF_CHAIN_BYTES_MAX);
    HF_CHECK(facts.max_cert_list < HF_CHAIN_BYTES_MAX + 4096);
    HF_CHECK(facts.verify_mode == (SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT));
    HF_CHECK(facts.min_version == min_version);
    HF_CHECK(facts.max_version == HF_TLS13);
    HF_CHECK(facts.num_tickets == 0);
    HF_CHECK(facts.max_early_data == 0);
    HF_CHECK(facts.recv_max_early_data == 0);
    HF_CHECK(facts.store_objects == 0);
    HF_CHECK(facts.post_handshake_auth == 0);
    HF_CHECK(SSL_CTX_get_security_level(config->ctx) == 2);
    HF_CHECK(SSL_CTX_get_read_ahead(config->ctx) == 0);
    HF_CHECK((SSL_CTX_get_keylog_callback(config->ctx) != NULL) == config->key_log);
}

/* Raw public keys by which CVE-2024-12797 went around verification: neither type list names one. */
static void check_no_raw_keys(const struct hf_config *config)
{
#if OPENSSL_VERSION_NUMBER >= 0x30200000L
    unsigned char *types = NULL;
    size_t len = 0;
    (void)SSL_CTX_get0_client_cert_type(config->ctx, &types, &len);
    HF_CHECK(len == 0);
    (void)SSL_CTX_get0_server_cert_type(config->ctx, &types, &len);
    HF_CHECK(len == 0);
#else
    HF_CHECK(config->ctx != NULL);
#endif
}

static void every_context_keeps_the_rules(void)
{
    struct hf_session_store *sessions;
    HF_CHECK_OK(hf_session_store_new(0, 0, &sessions));
    for (int role = HF_ROLE_CLIENT; role <= HF_ROLE_SERVER; role++) {
        for (int bits = 0; bits < 32; bits++) {
            tls_who(&who, role);
            who.min_version = bits & 1 ? HF_TLS12 : 0;
            who.alpn = bits & 2 ? "\x02h2" : NULL;
            who.key_log = bits & 4 ? 1 : 0;
            who.groups = bits & 8 ? "P-256" : NULL;
            who.sessions = bits & 16 ? sessions : NULL;
            struct hf_config *config = tls_config(&who);
            check_facts(config, bits & 1 ? HF_TLS12 : HF_TLS13);
            check_no_raw_keys(config);
            hf_config_unref(config);
        }
    }
    hf_session_store_unref(sessions);
}

/* Nobody is let in unseen unless it was said, and then nothing else fits. */
static void one_way_is_said_and_alone(void)
{
    tls_who(&who, HF_ROLE_SERVER);
    struct hf_config *mutual = tls_config(&who);
    struct hf_svid *svid = mutual->svid;
    struct hf_verifier *verifier = mutual->verifier;
    struct hf_verifier *web;
    struct hf_svid *plain;
    struct hf_session_store *sessions;
    struct hf_ticket_keys *tickets;
    struct hf_config *config;
    struct hf_config_facts facts;
    const struct pki_cert *leaf = &who.chain[0];
    HF_CHECK_OK(hf_session_store_new(0, 0, &sessions));
    HF_CHECK_OK(hf_ticket_keys_new(NULL, 0, &tickets));
    HF_CHECK_OK(hf_verifier_new_web(who.authority.der, who.authority.len, 4, &web));
    uint8_t key[256];
    size_t key_len = pki_key_der(who.key, PKI_PKCS8, key, sizeof(key));
    HF_CHECK_OK(hf_svid_web_new(leaf->der, leaf->len, key, key_len, &plain));
    const int client = HF_ROLE_CLIENT;
    const int server = HF_ROLE_SERVER;
    const struct hf_config_spec refused[] = {
        {.role = server, .svid = svid},                        /* not said */
        {.role = client, .verifier = verifier},                /* not said */
        {.role = server, .svid = plain, .verifier = verifier}, /* shown to peers of mutual TLS */
        {.role = client, .svid = plain, .verifier = verifier},
        {.role = server, .one_way = 1}, /* nothing to show */
        {.role = server, .one_way = 1, .svid = svid, .verifier = verifier},
        {.role = server, .one_way = 1, .svid = svid, .sessions = sessions},
        {.role = server, .one_way = 1, .svid = svid, .tickets = tickets},
        {.role = client, .one_way = 1}, /* would believe everybody */
        {.role = client, .one_way = 1, .svid = svid, .verifier = verifier},
        {.role = client, .one_way = 1, .verifier = web},
        {.role = client, .one_way = 1, .verifier = verifier, .sessions = sessions},
    };
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        HF_CHECK(!hf_is_ok(hf_config_new(&refused[i], &config)));
        HF_CHECK(config == NULL);
    }
    const struct hf_config_spec good[] = {
        {.role = server, .one_way = 1, .svid = svid},
        {.role = server, .one_way = 1, .svid = plain},
        {.role = client, .one_way = 1, .verifier = verifier},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        HF_CHECK_OK(hf_config_new(&good[i], &config));
        HF_CHECK_OK(hf_config_inspect(config, &facts));
        bool asks = good[i].role == client;
        HF_CHECK((facts.verify_mode == SSL_VERIFY_NONE) == !asks);
        HF_CHECK(facts.session_cache_mode == SSL_SESS_CACHE_OFF && facts.num_tickets == 0);
        HF_CHECK((facts.options & SSL_OP_NO_TICKET) != 0);
        hf_config_unref(config);
    }
    hf_svid_unref(plain);
    hf_verifier_unref(web);
    hf_ticket_keys_unref(tickets);
    hf_session_store_unref(sessions);
    hf_config_unref(mutual);
}

/* A server has tickets or a store, a client a store: never both, whose checks differ (R6). */
static void tickets_are_a_servers_and_alone(void)
{
    struct hf_session_store *sessions;
    struct hf_ticket_keys *tickets;
    struct hf_config *config;
    HF_CHECK_OK(hf_session_store_new(0, 0, &sessions));
    HF_CHECK_OK(hf_ticket_keys_new(NULL, 0, &tickets));
    tls_who(&who, HF_ROLE_SERVER);
    who.tickets = tickets;
    config = tls_config(&who);
    check_facts(config, HF_TLS13);
    hf_config_unref(config);
    who.sessions = sessions;
    HF_CHECK_CODE(tls_config_try(&who, &config), HF_E_CONFIG_INVALID);
    tls_who(&who, HF_ROLE_CLIENT);
    who.tickets = tickets;
    HF_CHECK_CODE(tls_config_try(&who, &config), HF_E_CONFIG_INVALID);
    hf_session_store_unref(sessions);
    hf_ticket_keys_unref(tickets);
}

static struct hf_verifier *web_verifier(void)
{
    struct hf_verifier *verifier = NULL;
    HF_CHECK_OK(hf_verifier_new_web(who.authority.der, who.authority.len, 4, &verifier));
    return verifier;
}

static void a_web_client_keeps_them_too(void)
{
    struct hf_config *config;
    struct hf_conn *conn;
    tls_who(&who, HF_ROLE_CLIENT);
    struct hf_session_store *sessions;
    HF_CHECK_OK(hf_session_store_new(0, 0, &sessions));
    /* A web client resumes nothing, whatever it is given. */
    struct hf_config_spec spec = {
        .role = HF_ROLE_CLIENT, .verifier = web_verifier(), .sessions = sessions};
    if (HF_CHECK_OK(hf_config_new(&spec, &config))) {
        HF_CHECK(config->sessions == NULL);
        check_facts(config, HF_TLS13);
        check_no_raw_keys(config);
        HF_CHECK_CODE(hf_conn_new(config, HF_NAME_NONE, NULL, 0, &conn), HF_E_NAME_INVALID);
        HF_CHECK(conn == NULL);
        hf_config_unref(config);
    }
    spec.role = HF_ROLE_SERVER;
    HF_CHECK_CODE(hf_config_new(&spec, &config), HF_E_CONFIG_INVALID);
    HF_CHECK(config == NULL);
    hf_verifier_unref(spec.verifier);
    hf_session_store_unref(sessions);
}

static void check_alpn_refused(const char *bytes, size_t len)
{
    struct hf_config *config;
    tls_who(&who, HF_ROLE_CLIENT);
    struct hf_config_spec spec = {.role = HF_ROLE_CLIENT,
                                  .verifier = web_verifier(),
                                  .alpn = (const uint8_t *)bytes,
                                  .alpn_len = len};
    HF_CHECK_CODE(hf_config_new(&spec, &config), HF_E_CONFIG_INVALID);
    hf_verifier_unref(spec.verifier);
}

/* CVE-2024-5535 and its like. */
static void malformed_alpn_is_refused(void)
{
    static const char long_list[70000] = {1};
    check_alpn_refused("\0", 1);
    check_alpn_refused("\x02h2\0", 4);
    check_alpn_refused("\x03h2", 3);
    check_alpn_refused("\x02h2\x05", 4);
    check_alpn_refused(long_list, sizeof(long_list));
}

static void bad_settings_are_refused(void)
{
    struct hf_config *config;
    tls_who(&who, HF_ROLE_SERVER);
    who.groups = "X25519:nonsense";
    HF_CHECK_CODE(tls_config_try(&who, &config), HF_E_CONFIG_INVALID);
    who.groups = "";
    HF_CHECK_CODE(tls_config_try(&who, &config), HF_E_CONFIG_INVALID);
    tls_who(&who, HF_ROLE_SERVER);
    who.ciphersuites = "TLS_NONSENSE";
    HF_CHECK_CODE(tls_config_try(&who, &config), HF_E_CONFIG_INVALID);
    who.ciphersuites = "";
    HF_CHECK_CODE(tls_config_try(&who, &config), HF_E_CONFIG_INVALID);
    tls_who(&who, HF_ROLE_SERVER);
    who.min_version = 0x0302;
    HF_CHECK_CODE(tls_config_try(&who, &config), HF_E_BAD_ARGUMENT);
    tls_who(&who, 3);
    HF_CHECK_CODE(tls_config_try(&who, &config), HF_E_BAD_ARGUMENT);
    HF_CHECK(config == NULL);
}

static void check_name(struct hf_config *config, int kind, const char *name, size_t len,
                       uint32_t code)
{
    struct hf_conn *conn;
    HF_CHECK_CODE(hf_conn_new(config, kind, (const uint8_t *)name, len, &conn), code);
    HF_CHECK((conn != NULL) == (code == HF_OK));
    hf_conn_free(conn);
}

static void names_of_servers_are_checked(void)
{
    char longest[255];
    for (size_t i = 0; i < sizeof(longest); i++) {
        longest[i] = i % 64 == 63 ? '.' : 'a';
    }
    tls_who(&who, HF_ROLE_CLIENT);
    struct hf_config *config = tls_config(&who);
    check_name(config, HF_NAME_DNS, "a.example", 9, HF_OK);
    check_name(config, HF_NAME_DNS, longest, 253, HF_OK);
    check_name(config, HF_NAME_DNS, longest, 254, HF_E_NAME_INVALID);
    check_name(config, HF_NAME_DNS, longest + 60, 64, HF_OK);
    check_name(config, HF_NAME_DNS, "", 0, HF_E_NAME_INVALID);
    check_name(config, HF_NAME_DNS, NULL, 0, HF_E_NAME_INVALID);
    check_name(config, HF_NAME_DNS, "a.example.", 10, HF_E_NAME_INVALID);
    check_name(config, HF_NAME_DNS, ".example", 8, HF_E_NAME_INVALID);
    check_name(config, HF_NAME_DNS, "a..example", 10, HF_E_NAME_INVALID);
    check_name(config, HF_NAME_DNS, "a\0b", 3, HF_E_NAME_INVALID);
    check_name(config, HF_NAME_DNS,
               "b\xc3\xbc"
               "cher",
               7, HF_E_NAME_INVALID);
    check_name(config, HF_NAME_IP, "\x7f\0\0\x01", 4, HF_OK);
    check_name(config, HF_NAME_IP, "\x7f\0\0", 3, HF_E_NAME_INVALID);
    check_name(config, 3, "a", 1, HF_E_BAD_ARGUMENT);
    hf_config_unref(config);

    tls_who(&who, HF_ROLE_SERVER);
    config = tls_config(&who);
    check_name(config, HF_NAME_DNS, "a.example", 9, HF_E_BAD_ARGUMENT);
    hf_config_unref(config);
}

/* D7 for the factory: any allocation may fail, and nothing is left behind. */
static void no_memory_for_a_configuration(void)
{
    tls_who(&who, HF_ROLE_SERVER);
    who.alpn = "\x02h2";
    struct hf_config *model = tls_config(&who);
    size_t before = hf_mem_live();
    struct hf_config_spec spec = {.role = HF_ROLE_SERVER,
                                  .svid = model->svid,
                                  .verifier = model->verifier,
                                  .alpn = (const uint8_t *)"\x02h2",
                                  .alpn_len = 3};
    for (size_t k = 1;; k++) {
        struct hf_config *config;
        hf_mem_fail_at(k);
        hf_result r = hf_config_new(&spec, &config);
        hf_mem_fail_at(0);
        if (hf_is_ok(r)) {
            HF_CHECK(k > 2);
            hf_config_unref(config);
            break;
        }
        HF_CHECK_CODE(r, HF_E_OUT_OF_MEMORY);
        HF_CHECK(hf_mem_live() == before);
    }
    HF_CHECK(hf_mem_live() == before);
    hf_config_unref(model);
}

HF_TESTS({"every context keeps the rules", every_context_keeps_the_rules},
         {"tickets are a server's, and alone", tickets_are_a_servers_and_alone},
         {"one-way TLS is said, and alone", one_way_is_said_and_alone},
         {"a web client keeps them too", a_web_client_keeps_them_too},
         {"malformed ALPN is refused", malformed_alpn_is_refused},
         {"bad settings are refused", bad_settings_are_refused},
         {"names of servers are checked", names_of_servers_are_checked},
         {"no memory for a configuration", no_memory_for_a_configuration})
