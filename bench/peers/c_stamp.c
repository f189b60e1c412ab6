/* SPDX-License-Identifier: Apache-2.0
 *
 * c_stamp.c - makes many distinct leaves of one issuer from one template, for bench/corpus.py.
 *
 * Python made the template and says where in it the serial number, the key identifier, the public
 * key and the digits of the name stand. Each leaf gets values of its own there, a fresh P-256 key
 * included, and is signed for real. Written: leaves.bin, certificates back to back, and
 * leaves.idx, one 64-bit offset more than there are leaves.
 */
#include "c_need.h"

#include <getopt.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX 8192
#define CERTIFICATE_MAX 4096
#define SIGNATURE_MAX 1024
#define POINT_SIZE 65
#define KEY_ID_SIZE 20
#define DIGITS 8
#define PLACES_MAX 4

struct file {
    uint8_t data[FILE_MAX];
    size_t len;
};

struct template {
    struct file tbs;
    struct file algorithm; /* the AlgorithmIdentifier outside of the TBS */
    EVP_PKEY *key;
    size_t serial;
    size_t key_id;
    size_t point;
    size_t digits[PLACES_MAX];
    size_t digits_count;
};

static void read_file(const char *directory, const char *name, struct file *out)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *stream = fopen(path, "rb");
    need(stream != NULL, path);
    out->len = fread(out->data, 1, sizeof(out->data), stream);
    fclose(stream);
}

static FILE *create(const char *directory, const char *name)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *stream = fopen(path, "wb");
    need(stream != NULL, path);
    return stream;
}

/* Everything that tells one leaf from another. */
static void fill(struct template *template, unsigned number)
{
    uint8_t *tbs = template->tbs.data;
    char digits[16];
    size_t len = 0;
    snprintf(digits, sizeof(digits), "%0*u", DIGITS, number);
    for (size_t i = 0; i < template->digits_count; i++) {
        memcpy(tbs + template->digits[i], digits, DIGITS);
    }
    memcpy(tbs + template->serial, &number, sizeof(number));

    EVP_PKEY *key = EVP_EC_gen("P-256");
    need(key != NULL, "EVP_EC_gen");
    uint8_t *point = tbs + template->point;
    need(EVP_PKEY_get_octet_string_param(key, "pub", point, POINT_SIZE, &len) == 1 &&
             len == POINT_SIZE,
         "public key");
    EVP_PKEY_free(key);
    uint8_t digest[EVP_MAX_MD_SIZE];
    need(EVP_Digest(point, POINT_SIZE, digest, NULL, EVP_sha1(), NULL) == 1, "SHA-1");
    memcpy(tbs + template->key_id, digest, KEY_ID_SIZE);
}

static size_t sign(const struct template *template, const char *digest, uint8_t *out)
{
    size_t len = SIGNATURE_MAX;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    need(context != NULL, "EVP_MD_CTX_new");
    need(EVP_DigestSignInit_ex(context, NULL, digest, NULL, NULL, template->key, NULL) == 1,
         "EVP_DigestSignInit_ex");
    need(EVP_DigestSign(context, out, &len, template->tbs.data, template->tbs.len) == 1,
         "EVP_DigestSign");
    EVP_MD_CTX_free(context);
    return len;
}

/* Header of an element of up to 65,535 bytes; returns its size. */
static size_t write_header(uint8_t tag, size_t len, uint8_t *out)
{
    out[0] = tag;
    if (len < 128) {
        out[1] = (uint8_t)len;
        return 2;
    }
    if (len < 256) {
        out[1] = 0x81;
        out[2] = (uint8_t)len;
        return 3;
    }
    out[1] = 0x82;
    out[2] = (uint8_t)(len >> 8);
    out[3] = (uint8_t)len;
    return 4;
}

static size_t append(uint8_t *out, size_t at, const void *data, size_t len)
{
    need(at + len <= CERTIFICATE_MAX, "the template is too long");
    memcpy(out + at, data, len);
    return at + len;
}

static size_t encode(const struct template *template, const char *digest, uint8_t *out)
{
    uint8_t signature[SIGNATURE_MAX], outer[4], bits[5];
    size_t signature_len = sign(template, digest, signature);
    size_t bits_len = write_header(0x03, signature_len + 1, bits);
    bits[bits_len++] = 0; /* no unused bits */
    size_t content = template->tbs.len + template->algorithm.len + bits_len + signature_len;
    size_t at = append(out, 0, outer, write_header(0x30, content, outer));
    at = append(out, at, template->tbs.data, template->tbs.len);
    at = append(out, at, template->algorithm.data, template->algorithm.len);
    at = append(out, at, bits, bits_len);
    return append(out, at, signature, signature_len);
}

static void stamp(struct template *template, const char *digest, const char *directory, long count)
{
    static uint8_t certificate[CERTIFICATE_MAX];
    uint64_t offset = 0;
    FILE *data = create(directory, "leaves.bin");
    FILE *offsets = create(directory, "leaves.idx");
    need(fwrite(&offset, sizeof(offset), 1, offsets) == 1, "leaves.idx");
    for (long i = 0; i < count; i++) {
        fill(template, (unsigned)i);
        size_t len = encode(template, digest, certificate);
        offset += len;
        need(fwrite(certificate, 1, len, data) == len, "leaves.bin");
        need(fwrite(&offset, sizeof(offset), 1, offsets) == 1, "leaves.idx");
    }
    need(fclose(data) == 0 && fclose(offsets) == 0, "writing failed");
}

static void load(const char *directory, struct template *template)
{
    struct file secret;
    const uint8_t *at = secret.data;
    read_file(directory, "template.tbs", &template->tbs);
    read_file(directory, "template.algorithm", &template->algorithm);
    read_file(directory, "issuer.key.der", &secret);
    template->key = d2i_AutoPrivateKey(NULL, &at, (long)secret.len);
    need(template->key != NULL, "the issuer's key");
}

int main(int argc, char **argv)
{
    static const struct option known[] = {
        {"dir", required_argument, NULL, 'd'},    {"digest", required_argument, NULL, 'h'},
        {"count", required_argument, NULL, 'c'},  {"serial", required_argument, NULL, 's'},
        {"key-id", required_argument, NULL, 'k'}, {"point", required_argument, NULL, 'p'},
        {"digits", required_argument, NULL, 'n'}, {NULL, 0, NULL, 0},
    };
    static struct template template;
    const char *directory = NULL, *digest = NULL;
    long count = 0;
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        size_t number = optarg != NULL ? (size_t)atol(optarg) : 0;
        switch (c) {
        case 'd':
            directory = optarg;
            break;
        case 'h':
            digest = optarg;
            break;
        case 'c':
            count = (long)number;
            break;
        case 's':
            template.serial = number;
            break;
        case 'k':
            template.key_id = number;
            break;
        case 'p':
            template.point = number;
            break;
        case 'n':
            need(template.digits_count < PLACES_MAX, "too many --digits");
            template.digits[template.digits_count++] = number;
            break;
        default:
            return 2;
        }
    }
    if (directory == NULL || count <= 0 || template.point == 0) {
        fprintf(stderr, "usage: see bench/corpus.py, which calls this\n");
        return 2;
    }
    load(directory, &template);
    stamp(&template, digest, directory, count);
    EVP_PKEY_free(template.key);
    return 0;
}
