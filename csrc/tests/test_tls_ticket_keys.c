/* SPDX-License-Identifier: Apache-2.0
 *
 * R7: the ring of ticket keys: what it takes, what it gives away, and what readers see while it
 * changes; and the reader of what tickets carry.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/forks.h"
#include "hf_test.h"
#include "resume_kit.h"
#include "tls/ticket_facts.h"
#include "tls/ticket_slots.h"

#define SIZE HF_TICKET_SECRET_SIZE

static void secret(uint8_t out[SIZE], uint8_t start)
{
    for (size_t i = 0; i < SIZE; i++) {
        out[i] = (uint8_t)(start + 7 * i);
    }
}

static void check_refused(const struct hf_ticket_ring *ring)
{
    struct hf_ticket_keys *keys;
    size_t before = hf_mem_live();
    HF_CHECK_CODE(hf_ticket_keys_new(ring, 0, &keys), HF_E_BAD_ARGUMENT);
    HF_CHECK(keys == NULL && hf_mem_live() == before);
    HF_CHECK_CODE(hf_ticket_keys_new(ring, 0, NULL), HF_E_BAD_ARGUMENT);
    HF_CHECK_OK(hf_ticket_keys_new(NULL, 0, &keys));
    HF_CHECK_CODE(hf_ticket_keys_replace(keys, ring), HF_E_BAD_ARGUMENT);
    hf_ticket_keys_unref(keys);
}

/* CVE-2020-13777: no key, a key of zeros, the same key twice. */
static void rings_that_are_none(void)
{
    static const uint8_t zeros[SIZE];
    uint8_t good[SIZE];
    uint8_t three[3 * SIZE];
    uint8_t sevens[SIZE];
    struct hf_ticket_keys *keys;
    secret(good, 1);
    for (size_t i = 0; i < sizeof(three); i++) {
        three[i] = (uint8_t)(i * i);
        sevens[i % SIZE] = 7;
    }
    const struct hf_ticket_ring rings[] = {
        {.current = NULL},
        {.current = zeros},
        {.current = sevens},
        {.current = good, .upcoming = zeros},
        {.current = good, .previous = zeros, .previous_count = 1},
        {.current = good, .upcoming = good},
        {.current = good, .previous = good, .previous_count = 1},
        {.current = good, .previous = NULL, .previous_count = 1},
        {.current = good, .previous = three, .previous_count = 3},
    };
    for (size_t i = 0; i < sizeof(rings) / sizeof(rings[0]); i++) {
        check_refused(&rings[i]);
    }
    HF_CHECK_CODE(hf_ticket_keys_new(NULL, -1, &keys), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_ticket_keys_new(NULL, HF_SESSION_AGE_MAX + 1, &keys), HF_E_BAD_ARGUMENT);
    hf_mem_fail_at(1);
    HF_CHECK_CODE(hf_ticket_keys_new(NULL, 0, &keys), HF_E_OUT_OF_MEMORY);
    hf_mem_fail_at(0);
    const int64_t ages[] = {0, 1, HF_SESSION_AGE_MAX};
    for (size_t i = 0; i < 3; i++) {
        HF_CHECK_OK(hf_ticket_keys_new(NULL, ages[i], &keys));
        HF_CHECK(hf_ticket_keys_max_age(keys) == (i == 0 ? HF_SESSION_AGE : ages[i]));
        hf_ticket_keys_unref(keys);
    }
    const struct hf_ticket_ring ring = {.current = good};
    HF_CHECK_CODE(hf_ticket_keys_replace(NULL, &ring), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_ticket_keys_rotate(NULL), HF_E_BAD_ARGUMENT);
}

static bool same_keys(struct hf_ticket_keys *one, struct hf_ticket_keys *other)
{
    struct hf_ticket_snapshot snapshots[2];
    hf_ticket_keys_read(one, &snapshots[0]);
    hf_ticket_keys_read(other, &snapshots[1]);
    return hf_mem_equal(&snapshots[0], sizeof(snapshots[0]), &snapshots[1], sizeof(snapshots[1]));
}

