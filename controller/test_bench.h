/* What the controller's tests and fuzz targets have in common: an air with a sniffer, hosts that note what their
 * controllers say, and a radio without a controller that can say anything. */
#ifndef AMBLE_CONTROLLER_TEST_BENCH_H
#define AMBLE_CONTROLLER_TEST_BENCH_H
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "air/air.h"
#include "air/radio.h"
#include "controller/controller.h"
#include "controller/hci_codes.h"
#include "core/bytes.h"

#define BENCH_HOSTS 6
#define BENCH_MS    1000

/* A packet from a controller. */
typedef struct {
    uint64_t at_us;
    uint16_t size;
    uint8_t bytes[260];
} bench_note;

/* How much is remembered; a fuzz target makes do with less. */
#ifndef BENCH_NOTES
#define BENCH_NOTES   4096
#define BENCH_SNIFFED 200000
#endif

typedef struct bench bench;
typedef struct {
    bench *bench;
    amble__controller *controller;
    bench_note *notes;
    size_t count, read; /* notes written, and notes taken by the test */
    size_t completed;   /* packets reported as completed */
    uint64_t acl_bytes; /* received */
    bool quiet;         /* data is counted, not noted */
} bench_host;

typedef struct {
    uint64_t start_us;
    uint32_t access_address;
    uint8_t channel;
    amble__phy phy;
    uint16_t size;
    uint8_t pdu[48]; /* the beginning */
} bench_sniffed;

struct bench {
    amble__air *air;
    bench_host hosts[BENCH_HOSTS];
    bench_sniffed *sniffed;
    size_t sniffed_count;
    uint64_t digest; /* of everything on the air */
};

static void bench_to_host(void *user, const uint8_t *packet, size_t size)
{
    bench_host *host = user;
    bench_note *note;

    if (packet[0] == HC_PACKET_EVENT && packet[1] == HC_NUMBER_OF_COMPLETED_PACKETS)
        host->completed += amble__get_le16(packet + 6);
    if (packet[0] == HC_PACKET_ACL)
        host->acl_bytes += size - 5;
    if (host->quiet && (packet[0] == HC_PACKET_ACL || packet[1] == HC_NUMBER_OF_COMPLETED_PACKETS))
        return;
    if (host->count == BENCH_NOTES)
        return;
    note = &host->notes[host->count++];
    note->at_us = amble__air_now(host->bench->air);
    note->size = (uint16_t)size;
    memcpy(note->bytes, packet, size < sizeof note->bytes ? size : sizeof note->bytes);
}

static void bench_sniff(void *user, const amble__air_packet *packet)
{
    bench *b = user;
    bench_sniffed *s;
    uint64_t digest = b->digest ^ packet->start_us ^ (uint64_t)packet->channel << 56 ^ packet->access_address;

    for (size_t i = 0; i < packet->size; i++)
        digest = (digest ^ packet->pdu[i]) * UINT64_C(0x100000001b3);
    b->digest = digest;
    if (b->sniffed_count == BENCH_SNIFFED)
        return;
    s = &b->sniffed[b->sniffed_count++];
    s->start_us = packet->start_us;
    s->access_address = packet->access_address;
    s->channel = packet->channel;
    s->phy = packet->phy;
    s->size = (uint16_t)packet->size;
    memcpy(s->pdu, packet->pdu, packet->size < sizeof s->pdu ? packet->size : sizeof s->pdu);
}

static inline void bench_open_host(bench *b, int index, amble__controller_options options)
{
    bench_host *host = &b->hosts[index];

    host->bench = b;
    host->notes = calloc(BENCH_NOTES, sizeof *host->notes);
    options.public_address[0] = (uint8_t)(0xA0 + index);
    options.public_address[5] = 0xC0;
    options.to_host = bench_to_host;
    options.user = host;
    if (!host->notes || amble__controller_open(&host->controller, b->air, &options))
        abort();
}

static inline void bench_open(bench *b, uint64_t seed, int hosts)
{
    const amble__air_options options = {.seed = seed};

    memset(b, 0, sizeof *b);
    b->sniffed = calloc(BENCH_SNIFFED, sizeof *b->sniffed);
    if (!b->sniffed || amble__air_open(&b->air, &options))
        abort();
    amble__air_sniff(b->air, bench_sniff, b);
    for (int i = 0; i < hosts; i++)
        bench_open_host(b, i, (amble__controller_options){0});
}

