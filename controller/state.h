/* Everything one controller is made of. It is allocated whole at open, with its links and its packet buffers behind
 * it. */
#ifndef AMBLE_CONTROLLER_STATE_H
#define AMBLE_CONTROLLER_STATE_H
#include "controller/accept_list.h"
#include "controller/activity.h"
#include "controller/advertiser.h"
#include "controller/initiator.h"
#include "controller/link.h"
#include "controller/resolving_list.h"
#include "controller/scanner.h"
#include "controller/sync.h"

/* What the controller says of itself. */
#define AMBLE__LL_VERSION     0x0C /* Bluetooth 5.3 (Assigned Numbers, 2.1) */
#define AMBLE__LL_VERSION_4_2 0x08
#define AMBLE__LL_COMPANY     0xFFFF /* for use where no company identifier is assigned */
#define AMBLE__LL_SUBVERSION  0x0001
#define AMBLE__LL_TX_POWER    0 /* dBm */

/* LE features (Vol 6, Part B, 4.6): only what is really there. */
#define AMBLE__LL_FEATURE_ENCRYPTION          (1u << 0)
#define AMBLE__LL_FEATURE_PARAMETERS_REQUEST  (1u << 1)
#define AMBLE__LL_FEATURE_EXTENDED_REJECT     (1u << 2)
#define AMBLE__LL_FEATURE_PERIPHERAL_FEATURES (1u << 3)
#define AMBLE__LL_FEATURE_PING                (1u << 4)
#define AMBLE__LL_FEATURE_DATA_LENGTH         (1u << 5)
#define AMBLE__LL_FEATURE_PRIVACY             (1u << 6)
#define AMBLE__LL_FEATURE_FILTER_POLICIES     (1u << 7)
#define AMBLE__LL_FEATURE_2M                  (1u << 8)
#define AMBLE__LL_FEATURE_CODED               (1u << 11)
#define AMBLE__LL_FEATURE_EXTENDED            (1u << 12) /* advertising, scanning, initiating */
#define AMBLE__LL_FEATURE_PERIODIC            (1u << 13)
#define AMBLE__LL_FEATURE_CHANNEL_SELECTION_2 (1u << 14)
#define AMBLE__LL_FEATURE_MIN_USED_CHANNELS   (1u << 16)
#define AMBLE__LL_FEATURE_TRANSFER_SENDER     (1u << 24) /* of periodic advertising syncs */
#define AMBLE__LL_FEATURE_TRANSFER_RECIPIENT  (1u << 25)
#define AMBLE__LL_FEATURES                                                                                             \
    (AMBLE__LL_FEATURE_ENCRYPTION | AMBLE__LL_FEATURE_PARAMETERS_REQUEST | AMBLE__LL_FEATURE_EXTENDED_REJECT |         \
     AMBLE__LL_FEATURE_PERIPHERAL_FEATURES | AMBLE__LL_FEATURE_PING | AMBLE__LL_FEATURE_DATA_LENGTH |                  \
     AMBLE__LL_FEATURE_PRIVACY | AMBLE__LL_FEATURE_FILTER_POLICIES | AMBLE__LL_FEATURE_EXTENDED |                      \
     AMBLE__LL_FEATURE_PERIODIC | AMBLE__LL_FEATURE_2M | AMBLE__LL_FEATURE_CODED |                                     \
     AMBLE__LL_FEATURE_CHANNEL_SELECTION_2 | AMBLE__LL_FEATURE_MIN_USED_CHANNELS | AMBLE__LL_FEATURE_TRANSFER_SENDER | \
     AMBLE__LL_FEATURE_TRANSFER_RECIPIENT)

#define AMBLE__LL_ALL_PHYS 0x07 /* bit n is PHY n + 1: LE 1M, LE 2M, LE Coded */

#define AMBLE__LL_FEATURES_4_2 0xff /* those that Bluetooth 4.2 knew */

/* Own_Address_Type and address types of HCI: bit 0 random, bit 1 an identity that stands for private addresses. */
#define AMBLE__LL_OWN_RANDOM  0x01
#define AMBLE__LL_OWN_PRIVATE 0x02

/* Own clock accuracy: 31 to 50 ppm (Vol 6, Part B, 2.3.3.1). */
#define AMBLE__LL_CLOCK_ACCURACY 5

#define AMBLE__HC_P_256 32 /* octets of a secret, a coordinate, a shared key */

/* Controller to host flow control (Vol 4, Part E, 4.2). */
typedef struct {
    bool on;
    uint16_t packet_size;
    uint16_t packets;
    uint16_t outstanding; /* over all links */
} amble__ll_host_buffers;

struct amble__controller {
    amble__air *air;
    amble__controller_options options;
    amble__radio radio;
    amble__ll_activity *current; /* owns the radio */
    amble__list waiting;         /* activities that want it when it is free */

    uint64_t event_mask;
    uint64_t event_mask_page_2;
    uint64_t le_event_mask;
    uint8_t le_host_support;
    bool host_uses_legacy, host_uses_extended; /* advertising commands */
    bool random_address_set;
    uint8_t random_address[AMBLE__LL_ADDRESS];
    uint16_t suggested_octets, suggested_time;
    uint8_t tx_phys, rx_phys; /* that a new link may use, unless its host says something else */
    uint64_t channel_map;     /* of links as central: what the host did not call bad */
    amble__ll_host_buffers host_buffers;

    bool p_256_known; /* the host asked for a public key; this is its secret, most significant octet first */
    uint8_t p_256_secret[AMBLE__HC_P_256];

    amble__ll_accept_list accept_list;
    amble__ll_resolving_list resolving_list;
    amble__ll_advertiser *advertisers;
    amble__ll_scanner scanner;
    amble__ll_initiator initiator;
    amble__ll_synchroniser synchroniser;

    amble__list free_acl;
    uint8_t next_link; /* where the search for a free slot begins, so that handles are not reused at once */
    amble__ll_link *links;
};

/* What this controller says of itself. */
uint8_t amble__ll_version(const amble__controller *controller);
uint64_t amble__ll_features(const amble__controller *controller);
/* The plain address behind an Own_Address_Type of HCI, to be used when no resolving list entry matches (types 2 and
 * 3); false when the host has not set it yet. */
bool amble__ll_own_address(const amble__controller *controller, uint8_t type, amble__ll_address *address);
/* As after power on. The links vanish without a word. */
void amble__ll_reset(amble__controller *controller);
#endif
