/* Fuzzes the server: two clients send what they like, come back with a bond or without, the program takes, answers,
 * refuses, updates, and time passes.
 *
 * A record of the script is a byte, whose top bit is the link, and for most a PDU. Whatever comes: a request gets at
 * most one answer, and when all is over every packet and every queue entry is back in its place. */
#include "att/signature.h"
#include "gatt/fuzzing.h"
#include "gatt/kept.h"

static const amble_uuid battery_uuid = AMBLE_UUID16(0x180f), level_uuid = AMBLE_UUID16(0x2a19),
                        name_uuid = AMBLE_UUID16(0x2901), text_uuid = AMBLE_UUID16(0x2a3d),
                        asked_uuid = AMBLE_UUID16(0xaa01), both_uuid = AMBLE_UUID16(0xaa02),
                        custom_uuid = AMBLE_UUID128("6e400001-b5a3-f393-e0a9-e50e24dcca9e"),
                        command_uuid = AMBLE_UUID128("6e400002-b5a3-f393-e0a9-e50e24dcca9e");
static const char text_start[] = "0123456789abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
static const amble_descriptor level_name = {
    .uuid = &name_uuid, .read = true, .write = true, .initial = "Level", .initial_size = 5};
static const amble_characteristic level = {.uuid = &level_uuid,
                                           .read = true,
                                           .notify = true,
                                           .indicate = true,
                                           .initial = "2",
                                           .initial_size = 1,
                                           .descriptors = AMBLE_LIST(&level_name)};
static const amble_characteristic text = {
    .uuid = &text_uuid, .read = true, .write = true, .max_size = 100, .initial = text_start, .initial_size = 70};
static const amble_characteristic growing = {.uuid = &text_uuid,
                                             .write = true,
                                             .write_no_response = true,
                                             .append = true,
                                             .reliable_write = true,
                                             .max_size = 9};
static const amble_characteristic command = {
    .uuid = &command_uuid, .write = true, .write_no_response = true, .capture = true, .write_depth = 2};
static const amble_characteristic asked = {
    .uuid = &asked_uuid, .read = true, .write = true, .answer_reads = true, .answer_writes = true};
static const amble_characteristic both = {
    .uuid = &both_uuid, .read = true, .write = true, .answer_reads = true, .capture = true, .write_depth = 1};
static const amble_service battery = {.uuid = &battery_uuid, .characteristics = AMBLE_LIST(&level, &text)};
static const amble_service custom = {.uuid = &custom_uuid, .characteristics = AMBLE_LIST(&command, &asked, &both)};
static const amble_service coming = {
    .uuid = &custom_uuid, .characteristics = AMBLE_LIST(&growing), .includes = AMBLE_INCLUDES(&battery)};

static const amble_characteristic signs = {
    .uuid = &text_uuid, .signed_write = true, .capture = true, .read_authorised = true, .notify = true};
static const amble_service signing = {.uuid = &battery_uuid, .characteristics = AMBLE_LIST(&signs)};

static amble__bond bonds[FUZZ_LINKS]; /* whose keys the clients have; they outlive the links */
static amble_connection *links[FUZZ_LINKS];
static unsigned requests, answers;

static int count_answers(void *user, const uint8_t *packet, size_t size)
{
    const bool att = packet[0] == AMBLE__PACKET_ACL && size > 9 && (packet[2] >> 4 & 3) == 0 && packet[7] == 4;

    if (att && packet[9] != AMBLE__ATT_NOTIFICATION && packet[9] != AMBLE__ATT_INDICATION)
        answers++;
    return fuzz_write(user, packet, size);
}

static amble__bond *bond_of(const amble_connection *conn) { return &bonds[conn->index % FUZZ_LINKS]; }
static int bond_save(amble_connection *conn) { return bond_of(conn) ? 0 : AMBLE_ERR_IO; }
static void bond_changed(amble_connection *conn) { fuzz_check(bond_of(conn)->gatt_size <= AMBLE__BOND_GATT); }

/* What the client writes, with a signature of its own. */
static void write_signed(unsigned number, amble__bytes bytes)
{
    uint8_t pdu[1 + 40 + AMBLE__SIGNATURE] = {AMBLE__ATT_SIGNED_WRITE_COMMAND};
    const size_t size = bytes.size < 40 ? bytes.size : 40;
    const amble__bytes body = {.data = pdu + 1, .size = size};
    const uint32_t counter = bonds[number].peer_signing.counter;

    if (size)
        memcpy(pdu + 1, bytes.data, size);
    fuzz_check(amble__signature_make(bonds[number].peer_signing.value, pdu[0], body, counter, pdu + 1 + size) == 0);
    for (int i = 0; i < 2; i++) /* the second time it is somebody else's */
        fuzz_peer_att(links[number], (amble__bytes){.data = pdu, .size = 1 + size + AMBLE__SIGNATURE});
    fuzz_check(bonds[number].peer_signing.counter <= counter + 1);
}

static void encrypt(amble_connection *conn, uint8_t how)
{
    conn->security = (amble__link_security){.encrypted = how & 1, .bonded = how & 2, .key_size = 16};
    conn->authorised = how & 4;
    amble__server_bonded(conn);
}

