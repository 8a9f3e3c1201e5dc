/* Encryption of a link: its state, and what the other parts of a link ask of it (Vol 6, Part B, 5.1.3, 5.1.6; Part
 * E). */
#ifndef AMBLE_CONTROLLER_LINK_ENCRYPTION_H
#define AMBLE_CONTROLLER_LINK_ENCRYPTION_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/ccm.h"
#include "core/timers.h"

#define AMBLE__LL_KEY 16 /* octets of a long term key, a session key, a session key diversifier */

/* How far a procedure is. */
typedef enum {
    AMBLE__LL_ENCRYPTION_REST,
    /* central */
    AMBLE__LL_ENCRYPTION_PAUSE_ASKED,  /* LL_PAUSE_ENC_REQ goes out; LL_PAUSE_ENC_RSP is to come */
    AMBLE__LL_ENCRYPTION_PAUSE_AGREED, /* our LL_PAUSE_ENC_RSP goes out */
    AMBLE__LL_ENCRYPTION_ASKED,        /* LL_ENC_REQ goes out; LL_ENC_RSP is to come */
    AMBLE__LL_ENCRYPTION_ANSWERED,     /* LL_START_ENC_REQ is to come */
    AMBLE__LL_ENCRYPTION_STARTED,      /* our LL_START_ENC_RSP goes out; the peripheral's is to come */
    /* peripheral */
    AMBLE__LL_ENCRYPTION_PAUSING,    /* our LL_PAUSE_ENC_RSP goes out; the central's is to come */
    AMBLE__LL_ENCRYPTION_PAUSED,     /* LL_ENC_REQ is to come */
    AMBLE__LL_ENCRYPTION_KEY_WANTED, /* LL_ENC_RSP goes out, and the host looks for the key */
    AMBLE__LL_ENCRYPTION_STARTING,   /* LL_START_ENC_REQ goes out; the central's LL_START_ENC_RSP is to come */
} amble__ll_encryption_step;

typedef struct {
    amble__aes_key key;        /* of the session */
    uint64_t sent, received;   /* packet counters */
    uint64_t authenticated_us; /* when the last packet with a right MIC came */
    uint64_t pinged_us;        /* the `authenticated_us` after which a ping was sent */
    amble__ll_encryption_step step;
    bool sealing, opening;         /* what we send, what we receive is encrypted */
    bool restart;                  /* the key is being refreshed */
    bool host_answered, key_known; /* peripheral: what the host said to the request for the key */
    bool pdu_waiting;              /* `pdu` goes before everything else */
    uint8_t pdu_size;
    uint8_t pdu[23];                      /* LL_ENC_REQ is the largest */
    uint8_t random[8], diversifier[2];    /* that name the key: as the host gave them */
    uint8_t long_term_key[AMBLE__LL_KEY]; /* order of the air, as the next two */
    uint8_t session_diversifier[AMBLE__LL_KEY];
    uint8_t iv[AMBLE__CCM_IV];
    uint16_t timeout; /* of authenticated payloads, units of 10 ms */
} amble__ll_encryption;

typedef struct amble__ll_link amble__ll_link;

void amble__ll_encryption_init(amble__ll_link *link);
/* Nothing of the keys stays. */
void amble__ll_encryption_wipe(amble__ll_link *link);
/* While a procedure is under way, only its own PDUs go out, and LL_TERMINATE_IND when both sides agree about how it is
 * sent. */
bool amble__ll_encryption_holds(const amble__ll_link *link);
bool amble__ll_encryption_lets_terminate(const amble__ll_link *link);
/* The PDU of the procedure's was acknowledged. */
void amble__ll_encryption_acknowledged(amble__ll_link *link);
/* `out` has room for a MIC more. */
void amble__ll_encryption_seal(const amble__ll_link *link, uint8_t header, const uint8_t *in, size_t size,
                               uint8_t *out);
bool amble__ll_encryption_open(amble__ll_link *link, uint8_t header, const uint8_t *in, size_t size, uint8_t *out);
/* Whether a PDU may come now. */
bool amble__ll_encryption_permits(const amble__ll_link *link, bool is_control, const uint8_t *payload);
void amble__ll_encryption_timer(amble__timer *timer);
#endif
