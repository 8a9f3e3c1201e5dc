/* Tests of amble_wait_first: it takes nothing, keeps the order, and knows ended tasks. */
#include "task/testing.h"

static amble_event event_a, event_b;
static amble_queue queue;
static int storage[4];

static void start_afresh(void)
{
    event_a = event_b = (amble_event){0};
    amble_queue_init(&queue, storage, sizeof storage[0], 4);
}

/* --- choosing ----------------------------------------------------------------------------------------------------- */
static int choose_among_ready(void *arg)
{
    const amble_source sources[] = {amble_on_queue(&queue), amble_on_event(&event_a), amble_on_event(&event_b)};

    (void)arg;
    start_afresh();
    assert_int_equal(amble_wait_first(sources, 3, 0), AMBLE_ERR_TIMEOUT);
    assert_int_equal(amble_wait_first(sources, 3, 10), AMBLE_ERR_TIMEOUT);
    assert_int_equal(amble_now_us(), 10000);
    amble_event_set(&event_b);
    assert_int_equal(amble_wait_first(sources, 3, AMBLE_FOREVER), 2);
    assert_int_equal(amble_wait_first(sources, 3, 0), 2); /* nothing was taken */
    amble_event_set(&event_a);
    assert_int_equal(amble_wait_first(sources, 3, 0), 1); /* the first in the table, as these have no order */
    assert_int_equal(amble_event_wait(&event_a, 0), 0);
    assert_int_equal(amble_event_wait(&event_b, 0), 0);
    assert_int_equal(amble_queue_put(&queue, &(int){9}, 0), 0);
    assert_int_equal(amble_wait_first(sources, 3, 0), 0);
    assert_int_equal(amble_queue_count(&queue), 1);
    return 0;
}

static void it_takes_nothing(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(choose_among_ready, NULL), 0);
}

static int signal_later(void *arg)
{
    int r = amble_sleep_ms(10);

    (void)arg;
    amble_event_set(&event_b);
    if (r == 0)
        r = amble_sleep_ms(10);
    return r < 0 ? r : amble_queue_put(&queue, &(int){7}, 0);
}

static int wait_for_signals(void *arg)
{
    const amble_source sources[] = {amble_on_queue(&queue), amble_on_event(&event_a), amble_on_event(&event_b)};
    amble_scope scope;
    int item = 0;

    (void)arg;
    start_afresh();
    amble_scope_open(&scope);
    amble_spawn(&scope, signal_later, NULL);
    assert_int_equal(amble_wait_first(sources, 3, AMBLE_FOREVER), 2);
    assert_int_equal(amble_now_us(), 10000);
    assert_int_equal(amble_event_wait(&event_b, 0), 0); /* kept for us */
    assert_int_equal(amble_wait_first(sources, 3, AMBLE_FOREVER), 0);
    assert_int_equal(amble_queue_take(&queue, &item, 0), 0);
    assert_int_equal(item, 7);
    amble_scope_close(&scope);
    return 0;
}

static void a_signal_that_ends_the_wait_is_kept(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(wait_for_signals, NULL), 0);
}

/* --- order of arrival --------------------------------------------------------------------------------------------- */
static uint64_t arrivals[3]; /* 0: not ready */
static amble__list arrival_waiters;

static bool arrived(const amble_source *source) { return *(const uint64_t *)source->object != 0; }
static amble__list *waiters_of(const amble_source *source)
{
    (void)source;
    return &arrival_waiters;
}
static uint64_t arrival(const amble_source *source) { return *(const uint64_t *)source->object; }

static int choose_by_arrival(void *arg)
{
    static const amble__source_kind kind = {.ready = arrived, .waiters = waiters_of, .order = arrival};
    amble_source sources[4];

    (void)arg;
    start_afresh();
    amble__list_init(&arrival_waiters);
    for (int i = 0; i < 3; i++)
        sources[i] = (amble_source){.kind = &kind, .object = &arrivals[i]};
    sources[3] = amble_on_event(&event_a);
    memcpy(arrivals, (uint64_t[]){30, 10, 20}, sizeof arrivals);
    assert_int_equal(amble_wait_first(sources, 4, 0), 1);
    arrivals[1] = 0;
    assert_int_equal(amble_wait_first(sources, 4, 0), 2);
    amble_event_set(&event_a); /* without an order: before all that have one */
    assert_int_equal(amble_wait_first(sources, 4, 0), 3);
    return 0;
}

static void values_are_chosen_in_order_of_arrival(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(choose_by_arrival, NULL), 0);
}

/* --- several waiters ---------------------------------------------------------------------------------------------- */
static int look_for_item(void *arg)
{
    const amble_source source = amble_on_queue(&queue);
    const int r = amble_wait_first(&source, 1, AMBLE_FOREVER);

    (void)arg;
    trace(r == 0 ? "looked " : "?");
    return r;
}

static int take_item(void *word)
{
    int item, r = amble_queue_take(&queue, &item, AMBLE_FOREVER);

    trace(word);
    return r;
}

static int put_for_takers_and_lookers(void *arg)
{
    amble_scope scope;
    int r;

    (void)arg;
    start_afresh();
    amble_scope_open(&scope);
    amble_spawn(&scope, look_for_item, NULL);
    amble_spawn(&scope, take_item, "took1 ");
    amble_spawn(&scope, look_for_item, NULL);
    amble_spawn(&scope, take_item, "took2 ");
    assert_int_equal(amble_sleep_ms(1), 0);
    assert_int_equal(amble_queue_put(&queue, &(int){1}, 0), 0);
    assert_int_equal(amble_sleep_ms(1), 0);
    trace("| ");
    assert_int_equal(amble_queue_put(&queue, &(int){2}, 0), 0);
    r = amble_scope_wait(&scope, AMBLE_FOREVER);
    amble_scope_close(&scope);
    return r;
}

