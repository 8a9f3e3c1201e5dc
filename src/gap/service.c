/* The service task, and HCI events that concern links.
 *
 * Each round it compares what is wanted with what is so and sends what is missing; it sleeps when nothing is. Events
 * only change what is so, and wake it. It is the only place that disconnects, so what is owed to the wire is done
 * whatever became of the task that caused it. */
#include "core/log.h"
#include "gap/gap_room.h"

void amble__gap_init(amble__gap *gap, amble__arena *arena, const amble__gap_sizes *sizes)
{
    amble__met *met = amble__arena_take(arena, sizes->bonds, sizeof *met);
    amble__advertiser *advertisers = amble__arena_take(arena, sizes->advertisers, sizeof *advertisers);
    /* Its advertising data, and what it sends periodically. */
    uint8_t *bytes = amble__arena_take(arena, 2u * sizes->advertisers, sizes->advertised_size);
    amble__sync *syncs = amble__arena_take(arena, sizes->syncs, sizeof *syncs);
    uint8_t *reports =
        amble__arena_take(arena, (AMBLE__SYNC_REPORTS + 2u) * sizes->syncs, sizes->scanned_size); /* and the view */
    amble__scanner *scanners = amble__arena_take(arena, sizes->scanners, sizeof *scanners);
    /* Of each device, what each scanner shows, and what is being put together. */
    uint8_t *kept = amble__arena_take(arena, sizes->scanned_devices + sizes->scanners + 1u, sizes->scanned_size);
    amble__seen_device *devices = amble__arena_take(arena, sizes->scanned_devices, sizeof *devices);

    if (!gap)
        return;
    gap->met = met;
    gap->advertisers = advertisers;
    gap->advertiser_count = sizes->advertisers;
    for (uint8_t i = 0; advertisers && i < sizes->advertisers; i++) {
        amble__list_init(&advertisers[i].waiters);
        amble__list_init(&advertisers[i].periodic_waiters);
        advertisers[i].what.bytes = bytes + (size_t)2 * i * sizes->advertised_size;
        advertisers[i].periodic = advertisers[i].what.bytes + sizes->advertised_size;
        advertisers[i].what.capacity = sizes->advertised_size;
    }
    gap->syncs = syncs;
    gap->sync_count = sizes->syncs;
    for (uint8_t i = 0; syncs && i < sizes->syncs; i++) {
        amble__list_init(&syncs[i].waiters);
        syncs[i].view = reports + (size_t)i * (AMBLE__SYNC_REPORTS + 2u) * sizes->scanned_size;
        for (unsigned k = 0; k <= AMBLE__SYNC_REPORTS; k++)
            syncs[i].reports[k].bytes = syncs[i].view + (k + 1) * sizes->scanned_size;
    }
    gap->scan = (amble__scan){.scanners = scanners,
                              .scanner_count = sizes->scanners,
                              .devices = devices,
                              .capacity = sizes->scanned_devices,
                              .size = sizes->scanned_size};
    for (size_t i = 0; devices && i < sizes->scanned_devices; i++, kept += sizes->scanned_size)
        devices[i].bytes = kept;
    for (uint8_t i = 0; devices && i < sizes->scanners; i++, kept += sizes->scanned_size) {
        scanners[i].view = kept;
        scanners[i].gap = gap;
        amble__list_init(&scanners[i].waiters);
    }
    gap->scan.assembly.bytes = kept;
    amble__list_init(&gap->connects);
    amble__list_init(&gap->connecting_waiters);
}

void amble__gap_fail(amble__gap *gap, int error)
{
    for (uint8_t i = 0; i < gap->scan.scanner_count; i++)
        amble__timer_stop(&gap->scan.scanners[i].duration);
    amble__timer_stop(&gap->pause);
    amble__timer_stop(&gap->retry);
    amble__timer_stop(&gap->doubt);
    amble__privacy_fail(gap);
    amble__waiters_end(&gap->connecting_waiters, error);
}

