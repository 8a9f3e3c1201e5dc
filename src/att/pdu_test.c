/* Tests of the ATT PDUs: what is written is read back the same, every truncation and every surplus is noticed, and
 * lists that a hostile server might send. */
#include "att/pdu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const amble_uuid uuid16 = AMBLE_UUID16(0x2a19);
static const amble_uuid uuid128 = AMBLE_UUID128("6e400001-b5a3-f393-e0a9-e50e24dcca9e");

static uint8_t buffer[600];

static amble__writer writer(void) { return amble__writer_of(buffer, sizeof buffer); }

/* The written PDU, without its opcode. The bytes beyond are different, so that reading them would show. */
static amble__reader written(const amble__writer *w, uint8_t opcode)
{
    assert_false(w->failed);
    assert_true(amble__written_size(w) >= 1);
    assert_int_equal(buffer[0], opcode);
    memset(buffer + amble__written_size(w), 0xee, sizeof buffer - amble__written_size(w));
    return amble__reader_of(buffer + 1, amble__written_size(w) - 1);
}

/* Every part of a PDU is refused by a reader that knows exactly how long it is. */
#define refuse_all_other_sizes(whole, call)                                                                            \
    for (size_t size_ = 0; size_ <= amble__read_left(whole) + 1; size_++) {                                            \
        amble__reader part = amble__reader_of((whole)->at, size_);                                                     \
        if (size_ != amble__read_left(whole))                                                                          \
            assert_false(call);                                                                                        \
    }

static void errors(void **state)
{
    amble__writer w = writer();
    amble__att_error error;
    amble__reader r;

    (void)state;
    amble__att_write_error(&w, 0x12, 0xbeef, 0x80);
    assert_memory_equal(buffer, ((uint8_t[]){0x01, 0x12, 0xef, 0xbe, 0x80}), 5);
    r = written(&w, AMBLE__ATT_ERROR_RESPONSE);
    refuse_all_other_sizes(&r, amble__att_read_error(&part, &error));
    assert_true(amble__att_read_error(&r, &error));
    assert_int_equal(error.request, 0x12);
    assert_int_equal(error.handle, 0xbeef);
    assert_int_equal(error.code, 0x80);
}

static void the_mtu(void **state)
{
    const uint8_t opcodes[] = {AMBLE__ATT_MTU_REQUEST, AMBLE__ATT_MTU_RESPONSE};

    (void)state;
    for (int i = 0; i < 2; i++) {
        amble__writer w = writer();
        amble__reader r;
        uint16_t mtu;

        amble__att_write_mtu(&w, opcodes[i], 0x0205);
        assert_memory_equal(buffer + 1, ((uint8_t[]){0x05, 0x02}), 2);
        r = written(&w, opcodes[i]);
        refuse_all_other_sizes(&r, amble__att_read_mtu(&part, &mtu));
        assert_true(amble__att_read_mtu(&r, &mtu));
        assert_int_equal(mtu, 0x0205);
    }
}

static void uuids(void **state)
{
    const amble_uuid *const both[] = {&uuid16, &uuid128};

    (void)state;
    for (int i = 0; i < 2; i++) {
        amble__writer w = writer();
        amble__reader r;
        amble_uuid uuid;

        amble__write_u8(&w, 0);
        amble__att_write_uuid(&w, both[i]);
        r = written(&w, 0);
        assert_int_equal(amble__read_left(&r), both[i]->size);
        for (size_t size = 0; size < 32; size++) {
            amble__reader part = amble__reader_of(r.at, 32);

            assert_int_equal(amble__att_read_uuid(&part, size, &uuid), size == 2 || size == 16);
        }
        for (size_t size = 0; size < both[i]->size; size++) { /* fewer bytes than it takes */
            amble__reader part = amble__reader_of(r.at, size);

            assert_false(amble__att_read_uuid(&part, both[i]->size, &uuid));
        }
        assert_true(amble__att_read_uuid(&r, both[i]->size, &uuid));
        assert_true(amble_uuid_equal(&uuid, both[i]));
        assert_int_equal(uuid.size, both[i]->size);
    }
}

