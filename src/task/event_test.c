/* Tests of events, also set from other threads. The tests with threads repeat what they do thousands of times, so that
 * ThreadSanitizer and bad luck both get their chance; none depends on who is faster. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "task/testing.h"

/* --- in one thread ------------------------------------------------------------------------------------------------ */
static amble_event event;

static int wait_and_say(void *word)
{
    const int r = amble_event_wait(&event, AMBLE_FOREVER);

    trace(word);
    return r;
}

static int set_for_all(void *arg)
{
    amble_scope scope;
    int r;

    (void)arg;
    event = (amble_event){0};
    amble_scope_open(&scope);
    amble_spawn(&scope, wait_and_say, "a");
    amble_spawn(&scope, wait_and_say, "b");
    assert_int_equal(amble_sleep_ms(1), 0);
    amble_event_set(&event);
    r = amble_scope_wait(&scope, AMBLE_FOREVER);
    assert_int_equal(amble_event_wait(&event, 0), AMBLE_ERR_TIMEOUT); /* they took it */
    amble_scope_close(&scope);
    return r;
}

static void setting_ends_the_wait_of_all(void **state)
{
    (void)state;
    trace_clear();
    assert_int_equal(run_virtual(set_for_all, NULL), 0);
    assert_string_equal(trace_text, "ab");
}

static int set_and_clear(void *arg)
{
    (void)arg;
    event = (amble_event){0};
    amble_event_set(&event);
    amble_event_set(&event);
    assert_int_equal(amble_event_wait(&event, 0), 0); /* stays set until taken, once */
    assert_int_equal(amble_event_wait(&event, 0), AMBLE_ERR_TIMEOUT);
    amble_event_set(&event);
    amble_event_clear(&event);
    assert_int_equal(amble_event_wait(&event, 0), AMBLE_ERR_TIMEOUT);
    assert_int_equal(amble_event_wait(&event, 25), AMBLE_ERR_TIMEOUT);
    assert_int_equal(amble_now_us(), 25000);
    return 0;
}

static void it_stays_set_until_one_takes_or_clears_it(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(set_and_clear, NULL), 0);
}

static int wake_oneself(void *arg)
{
    (void)arg;
    amble_wake(&event); /* bound or not */
    assert_int_equal(amble_event_wait(&event, 0), 0);
    amble_wake(&event);
    amble_wake(&event);
    assert_int_equal(amble_event_wait(&event, 0), 0); /* seen at once */
    assert_int_equal(amble_event_wait(&event, 0), AMBLE_ERR_TIMEOUT);
    amble_wake(&event);
    amble_event_clear(&event);
    assert_int_equal(amble_event_wait(&event, 0), AMBLE_ERR_TIMEOUT);
    return 0;
}

static void a_wake_is_seen_by_the_next_look(void **state)
{
    (void)state;
    event = (amble_event){0};
    assert_int_equal(run_virtual(wake_oneself, NULL), 0);
}

/* The first wait binds the event to the scheduler; the last wake comes too late for it. */
static int use_and_leave_woken(void *arg)
{
    const int r = amble_event_wait(&event, 0);

    (void)arg;
    amble_wake(&event);
    assert_int_equal(amble_event_wait(&event, AMBLE_FOREVER), 0);
    amble_wake(&event);
    return r;
}

static void an_event_may_be_used_by_one_scheduler_after_the_other(void **state)
{
    (void)state;
    event = (amble_event){0};
    assert_int_equal(run_virtual(use_and_leave_woken, NULL), AMBLE_ERR_TIMEOUT);
    assert_int_equal(run_virtual(use_and_leave_woken, NULL), 0); /* the late wake */
    assert_int_equal(run_virtual(use_and_leave_woken, NULL), 0);
}

/* --- from another thread ------------------------------------------------------------------------------------------ */
static atomic_uint answers;
static pthread_mutex_t answers_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t answered = PTHREAD_COND_INITIALIZER;

static void answer(unsigned count)
{
    (void)pthread_mutex_lock(&answers_lock);
    atomic_store(&answers, count);
    (void)pthread_cond_broadcast(&answered);
    (void)pthread_mutex_unlock(&answers_lock);
}

/* Looks for a moment, so that the two threads meet as closely as they can. Then it sleeps: where others use the
 * processors, who only yields gets the answer at the end of somebody's turn. */
