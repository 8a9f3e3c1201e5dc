/* amble_connect, and the service task's part of it: one initiator for any number of waiting tasks.
 *
 * Requests with the same options form a group: the controller connects to whichever of them it hears first, through its
 * accept list. Others queue behind the group, each with its own deadline. When a group changes, the attempt is
 * cancelled and begun anew; between the cancel and the controller's last word nothing else is started, so the next
 * attempt works at once.
 *
 * A link is handed over when its first packet was seen. If there is none (0x3E) the attempt is repeated and counted,
 * after a pause that chance decides: two centrals that answered the same advertisement at the same moment must not do
 * so again and again. Invariants: `connecting` is true from before the command until the Connection Complete that ends
 * it; a request with a `conn` belongs to no group. */
#include "core/log.h"
#include "gap/gap_room.h"

enum {
    DEFAULT_SCAN_US = 60000,
    LEAST_SCAN_US = 2500,
    MOST_SCAN_US = 10240000,
    CANCEL_MS = 2000,
    PAUSE_US = 20000, /* before the first repetition, at most; twice as long before each further one */
    MOST_DOUBLINGS = 6,
};

/* --- requests ----------------------------------------------------------------------------------------------------- */
static amble__connect_request *request_of(amble__list *node)
{
    return amble__container(node, amble__connect_request, node);
}

static amble__connect_request *request_for(const amble__gap *gap, amble_device device)
{
    for (amble__list *node = gap->connects.next; node != &gap->connects; node = node->next)
        if (amble_device_equal(request_of(node)->device, device))
            return request_of(node);
    return NULL;
}

static amble__connect_request *request_with(const amble__gap *gap, const amble_connection *conn)
{
    for (amble__list *node = gap->connects.next; node != &gap->connects; node = node->next)
        if (request_of(node)->conn == conn)
            return request_of(node);
    return NULL;
}

/* Whether somebody has a link to this device. One that nobody has is on its way out: a connect waits for its end. */
static bool has_link(const amble__gap *gap, amble_device device)
{
    const amble_connection *conn = amble__link_by_device(gap->links, device);

    return conn && (conn->owned || !conn->disconnect_wanted);
}

static void or_default(uint32_t *value, uint32_t otherwise)
{
    if (!*value)
        *value = otherwise;
}

static int take_options(amble_connect_options *out, const amble_connect_options *options)
{
    static const amble_connect_options defaults = {0};
    amble_parameters parameters;

    *out = options ? *options : defaults;
    or_default(&out->scan_interval_us, DEFAULT_SCAN_US);
    or_default(&out->scan_window_us, out->scan_interval_us < DEFAULT_SCAN_US ? out->scan_interval_us : DEFAULT_SCAN_US);
    parameters =
        (amble_parameters){out->min_interval_us, out->max_interval_us, out->latency, out->supervision_timeout_ms};
    if (out->scan_interval_us > MOST_SCAN_US || out->scan_window_us < LEAST_SCAN_US ||
        out->scan_window_us > out->scan_interval_us || amble__parameters_take(&parameters) < 0)
        return AMBLE_ERR_ARGUMENT;
    out->min_interval_us = parameters.min_interval_us;
    out->max_interval_us = parameters.max_interval_us;
    out->supervision_timeout_ms = parameters.supervision_timeout_ms;
    return 0;
}

static bool same_options(const amble_connect_options *a, const amble_connect_options *b)
{
    return a->scan_interval_us == b->scan_interval_us && a->scan_window_us == b->scan_window_us &&
           a->min_interval_us == b->min_interval_us && a->max_interval_us == b->max_interval_us &&
           a->latency == b->latency && a->supervision_timeout_ms == b->supervision_timeout_ms && a->coded == b->coded;
}

