/* See schedules.h. */
#include "schedules.h"

enum { WORKERS = 6, REPLAYED = 3, AUDIT_MS = 50, MANY = 50, VERY_MANY = 2000, HAPPENINGS = 24, OFTEN = 20 };

static const char *const labels[BENCH_DEVICES] = {"d0", "d1", "d2", "d3", "d4", "d5", "d6", "d7"};

static const schedule_kind *kind;
static uint64_t dice_state;
static unsigned devices, alive;
static bool all_old;
static bench_device *all[BENCH_DEVICES];
static unsigned happenings[HAPPENINGS];

/* --- dice --------------------------------------------------------------------------------------------------------- */
unsigned dice(unsigned sides)
{
    dice_state = dice_state * 6364136223846793005 + 1442695040888963407;
    return (unsigned)(dice_state >> 33) % sides;
}

int some_time(void)
{
    const unsigned what = dice(4);

    return what == 0 ? AMBLE_FOREVER : what == 1 ? (int)dice(100) : (int)dice(4000);
}

void happened(unsigned what)
{
    assert_in_range(what, 0, HAPPENINGS - 1);
    happenings[what]++;
}

bool host_is_over(int r) { return r == AMBLE_ERR_CLOSED || r == AMBLE_ERR_CONTROLLER || r == AMBLE_ERR_CANCELLED; }

/* --- devices ------------------------------------------------------------------------------------------------------ */
unsigned schedule_devices(void) { return devices; }
bench_device *schedule_device(unsigned index) { return all[index]; }

/* --- the days of a device ----------------------------------------------------------------------------------------- */
static void close_host(bench_device *self, schedule_day *today, bool unplug)
{
    today->over = true;
    if (unplug) {
        assert_int_equal(amble_air_unplug(bench_transport(self)), 0);
        if (dice(2))
            bench_sleep((int)dice(50)); /* everybody has heard of it */
    }
    self->ble = NULL;
    schedule_close(today->ble, today->index, unplug);
    if (kind->evening)
        kind->evening(self, today->index);
}

/* One day: workers begin, and at some moment something happens to them. */
static void live(bench_device *self, unsigned index)
{
    schedule_day today = {.device = self, .index = index, .ble = self->ble, .old = all_old};
    amble_task *tasks[WORKERS];
    const unsigned count = 1 + dice(WORKERS), event = dice(6);
    amble_scope scope;

    if (kind->morning)
        kind->morning(self->ble);
    amble_scope_open(&scope);
    if (kind->companion)
        amble_spawn_named(&scope, kind->companion->name, kind->companion->run, &today);
    for (unsigned i = 0; i < count; i++) {
        const schedule_worker *worker = &kind->workers[dice(kind->worker_count)];

        tasks[i] = amble_spawn_named(&scope, worker->name, worker->run, &today);
    }
    bench_sleep((int)dice(dice(3) ? (unsigned)kind->day_ms : 60));
    if (event == 0 || event == 1)
        close_host(self, &today, event == 0);
    if (event == 2 || event == 3)
        for (unsigned i = 0; i < count; i++, bench_sleep((int)dice(30)))
            amble_cancel(tasks[i]);
    if (event == 4)
        (void)!amble_scope_wait(&scope, 4000);
    amble_scope_close(&scope);
    if (!self->ble) {
        bench_sleep((int)dice(dice(2) ? 10 : 3000));
        assert_int_equal(bench_open(self), 0);
    }
}

static unsigned index_of(const bench_device *device)
{
    unsigned index = 0;

    while (strcmp(labels[index], device->label) != 0)
        index++;
    return index;
}

static void watch(const amble_air_packet *packet)
{
    schedule_watch_addresses(packet);
    if (kind->watch)
        kind->watch(packet);
}

static int life(bench_device *self)
{
    const unsigned index = index_of(self);

    all[index] = self;
    bench_watch(watch);
    while (bench_now_ms() < kind->length_ms)
        live(self, index);
    alive--;
    while (kind->peace && alive)
        bench_sleep(AUDIT_MS);
    if (kind->peace)
        kind->peace(self, index);
    return 0;
}

static int audit(bench_device *self)
{
    (void)self;
    while (alive) {
        bench_sleep(AUDIT_MS);
        kind->audit(all, devices);
    }
    return 0;
}

uint64_t schedule_play(const schedule_kind *what, unsigned seed)
{
    const bench_options options = {
        .seed = seed, .loss = seed % 4 == 0 ? 0 : seed * 7 % 25, .limit_ms = SCHEDULE_LIMIT_MS, .old = seed % 3 == 0};
    bench_device list[BENCH_DEVICES];
    unsigned count;

    kind = what;
    all_old = options.old;
    dice_state = seed * UINT64_C(0x9e3779b97f4a7c15);
    alive = devices = count = kind->least_devices + dice(kind->most_devices - kind->least_devices + 1);
    memset(all, 0, sizeof all);
    schedule_forget_addresses();
    if (kind->begin)
        kind->begin(seed);
    for (unsigned i = 0; i < devices; i++) {
        list[i] = (bench_device){.label = labels[i], .script = life};
        kind->configure(&list[i], i);
    }
    if (kind->audit)
        list[count++] = (bench_device){.label = "audit", .script = audit};
    bench_run(&options, list, count);
    return bench_hash();
}

static unsigned from_environment(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);

    return text && *text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

static void play_many(void **state)
{
    const schedule_kind *what = *state;
    const unsigned one = from_environment("AMBLE_SEED", 0);
    const unsigned many = from_environment("AMBLE_LONG", 0) ? VERY_MANY : MANY;
    const unsigned count = from_environment("AMBLE_SCHEDULES", many);

    memset(happenings, 0, sizeof happenings);
    for (unsigned seed = one ? one : 1; seed <= (one ? one : count); seed++) {
        (void)fprintf(stderr, "seed %u: run with AMBLE_SEED=%u\n", seed, seed);
        (void)schedule_play(what, seed);
    }
    for (unsigned i = 0; i < what->happening_count; i++)
        (void)fprintf(stderr, "%s: %u times\n", what->happenings[i], happenings[i]);
    for (unsigned i = 0; !one && count >= MANY && i < what->happening_count; i++)
        assert_true(happenings[i] > OFTEN); /* the schedules are about all of it */
}

static void a_seed_replays_to_the_byte(void **state)
{
    const schedule_kind *what = *state;

    for (unsigned seed = 1; seed <= REPLAYED; seed++) {
        const uint64_t first = schedule_play(what, seed);

        assert_true(schedule_play(what, seed) == first);
        assert_true(schedule_play(what, seed + REPLAYED) != first);
    }
}

int schedule_main(const schedule_kind *what, const char *promise)
{
    void *state = (void *)(uintptr_t)what; /* cmocka keeps it without const */
    const struct CMUnitTest tests[] = {
        {.name = promise, .test_func = play_many, .initial_state = state},
        cmocka_unit_test_prestate(a_seed_replays_to_the_byte, state),
    };

    amble_log_level(AMBLE_LOG_OFF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
