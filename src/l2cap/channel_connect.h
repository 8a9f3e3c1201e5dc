/* What the basic and the enhanced way to open a channel share. Only files of this room include this. */
#ifndef AMBLE_L2CAP_CHANNEL_CONNECT_H
#define AMBLE_L2CAP_CHANNEL_CONNECT_H
#include "l2cap/channel.h"
#include "l2cap/l2cap.h"

amble__listener *amble__listener_at(const amble__l2cap *l2cap, uint16_t psm);

/* --- the peer asks ------------------------------------------------------------------------------------------------ */
/* Why no channel may lead to the peer's CID, or 0. */
uint16_t amble__check_source_cid(const amble__l2cap_link *link, uint16_t cid);
/* Why this listener, or none, opens no channel on this link, or 0. */
uint16_t amble__check_listener(const amble__l2cap_link *link, const amble__listener *listener);
/* A channel for the peer, which waits for amble_l2cap_accept, or is a bearer of ATT. The result for the peer. */
uint16_t amble__grant_channel(amble__l2cap_link *link, const amble__listener *listener, const amble__channel_peer *peer,
                              amble__channel_kind kind, amble_l2cap_channel **channel);
/* The requests of the enhanced kind; false when they make no sense. */
bool amble__enhanced_connection(amble__l2cap_link *link, uint8_t identifier, amble__bytes data);
bool amble__enhanced_reconfiguration(amble__l2cap_link *link, uint8_t identifier, amble__bytes data);

/* --- this side asks ----------------------------------------------------------------------------------------------- */
/* Whether a connection may be asked for; waits for nothing. */
int amble__connect_begin(amble_connection *conn, uint16_t psm, const amble_l2cap_options *options,
                         amble_l2cap_options *filled);
/* Whether the refusal was one that a better secured link helps against, and the link is that now; see
 * amble__link_secured. */
bool amble__connect_again(amble_connection *conn, bool *tried, int *error, uint64_t deadline_us);
/* The peer said yes. Closes the channel again when what it said makes no sense, or nobody waits for it any more. */
int amble__connection_granted(amble_l2cap_channel *channel, const amble__channel_peer *peer, uint16_t unit_min);
#endif
