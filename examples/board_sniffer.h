/* What somebody with a radio sniffer beside two boards sees: how many packets of which kind, who sent them how loud,
 * and the latest of them in words.
 *
 * It follows one link at a time. Its sniffer_hear is made for amble_air_sniff. Nothing in here waits. */
#ifndef BOARD_SNIFFER_H
#define BOARD_SNIFFER_H
#include <stdbool.h>
#include <stdint.h>

#include <amble/air.h>

#define SNIFFER_KEEPS 32

typedef struct {
    uint64_t time_us;
    uint8_t channel;
    int8_t rssi;
    bool from_central; /* or from somebody who scans */
    char what[64];
} sniffed;

typedef struct {
    uint64_t packets, advertising, scanning, data, empty;       /* connection requests count as advertising */
    uint64_t last_data_us, last_answer_us, last_advertising_us; /* an answer is the peripheral's */
    uint32_t interval_us;                                       /* between the last two connection events */
    int8_t rssi_central, rssi_peripheral;                       /* of the last packet of each; 0: none yet */
    sniffed latest[SNIFFER_KEEPS];                              /* a ring; empty packets are counted, not kept */
    uint64_t kept;             /* ever; the newest is latest[(kept - 1) % SNIFFER_KEEPS] */
    uint64_t event_us, end_us; /* the current connection event, its last packet's end */
    bool central_sent_last;
} sniffer;

void sniffer_hear(void *sniffer, const amble_air_packet *packet);
#endif