static void whoever_takes_nothing_steals_no_wake_up(void **state)
{
    (void)state;
    trace_clear();
    assert_int_equal(run_virtual(put_for_takers_and_lookers, NULL), 0);
    /* Who only looks is told first, while the item is still there; and each item woke its taker. */
    assert_string_equal(trace_text, "looked looked took1 | took2 ");
}

static int wait_for_a(void *arg)
{
    (void)arg;
    return amble_event_wait(&event_a, AMBLE_FOREVER);
}

static int look_at_a(void *arg)
{
    const amble_source source = amble_on_event(&event_a);
    const int r = amble_wait_first(&source, 1, 20);

    (void)arg;
    return r == AMBLE_ERR_TIMEOUT ? 0 : -99;
}

static int set_for_taker_and_looker(void *arg)
{
    amble_scope scope;
    int r;

    (void)arg;
    start_afresh();
    amble_scope_open(&scope);
    amble_spawn(&scope, look_at_a, NULL);
    amble_spawn(&scope, wait_for_a, NULL);
    assert_int_equal(amble_sleep_ms(1), 0);
    amble_event_set(&event_a);
    assert_int_equal(amble_event_wait(&event_a, 0), AMBLE_ERR_TIMEOUT); /* the taker has it */
    r = amble_scope_wait(&scope, AMBLE_FOREVER);
    amble_scope_close(&scope);
    return r;
}

static void an_event_taken_by_another_is_waited_for_again(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(set_for_taker_and_looker, NULL), 0);
}

/* --- tasks, limits, ends ------------------------------------------------------------------------------------------ */
static int sleep_for(void *ms) { return amble_sleep_ms(*(int *)ms); }

static int race(void *arg)
{
    amble_scope scope;
    amble_source sources[3];

    (void)arg;
    amble_scope_open(&scope);
    sources[0] = amble_on_task(amble_spawn(&scope, sleep_for, &(int){20}));
    sources[1] = amble_on_task(amble_spawn(&scope, sleep_for, &(int){10}));
    assert_int_equal(amble_wait_first(sources, 2, AMBLE_FOREVER), 1);
    assert_int_equal(amble_wait_first(sources, 2, AMBLE_FOREVER), 1); /* ended is ended */
    assert_int_equal(amble_now_us(), 10000);
    sources[2] = amble_on_task(NULL); /* could not be started: as good as ended */
    assert_int_equal(amble_wait_first(&sources[2], 1, AMBLE_FOREVER), 0);
    amble_scope_close(&scope);
    return 0;
}

static void ended_tasks_are_ready(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(race, NULL), 0);
}

static int wait_for_sixteen(void *arg)
{
    amble_source sources[AMBLE_SOURCES_MAX + 1];
    amble_scope scope;

    (void)arg;
    start_afresh();
    for (int i = 0; i <= AMBLE_SOURCES_MAX; i++)
        sources[i] = amble_on_event(&event_a); /* the same again and again */
    sources[AMBLE_SOURCES_MAX - 1] = amble_on_event(&event_b);
    amble_scope_open(&scope);
    amble_spawn(&scope, signal_later, NULL);
    assert_int_equal(amble_wait_first(sources, AMBLE_SOURCES_MAX, AMBLE_FOREVER), AMBLE_SOURCES_MAX - 1);
    amble_event_set(&event_a);
    assert_int_equal(amble_wait_first(sources, AMBLE_SOURCES_MAX, AMBLE_FOREVER), 0);
    assert_int_equal(amble_wait_first(sources, AMBLE_SOURCES_MAX + 1, 0), AMBLE_ERR_ARGUMENT);
    assert_int_equal(amble_wait_first(sources, 0, AMBLE_FOREVER), AMBLE_ERR_ARGUMENT);
    amble_scope_close(&scope);
    return 0;
}

static void sixteen_sources_the_same_one_too(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(wait_for_sixteen, NULL), 0);
}

static int wait_and_be_interrupted(void *arg)
{
    const amble_source source = amble_on_event(&event_a);
    amble_timeout timeout;
    int r;

    (void)arg;
    amble_timeout_begin(&timeout, NULL, 10);
    r = amble_timeout_end(&timeout, amble_wait_first(&source, 1, AMBLE_FOREVER));
    assert_int_equal(r, AMBLE_ERR_TIMEOUT);
    return amble_wait_first(&source, 1, AMBLE_FOREVER);
}

static int interrupt(void *arg)
{
    amble_scope scope;
    amble_task *task;
    int r;

    (void)arg;
    start_afresh();
    amble_scope_open(&scope);
    task = amble_spawn(&scope, wait_and_be_interrupted, NULL);
    assert_int_equal(amble_sleep_ms(20), 0);
    amble_cancel(task);
    r = amble_join(task, AMBLE_FOREVER);
    amble_scope_close(&scope);
    return r;
}

static void cancel_and_timeout_end_it(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(interrupt, NULL), AMBLE_ERR_CANCELLED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_takes_nothing),
        cmocka_unit_test(a_signal_that_ends_the_wait_is_kept),
        cmocka_unit_test(values_are_chosen_in_order_of_arrival),
        cmocka_unit_test(whoever_takes_nothing_steals_no_wake_up),
        cmocka_unit_test(an_event_taken_by_another_is_waited_for_again),
        cmocka_unit_test(ended_tasks_are_ready),
        cmocka_unit_test(sixteen_sources_the_same_one_too),
        cmocka_unit_test(cancel_and_timeout_end_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