static void check_range(uint8_t opcode, const amble_uuid *type, const char *value)
{
    const amble__att_range range = {
        .start = 0x0102, .end = 0xfffe, .type = *type, .value = {(const uint8_t *)value, strlen(value)}};
    const bool has_value = opcode == AMBLE__ATT_FIND_BY_TYPE_VALUE_REQUEST;
    amble__writer w = writer();
    amble__att_range read;
    amble__reader r, part;

    amble__att_write_range(&w, opcode, &range);
    r = written(&w, opcode);
    for (size_t size = 0; size < amble__read_left(&r); size++) {
        part = amble__reader_of(r.at, size);
        /* What is cut may still be a PDU: a value is as long as it is, and a UUID of 16 bytes begins with one of
         * two. */
        if (has_value ? size < 6 : !(size == 6 && type->size == 16))
            assert_int_equal(amble__att_read_range(&part, opcode, &read), AMBLE__ATT_INVALID_PDU);
    }
    part = amble__reader_of(r.at, amble__read_left(&r) + 1);
    if (!has_value)
        assert_int_equal(amble__att_read_range(&part, opcode, &read), AMBLE__ATT_INVALID_PDU);
    assert_int_equal(amble__att_read_range(&r, opcode, &read), 0);
    assert_int_equal(read.start, 0x0102);
    assert_int_equal(read.end, 0xfffe);
    if (opcode != AMBLE__ATT_FIND_INFORMATION_REQUEST)
        assert_true(amble_uuid_equal(&read.type, type));
    assert_int_equal(read.value.size, has_value ? strlen(value) : 0);
    if (has_value && *value)
        assert_memory_equal(read.value.data, value, strlen(value));
}

static void ranges(void **state)
{
    (void)state;
    check_range(AMBLE__ATT_FIND_INFORMATION_REQUEST, &uuid16, "");
    check_range(AMBLE__ATT_FIND_BY_TYPE_VALUE_REQUEST, &uuid16, "");
    check_range(AMBLE__ATT_FIND_BY_TYPE_VALUE_REQUEST, &uuid16, "some value");
    check_range(AMBLE__ATT_READ_BY_TYPE_REQUEST, &uuid16, "");
    check_range(AMBLE__ATT_READ_BY_TYPE_REQUEST, &uuid128, "");
    check_range(AMBLE__ATT_READ_BY_GROUP_TYPE_REQUEST, &uuid16, "");
    check_range(AMBLE__ATT_READ_BY_GROUP_TYPE_REQUEST, &uuid128, "");
}