/* --- first packets ------------------------------------------------------------------------------------------------ */
/* Asks what the peer can do: its answer is the first packet that proves the link. */
static void serve_features(amble__gap *gap)
{
    for (size_t i = 0; i < gap->links->count; i++) {
        amble_connection *conn = &gap->links->slots[i];
        const uint32_t generation = conn->generation;
        uint8_t handle[2];

        if (conn->state != AMBLE__LINK_LIVE || !conn->central || conn->established || conn->features_asked)
            continue;
        conn->features_asked = true;
        amble__put_le16(handle, conn->handle);
        if (amble__hci_command(gap->hci, AMBLE__HCI_LE_READ_REMOTE_FEATURES, handle, sizeof handle, NULL, 0) < 0 &&
            conn->generation == generation && conn->state == AMBLE__LINK_LIVE)
            amble__gap_established(gap, conn);
    }
}

int amble__gap_service(void *arg)
{
    amble__gap *gap = arg;
    int r;

    while ((r = amble_event_wait(&gap->work, AMBLE_FOREVER)) == 0) {
        if (gap->hci->failed)
            continue;
        if (gap->serve_others)
            gap->serve_others(gap->host);
        amble__serve_disconnects(gap);
        serve_features(gap);
        amble__serve_procedures(gap);
        amble__serve_privacy(gap);
        amble__serve_advertising(gap);
        amble__serve_scan(gap);
        amble__serve_periodic(gap);
        amble__serve_transfers(gap);
        amble__serve_connects(gap);
    }
    return r;
}

/* --- events ------------------------------------------------------------------------------------------------------- */
/* A resolvable address that the controller made or resolved; zeros where it did not. */
static bool read_resolvable(amble__reader *r, amble_device *address)
{
    const uint8_t *bytes = amble__read_view(r, sizeof address->bytes);

    if (!bytes || !bytes[sizeof address->bytes - 1])
        return false;
    address->type = AMBLE_RANDOM;
    memcpy(address->bytes, bytes, sizeof address->bytes);
    return true;
}

/* Who the peer is, and under which addresses both sides met. */
static void read_addresses(const amble__gap *gap, amble__reader *r, bool enhanced, amble__link_parameters *parameters)
{
    parameters->own_address = amble__own_address(gap);
    parameters->device.type = amble__address_type(amble__read_u8(r));
    amble__read_copy(r, parameters->device.bytes, sizeof parameters->device.bytes);
    parameters->peer_address = parameters->device;
    if (enhanced) {
        (void)read_resolvable(r, &parameters->own_address);
        if (read_resolvable(r, &parameters->peer_address))
            return; /* the controller resolved it */
    }
    parameters->device = amble__identify(gap, parameters->peer_address);
}

static void connection_complete(amble__gap *gap, amble__reader *r, bool enhanced)
{
    const uint8_t status = amble__read_u8(r);
    amble__link_parameters parameters = {.handle = amble__read_le16(r) & 0x0fff};
    amble_connection *conn;

    parameters.central = amble__read_u8(r) == 0;
    read_addresses(gap, r, enhanced, &parameters);
    parameters.interval_us = amble__read_le16(r) * 1250u;
    parameters.latency = amble__read_le16(r);
    parameters.supervision_ms = amble__read_le16(r) * 10u;
    (void)amble__read_u8(r); /* clock accuracy */
    if (r->failed) {
        gap->malformed++;
        return;
    }
    if (status) {
        /* Only directed advertising ends with a status, Advertising Timeout; everything else is an attempt of ours. */
        if (status == AMBLE__HCI_ADVERTISING_TIMEOUT)
            amble__advertising_ended(gap, 0, status, NULL);
        else
            amble__connect_failed(gap, status);
        return;
    }
    if (amble__link_by_handle(gap->links, parameters.handle)) {
        gap->malformed++; /* a handle is used once at a time */
        return;
    }
    conn = amble__link_open(gap->links, &parameters);
    if (!conn) {
        if (parameters.central)
            amble__connect_stopped(gap);
        else
            amble__advertised_stray(gap);
        amble__stray_link(gap, parameters.handle);
        return;
    }
    amble__identity_met(gap, conn->device, conn->peer_address);
    if (!parameters.central)
        conn->established = true;
    if (!(parameters.central ? amble__connected_link : amble__advertised_link)(gap, conn))
        conn->disconnect_wanted = true;
    amble__gap_work(gap);
}