/* The end of a request's wait: the link it got, or why not. */
static int conclude(amble__gap *gap, amble__connect_request *request, int r, amble_connection **conn)
{
    /* A link that nobody owned yet is FREE when the controller was lost before this task ran. */
    amble_connection *made = request->conn && request->conn->state != AMBLE__LINK_FREE ? request->conn : NULL;

    amble__list_remove(&request->node);
    if (amble__list_empty(&gap->connects)) { /* the next connect begins at once */
        amble__timer_stop(&gap->pause);
        amble__timer_stop(&gap->doubt);
        gap->repeats = 0;
    }
    amble__gap_work(gap);
    /* A link that was announced before the time was over is returned; its first packet is not waited for any longer. */
    if (made && (r == 0 || r == AMBLE_ERR_TIMEOUT)) {
        made->owned = true;
        *conn = made;
        return 0;
    }
    if (made)
        made->disconnect_wanted = true;
    return r;
}

int amble_connect(amble *ble, amble_device device, const amble_connect_options *options, amble_connection **conn,
                  int timeout_ms)
{
    amble__gap *gap = amble__gap_of(ble);
    amble__connect_request request = {.device = amble__identify(gap, device)};
    int r = amble__wait_check();

    *conn = NULL;
    if (r < 0)
        return r;
    if (!amble_device_equal(request.device,
                            device)) /* that private address was heard, or how would the caller know it? */
        amble__identity_heard(gap, request.device, device);
    if (gap->hci->failed)
        return amble__wait_refuse(gap->hci->failed);
    r = take_options(&request.options, options);
    if (r < 0)
        return r;
    if (request.options.coded && !amble__gap_hears_coded(gap))
        return AMBLE_ERR_UNSUPPORTED;
    if (request_for(gap, request.device) || has_link(gap, request.device))
        return amble__wait_refuse(AMBLE_ERR_BUSY);
    if (!amble__link_slot_coming(gap->links))
        return amble__wait_refuse(AMBLE_ERR_NO_MEMORY);
    amble__wait_begin(&request.wait, &request.on_closing, gap->closings);
    amble__list_append(&gap->connects, &request.node);
    amble__gap_work(gap);
    r = amble__wait_run(&request.wait, timeout_ms);
    return conclude(gap, &request, r, conn);
}

/* --- events ------------------------------------------------------------------------------------------------------- */
void amble__connect_stopped(amble__gap *gap)
{
    gap->connecting = false;
    amble__gap_note(gap, AMBLE__TRACE_CONNECTING, false);
    gap->scan.blocked = false;
    amble__list_each (node, &gap->connects)
        request_of(node)->in_group = false;
    amble__waiters_end(&gap->connecting_waiters, 0);
    amble__gap_work(gap);
}

/* Gives a link that works to the task that waits for it. */
static void hand_over(amble__gap *gap, amble_connection *conn)
{
    amble__connect_request *request = request_with(gap, conn);

    if (!request || amble__wait_ended(&request->wait))
        return;
    conn->owned = true;
    amble__wait_end(&request->wait, 0);
}

bool amble__connected_link(amble__gap *gap, amble_connection *conn)
{
    amble__connect_request *request = request_for(gap, conn->device);

    amble__connect_stopped(gap);
    if (!request || amble__wait_ended(&request->wait) || request->conn)
        return false;
    request->conn = conn;
    conn->left_open = request->options.unencrypted;
    if (conn->established) /* by data that came before the event and was parked */
        hand_over(gap, conn);
    else if (!gap->reads_remote_features)
        amble__gap_established(gap, conn);
    return true;
}

void amble__gap_established(amble__gap *gap, amble_connection *conn)
{
    if (conn->established)
        return;
    conn->established = true;
    gap->repeats = 0;
    if (conn->left_open || !gap->greet || !gap->greet(conn))
        hand_over(gap, conn);
}

void amble__gap_greeted(amble__gap *gap, amble_connection *conn) { hand_over(gap, conn); }

static void pause_is_over(amble__timer *timer) { amble__gap_work(amble__container(timer, amble__gap, pause)); }

