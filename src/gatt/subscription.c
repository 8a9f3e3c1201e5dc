/* Subscriptions: the queue is armed before the server is asked, values of one link stay in order, and every indication
 * is confirmed.
 *
 * An indication is confirmed when there is room for the next one: so a server that indicates faster than the program
 * reads has to wait. After HELD_CONFIRMATION_US the confirmation goes out all the same, since after 30 s without one
 * the server gives up the link. Invariant: the entries in a subscription's queue are its own from subscribe to
 * close. */
#include "gatt/client.h"

#include "core/rare.h"
#include "gatt/database.h"

enum { DEFAULT_DEPTH = 8, HELD_CONFIRMATION_US = 20000000, UNSUBSCRIBE_MS = 2000 };

/* --- receiving ---------------------------------------------------------------------------------------------------- */
static amble_subscription *subscription_for(amble__client *client, const amble_connection *conn, uint16_t handle)
{
    for (size_t i = 0; i < client->subscription_count; i++) {
        amble_subscription *s = &client->subscriptions[i];

        if (s->used && s->value_handle == handle && s->conn == conn && s->generation == conn->generation)
            return s;
    }
    return NULL;
}

static uint8_t bit_of(const amble__att_bearer *bearer) { return (uint8_t)(1u << (bearer - bearer->conn->bearer)); }

/* Each on the bearer that the indication came on. */
static void confirm(amble_subscription *s)
{
    const unsigned owed = s->confirmations_owed;

    s->confirmations_owed = 0;
    amble__timer_stop(&s->confirmation_timer);
    if (!s->conn || amble__link_check(s->conn, s->generation) < 0)
        return;
    for (size_t i = 0; i < s->conn->bearer->att->per_link; i++)
        if (owed >> i & 1)
            amble__att_confirm(&s->conn->bearer[i]);
}

void amble__client_bearer_closed(amble__att_bearer *bearer)
{
    const amble__client *client = bearer->conn->client->client;

    for (size_t i = 0; i < client->subscription_count; i++)
        if (client->subscriptions[i].used && client->subscriptions[i].conn == bearer->conn)
            client->subscriptions[i].confirmations_owed &= (uint8_t)~bit_of(bearer);
}

static void confirmation_is_due(amble__timer *timer)
{
    confirm(amble__container(timer, amble_subscription, confirmation_timer));
}

static void receive_value(amble__att_bearer *bearer, amble_subscription *s, amble__bytes value, bool indication)
{
    if (!amble__value_queue_push(&s->queue, bearer->conn, ++bearer->att->arrivals, value, indication))
        amble__value_queue_drop(&s->queue);
    if (!indication)
        return;
    if (amble__value_queue_full(&s->queue)) {
        if (!s->confirmations_owed) {
            s->confirmation_timer.fire = confirmation_is_due;
            amble__timer_start(&s->confirmation_timer, amble_now_us() + HELD_CONFIRMATION_US);
        }
        s->confirmations_owed |= bit_of(bearer);
    } else if (!(s->confirmations_owed & bit_of(bearer))) {
        amble__att_confirm(bearer);
    }
}

/* Service Changed, Vol 3 Part G 7.1. */
static void note_change(amble_connection *conn, amble__bytes value)
{
    amble__reader r = amble__reader_of(value.data, value.size);
    const uint16_t start = amble__read_le16(&r), end = amble__read_le16(&r);

    if (amble__read_complete(&r) && start && start <= end)
        amble__client_changed(conn, start, end);
    else
        conn->bearer->att->malformed++;
}

/* Several notifications in one PDU, Vol 3 Part F 3.4.7.4. */
static void receive_several(amble__att_bearer *bearer, amble__reader *pdu)
{
    amble__bytes value;
    uint16_t handle;

    while (amble__att_next_handle_value(pdu, &handle, &value)) {
        amble_subscription *s = subscription_for(bearer->conn->client->client, bearer->conn, handle);

        if (s)
            receive_value(bearer, s, value, false);
    }
    bearer->att->malformed += pdu->failed;
}

