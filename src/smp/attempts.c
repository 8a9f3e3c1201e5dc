/* Failed attempts: each one doubles the time that the peer has to wait before the next (Vol 3 Part H 2.3.6), so that a
 * passkey cannot be guessed bit by bit. Only what may be a guess counts. A peer's row is forgotten when a pairing with
 * it went well, or gives way when others are in more need of it: the table is small, and an attacker may change
 * addresses; a new key pair for each pairing is what makes its guesses worth nothing then. */
#include "smp/smp.h"

enum { FIRST_WAIT_US = 1000000, MOST_DOUBLINGS = 9 /* some eight minutes */ };

static amble__smp_attempts *attempts_of(const amble__smp *smp, amble_device peer)
{
    for (size_t i = 0; i < smp->attempt_count; i++)
        if (smp->attempts[i].failures && amble_device_equal(smp->attempts[i].peer, peer))
            return &smp->attempts[i];
    return NULL;
}

bool amble__smp_must_wait(const amble__smp *smp, amble_device peer)
{
    const amble__smp_attempts *row = attempts_of(smp, peer);

    return row && row->until_us > amble_now_us();
}

/* A free row, or the one whose time is over first. */
static amble__smp_attempts *row_for(amble__smp *smp, amble_device peer)
{
    amble__smp_attempts *row = attempts_of(smp, peer);

    if (row)
        return row;
    row = &smp->attempts[0];
    for (size_t i = 1; i < smp->attempt_count && row->failures; i++)
        if (!smp->attempts[i].failures || smp->attempts[i].until_us < row->until_us)
            row = &smp->attempts[i];
    *row = (amble__smp_attempts){.peer = peer};
    return row;
}

static bool looks_like_a_guess(int result)
{
    return result == AMBLE_ERR_SMP(AMBLE__SMP_CONFIRM_FAILED) || result == AMBLE_ERR_SMP(AMBLE__SMP_CHECK_FAILED) ||
           result == AMBLE_ERR_SMP(AMBLE__SMP_INVALID_PARAMETERS) ||
           result == AMBLE_ERR_SMP(AMBLE__SMP_COMPARISON_FAILED);
}

void amble__smp_count_attempt(amble__smp *smp, amble_device peer, int result, bool proving)
{
    amble__smp_attempts *row;
    unsigned doublings;

    if (result >= 0) {
        row = attempts_of(smp, peer);
        if (row)
            row->failures = 0;
        return;
    }
    /* One who guesses may also leave as soon as it has seen enough. */
    if (!proving && !looks_like_a_guess(result))
        return;
    row = row_for(smp, peer);
    doublings = row->failures < MOST_DOUBLINGS ? row->failures : MOST_DOUBLINGS;
    row->failures++;
    row->until_us = amble_now_us() + ((uint64_t)FIRST_WAIT_US << doublings);
}
