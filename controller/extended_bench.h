/* What the tests of extended and periodic advertising have in common, on top of test_bench.h. */
#ifndef AMBLE_CONTROLLER_EXTENDED_BENCH_H
#define AMBLE_CONTROLLER_EXTENDED_BENCH_H
#include "controller/extended_pdu.h"
#include "controller/test_bench.h"

/* Parameters of set `handle` with an interval of 20 ms on every channel; PHYs in the numbers of HCI. */
static inline int extended_set_up(bench_host *host, unsigned handle, unsigned properties, unsigned primary,
                                  unsigned secondary)
{
    char hex[80];

    snprintf(hex, sizeof hex, "%02x %02x00 200000 200000 07 00 00 000000000000 00 7f %02x 00 %02x %02x 01", handle,
             properties, primary, secondary, handle & 15);
    return bench_status(host, HC_LE_SET_EXTENDED_ADVERTISING_PARAMETERS, hex);
}

static inline uint8_t extended_octet(size_t i) { return (uint8_t)(i * 7 + i / 256); }

/* Octets in fragments of at most 251; `opcode` is that of a command with this format. */
static inline int extended_data(bench_host *host, unsigned opcode, unsigned handle, size_t size)
{
    uint8_t parameters[255];
    const bool periodic = opcode == HC_LE_SET_PERIODIC_ADVERTISING_DATA;
    const size_t head = periodic ? 3 : 4, most = 255 - head;

    for (size_t at = 0; at < size || !at;) {
        const size_t piece = size - at < most ? size - at : most;
        const unsigned operation = (at ? 0u : 1u) | (at + piece == size ? 2u : 0u);
        size_t before = host->count;

        parameters[0] = (uint8_t)handle;
        parameters[1] = (uint8_t)operation; /* 0 between, 1 first, 2 last, 3 all */
        parameters[2] = 0;
        parameters[head - 1] = (uint8_t)piece;
        for (size_t i = 0; i < piece; i++)
            parameters[head + i] = extended_octet(at + i);
        bench_raw_command(host, opcode, parameters, head + piece);
        while (host->notes[before].bytes[1] != HC_COMMAND_COMPLETE)
            before++;
        if (host->notes[before].bytes[6])
            return host->notes[before].bytes[6];
        at += piece;
        if (!size)
            break;
    }
    return 0;
}

static inline int extended_enable(bench_host *host, unsigned handle, unsigned duration, unsigned events)
{
    char hex[40];

    snprintf(hex, sizeof hex, "01 01 %02x %02x%02x %02x", handle, duration & 0xff, duration >> 8, events);
    return bench_status(host, HC_LE_SET_EXTENDED_ADVERTISING_ENABLE, hex);
}

/* On LE 1M, or LE Coded, or both, all the time. */
static inline int extended_scan(bench_host *host, unsigned phys, bool active, bool filter)
{
    char hex[40];

    if (phys == 5)
        snprintf(hex, sizeof hex, "00 00 05 %02x 1000 1000 %02x 1000 1000", active, active);
    else
        snprintf(hex, sizeof hex, "00 00 %02x %02x 1000 1000", phys, active);
    if (bench_status(host, HC_LE_SET_EXTENDED_SCAN_PARAMETERS, hex))
        return -1;
    return bench_status(host, HC_LE_SET_EXTENDED_SCAN_ENABLE, filter ? "01 01 0000 0000" : "01 00 0000 0000");
}

/* One advertisement, put together from its reports. */
typedef struct {
    uint64_t at_us;
    unsigned event_type; /* without the data status */
    bool truncated;
    uint8_t address_type, address[6], primary, secondary, sid;
    int8_t power, rssi;
    uint16_t periodic_interval;
    uint8_t target_type, target[6];
    size_t size;
    uint8_t data[2000];
} extended_report;

/* The next one that the test has not seen; false when there is none. */
static inline bool extended_next(bench_host *host, extended_report *r)
{
    const bench_note *note;

    memset(r, 0, sizeof *r);
    while ((note = bench_meta(host, HC_LE_EXTENDED_ADVERTISING_REPORT))) {
        const uint8_t *p = note->bytes + 5;
        const unsigned status = p[0] >> 5 & 3;

        assert(note->bytes[4] == 1 && note->size == 5u + 24 + p[23]);
        r->at_us = note->at_us;
        r->event_type = p[0] & 0x1f;
        r->truncated = status == 2;
        r->address_type = p[2];
        memcpy(r->address, p + 3, 6);
        r->primary = p[9];
        r->secondary = p[10];
        r->sid = p[11];
        r->power = (int8_t)p[12];
        r->rssi = (int8_t)p[13];
        r->periodic_interval = amble__get_le16(p + 14);
        r->target_type = p[16];
        memcpy(r->target, p + 17, 6);
        memcpy(r->data + r->size, p + 24, p[23]);
        r->size += p[23];
        if (status != 1)
            return true;
    }
    return false;
}

static inline bool extended_data_right(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (data[i] != extended_octet(i))
            return false;
    return true;
}

/* LE Extended Create Connection to host `peer`, on LE 1M and, when `phys` says so, the others. */
static inline int extended_connect(bench_host *host, int peer, unsigned phys)
{
    char hex[200];
    int at = snprintf(hex, sizeof hex, "00 00 00 %02x00000000c0 %02x", 0xA0 + peer, phys);

    for (unsigned i = 0; i < 3; i++)
        if (phys >> i & 1)
            at += snprintf(hex + at, sizeof hex - (size_t)at, "1000 1000 1800 1800 0000 6400 0000 0000");
    return bench_status(host, HC_LE_EXTENDED_CREATE_CONNECTION, hex);
}
#endif
