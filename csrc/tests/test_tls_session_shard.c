/* SPDX-License-Identifier: Apache-2.0
 *
 * R10: one shard of a store: who is found, who makes room for whom, and what goes by itself.
 */
#include "base/clock.h"
#include "hf_test.h"
#include "kit.h"
#include "tls/session_shard.h"

#define NOW 1000000

/* Keys fall into the set of their first byte. */
static const uint8_t *key_of(uint8_t set, uint8_t number)
{
    static uint8_t keys[256][HF_DIGEST_SIZE];
    uint8_t *key = keys[number];
    key[0] = set;
    key[HF_DIGEST_SIZE - 1] = number;
    return key;
}

static SSL_SESSION *make(int version)
{
    SSL_SESSION *session = SSL_SESSION_new();
    HF_CHECK(SSL_SESSION_set_protocol_version(session, version) == 1);
    return session;
}

/* The session that was put; borrowed, only good for comparing. How many had to go is `gone`. */
static SSL_SESSION *put_as(struct hf_session_shard *shard, const uint8_t *key, int version,
                           int64_t deadline, uint32_t per_key, size_t *gone)
{
    struct hf_session_gone out = {.count = 0};
    struct hf_session_place wanted = {.session = make(version), .deadline = deadline};
    HF_CHECK(hf_mem_copy(wanted.key, sizeof(wanted.key), key, HF_DIGEST_SIZE));
    hf_session_shard_put(shard, &wanted, per_key, &out);
    *gone = out.count;
    hf_session_gone_free(&out);
    HF_CHECK(out.count == 0);
    return wanted.session;
}

static SSL_SESSION *put(struct hf_session_shard *shard, const uint8_t *key, size_t *gone)
{
    return put_as(shard, key, TLS1_3_VERSION, NOW + 100, HF_SESSION_WAYS, gone);
}

static bool takes(struct hf_session_shard *shard, const uint8_t *key, const SSL_SESSION *wanted)
{
    SSL_SESSION *taken = hf_session_shard_take(shard, key);
    SSL_SESSION_free(taken);
    return taken == wanted;
}

/* One of TLS 1.3 goes to one connection; the newest first. */
static void the_newest_is_taken_once(void)
{
    struct hf_session_shard shard = {.ways = HF_SESSION_WAYS, .sets = 4};
    size_t gone;
    HF_CHECK(takes(&shard, key_of(0, 1), NULL) && shard.misses == 1);
    const SSL_SESSION *first = put(&shard, key_of(0, 1), &gone);
    const SSL_SESSION *second = put(&shard, key_of(0, 1), &gone);
    const SSL_SESSION *other = put(&shard, key_of(0, 2), &gone);
    HF_CHECK(shard.live == 3 && shard.inserts == 3 && gone == 0);
    HF_CHECK(takes(&shard, key_of(0, 1), second));
    HF_CHECK(takes(&shard, key_of(0, 1), first));
    HF_CHECK(takes(&shard, key_of(0, 1), NULL));
    HF_CHECK(takes(&shard, key_of(1, 2), NULL));
    HF_CHECK(takes(&shard, key_of(0, 2), other));
    HF_CHECK(shard.live == 0 && shard.hits == 3 && shard.misses == 3 && shard.evictions == 0);
    hf_session_shard_clear(&shard);
}

/* Before TLS 1.3 a session serves many: each gets a copy. */
static void an_older_one_stays(void)
{
    struct hf_session_shard shard = {.ways = HF_SESSION_WAYS, .sets = 4};
    size_t gone;
    const SSL_SESSION *kept = put_as(&shard, key_of(0, 1), TLS1_2_VERSION, NOW + 100, 1, &gone);
    for (int i = 0; i < 2; i++) {
        SSL_SESSION *copy = hf_session_shard_take(&shard, key_of(0, 1));
        HF_CHECK(copy != NULL && copy != kept);
        SSL_SESSION_free(copy);
    }
    HF_CHECK(shard.live == 1 && shard.hits == 2);
    hf_session_shard_clear(&shard);
    HF_CHECK(shard.live == 0);
}

/* A client's destination keeps a few: its own oldest makes room, although there is more of it. */
static void a_key_has_its_share(void)
{
    struct hf_session_shard shard = {.ways = HF_SESSION_WAYS, .sets = 1};
    const SSL_SESSION *mine[3];
    size_t gone;
    const SSL_SESSION *other = put(&shard, key_of(0, 9), &gone);
    for (size_t i = 0; i < 3; i++) {
        mine[i] = put_as(&shard, key_of(0, 1), TLS1_3_VERSION, NOW + 100, 2, &gone);
        HF_CHECK(gone == (i == 2 ? 1 : 0));
    }
    HF_CHECK(shard.live == 3 && shard.evictions == 1);
    HF_CHECK(takes(&shard, key_of(0, 1), mine[2]) && takes(&shard, key_of(0, 1), mine[1]));
    HF_CHECK(takes(&shard, key_of(0, 1), NULL) && takes(&shard, key_of(0, 9), other));
    hf_session_shard_clear(&shard);
}

