/* SPDX-License-Identifier: Apache-2.0
 *
 * Encrypt, then MAC, as OpenSSL does it with the keys that it gets here.
 */
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "tls/ticket.h"
#include "tls/ticket_keys.h"
#include "x509/ossl.h"

/* What OpenSSL makes of the answer. */
enum { NOTHING = 0, GOOD = 1, BROKEN = -1 };

#define IV_SIZE 16

static bool set_keys(const struct hf_ticket_key *key, EVP_CIPHER *kind, const unsigned char *iv,
                     EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int seal)
{
    struct hf_ticket_key copy = *key; /* parameters are not const */
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, copy.mac, sizeof(copy.mac)),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    bool set = EVP_CipherInit_ex2(cipher, kind, copy.cipher, iv, seal, NULL) == 1 &&
               EVP_MAC_CTX_set_params(mac, params) == 1;
    hf_mem_wipe(&copy, sizeof(copy));
    return set;
}

static int seal_with(struct hf_ticket_keys *keys, const struct hf_ticket_key *key,
                     unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                     EVP_MAC_CTX *mac)
{
    if (RAND_bytes_ex(hf_ossl_ctx(), iv, IV_SIZE, 0) != 1 ||
        !hf_mem_copy(name, HF_TICKET_NAME_SIZE, key->name, HF_TICKET_NAME_SIZE) ||
        !set_keys(key, hf_ticket_keys_cipher(keys), iv, cipher, mac, 1)) {
        return BROKEN;
    }
    hf_ticket_keys_count(keys, HF_TICKET_ISSUED);
    return GOOD;
}

int hf_ticket_key_callback(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                           EVP_MAC_CTX *mac, int seal)
{
    struct hf_conn *conn = SSL_get_app_data(ssl);
    struct hf_ticket_snapshot snapshot;
    int answer = NOTHING;
    if (conn == NULL || conn->config->tickets == NULL || (seal != 0 && !conn->ticket_ready)) {
        return NOTHING;
    }
    struct hf_ticket_keys *keys = conn->config->tickets;
    if (seal != 0) {
        hf_ticket_keys_tend(keys);
    }
    hf_ticket_keys_read(keys, &snapshot);
    const struct hf_ticket_key *key =
        seal != 0 ? &snapshot.keys[0] : hf_ticket_snapshot_find(&snapshot, name);
    if (key != NULL && seal != 0) {
        answer = seal_with(keys, key, name, iv, cipher, mac);
    } else if (key != NULL) {
        bool set = set_keys(key, hf_ticket_keys_cipher(keys), iv, cipher, mac, 0);
        answer = set ? GOOD : BROKEN;
    }
    hf_mem_wipe(&snapshot, sizeof(snapshot));
    return answer;
}