static void ranges_that_make_no_sense(void **state)
{
    const struct {
        uint16_t start, end;
        uint8_t error;
    } cases[] = {
        {0, 5, AMBLE__ATT_INVALID_HANDLE},
        {0, 0, AMBLE__ATT_INVALID_HANDLE},
        {5, 4, AMBLE__ATT_INVALID_HANDLE},
        {5, 5, 0},
        {1, 0xffff, 0},
        {0xffff, 0xffff, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const amble__att_range range = {.start = cases[i].start, .end = cases[i].end, .type = uuid16};
        amble__writer w = writer();
        amble__att_range read;
        amble__reader r;

        amble__att_write_range(&w, AMBLE__ATT_READ_BY_TYPE_REQUEST, &range);
        r = written(&w, AMBLE__ATT_READ_BY_TYPE_REQUEST);
        assert_int_equal(amble__att_read_range(&r, AMBLE__ATT_READ_BY_TYPE_REQUEST, &read), cases[i].error);
        assert_int_equal(read.start, cases[i].start); /* for the answer */
    }
}

static void handles_offsets_and_values(void **state)
{
    amble__writer w = writer();

    (void)state;
    amble__att_write_handle(&w, AMBLE__ATT_READ_REQUEST, 0x1234);
    assert_int_equal(amble__written_size(&w), 3);
    assert_memory_equal(buffer, ((uint8_t[]){0x0a, 0x34, 0x12}), 3);
    w = writer();
    amble__att_write_blob(&w, 0x1234, 0x0102);
    assert_int_equal(amble__written_size(&w), 5);
    assert_memory_equal(buffer, ((uint8_t[]){0x0c, 0x34, 0x12, 0x02, 0x01}), 5);
    w = writer();
    amble__att_write_value(&w, AMBLE__ATT_NOTIFICATION, 0x1234, "xyz", 3);
    assert_int_equal(amble__written_size(&w), 6);
    assert_memory_equal(buffer, ((uint8_t[]){0x1b, 0x34, 0x12, 'x', 'y', 'z'}), 6);
    w = writer();
    amble__att_write_value(&w, AMBLE__ATT_WRITE_COMMAND, 1, NULL, 0);
    assert_int_equal(amble__written_size(&w), 3);
}

static void a_writer_that_is_too_short_says_so(void **state)
{
    const amble__att_range range = {1, 2, AMBLE_UUID16(0x2803), {(const uint8_t *)"value", 5}};

    (void)state;
    for (size_t size = 0; size < 12; size++) {
        amble__writer w = amble__writer_of(buffer, size);

        amble__att_write_range(&w, AMBLE__ATT_FIND_BY_TYPE_VALUE_REQUEST, &range);
        assert_true(w.failed);
        w = amble__writer_of(buffer, size);
        amble__att_write_value(&w, AMBLE__ATT_NOTIFICATION, 1, "123456789", 10);
        assert_true(w.failed);
    }
}

/* --- lists -------------------------------------------------------------------------------------------------------- */
static size_t count_entries(uint8_t opcode, const uint8_t *list, size_t size, amble__att_entry *last)
{
    uint8_t *copy = malloc(size ? size : 1); /* so that AddressSanitizer sees a look beyond the end */
    size_t entry_size, count = 0;
    amble__reader r;

    assert_non_null(copy);
    memcpy(copy, list, size);
    r = amble__reader_of(copy, size);
    if (amble__att_begin_entries(&r, opcode, &entry_size)) {
        while (amble__att_next_entry(&r, opcode, entry_size, last)) {
            for (size_t i = 0; i < last->value.size; i++)
                assert_true(last->value.data + i < copy + size);
            last->value.data = list + (last->value.data - copy);
            count++;
        }
    }
    free(copy);
    return count;
}

static void lists_are_read_entry_by_entry(void **state)
{
    const uint8_t by_type[] = {7, 2, 0, 0x0a, 3, 0, 0, 0x2a, 4, 0, 0x02, 5, 0, 1, 0x2a};
    const uint8_t groups[] = {6, 1, 0, 5, 0, 0, 0x18, 6, 0, 0xff, 0xff, 1, 0x18};
    const uint8_t information[] = {1, 3, 0, 0, 0x2a, 4, 0, 2, 0x29};
    const uint8_t found[] = {1, 0, 9, 0, 20, 0, 30, 0};
    amble__att_entry entry;

    (void)state;
    assert_int_equal(count_entries(AMBLE__ATT_READ_BY_TYPE_RESPONSE, by_type, sizeof by_type, &entry), 2);
    assert_int_equal(entry.handle, 4);
    assert_int_equal(entry.end, 4);
    assert_int_equal(entry.value.size, 5);
    assert_ptr_equal(entry.value.data, by_type + 10);
    assert_int_equal(count_entries(AMBLE__ATT_READ_BY_GROUP_TYPE_RESPONSE, groups, sizeof groups, &entry), 2);
    assert_int_equal(entry.handle, 6);
    assert_int_equal(entry.end, 0xffff);
    assert_int_equal(entry.value.size, 2);
    assert_int_equal(count_entries(AMBLE__ATT_FIND_INFORMATION_RESPONSE, information, sizeof information, &entry), 2);
    assert_int_equal(entry.handle, 4);
    assert_memory_equal(entry.value.data, ((uint8_t[]){2, 0x29}), 2);
    assert_int_equal(count_entries(AMBLE__ATT_FIND_BY_TYPE_VALUE_RESPONSE, found, sizeof found, &entry), 2);
    assert_int_equal(entry.handle, 20);
    assert_int_equal(entry.end, 30);
    assert_int_equal(entry.value.size, 0);
}

static void hostile_lists_have_no_entries(void **state)
{
    const uint8_t opcodes[] = {AMBLE__ATT_READ_BY_TYPE_RESPONSE, AMBLE__ATT_READ_BY_GROUP_TYPE_RESPONSE,
                               AMBLE__ATT_FIND_INFORMATION_RESPONSE, AMBLE__ATT_FIND_BY_TYPE_VALUE_RESPONSE};
    uint8_t list[64];
    amble__att_entry entry;

    (void)state;
    for (size_t i = 0; i < sizeof opcodes; i++) {
        const bool sized = i < 2;
        const size_t head = opcodes[i] == AMBLE__ATT_FIND_BY_TYPE_VALUE_RESPONSE ? 0 : 1;

        for (unsigned first = 0; first < 256; first++) {
            const size_t entry_size = sized                                                  ? first
                                      : opcodes[i] == AMBLE__ATT_FIND_BY_TYPE_VALUE_RESPONSE ? 4
                                      : first == 1                                           ? 4
                                      : first == 2                                           ? 18
                                                                                             : 0;
            const size_t smallest = opcodes[i] == AMBLE__ATT_READ_BY_GROUP_TYPE_RESPONSE ? 4 : 2;

            memset(list, 1, sizeof list);
            if (head)
                list[0] = (uint8_t)first;
            for (size_t size = 0; size <= sizeof list; size++) {
                const size_t left = size < head ? 0 : size - head;
                const bool whole = entry_size >= smallest && left >= entry_size && left % entry_size == 0;

                assert_int_equal(count_entries(opcodes[i], list, size, &entry), whole ? left / entry_size : 0);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors),
        cmocka_unit_test(the_mtu),
        cmocka_unit_test(uuids),
        cmocka_unit_test(ranges),
        cmocka_unit_test(ranges_that_make_no_sense),
        cmocka_unit_test(handles_offsets_and_values),
        cmocka_unit_test(a_writer_that_is_too_short_says_so),
        cmocka_unit_test(lists_are_read_entry_by_entry),
        cmocka_unit_test(hostile_lists_have_no_entries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