static void disconnection_complete(amble__gap *gap, amble__reader *r)
{
    const uint8_t status = amble__read_u8(r);
    const uint16_t handle = amble__read_le16(r) & 0x0fff;
    const uint8_t reason = amble__read_u8(r);
    amble_connection *conn;

    if (r->failed) {
        gap->malformed++;
        return;
    }
    amble__disconnect_ended(gap, handle, status);
    conn = status ? NULL : amble__link_by_handle(gap->links, handle);
    if (!conn)
        return;
    if (!conn->owned) {
        amble__connect_lost(gap, conn, reason);
        amble__advertised_lost(gap, conn);
    }
    amble__link_lose(conn, reason, AMBLE_ERR_DISCONNECTED);
    amble__gap_work(gap);
}

static void remote_features(amble__gap *gap, amble__reader *r)
{
    const uint8_t status = amble__read_u8(r);
    const uint16_t handle = amble__read_le16(r) & 0x0fff;
    amble_connection *conn = r->failed ? NULL : amble__link_by_handle(gap->links, handle);

    /* A failure that is not the link's own end (which is announced apart) still came from a link that works. */
    if (conn && status != AMBLE__HCI_CONNECTION_NOT_ESTABLISHED)
        amble__gap_established(gap, conn);
}

static void set_terminated(amble__gap *gap, amble__reader *r)
{
    const uint8_t status = amble__read_u8(r), set = amble__read_u8(r);
    const uint16_t handle = amble__read_le16(r) & 0x0fff;

    (void)amble__read_u8(r); /* events that were sent */
    if (r->failed)
        gap->malformed++;
    else
        amble__advertising_ended(gap, set, status, status ? NULL : amble__link_by_handle(gap->links, handle));
}

/* From here on a bonded peer goes by its identity. */
static void identify_sender(amble__gap *gap, amble__advertising_report *report)
{
    const amble_device address = report->device;

    if (!report->resolved && amble__host_resolves(gap))
        report->device = amble__identify(gap, address);
    if (report->resolved)
        amble__identity_resolved(gap, report->device);
    else if (report->type == AMBLE__REPORT_CONNECTABLE || report->type == AMBLE__REPORT_DIRECTED)
        amble__identity_heard(gap, report->device, address);
    if (report->periodic_interval_us)
        amble__sync_heard(gap, report->device, report->set, address);
}

/* Several reports may lie in one event; of each the fields follow each other. Vol 4 Part E 7.7.65.2 */
static void legacy_reports(amble__gap *gap, amble__reader *r)
{
    const unsigned count = amble__read_u8(r);

    for (unsigned i = 0; i < count; i++) {
        amble__advertising_report report = {.type = amble__read_u8(r), .set = AMBLE__NO_SET, .phy = AMBLE_PHY_1M};
        uint8_t address_type;

        address_type = amble__read_u8(r);
        report.device.type = amble__address_type(address_type);
        report.resolved = address_type & AMBLE__ADDRESS_RESOLVED;
        amble__read_copy(r, report.device.bytes, 6);
        report.data.size = amble__read_u8(r);
        report.data.data = amble__read_view(r, report.data.size);
        report.rssi = (int8_t)amble__read_u8(r);
        if (r->failed) {
            gap->malformed++;
            return;
        }
        identify_sender(gap, &report);
        amble__scan_report(gap, &report);
    }
}

enum { NEITHER = 3 }; /* connectable nor scannable */

/* The kind of an extended report as a legacy event type. 7.7.65.13 */
static uint8_t legacy_type(uint16_t properties)
{
    enum { CONNECTABLE = 0x01, SCANNABLE = 0x02, DIRECTED = 0x04, RESPONSE = 0x08 };

    if (properties & RESPONSE)
        return AMBLE__REPORT_RESPONSE;
    if (properties & CONNECTABLE)
        return properties & DIRECTED ? AMBLE__REPORT_DIRECTED : AMBLE__REPORT_CONNECTABLE;
    return properties & SCANNABLE ? AMBLE__REPORT_SCANNABLE : NEITHER;
}

