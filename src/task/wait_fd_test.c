/* Tests of amble_wait_fd on pipes, socket pairs, files, and descriptors that are none. In virtual time: the clock
 * stands still while a descriptor is ready, so nothing depends on how fast this machine is. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

#include "task/testing.h"

static int ends[2];
static int interruptions; /* so many looks at descriptors meet a signal */

/* Stands in for the C library's, for everything in this program. */
int poll(struct pollfd *descriptors, nfds_t count, int timeout_ms)
{
    struct timespec timeout = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L};

    if (interruptions) {
        interruptions--;
        errno = EINTR;
        return -1;
    }
    return (int)syscall(SYS_ppoll, descriptors, count, timeout_ms < 0 ? NULL : &timeout, NULL, (size_t)0);
}

static void close_ends(void)
{
    close(ends[0]);
    close(ends[1]);
}

static int write_later(void *arg)
{
    const int r = amble_sleep_ms(10);

    (void)arg;
    return r < 0 ? r : (int)write(ends[1], "x", 1) - 1;
}

static int read_from_pipe(void *arg)
{
    amble_scope scope;
    char byte;

    (void)arg;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(amble_wait_fd(ends[0], false, 0), AMBLE_ERR_TIMEOUT);
    assert_int_equal(amble_wait_fd(ends[1], true, 0), 0);
    assert_int_equal(amble_wait_fd(ends[0], false, 5), AMBLE_ERR_TIMEOUT);
    assert_int_equal(amble_now_us(), 5000);
    amble_scope_open(&scope);
    amble_spawn(&scope, write_later, NULL);
    assert_int_equal(amble_wait_fd(ends[0], false, AMBLE_FOREVER), 0);
    assert_int_equal(amble_now_us(), 15000);
    assert_int_equal(amble_wait_fd(ends[0], false, 0), 0);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(amble_wait_fd(ends[0], false, 0), AMBLE_ERR_TIMEOUT);
    amble_scope_close(&scope);
    close(ends[1]);
    assert_int_equal(amble_wait_fd(ends[0], false, AMBLE_FOREVER), 0); /* the end of the file is readable */
    close(ends[0]);
    return 0;
}

static void a_pipe_is_waited_for(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(read_from_pipe, NULL), 0);
}

static int read_one(void *arg)
{
    char byte;
    const int r = amble_wait_fd(ends[0], false, AMBLE_FOREVER);

    (void)arg;
    trace("read ");
    return r < 0 ? r : (int)read(ends[0], &byte, 1) - 1;
}

static int write_one(void *arg)
{
    const int r = amble_wait_fd(ends[0], true, AMBLE_FOREVER);

    (void)arg;
    trace("written ");
    return r;
}

/* One task waits to read from a socket, another to write to the same one. */
static int read_and_write(void *arg)
{
    static char block[65536];
    amble_scope scope;
    int r;

    (void)arg;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    while (send(ends[0], block, sizeof block, MSG_DONTWAIT) > 0)
        ;
    amble_scope_open(&scope);
    amble_spawn(&scope, read_one, NULL);
    amble_spawn(&scope, write_one, NULL);
    assert_int_equal(amble_sleep_ms(1), 0);
    assert_string_equal(trace_text, "");
    while (recv(ends[1], block, sizeof block, MSG_DONTWAIT) > 0)
        ;
    assert_int_equal(amble_sleep_ms(1), 0);
    assert_string_equal(trace_text, "written ");
    assert_int_equal(write(ends[1], "x", 1), 1);
    r = amble_scope_wait(&scope, AMBLE_FOREVER);
    amble_scope_close(&scope);
    close_ends();
    return r;
}

static void both_directions_of_one_descriptor_at_once(void **state)
{
    (void)state;
    trace_clear();
    assert_int_equal(run_virtual(read_and_write, NULL), 0);
    assert_string_equal(trace_text, "written read ");
}

static int cancel_and_wait_again(void *arg)
{
    amble_scope scope;
    int r;

    (void)arg;
    assert_int_equal(pipe(ends), 0);
    for (int i = 0; i < 100; i++) {
        amble_scope_open(&scope);
        amble_spawn(&scope, read_one, NULL);
        r = amble_sleep_ms(0);
        assert_int_equal(r, 0);
        amble_scope_close(&scope);
    }
    assert_int_equal(write(ends[1], "x", 1), 1);
    r = amble_wait_fd(ends[0], false, AMBLE_FOREVER);
    close_ends();
    return r;
}

static void a_cancelled_wait_leaves_nothing_behind(void **state)
{
    const int lowest_before = dup(0);

    (void)state;
    close(lowest_before);
    assert_int_equal(run_virtual(cancel_and_wait_again, NULL), 0);
    assert_int_equal(dup(0), lowest_before); /* no descriptor was lost */
    close(lowest_before);
}

static int wait_on_others(void *arg)
{
    FILE *file = tmpfile();

    (void)arg;
    assert_non_null(file);
    assert_int_equal(amble_wait_fd(fileno(file), false, AMBLE_FOREVER), 0); /* regular files need no waiting */
    assert_int_equal(amble_wait_fd(fileno(file), true, 0), 0);
    (void)fclose(file);
    assert_int_equal(pipe(ends), 0);
    close_ends();
    assert_int_equal(amble_wait_fd(ends[0], false, AMBLE_FOREVER), AMBLE_ERR_IO);
    assert_int_equal(amble_wait_fd(ends[0], false, 0), AMBLE_ERR_IO);
    assert_int_equal(amble_wait_fd(-1, true, AMBLE_FOREVER), AMBLE_ERR_IO);
    return 0;
}

static void files_are_ready_and_closed_descriptors_an_error(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(wait_on_others, NULL), 0);
}

static int leave_flags_alone(void *arg)
{
    (void)arg;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(amble_wait_fd(ends[0], false, 1), AMBLE_ERR_TIMEOUT);
    assert_int_equal(fcntl(ends[0], F_GETFL) & O_NONBLOCK, 0); /* a later read still blocks, as its owner wants */
    assert_int_equal(fcntl(ends[0], F_SETFL, fcntl(ends[0], F_GETFL) | O_NONBLOCK), 0);
    assert_int_equal(amble_wait_fd(ends[0], false, 1), AMBLE_ERR_TIMEOUT);
    assert_int_not_equal(fcntl(ends[0], F_GETFL) & O_NONBLOCK, 0);
    close_ends();
    return 0;
}

static void the_descriptors_flags_are_left_alone(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(leave_flags_alone, NULL), 0);
}

/* Even a look that waits for nothing is interrupted, when a signal comes at its very moment. */
static int look_while_signals_come(void *arg)
{
    (void)arg;
    assert_int_equal(pipe(ends), 0);
    interruptions = 2;
    assert_int_equal(amble_wait_fd(ends[1], true, 0), 0);
    interruptions = 2;
    assert_int_equal(amble_wait_fd(ends[0], false, 0), AMBLE_ERR_TIMEOUT);
    assert_int_equal(interruptions, 0);
    close_ends();
    return 0;
}

static void a_signal_is_no_error(void **state)
{
    (void)state;
    assert_int_equal(run_virtual(look_while_signals_come, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pipe_is_waited_for),
        cmocka_unit_test(both_directions_of_one_descriptor_at_once),
        cmocka_unit_test(a_cancelled_wait_leaves_nothing_behind),
        cmocka_unit_test(files_are_ready_and_closed_descriptors_an_error),
        cmocka_unit_test(the_descriptors_flags_are_left_alone),
        cmocka_unit_test(a_signal_is_no_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
