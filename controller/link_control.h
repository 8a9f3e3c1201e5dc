/* What the files of the LL control procedures share: opcodes, sending, and how a procedure begins and ends.
 *
 * A handler gets a PDU whose opcode, length and role were checked. It may close the link. */
#ifndef AMBLE_CONTROLLER_LINK_CONTROL_H
#define AMBLE_CONTROLLER_LINK_CONTROL_H
#include "controller/link.h"

enum { /* Vol 6, Part B, 2.4.2 */
       LL_CONNECTION_UPDATE_IND = 0x00,
       LL_CHANNEL_MAP_IND = 0x01,
       LL_TERMINATE_IND = 0x02,
       LL_ENC_REQ = 0x03,
       LL_ENC_RSP = 0x04,
       LL_START_ENC_REQ = 0x05,
       LL_START_ENC_RSP = 0x06,
       LL_UNKNOWN_RSP = 0x07,
       LL_FEATURE_REQ = 0x08,
       LL_FEATURE_RSP = 0x09,
       LL_PAUSE_ENC_REQ = 0x0A,
       LL_PAUSE_ENC_RSP = 0x0B,
       LL_VERSION_IND = 0x0C,
       LL_REJECT_IND = 0x0D,
       LL_PERIPHERAL_FEATURE_REQ = 0x0E,
       LL_CONNECTION_PARAM_REQ = 0x0F,
       LL_CONNECTION_PARAM_RSP = 0x10,
       LL_REJECT_EXT_IND = 0x11,
       LL_PING_REQ = 0x12,
       LL_PING_RSP = 0x13,
       LL_LENGTH_REQ = 0x14,
       LL_LENGTH_RSP = 0x15,
       LL_PHY_REQ = 0x16,
       LL_PHY_RSP = 0x17,
       LL_PHY_UPDATE_IND = 0x18,
       LL_MIN_USED_CHANNELS_IND = 0x19,
       LL_PERIODIC_SYNC_IND = 0x1C,
};

#define LL_RESPONSE_TIMEOUT_US 40000000 /* 5.2 */

/* --- sending: link_control.c --- */
amble__writer amble__ll_control_begin(uint8_t bytes[AMBLE__LL_CONTROL_SIZE], uint8_t opcode);
void amble__ll_control_send(amble__ll_link *link, const amble__writer *w);
/* The same, for what belongs to no procedure and needs no answer. False: there is no room now. */
bool amble__ll_control_offer(amble__ll_link *link, const amble__writer *w);
/* A PDU of one octet, or two. */
void amble__ll_control_send_opcode(amble__ll_link *link, uint8_t opcode);
void amble__ll_control_send_octet(amble__ll_link *link, uint8_t opcode, uint8_t octet);
/* LL_REJECT_EXT_IND. */
void amble__ll_control_reject(amble__ll_link *link, uint8_t opcode, uint8_t reason);

/* --- procedures: link_control.c --- */
/* The one under way here is over: tells the host, if it asked. */
void amble__ll_control_finish(amble__ll_link *link, amble__ll_procedure procedure, uint8_t status);
/* The same, for one that this side or the other started; or both sides at once, so that one answers for both. */
void amble__ll_control_finish_either(amble__ll_link *link, amble__ll_procedure procedure, uint8_t status);
/* The one under way here got on, and the peer has the whole response timeout again. */
void amble__ll_control_goes_on(amble__ll_link *link);
/* Takes the host's wish to hear of the result. False: it has none. */
bool amble__ll_control_tell_host(amble__ll_link *link, amble__ll_procedure procedure);
/* The peer must go on within the response timeout. */
void amble__ll_control_peer_began(amble__ll_link *link, amble__ll_procedure procedure);
void amble__ll_control_peer_ended(amble__ll_link *link);

/* --- parts of the table of PDUs --- */
typedef void amble__ll_control_handler(amble__ll_link *link, amble__reader *in);
/* link_length.c */
void amble__ll_length_start(amble__ll_link *link);
amble__ll_control_handler amble__ll_length_req;
amble__ll_control_handler amble__ll_length_rsp;
/* link_update.c */
/* Whether the instant of some change lies ahead, or is being agreed on with the peer. */
bool amble__ll_change_under_way(const amble__ll_link *link);
/* A change was announced. The instant is set from its low 16 bits; false: it has passed or must not come now, and the
 * link is closed. */
bool amble__ll_change_announced(amble__ll_link *link, amble__ll_procedure kind, uint16_t instant);
/* A central chooses an instant that the peripheral will hear of in time. */
void amble__ll_change_announce(amble__ll_link *link, amble__ll_procedure kind);
/* Rejects the request of a peripheral that comes in the way of something else. False: it does not. */
bool amble__ll_change_collides(amble__ll_link *link, amble__ll_procedure kind, uint8_t opcode);
void amble__ll_parameters_start(amble__ll_link *link);
/* The peer cannot or would not: true when a central does it without asking. */
bool amble__ll_parameters_refused(amble__ll_link *link, uint8_t status);
/* The host's answer to what the peer asked. */
void amble__ll_parameters_accept(amble__ll_link *link, const amble__ll_parameters *accepted);
void amble__ll_parameters_decline(amble__ll_link *link, uint8_t reason);
void amble__ll_channel_map_start(amble__ll_link *link);
amble__ll_control_handler amble__ll_connection_update_ind;
amble__ll_control_handler amble__ll_connection_param_req;
amble__ll_control_handler amble__ll_connection_param_rsp;
amble__ll_control_handler amble__ll_channel_map_ind;
amble__ll_control_handler amble__ll_min_used_channels_ind;
/* link_encryption.c */
void amble__ll_encryption_start(amble__ll_link *link);
/* What the peer would refuse. */
int amble__ll_encryption_request(const amble__ll_link *link);
/* False: the link is closed. */
bool amble__ll_encryption_refused(amble__ll_link *link, uint8_t status);
void amble__ll_encryption_finished(amble__ll_link *link, uint8_t status);
/* The host's answer, NULL for none. False: nobody asked. */
bool amble__ll_encryption_key(amble__ll_link *link, const uint8_t *long_term_key);
void amble__ll_encryption_key_given(amble__ll_link *link);
void amble__ll_encryption_set_timeout(amble__ll_link *link, uint16_t timeout);
amble__ll_control_handler amble__ll_enc_req;
amble__ll_control_handler amble__ll_enc_rsp;
amble__ll_control_handler amble__ll_start_enc_req;
amble__ll_control_handler amble__ll_start_enc_rsp;
amble__ll_control_handler amble__ll_pause_enc_req;
amble__ll_control_handler amble__ll_pause_enc_rsp;
/* link_phy.c */
void amble__ll_phy_start(amble__ll_link *link);
void amble__ll_phy_change(amble__ll_link *link);
amble__ll_control_handler amble__ll_phy_req;
amble__ll_control_handler amble__ll_phy_rsp;
amble__ll_control_handler amble__ll_phy_update_ind;
/* sync_transfer.c */
amble__ll_control_handler amble__ll_periodic_sync_ind;
#endif
