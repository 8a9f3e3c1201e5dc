/* L2CAP channels: streams of bytes beside GATT, with flow control (Vol 3 Part A 3.4.3, 10.1, 10.2).
 *
 * A channel leads from one device to the other over a link, in both directions. One side listens on a number (the
 * SPSM), the other one connects:
 *
 *     server                                                  client
 *     amble_l2cap_listen(ble, 0x80, NULL);
 *     amble_l2cap_accept(conn, 0x80, &channel, 5000);         amble_l2cap_connect(conn, 0x80, NULL, &channel, 5000);
 *     amble_l2cap_recv(channel, buffer, sizeof buffer, ...);  amble_l2cap_send(channel, data, size, ...);
 *     amble_l2cap_close(channel);                             amble_l2cap_close(channel);
 *
 * Which side is central makes no difference; both may listen and connect on one link at once, and a link carries up to
 * 64 channels. The SPSMs 0x0080 to 0x00FF are free for any use; lower ones are assigned by the Bluetooth SIG, though
 * 0x0016 (22) is common in examples.
 *
 * Nothing is lost and nothing is sent that the other side has no room for: a receiver gives out credits, one per frame,
 * as the program reads; a sender without credits waits. How much a channel holds in each direction is said when the
 * host opens (`channel_receive_size`, `channel_send_size`), so a peer cannot make the host take more memory. Who does
 * not read holds up that channel, and nothing else.
 *
 * How large an SDU may be is another matter in each direction. A receiver takes SDUs of its `mtu`, 65,535 bytes unless
 * told otherwise, through whatever `channel_receive_size` there is, since they are read in pieces. A sender makes SDUs
 * of at most the peer's MTU, of `sdu_size`, and of what its `channel_send_size` holds, two bytes less: an SDU is handed
 * over whole. With the default of 4,096 bytes that is half of them, 2,047, so that the next one is written while the
 * last one is sent; for SDUs of 65,535 bytes say channel_send_size = 65,537 and sdu_size = 65,535.
 *
 * Bytes travel in SDUs, pieces of at most the receiver's MTU. amble_l2cap_send cuts what it is given into SDUs;
 * amble_l2cap_recv hands out bytes as they come, without waiting for the end of an SDU, so SDUs of 65,535 bytes need no
 * buffer of that size. One call never returns bytes of two SDUs: a short read may mean that an SDU ended, and
 * amble_l2cap_sdu_ended tells. Programs that see a stream need not care.
 *
 * A channel is the program's from accept or connect until amble_l2cap_close, also after the other side closed it or the
 * link was lost: what had arrived can still be read, then the calls return AMBLE_ERR_CHANNEL_CLOSED, or
 * AMBLE_ERR_DISCONNECTED when it was the link that ended, or AMBLE_ERR_PROTOCOL when the peer sent more than it may,
 * for which the host closes the channel. One task at a time may read from a channel and one may write; another one gets
 * AMBLE_ERR_BUSY. */
#ifndef AMBLE_L2CAP_H
#define AMBLE_L2CAP_H
#include <amble/host.h>
#include <amble/security_level.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct amble_l2cap_channel amble_l2cap_channel;

typedef struct {
    uint16_t mtu; /* largest SDU the peer may send, 23..65,535; 0: 65,535, which costs nothing (see above) */
    uint16_t mps; /* largest frame the peer may send, 23..the host's channel_mps; 0: the host's channel_mps */
    /* The largest SDU that amble_l2cap_send makes, at most channel_send_size - 2; 0: half of channel_send_size; the
     * peer's MTU where that is less. */
    uint16_t sdu_size;
    uint16_t backlog;        /* listening: channels of one link that may wait for amble_l2cap_accept; 0: 4 */
    amble_security security; /* listening: what the link needs; who has less is refused with 0x0005, 0x0007 or 0x0008 */
    bool authorised;         /* listening: only for whom amble_authorise has let in; others are refused with 0x0006 */
    bool close_on_cancel;    /* a send that ends early after a part of its bytes was taken closes the channel */
} amble_l2cap_options;

/* --- listening ---------------------------------------------------------------------------------------------------- */
/* Lets peers connect to `psm`, on every link, from now on. The host accepts on the program's behalf as long as there is
 * room in the backlog and a channel is free; beyond that it refuses with 0x0004. `options` NULL: the defaults; copied.
 * Does not wait. Errors: AMBLE_ERR_BUSY when the host listens there already (on 0x0027 it does so itself, unless it has
 * no enhanced bearers), AMBLE_ERR_NO_MEMORY when `listeners` or channels are not configured or used up,
 * AMBLE_ERR_ARGUMENT for an SPSM that is not 1..0xFF or options out of range. Vol 3 Part A 4.22. */
int amble_l2cap_listen(amble *ble, uint16_t psm, const amble_l2cap_options *options);
/* Stops that. Channels that were not accepted yet are closed, accepted ones stay; tasks in amble_l2cap_accept get
 * AMBLE_ERR_NOT_FOUND. Does not wait. AMBLE_ERR_NOT_FOUND when nobody listens there. */
int amble_l2cap_unlisten(amble *ble, uint16_t psm);
/* The oldest channel that the peer of this link opened to `psm`. Waits for one. `*channel` is the caller's, to be
 * closed. Errors: TIMEOUT, CANCELLED, DISCONNECTED, CLOSED, CONTROLLER, AMBLE_ERR_NOT_FOUND when nobody listens on
 * `psm`. */
int amble_l2cap_accept(amble_connection *conn, uint16_t psm, amble_l2cap_channel **channel,
                       int timeout_ms) AMBLE_MUST_CHECK;
amble_source amble_on_l2cap_accept(amble_connection *conn, uint16_t psm);

