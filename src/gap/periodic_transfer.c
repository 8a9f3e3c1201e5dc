/* Periodic advertising sync transfer: telling the peer of a link where a sender is, and being told.
 *
 * Who waits to be told has a place among the synchronisations, AWAITED. The service task sees to it that the controller
 * takes what the peer of a link tells exactly as long as somebody waits for it: amble_connection.transfer_told is the
 * serial of whom the controller takes it for. What comes although nobody waits any more is ended. */
#include <amble/periodic.h>

#include "gap/gap_room.h"

enum { IGNORED = 0, WITH_REPORTS = 2 }; /* Mode, Vol 4 Part E 7.8.91 */

/* --- telling ------------------------------------------------------------------------------------------------------ */
static int tell(amble_connection *conn, uint16_t opcode, uint16_t service_data, const uint8_t *which, size_t size,
                int timeout_ms)
{
    uint8_t parameters[4];

    amble__put_le16(parameters, service_data);
    memcpy(parameters + 2, which, size);
    return amble__link_ask(conn, opcode, parameters, 2 + size, NULL, 0, timeout_ms);
}

int amble_periodic_transfer(const amble_periodic *periodic, amble_connection *conn, uint16_t service_data,
                            int timeout_ms)
{
    amble__gap *gap;
    const amble__sync *sync = amble__sync_of(periodic, &gap);
    uint8_t handle[2];

    if (!sync)
        return amble__wait_refuse(AMBLE_ERR_STALE);
    if (gap != amble__gap_of(conn->host))
        return AMBLE_ERR_ARGUMENT;
    if (!amble__gap_can(gap, AMBLE__LE_TRANSFER_SENDER))
        return AMBLE_ERR_UNSUPPORTED;
    if (sync->state != AMBLE__SYNC_ON)
        return amble__wait_refuse(AMBLE_ERR_DISCONNECTED);
    amble__put_le16(handle, sync->handle);
    return tell(conn, AMBLE__HCI_LE_TRANSFER_SYNC, service_data, handle, sizeof handle, timeout_ms);
}

/* What it sends has to be on the air. */
static int wait_for_train(const amble_advertiser *advertiser, amble__gap *gap, amble__advertiser *a)
{
    const amble_advertiser copy = *advertiser; /* it may be closed while this waits */
    int r = 0;

    while (r == 0 && !(a->started && a->periodic_on)) {
        if (a->failed)
            return a->failed;
        r = amble__advertiser_wait(gap, a, AMBLE__NEVER);
        if (r == 0 && amble__advertiser_open(&copy, &gap) != a)
            r = AMBLE_ERR_STALE;
    }
    return r;
}

int amble_periodic_transfer_own(const amble_advertiser *advertiser, amble_connection *conn, uint16_t service_data,
                                int timeout_ms)
{
    amble__gap *gap;
    amble__advertiser *a = amble__advertiser_open(advertiser, &gap);
    amble_timeout timeout;
    uint8_t set;
    int r = amble__wait_check();

    if (r < 0)
        return r;
    if (!a || gap->hci->failed)
        return amble__wait_refuse(a ? gap->hci->failed : AMBLE_ERR_STALE);
    if (!a->what.periodic_interval_us || gap != amble__gap_of(conn->host))
        return AMBLE_ERR_ARGUMENT;
    if (!amble__gap_can(gap, AMBLE__LE_TRANSFER_SENDER))
        return AMBLE_ERR_UNSUPPORTED;
    set = (uint8_t)(a - gap->advertisers);
    amble_timeout_begin(&timeout, conn, timeout_ms);
    r = wait_for_train(advertiser, gap, a);
    if (r == 0)
        r = tell(conn, AMBLE__HCI_LE_TRANSFER_SET, service_data, &set, sizeof set, AMBLE_FOREVER);
    return amble_timeout_end(&timeout, r);
}