/* What one machine gives away is the same ring on another, whatever it was made of. */
static void exported_keys_are_the_same_keys(void)
{
    uint8_t out[HF_TICKET_KEYS_MAX * SIZE];
    struct hf_ticket_keys *one;
    struct hf_ticket_keys *other;
    uint32_t which;
    HF_CHECK_OK(hf_ticket_keys_new(NULL, 0, &one));
    HF_CHECK_OK(hf_ticket_keys_new(NULL, 0, &other));
    HF_CHECK(!same_keys(one, other));
    for (uint32_t rotations = 0; rotations <= 3; rotations++) {
        size_t previous = rotations < 2 ? rotations : 2;
        HF_CHECK_OK(hf_ticket_keys_export(one, out, sizeof(out), &which));
        HF_CHECK(which == (1U << (2 + previous)) - 1);
        const struct hf_ticket_ring ring = {out, out + SIZE, out + 2 * SIZE, previous};
        HF_CHECK_OK(hf_ticket_keys_replace(other, &ring));
        HF_CHECK(same_keys(one, other));
        HF_CHECK_OK(hf_ticket_keys_rotate(one));
        HF_CHECK(!same_keys(one, other));
    }
    HF_CHECK_CODE(hf_ticket_keys_export(NULL, out, sizeof(out), &which), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_ticket_keys_export(one, out, sizeof(out), NULL), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_ticket_keys_export(one, NULL, sizeof(out), &which), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_ticket_keys_export(one, out, sizeof(out) - 1, &which), HF_E_BAD_ARGUMENT);
    HF_CHECK(which == 0);
    hf_ticket_keys_unref(one);
    hf_ticket_keys_unref(other);
}

/* Keys are named by their secrets, not by their place, and a ring without an upcoming one gets a
 * random one when it is rotated. */
static void names_stay_with_their_secrets(void)
{
    uint8_t one[SIZE];
    struct hf_ticket_keys *keys;
    struct hf_ticket_snapshot before;
    struct hf_ticket_snapshot after;
    secret(one, 1);
    const struct hf_ticket_ring ring = {.current = one};
    HF_CHECK_OK(hf_ticket_keys_new(&ring, 0, &keys));
    hf_ticket_keys_read(keys, &before);
    HF_CHECK(before.which == 1);
    HF_CHECK_OK(hf_ticket_keys_rotate(keys));
    hf_ticket_keys_read(keys, &after);
    HF_CHECK(after.which == 7);
    const struct hf_ticket_key *found = hf_ticket_snapshot_find(&after, before.keys[0].name);
    HF_CHECK(found == &after.keys[2]);
    HF_CHECK(hf_mem_equal(found, sizeof(*found), &before.keys[0], sizeof(*found)));
    HF_CHECK(hf_ticket_snapshot_find(&before, after.keys[0].name) == NULL);
    /* CVE-2020-13777: a place without a key is one of zeros, which anybody has. */
    static const uint8_t zeros[HF_TICKET_NAME_SIZE];
    HF_CHECK(hf_ticket_snapshot_find(&before, zeros) == NULL);
    hf_ticket_keys_unref(keys);
}

/* Keys of our own making are renewed by the clock until they are replaced: from then on who gave
 * them says when, or the machines of a fleet would part. A ring that is refused changes nothing. */
static void given_keys_are_not_renewed(void)
{
    static const uint8_t zeros[SIZE];
    for (int good = 0; good <= 1; good++) {
        uint8_t one[SIZE];
        struct hf_ticket_keys *keys;
        struct hf_ticket_statistics now;
        secret(one, 1);
        const struct hf_ticket_ring ring = {.current = good == 1 ? one : zeros};
        hf_clock_monotonic_set(1000000);
        HF_CHECK_OK(hf_ticket_keys_new(NULL, 0, &keys));
        HF_CHECK(hf_is_ok(hf_ticket_keys_replace(keys, &ring)) == (good == 1));
        for (int64_t late = -1; late <= 2 * HF_TICKET_ROTATION; late += HF_TICKET_ROTATION) {
            hf_clock_monotonic_set(1000000 + HF_TICKET_ROTATION + late);
            hf_ticket_keys_tend(keys);
        }
        hf_ticket_keys_statistics(keys, &now);
        HF_CHECK(now.rotations == (good == 1 ? 0 : 2));
        hf_ticket_keys_unref(keys);
    }
    hf_clock_monotonic_reset();
}

/* ---- slots -------------------------------------------------------------------------------- */

