/* SPDX-License-Identifier: Apache-2.0
 *
 * c_corpus.c - reads a corpus into memory, chain after chain.
 */
#include "c_corpus.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(1);
}

static void *allocate(size_t size)
{
    void *memory = malloc(size != 0 ? size : 1);
    if (memory == NULL) {
        die("memory");
    }
    return memory;
}

static struct corpus_file read_file(const char *directory, const char *name)
{
    char path[4096];
    struct corpus_file file;
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *stream = fopen(path, "rb");
    if (stream == NULL || fseek(stream, 0, SEEK_END) != 0) {
        die(path);
    }
    file.len = (size_t)ftell(stream);
    file.data = allocate(file.len);
    rewind(stream);
    if (fread(file.data, 1, file.len, stream) != file.len) {
        die(path);
    }
    fclose(stream);
    return file;
}

/* Certificates back to back, and where each begins. */
struct list {
    struct corpus_file data;
    struct corpus_file offsets;
};

static struct list read_list(const char *directory, const char *name)
{
    char file[64];
    struct list list;
    snprintf(file, sizeof(file), "%s.bin", name);
    list.data = read_file(directory, file);
    snprintf(file, sizeof(file), "%s.idx", name);
    list.offsets = read_file(directory, file);
    return list;
}

static uint64_t offset(const struct list *list, size_t number)
{
    uint64_t value;
    memcpy(&value, list->offsets.data + number * sizeof(value), sizeof(value));
    return value;
}

static void append(struct corpus *corpus, size_t number, size_t place, const uint8_t *der,
                   size_t len)
{
    memcpy(corpus->chains.data + corpus->chains.len, der, len);
    corpus->chains.len += len;
    corpus->lengths[number][place] = (uint32_t)len;
}

static void append_from(struct corpus *corpus, size_t number, size_t place, const struct list *list)
{
    uint64_t begin = offset(list, number);
    append(corpus, number, place, list->data.data + begin,
           (size_t)(offset(list, number + 1) - begin));
}

void corpus_load(const struct corpus_options *options, struct corpus *out)
{
    char fresh[4096];
    struct corpus_file one = {0};
    struct list issuers = {0};
    snprintf(fresh, sizeof(fresh), "%s/fresh", options->directory);
    struct list leaves = read_list(options->fresh ? fresh : options->directory, "leaves");
    *out = (struct corpus){.certificates = (size_t)options->signatures};
    out->anchor =
        read_file(options->directory, options->signatures == 2 ? "root.der" : "direct.der");
    out->count = leaves.offsets.len / sizeof(uint64_t) - 1;
    if (options->fresh) {
        issuers = read_list(fresh, "issuers");
    } else if (options->signatures == 2) {
        one = read_file(options->directory, "intermediate.der");
    }
    out->chains.data = allocate(leaves.data.len + issuers.data.len + one.len * out->count);
    out->at = allocate((out->count + 1) * sizeof(*out->at));
    out->lengths = allocate(out->count * sizeof(*out->lengths));
    out->at[0] = 0;
    for (size_t i = 0; i < out->count; i++) {
        append_from(out, i, 0, &leaves);
        if (options->fresh) {
            append_from(out, i, 1, &issuers);
        } else if (options->signatures == 2) {
            append(out, i, 1, one.data, one.len);
        }
        out->at[i + 1] = out->chains.len;
    }
    free(leaves.data.data);
    free(leaves.offsets.data);
    free(issuers.data.data);
    free(issuers.offsets.data);
    free(one.data);
}

void corpus_id(size_t number, char out[CORPUS_ID_SIZE])
{
    snprintf(out, CORPUS_ID_SIZE, "spiffe://bench.example/workload/%08zu", number);
}

void corpus_options(int argc, char **argv, struct corpus_options *out)
{
    static const struct option known[] = {
        {"pki", required_argument, NULL, 'p'},  {"signatures", required_argument, NULL, 's'},
        {"fresh", no_argument, NULL, 'f'},      {"count", required_argument, NULL, 'k'},
        {"mode", required_argument, NULL, 'm'}, {NULL, 0, NULL, 0},
    };
    *out = (struct corpus_options){.signatures = 2, .mode = ""};
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (c) {
        case 'p':
            out->directory = optarg;
            break;
        case 's':
            out->signatures = atoi(optarg);
            break;
        case 'f':
            out->fresh = 1;
            break;
        case 'k':
            out->count = atol(optarg);
            break;
        case 'm':
            out->mode = optarg;
            break;
        default:
            exit(2);
        }
    }
    if (out->directory == NULL || out->signatures < 1 || out->signatures > 2 ||
        (out->fresh && out->signatures != 2)) {
        fprintf(stderr,
                "usage: %s --pki CORPUS [--signatures 1|2] [--fresh] [--mode MODE] "
                "[--count N]\n",
                argv[0]);
        exit(2);
    }
}
