/* SPDX-License-Identifier: Apache-2.0
 *
 * What counts as one address, for the share of handshakes that it may have (D1, P8).
 */
#include <sys/socket.h>

#include "hf_test.h"
#include "kit.h"
#include "tls/acceptor_sources.h"

static struct hf_remote ipv4(uint8_t last)
{
    return (struct hf_remote){.family = AF_INET, .address = {192, 0, 2, last}};
}

static struct hf_remote mapped(uint8_t last)
{
    struct hf_remote out = {.family = AF_INET6,
                            .address = {[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2}};
    out.address[15] = last;
    return out;
}

/* The 8 bytes of the network, then those of the host. */
static struct hf_remote ipv6(uint8_t network, uint8_t host)
{
    return (struct hf_remote){.family = AF_INET6,
                              .address = {[0] = 0x20, [1] = 1, [7] = network, [8] = host}};
}

/* Whether two of these share the one place that an address has. */
static bool share(struct hf_remote one, struct hf_remote other)
{
    struct hf_sources sources = {.max = 0};
    struct hf_source *places[3] = {NULL};
    HF_CHECK_OK(hf_sources_open(&sources, 1, 100));
    HF_CHECK(hf_sources_enter(&sources, &one, &places[0]));
    bool shared = !hf_sources_enter(&sources, &other, &places[1]);
    HF_CHECK(shared == (places[1] == NULL));
    hf_sources_leave(&sources, places[0]);
    /* What is given back is there again. */
    HF_CHECK(hf_sources_enter(&sources, &one, &places[2]) && places[2] != NULL);
    hf_sources_leave(&sources, places[1]);
    hf_sources_leave(&sources, places[2]);
    hf_sources_close(&sources);
    return shared;
}

/* On a socket of both families IPv4 comes mapped: everybody would be of one /64. */
static void ipv4_is_the_same_mapped(void)
{
    HF_CHECK(share(ipv4(1), ipv4(1)));
    HF_CHECK(!share(ipv4(1), ipv4(2)));
    HF_CHECK(share(ipv4(1), mapped(1)));
    HF_CHECK(share(mapped(1), mapped(1)));
    HF_CHECK(!share(mapped(1), mapped(2)));
}

/* A host is given a /64: whoever has one has as many addresses as he likes. */
static void of_ipv6_a_network_is_one(void)
{
    HF_CHECK(share(ipv6(1, 1), ipv6(1, 2)));
    HF_CHECK(!share(ipv6(1, 1), ipv6(2, 1)));
    /* The beginning of an address of one family is no address of the other. */
    const struct hf_remote alike = {.family = AF_INET, .address = {0x20, 1}};
    HF_CHECK(!share(ipv6(0, 1), alike));
}

static void local_sockets_have_no_address(void)
{
    struct hf_sources sources = {.max = 0};
    struct hf_source before = {.count = 0};
    const struct hf_remote local = {.family = AF_UNIX};
    HF_CHECK_OK(hf_sources_open(&sources, 1, 1));
    for (int i = 0; i < 3; i++) {
        struct hf_source *place = &before;
        HF_CHECK(hf_sources_enter(&sources, &local, &place) && place == NULL);
    }
    hf_sources_close(&sources);
}

/* As many as it may have and no more, and each that goes makes room for one. */
static void an_address_has_so_many_places(void)
{
    for (uint32_t max = 1; max <= 3; max++) {
        struct hf_sources sources = {.max = 0};
        struct hf_source before = {.count = 0};
        struct hf_source *places[3];
        struct hf_source *none = &before;
        const struct hf_remote remote = ipv4(1);
        size_t live = hf_mem_live();
        HF_CHECK_OK(hf_sources_open(&sources, max, 100));
        for (int round = 0; round < 2; round++) {
            for (uint32_t i = 0; i < max; i++) {
                HF_CHECK(hf_sources_enter(&sources, &remote, &places[i]) && places[i] != NULL);
            }
            HF_CHECK(!hf_sources_enter(&sources, &remote, &none) && none == NULL);
            hf_sources_leave(&sources, places[0]);
            HF_CHECK(hf_sources_enter(&sources, &remote, &places[0]));
            none = &before;
            HF_CHECK(!hf_sources_enter(&sources, &remote, &none) && none == NULL);
            for (uint32_t i = 0; i < max; i++) {
                hf_sources_leave(&sources, places[i]);
            }
            HF_CHECK(hf_mem_live() == live + 1); /* nothing but the table */
        }
        hf_sources_close(&sources);
        HF_CHECK(hf_mem_live() == live);
    }
}

/* A table as large as the limit of all handshakes needs it, and no larger than 4096. */
static void the_table_is_as_large_as_the_limit(void)
{
    static const uint32_t rows[][2] = {{1, 16},      {16, 16},     {17, 32},          {32, 32},
                                       {33, 64},     {4095, 4096}, {4096, 4096},      {4097, 4096},
                                       {8192, 4096}, {9000, 4096}, {UINT32_MAX, 4096}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (uint32_t max = 0; max <= 2; max++) {
            struct hf_sources sources = {.max = 99};
            HF_CHECK_OK(hf_sources_open(&sources, max, rows[i][0]));
            HF_CHECK(sources.bucket_count == rows[i][1] && sources.max == max);
            HF_CHECK((sources.buckets != NULL) == (max != 0));
            hf_sources_close(&sources);
        }
    }
}

#define MANY 4096

/* Of one network: number i says the bytes at and after this one. */
static struct hf_remote one_of_many(size_t i, int family, size_t at)
{
    struct hf_remote out = {.family = family, .address = {[4] = 10}};
    out.address[at] = (uint8_t)(i >> 8);
    out.address[at + 1] = (uint8_t)i;
    return out;
}

/* Neighbours fall apart, whichever bytes are theirs: one attacker's addresses are in no one bucket.
 * At random 63 % of the buckets have somebody. */
static void neighbours_spread(void)
{
    static struct hf_source *places[MANY];
    static const size_t starts[] = {0, 1, 2, 4, 6};
    for (size_t k = 0; k < 8; k++) {
        struct hf_sources sources = {.max = 0};
        size_t used = 0;
        HF_CHECK_OK(hf_sources_open(&sources, 1, MANY));
        for (size_t i = 0; i < MANY; i++) {
            const struct hf_remote remote =
                k < 5 ? one_of_many(i, AF_INET6, starts[k]) : one_of_many(i, AF_INET, k - 5);
            HF_CHECK(hf_sources_enter(&sources, &remote, &places[i]));
        }
        for (size_t i = 0; i < MANY; i++) {
            used += sources.buckets[i] != NULL;
        }
        HF_CHECK(used > MANY * 55 / 100);
        for (size_t i = 0; i < MANY; i++) {
            hf_sources_leave(&sources, places[i]);
        }
        hf_sources_close(&sources);
    }
}

/* 16 of them in a bucket: whichever of those goes, the others stay. */
static void a_bucket_has_many(void)
{
    struct hf_sources sources = {.max = 0};
    struct hf_source *places[256];
    size_t live = hf_mem_live();
    HF_CHECK_OK(hf_sources_open(&sources, 1, 16));
    for (size_t i = 0; i < 256; i++) {
        const struct hf_remote remote =
            i % 2 == 0 ? one_of_many(i, AF_INET6, 6) : one_of_many(i, AF_INET, 2);
        HF_CHECK(hf_sources_enter(&sources, &remote, &places[i]));
    }
    for (size_t step = 2; step <= 3; step++) {
        for (size_t i = 0; i < 256; i += step) {
            hf_sources_leave(&sources, places[i]);
        }
        for (size_t i = 0; i < 256; i++) {
            const struct hf_remote remote =
                i % 2 == 0 ? one_of_many(i, AF_INET6, 6) : one_of_many(i, AF_INET, 2);
            struct hf_source *place;
            bool has_room = hf_sources_enter(&sources, &remote, &place);
            HF_CHECK(has_room == (i % step == 0));
            places[i] = has_room ? place : places[i];
        }
    }
    for (size_t i = 256; i-- > 0;) {
        hf_sources_leave(&sources, places[i]);
    }
    HF_CHECK(hf_mem_live() == live + 1);
    hf_sources_close(&sources);
    HF_CHECK(hf_mem_live() == live);
}

/* D7: who cannot be counted does not come in. */
static void without_memory_nobody_comes_in(void)
{
    struct hf_sources sources = {.max = 0};
    struct hf_source *place;
    const struct hf_remote remote = ipv4(1);
    size_t before = hf_mem_live();
    HF_CHECK_OK(hf_sources_open(&sources, 2, 100));
    hf_mem_fail_at(1);
    HF_CHECK(!hf_sources_enter(&sources, &remote, &place) && place == NULL);
    hf_mem_fail_at(0);
    hf_sources_close(&sources);
    HF_CHECK(hf_mem_live() == before);
}

HF_TESTS({"IPv4 is the same mapped", ipv4_is_the_same_mapped},
         {"of IPv6 a network is one", of_ipv6_a_network_is_one},
         {"local sockets have no address", local_sockets_have_no_address},
         {"an address has so many places", an_address_has_so_many_places},
         {"the table is as large as the limit", the_table_is_as_large_as_the_limit},
         {"neighbours spread", neighbours_spread}, {"a bucket has many", a_bucket_has_many},
         {"without memory nobody comes in", without_memory_nobody_comes_in})