static void repeat_after_a_pause(amble__gap *gap)
{
    const unsigned doublings = gap->repeats < MOST_DOUBLINGS ? gap->repeats : MOST_DOUBLINGS;
    uint8_t dice[2];

    gap->connect_repeated++;
    if (amble__list_empty(&gap->connects))
        return;
    gap->repeats++;
    amble__random_bytes(amble__scheduler_random(), dice, sizeof dice);
    gap->pause.fire = pause_is_over;
    amble__timer_start(&gap->pause,
                       amble_now_us() + ((uint64_t)amble__get_le16(dice) * ((uint64_t)PAUSE_US << doublings) >> 16));
}

void amble__connect_overtaken(amble__gap *gap, amble_device device)
{
    amble__connect_request *request = request_for(gap, device);

    if (request && !request->conn)
        amble__wait_end(&request->wait, AMBLE_ERR_BUSY);
}

void amble__connect_failed(amble__gap *gap, uint8_t status)
{
    if (status == AMBLE__HCI_CONNECTION_NOT_ESTABLISHED)
        repeat_after_a_pause(gap);
    else if (status != AMBLE__HCI_UNKNOWN_CONNECTION) /* which answers a cancel */
        amble__list_each (node, &gap->connects)
            if (request_of(node)->in_group)
                amble__wait_end(&request_of(node)->wait, AMBLE_ERR_HCI(status));
    amble__connect_stopped(gap);
}

void amble__connect_lost(amble__gap *gap, const amble_connection *conn, uint8_t reason)
{
    amble__connect_request *request = request_with(gap, conn);

    if (!request)
        return;
    request->conn = NULL;
    if (reason == AMBLE__HCI_CONNECTION_NOT_ESTABLISHED)
        repeat_after_a_pause(gap);
    else
        amble__wait_end(&request->wait, AMBLE_ERR_HCI(reason));
}

void amble__write_link_wishes(amble__writer *w, const amble_connect_options *options)
{
    const amble_parameters parameters = {options->min_interval_us, options->max_interval_us, options->latency,
                                         options->supervision_timeout_ms};

    amble__parameters_write(w, &parameters);
}

/* --- the service task's part -------------------------------------------------------------------------------------- */
static bool wants_link(const amble__gap *gap, const amble__connect_request *request)
{
    return !amble__wait_ended(&request->wait) && !request->conn && !amble__link_by_device(gap->links, request->device);
}

/* And can be begun: it is known where. */
static bool waiting(const amble__gap *gap, const amble__connect_request *request, amble_device *address)
{
    uint64_t until_us;

    return wants_link(gap, request) && amble__identity_found(gap, request->device, address, &until_us);
}

bool amble__connect_needs_scan(const amble__gap *gap, amble_connect_options *options)
{
    amble_device address;

    for (amble__list *node = gap->connects.next; node != &gap->connects; node = node->next) {
        if (!wants_link(gap, request_of(node)) || waiting(gap, request_of(node), &address))
            continue;
        *options = request_of(node)->options;
        return true;
    }
    return false;
}

/* Who would be in a group that is formed now: the oldest waiting request and all that ask for the same. Calls for each;
 * returns how many. */
static unsigned form_group(amble__gap *gap, bool mark)
{
    const amble__connect_request *oldest = NULL;
    unsigned count = 0;

    for (amble__list *node = gap->connects.next; node != &gap->connects; node = node->next) {
        amble__connect_request *request = request_of(node);
        amble_device address;

        if (!waiting(gap, request, &address) || count == gap->accept_list_size)
            continue;
        if (!oldest)
            oldest = request;
        if (!same_options(&oldest->options, &request->options))
            continue;
        count++;
        if (!mark)
            continue;
        request->in_group = true;
        request->address = address;
    }
    return count;
}

/* Whether the group under way is the one that would be formed now. */
static bool group_is_current(amble__gap *gap)
{
    unsigned count = 0;

    for (amble__list *node = gap->connects.next; node != &gap->connects; node = node->next) {
        const amble__connect_request *request = request_of(node);
        amble_device address;

        count += waiting(gap, request, &address) && request->in_group && amble_device_equal(address, request->address);
    }
    return count == gap->group_size && form_group(gap, false) == gap->group_size;
}

