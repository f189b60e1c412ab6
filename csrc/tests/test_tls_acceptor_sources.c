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
    struct hf_source *place;
    const struct hf_remote local = {.family = AF_UNIX};
    HF_CHECK_OK(hf_sources_open(&sources, 1, 1));
    for (int i = 0; i < 3; i++) {
        HF_CHECK(hf_sources_enter(&sources, &local, &place) && place == NULL);
    }
    hf_sources_close(&sources);
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
         {"without memory nobody comes in", without_memory_nobody_comes_in})
