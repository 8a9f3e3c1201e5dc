/* The PDUs of extended and periodic advertising, which share one payload format (Vol 6, Part B, 2.3.4): ADV_EXT_IND,
 * AUX_ADV_IND, AUX_SCAN_RSP, AUX_SYNC_IND, AUX_CHAIN_IND and AUX_CONNECT_RSP. AUX_SCAN_REQ and AUX_CONNECT_REQ have the
 * format of their legacy namesakes (pdu.h).
 *
 * A decoder checks every length and field; what it returns may be used as it is. */
#ifndef AMBLE_CONTROLLER_EXTENDED_PDU_H
#define AMBLE_CONTROLLER_EXTENDED_PDU_H
#include "air/radio.h"
#include "controller/pdu.h"

/* Types in the header that pdu.h does not have. The others of these PDUs share the first one. */
#define AMBLE__LL_ADV_EXT_IND     7
#define AMBLE__LL_AUX_CONNECT_RSP 8

#define AMBLE__LL_T_MAFS_US        300  /* between a packet and the auxiliary one it points to: 4.1.2 */
#define AMBLE__LL_EXTENDED_DATA    1650 /* of one set: the largest that Vol 4, Part E, 7.8.57 allows */
#define AMBLE__LL_AUX_UNIT_US      30
#define AMBLE__LL_AUX_UNIT_LONG_US 300
#define AMBLE__LL_OFFSET_MAX       0x1fff

/* AdvMode. */
typedef enum {
    AMBLE__LL_MODE_NEITHER = 0,
    AMBLE__LL_MODE_CONNECTABLE = 1,
    AMBLE__LL_MODE_SCANNABLE = 2,
} amble__ll_mode;

/* Which fields a PDU has: the flags of the extended header. */
enum {
    AMBLE__LL_HAS_SENDER = 0x01, /* AdvA */
    AMBLE__LL_HAS_TARGET = 0x02, /* TargetA */
    AMBLE__LL_HAS_CTE = 0x04,    /* read over */
    AMBLE__LL_HAS_ADI = 0x08,
    AMBLE__LL_HAS_AUX = 0x10,
    AMBLE__LL_HAS_SYNC = 0x20,
    AMBLE__LL_HAS_POWER = 0x40,
};

/* AuxPtr (2.3.4.5): the auxiliary packet begins `offset_us` to `offset_us` + `unit_us` after this one began. */
typedef struct {
    uint8_t channel; /* 0..36 */
    bool accurate;   /* CA: the sender's clock is off by 50 ppm at most */
    uint32_t offset_us;
    uint32_t unit_us; /* set by the decoder; the encoder takes the finest that reaches */
    amble__phy phy;
} amble__ll_aux_pointer;

/* SyncInfo (2.3.4.6): where the next AUX_SYNC_IND is, and how the train goes on. */
typedef struct {
    uint32_t offset_us; /* as in AuxPtr; 0: not told */
    uint32_t unit_us;
    uint16_t interval; /* units of 1.25 ms */
    uint64_t channel_map;
    uint8_t clock_accuracy; /* code of 2.3.3.1 */
    uint32_t access_address;
    uint32_t crc_init;
    uint16_t event; /* the counter of that AUX_SYNC_IND */
} amble__ll_sync_info;

typedef struct {
    uint8_t type; /* AMBLE__LL_ADV_EXT_IND or AMBLE__LL_AUX_CONNECT_RSP */
    amble__ll_mode mode;
    unsigned has; /* AMBLE__LL_HAS_... */
    amble__ll_address sender, target;
    uint16_t data_identifier;  /* DID, 12 bits */
    uint8_t set_identifier;    /* SID, 4 bits */
    amble__ll_aux_pointer aux; /* its offset must not be 0 */
    amble__ll_sync_info sync;
    int8_t power;      /* dBm */
    amble__bytes data; /* a view */
} amble__ll_extended_pdu;

/* Puts as much of `data` into the PDU as fits, with room for AuxPtr when that is not all of it: then HAS_AUX is set and
 * the caller fills in `aux`. Returns how much it took. */
size_t amble__ll_extended_pdu_fill(amble__ll_extended_pdu *pdu, const uint8_t *data, size_t size);
/* Returns the size. The data was put in by amble__ll_extended_pdu_fill or fits as well. */
size_t amble__ll_extended_pdu_encode(const amble__ll_extended_pdu *pdu, uint8_t out[AMBLE__RADIO_PDU]);
bool amble__ll_extended_pdu_decode(amble__ll_extended_pdu *pdu, const uint8_t *bytes, size_t size);
/* SyncInfo alone, as LL_PERIODIC_SYNC_IND has it, too. False: no train can be so. */
void amble__ll_sync_info_write(amble__writer *w, const amble__ll_sync_info *sync);
bool amble__ll_sync_info_read(amble__reader *r, amble__ll_sync_info *sync);
/* Whether the header is one of these PDUs'. */
bool amble__ll_is_extended(const uint8_t *bytes, size_t size);
#endif