/* In whichever place of its set it lies. */
static void its_share_is_counted_in_every_place(void)
{
    for (uint8_t left = 0; left < HF_SESSION_WAYS; left++) {
        struct hf_session_shard shard = {.ways = HF_SESSION_WAYS, .sets = 1};
        const SSL_SESSION *all[HF_SESSION_WAYS];
        size_t gone;
        for (uint8_t i = 0; i < HF_SESSION_WAYS; i++) {
            all[i] = put(&shard, key_of(0, i == left ? 100 : i), &gone);
        }
        for (uint8_t i = 0; i < HF_SESSION_WAYS; i++) {
            HF_CHECK(i == left || takes(&shard, key_of(0, i), all[i]));
        }
        (void)put_as(&shard, key_of(0, 100), TLS1_3_VERSION, NOW + 100, 1, &gone);
        HF_CHECK(gone == 1 && shard.live == 1 && shard.evictions == 1);
        hf_session_shard_clear(&shard);
    }
}

/* What is over has no part in it, also when it came later: nobody who is still good makes room. */
static void what_is_over_is_not_in_its_share(void)
{
    struct hf_session_shard shard = {.ways = HF_SESSION_WAYS, .sets = 2};
    size_t gone;
    const SSL_SESSION *good = put(&shard, key_of(1, 1), &gone);
    (void)put_as(&shard, key_of(1, 1), TLS1_3_VERSION, NOW + 1, 2, &gone);
    hf_clock_monotonic_set(NOW + 1);
    shard.swept = 0; /* the other set */
    const SSL_SESSION *newer = put_as(&shard, key_of(1, 1), TLS1_3_VERSION, NOW + 100, 2, &gone);
    HF_CHECK(shard.evictions == 0);
    HF_CHECK(takes(&shard, key_of(1, 1), newer) && takes(&shard, key_of(1, 1), good));
    hf_session_shard_clear(&shard);
    hf_clock_monotonic_set(NOW);
}

/* The smallest stores have sets of one place: another set is never looked at. */
static void a_set_of_one_place(void)
{
    struct hf_session_shard shard = {.ways = 1, .sets = 2};
    size_t gone;
    const SSL_SESSION *other = put(&shard, key_of(1, 1), &gone);
    (void)put(&shard, key_of(0, 2), &gone);
    const SSL_SESSION *newest = put(&shard, key_of(0, 3), &gone);
    HF_CHECK(gone == 1 && shard.live == 2 && shard.evictions == 1);
    HF_CHECK(takes(&shard, key_of(1, 1), other) && takes(&shard, key_of(0, 3), newest));
    hf_session_shard_clear(&shard);
}

/* A full set: whoever came first makes room, wherever it lies. */
static void the_oldest_makes_room(void)
{
    struct hf_session_shard shard = {.ways = HF_SESSION_WAYS, .sets = 2};
    const SSL_SESSION *put_here[2 * HF_SESSION_WAYS];
    size_t gone;
    for (uint8_t i = 0; i < 2 * HF_SESSION_WAYS; i++) {
        put_here[i] = put(&shard, key_of(1, i), &gone);
        HF_CHECK(gone == (i < HF_SESSION_WAYS ? 0 : 1));
        if (i == 2) {
            /* A place in the middle is taken by the next one, who is then the youngest there. */
            HF_CHECK(takes(&shard, key_of(1, 1), put_here[1]));
            put_here[1] = put(&shard, key_of(1, 1), &gone);
        }
    }
    HF_CHECK(shard.live == HF_SESSION_WAYS && shard.evictions == HF_SESSION_WAYS);
    for (uint8_t i = 0; i < 2 * HF_SESSION_WAYS; i++) {
        HF_CHECK(takes(&shard, key_of(1, i), i < HF_SESSION_WAYS ? NULL : put_here[i]));
    }
    hf_session_shard_clear(&shard);
}

/* What is over is nobody's loss: it makes room first, to the second, and is not counted. */
static void what_is_over_makes_room_first(void)
{
    for (int64_t deadline = NOW; deadline <= NOW + 1; deadline++) {
        struct hf_session_shard shard = {.ways = HF_SESSION_WAYS, .sets = 2, .swept = 1};
        const SSL_SESSION *ours[HF_SESSION_WAYS];
        size_t gone;
        for (uint8_t i = 0; i < HF_SESSION_WAYS; i++) {
            ours[i] = put_as(&shard, key_of(1, i), TLS1_3_VERSION, i == 3 ? NOW + 1 : NOW + 100,
                             HF_SESSION_WAYS, &gone);
        }
        hf_clock_monotonic_set(deadline);
        shard.swept = 0; /* the other set */
        (void)put(&shard, key_of(1, 100), &gone);
        HF_CHECK(gone == 1 && shard.evictions == (deadline == NOW ? 1 : 0));
        HF_CHECK(takes(&shard, key_of(1, 0), deadline == NOW ? NULL : ours[0]));
        HF_CHECK(takes(&shard, key_of(1, 3), deadline == NOW ? ours[3] : NULL));
        hf_session_shard_clear(&shard);
        hf_clock_monotonic_set(NOW);
    }
}

