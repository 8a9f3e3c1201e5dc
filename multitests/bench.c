/* See bench.h. There is one run at a time, and its state is here. */
#include "bench_internal.h"

#include <signal.h>
#include <unistd.h>

#include "host/host_room.h"
#include "task/task_internal.h"

enum { SETTLE_MS = 60000, SILENCE_MS = 400, OPEN_MS = 5000, LIMIT_MS = 600000 };

static struct {
    bench_options options;
    bench_device devices[BENCH_DEVICES];
    char transports[BENCH_DEVICES][48];
    unsigned count;
    uint64_t hash;
    unsigned packets;
    void (*watch)(const amble_air_packet *packet);
    char problem[400];
} run;

static bench_told told_here[BENCH_DEVICES], *told = told_here;

bench_told *bench_told_by(size_t index) { return &told[index]; }
void bench_tell_in(bench_told *elsewhere) { told = elsewhere ? elsewhere : told_here; }
bench_device *bench_at(size_t index) { return &run.devices[index]; }

uint64_t bench_hash(void) { return run.hash; }
unsigned bench_packets(void) { return run.packets; }
int bench_now_ms(void) { return (int)(amble_now_us() / 1000); }
void bench_sleep(int ms) { assert_int_equal(amble_sleep_ms(ms), 0); }
void bench_sleep_us(int us)
{
    amble__list nobody;

    amble__list_init(&nobody);
    assert_int_equal(amble__wait_on_until(&nobody, amble_now_us() + (uint64_t)us), AMBLE_ERR_TIMEOUT);
}

void bench_watch(void (*watch)(const amble_air_packet *packet)) { run.watch = watch; }
const char *bench_transport(const bench_device *device) { return run.transports[device - run.devices]; }

bench_device *bench_find(const char *label)
{
    for (unsigned i = 0; i < run.count; i++)
        if (strcmp(run.devices[i].label, label) == 0)
            return &run.devices[i];
    fail_msg("no device is called %s", label);
    return NULL;
}

amble_device bench_address(const char *label) { return told[bench_find(label) - run.devices].address; }

void bench_result(const bench_device *self, const char *format, ...)
{
    char *result = told[self - run.devices].result;
    const size_t used = strlen(result);
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = vsnprintf(result + used, BENCH_RESULT_SIZE - used, format, arguments);
    va_end(arguments);
    assert_in_range(n, 1, BENCH_RESULT_SIZE - used - 2); /* more would not fit */
    memcpy(result + used + n, "\n", 2);
}