static inline void bench_close(bench *b)
{
    for (int i = 0; i < BENCH_HOSTS; i++) {
        amble__controller_close(b->hosts[i].controller);
        free(b->hosts[i].notes);
    }
    amble__air_close(b->air);
    free(b->sniffed);
}

static inline void bench_run_us(bench *b, uint64_t us) { amble__air_advance(b->air, amble__air_now(b->air) + us); }
static inline void bench_run(bench *b, uint64_t ms) { bench_run_us(b, ms * BENCH_MS); }

/* --- commands ----------------------------------------------------------------------------------------------------- */

static inline void bench_raw_command(bench_host *host, unsigned opcode, const void *parameters, size_t size)
{
    uint8_t packet[4 + 255] = {HC_PACKET_COMMAND, (uint8_t)opcode, (uint8_t)(opcode >> 8), (uint8_t)size};

    if (size)
        memcpy(packet + 4, parameters, size);
    amble__controller_receive(host->controller, packet, 4 + size);
}

static inline size_t bench_hex(uint8_t *out, const char *hex)
{
    size_t size = 0;

    for (; *hex; hex++) {
        unsigned value;

        if (*hex == ' ')
            continue;
        if (sscanf(hex, "%2x", &value) != 1)
            abort();
        out[size++] = (uint8_t)value;
        hex++;
    }
    return size;
}

/* Sends a command with parameters in hexadecimal and returns its answer: the return parameters, or the status of
 * Command Status. */
static inline const uint8_t *bench_command(bench_host *host, unsigned opcode, const char *hex)
{
    uint8_t parameters[255];
    const size_t before = host->count;

    bench_raw_command(host, opcode, parameters, bench_hex(parameters, hex));
    for (size_t i = before; i < host->count; i++) {
        const uint8_t *p = host->notes[i].bytes;

        if (p[0] != HC_PACKET_EVENT)
            continue;
        if (p[1] == HC_COMMAND_COMPLETE && amble__get_le16(p + 4) == opcode)
            return p + 6;
        if (p[1] == HC_COMMAND_STATUS && amble__get_le16(p + 5) == opcode)
            return p + 3;
    }
    return NULL;
}

/* The status a command is answered with; -1 when it is not. */
static inline int bench_status(bench_host *host, unsigned opcode, const char *hex)
{
    const uint8_t *answer = bench_command(host, opcode, hex);
    return answer ? *answer : -1;
}

/* The same for a command that begins with a connection handle. */
static inline int bench_link_command(bench_host *host, unsigned opcode, uint16_t handle, const char *hex)
{
    char all[600];

    snprintf(all, sizeof all, "%02x%02x %s", handle & 0xff, handle >> 8, hex);
    return bench_status(host, opcode, all);
}

/* --- what came back ----------------------------------------------------------------------------------------------- */

/* The next event that the test has not seen, of this code and, for LE Meta, this subevent; earlier ones of other kinds
 * are passed over. */
static inline const bench_note *bench_event(bench_host *host, unsigned code, unsigned subevent)
{
    for (size_t i = host->read; i < host->count; i++) {
        const bench_note *note = &host->notes[i];

        if (note->bytes[0] == HC_PACKET_EVENT && note->bytes[1] == code &&
            (code != HC_LE_META || note->bytes[3] == subevent)) {
            host->read = i + 1;
            return note;
        }
    }
    return NULL;
}
static inline const bench_note *bench_meta(bench_host *host, unsigned subevent)
{
    return bench_event(host, HC_LE_META, subevent);
}
static inline const bench_note *bench_acl(bench_host *host)
{
    for (size_t i = host->read; i < host->count; i++)
        if (host->notes[i].bytes[0] == HC_PACKET_ACL) {
            host->read = i + 1;
            return &host->notes[i];
        }
    return NULL;
}
/* How many events of a kind came in all, seen or not. */
static inline size_t bench_count(const bench_host *host, unsigned code, unsigned subevent)
{
    size_t n = 0;

    for (size_t i = 0; i < host->count; i++)
        n += host->notes[i].bytes[0] == HC_PACKET_EVENT && host->notes[i].bytes[1] == code &&
             (code != HC_LE_META || host->notes[i].bytes[3] == subevent);
    return n;
}
static inline void bench_forget(bench_host *host) { host->count = host->read = 0; }

/* --- usual doings ------------------------------------------------------------------------------------------------- */

static inline void bench_unmask(bench_host *host)
{
    bench_command(host, HC_SET_EVENT_MASK, "ffffffffffffffff");
    bench_command(host, HC_LE_SET_EVENT_MASK, "fffdffffffffffff"); /* all but Enhanced Connection Complete */
}