static void take_written(amble_connection *from, const amble_characteristic *c)
{
    amble_value value;
    const int r = from ? amble_written_by(from, c, &value, 0) : amble_written(ble, c, &value, 0);

    fuzz_check(r == 0 || r == AMBLE_ERR_TIMEOUT || r == AMBLE_ERR_DISCONNECTED || r == AMBLE_ERR_NOT_FOUND);
    if (r == 0 && value.size)
        fuzz_check(value.size <= 100 && value.data[0] + value.data[value.size - 1] >= 0); /* it can be looked at */
}

static void answer_request(uint8_t how, const amble_characteristic *c)
{
    static amble_request kept; /* for an answer that comes too late */
    static const uint8_t answer[256] = {1, 2, 3};
    amble_request request;

    if (how & 8)
        (void)amble_request_answer(ble, &kept, "late", 4); /* stale, or refused for its length */
    if (amble_requested(ble, c, &request, 0) < 0)
        return;
    kept = request;
    if (how & 1)
        (void)amble_request_answer(ble, &request, answer, how); /* may be too long */
    else if (how & 2)
        (void)amble_request_refuse(ble, &request, how);
    else if (how & 4)
        (void)amble_request_answer(ble, &request, NULL, 0);
}

/* What a bond has to do with. */
static void run_bond_record(unsigned what, unsigned number, amble__reader *script)
{
    amble__bytes bytes;

    if (what == 0x7b) {
        encrypt(links[number], amble__read_u8(script));
    } else if (what == 0x7c) {
        write_signed(number, fuzz_take(script));
    } else { /* damaged, or of another database */
        bytes = fuzz_take(script);
        bonds[number].gatt_size = (uint8_t)(bytes.size < AMBLE__BOND_GATT ? bytes.size : AMBLE__BOND_GATT);
        if (bonds[number].gatt_size)
            memcpy(bonds[number].gatt, bytes.data, bonds[number].gatt_size);
    }
}

static void run_record(amble__reader *script)
{
    const uint8_t what = amble__read_u8(script);
    const unsigned number = what >> 7;
    amble__bytes bytes = {.data = NULL};

    switch (what & 0x7f) {
    case 0x70:
        take_written(NULL, &command);
        break;
    case 0x71:
        take_written(links[number], &command);
        break;
    case 0x72:
        take_written(NULL, number ? &both : &text);
        break;
    case 0x73:
        answer_request(amble__read_u8(script), number ? &asked : &both);
        break;
    case 0x74:
        fuzz_sleep(100 * amble__read_u8(script));
        break;
    case 0x75:
        amble__link_lose(links[number], 0x08, AMBLE_ERR_DISCONNECTED);
        amble__link_free(links[number]);
        links[number] = fuzz_link(number, false);
        break;
    case 0x76:
        bytes = fuzz_take(script);
        (void)amble_update(ble, &level, bytes.data, bytes.size, 0); /* may be too long, or have no room */
        break;
    case 0x77:
        (void)amble_notify(links[number], &level, NULL, 0, 0); /* may not be wanted */
        break;
    case 0x78:
        fuzz_complete();
        break;
    case 0x79: /* a service comes, or goes */
        if (amble_unserve(ble, number ? &custom : &coming) == AMBLE_ERR_NOT_FOUND)
            (void)amble_serve(ble, number ? &custom : &coming); /* the handles may be used up */
        break;
    case 0x7a:
        take_written(NULL, number ? &signs : &growing);
        break;
    case 0x7b:
    case 0x7c:
    case 0x7d:
        run_bond_record(what & 0x7f, number, script);
        break;
    default:
        bytes = fuzz_take(script);
        requests += bytes.size && !(bytes.data[0] & AMBLE__ATT_COMMAND_FLAG);
        fuzz_peer_att(links[number], bytes);
        if (!(what & 1))
            fuzz_complete();
    }
    fuzz_check(answers <= requests);
}

static unsigned count(const amble__list *list)
{
    unsigned n = 0;

    for (const amble__list *node = list->next; node != list; node = node->next)
        n++;
    return n;
}

static void check_queue(const amble_characteristic *c, unsigned depth)
{
    const amble__served_value *value = amble__database_find(&the_host.server.database, c);

    if (!value)
        return; /* its service went */
    fuzz_check(value->size <= value->max_size && amble__list_empty(&value->held));
    fuzz_check(count(&value->queue->free) + count(&value->queue->pending) + count(&value->queue->viewed) == depth);
}

static void play(amble__reader *script)
{
    static amble__hci_callbacks callbacks;

    requests = answers = 0;
    fuzz_gatt_open();
    memset(bonds, 0, sizeof bonds);
    for (unsigned i = 0; i < FUZZ_LINKS; i++)
        bonds[i].peer_signing = (amble__bond_signing_key){.present = true, .value = {(uint8_t)(i + 1)}};
    fuzz.links.bond = bond_of;
    fuzz.links.bond_changed = bond_changed;
    fuzz.links.bond_save = bond_save;
    callbacks = *fuzz.hci.callbacks;
    callbacks.write = count_answers;
    fuzz.hci.callbacks = &callbacks;
    fuzz_check(amble_serve(ble, &battery) == 0 && amble_serve(ble, &custom) == 0 &&
               amble_serve(ble, &amble__gatt_service) == 0 && amble_serve(ble, &signing) == 0);
    for (unsigned i = 0; i < FUZZ_LINKS; i++)
        links[i] = fuzz_link(i, false);
    while (amble__read_left(script))
        run_record(script);
    fuzz_close();
    check_queue(&command, 2);
    check_queue(&both, 1);
    check_queue(&text, 2);
    check_queue(&signs, 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_run(play, data, size);
    return 0;
}