/* --- being told --------------------------------------------------------------------------------------------------- */
int amble_periodic_accept(amble_connection *conn, amble_periodic *periodic, const amble_periodic_options *options,
                          amble_periodic_sender *sender, int timeout_ms)
{
    amble__gap *gap = amble__gap_of(conn->host);
    amble_timeout timeout;
    amble__sync *sync;
    int r;

    amble__sync_none(gap, periodic);
    if (conn->end < 0)
        return amble__wait_refuse(conn->end);
    sync = amble__sync_begin(gap, periodic, AMBLE__LE_TRANSFER_RECIPIENT, options, &r);
    if (!sync)
        return r;
    sync->conn = conn;
    sync->conn_generation = conn->generation;
    sync->state = AMBLE__SYNC_AWAITED;
    amble_timeout_begin(&timeout, conn, timeout_ms);
    r = amble_timeout_end(&timeout, amble__sync_wait(gap, sync, AMBLE__SYNC_AWAITED, AMBLE__NEVER));
    if (r < 0)
        amble_periodic_close(periodic);
    else if (sender)
        *sender = (amble_periodic_sender){.device = sync->device, .set = sync->set, .service_data = sync->service_data};
    return r;
}

/* For whom the controller is to take what the peer of this link tells; NULL: nobody. */
static amble__sync *awaited_on(const amble__gap *gap, const amble_connection *conn)
{
    amble__sync *oldest = NULL;

    for (uint8_t i = 0; i < gap->sync_count; i++) {
        amble__sync *sync = &gap->syncs[i];

        if (sync->state == AMBLE__SYNC_AWAITED && !sync->failed && sync->conn == conn &&
            sync->conn_generation == conn->generation && (!oldest || sync->serial < oldest->serial))
            oldest = sync;
    }
    return oldest;
}

void amble__sync_transferred(amble__gap *gap, amble__reader *r)
{
    const uint8_t status = amble__read_u8(r);
    const amble_connection *conn = amble__link_by_handle(gap->links, amble__read_le16(r) & 0x0fff);
    const uint16_t service_data = amble__read_le16(r), handle = amble__read_le16(r) & 0x0fff;
    amble_periodic_sender sender = {.set = amble__read_u8(r), .service_data = service_data};
    amble__sync *sync = conn ? awaited_on(gap, conn) : NULL;

    sender.device.type = amble__address_type(amble__read_u8(r));
    amble__read_copy(r, sender.device.bytes, 6);
    if (r->failed) {
        gap->malformed++;
        return;
    }
    if (sync && sync->serial == conn->transfer_told) {
        sync->device = amble__identify(gap, sender.device);
        sync->set = sender.set;
        sync->service_data = service_data;
        amble__sync_made(sync, status, handle);
        amble__gap_work(gap);
    } else if (!status) {
        amble__sync_stray(gap, handle);
    }
}

/* --- the service task's part -------------------------------------------------------------------------------------- */
static void tell_controller(amble__gap *gap, amble_connection *conn, amble__sync *sync)
{
    const uint32_t serial = sync ? sync->serial : 0, generation = conn->generation;
    uint8_t parameters[8] = {0}, reply[2];
    int r;

    amble__put_le16(parameters, conn->handle);
    parameters[2] = sync ? WITH_REPORTS : IGNORED;
    amble__put_le16(parameters + 3, sync ? sync->skip : 0);
    amble__put_le16(parameters + 5, sync ? sync->timeout : AMBLE__SYNC_TIMEOUT_LEAST);
    conn->transfer_told = serial;
    r = amble__hci_command(gap->hci, AMBLE__HCI_LE_SET_TRANSFER_PARAMETERS, parameters, sizeof parameters, reply,
                           sizeof reply);
    if (r >= 0 || conn->generation != generation || !serial)
        return;
    sync = awaited_on(gap, conn);
    if (sync && sync->serial == serial) {
        sync->failed = r;
        amble__waiters_end(&sync->waiters, 0);
    }
}

void amble__serve_transfers(amble__gap *gap)
{
    for (size_t i = 0; i < gap->links->count; i++) {
        amble_connection *conn = &gap->links->slots[i];
        amble__sync *sync = conn->state == AMBLE__LINK_LIVE ? awaited_on(gap, conn) : NULL;

        if (conn->state == AMBLE__LINK_LIVE && (sync ? sync->serial : 0) != conn->transfer_told)
            tell_controller(gap, conn, sync);
    }
}
