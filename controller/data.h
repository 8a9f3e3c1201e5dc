/* The data of an advertising set, which the host hands over in fragments (Vol 4, Part E, 7.8.54). */
#ifndef AMBLE_CONTROLLER_DATA_H
#define AMBLE_CONTROLLER_DATA_H
#include "controller/extended_pdu.h"

typedef struct {
    uint16_t size;
    bool incomplete; /* the last fragment has not come */
    uint8_t bytes[AMBLE__LL_EXTENDED_DATA];
} amble__ll_data;

/* Operation of the commands. */
enum {
    AMBLE__LL_DATA_INTERMEDIATE,
    AMBLE__LL_DATA_FIRST,
    AMBLE__LL_DATA_LAST,
    AMBLE__LL_DATA_COMPLETE,
    AMBLE__LL_DATA_UNCHANGED,
    AMBLE__LL_DATA_OPERATIONS,
};

/* Takes a fragment, or the whole, of at most `limit` octets in all; a status of HCI. */
uint8_t amble__ll_data_set(amble__ll_data *data, uint8_t operation, amble__bytes bytes, uint16_t limit);
#endif
