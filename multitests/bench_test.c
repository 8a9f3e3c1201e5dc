/* The bench itself: that it sees what is left behind, names who is stuck, and tells the seed. */
#include "bench.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static const amble_uuid service_uuid = AMBLE_UUID16(0xfff0), value_uuid = AMBLE_UUID16(0xfff1);
static const amble_characteristic value = {.uuid = &value_uuid, .notify = true};
static const amble_service service = {.uuid = &service_uuid, .characteristics = AMBLE_LIST(&value)};

/* --- scripts that leave something --------------------------------------------------------------------------------- */
static int only_advertise(bench_device *self)
{
    amble_connection *conn = bench_await(self);

    bench_sleep(2000);
    amble_connection_close(conn);
    return 0;
}
static int keep_link(bench_device *self)
{
    (void)bench_connect(self, "server");
    return 0;
}
static int keep_subscription(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_remote_characteristic c = bench_characteristic(conn, &service_uuid, &value_uuid);
    amble_subscription *s;

    assert_int_equal(amble_subscribe(&c, NULL, &s, 5000), 0);
    amble_connection_close(conn);
    return 0;
}
static int keep_scanner(bench_device *self)
{
    static amble_scanner scanner;

    return amble_scan_open(self->ble, &scanner, NULL, AMBLE_FOREVER);
}
static int hang(bench_device *self)
{
    amble_event never = {0};

    (void)self;
    return amble_event_wait(&never, AMBLE_FOREVER);
}
static int fail_in_script(bench_device *self)
{
    (void)self;
    bench_sleep(1234);
    assert_int_equal(1, 2);
    return 0;
}
static int fall_out(bench_device *self)
{
    (void)self;
    return AMBLE_ERR_PROTOCOL;
}

/* --- what the bench says about it, in a child --------------------------------------------------------------------- */
static char said[4000];

static void run_culprit(int (*script)(bench_device *self))
{
    BENCH_RUN(&((bench_options){.seed = 4711, .limit_ms = 100000}),
              {.label = "server",
               .script = script == keep_link || script == keep_subscription ? only_advertise : NULL,
               .config = {.services = {&service}}},
              {.label = "culprit", .script = script});
}

static int in_child(void (*run)(int (*script)(bench_device *self)), int (*script)(bench_device *self))
{
    int ends[2], status;
    size_t used = 0;
    ssize_t got;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)dup2(ends[1], STDERR_FILENO);
        run(script);
        _exit(0);
    }
    close(ends[1]);
    while ((got = read(ends[0], said + used, sizeof said - 1 - used)) > 0)
        used += (size_t)got;
    said[used] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void expect_report(int (*script)(bench_device *self), const char *words)
{
    const int status = in_child(run_culprit, script);

    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    if (!strstr(said, words) || !strstr(said, "seed 4711"))
        fail_msg("expected \"%s\" and the seed in: %s", words, said);
}

static void what_is_left_is_named(void **state)
{
    (void)state;
    expect_report(keep_link, "culprit: a dead connection was not closed");
    expect_report(keep_subscription, "culprit: a subscription was not closed");
    expect_report(keep_scanner, "culprit: scanning goes on");
}

static void who_is_stuck_is_named(void **state)
{
    (void)state;
    expect_report(hang, "these tasks have not ended: at 100000 ms culprit;");
}

static void what_failed_is_told(void **state)
{
    (void)state;
    expect_report(fail_in_script, "at 1234 ms");
    expect_report(fall_out, "a script failed");
}

/* --- the same on sockets ------------------------------------------------------------------------------------------ */
static int notify_ten(bench_device *self)
{
    amble_connection *conn = bench_await(self);

    while (!amble_subscribed(conn, &value))
        bench_sleep(5);
    for (uint8_t i = 0; i < 10; i++) {
        assert_int_equal(amble_notify(conn, &value, &i, 1, AMBLE_FOREVER), 0);
        bench_result(self, "sent %d", i);
    }
    bench_await_end(conn);
    return 0;
}

static int take_ten(bench_device *self)
{
    amble_connection *conn = bench_connect(self, "server");
    const amble_remote_characteristic c = bench_characteristic(conn, &service_uuid, &value_uuid);
    amble_subscription *s;
    amble_value v;

    assert_int_equal(amble_subscribe(&c, &(amble_subscribe_options){.depth = 10}, &s, BENCH_MEET_MS), 0);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(amble_notified(s, &v, BENCH_MEET_MS), 0);
        bench_result(self, "%d in %zu bytes", v.data[0], v.size);
    }
    amble_subscription_close(s);
    amble_connection_close(conn);
    return 0;
}

static void sockets_see_the_same(void **state)
{
    (void)state;
    BENCH_RUN_EVERYWHERE({.label = "server", .script = notify_ten, .config = {.services = {&service}}},
                         {.label = "client", .script = take_ten});
}

/* Only here a process is told from another: on virtual time all are in one. */
static int tell_time(bench_device *self)
{
    bench_result(self, "%s", bench_now_ms() < 1000000 ? "it begins at zero" : "it began long ago");
    return 0;
}

static void run_with(int (*script)(bench_device *self)) { BENCH_RUN_EVERYWHERE({.label = "alone", .script = script}); }

static int fail_over_sockets(bench_device *self)
{
    bench_result(self, "I live");
    assert_true(strncmp(bench_transport(self), "air:", 4) == 0);
    return 0;
}

static void expect_failure(int (*script)(bench_device *self), const char *words)
{
    const int status = in_child(run_with, script);

    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    if (!strstr(said, words))
        fail_msg("expected \"%s\" in: %s", words, said);
}

static void what_differs_is_told(void **state)
{
    (void)state;
    expect_failure(tell_time, "alone saw otherwise over sockets");
    expect_failure(fail_over_sockets, "the process of alone: signal 6");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_is_named), cmocka_unit_test(who_is_stuck_is_named),
        cmocka_unit_test(what_failed_is_told),   cmocka_unit_test(sockets_see_the_same),
        cmocka_unit_test(what_differs_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
