/* Failed attempts: who has to wait, how long, and who is forgotten when there are more peers than rows. */
#include "hci/testing.h"
#include "smp/smp.h"

enum { ROWS = 3, SECOND_MS = 1000, LONGEST_S = 512 };

static amble__smp smp;
static amble__smp_attempts rows[ROWS];

static void begin(void)
{
    memset(rows, 0, sizeof rows);
    memset(&smp, 0, sizeof smp);
    smp.attempts = rows;
    smp.attempt_count = ROWS;
}

static amble_device peer(uint8_t number) { return (amble_device){.bytes = {number}}; }
static void fails(uint8_t number)
{
    amble__smp_count_attempt(&smp, peer(number), AMBLE_ERR_SMP(AMBLE__SMP_CONFIRM_FAILED), false);
}
static bool waits(uint8_t number) { return amble__smp_must_wait(&smp, peer(number)); }

static void each_failure_doubles_the_wait(void)
{
    begin();
    for (int seconds = 1; seconds <= 4 * LONGEST_S; seconds *= 2) {
        const int expected = seconds < LONGEST_S ? seconds : LONGEST_S;

        fails(1);
        assert_int_equal(amble_sleep_ms(expected * SECOND_MS - 1), 0);
        assert_true(waits(1));
        assert_int_equal(amble_sleep_ms(1), 0);
        assert_false(waits(1));
    }
}

static void a_peer_waits_for_itself_only(void)
{
    begin();
    fails(1);
    fails(1);
    assert_true(waits(1));
    assert_false(waits(2));
    fails(2);
    assert_int_equal(amble_sleep_ms(SECOND_MS), 0);
    assert_true(waits(1));
    assert_false(waits(2));
    assert_false(amble__smp_must_wait(&smp, (amble_device){.type = AMBLE_RANDOM, .bytes = {1}}));
}

static void success_is_forgiving(void)
{
    begin();
    for (int i = 0; i < 3; i++)
        fails(1);
    amble__smp_count_attempt(&smp, peer(2), 0, true);
    assert_true(waits(1));
    amble__smp_count_attempt(&smp, peer(1), 0, true);
    assert_false(waits(1));
    fails(1); /* from the beginning */
    assert_int_equal(amble_sleep_ms(SECOND_MS), 0);
    assert_false(waits(1));
}

/* Who guesses is not told by the reason alone: one that saw enough may leave in any way. */
static void only_guesses_count(void)
{
    static const int guesses[] = {AMBLE__SMP_CONFIRM_FAILED, AMBLE__SMP_CHECK_FAILED, AMBLE__SMP_INVALID_PARAMETERS,
                                  AMBLE__SMP_COMPARISON_FAILED};
    static const int others[] = {AMBLE_ERR_DISCONNECTED, AMBLE_ERR_PAIRING_TIMEOUT, AMBLE_ERR_CANCELLED,
                                 AMBLE_ERR_SMP(AMBLE__SMP_NOT_SUPPORTED), AMBLE_ERR_SMP(AMBLE__SMP_PASSKEY_FAILED)};

    for (size_t i = 0; i < sizeof guesses / sizeof *guesses; i++) {
        begin();
        amble__smp_count_attempt(&smp, peer(1), AMBLE_ERR_SMP(guesses[i]), false);
        assert_true(waits(1));
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        begin();
        amble__smp_count_attempt(&smp, peer(1), others[i], false);
        assert_false(waits(1));
        amble__smp_count_attempt(&smp, peer(1), others[i], true);
        assert_true(waits(1));
    }
}

/* A row that is free, else the one whose time is over first: who has failed most keeps waiting. */
static void the_table_is_small(void)
{
    begin();
    for (int i = 0; i < 5; i++)
        fails(1);
    fails(2);
    for (int i = 0; i < 3; i++)
        fails(3);
    amble__smp_count_attempt(&smp, peer(3), 0, true); /* its row is free now */
    for (int i = 0; i < 2; i++)
        fails(4);
    assert_true(waits(1) && waits(2) && waits(4));
    for (int i = 0; i < 2; i++)
        fails(5);
    assert_true(waits(1) && waits(4) && waits(5));
    assert_false(waits(2));
    for (int i = 0; i < 3; i++) /* known already: takes nobody's place */
        fails(4);
    assert_true(waits(1) && waits(4) && waits(5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(each_failure_doubles_the_wait),
        task_test(a_peer_waits_for_itself_only),
        task_test(success_is_forgiving),
        task_test(only_guesses_count),
        task_test(the_table_is_small),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
