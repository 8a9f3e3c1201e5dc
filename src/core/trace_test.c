/* Trace points: nobody is called while nobody looks, a sink sees what passed, the text stays within its room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/trace.h"

static unsigned seen;
static amble__trace_point last;

static void look(void *user, const amble__trace_point *point)
{
    assert_ptr_equal(user, &seen);
    seen++;
    last = *point;
}

static void a_sink_sees_points(void **state)
{
    static const uint8_t pdu[] = {0x0a, 0x03, 0x00};
    amble__trace trace = {.sink = NULL};

    (void)state;
    seen = 0;
    amble__trace_at(&trace, ATT_RECEIVED, 0x40, pdu, sizeof pdu);
    assert_int_equal(seen, 0);
    trace = (amble__trace){.sink = look, .user = &seen};
    amble__trace_at(&trace, ATT_RECEIVED, 0x40, pdu, sizeof pdu);
    assert_int_equal(seen, 1);
    assert_int_equal(last.kind, AMBLE__TRACE_ATT_RECEIVED);
    assert_int_equal(last.handle, 0x40);
    assert_memory_equal(last.data, pdu, sizeof pdu);
}

static void the_text_names_kind_link_and_bytes(void **state)
{
    static const uint8_t pdu[] = {0x0a, 0x03, 0x00};
    const amble__trace_point on_link = {AMBLE__TRACE_ATT_RECEIVED, 0x40, pdu, sizeof pdu};
    const amble__trace_point elsewhere = {AMBLE__TRACE_SCANNING, AMBLE__NO_HANDLE, pdu, 1};
    char text[AMBLE__TRACE_TEXT];

    (void)state;
    assert_string_equal(amble__trace_text(&on_link, text), "ATT < link 0x0040: 0a 03 00");
    assert_string_equal(amble__trace_text(&elsewhere, text), "scanning: 0a");
}

static void a_long_point_is_cut_within_the_room(void **state)
{
    uint8_t bytes[600];
    amble__trace_point point = {AMBLE__TRACE_SIGNALLING_RECEIVED, 0xffe, bytes, 0};

    (void)state;
    memset(bytes, 0xab, sizeof bytes);
    for (size_t size = 0; size <= sizeof bytes; size++) {
        char text[AMBLE__TRACE_TEXT + 1];

        text[AMBLE__TRACE_TEXT] = 'x';
        point.size = size;
        assert_true(strlen(amble__trace_text(&point, text)) < AMBLE__TRACE_TEXT);
        assert_int_equal(text[AMBLE__TRACE_TEXT], 'x');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sink_sees_points),
        cmocka_unit_test(the_text_names_kind_link_and_bytes),
        cmocka_unit_test(a_long_point_is_cut_within_the_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
