/* Tests of discovery against scripted servers: what is asked, what one answer is good for, where lists end; and
 * against servers that answer nonsense, where it has to end with AMBLE_ERR_PROTOCOL. */
#include "gatt/testing.h"

static amble_connection *conn;
static amble_scope scope;

static void begin(void)
{
    gatt_open();
    conn = link_open(HANDLE, true);
}

/* --- a program that discovers, in a task of its own --------------------------------------------------------------- */
enum { FOUND_MAX = 80 };
typedef enum { SERVICES, CHARACTERISTICS, DESCRIPTORS, FIND_SERVICE, FIND_CHARACTERISTIC, FIND_DESCRIPTOR } procedure;
static struct {
    procedure what;
    amble_uuid uuid;
    amble_remote_service service, services[FOUND_MAX];
    amble_remote_characteristic characteristic, characteristics[FOUND_MAX];
    amble_remote_descriptor descriptors[FOUND_MAX];
    unsigned found;
    int result;
    bool done;
} d;

static int all_services(void)
{
    amble_remote_service s = {0};
    int r;

    while ((r = amble_next_service(conn, &s, AMBLE_FOREVER)) > 0)
        d.services[d.found++ % FOUND_MAX] = s;
    return r;
}

static int all_characteristics(void)
{
    amble_remote_characteristic c = {0};
    int r;

    while ((r = amble_next_characteristic(&d.service, &c, AMBLE_FOREVER)) > 0)
        d.characteristics[d.found++ % FOUND_MAX] = c;
    return r;
}

static int all_descriptors(void)
{
    amble_remote_descriptor one = {0};
    int r;

    while ((r = amble_next_descriptor(&d.characteristic, &one, AMBLE_FOREVER)) > 0)
        d.descriptors[d.found++ % FOUND_MAX] = one;
    return r;
}

static int discovering(void *arg)
{
    (void)arg;
    switch (d.what) {
    case SERVICES:
        d.result = all_services();
        break;
    case CHARACTERISTICS:
        d.result = all_characteristics();
        break;
    case DESCRIPTORS:
        d.result = all_descriptors();
        break;
    case FIND_SERVICE:
        d.result = amble_find_service(conn, &d.uuid, &d.services[0], AMBLE_FOREVER);
        break;
    case FIND_CHARACTERISTIC:
        d.result = amble_find_characteristic(&d.service, &d.uuid, &d.characteristics[0], AMBLE_FOREVER);
        break;
    default:
        d.result = amble_find_descriptor(&d.characteristic, &d.uuid, &d.descriptors[0], AMBLE_FOREVER);
    }
    d.done = true;
    return 0;
}

/* Starts a discovery, or a search for `uuid`, in the service or characteristic with this range. */
static void start_for(procedure what, uint16_t first, uint16_t last, amble_uuid uuid)
{
    memset(&d, 0, sizeof d);
    d.what = what;
    d.uuid = uuid;
    d.result = 77;
    d.service = (amble_remote_service){.conn = conn, .start = first, .end = last, .generation = conn->generation};
    d.characteristic = (amble_remote_characteristic){.conn = conn,
                                                     .handle = (uint16_t)(first - 1),
                                                     .value_handle = first,
                                                     .end = last,
                                                     .generation = conn->generation};
    amble_spawn(&scope, discovering, NULL);
    settle();
}

static void start(procedure what, uint16_t first, uint16_t last) { start_for(what, first, last, level_uuid); }

#define reply(...)         (ask(conn, __VA_ARGS__), settle())
#define not_found(request) reply(0x01, request, 1, 0, 0x0a)

