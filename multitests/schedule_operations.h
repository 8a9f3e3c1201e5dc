/* What workers of every kind of schedules do on a link, in either role, and how one sees that nothing was reordered.
 *
 * What is written and notified carries the number of its sender and counts up: whoever takes it sees that nothing comes
 * before what was sent earlier, and nothing twice. What goes through a channel tells its place in the stream. */
#ifndef AMBLE_MULTITESTS_SCHEDULE_OPERATIONS_H
#define AMBLE_MULTITESTS_SCHEDULE_OPERATIONS_H
#include "schedules.h"

/* --- order -------------------------------------------------------------------------------------------------------- */
enum { TAG = 4, STRANGERS = 8 };
/* Who sends, and how much it has sent. */
typedef struct {
    uint16_t sender, count;
} tag;
/* What somebody has seen of the latest senders. */
typedef struct {
    tag latest[STRANGERS];
    unsigned next;
} order;

/* At the beginning of a schedule. */
void forget_senders(void);
tag new_tag(void);
void put_tag(tag *t, uint8_t bytes[TAG]);
/* The tag of a value; that of nobody when it is too short for one. */
tag get_tag(const amble_value *value);
/* Fails the test unless it comes after all that was seen of the same sender. */
void see(order *o, const amble_value *value);

/* --- links -------------------------------------------------------------------------------------------------------- */
/* Other parameters, PHYs, lengths, channels. */
int tune(amble_connection *conn);
/* Opens or takes a channel, or several, and sends and receives through it: which happened. */
int be_on_channel(amble_connection *conn, unsigned what);
/* Comes and goes: channels that wait for their accept are closed then. */
void listen_or_not(amble *ble);
#endif