static void receive_one(amble__att_bearer *bearer, bool indication, amble__reader *pdu)
{
    const uint16_t handle = amble__read_le16(pdu);
    const amble__bytes value = amble__read_rest(pdu);
    amble_subscription *s;

    if (pdu->failed) {
        bearer->att->malformed++; /* cut off */
        return;
    }
    if (indication && handle == bearer->conn->client->service_changed)
        note_change(bearer->conn, value);
    s = subscription_for(bearer->conn->client->client, bearer->conn, handle);
    if (s)
        receive_value(bearer, s, value, indication);
    else if (indication)
        amble__att_confirm(bearer); /* owed, whether anybody reads it or not */
}

void amble__client_receive(amble__att_bearer *bearer, amble__bytes pdu)
{
    const uint8_t opcode = pdu.data[0];
    amble__reader parameters = amble__reader_over(amble__att_parameters(pdu));

    if (opcode == AMBLE__ATT_MULTIPLE_NOTIFICATION)
        receive_several(bearer, &parameters);
    else
        receive_one(bearer, opcode == AMBLE__ATT_INDICATION, &parameters);
}

/* --- subscribing -------------------------------------------------------------------------------------------------- */
static void return_entries(amble__client *client, amble__list *list)
{
    amble__list *node;

    while ((node = amble__list_take(list)))
        amble__list_append(&client->free_entries, node);
}

static void release(amble_subscription *s)
{
    if (s->confirmations_owed)
        confirm(s);
    amble__timer_stop(&s->confirmation_timer);
    amble__value_queue_end(&s->queue, AMBLE_ERR_STALE);
    return_entries(s->client, &s->queue.free);
    return_entries(s->client, &s->queue.pending);
    return_entries(s->client, &s->queue.viewed);
    s->used = false;
}

/* A subscription with its queue armed; NULL when slots or buffers are used up. */
static amble_subscription *arm(amble__client *client, const amble_remote_characteristic *c, unsigned depth)
{
    amble_subscription *s = client->subscriptions, *end = s + client->subscription_count;

    while (s < end && s->used)
        s++;
    if (s == end)
        return NULL;
    *s = (amble_subscription){.used = true,
                              .conn = c->conn,
                              .generation = c->conn->generation,
                              .value_handle = c->value_handle,
                              .queue.ends = s->queue.ends,
                              .client = client};
    amble__value_queue_init(&s->queue, &client->dropped);
    for (unsigned i = 0; i < depth; i++) {
        amble__list *node = amble__list_take(&client->free_entries);

        if (!node) {
            release(s);
            return NULL;
        }
        amble__value_queue_add(&s->queue, amble__container(node, amble__value_entry, node));
    }
    return s;
}

static int write_cccd(amble_subscription *s, unsigned bits, uint64_t deadline_us)
{
    const uint8_t value[2] = {(uint8_t)bits, 0};

    return amble__client_write(s->conn, s->cccd, value, sizeof value, deadline_us);
}

int amble_subscribe(const amble_remote_characteristic *c, const amble_subscribe_options *options,
                    amble_subscription **out, int timeout_ms)
{
    const bool indicate = options && options->indicate;
    const unsigned depth = options && options->depth ? options->depth : DEFAULT_DEPTH;
    amble__client_call call = amble__client_call_of(c->conn, c->generation, c->value_handle, timeout_ms);
    amble__client *client;
    amble_subscription *s;
    int r = amble__client_check_range(c->conn, c->generation, c->handle, c->end, timeout_ms);

    *out = NULL;
    if (r < 0)
        return r;
    client = c->conn->client->client;
    if (!(c->properties & (indicate ? AMBLE_PROPERTY_INDICATE : AMBLE_PROPERTY_NOTIFY)))
        return AMBLE_ERR_UNSUPPORTED;
    if (subscription_for(client, c->conn, c->value_handle))
        return AMBLE_ERR_BUSY;
    /* One entry more than asked for: the one in view. */
    s = arm(client, c, depth + 1);
    if (!s)
        return AMBLE_ERR_NO_MEMORY;
    s->indicate = indicate;
    do {
        r = amble__client_find_cccd(c, &s->cccd, call.deadline_us);
        if (r == 0)
            r = write_cccd(s, indicate ? AMBLE__CCCD_INDICATE : AMBLE__CCCD_NOTIFY, call.deadline_us);
    } while (amble__client_again(&call, &r));
    r = amble__client_heed(c->conn, r);
    if (r < 0) {
        release(s);
        return r;
    }
    *out = s;
    return 0;
}