/* --- connecting --------------------------------------------------------------------------------------------------- */
/* Opens a channel to `psm` over there. `*channel` is the caller's, to be closed. Waits for the answer. After a timeout
 * or cancel the host closes a channel that is opened too late, and nobody sees it. Errors: AMBLE_ERR_L2CAP_CONNECT(...)
 * as the peer refused: 0x0002 nobody listens there, 0x0004 it has no room, 0x0005 to 0x0008 it wants a better secured
 * link, 0x0009 to 0x000C; AMBLE_ERR_L2CAP_REJECT(0) when it has no channels at all; AMBLE_ERR_NO_MEMORY when `channels`
 * or the 64 of this link are used up; AMBLE_ERR_ARGUMENT, TIMEOUT (also when the peer did not answer within 30 s),
 * CANCELLED, DISCONNECTED, CLOSED, CONTROLLER. Vol 3 Part A 4.22, 4.23. */
int amble_l2cap_connect(amble_connection *conn, uint16_t psm, const amble_l2cap_options *options,
                        amble_l2cap_channel **channel, int timeout_ms) AMBLE_MUST_CHECK;
/* Opens several at once with the enhanced request, for which MTU and MPS are 64 or more: `count` is 1..5. Returns how
 * many the peer granted, 1 and up; they are first in `channels`, the rest of it is NULL. Errors as above, when it
 * granted none. Vol 3 Part A 4.25, 4.26. */
int amble_l2cap_connect_enhanced(amble_connection *conn, uint16_t psm, const amble_l2cap_options *options,
                                 amble_l2cap_channel **channels, unsigned count, int timeout_ms) AMBLE_MUST_CHECK;
enum { AMBLE_L2CAP_GROUP_MAX = 5 };
/* Allows the peer larger SDUs and frames on channels of one link that were opened with the enhanced request, by either
 * side. 0 leaves a value as it is. The MTU may only grow; the MPS may shrink for a single channel. Errors:
 * AMBLE_ERR_L2CAP_RECONFIGURE(...), AMBLE_ERR_ARGUMENT, AMBLE_ERR_UNSUPPORTED for a channel that was not opened that
 * way, and as amble_l2cap_connect. Vol 3 Part A 4.27, 4.28. */
int amble_l2cap_reconfigure(amble_l2cap_channel *const *channels, unsigned count, uint16_t mtu, uint16_t mps,
                            int timeout_ms) AMBLE_MUST_CHECK;

/* --- reading ------------------------------------------------------------------------------------------------------ */
/* Bytes as they came: waits until there is at least one, returns how many, at most `size` and never beyond the end of
 * an SDU. Empty SDUs are passed over. Errors: see above, and TIMEOUT, CANCELLED, AMBLE_ERR_ARGUMENT for a size of 0. */
int amble_l2cap_recv(amble_l2cap_channel *channel, void *buffer, size_t size, int timeout_ms) AMBLE_MUST_CHECK;
/* Bytes that amble_l2cap_recv would not have to wait for, of all SDUs together. */
size_t amble_l2cap_available(const amble_l2cap_channel *channel);
/* Whether the last byte read was the last of its SDU (true before the first). */
bool amble_l2cap_sdu_ended(const amble_l2cap_channel *channel);
/* Ready when there is something to read, or nothing can come any more. */
amble_source amble_on_l2cap_recv(amble_l2cap_channel *channel);

/* --- writing ------------------------------------------------------------------------------------------------------ */
/* Hands all the bytes to the host, in SDUs; waits for room as often as needed, and returns `size`. The host sends them
 * as the peer gives credits; `data` is not needed any more. An SDU that was handed over is sent whole, whatever becomes
 * of the task; a send that ends early was cut between two SDUs, amble_l2cap_sent tells where, and with
 * `close_on_cancel` the channel is closed instead. Errors: see above, and TIMEOUT, CANCELLED. */
int amble_l2cap_send(amble_l2cap_channel *channel, const void *data, size_t size, int timeout_ms) AMBLE_MUST_CHECK;
/* Bytes that sends have handed over since the channel was opened. */
uint64_t amble_l2cap_sent(const amble_l2cap_channel *channel);
/* Waits until everything handed over is with the controller. Errors as amble_l2cap_send. */
int amble_l2cap_flush(amble_l2cap_channel *channel, int timeout_ms) AMBLE_MUST_CHECK;
/* Ready when an SDU of full size can be handed over without waiting, or nothing can be sent any more. */
amble_source amble_on_l2cap_send(amble_l2cap_channel *channel);

/* --- the channel -------------------------------------------------------------------------------------------------- */
/* The largest SDU that this side receives, and the other side. */
uint16_t amble_l2cap_our_mtu(const amble_l2cap_channel *channel);
uint16_t amble_l2cap_peer_mtu(const amble_l2cap_channel *channel);
uint16_t amble_l2cap_psm(const amble_l2cap_channel *channel);
/* Its link; NULL when that was closed. */
amble_connection *amble_l2cap_connection(const amble_l2cap_channel *channel);
/* Waits until the channel is closed by the other side, or with the link: 0. What arrived before can still be read.
 * Errors: TIMEOUT, CANCELLED. */
int amble_l2cap_disconnected(amble_l2cap_channel *channel, int timeout_ms) AMBLE_MUST_CHECK;
amble_source amble_on_l2cap_disconnected(amble_l2cap_channel *channel);
/* Closes and frees: what was handed over is sent before, if the peer gives the credits within half a second; what was
 * not read is lost. Waits for the peer's answer, at most about two seconds; NULL does nothing. Comes before the
 * connection's close. Vol 3 Part A 4.6. */
void amble_l2cap_close(amble_l2cap_channel *channel);

#ifdef __cplusplus
}
#endif
#endif
