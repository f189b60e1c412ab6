/* SPDX-License-Identifier: Apache-2.0
 *
 * D8: the two slots of a ring of ticket keys, one state at a time. What only happens while a
 * writer is half way is set up by hand here, and a signal is the writer that goes on.
 */
#include <signal.h>
#include <sys/time.h>

#include "hf_test.h"
#include "tls/ticket_slots.h"

static struct hf_ticket_slots slots;
static atomic_bool went_on;

/* A ring all of whose words are the same. */
static void fill(struct hf_ticket_slot *slot, uint64_t word)
{
    for (size_t i = 0; i < HF_TICKET_WORDS; i++) {
        atomic_store(&slot->words[i], word);
    }
}

static bool is_all(const struct hf_ticket_snapshot *ring, uint64_t word)
{
    uint64_t words[HF_TICKET_WORDS];
    bool same = hf_mem_copy(words, sizeof(words), ring, sizeof(*ring));
    for (size_t i = 0; i < HF_TICKET_WORDS; i++) {
        same = same && words[i] == word;
    }
    return same;
}

/* Whatever lay there before, nobody is writing and there is no ring. */
static void they_begin_empty(void)
{
    struct hf_ticket_slots *made = hf_mem_new(sizeof(*made));
    atomic_store(&made->active, 7);
    for (size_t i = 0; i < 2; i++) {
        atomic_store(&made->slots[i].number, 7);
        fill(&made->slots[i], 7);
    }
    hf_ticket_slots_init(made);
    HF_CHECK(atomic_load(&made->active) < 2);
    for (size_t i = 0; i < 2; i++) {
        HF_CHECK(atomic_load(&made->slots[i].number) % 2 == 0);
        for (size_t k = 0; k < HF_TICKET_WORDS; k++) {
            HF_CHECK(atomic_load(&made->slots[i].words[k]) == 0);
        }
    }
    hf_mem_free(made);
}

/* Bytes of keys are random, so any may be zero: that there is a ring says its mask alone. */
static void zeros_in_a_key_are_a_key(void)
{
    for (uint64_t which = 1; which < 16; which++) {
        const struct hf_ticket_snapshot in = {.which = which};
        struct hf_ticket_snapshot out = {.which = 99};
        hf_ticket_slots_init(&slots);
        hf_ticket_slots_write(&slots, &in);
        hf_ticket_slots_read(&slots, &out);
        HF_CHECK(hf_mem_equal(&out, sizeof(out), &in, sizeof(in)));
    }
}

/* The rest of what a writer does: its words, the number, and the other slot. */
static void go_on(int unused)
{
    (void)unused;
    fill(&slots.slots[1], 2);
    atomic_store(&slots.slots[1].number, 4);
    atomic_store(&slots.active, 1);
    atomic_store(&went_on, true);
}

/* After a while of this process's own time: a reader that would not wait has returned by then. */
static void go_on_later(void)
{
    const struct itimerval soon = {.it_value = {.tv_usec = 5000}};
    atomic_store(&went_on, false);
    HF_CHECK(signal(SIGVTALRM, go_on) != SIG_ERR);
    HF_CHECK(setitimer(ITIMER_VIRTUAL, &soon, NULL) == 0);
}

static void check_waits(void)
{
    struct hf_ticket_snapshot ring = {.which = 99};
    go_on_later();
    hf_ticket_slots_read(&slots, &ring);
    HF_CHECK(atomic_load(&went_on));
    HF_CHECK(is_all(&ring, 2));
}

/* An odd number: half of the words are new, half of them old. */
static void a_slot_that_is_written_is_not_read(void)
{
    hf_ticket_slots_init(&slots);
    fill(&slots.slots[1], 1);
    for (size_t i = 0; i < HF_TICKET_WORDS / 2; i++) {
        atomic_store(&slots.slots[1].words[i], 2);
    }
    atomic_store(&slots.slots[1].number, 3);
    atomic_store(&slots.active, 1);
    check_waits();
}

/* A reader that saw which slot is active, and comes to it when it is not any more. */
static void a_slot_that_was_wiped_is_not_read(void)
{
    hf_ticket_slots_init(&slots);
    atomic_store(&slots.slots[0].number, 4);
    atomic_store(&slots.active, 0);
    check_waits();
}

HF_TESTS({"they begin empty", they_begin_empty},
         {"zeros in a key are a key", zeros_in_a_key_are_a_key},
         {"a slot that is written is not read", a_slot_that_is_written_is_not_read},
         {"a slot that was wiped is not read", a_slot_that_was_wiped_is_not_read})