static amble__advertising_report read_extended(amble__reader *r)
{
    enum { LEGACY = 0x10, MORE = 0x20, TRUNCATED = 0x40, NOBODY = 0xff, UNIT_1250_US = 1250 };
    const uint16_t properties = amble__read_le16(r);
    const uint8_t address_type = amble__read_u8(r);
    amble__advertising_report report = {.type = legacy_type(properties),
                                        .extended = !(properties & LEGACY),
                                        .more = properties & MORE,
                                        .truncated = properties & TRUNCATED,
                                        .anonymous = address_type == NOBODY,
                                        .resolved = address_type & AMBLE__ADDRESS_RESOLVED};
    uint8_t primary, secondary;

    report.device.type = amble__address_type(address_type);
    amble__read_copy(r, report.device.bytes, 6);
    if (report.anonymous)
        report.device = (amble_device){.type = AMBLE_PUBLIC};
    primary = amble__read_u8(r);
    secondary = amble__read_u8(r);
    report.phy = secondary >= AMBLE_PHY_1M && secondary <= AMBLE_PHY_CODED ? (amble_phy)secondary
                 : primary == AMBLE_PHY_CODED                              ? AMBLE_PHY_CODED
                                                                           : AMBLE_PHY_1M;
    report.set = amble__read_u8(r);
    if (!report.extended)
        report.set = AMBLE__NO_SET;
    (void)amble__read_u8(r); /* transmit power */
    report.rssi = (int8_t)amble__read_u8(r);
    report.periodic_interval_us = amble__read_le16(r) * (uint32_t)UNIT_1250_US;
    (void)amble__read_view(r, 7); /* direct address */
    report.data.size = amble__read_u8(r);
    report.data.data = amble__read_view(r, report.data.size);
    return report;
}

static void extended_reports(amble__gap *gap, amble__reader *r)
{
    enum { NOBODY = 0xff };
    const unsigned count = amble__read_u8(r);

    for (unsigned i = 0; i < count; i++) {
        amble__advertising_report report = read_extended(r);

        if (r->failed) {
            gap->malformed++;
            return;
        }
        if (report.anonymous && (!report.extended || report.type != NEITHER)) { /* Vol 6 Part B 2.3.1.5 */
            gap->malformed++;
            continue;
        }
        identify_sender(gap, &report);
        amble__scan_part(gap, &report);
    }
}

void amble__gap_event(amble__gap *gap, uint8_t code, amble__reader *parameters)
{
    if (code == AMBLE__EVENT_DISCONNECTION_COMPLETE) {
        disconnection_complete(gap, parameters);
        return;
    }
    if (code != AMBLE__EVENT_LE_META)
        return;
    switch (amble__read_u8(parameters)) {
    case AMBLE__LE_CONNECTION_COMPLETE:
        connection_complete(gap, parameters, false);
        break;
    case AMBLE__LE_ENHANCED_CONNECTION_COMPLETE:
        connection_complete(gap, parameters, true);
        break;
    case AMBLE__LE_ADVERTISING_REPORT:
        legacy_reports(gap, parameters);
        break;
    case AMBLE__LE_EXTENDED_ADVERTISING_REPORT:
        extended_reports(gap, parameters);
        break;
    case AMBLE__LE_REMOTE_FEATURES_COMPLETE:
        remote_features(gap, parameters);
        break;
    case AMBLE__LE_CONNECTION_UPDATE_COMPLETE:
        amble__parameters_event(gap, parameters);
        break;
    case AMBLE__LE_SYNC_ESTABLISHED:
        amble__sync_established(gap, parameters);
        break;
    case AMBLE__LE_PERIODIC_REPORT:
        amble__sync_report(gap, parameters);
        break;
    case AMBLE__LE_SYNC_TRANSFERRED:
        amble__sync_transferred(gap, parameters);
        break;
    case AMBLE__LE_SYNC_LOST:
        amble__sync_lost(gap, parameters);
        break;
    case AMBLE__LE_ADVERTISING_SET_TERMINATED:
        set_terminated(gap, parameters);
        break;
    case AMBLE__LE_REMOTE_PARAMETER_REQUEST:
        amble__parameters_request_event(gap, parameters);
        break;
    case AMBLE__LE_DATA_LENGTH_CHANGE:
        amble__data_length_event(gap, parameters);
        break;
    case AMBLE__LE_PHY_UPDATE_COMPLETE:
        amble__phy_event(gap, parameters);
        break;
    default:
        break; /* masked out, or news that concern nobody here */
    }
}
