/* SPDX-License-Identifier: Apache-2.0
 *
 * c_ids.c - parses SPIFFE IDs with the engine, a thousand a lap; spiffe_ids.py is its twin.
 */
#include "c_sampler.h"

#include <getopt.h>
#include <handfast.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IDS 1000
#define ID_SIZE 64

struct ids {
    char text[IDS][ID_SIZE];
    size_t len[IDS];
};

static void parse_all(void *state, struct split *unused)
{
    const struct ids *ids = state;
    (void)unused;
    for (int i = 0; i < IDS; i++) {
        struct hf_spiffe_id id;
        hf_result result = hf_spiffe_id_parse((const uint8_t *)ids->text[i], ids->len[i], &id);
        if (result.code != 0 || id.path_len == 0) {
            fprintf(stderr, "c_ids: refused: %s\n", ids->text[i]);
            exit(1);
        }
    }
}

/* --pki is taken, as every peer gets it, and not looked at. */
static long count_option(int argc, char **argv)
{
    static const struct option known[] = {
        {"pki", required_argument, NULL, 'p'},
        {"count", required_argument, NULL, 'k'},
        {NULL, 0, NULL, 0},
    };
    long count = 0;
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (c == 'k') {
            count = atol(optarg);
        } else if (c != 'p') {
            exit(2);
        }
    }
    return count;
}

int main(int argc, char **argv)
{
    long count = count_option(argc, argv);
    static struct ids ids;
    for (int i = 0; i < IDS; i++) {
        int len = snprintf(ids.text[i], ID_SIZE, "spiffe://prod.example/ns/team-%d/sa/web", i);
        ids.len[i] = (size_t)len;
    }
    sampler_units(IDS);
    char facts[64];
    snprintf(facts, sizeof(facts), "{\"ids_a_lap\": %d}", IDS);
    sampler_run(parse_all, &ids, count, facts);
    return 0;
}
