/* SPDX-License-Identifier: Apache-2.0
 *
 * R7: the callback that gives OpenSSL the keys of a ticket, by itself: which, for whom, and what is
 * written where.
 */
#include <openssl/evp.h>

#include "base/clock.h"
#include "hf_test.h"
#include "ossl_memory.h"
#include "resume_kit.h"
#include "tls/ticket.h"
#include "tls/ticket_keys.h"

#define IV_SIZE 16
#define SPARE 8

static struct resume_world world;
static EVP_CIPHER_CTX *cipher;
static EVP_MAC_CTX *mac;

/* What OpenSSL lends, with room behind that nobody writes to. */
struct lent {
    uint8_t name[HF_TICKET_NAME_SIZE + SPARE];
    uint8_t iv[IV_SIZE + SPARE];
};

static struct hf_conn *start(void)
{
    EVP_MAC *kind = EVP_MAC_fetch(hf_ossl_ctx(), "HMAC", NULL);
    resume_start_tickets(&world, HF_TLS13);
    HF_CHECK(resume_meets_anew(&world));
    mac = EVP_MAC_CTX_new(kind);
    EVP_MAC_free(kind);
    cipher = EVP_CIPHER_CTX_new();
    return world.pair.server.conn;
}

static void finish(void)
{
    EVP_MAC_CTX_free(mac);
    EVP_CIPHER_CTX_free(cipher);
    resume_finish(&world);
}

static int ask(SSL *ssl, struct lent *lent, int seal)
{
    return hf_ticket_key_callback(ssl, lent->name, lent->iv, cipher, mac, seal);
}

static struct hf_ticket_statistics counts(void)
{
    struct hf_ticket_statistics now;
    hf_ticket_keys_statistics(world.server.tickets, &now);
    return now;
}

static struct hf_ticket_snapshot ring(void)
{
    struct hf_ticket_snapshot now;
    hf_ticket_keys_read(world.server.tickets, &now);
    return now;
}

/* The name of the current key, and sixteen random bytes: each of them in a hundred tries, and none
 * behind them. */
static void names_and_ivs_are_written_whole(void)
{
    struct hf_conn *conn = start();
    struct hf_ticket_snapshot now = ring();
    uint8_t changed[IV_SIZE] = {0};
    uint64_t before = counts().issued;
    HF_CHECK(before == 1 && conn->ticket_ready);
    for (int i = 0; i < 100; i++) {
        struct lent lent = {.name = {0}};
        HF_CHECK(ask(conn->ssl, &lent, 1) == 1);
        HF_CHECK(
            hf_mem_equal(lent.name, HF_TICKET_NAME_SIZE, now.keys[0].name, HF_TICKET_NAME_SIZE));
        for (size_t k = 0; k < SPARE; k++) {
            HF_CHECK(lent.name[HF_TICKET_NAME_SIZE + k] == 0 && lent.iv[IV_SIZE + k] == 0);
        }
        for (size_t k = 0; k < IV_SIZE; k++) {
            changed[k] |= lent.iv[k];
        }
    }
    for (size_t k = 0; k < IV_SIZE; k++) {
        HF_CHECK(changed[k] != 0);
    }
    HF_CHECK(counts().issued == before + 100);
    HF_CHECK(EVP_MAC_CTX_get_mac_size(mac) == 32);
    HF_CHECK(EVP_CIPHER_CTX_get_key_length(cipher) == 32);
    finish();
}

/* What the key of this name sealed it opens, and no other name does. */
static void a_key_opens_what_it_sealed(void)
{
    static const uint8_t text[32] = "of two blocks, without padding.";
    struct hf_conn *conn = start();
    struct lent lent = {.name = {0}};
    uint8_t sealed[32];
    uint8_t opened[32];
    int len = 0;
    HF_CHECK(ask(conn->ssl, &lent, 1) == 1);
    HF_CHECK(EVP_CIPHER_CTX_is_encrypting(cipher) == 1);
    HF_CHECK(EVP_CIPHER_CTX_set_padding(cipher, 0) == 1);
    HF_CHECK(EVP_CipherUpdate(cipher, sealed, &len, text, sizeof(text)) == 1 && len == 32);
    HF_CHECK(!hf_mem_equal(sealed, sizeof(sealed), text, sizeof(text)));
    HF_CHECK(EVP_CIPHER_CTX_reset(cipher) == 1);
    HF_CHECK(ask(conn->ssl, &lent, 0) == 1);
    HF_CHECK(EVP_CIPHER_CTX_is_encrypting(cipher) == 0);
    HF_CHECK(EVP_CIPHER_CTX_set_padding(cipher, 0) == 1);
    HF_CHECK(EVP_CipherUpdate(cipher, opened, &len, sealed, sizeof(sealed)) == 1 && len == 32);
    HF_CHECK(hf_mem_equal(opened, sizeof(opened), text, sizeof(text)));
    for (size_t i = 0; i < HF_TICKET_NAME_SIZE; i++) {
        lent.name[i] ^= 1;
        HF_CHECK(ask(conn->ssl, &lent, 0) == 0);
        lent.name[i] ^= 1;
    }
    HF_CHECK(ask(conn->ssl, &lent, 0) == 1);
    /* CVE-2020-13777: where there is no key there are zeros, which seal for nobody. */
    struct lent zeros = {.name = {0}};
    HF_CHECK(ask(conn->ssl, &zeros, 0) == 0);
    finish();
}

