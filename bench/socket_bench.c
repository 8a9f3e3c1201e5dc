/* How fast everything is together, in wall time: three processes, `amble air --speed max` and two hosts on its sockets,
 * of which one notifies as fast as it can. `socket_bench [SECONDS]`, run from the root of the source tree, prints the
 * application's bytes per second and how often a second two processes answer each other.
 *
 * No budget: what is measured is the machine as much as amble. */
#include <amble.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "port/scratch.h"

enum { VALUE = 244, PATIENCE_MS = 10000, SECONDS = 3, DEPTH = 64 };

static const amble_uuid service_uuid = AMBLE_UUID16(0xfff0), stream_uuid = AMBLE_UUID16(0xfff1);
static const amble_characteristic stream = {.uuid = &stream_uuid, .read = true, .notify = true, .max_size = VALUE};
static const amble_service service = {.uuid = &service_uuid, .characteristics = AMBLE_LIST(&stream)};
static const amble_config config = {.name = "bench", .mtu = VALUE + 3, .services = {&service}};
static char transport[64];
static double seconds = SECONDS;

/* --- the one who sends -------------------------------------------------------------------------------------------- */
static int send_stream(amble_connection *conn)
{
    uint8_t value[VALUE] = {0};
    uint32_t number = 0;
    amble_timeout link;
    int r = 0;

    amble_timeout_begin(&link, conn, AMBLE_FOREVER); /* ends the sleep when the other one leaves */
    while (!amble_subscribed(conn, &stream) && r == 0)
        r = amble_sleep_ms(1);
    r = amble_timeout_end(&link, r);
    while (r == 0) {
        amble_put_le32(value, number++);
        r = amble_notify(conn, &stream, value, sizeof value, AMBLE_FOREVER);
    }
    return r == AMBLE_ERR_DISCONNECTED || r == AMBLE_ERR_NOT_SUBSCRIBED ? 0 : r; /* the other one has had enough */
}

static int run_server(void *arg)
{
    amble_connection *conn;
    amble *ble;
    int r = amble_open(&ble, transport, &config, PATIENCE_MS);

    (void)arg;
    if (r < 0)
        return r;
    r = amble_advertise(ble, &(amble_advertise_options){.name = "bench", .interval_us = 20000}, &conn, PATIENCE_MS);
    if (r == 0)
        r = send_stream(conn);
    amble_close(ble);
    return r;
}

/* --- the one who counts ------------------------------------------------------------------------------------------- */
static int count_stream(const amble_remote_characteristic *c)
{
    const uint64_t start = amble_now_us();
    uint64_t bytes = 0, lost = 0, took;
    amble_subscription *s;
    amble_value value;
    int r = amble_subscribe(c, &(amble_subscribe_options){.depth = DEPTH}, &s, PATIENCE_MS);

    while (r == 0 && (double)(amble_now_us() - start) < seconds * 1e6) {
        r = amble_notified(s, &value, PATIENCE_MS);
        bytes += value.size;
        lost += value.dropped;
    }
    took = amble_now_us() - start;
    amble_subscription_close(s);
    if (r == 0)
        printf("notifications: %.0f bytes a second, %llu lost\n", (double)bytes * 1e6 / (double)took,
               (unsigned long long)lost);
    return r;
}

static int count_reads(const amble_remote_characteristic *c)
{
    const uint64_t start = amble_now_us();
    uint8_t value[VALUE];
    unsigned reads = 0;
    int r = 0;

    while (r >= 0 && (double)(amble_now_us() - start) < seconds * 1e6 / 2) {
        r = amble_read(c, value, sizeof value, PATIENCE_MS);
        reads++;
    }
    if (r >= 0)
        printf("reads: %.0f a second\n", reads * 1e6 / (double)(amble_now_us() - start));
    return r < 0 ? r : 0;
}

static int use_link(amble_connection *conn)
{
    amble_remote_characteristic c;
    amble_remote_service s;
    int r;

    if ((r = amble_exchange_mtu(conn, PATIENCE_MS)) < 0 ||
        (r = amble_find_service(conn, &service_uuid, &s, PATIENCE_MS)) < 0 ||
        (r = amble_find_characteristic(&s, &stream_uuid, &c, PATIENCE_MS)) < 0 || (r = count_reads(&c)) < 0)
        return r;
    return count_stream(&c);
}

static int run_client(void *arg)
{
    amble_scan_result found;
    amble_connection *conn;
    amble *ble;
    int r =
        amble_open(&ble, transport, &(amble_config){.mtu = VALUE + 3, .notification_buffers = DEPTH + 1}, PATIENCE_MS);

    (void)arg;
    if (r < 0)
        return r;
    r = amble_scan_find(ble, &(amble_scan_options){.name = "bench"}, &found, PATIENCE_MS);
    if (r == 0 && (r = amble_connect(ble, found.device, NULL, &conn, PATIENCE_MS)) == 0) {
        r = use_link(conn);
        amble_connection_close(conn);
    }
    amble_close(ble);
    return r;
}

/* --- processes ---------------------------------------------------------------------------------------------------- */
static int run_radio(const char *path, int output)
{
    char listen[80];

    (void)snprintf(listen, sizeof listen, "unix-server:%s", path);
    if (dup2(output, STDOUT_FILENO) >= 0)
        (void)execl("build/amble", "amble", "air", "--listen", listen, "--speed", "max", (char *)NULL);
    perror("build/amble: run this from the root of the source tree");
    return 1;
}

static pid_t start_host(int (*host)(void *arg))
{
    const pid_t pid = fork();
    int r;

    if (pid != 0)
        return pid;
    r = amble_run(NULL, host, NULL);
    if (r < 0)
        (void)fprintf(stderr, "socket_bench: %s\n", amble_error_text(r));
    (void)fflush(stdout);
    _exit(r < 0);
}

int main(int argc, char **argv)
{
    char path[48];
    int ends[2], failed = 1, status;
    pid_t radio, hosts[2];

    if (argc > 1)
        seconds = strtod(argv[1], NULL);
    scratch_path(path, sizeof path, "air");
    (void)snprintf(transport, sizeof transport, "unix-client:%s", path);
    if (pipe(ends) || (radio = fork()) < 0)
        return 1;
    if (radio == 0)
        _exit(run_radio(path, ends[1]));
    (void)close(ends[1]);
    if (poll(&(struct pollfd){.fd = ends[0], .events = POLLIN}, 1, PATIENCE_MS) == 1) {
        hosts[0] = start_host(run_server);
        hosts[1] = start_host(run_client);
        failed = 0;
        for (int i = 1; i >= 0; i--)
            failed |= waitpid(hosts[i], &status, 0) != hosts[i] || status != 0;
    }
    (void)kill(radio, SIGTERM); /* if it is gone already, waitpid says so as well */
    (void)waitpid(radio, &status, 0);
    return failed;
}