/* `type` as in HCI; interval in units of 0.625 ms; every channel, no filter. */
static inline int bench_advertise(bench_host *host, unsigned type, unsigned interval, const char *data)
{
    char hex[80];
    uint8_t bytes[32] = {0};

    bytes[0] = (uint8_t)bench_hex(bytes + 1, data);
    bench_raw_command(host, HC_LE_SET_ADVERTISING_DATA, bytes, sizeof bytes);
    snprintf(hex, sizeof hex, "%02x%02x %02x%02x %02x 00 00 000000000000 07 00", interval & 0xff, interval >> 8,
             interval & 0xff, interval >> 8, type);
    if (bench_status(host, HC_LE_SET_ADVERTISING_PARAMETERS, hex))
        return -1;
    return bench_status(host, HC_LE_SET_ADVERTISING_ENABLE, "01");
}

static inline int bench_scan(bench_host *host, bool active, bool filter)
{
    bench_status(host, HC_LE_SET_SCAN_PARAMETERS, active ? "01 1000 1000 00 00" : "00 1000 1000 00 00");
    return bench_status(host, HC_LE_SET_SCAN_ENABLE, filter ? "0101" : "0100");
}

/* Interval in units of 1.25 ms, timeout in units of 10 ms. */
static inline int bench_create_connection(bench_host *host, int peer, unsigned interval, unsigned latency,
                                          unsigned timeout)
{
    char hex[120];

    snprintf(hex, sizeof hex, "1000 1000 00 00 %02x00000000c0 00 %02x%02x %02x%02x %02x%02x %02x%02x 0000 0000",
             0xA0 + peer, interval & 0xff, interval >> 8, interval & 0xff, interval >> 8, latency & 0xff, latency >> 8,
             timeout & 0xff, timeout >> 8);
    return bench_status(host, HC_LE_CREATE_CONNECTION, hex);
}

/* A link between two hosts; both handles. False when it did not come about. */
static inline bool bench_connect_with(bench *b, int central, int peripheral, unsigned interval, unsigned latency,
                                      unsigned timeout, uint16_t *central_handle, uint16_t *peripheral_handle)
{
    bench_host *c = &b->hosts[central], *p = &b->hosts[peripheral];
    const bench_note *at_central, *at_peripheral;

    bench_unmask(c);
    bench_unmask(p);
    if (bench_advertise(p, 0, 0x20, "020106") || bench_create_connection(c, peripheral, interval, latency, timeout))
        return false;
    for (int i = 0; i < 3000; i++) {
        bench_run(b, 1);
        at_central = bench_meta(c, HC_LE_CONNECTION_COMPLETE);
        if (!at_central)
            continue;
        at_peripheral = bench_meta(p, HC_LE_CONNECTION_COMPLETE);
        if (!at_peripheral)
            return false;
        *central_handle = amble__get_le16(at_central->bytes + 5);
        *peripheral_handle = amble__get_le16(at_peripheral->bytes + 5);
        return at_central->bytes[4] == 0;
    }
    return false;
}
static inline bool bench_connect(bench *b, int central, int peripheral, uint16_t *central_handle,
                                 uint16_t *peripheral_handle)
{
    return bench_connect_with(b, central, peripheral, 24, 0, 100, central_handle, peripheral_handle);
}

/* Sends `size` octets: a counter, then filling that follows from it. */
static inline void bench_send(bench_host *host, uint16_t handle, unsigned counter, size_t size)
{
    uint8_t packet[5 + 251] = {HC_PACKET_ACL};

    amble__put_le16(packet + 1, handle);
    amble__put_le16(packet + 3, (unsigned)size);
    for (size_t i = 0; i < size; i++)
        packet[5 + i] = (uint8_t)(i < 4 ? counter >> 8 * i : counter + i);
    amble__controller_receive(host->controller, packet, 5 + size);
}

/* Asks to disconnect, reason 0x13. */
static inline int bench_disconnect(bench_host *host, uint16_t handle)
{
    char hex[16];

    snprintf(hex, sizeof hex, "%02x%02x13", handle & 0xff, handle >> 8);
    return bench_status(host, HC_DISCONNECT, hex);
}

/* The reason of the next Disconnection Complete; -1 for none. */
static inline int bench_disconnected(bench_host *host)
{
    const bench_note *note = bench_event(host, HC_DISCONNECTION_COMPLETE, 0);
    return note ? note->bytes[6] : -1;
}
#endif
