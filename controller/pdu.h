/* The PDUs of the advertising channels (Vol 6, Part B, 2.3) and the constants of the air interface that several
 * activities share.
 *
 * Encoding and decoding of one thing stand side by side in pdu.c. A decoder checks every length; what it returns may
 * be used as it is. */
#ifndef AMBLE_CONTROLLER_PDU_H
#define AMBLE_CONTROLLER_PDU_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/channel_selection.h"
#include "core/bytes.h"

#define AMBLE__LL_T_IFS_US                  150 /* Vol 6, Part B, 4.1.1 */
#define AMBLE__LL_JITTER_US                 4 /* the start of an answer may lie this far off: twice the 2 us of 4.2.1 */
#define AMBLE__LL_TRANSMIT_DELAY_US         1250 /* transmitWindowDelay after CONNECT_IND: 4.5.3 */
#define AMBLE__LL_UNIT_US                   1250 /* connection interval, transmit window */
#define AMBLE__LL_HEADER                    2
#define AMBLE__LL_ADDRESS                   6
#define AMBLE__LL_LEGACY_DATA               31 /* advertising and scan response data */
#define AMBLE__LL_LEGACY_PDU                (AMBLE__LL_HEADER + AMBLE__LL_ADDRESS + AMBLE__LL_LEGACY_DATA)
#define AMBLE__LL_FIRST_ADVERTISING_CHANNEL 37

typedef enum {
    AMBLE__LL_ADV_IND = 0,
    AMBLE__LL_ADV_DIRECT_IND = 1,
    AMBLE__LL_ADV_NONCONN_IND = 2,
    AMBLE__LL_SCAN_REQ = 3,
    AMBLE__LL_SCAN_RSP = 4,
    AMBLE__LL_CONNECT_IND = 5,
    AMBLE__LL_ADV_SCAN_IND = 6,
} amble__ll_pdu_type;

typedef struct {
    uint8_t type; /* 0 public, 1 random */
    uint8_t value[AMBLE__LL_ADDRESS];
} amble__ll_address;

static inline bool amble__ll_address_equal(const amble__ll_address *a, const amble__ll_address *b)
{
    return a->type == b->type && memcmp(a->value, b->value, sizeof a->value) == 0;
}

/* Any of these PDUs: who sent it, to whom (where there is a second address), and what follows. */
typedef struct {
    amble__ll_pdu_type type;
    bool channel_selection_2; /* ChSel */
    amble__ll_address sender; /* AdvA, ScanA or InitA */
    amble__ll_address target; /* TargetA or AdvA; zero where the type has none */
    amble__bytes data;        /* AdvData, ScanRspData or LLData; a view */
} amble__ll_advertising_pdu;

bool amble__ll_has_target(amble__ll_pdu_type type);
/* Returns the size. The data fits the type: at most AMBLE__LL_LEGACY_DATA octets. */
size_t amble__ll_advertising_pdu_encode(const amble__ll_advertising_pdu *pdu, uint8_t out[AMBLE__LL_LEGACY_PDU]);
bool amble__ll_advertising_pdu_decode(amble__ll_advertising_pdu *pdu, const uint8_t *bytes, size_t size);

/* LLData of CONNECT_IND (2.3.3.1): how the link will run. */
#define AMBLE__LL_CONNECT_DATA 22
typedef struct {
    uint32_t access_address;
    uint32_t crc_init;
    uint8_t window_size;    /* units of 1.25 ms */
    uint16_t window_offset; /* units of 1.25 ms */
    uint16_t interval;      /* units of 1.25 ms */
    uint16_t latency;       /* events */
    uint16_t timeout;       /* units of 10 ms */
    uint64_t channel_map;
    uint8_t hop;
    uint8_t clock_accuracy; /* code of 2.3.3.1 */
} amble__ll_connect_data;

void amble__ll_connect_data_encode(const amble__ll_connect_data *data, uint8_t out[AMBLE__LL_CONNECT_DATA]);
/* False when the size is wrong or a field lies outside the range the specification gives it. */
bool amble__ll_connect_data_decode(amble__ll_connect_data *data, amble__bytes bytes);

/* Whether the four parameters of a link lie in range and go together (Vol 4, Part E, 7.8.12). */
bool amble__ll_connection_parameters_valid(uint16_t interval, uint16_t latency, uint16_t timeout);
#endif
