/* Which terminals are serial ports: a folder as Linux has it, and what is no folder. */
#include "transport/serial_ports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "port/scratch.h"

static char folder[64];

static void make(const char *name, const char *type)
{
    char path[128];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(mkdir(path, 0700), 0);
    if (!type)
        return;
    snprintf(path, sizeof path, "%s/%s/device", folder, name);
    assert_int_equal(mkdir(path, 0700), 0);
    if (!*type)
        return;
    snprintf(path, sizeof path, "%s/%s/type", folder, name);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(type, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void test_ports(void **state)
{
    amble__serial_port ports[4];
    char command[80];

    (void)state;
    scratch_path(folder, sizeof folder, "tty");
    assert_int_equal(mkdir(folder, 0700), 0);
    make("ttyUSB0", "");
    make("ttyACM0", "");
    make("ttyS0", "0\n");
    make("ttyS1", "4\n");
    make("tty1", NULL);
    assert_int_equal(amble__serial_ports(folder, ports, 4), 3);
    assert_string_equal(ports[0].path, "/dev/ttyACM0");
    assert_string_equal(ports[1].path, "/dev/ttyS1");
    assert_string_equal(ports[2].path, "/dev/ttyUSB0");
    assert_int_equal(amble__serial_ports(folder, ports, 2), 2);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
    assert_int_equal(amble__serial_ports(folder, ports, 4), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ports),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
