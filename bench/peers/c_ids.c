/* SPDX-License-Identifier: Apache-2.0
 *
 * c_ids.c - parses SPIFFE IDs with the engine, a thousand a unit; spiffe_ids.py is its twin.
 */
#include "c_sampler.h"

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

int main(void)
{
    static struct ids ids;
    for (int i = 0; i < IDS; i++) {
        int len = snprintf(ids.text[i], ID_SIZE, "spiffe://prod.example/ns/team-%d/sa/web", i);
        ids.len[i] = (size_t)len;
    }
    printf("{\"ids_a_unit\": %d}\n", IDS);
    fflush(stdout);
    sampler_serve(parse_all, &ids);
    return 0;
}