/* No ticket without its facts, and none of a connection that has no keys; opening is another
 * matter. */
static void nothing_is_sealed_without_its_facts(void)
{
    struct hf_conn *conn = start();
    struct hf_ticket_keys *keys = conn->config->tickets;
    struct lent lent = {.name = {0}};
    HF_CHECK(ask(conn->ssl, &lent, 1) == 1);
    uint64_t before = counts().issued;
    conn->ticket_ready = false;
    HF_CHECK(ask(conn->ssl, &lent, 1) == 0);
    HF_CHECK(ask(conn->ssl, &lent, 0) == 1);
    conn->ticket_ready = true;
    conn->config->tickets = NULL;
    HF_CHECK(ask(conn->ssl, &lent, 1) == 0 && ask(conn->ssl, &lent, 0) == 0);
    conn->config->tickets = keys;
    HF_CHECK(SSL_set_app_data(conn->ssl, NULL) == 1);
    HF_CHECK(ask(conn->ssl, &lent, 1) == 0 && ask(conn->ssl, &lent, 0) == 0);
    HF_CHECK(SSL_set_app_data(conn->ssl, conn) == 1);
    HF_CHECK(counts().issued == before);
    finish();
}

/* A key is renewed when one is sealed with, so that what is sealed from then on is under the new
 * one; who only shows tickets rotates nothing. */
static void sealing_rotates_and_opening_does_not(void)
{
    struct hf_conn *conn = start();
    struct hf_ticket_snapshot before = ring();
    struct lent lent = {.name = {0}};
    HF_CHECK(ask(conn->ssl, &lent, 1) == 1);
    hf_clock_monotonic_set(1000000 + HF_TICKET_ROTATION);
    HF_CHECK(ask(conn->ssl, &lent, 0) == 1 && counts().rotations == 0);
    HF_CHECK(ask(conn->ssl, &lent, 1) == 1 && counts().rotations == 1);
    HF_CHECK(
        !hf_mem_equal(lent.name, HF_TICKET_NAME_SIZE, before.keys[0].name, HF_TICKET_NAME_SIZE));
    finish();
}

/* D7: it is a failure, and nothing is counted as sealed. */
static void without_memory_nothing_is_sealed(void)
{
    struct hf_conn *conn = start();
    for (int seal = 0; seal <= 1; seal++) {
        size_t failures = 0;
        size_t k = 0;
        for (bool came = true; came && k < 100;) {
            struct lent lent = {.name = {0}};
            struct hf_ticket_snapshot now = ring();
            uint64_t before = counts().issued;
            HF_CHECK(
                hf_mem_copy(lent.name, sizeof(lent.name), now.keys[0].name, HF_TICKET_NAME_SIZE));
            EVP_CIPHER_CTX_reset(cipher);
            atomic_store(&countdown, ++k);
            int answer = ask(conn->ssl, &lent, seal);
            came = atomic_exchange(&countdown, 0) == 0;
            HF_CHECK(answer == (came ? -1 : 1));
            failures += answer == -1;
            HF_CHECK(counts().issued == before + (!came && seal == 1 ? 1 : 0));
        }
        HF_CHECK(failures >= 1);
    }
    hf_ossl_clear();
    finish();
}

HF_TESTS({"names and IVs are written whole", names_and_ivs_are_written_whole},
         {"a key opens what it sealed", a_key_opens_what_it_sealed},
         {"nothing is sealed without its facts", nothing_is_sealed_without_its_facts},
         {"sealing rotates and opening does not", sealing_rotates_and_opening_does_not},
         {"without memory nothing is sealed", without_memory_nothing_is_sealed})