void amble__connect_hush(amble__gap *gap)
{
    int r;

    if (!gap->connecting)
        return;
    r = amble__hci_command(gap->hci, AMBLE__HCI_LE_CREATE_CONNECTION_CANCEL, NULL, 0, NULL, 0);

    /* Refused when the link was made just now: its Connection Complete is on its way, as is the one that a cancel
     * causes. */
    if (gap->connecting && (r == 0 || r == AMBLE_ERR_HCI(AMBLE__HCI_COMMAND_DISALLOWED)))
        r = amble__wait_on(&gap->connecting_waiters, CANCEL_MS);
    if (r == AMBLE_ERR_TIMEOUT)
        amble__hci_lose(gap->hci, "the controller did not end a cancelled connection attempt");
}

static int fill_accept_list(amble__gap *gap)
{
    int r = amble__hci_command(gap->hci, AMBLE__HCI_LE_CLEAR_ACCEPT_LIST, NULL, 0, NULL, 0);
    amble_device devices[UINT8_MAX];
    unsigned count = 0;

    for (amble__list *node = gap->connects.next; node != &gap->connects; node = node->next)
        if (request_of(node)->in_group && count < UINT8_MAX)
            devices[count++] = request_of(node)->address;
    for (unsigned i = 0; r >= 0 && i < count; i++) {
        uint8_t entry[7] = {(uint8_t)devices[i].type};

        memcpy(entry + 1, devices[i].bytes, 6);
        r = amble__hci_command(gap->hci, AMBLE__HCI_LE_ADD_TO_ACCEPT_LIST, entry, sizeof entry, NULL, 0);
    }
    return r;
}

static void in_doubt(amble__timer *timer) { amble__gap_work(amble__container(timer, amble__gap, doubt)); }

/* The service task comes round when one of the group is not to be found there any more. */
static void watch_addresses(amble__gap *gap)
{
    uint64_t earliest = UINT64_MAX;

    for (amble__list *node = gap->connects.next; node != &gap->connects; node = node->next) {
        amble_device address;
        uint64_t until_us;

        if (request_of(node)->in_group && amble__identity_found(gap, request_of(node)->device, &address, &until_us) &&
            until_us < earliest)
            earliest = until_us;
    }
    gap->doubt.fire = in_doubt;
    if (earliest != UINT64_MAX)
        amble__timer_start(&gap->doubt, earliest);
}

static int start_group(amble__gap *gap, const amble_connect_options *options, const amble_device *peer)
{
    int r = peer ? 0 : fill_accept_list(gap);

    if (r < 0)
        return r;
    gap->connecting = true;
    amble__gap_note(gap, AMBLE__TRACE_CONNECTING, true);
    r = gap->commands->start_connecting(gap, options, peer);
    if (r == AMBLE_ERR_HCI(AMBLE__HCI_COMMAND_DISALLOWED) && gap->scan.on) {
        /* Some controllers cannot scan and connect at once: the scan makes way. */
        gap->scan.blocked = true;
        amble__scan_hush(gap);
        r = gap->commands->start_connecting(gap, options, peer);
    }
    return r;
}

void amble__serve_connects(amble__gap *gap)
{
    amble_connect_options options = {0};
    amble_device peer = {.type = AMBLE_PUBLIC};
    int r;

    if (gap->connecting) {
        if (group_is_current(gap))
            watch_addresses(gap);
        else
            amble__connect_hush(gap);
        return;
    }
    if (gap->pause.armed || !amble__link_slot_free(gap->links))
        return;
    gap->group_size = form_group(gap, true);
    if (gap->group_size == 0)
        return;
    watch_addresses(gap);
    for (amble__list *node = gap->connects.previous; node != &gap->connects; node = node->previous) {
        if (request_of(node)->in_group) {
            options = request_of(node)->options;
            peer = request_of(node)->address;
        }
    }
    r = start_group(gap, &options, gap->group_size == 1 ? &peer : NULL);
    if (r >= 0)
        return;
    amble__list_each (node, &gap->connects)
        if (request_of(node)->in_group)
            amble__wait_end(&request_of(node)->wait, r);
    amble__connect_stopped(gap);
}
