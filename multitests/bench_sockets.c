/* The scripts of a bench once more, each in a process of its own: `amble air` is the radio, a Unix socket leads to each
 * controller, and time is real (on the air it goes SPEED times as fast, which costs the scripts nothing). What every
 * device wrote with bench_result has to be what it wrote on virtual time.
 *
 * A process that fails an assertion dies of it, and is named. */
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_internal.h"
#include "port/scratch.h"

enum { SPEED_OF_AIR = 5, PATIENCE_MS = 30000, SETTLE_MS = 10000 };

typedef struct {
    pid_t pid;
    char path[32], transport[64];
} radio;

/* --- the radio ---------------------------------------------------------------------------------------------------- */
static void become_radio(const radio *r, const bench_options *options, int output)
{
    char listen[80], seed[24], loss[24], speed[12];

    (void)snprintf(listen, sizeof listen, "unix-server:%s", r->path);
    (void)snprintf(seed, sizeof seed, "%llu", (unsigned long long)options->seed);
    (void)snprintf(loss, sizeof loss, "%g", options->loss);
    (void)snprintf(speed, sizeof speed, "%d", SPEED_OF_AIR);
    if (dup2(output, STDOUT_FILENO) >= 0)
        (void)execl(AMBLE_BINARY_DIR "/amble", "amble", "air", "--listen", listen, "--seed", seed, "--loss", loss,
                    "--speed", speed, (char *)NULL);
    perror(AMBLE_BINARY_DIR "/amble");
    _exit(1);
}

static void start_radio(radio *r, const bench_options *options)
{
    struct pollfd output = {.events = POLLIN};
    int ends[2];

    scratch_path(r->path, sizeof r->path, "air");
    (void)snprintf(r->transport, sizeof r->transport, "unix-client:%s", r->path);
    assert_int_equal(pipe(ends), 0);
    r->pid = fork();
    assert_true(r->pid >= 0);
    if (r->pid == 0)
        become_radio(r, options, ends[1]);
    (void)close(ends[1]);
    output.fd = ends[0];
    /* Its first line says that it listens. The pipe stays open: it goes on writing who joins and leaves. */
    assert_int_equal(poll(&output, 1, PATIENCE_MS), 1);
    assert_true(output.revents & POLLIN);
}

static void stop_radio(const radio *r)
{
    int status;

    assert_int_equal(kill(r->pid, SIGTERM), 0);
    assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
    (void)unlink(r->path); /* the radio may have done it */
}

/* --- a device ----------------------------------------------------------------------------------------------------- */
static size_t device_count;

static void await_all(bool ended)
{
    for (size_t i = 0; i < device_count; i++)
        while (!(ended ? bench_told_by(i)->ended : bench_told_by(i)->open))
            bench_sleep(2);
}

static int run_device(void *arg)
{
    bench_device *self = arg;
    bench_told *told = bench_told_by((size_t)(self - bench_at(0)));

    assert_int_equal(bench_open(self), 0);
    told->address = amble_own_device(self->ble);
    told->open = 1;
    await_all(false);
    if (self->script)
        assert_true(self->script(self) >= 0);
    told->ended = 1;
    await_all(true);
    for (int ms = 0; self->ble && *bench_census(self->ble) && ms < SETTLE_MS; ms += 5)
        bench_sleep(5);
    assert_string_equal(self->ble ? bench_census(self->ble) : "", "");
    amble_close(self->ble);
    return 0;
}

static void become_device(bench_device *device, uint64_t seed)
{
    const amble_run_options how = {.seed = seed};

    (void)alarm(PATIENCE_MS * 4 / 1000); /* one that hangs dies and is named */
    _exit(amble_run(&how, run_device, device) == 0 ? 0 : 1);
}

/* True when all did what their scripts say. */
static bool await_devices(const pid_t *pids)
{
    bool good = true;

    for (size_t left = device_count; left; left--) {
        int status;
        const pid_t pid = waitpid(-1, &status, 0);
        size_t index = 0;

        while (index < device_count && pids[index] != pid)
            index++;
        assert_true(index < device_count);                            /* the radio does not end by itself */
        bench_told_by(index)->open = bench_told_by(index)->ended = 1; /* nobody waits for it any more */
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
            continue;
        print_error("the process of %s: %s %d\n", bench_at(index)->label, WIFSIGNALED(status) ? "signal" : "exit code",
                    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        good = false;
    }
    return good;
}

void bench_run_sockets(const bench_options *options, const bench_device *devices, size_t count)
{
    bench_told *told = mmap(NULL, count * sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pids[BENCH_DEVICES] = {0};
    radio r;
    bool good;

    assert_true(told != MAP_FAILED);
    device_count = count;
    start_radio(&r, options);
    bench_prepare(options, devices, count, r.transport);
    bench_tell_in(told);
    for (size_t i = 0; i < count; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0)
            become_device(bench_at(i), options->seed + i);
    }
    good = await_devices(pids);
    stop_radio(&r);
    bench_tell_in(NULL);
    for (size_t i = 0; i < count; i++)
        *bench_told_by(i) = told[i];
    assert_int_equal(munmap(told, count * sizeof *told), 0);
    if (!good)
        fail_msg("over sockets, seed %llu, loss %g %%: a script failed", (unsigned long long)options->seed,
                 options->loss);
}