/* --- the trace ---------------------------------------------------------------------------------------------------- */
static void hash_bytes(const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        run.hash = (run.hash ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3; /* FNV-1a */
}

static void on_packet(void *user, const amble_air_packet *packet)
{
    (void)user;
    run.packets++;
    hash_bytes(&packet->time_us, sizeof packet->time_us);
    hash_bytes(&packet->channel, sizeof packet->channel);
    hash_bytes(&packet->access_address, sizeof packet->access_address);
    hash_bytes(packet->pdu, packet->size);
    if (run.watch)
        run.watch(packet);
}

/* --- the census --------------------------------------------------------------------------------------------------- */
static size_t length(const amble__list *list)
{
    size_t n = 0;

    for (const amble__list *node = list->next; node && node != list; node = node->next)
        n++;
    return n;
}
static size_t free_packets(const amble__packet_pool *pool)
{
    size_t n = 0;

    for (const amble__packet *packet = pool->free; packet; packet = packet->next)
        n++;
    return n;
}
static bool waited_for(const amble__list *list) { return list->next && !amble__list_empty(list); }

static const char *census_of_commands(const amble__hci *hci)
{
    for (int i = 0; i < AMBLE__HCI_PENDING; i++)
        if (hci->pending[i].busy || hci->pending[i].timer.armed)
            return "a command is pending";
    if (waited_for(&hci->command_waiters))
        return "a task waits for a command's place";
    if (waited_for(&hci->closings))
        return "a task waits on the host";
    if (waited_for(&hci->links) || waited_for(&hci->turns))
        return "a link is in the list of senders";
    return hci->acl_credits != hci->acl_buffers ? "ACL credits are missing" : "";
}

static const char *census_of_signalling(const amble__signalling *signalling)
{
    for (int i = 0; i < AMBLE__SIGNALLING_REQUESTS; i++)
        if (signalling->requests[i].packet.busy || signalling->requests[i].timer.armed)
            return "a signalling request is under way";
    for (int i = 0; i < AMBLE__SIGNALLING_ANSWERS; i++)
        if (signalling->answers[i].busy)
            return "a signalling answer is under way";
    return waited_for(&signalling->waiters) ? "a task waits to signal" : "";
}

static const char *census_of_channels(const amble__l2cap *l2cap)
{
    for (size_t i = 0; i < l2cap->channels.count; i++) {
        const amble_l2cap_channel *channel = &l2cap->channels.slots[i];

        if (channel->state != AMBLE__CHANNEL_FREE)
            return "a channel was not closed";
        if (waited_for(&channel->readers) || waited_for(&channel->writers) || waited_for(&channel->ends))
            return "a task waits on a channel";
    }
    for (size_t i = 0; i < l2cap->channels.listener_count; i++)
        if (waited_for(&l2cap->channels.listeners[i].accepters))
            return "a task waits for a channel";
    return "";
}

static const char *census_of_bearer(const amble__att_bearer *bearer, const amble__server_link *server)
{
    if (bearer->request.packet.busy || bearer->indication.packet.busy || bearer->response.busy ||
        bearer->confirmation.busy)
        return "a packet of a bearer is busy";
    if (bearer->request.timer.armed || bearer->indication.timer.armed || server->timer.armed)
        return "a timer of a bearer is armed";
    if (waited_for(&bearer->request.waiters) || waited_for(&bearer->request.answer) ||
        waited_for(&bearer->indication.waiters) || waited_for(&bearer->indication.answer))
        return "a task waits for ATT";
    if (bearer->channel)
        return "a bearer has a channel";
    return server->held ? "a request is held" : "";
}

static const char *census_of_link(const amble_connection *conn, const amble__l2cap_link *l2cap)
{
    if (conn->state != AMBLE__LINK_FREE)
        return conn->state == AMBLE__LINK_LIVE ? "a link is live" : "a dead connection was not closed";
    if (waited_for(&conn->losses))
        return "a task waits for the loss of a link";
    if (l2cap->security_reply.busy || l2cap->channels.frame.busy || l2cap->channels.credits.busy)
        return "a packet of a link is busy";
    return census_of_signalling(&l2cap->signalling);
}

static const char *census_of_links(amble *ble)
{
    const char *left = "";

    for (size_t i = 0; !*left && i < ble->links.count; i++)
        left = census_of_link(&ble->links.slots[i], &ble->l2cap.links[i]);
    for (size_t i = 0; !*left && i < ble->server.link_count; i++)
        left = census_of_bearer(&ble->att.bearers[i], &ble->server.links[i]);
    if (*left)
        return left;
    if (free_packets(&ble->att.pool) != ble->config.send_buffers)
        return "a send buffer is missing";
    return waited_for(&ble->att.pool.waiters) ? "a task waits for a send buffer" : "";
}

static const char *census_of_values(const amble *ble)
{
    const amble__database *database = &ble->server.database;

    for (size_t i = 0; i < database->count; i++) {
        for (uint16_t k = 0; k < database->services[i].count; k++) {
            const amble__served_value *value = &database->services[i].values[k];

            if (waited_for(&value->held) || waited_for(&value->askers))
                return "a value is waited for";
            if (value->queue && waited_for(&value->queue->waiters))
                return "a task waits for a write";
        }
    }
    for (size_t i = 0; i < ble->client.subscription_count; i++)
        if (ble->client.subscriptions[i].used || ble->client.subscriptions[i].confirmation_timer.armed)
            return "a subscription was not closed";
    return length(&ble->client.free_entries) != ble->config.notification_buffers ? "a notification buffer is missing"
                                                                                 : "";
}

static const char *census_of_gap(const amble__gap *gap)
{
    for (uint8_t i = 0; i < gap->advertiser_count; i++)
        if (gap->advertisers[i].serial || gap->advertisers[i].on || waited_for(&gap->advertisers[i].waiters))
            return "advertising goes on";
    for (uint8_t i = 0; i < gap->sync_count; i++)
        if (gap->syncs[i].state != AMBLE__SYNC_FREE || waited_for(&gap->syncs[i].waiters))
            return "listening to periodic advertising goes on";
    if (gap->nameless)
        return "a link's advertiser is not known";
    for (uint8_t i = 0; i < gap->scan.scanner_count; i++)
        if (gap->scan.scanners[i].serial || gap->scan.scanners[i].wanted || gap->scan.scanners[i].opening ||
            gap->scan.scanners[i].duration.armed || waited_for(&gap->scan.scanners[i].waiters))
            return "scanning goes on";
    if (gap->scan.on)
        return "scanning goes on";
    if (waited_for(&gap->connects) || gap->connecting || gap->pause.armed || waited_for(&gap->connecting_waiters))
        return "connecting goes on";
    for (int i = 0; i < AMBLE__STRAY_LINKS; i++)
        if (gap->strays[i].used)
            return "a stray link is not disconnected";
    return "";
}

static bool is_wiped(const void *secret, size_t size)
{
    const uint8_t *bytes = secret;

    while (size && !bytes[size - 1])
        size--;
    return !size;
}

static const char *census_of_pairing(const amble__smp *smp)
{
    for (size_t i = 0; i < smp->pairing_count; i++) {
        const amble__pairing *p = &smp->pairings[i];

        if (p->used || p->link || p->timer.armed || waited_for(&p->events))
            return "a pairing is under way";
        if (!is_wiped(&p->secret, sizeof p->secret))
            return "a secret of a pairing that is over was not wiped";
    }
    for (size_t i = 0; i < smp->link_count; i++)
        if (smp->links[i].conn || waited_for(&smp->links[i].changed))
            return "a link is still known to the Security Manager";
    if (smp->cipher.owner || smp->cipher.awaited || waited_for(&smp->cipher.waiters))
        return "a key pair is being computed or owned";
    return "";
}

const char *bench_census(amble *ble)
{
    const char *left = census_of_commands(&ble->hci);

    if (!*left)
        left = census_of_links(ble);
    if (!*left)
        left = census_of_channels(&ble->l2cap);
    if (!*left)
        left = census_of_values(ble);
    if (!*left)
        left = census_of_pairing(&ble->smp);
    return *left ? left : census_of_gap(&ble->gap);
}

static void problem(const char *what, const char *who)
{
    if (!*run.problem)
        (void)snprintf(run.problem, sizeof run.problem, "%s%s%s at %d ms", who, *who ? ": " : "", what, bench_now_ms());
}

static const char *anything_left(const char **who)
{
    for (unsigned i = 0; i < run.count; i++) {
        const char *left = run.devices[i].ble ? bench_census(run.devices[i].ble) : "";

        *who = run.devices[i].label;
        if (*left)
            return left;
    }
    return "";
}

void bench_settle(int ms)
{
    const uint64_t deadline = amble__deadline(ms);
    const char *who, *left;

    while (*(left = anything_left(&who)) && amble_now_us() < deadline)
        bench_sleep(20);
    if (*left)
        problem(left, who);
}

/* Those of a host itself. */
static bool is_of_a_host(const amble_task *task)
{
    return strcmp(task->name, "amble service") == 0 || strcmp(task->name, "amble ciphers") == 0 ||
           strcmp(task->name, "amble bearers") == 0;
}

/* The tasks that run: besides this one only those of each open host. */
static void census_of_tasks(bool report_all)
{
    amble__list_each (node, &amble__this_scheduler->all) {
        const amble_task *task = amble__container(node, amble_task, all_node);
        const size_t used = strlen(run.problem);

        if (task == amble_current_task() || is_of_a_host(task))
            continue;
        if (!report_all)
            problem("this task still runs", task->name);
        else if (used < sizeof run.problem)
            (void)snprintf(run.problem + used, sizeof run.problem - used, " %s;", task->name);
    }
}

/* --- a run -------------------------------------------------------------------------------------------------------- */
int bench_open(bench_device *device)
{
    const int r = amble_open(&device->ble, bench_transport(device), &device->config, OPEN_MS);

    if (r == 0)
        told[device - run.devices].address = amble_own_device(device->ble);
    return r;
}

void bench_unplug(bench_device *device)
{
    amble *ble = device->ble;

    assert_int_equal(amble_air_unplug(bench_transport(device)), 0);
    device->ble = NULL;
    amble_close(ble);
}

static int play(void *arg)
{
    bench_device *device = arg;
    const int r = device->script ? device->script(device) : 0;

    return r < 0 && run.options.any_result ? 0 : r;
}

static void play_all(void)
{
    amble_scope scripts;
    int r;

    amble_scope_open(&scripts);
    for (unsigned i = 0; i < run.count; i++)
        amble_spawn_named(&scripts, run.devices[i].label, play, &run.devices[i]);
    r = amble_scope_wait(&scripts, run.options.limit_ms ? run.options.limit_ms : LIMIT_MS);
    if (r == AMBLE_ERR_TIMEOUT) {
        problem("these tasks have not ended:", "");
        census_of_tasks(true);
        return; /* with its scope open: whoever hangs might hang for ever */
    }
    if (r < 0)
        problem(amble_error_text(r), "a script failed");
    amble_scope_close(&scripts);
    census_of_tasks(false);
}

static void expect_silence(void)
{
    unsigned before = run.packets;

    bench_sleep(SILENCE_MS);
    if (run.packets != before)
        problem("somebody still sends, though no host has a link", "the air");
}

static int run_all(void *arg)
{
    (void)arg;
    assert_int_equal(amble_air_set_loss("bench", run.options.loss), 0);
    assert_int_equal(amble_air_set_old("bench", run.options.old), 0);
    assert_int_equal(amble_air_sniff("bench", on_packet, NULL), 0);
    for (unsigned i = 0; i < run.count; i++)
        assert_int_equal(bench_open(&run.devices[i]), 0);
    play_all();
    run.watch = NULL;
    if (!*run.problem)
        bench_settle(SETTLE_MS);
    if (!*run.problem)
        expect_silence();
    if (*run.problem)
        fail_msg("%s", run.problem);
    for (unsigned i = 0; i < run.count; i++)
        amble_close(run.devices[i].ble);
    return 0;
}

/* The last words of a run that failed. */
static void on_abort(int number)
{
    char text[120];
    const int n = snprintf(text, sizeof text, "the bench: seed %llu, loss %g %%, at %d ms\n",
                           (unsigned long long)run.options.seed, run.options.loss, bench_now_ms());

    (void)number;
    if (write(STDERR_FILENO, text, (size_t)n) < 0 || signal(SIGABRT, SIG_DFL) == SIG_ERR)
        _exit(1);
}

void bench_prepare(const bench_options *options, const bench_device *devices, size_t count, const char *transport)
{
    assert_int_equal(setenv("CMOCKA_TEST_ABORT", "1", 1), 0);
    (void)signal(SIGABRT, on_abort);
    assert_in_range(count, 1, BENCH_DEVICES);
    memset(&run, 0, sizeof run);
    memset(told_here, 0, sizeof told_here);
    run.options = *options;
    run.count = (unsigned)count;
    run.hash = 0xcbf29ce484222325;
    memcpy(run.devices, devices, count * sizeof *devices);
    for (size_t i = 0; i < count; i++)
        (void)snprintf(run.transports[i], sizeof run.transports[i], "%s%s", transport ? transport : "air:bench/",
                       transport ? "" : devices[i].label);
}

void bench_run(const bench_options *options, const bench_device *devices, size_t count)
{
    const amble_run_options how = {.virtual_time = true, .seed = options->seed};

    bench_prepare(options, devices, count, NULL);
    assert_int_equal(amble_run(&how, run_all, NULL), 0);
    (void)signal(SIGABRT, SIG_DFL);
    assert_int_equal(unsetenv("CMOCKA_TEST_ABORT"), 0);
}

static const double losses[] = {0, 5, 20};

void bench_run_lossy_new(const bench_device *devices, size_t count)
{
    for (unsigned i = 0; i < 3; i++)
        bench_run(&(bench_options){.loss = losses[i], .seed = 1 + i}, devices, count);
}

void bench_run_lossy(const bench_device *devices, size_t count)
{
    bench_run_lossy_new(devices, count);
    bench_run(&(bench_options){.loss = losses[1], .seed = 4, .old = true}, devices, count);
}

/* The first run says what is right; `first` is empty before it. */
static void compare_results(char (*first)[BENCH_RESULT_SIZE], const bench_device *devices, size_t count,
                            const char *how)
{
    for (size_t i = 0; i < count; i++) {
        if (!*first[i])
            memcpy(first[i], told_here[i].result, sizeof first[i]);
        if (strcmp(first[i], told_here[i].result))
            fail_msg("%s saw otherwise %s:\n%sat first it was:\n%s", devices[i].label, how, told_here[i].result,
                     first[i]);
    }
}

void bench_run_everywhere(const bench_device *devices, size_t count)
{
    static char first[BENCH_DEVICES][BENCH_RESULT_SIZE];
    bench_options options = {.seed = 1};
    bool anything = false;

    memset(first, 0, sizeof first);
    for (unsigned i = 0; i < 3; i++, options.seed++) {
        options.loss = losses[i];
        bench_run(&options, devices, count);
        compare_results(first, devices, count, "at a higher loss");
    }
    for (size_t i = 0; i < count; i++)
        anything = anything || *first[i];
    assert_true(anything); /* scripts that tell nothing have nothing to compare */
    for (unsigned i = 0; i < 2; i++, options.seed++) {
        options.loss = losses[i];
        bench_run_sockets(&options, devices, count);
        compare_results(first, devices, count, "over sockets");
    }
}

/* --- meeting ------------------------------------------------------------------------------------------------------ */
amble_connection *bench_await(bench_device *self)
{
    const amble_advertise_options options = {.interval_us = BENCH_ADVERTISE_US};
    amble_connection *conn;

    assert_int_equal(amble_advertise(self->ble, &options, &conn, BENCH_MEET_MS), 0);
    return conn;
}

amble_connection *bench_connect(bench_device *self, const char *label)
{
    amble_connection *conn;

    assert_int_equal(amble_connect(self->ble, bench_address(label), NULL, &conn, BENCH_MEET_MS), 0);
    return conn;
}

amble_remote_characteristic bench_characteristic(amble_connection *conn, const amble_uuid *service,
                                                 const amble_uuid *uuid)
{
    amble_remote_characteristic c;
    amble_remote_service s;

    assert_int_equal(amble_find_service(conn, service, &s, BENCH_MEET_MS), 0);
    assert_int_equal(amble_find_characteristic(&s, uuid, &c, BENCH_MEET_MS), 0);
    return c;
}

void bench_await_end(amble_connection *conn)
{
    assert_int_equal(amble_disconnected(conn, AMBLE_FOREVER), 0);
    amble_connection_close(conn);
}
