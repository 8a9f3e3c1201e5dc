/* A program as a stranger writes it, in C and in C++: two hosts on a simulated radio, one finds the other.
 * tools/foreign/build compiles it against an installed amble. */
#include <amble.h>
#include <stdio.h>

static int advertise(void *ble)
{
    amble_advertise_options options = {0};
    amble_connection *conn = NULL;

    options.name = "lamp";
    return amble_advertise((amble *)ble, &options, &conn, AMBLE_FOREVER);
}

static int find(amble *lamp, amble *phone)
{
    amble_scan_options options = {0};
    amble_scan_result found;
    amble_scope scope;
    int r;

    options.name = "lamp";
    amble_scope_open(&scope);
    amble_spawn(&scope, advertise, lamp);
    r = amble_scan_find(phone, &options, &found, 5000);
    amble_scope_close(&scope);
    return r;
}

static int first(void *arg)
{
    amble *lamp = NULL, *phone = NULL;
    int r = amble_open(&lamp, "air:desk", NULL, 1000);

    (void)arg;
    if (r == 0)
        r = amble_open(&phone, "air:desk", NULL, 1000);
    if (r == 0)
        r = find(lamp, phone);
    amble_close(phone);
    amble_close(lamp);
    return r;
}

int main(void)
{
    amble_run_options options = {0};
    int r;

    options.virtual_time = true;
    r = amble_run(&options, first, NULL);
    puts(r < 0 ? amble_error_text(r) : "found the lamp");
    return r < 0;
}