static struct hf_ticket_slots slots;

/* All bytes of all keys are the same number. */
static void fill(struct hf_ticket_snapshot *out, uint8_t number)
{
    uint8_t bytes[sizeof(out->keys)];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = number;
    }
    out->which = 15;
    (void)hf_mem_copy(out->keys, sizeof(out->keys), bytes, sizeof(bytes));
}

static bool is_whole(const struct hf_ticket_snapshot *snapshot)
{
    struct hf_ticket_snapshot wanted;
    fill(&wanted, snapshot->keys[0].name[0]);
    return snapshot->keys[0].name[0] != 0 &&
           hf_mem_equal(snapshot, sizeof(*snapshot), &wanted, sizeof(wanted));
}

/* What left the ring is nowhere any more. */
static void an_old_slot_is_wiped(void)
{
    struct hf_ticket_snapshot snapshot;
    hf_ticket_slots_init(&slots);
    for (uint8_t i = 1; i <= 5; i++) {
        size_t set = 0;
        fill(&snapshot, i);
        hf_ticket_slots_write(&slots, &snapshot);
        for (size_t k = 0; k < 2 * HF_TICKET_WORDS; k++) {
            uint64_t word =
                atomic_load(&slots.slots[k / HF_TICKET_WORDS].words[k % HF_TICKET_WORDS]);
            set += word != 0;
            HF_CHECK(word == 0 || word == 15 || word % 256 == i);
        }
        HF_CHECK(set == HF_TICKET_WORDS);
        hf_ticket_slots_read(&slots, &snapshot);
        HF_CHECK(is_whole(&snapshot) && snapshot.keys[0].name[0] == i);
    }
}

#define READERS 3
#define READS 20000

static void *read_on(void *broken)
{
    int *count = broken;
    for (int i = 0; i < READS; i++) {
        struct hf_ticket_snapshot snapshot;
        hf_ticket_slots_read(&slots, &snapshot);
        *count += !is_whole(&snapshot);
    }
    return NULL;
}

/* D8: readers never see a ring that is half of one and half of another. */
static void readers_see_whole_rings(void)
{
    pthread_t threads[READERS];
    int broken[READERS] = {0};
    struct hf_ticket_snapshot snapshot;
    hf_ticket_slots_init(&slots);
    fill(&snapshot, 1);
    hf_ticket_slots_write(&slots, &snapshot);
    for (int i = 0; i < READERS; i++) {
        HF_CHECK(pthread_create(&threads[i], NULL, read_on, &broken[i]) == 0);
    }
    for (uint32_t i = 0; i < READS; i++) {
        fill(&snapshot, (uint8_t)(1 + i % 255));
        hf_ticket_slots_write(&slots, &snapshot);
    }
    for (int i = 0; i < READERS; i++) {
        HF_CHECK(pthread_join(threads[i], NULL) == 0);
        HF_CHECK(broken[i] == 0);
    }
}

/* ---- facts -------------------------------------------------------------------------------- */

static struct resume_world world;

static bool reads(struct hf_span data, struct hf_span leaf)
{
    static const uint8_t instance[HF_TICKET_INSTANCE_SIZE];
    struct hf_session_facts *facts;
    hf_result r = hf_ticket_facts_read(data, leaf, instance, &facts);
    HF_CHECK(hf_is_ok(r) == (facts != NULL));
    HF_CHECK(hf_is_ok(r) || r.code == HF_E_PROTOCOL);
    hf_session_facts_unref(facts);
    return hf_is_ok(r);
}