static void wait_for_answers(unsigned count)
{
    enum { LOOKS = 2000 };

    for (int i = 0; i < LOOKS; i++)
        if (atomic_load(&answers) >= count)
            return;
    (void)pthread_mutex_lock(&answers_lock);
    while (atomic_load(&answers) < count)
        (void)pthread_cond_wait(&answered, &answers_lock);
    (void)pthread_mutex_unlock(&answers_lock);
}

static void *ping(void *arg)
{
    for (unsigned i = 1; i <= *(unsigned *)arg; i++) {
        amble_wake(&event);
        wait_for_answers(i);
    }
    return NULL;
}

static int pong(void *arg)
{
    for (unsigned i = 1; i <= *(unsigned *)arg; i++) {
        const int r = amble_event_wait(&event, AMBLE_FOREVER);

        if (r < 0)
            return r;
        answer(i);
    }
    return amble_event_wait(&event, 0); /* not one more than there were */
}

static void no_wake_is_lost_or_doubled(void **state)
{
    unsigned rounds = test_tasks() / 2;
    pthread_t thread;

    (void)state;
    event = (amble_event){0};
    atomic_store(&answers, 0);
    assert_int_equal(pthread_create(&thread, NULL, ping, &rounds), 0);
    assert_int_equal(amble_run(NULL, pong, &rounds), AMBLE_ERR_TIMEOUT);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static amble_event *fresh; /* one per round: each is bound while the other thread may already set it */

static void *wake_each(void *arg)
{
    for (unsigned i = 0; i < *(unsigned *)arg; i++) {
        wait_for_answers(i);
        amble_wake(&fresh[i]);
    }
    return NULL;
}

static int wait_for_each(void *arg)
{
    for (unsigned i = 0; i < *(unsigned *)arg; i++) {
        int r;

        answer(i);
        r = amble_event_wait(&fresh[i], AMBLE_FOREVER);
        if (r < 0)
            return r;
    }
    return 0;
}

static void a_wake_while_the_event_is_bound_is_not_lost(void **state)
{
    unsigned rounds = test_tasks();
    pthread_t thread;

    (void)state;
    fresh = calloc(rounds, sizeof *fresh);
    assert_non_null(fresh);
    atomic_store(&answers, 0);
    assert_int_equal(pthread_create(&thread, NULL, wake_each, &rounds), 0);
    assert_int_equal(amble_run(NULL, wait_for_each, &rounds), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    free(fresh);
}

static amble_event shared_events[3];
static atomic_bool done;

static void *wake_like_mad(void *arg)
{
    (void)arg;
    for (unsigned i = 0; !atomic_load(&done); i++) {
        amble_wake(&shared_events[i % 3]);
        if (i % 64 == 0)
            (void)sched_yield(); /* where there is one processor, who waits is to see some of it */
    }
    return NULL;
}

static int wait_for_one_often(void *number)
{
    for (unsigned i = 0; i < test_tasks() / 10; i++)
        if (amble_event_wait(&shared_events[(uintptr_t)number], AMBLE_FOREVER) < 0)
            return -99;
    return 0;
}

static int wait_for_three(void *arg)
{
    amble_scope scope;
    int r;

    (void)arg;
    amble_scope_open(&scope);
    for (uintptr_t i = 0; i < 3; i++)
        amble_spawn(&scope, wait_for_one_often, (void *)i);
    r = amble_scope_wait(&scope, AMBLE_FOREVER);
    amble_scope_close(&scope);
    return r;
}

/* The threads stop before the scheduler closes: an event must not be woken after its scheduler is gone. */
static int wait_among_threads(void *arg)
{
    pthread_t threads[2];
    int r;

    for (int i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, wake_like_mad, NULL))
            return -98;
    r = wait_for_three(arg);
    atomic_store(&done, true);
    for (int i = 0; i < 2; i++)
        (void)pthread_join(threads[i], NULL);
    return r;
}

static void several_threads_wake_several_events(void **state)
{
    (void)state;
    memset(shared_events, 0, sizeof shared_events);
    atomic_store(&done, false);
    assert_int_equal(amble_run(NULL, wait_among_threads, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(setting_ends_the_wait_of_all),
        cmocka_unit_test(it_stays_set_until_one_takes_or_clears_it),
        cmocka_unit_test(a_wake_is_seen_by_the_next_look),
        cmocka_unit_test(an_event_may_be_used_by_one_scheduler_after_the_other),
        cmocka_unit_test(no_wake_is_lost_or_doubled),
        cmocka_unit_test(a_wake_while_the_event_is_bound_is_not_lost),
        cmocka_unit_test(several_threads_wake_several_events),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
