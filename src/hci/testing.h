/* What the tests of the rooms above task/ share: a controller made of a record and a few events.
 *
 * Whatever the host writes is kept, packet by packet, until a test asks for it; whatever the controller says, a test
 * says it by hand. Nothing answers by itself. Test bodies run as the first task of a scheduler in virtual time. */
#ifndef AMBLE_HCI_TESTING_H
#define AMBLE_HCI_TESTING_H
#include "hci/hci.h"
#include "task/testing.h"

/* --- test bodies that run in a task ------------------------------------------------------------------------------- */
typedef struct {
    void (*body)(void);
} task_body;

/* Set by whatever has to be closed before the scheduler is, or before it is opened anew. */
static void (*close_tested)(void);

static inline void close_what_is_tested(void)
{
    if (close_tested)
        close_tested();
    close_tested = NULL;
}

static inline int run_body(void *arg)
{
    ((const task_body *)arg)->body();
    close_what_is_tested();
    return 0;
}
static inline void run_in_task(void **state)
{
    if (amble__scheduler_present())
        fail_msg("not run: a test before this one ended in the middle of its task");
    assert_int_equal(run_virtual(run_body, *state), 0);
}
/* An entry of the table given to cmocka. */
#define task_test(function)                                                                                            \
    {                                                                                                                  \
#function, run_in_task, NULL, NULL, &(task_body) { function }                                                  \
    }

/* Lets every task run until all of them wait (none of the tests takes more rounds). */
static inline void settle(void)
{
    for (int i = 0; i < 8; i++)
        assert_int_equal(amble_sleep_ms(0), 0);
}

/* A few bytes and their number, for two arguments at once. */
#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

/* --- the controller ----------------------------------------------------------------------------------------------- */
enum { SENT_MAX = 256, SENT_SIZE = 700, ARENA_SIZE = 1 << 20 };

typedef struct {
    uint8_t bytes[SENT_SIZE];
    size_t size;
} sent_packet;

static struct {
    amble__hci hci;
    sent_packet sent[SENT_MAX];
    unsigned count, read; /* written by the host, looked at by the test */
    int write_result;
    unsigned failures;
    int failure;
    unsigned events;
    uint8_t event;
    size_t event_size;
    unsigned acl_packets;
    uint16_t acl_handle;
    unsigned acl_boundary;
    uint8_t acl_data[SENT_SIZE];
    size_t acl_size;
} controller;

static inline int keep_packet(void *user, const uint8_t *packet, size_t size)
{
    sent_packet *sent = &controller.sent[controller.count % SENT_MAX];

    assert_ptr_equal(user, &controller);
    if (controller.write_result < 0)
        return controller.write_result;
    assert_in_range(size, 1, SENT_SIZE);
    memcpy(sent->bytes, packet, size);
    sent->size = size;
    controller.count++;
    return 0;
}
static inline void keep_event(void *user, uint8_t code, amble__reader *parameters)
{
    (void)user;
    controller.events++;
    controller.event = code;
    controller.event_size = amble__read_left(parameters);
}
static inline void keep_acl(void *user, const uint8_t *data, size_t size, uint16_t handle, unsigned boundary)
{
    (void)user;
    controller.acl_packets++;
    controller.acl_handle = handle;
    controller.acl_boundary = boundary;
    controller.acl_size = size;
    assert_in_range(size, 0, SENT_SIZE);
    if (size)
        memcpy(controller.acl_data, data, size);
}
static inline void keep_failure(void *user, int error)
{
    (void)user;
    controller.failures++;
    controller.failure = error;
    amble__hci_fail(&controller.hci, error);
}

static inline void controller_close(void) { amble__hci_fail(&controller.hci, AMBLE_ERR_CLOSED); }

/* Begins a test: a controller with so many ACL buffers of so many bytes. */
static inline void controller_open(uint16_t buffers, uint16_t size)
{
    static const amble__hci_callbacks callbacks = {
        .write = keep_packet, .event = keep_event, .acl = keep_acl, .failed = keep_failure};

    if (amble__scheduler_present())
        close_what_is_tested();
    close_tested = controller_close;
    memset(&controller, 0, sizeof controller);
    amble__hci_init(&controller.hci, &callbacks, &controller);
    amble__acl_configure(&controller.hci, buffers, size);
}

/* The packets that the test has not looked at yet. */
static inline unsigned unread(void) { return controller.count - controller.read; }
static inline const sent_packet *next_sent(void)
{
    assert_true(controller.read < controller.count);
    return &controller.sent[controller.read++ % SENT_MAX];
}

static inline void say_event(uint8_t code, const uint8_t *parameters, size_t size)
{
    uint8_t packet[3 + 255] = {AMBLE__PACKET_EVENT, code, (uint8_t)size};

    if (size)
        memcpy(packet + 3, parameters, size);
    amble__hci_receive(&controller.hci, packet, 3 + size);
}
static inline void say_complete(uint8_t credits, uint16_t opcode, const uint8_t *rest, size_t size)
{
    uint8_t parameters[255] = {credits, (uint8_t)opcode, (uint8_t)(opcode >> 8)};

    if (size)
        memcpy(parameters + 3, rest, size);
    say_event(AMBLE__EVENT_COMMAND_COMPLETE, parameters, 3 + size);
}
static inline void say_status(uint8_t status, uint8_t credits, uint16_t opcode)
{
    say_event(AMBLE__EVENT_COMMAND_STATUS, BYTES(status, credits, (uint8_t)opcode, (uint8_t)(opcode >> 8)));
}
static inline void say_completed_packets(uint16_t handle, uint16_t count)
{
    say_event(AMBLE__EVENT_COMPLETED_PACKETS,
              BYTES(1, (uint8_t)handle, (uint8_t)(handle >> 8), (uint8_t)count, (uint8_t)(count >> 8)));
}
static inline void say_acl(uint16_t handle, unsigned boundary, const uint8_t *data, size_t size)
{
    uint8_t packet[5 + SENT_SIZE] = {AMBLE__PACKET_ACL};

    assert_in_range(size, 0, SENT_SIZE);
    amble__put_le16(packet + 1, handle | boundary << 12);
    amble__put_le16(packet + 3, (unsigned)size);
    if (size)
        memcpy(packet + 5, data, size);
    amble__hci_receive(&controller.hci, packet, 5 + size);
}

/* --- memory ------------------------------------------------------------------------------------------------------- */
static inline amble__arena test_arena(void)
{
    static _Alignas(max_align_t) uint8_t block[ARENA_SIZE];

    return (amble__arena){.block = block, .size = sizeof block};
}
#endif