/* The reader takes what the writer wrote, all of it and nothing else. */
static void facts_are_read_to_the_byte(void)
{
    uint8_t *data;
    size_t len;
    struct pki_spec spec;
    resume_start_tickets(&world, HF_TLS13);
    struct tls_who *who = &world.client;
    pki_intermediate(&spec, "root", "middle", NULL, KIT_KEY(1));
    pki_make(&spec, KIT_KEY(0), &who->chain[1]);
    pki_leaf(&spec, "middle", TLS_CLIENT_ID, who->key);
    pki_make(&spec, KIT_KEY(1), &who->chain[0]);
    who->chain_count = 2;
    HF_CHECK(resume_meets_anew(&world));
    HF_CHECK_OK(hf_ticket_facts_write(world.pair.server.conn, &data, &len));
    struct hf_span leaf = pki_span(&who->chain[0]);
    uint8_t *longer = hf_mem_new(len + 1);
    HF_CHECK(hf_mem_copy(longer, len + 1, data, len));
    HF_CHECK(reads(hf_span_of(longer, len), leaf));
    HF_CHECK(!reads(hf_span_of(longer, len + 1), leaf));
    HF_CHECK(!reads(hf_span_of(longer, len), pki_span(&who->chain[1])));
    HF_CHECK(!reads(hf_span_of(longer, len), hf_span_of(NULL, 0)));
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *shorter = hf_mem_dup(data, cut);
        HF_CHECK(!reads(hf_span_of(shorter, cut), leaf));
        hf_mem_free(shorter);
    }
    /* The form, digests of the chain, the ID, the certificates: one bit is another ticket. */
    longer[0] ^= 3;
    HF_CHECK(!reads(hf_span_of(longer, len), leaf));
    longer[0] ^= 3;
    for (size_t i = len - who->chain[1].len - 3; i < len; i++) {
        longer[i] ^= 1;
        HF_CHECK(!reads(hf_span_of(longer, len), leaf));
        longer[i] ^= 1;
    }
    hf_mem_free(longer);
    hf_mem_free(data);
    resume_finish(&world);
}

/* ---- forks -------------------------------------------------------------------------------- */

static atomic_bool in_first_use;
static atomic_bool fork_waits;

static void note_fork(struct hf_fork_watch *unused)
{
    (void)unused;
    atomic_store(&fork_waits, true);
}

static void note_nothing(struct hf_fork_watch *unused)
{
    (void)unused;
}

/* As in a configuration's first handshakes of TLS 1.2, which seal a ticket inside of OpenSSL. */
static void *seal_while_a_process_forks(void *keys)
{
    hf_ossl_first_use_begin();
    atomic_store(&in_first_use, true);
    while (!atomic_load(&fork_waits)) {
        (void)sched_yield();
    }
    hf_ticket_keys_tend(keys);
    hf_ossl_first_use_end();
    return NULL;
}

/* D9: a fork waits for first uses, so a rotation that comes due in one must not wait for the fork.
 * It is the next handshake's then. */
static void a_rotation_waits_for_no_fork(void)
{
    struct hf_fork_watch watch = {
        .before = note_fork, .in_parent = note_nothing, .in_child = note_nothing};
    struct hf_ticket_statistics now;
    struct hf_ticket_keys *keys;
    pthread_t thread;
    int status = -1;
    hf_clock_monotonic_set(1000000);
    HF_CHECK_OK(hf_ticket_keys_new(NULL, 0, &keys));
    HF_CHECK_OK(hf_fork_watch_begin(&watch));
    hf_clock_monotonic_set(1000000 + HF_TICKET_ROTATION);
    HF_CHECK(pthread_create(&thread, NULL, seal_while_a_process_forks, keys) == 0);
    while (!atomic_load(&in_first_use)) {
        (void)sched_yield();
    }
    pid_t child = fork();
    if (child == 0) {
        /* Not by exit: a thread that nobody joined there is a leak to the thread sanitizer. */
        (void)raise(SIGKILL);
    }
    HF_CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status) &&
             WTERMSIG(status) == SIGKILL);
    HF_CHECK(pthread_join(thread, NULL) == 0);
    hf_fork_watch_end(&watch);
    hf_ticket_keys_statistics(keys, &now);
    HF_CHECK(now.rotations == 0);
    hf_ticket_keys_tend(keys);
    hf_ticket_keys_statistics(keys, &now);
    HF_CHECK(now.rotations == 1);
    hf_ticket_keys_unref(keys);
    hf_clock_monotonic_reset();
}

HF_TESTS({"rings that are none", rings_that_are_none},
         {"exported keys are the same keys", exported_keys_are_the_same_keys},
         {"names stay with their secrets", names_stay_with_their_secrets},
         {"given keys are not renewed", given_keys_are_not_renewed},
         {"an old slot is wiped", an_old_slot_is_wiped},
         {"readers see whole rings", readers_see_whole_rings},
         {"facts are read to the byte", facts_are_read_to_the_byte},
         {"a rotation waits for no fork", a_rotation_waits_for_no_fork})
