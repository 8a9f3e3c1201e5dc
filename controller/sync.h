/* Synchronisation with periodic advertising (Vol 6, Part B, 4.4.3.4): finding a train by the SyncInfo that a scanner
 * hears, and following it. */
#ifndef AMBLE_CONTROLLER_SYNC_H
#define AMBLE_CONTROLLER_SYNC_H
#include "controller/auxiliary.h"
#include "controller/scanner.h"
#include "controller/sync_transfer.h"

#define AMBLE__LL_SYNCS                4
#define AMBLE__LL_PERIODIC_ADVERTISERS 16

/* Whose train, and which. */
typedef struct {
    amble__ll_address advertiser;
    uint8_t set_identifier;
} amble__ll_train_name;

/* A train that is followed. */
typedef struct {
    amble__ll_follower follower;
    amble__ll_channels channels;
    amble__ll_train_name name;
    bool open;        /* in use: established, or about to be */
    bool established; /* an AUX_SYNC_IND has come */
    bool resolved;    /* the advertiser has a private address */
    bool reports;
    bool transferred; /* a peer told where it is: on which link, and with this number */
    uint16_t connection, service_data;
    bool in_chain; /* the first packet of an event has come, and announced more */
    int8_t power, rssi;
    uint8_t clock_accuracy;
    uint8_t missed;
    uint32_t crc_init; /* to be told on */
    uint16_t handle;
    uint16_t interval; /* units of 1.25 ms */
    uint16_t event;    /* counter of the next one */
    uint16_t skip;
    uint32_t interval_us, timeout_us;
    uint64_t anchor_us; /* when the next AUX_SYNC_IND is expected, and how late it may be besides drift */
    uint64_t last_heard_us;
    uint32_t unit_us;
    amble__phy train_phy;
    uint16_t size;
    uint8_t data[AMBLE__LL_EXTENDED_DATA];
} amble__ll_sync;

typedef struct {
    /* what LE Periodic Advertising Create Sync asks for, while nothing has come of it */
    bool pending;
    bool use_list, reports_at_once;
    amble__ll_train_name wanted;
    uint16_t skip;
    uint32_t timeout_us;
    uint8_t listed;
    amble__ll_train_name list[AMBLE__LL_PERIODIC_ADVERTISERS];
    amble__ll_transfer_wishes by_default; /* of new links */
    amble__ll_sync syncs[AMBLE__LL_SYNCS];
} amble__ll_synchroniser;

void amble__ll_synchroniser_init(amble__ll_synchroniser *s, amble__controller *controller);
void amble__ll_synchroniser_stop(amble__ll_synchroniser *s);
bool amble__ll_train_name_equal(const amble__ll_train_name *a, const amble__ll_train_name *b);
/* NULL when none is open with this name, or none is left. */
amble__ll_sync *amble__ll_sync_find(amble__ll_synchroniser *s, const amble__ll_train_name *name);
amble__ll_sync *amble__ll_sync_find_unused(amble__ll_synchroniser *s);
/* That is established. */
amble__ll_sync *amble__ll_sync_find_handle(amble__ll_synchroniser *s, uint16_t handle);
/* Begins to follow a train whose next event is at `at_us`, give or take what clocks drift since `heard_us`. The caller
 * has set the name, and what the host wants of it. */
void amble__ll_sync_open(amble__ll_sync *sync, const amble__ll_sync_info *info, uint64_t at_us, uint64_t heard_us,
                         amble__phy phy);
/* Without a word to the host. */
void amble__ll_sync_close(amble__ll_sync *sync);
/* A scanner has heard SyncInfo. */
void amble__ll_synchroniser_offer(amble__controller *controller, const amble__ll_heard *heard,
                                  const amble__ll_extended_pdu *pdu, const amble__radio_packet *packet);
#endif