/* --- well-behaved servers ----------------------------------------------------------------------------------------- */
static void services_of_several_answers(void)
{
    begin();
    amble_scope_open(&scope);
    start(SERVICES, 0, 0);
    answer(conn, 0x10, 1, 0, 0xff, 0xff, 0x00, 0x28);
    reply(0x11, 6, 1, 0, 5, 0, 0x00, 0x18, 6, 0, 9, 0, 0x01, 0x18);
    answer(conn, 0x10, 10, 0, 0xff, 0xff, 0x00, 0x28); /* two came at once: one request for both */
    reply(0x11, 20, 20, 0, 30, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
    answer(conn, 0x10, 31, 0, 0xff, 0xff, 0x00, 0x28);
    not_found(0x10);
    assert_int_equal(d.result, 0);
    assert_int_equal(d.found, 3);
    assert_int_equal(d.services[0].start, 1);
    assert_int_equal(d.services[0].end, 5);
    assert_int_equal(d.services[1].uuid.bytes[0], 0x01);
    assert_int_equal(d.services[2].uuid.size, 16);
    assert_int_equal(d.services[2].end, 30);
    assert_int_equal(d.services[2].generation, conn->generation);
    expect_nothing();
    amble_scope_close(&scope);
}

static void a_service_up_to_the_last_handle_ends_it(void)
{
    begin();
    amble_scope_open(&scope);
    start(SERVICES, 0, 0);
    next_sent();
    reply(0x11, 6, 1, 0, 0xff, 0xff, 0x00, 0x18);
    assert_int_equal(d.result, 0);
    assert_int_equal(d.found, 1);
    expect_nothing();
    amble_scope_close(&scope);
}

static void a_server_with_nothing(void)
{
    begin();
    amble_scope_open(&scope);
    start(SERVICES, 0, 0);
    not_found(0x10);
    assert_int_equal(d.result, 0);
    assert_int_equal(d.found, 0);
    start(CHARACTERISTICS, 1, 9);
    not_found(0x08);
    assert_int_equal(d.result, 0);
    start(DESCRIPTORS, 1, 9);
    not_found(0x04);
    assert_int_equal(d.result, 0);
    start(DESCRIPTORS, 9, 9); /* there is no room for any: not even asked */
    assert_int_equal(d.result, 0);
    start(CHARACTERISTICS, 1, 9);
    reply(0x01, 0x08, 1, 0, 0x05);
    assert_int_equal(d.result, AMBLE_ERR_ATT(0x05));
    amble_scope_close(&scope);
}

static void characteristics_of_a_service(void)
{
    begin();
    amble_scope_open(&scope);
    start(CHARACTERISTICS, 10, 20);
    answer(conn, 0x08, 10, 0, 20, 0, 0x03, 0x28);
    reply(0x09, 7, 11, 0, 0x02, 12, 0, 0x00, 0x2a, 14, 0, 0x10, 15, 0, 0x01, 0x2a);
    answer(conn, 0x08, 16, 0, 20, 0, 0x03, 0x28);
    reply(0x09, 21, 17, 0, 0x08, 18, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
    answer(conn, 0x08, 19, 0, 20, 0, 0x03, 0x28);
    not_found(0x08);
    assert_int_equal(d.result, 0);
    assert_int_equal(d.found, 3);
    assert_int_equal(d.characteristics[0].value_handle, 12);
    assert_int_equal(d.characteristics[0].end, 13); /* it ends before the next one */
    assert_int_equal(d.characteristics[0].properties, 0x02);
    assert_int_equal(d.characteristics[1].end, 20); /* which was not known yet */
    assert_int_equal(d.characteristics[2].uuid.size, 16);
    assert_int_equal(d.characteristics[2].end, 20);
    expect_nothing();
    amble_scope_close(&scope);
}

static void descriptors_end_at_the_next_declaration(void)
{
    begin();
    amble_scope_open(&scope);
    start(DESCRIPTORS, 12, 20);
    answer(conn, 0x04, 13, 0, 20, 0);
    reply(0x05, 1, 13, 0, 0x02, 0x29, 14, 0, 0x01, 0x29);
    answer(conn, 0x04, 15, 0, 20, 0);
    reply(0x05, 2, 15, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
    answer(conn, 0x04, 16, 0, 20, 0);
    reply(0x05, 1, 16, 0, 0x03, 0x28, 17, 0, 0x02, 0x29); /* the second belongs to another characteristic */
    assert_int_equal(d.result, 0);
    assert_int_equal(d.found, 3);
    assert_int_equal(d.descriptors[1].handle, 14);
    assert_int_equal(d.descriptors[2].uuid.size, 16);
    expect_nothing();
    amble_scope_close(&scope);
}

static void finding_a_service(void)
{
    begin();
    amble_scope_open(&scope);
    start(FIND_SERVICE, 0, 0);
    answer(conn, 0x06, 1, 0, 0xff, 0xff, 0x00, 0x28, 0x19, 0x2a);
    reply(0x07, 7, 0, 9, 0, 20, 0, 22, 0);
    assert_int_equal(d.result, 0);
    assert_int_equal(d.services[0].start, 7);
    assert_int_equal(d.services[0].end, 9);
    assert_true(amble_uuid_equal(&d.services[0].uuid, &level_uuid));
    start_for(FIND_SERVICE, 0, 0, custom_uuid);
    assert_int_equal(next_sent()->size, 9 + 7 + 16);
    not_found(0x06);
    assert_int_equal(d.result, AMBLE_ERR_NOT_FOUND);
    start(FIND_SERVICE, 0, 0);
    reply(0x01, 0x06, 1, 0, 0x06);
    assert_int_equal(d.result, AMBLE_ERR_ATT(0x06));
    amble_scope_close(&scope);
}

static void finding_a_characteristic(void)
{
    begin();
    amble_scope_open(&scope);
    start(FIND_CHARACTERISTIC, 10, 20);
    answer(conn, 0x08, 10, 0, 20, 0, 0x03, 0x28);
    reply(0x09, 7, 11, 0, 0x02, 12, 0, 0x00, 0x2a, 14, 0, 0x10, 15, 0, 0x19, 0x2a);
    assert_int_equal(d.result, 0);
    assert_int_equal(d.characteristics[0].value_handle, 15);
    start_for(FIND_CHARACTERISTIC, 10, 20,
              (amble_uuid)AMBLE_UUID16(0x2a00)); /* the kept list has it: nobody is asked */
    assert_int_equal(d.result, 0);
    assert_int_equal(d.characteristics[0].value_handle, 12);
    expect_nothing();
    start_for(FIND_CHARACTERISTIC, 10, 20, text_uuid);
    answer(conn, 0x08, 16, 0, 20, 0, 0x03, 0x28);
    not_found(0x08);
    assert_int_equal(d.result, AMBLE_ERR_NOT_FOUND);
    amble_scope_close(&scope);
}

static void finding_a_descriptor(void)
{
    begin();
    amble_scope_open(&scope);
    start_for(FIND_DESCRIPTOR, 12, 14, name_uuid);
    answer(conn, 0x04, 13, 0, 14, 0);
    reply(0x05, 1, 13, 0, 0x02, 0x29, 14, 0, 0x01, 0x29);
    assert_int_equal(d.result, 0);
    assert_int_equal(d.descriptors[0].handle, 14);
    start_for(FIND_DESCRIPTOR, 12, 14, text_uuid);
    assert_int_equal(d.result, AMBLE_ERR_NOT_FOUND);
    expect_nothing();
    amble_scope_close(&scope);
}

static void a_kept_list_belongs_to_its_link_and_its_kind(void)
{
    begin();
    amble_scope_open(&scope);
    start(CHARACTERISTICS, 10, 20);
    next_sent();
    reply(0x09, 7, 11, 0, 0x02, 12, 0, 0x00, 0x2a);
    next_sent();
    reply(0x01, 0x08, 12, 0, 0x0a);
    start(DESCRIPTORS, 12, 20); /* another kind */
    answer(conn, 0x04, 13, 0, 20, 0);
    not_found(0x04);
    start(CHARACTERISTICS, 10, 20);
    next_sent();
    reply(0x09, 7, 11, 0, 0x02, 12, 0, 0x00, 0x2a);
    next_sent();
    link_close(conn);
    assert_ptr_equal(link_open(HANDLE, true), conn);
    start(CHARACTERISTICS, 10, 20);
    answer(conn, 0x08, 10, 0, 20, 0, 0x03, 0x28);
    amble_scope_close(&scope);
}

static void discovery_may_be_left_and_taken_up_again(void)
{
    amble_remote_service s = {0};

    begin();
    amble_scope_open(&scope);
    start(SERVICES, 0, 0);
    next_sent();
    reply(0x11, 6, 1, 0, 5, 0, 0x00, 0x18, 6, 0, 9, 0, 0x01, 0x18, 10, 0, 0xff, 0xff, 0x02, 0x18);
    assert_int_equal(d.found, 3);
    assert_int_equal(amble_next_service(conn, &s, 1000), 1); /* from the start, from the kept list */
    assert_int_equal(s.start, 1);
    s = d.services[1];
    assert_int_equal(amble_next_service(conn, &s, 1000), 1);
    assert_int_equal(s.start, 10);
    assert_int_equal(amble_next_service(conn, &s, 1000), 0);
    expect_nothing();
    amble_scope_close(&scope);
}

/* --- servers that answer nonsense --------------------------------------------------------------------------------- */
/* The first answer to a discovery is this; it has to end there. */
static void hostile(procedure what, const uint8_t *pdu, size_t size)
{
    begin();
    amble_scope_open(&scope);
    start(what, 10, 20);
    next_sent();
    peer_att(conn, pdu, size);
    settle();
    if (!d.done || d.result != AMBLE_ERR_PROTOCOL)
        fail_msg("discovery %u of %02x %02x %02x...: done %d, result %d", what, pdu[0], pdu[1], pdu[2], d.done,
                 d.result);
    assert_true(d.found <= 1); /* what made sense before */
    start(what, 10, 20);       /* the bearer is free; asked again or from the kept list, it comes to the same */
    if (unread() == 0)
        assert_int_equal(d.result, AMBLE_ERR_PROTOCOL);
    amble_scope_close(&scope);
}

static void services_that_make_no_sense(void)
{
    hostile(SERVICES, BYTES(0x11, 0)); /* no entries at all */
    hostile(SERVICES, BYTES(0x11, 6));
    hostile(SERVICES, BYTES(0x11, 0, 1, 0, 2, 0, 0, 0x18));                      /* of no size */
    hostile(SERVICES, BYTES(0x11, 3, 1, 0, 2));                                  /* smaller than two handles */
    hostile(SERVICES, BYTES(0x11, 6, 1, 0, 2, 0, 0, 0x18, 3));                   /* half an entry */
    hostile(SERVICES, BYTES(0x11, 4, 1, 0, 2, 0));                               /* without a UUID */
    hostile(SERVICES, BYTES(0x11, 7, 1, 0, 2, 0, 0, 0x18, 0));                   /* with one of three bytes */
    hostile(SERVICES, BYTES(0x11, 6, 0, 0, 2, 0, 0, 0x18));                      /* handle 0 */
    hostile(SERVICES, BYTES(0x11, 6, 5, 0, 4, 0, 0, 0x18));                      /* ends before it starts */
    hostile(SERVICES, BYTES(0x11, 6, 5, 0, 9, 0, 0, 0x18, 3, 0, 4, 0, 0, 0x18)); /* going backwards */
    hostile(SERVICES, BYTES(0x11, 6, 5, 0, 9, 0, 0, 0x18, 9, 0, 9, 0, 0, 0x18)); /* one within the other */
}

static void characteristics_that_make_no_sense(void)
{
    hostile(CHARACTERISTICS, BYTES(0x09, 0));
    hostile(CHARACTERISTICS, BYTES(0x09, 7));
    hostile(CHARACTERISTICS, BYTES(0x09, 1, 11));
    hostile(CHARACTERISTICS, BYTES(0x09, 2, 11, 0));                       /* without a value */
    hostile(CHARACTERISTICS, BYTES(0x09, 5, 11, 0, 2, 12, 0));             /* without a UUID */
    hostile(CHARACTERISTICS, BYTES(0x09, 8, 11, 0, 2, 12, 0, 0, 0x2a, 0)); /* with one of three bytes */
    hostile(CHARACTERISTICS, BYTES(0x09, 7, 9, 0, 2, 12, 0, 0, 0x2a));     /* before the service */
    hostile(CHARACTERISTICS, BYTES(0x09, 7, 21, 0, 2, 22, 0, 0, 0x2a));    /* after it */
    hostile(CHARACTERISTICS, BYTES(0x09, 7, 11, 0, 2, 11, 0, 0, 0x2a));    /* its own value */
    hostile(CHARACTERISTICS, BYTES(0x09, 7, 11, 0, 2, 5, 0, 0, 0x2a));     /* a value before it */
    hostile(CHARACTERISTICS,
            BYTES(0x09, 7, 11, 0, 2, 15, 0, 0, 0x2a, 14, 0, 2, 16, 0, 0, 0x2a)); /* a value in the next */
    hostile(CHARACTERISTICS, BYTES(0x09, 7, 11, 0, 2, 21, 0, 0, 0x2a));          /* a value beyond the service */
    hostile(CHARACTERISTICS, BYTES(0x09, 7, 14, 0, 2, 15, 0, 0, 0x2a, 11, 0, 2, 12, 0, 0, 0x2a)); /* going backwards */
    hostile(CHARACTERISTICS, BYTES(0x09, 7, 14, 0, 2, 15, 0, 0, 0x2a, 14, 0, 2, 15, 0, 0, 0x2a)); /* twice */
}

static void descriptors_that_make_no_sense(void)
{
    hostile(DESCRIPTORS, BYTES(0x05, 0));
    hostile(DESCRIPTORS, BYTES(0x05, 1));
    hostile(DESCRIPTORS, BYTES(0x05, 3, 11, 0, 2, 0x29));                 /* no such format */
    hostile(DESCRIPTORS, BYTES(0x05, 2, 11, 0, 2, 0x29));                 /* too short for it */
    hostile(DESCRIPTORS, BYTES(0x05, 1, 11, 0, 2, 0x29, 12));             /* half an entry */
    hostile(DESCRIPTORS, BYTES(0x05, 1, 10, 0, 2, 0x29));                 /* before the first */
    hostile(DESCRIPTORS, BYTES(0x05, 1, 21, 0, 2, 0x29));                 /* after the last */
    hostile(DESCRIPTORS, BYTES(0x05, 1, 12, 0, 2, 0x29, 11, 0, 1, 0x29)); /* going backwards */
}

static void found_services_that_make_no_sense(void)
{
    hostile(FIND_SERVICE, BYTES(0x07));
    hostile(FIND_SERVICE, BYTES(0x07, 1, 0, 2));
    hostile(FIND_SERVICE, BYTES(0x07, 1, 0, 2, 0, 3));
    hostile(FIND_SERVICE, BYTES(0x07, 0, 0, 2, 0));
    hostile(FIND_SERVICE, BYTES(0x07, 3, 0, 2, 0));
}

static void the_same_answer_for_ever_ends(void)
{
    begin();
    amble_scope_open(&scope);
    start(SERVICES, 0, 0);
    next_sent();
    reply(0x11, 6, 1, 0, 5, 0, 0x00, 0x18);
    next_sent();
    reply(0x11, 6, 1, 0, 5, 0, 0x00, 0x18);
    assert_int_equal(d.result, AMBLE_ERR_PROTOCOL);
    assert_int_equal(d.found, 1);
    amble_scope_close(&scope);
}

static void as_many_services_as_there_are_handles(void)
{
    unsigned answers = 0;

    begin();
    amble_scope_open(&scope);
    start(SERVICES, 0, 0);
    while (!d.done && answers < 70000) { /* each answer has one service of one handle, just where it was asked for */
        const uint8_t *request = next_sent()->bytes + 9;

        answers++;
        say_completed_packets(HANDLE, 1);
        ask(conn, 0x11, 6, request[1], request[2], request[1], request[2], 0x00, 0x18);
        assert_int_equal(amble_sleep_ms(0), 0);
    }
    assert_int_equal(d.result, 0);
    assert_int_equal(answers, 0xffff);
    amble_scope_close(&scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        task_test(services_of_several_answers),
        task_test(a_service_up_to_the_last_handle_ends_it),
        task_test(a_server_with_nothing),
        task_test(characteristics_of_a_service),
        task_test(descriptors_end_at_the_next_declaration),
        task_test(finding_a_service),
        task_test(finding_a_characteristic),
        task_test(finding_a_descriptor),
        task_test(a_kept_list_belongs_to_its_link_and_its_kind),
        task_test(discovery_may_be_left_and_taken_up_again),
        task_test(services_that_make_no_sense),
        task_test(characteristics_that_make_no_sense),
        task_test(descriptors_that_make_no_sense),
        task_test(found_services_that_make_no_sense),
        task_test(the_same_answer_for_ever_ends),
        task_test(as_many_services_as_there_are_handles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
