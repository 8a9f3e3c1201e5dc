/* amble_advertise, and the service task's part of it.
 *
 * Invariants: `advertise_on` is set before the controller is told to start, because a central may connect before the answer to that command is
 * handled; a link belongs to the request whose serial is on the air, to nobody otherwise. */
#include "core/log.h"
#include "gap/gap_room.h"

enum { DEFAULT_INTERVAL_US = 250000, LEAST_INTERVAL_US = 20000, MOST_INTERVAL_US = 10240000 };

static int use_raw(const amble_advertise_options *options, amble__advertisement *what)
{
    if (options->data_size > AMBLE__ADVERTISING_DATA || options->response_size > AMBLE__ADVERTISING_DATA)
        return AMBLE_ERR_TOO_LONG;
    if ((options->data_size && !options->data) || (options->response_size && !options->response))
        return AMBLE_ERR_ARGUMENT;
    what->data_size = (uint8_t)options->data_size;
    what->response_size = (uint8_t)options->response_size;
    if (options->data)
        memcpy(what->data, options->data, what->data_size);
    if (options->response)
        memcpy(what->response, options->response, what->response_size);
    return 0;
}

static int compose(const amble__gap *gap, const amble_advertise_options *options, amble__advertisement *what)
{
    static const amble_advertise_options defaults = {0};

    if (!options)
        options = &defaults;
    *what = (amble__advertisement){.connectable = !options->not_connectable,
                                   .interval_us = options->interval_us ? options->interval_us : DEFAULT_INTERVAL_US};
    if (what->interval_us < LEAST_INTERVAL_US || what->interval_us > MOST_INTERVAL_US)
        return AMBLE_ERR_ARGUMENT;
    if (options->data || options->response)
        return use_raw(options, what);
    return amble__advertising_data(options, gap->name, what);
}

int amble_advertise(amble *ble, const amble_advertise_options *options, amble_connection **conn, int timeout_ms)
{
    amble__gap *gap = amble__gap_of(ble);
    amble__advertise_request request = {.conn = NULL};
    int r = amble__wait_check();

    if (conn)
        *conn = NULL;
    if (r < 0)
        return r;
    if (gap->hci->failed)
        return amble__wait_refuse(gap->hci->failed);
    if (gap->advertising)
        return amble__wait_refuse(AMBLE_ERR_BUSY);
    r = compose(gap, options, &request.what);
    if (r < 0)
        return r;
    if (request.what.connectable && (!conn || !amble__link_slot_coming(gap->links)))
        return conn ? amble__wait_refuse(AMBLE_ERR_NO_MEMORY) : AMBLE_ERR_ARGUMENT;
    request.serial = ++gap->advertise_serial;
    amble__wait_init(&request.wait);
    amble__wait_add(&request.wait, &request.on_closing, gap->closings);
    gap->advertising = &request;
    amble__gap_work(gap);
    r = amble__wait_run(&request.wait, timeout_ms);
    gap->advertising = NULL;
    amble__gap_work(gap);
    if (r == 0 && conn)
        *conn = request.conn;
    return r == AMBLE_ERR_TIMEOUT && !request.what.connectable ? 0 : r;
}

bool amble__advertised_link(amble__gap *gap, amble_connection *conn)
{
    amble__advertise_request *request = gap->advertising;
    const uint32_t on = gap->advertise_on;

    amble__gap_note(gap, AMBLE__TRACE_ADVERTISING, false);
    gap->advertise_on = 0; /* the controller stops by itself */
    if (!request || request->wait.ended || request->serial != on)
        return false;
    request->conn = conn;
    amble__wait_end(&request->wait, 0);
    return true;
}

void amble__serve_advertising(amble__gap *gap)
{
    amble__advertise_request *request = gap->advertising;
    const uint32_t wanted = request && !request->wait.ended ? request->serial : 0;
    amble__advertisement what;
    int r;

    if (gap->advertise_on && gap->advertise_on != wanted) {
        r = gap->commands->stop_advertising(gap);
        /* When a central came meanwhile it has stopped by itself. */
        if (r < 0 && gap->advertise_on && !gap->hci->failed) {
            amble__log(AMBLE__LOG_WARNING, "%s: advertising did not stop and is stopped again: %s", gap->hci->instance,
                       amble_error_text(r));
            amble__gap_retry(gap);
            return;
        }
        gap->advertise_on = 0;
        amble__gap_note(gap, AMBLE__TRACE_ADVERTISING, false);
        amble__gap_work(gap); /* the request may be another one meanwhile */
        return;
    }
    if (!wanted || gap->advertise_on || (request->what.connectable && !amble__link_slot_free(gap->links)))
        return;
    what = request->what; /* the request may go away while the commands are under way */
    gap->advertise_on = wanted;
    amble__gap_note(gap, AMBLE__TRACE_ADVERTISING, true);
    r = gap->commands->start_advertising(gap, &what);
    if (r >= 0)
        return;
    gap->advertise_on = 0;
    amble__log(AMBLE__LOG_INFO, "%s: advertising did not start: %s", gap->hci->instance, amble_error_text(r));
    if (gap->advertising && gap->advertising->serial == wanted)
        amble__wait_end(&gap->advertising->wait, r);
}
