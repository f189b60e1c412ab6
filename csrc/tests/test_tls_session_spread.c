/* SPDX-License-Identifier: Apache-2.0
 *
 * R10: which set of a shard a key falls into. All of its first four bytes count: of a store with
 * many sets no part stays empty, and none is asked for more than its share.
 */
#include "hf_test.h"
#include "tls/session_shard.h"

/* A prime by which the powers of two up to 2^31 leave 32 different remainders. */
#define SETS 65537
#define BITS 32

/* Sets of one place, so that a set's number is its place's. */
static void each_bit_of_a_key_has_a_set_of_its_own(void)
{
    struct hf_session_shard shard = {.ways = 1, .sets = SETS};
    struct hf_session_gone gone = {.count = 0};
    for (uint32_t bit = 0; bit < BITS; bit++) {
        struct hf_session_place wanted = {.session = SSL_SESSION_new(), .deadline = INT64_MAX};
        wanted.key[bit / 8] = (uint8_t)(1U << bit % 8);
        hf_session_shard_put(&shard, &wanted, 1, &gone);
        const struct hf_session_place *set = &shard.places[(1U << bit) % SETS];
        HF_CHECK(gone.count == 0 && set->session == wanted.session);
    }
    HF_CHECK(shard.live == BITS);
    hf_session_shard_clear(&shard);
    HF_CHECK(hf_mem_live() == 0);
}

/* What lies behind them says which shard of a store it is, and not which set. */
static void the_other_bytes_do_not_count(void)
{
    struct hf_session_shard shard = {.ways = 1, .sets = SETS};
    struct hf_session_gone gone = {.count = 0};
    for (size_t i = 4; i < HF_DIGEST_SIZE; i++) {
        struct hf_session_place wanted = {.session = SSL_SESSION_new(), .deadline = INT64_MAX};
        wanted.key[i] = 0xff;
        hf_session_shard_put(&shard, &wanted, 1, &gone);
        HF_CHECK(shard.places[0].session == wanted.session);
        HF_CHECK(gone.count == (i == 4 ? 0 : 1));
        hf_session_gone_free(&gone);
    }
    hf_session_shard_clear(&shard);
}

HF_TESTS({"each bit of a key has a set of its own", each_bit_of_a_key_has_a_set_of_its_own},
         {"the other bytes do not count", the_other_bytes_do_not_count})
