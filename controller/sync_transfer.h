/* Periodic advertising sync transfer: telling the peer of a link where a train is, so that it follows the train without
 * scanning for it (Vol 6, Part B, 5.1.13, and 2.4.2 for LL_PERIODIC_SYNC_IND). */
#ifndef AMBLE_CONTROLLER_SYNC_TRANSFER_H
#define AMBLE_CONTROLLER_SYNC_TRANSFER_H
#include <stdbool.h>
#include <stdint.h>

/* The modes of Vol 4, Part E, 7.8.91. */
enum {
    AMBLE__LL_TRANSFER_IGNORED,
    AMBLE__LL_TRANSFER_QUIET, /* reports are switched on later */
    AMBLE__LL_TRANSFER_WANTED,
    AMBLE__LL_TRANSFER_WITHOUT_DUPLICATES
};

/* What to do with a train that the peer tells of. */
typedef struct {
    uint8_t mode;
    uint16_t skip;
    uint32_t timeout_us;
} amble__ll_transfer_wishes;
#endif