/* Secrets do not wait for a key that never comes: each insertion looks through one more set. */
static void what_is_over_goes_in_turn(void)
{
    struct hf_session_shard shard = {.ways = HF_SESSION_WAYS, .sets = 3};
    size_t gone;
    for (uint8_t set = 0; set < 3; set++) {
        (void)put_as(&shard, key_of(set, set), TLS1_3_VERSION, NOW + 1, 1, &gone);
    }
    /* Of a set each place. */
    struct hf_session_shard full = {.ways = HF_SESSION_WAYS, .sets = 2, .swept = 1};
    for (uint8_t i = 0; i < HF_SESSION_WAYS; i++) {
        full.swept = 1;
        (void)put_as(&full, key_of(0, i), TLS1_3_VERSION, NOW + 1, 1, &gone);
    }
    hf_clock_monotonic_set(NOW + 1);
    full.swept = 0;
    (void)put(&full, key_of(1, 50), &gone);
    HF_CHECK(gone == HF_SESSION_WAYS && full.live == 1);
    hf_session_shard_clear(&full);
    shard.swept = 0;
    for (uint64_t i = 0; i < 4; i++) {
        HF_CHECK(put(&shard, key_of(0, (uint8_t)(10 + i)), &gone) != NULL);
        HF_CHECK(gone == (i < 3 ? 1 : 0));
    }
    HF_CHECK(shard.live == 4 && shard.evictions == 0 && shard.swept == 1);
    hf_session_shard_clear(&shard);
    hf_clock_monotonic_set(NOW);
}

/* And nothing of another, in whichever place of the set that lies. */
static void all_of_a_key_are_forgotten(void)
{
    for (int when = 0; when < HF_SESSION_WAYS; when++) {
        struct hf_session_shard shard = {.ways = HF_SESSION_WAYS, .sets = 2};
        struct hf_session_gone out = {.count = 0};
        const SSL_SESSION *other = NULL;
        size_t gone;
        hf_session_shard_forget(&shard, key_of(1, 1), &out);
        HF_CHECK(out.count == 0);
        for (int i = 0; i < HF_SESSION_WAYS; i++) {
            const SSL_SESSION *one = put(&shard, key_of(1, i == when ? 2 : 1), &gone);
            other = i == when ? one : other;
        }
        hf_session_shard_forget(&shard, key_of(1, 1), &out);
        HF_CHECK(out.count == HF_SESSION_WAYS - 1 && shard.live == 1);
        hf_session_gone_free(&out);
        HF_CHECK(takes(&shard, key_of(1, 1), NULL) && takes(&shard, key_of(1, 2), other));
        hf_session_shard_clear(&shard);
    }
}

/* D7: the caller gets it back, and the table stays as it is. */
static void without_memory_nothing_is_kept(void)
{
    struct hf_session_shard shard = {.ways = HF_SESSION_WAYS, .sets = 2};
    struct hf_session_gone out = {.count = 0};
    struct hf_session_place wanted = {.session = make(TLS1_3_VERSION), .deadline = NOW + 100};
    hf_mem_fail_at(1);
    hf_session_shard_put(&shard, &wanted, 1, &out);
    hf_mem_fail_at(0);
    HF_CHECK(out.count == 1 && out.sessions[0] == wanted.session);
    HF_CHECK(shard.live == 0 && shard.inserts == 0 && shard.places == NULL);
    hf_session_gone_free(&out);
    hf_session_shard_clear(&shard);
}

static void start(void)
{
    hf_clock_monotonic_set(NOW);
}

static void nothing_is_left(void)
{
    hf_clock_monotonic_reset();
    HF_CHECK(hf_mem_live() == 0);
}

HF_TESTS({"start", start}, {"the newest is taken once", the_newest_is_taken_once},
         {"an older one stays", an_older_one_stays}, {"a key has its share", a_key_has_its_share},
         {"its share is counted in every place", its_share_is_counted_in_every_place},
         {"what is over is not in its share", what_is_over_is_not_in_its_share},
         {"a set of one place", a_set_of_one_place},
         {"the oldest makes room", the_oldest_makes_room},
         {"what is over makes room first", what_is_over_makes_room_first},
         {"what is over goes in turn", what_is_over_goes_in_turn},
         {"all of a key are forgotten", all_of_a_key_are_forgotten},
         {"without memory nothing is kept", without_memory_nothing_is_kept},
         {"nothing is left", nothing_is_left})