/* Confirms if giving back the last value makes room. */
static AMBLE__RARE void confirm_with_room(amble_subscription *s)
{
    amble__value_queue_settle(&s->queue, s->conn);
    if (!amble__value_queue_full(&s->queue))
        confirm(s);
}

int amble_notified(amble_subscription *subscription, amble_value *value, int timeout_ms)
{
    amble_subscription *s = subscription;
    int r = s->confirmations_owed || !s->conn ? amble__wait_check() : 0; /* taking does it, too */

    if (r < 0)
        return r;
    if (!s->conn)
        return amble__wait_refuse(AMBLE_ERR_DISCONNECTED);
    if (s->confirmations_owed)
        confirm_with_room(s);
    r = amble__value_queue_take(&s->queue, s->conn, s->stale ? 0 : timeout_ms, value);
    return s->stale && r == AMBLE_ERR_TIMEOUT ? AMBLE_ERR_STALE : r;
}

void amble_subscription_close(amble_subscription *subscription)
{
    amble_subscription *s = subscription;

    if (!s)
        return;
    if (s->confirmations_owed)
        confirm(s);
    amble__shield_begin();
    if (s->conn && !s->stale && amble__link_check(s->conn, s->generation) == 0)
        (void)write_cccd(s, 0, amble__deadline(UNSUBSCRIBE_MS)); /* a server that does not answer is not waited for */
    amble__shield_end();
    release(s);
}

void amble__client_stale_subscriptions(const amble_connection *conn, uint16_t start, uint16_t end)
{
    const amble__client *client = conn->client->client;

    for (size_t i = 0; i < client->subscription_count; i++) {
        amble_subscription *s = &client->subscriptions[i];

        if (s->used && s->conn == conn && s->value_handle >= start && s->value_handle <= end) {
            s->stale = true; /* what is queued still comes */
            amble__waiters_end(&s->queue.waiters, AMBLE_ERR_STALE);
        }
    }
}

void amble__client_lost(amble_connection *conn)
{
    const amble__client *client = conn->client->client;

    for (size_t i = 0; i < client->subscription_count; i++) {
        amble_subscription *s = &client->subscriptions[i];

        if (s->used && s->conn == conn) {
            amble__timer_stop(&s->confirmation_timer);
            amble__waiters_end(&s->queue.waiters, AMBLE_ERR_DISCONNECTED);
        }
    }
}

void amble__client_forget(amble__client *client, const amble_connection *conn)
{
    for (size_t i = 0; i < client->subscription_count; i++) {
        amble_subscription *s = &client->subscriptions[i];

        if (s->used && s->conn == conn) {
            amble__timer_stop(&s->confirmation_timer);
            amble__waiters_end(&s->queue.waiters, AMBLE_ERR_DISCONNECTED);
            s->conn = NULL;
        }
    }
}

static const amble_subscription *subscription_of(const amble_source *source) { return source->object; }
static bool notified_ready(const amble_source *source)
{
    const amble_subscription *s = subscription_of(source);

    return !s->conn || s->stale || s->conn->end < 0 || amble__value_queue_order(&s->queue) != 0;
}
static amble__list *notified_waiters(const amble_source *source)
{
    return &((amble_subscription *)(uintptr_t)source->object)->queue.waiters;
}
static uint64_t notified_order(const amble_source *source)
{
    return amble__value_queue_order(&subscription_of(source)->queue);
}

amble_source amble_on_notified(amble_subscription *subscription)
{
    static const amble__source_kind kind = {
        .ready = notified_ready, .waiters = notified_waiters, .order = notified_order};

    return (amble_source){.kind = &kind, .object = subscription};
}
