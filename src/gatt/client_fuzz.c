/* Fuzzes the client: a task discovers, reads, writes and subscribes, all with bounds in time; the script is what the
 * server says.
 *
 * A record of the script is a byte and a PDU. With an even byte the PDU is sent as it is; with an odd one its opcode
 * becomes the response to the request under way, so that the fuzzer need not guess it. When the script is over nothing
 * is found any more. */
#include "gatt/fuzzing.h"

enum { STEP_MS = 500, ROUNDS = 2, MOST = 40 };

static amble_connection *conn;
static bool program_done;

static void read_and_write(const amble_remote_characteristic *c)
{
    uint8_t buffer[100];
    int r = amble_read(c, buffer, sizeof buffer, STEP_MS);

    fuzz_check(r <= (int)sizeof buffer);
    r = amble_write(c, buffer, 5, STEP_MS);
    fuzz_check(r <= 0);
    r = amble_write_no_response(c, buffer, 5, STEP_MS);
    fuzz_check(r <= 0);
}

static void read_and_write_more(const amble_remote_characteristic *c)
{
    static const uint8_t data[100] = {1};
    const amble_write_part written[] = {{c, data, 3}, {c, data, 70}};
    uint8_t buffer[20], small[2];
    amble_read_part parts[] = {{.characteristic = c, .buffer = buffer, .size = sizeof buffer},
                               {.characteristic = c, .buffer = small, .size = sizeof small, .fixed = true}};
    int r = amble_write(c, data, sizeof data, STEP_MS);

    fuzz_check(r <= 0);
    r = amble_write_reliably(written, 2, STEP_MS);
    fuzz_check(r <= 0);
    r = amble_read_multiple(parts, 2, STEP_MS);
    fuzz_check(r < 0 || (r == 0 && parts[0].result <= 20 && parts[1].result <= 2));
}

static void follow(const amble_remote_characteristic *c, bool indicate)
{
    const amble_subscribe_options options = {.indicate = indicate, .depth = 2};
    amble_subscription *subscription;
    amble_value value;
    int r = amble_subscribe(c, &options, &subscription, STEP_MS);

    fuzz_check(r == 0 ? subscription != NULL : subscription == NULL);
    for (int i = 0; r == 0 && i < 4; i++) {
        r = amble_notified(subscription, &value, STEP_MS);
        fuzz_check(r < 0 || value.size <= FUZZ_MTU);
        if (r == 0 && value.size)
            fuzz_check(value.data[0] + value.data[value.size - 1] >= 0); /* it can be looked at */
    }
    amble_subscription_close(subscription);
}

static void look_into(const amble_remote_characteristic *c)
{
    amble_remote_descriptor d = {.conn = NULL};
    uint8_t buffer[30];
    uint16_t last = c->value_handle;

    for (int i = 0; i < MOST && amble_next_descriptor(c, &d, STEP_MS) > 0; i++) {
        fuzz_check(d.handle > last && d.handle <= c->end);
        last = d.handle;
        fuzz_check(amble_read_descriptor(&d, buffer, sizeof buffer, STEP_MS) <= (int)sizeof buffer);
    }
    read_and_write(c);
    read_and_write_more(c);
    follow(c, c->properties & AMBLE_PROPERTY_INDICATE);
}

static void explore(const amble_remote_service *service)
{
    amble_remote_service included = {.conn = NULL};
    amble_remote_characteristic c = {.conn = NULL};
    uint16_t last = 0;

    for (int i = 0; i < MOST && amble_next_included(service, &included, STEP_MS) > 0; i++) {
        fuzz_check(included.include > last && included.start && included.end >= included.start);
        last = included.include;
    }
    last = 0;
    for (int i = 0; i < MOST && amble_next_characteristic(service, &c, STEP_MS) > 0; i++) {
        fuzz_check(c.handle > last && c.handle >= service->start && c.value_handle > c.handle &&
                   c.value_handle <= c.end && c.end <= service->end);
        last = c.handle;
        look_into(&c);
    }
}

static int program(void *arg)
{
    static const amble_uuid wanted = AMBLE_UUID16(0x180f);
    amble_remote_service service = {.conn = NULL};
    int r = amble_exchange_mtu(conn, STEP_MS);

    (void)arg;
    fuzz_check(r < 0 || (r >= AMBLE__ATT_MTU_MIN && r <= FUZZ_MTU));
    r = amble_follow_database(conn, STEP_MS);
    fuzz_check(r <= 1);
    if (amble_find_service(conn, &wanted, &service, STEP_MS) == 0)
        explore(&service);
    for (int round = 0; round < ROUNDS; round++) {
        uint16_t last = 0;

        service = (amble_remote_service){.conn = NULL};
        for (int i = 0; i < MOST && amble_next_service(conn, &service, STEP_MS) > 0; i++) {
            fuzz_check(service.start > last && service.end >= service.start);
            last = service.end;
            explore(&service);
        }
    }
    program_done = true;
    return 0;
}

/* The server speaks: whatever the script says, or, in the end, that there is nothing. */
static void speak(amble__reader *script)
{
    uint8_t pdu[256];
    amble__bytes bytes;
    uint8_t how;

    if (!amble__read_left(script)) {
        const uint8_t nothing[] = {0x01, fuzz.last_pdu[0], 1, 0, AMBLE__ATT_ATTRIBUTE_NOT_FOUND};

        fuzz_peer_att(conn, (amble__bytes){nothing, sizeof nothing});
        return;
    }
    how = amble__read_u8(script);
    bytes = fuzz_take(script);
    if (how == 0xfe)
        fuzz_sleep(30 * (int)bytes.size);
    if (bytes.size == 0)
        return;
    memcpy(pdu, bytes.data, bytes.size);
    if (how & 1)
        pdu[0] = (uint8_t)(fuzz.last_pdu[0] + 1);
    fuzz_peer_att(conn, (amble__bytes){pdu, bytes.size});
}

static void play(amble__reader *script)
{
    amble_scope scope;
    unsigned entries = 0;

    fuzz_gatt_open();
    conn = fuzz_link(0, true);
    program_done = false;
    amble_scope_open(&scope);
    amble_spawn(&scope, program, NULL);
    while (!program_done) {
        const bool over = !amble__read_left(script);

        fuzz_sleep(0);
        fuzz_complete();
        speak(script);
        if (over)
            fuzz_sleep(100); /* what waits for values has to see its time pass */
    }
    amble_scope_close(&scope);
    amble__list_each (node, &the_host.client.free_entries)
        entries++;
    fuzz_check(entries == FUZZ_ENTRIES);
    fuzz_close();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_run(play, data, size);
    return 0;
}
