/* Commands and events. Invariants: two pending commands never have the same opcode, so an answer belongs to one;
 * credits are what the controller said last, less what was sent since. */
#include "hci/hci.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/log.h"
#include "core/rare.h"

enum { PART_MS = 250 }; /* of the time that a controller has, see give_time */

void amble__hci_init(amble__hci *hci, const amble__hci_callbacks *callbacks, void *user)
{
    *hci = (amble__hci){.callbacks = callbacks, .user = user, .instance = "", .command_credits = 1};
    for (int i = 0; i < AMBLE__HCI_PENDING; i++)
        hci->pending[i].hci = hci;
    amble__list_init(&hci->command_waiters);
    amble__list_init(&hci->closings);
    amble__list_init(&hci->links);
    amble__list_init(&hci->turns);
}

void amble__hci_fail(amble__hci *hci, int error)
{
    if (hci->failed)
        return;
    hci->failed = error;
    for (int i = 0; i < AMBLE__HCI_PENDING; i++) {
        hci->pending[i].busy = false;
        amble__timer_stop(&hci->pending[i].timer);
    }
    amble__waiters_end(&hci->closings, error);
}

void amble__hci_lose(amble__hci *hci, const char *format, ...)
{
    va_list arguments;

    if (hci->failed)
        return;
    va_start(arguments, format);
    (void)vsnprintf(hci->lost, sizeof hci->lost, format, arguments); /* may be cut */
    va_end(arguments);
    amble__log(AMBLE__LOG_ERROR, "%s: %s; reset it and open it again", hci->instance, hci->lost);
    hci->callbacks->failed(hci->user, AMBLE_ERR_CONTROLLER);
}

/* --- sending commands --------------------------------------------------------------------------------------------- */
/* In parts: of a process that the machine does not let run one part passes, and the controller, which may be simulated
 * on the same machine, has the others to answer in. */
static void give_time(amble__hci_pending *pending)
{
    const int part_ms = pending->left_ms < PART_MS ? pending->left_ms : PART_MS;

    pending->left_ms -= part_ms;
    amble__timer_start(&pending->timer, amble__deadline(part_ms));
}

static void unanswered(amble__timer *timer)
{
    amble__hci_pending *pending = amble__container(timer, amble__hci_pending, timer);

    if (pending->left_ms)
        give_time(pending);
    else
        amble__hci_lose(pending->hci, "the controller did not answer command 0x%04X in time", pending->opcode);
}

static bool gives_time(const amble__hci *hci)
{
    for (int i = 0; i < AMBLE__HCI_PENDING; i++)
        if (hci->pending[i].timer.armed)
            return true;
    return false;
}

/* A free place for a command with this opcode, or NULL when it has to wait. */
static amble__hci_pending *free_place(amble__hci *hci, uint16_t opcode)
{
    amble__hci_pending *place = NULL;

    if (hci->command_credits == 0)
        return NULL;
    for (int i = 0; i < AMBLE__HCI_PENDING; i++) {
        if (!hci->pending[i].busy)
            place = &hci->pending[i];
        else if (hci->pending[i].opcode == opcode)
            return NULL;
    }
    return place;
}

static int wait_in(amble__hci *hci, amble__wait *wait, amble__list *list, uint64_t deadline_us)
{
    amble__waiter on_list, on_closing;

    if (list)
        amble__wait_add(wait, &on_list, list);
    amble__wait_add(wait, &on_closing, &hci->closings);
    return amble__wait_run_until(wait, deadline_us);
}

static int wait_for_place(amble__hci *hci, uint16_t opcode, amble__hci_pending **place)
{
    while (!(*place = free_place(hci, opcode))) {
        amble__wait wait;
        int r;

        amble__wait_init(&wait);
        r = wait_in(hci, &wait, &hci->command_waiters, amble__deadline(AMBLE__HCI_COMMAND_TIMEOUT_MS));
        if (r == AMBLE_ERR_TIMEOUT && !gives_time(hci)) /* no answer to anybody meanwhile */
            amble__hci_lose(hci, "the controller takes no more commands");
        if (r == 0 || r == AMBLE_ERR_TIMEOUT)
            r = hci->failed; /* it may have failed after this task was woken */
        if (r < 0)
            return r;
    }
    return 0;
}

/* Of a command with a key in it only the opcode and the length may be traced. */
static bool is_secret(uint16_t opcode)
{
    return opcode == AMBLE__HCI_LE_ENABLE_ENCRYPTION || opcode == AMBLE__HCI_LE_KEY_REPLY ||
           opcode == AMBLE__HCI_LE_ENCRYPT;
}

/* So much of an event may be traced: not what LE Encrypt gave, which keys are made of, nor random numbers, nor a shared
 * secret. */
static size_t open_part(const uint8_t *packet, size_t size)
{
    enum { REPLY_STATUS = 6, SHARED_STATUS = 4 }; /* what ends there: the header and a status */
    const uint16_t opcode = size >= REPLY_STATUS ? amble__get_le16(packet + 3) : 0;
    size_t open = size;

    if (packet[0] == AMBLE__EVENT_COMMAND_COMPLETE && (opcode == AMBLE__HCI_LE_ENCRYPT || opcode == AMBLE__HCI_LE_RAND))
        open = REPLY_STATUS;
    if (packet[0] == AMBLE__EVENT_LE_META && size > SHARED_STATUS && packet[2] == AMBLE__LE_DHKEY)
        open = SHARED_STATUS;
    return open;
}

/* Overwrites what the stack would keep. */
static void forget(volatile uint8_t *bytes, size_t size)
{
    while (size--)
        bytes[size] = 0;
}

static int write_command(amble__hci *hci, uint16_t opcode, const void *parameters, size_t size)
{
    uint8_t packet[1 + AMBLE__HCI_COMMAND_HEADER + AMBLE__HCI_PARAMETERS_MAX] = {AMBLE__PACKET_COMMAND};
    int r;

    if (size > AMBLE__HCI_PARAMETERS_MAX)
        return AMBLE_ERR_ARGUMENT;
    amble__put_le16(packet + 1, opcode);
    packet[3] = (uint8_t)size;
    if (size)
        memcpy(packet + 4, parameters, size);
    amble__trace_at(&hci->trace, COMMAND, AMBLE__NO_HANDLE, packet + 1,
                    AMBLE__HCI_COMMAND_HEADER + (is_secret(opcode) ? 0 : size));
    r = hci->callbacks->write(hci->user, packet, 1 + AMBLE__HCI_COMMAND_HEADER + size);
    if (is_secret(opcode))
        forget(packet, sizeof packet);
    return r;
}

int amble__hci_ask(amble__hci *hci, uint16_t opcode, const void *parameters, size_t size, const amble__hci_reply *reply)
{
    amble__hci_pending *place;
    amble__wait wait;
    int r = hci->failed ? hci->failed : amble__wait_check();

    if (r < 0 || (r = wait_for_place(hci, opcode, &place)) < 0)
        return r;
    r = write_command(hci, opcode, parameters, size);
    if (r < 0)
        return r;
    amble__wait_init(&wait);
    hci->command_credits--;
    place->busy = true;
    place->opcode = opcode;
    place->wait = &wait;
    place->reply = *reply;
    place->timer.fire = unanswered;
    place->left_ms = reply->patience_ms;
    if (reply->patience_ms != AMBLE_FOREVER)
        give_time(place);
    r = wait_in(hci, &wait, NULL, AMBLE__NEVER);
    if (place->wait == &wait)
        place->wait = NULL;
    return r;
}

int amble__hci_command(amble__hci *hci, uint16_t opcode, const void *parameters, size_t size, void *reply,
                       size_t reply_size)
{
    const amble__hci_reply to = {.data = reply, .size = reply_size, .patience_ms = AMBLE__HCI_COMMAND_TIMEOUT_MS};

    return amble__hci_ask(hci, opcode, parameters, size, &to);
}

/* --- answers ------------------------------------------------------------------------------------------------------ */
static int take_reply(const amble__hci_reply *reply, amble__reader *parameters)
{
    const size_t left = amble__read_left(parameters);

    if (reply->taken && left > reply->size)
        return AMBLE_ERR_TOO_LONG;
    if (reply->taken)
        *reply->taken = left;
    amble__read_copy(parameters, reply->data, reply->taken ? left : reply->size);
    return parameters->failed ? AMBLE_ERR_PROTOCOL : 0;
}

static void answered(amble__hci *hci, uint16_t opcode, amble__reader *parameters)
{
    for (int i = 0; i < AMBLE__HCI_PENDING; i++) {
        amble__hci_pending *pending = &hci->pending[i];
        const uint8_t status = pending->busy && pending->opcode == opcode ? amble__read_u8(parameters) : 0;
        amble__wait *wait = pending->wait;

        if (!pending->busy || pending->opcode != opcode)
            continue;
        pending->busy = false;
        pending->wait = NULL;
        amble__timer_stop(&pending->timer);
        if (!wait || amble__wait_ended(wait))
            return;
        amble__wait_end(wait, status ? AMBLE_ERR_HCI(status) : take_reply(&pending->reply, parameters));
        return;
    }
}

/* Who waits for a place is woken before who gets the answer: the latter may ask again at once, and it is not its
 * turn. */
static void take_answer(amble__hci *hci, uint8_t credits, uint16_t opcode, amble__reader *parameters)
{
    hci->command_credits = credits;
    amble__waiters_end(&hci->command_waiters, 0);
    answered(hci, opcode, parameters);
}

static void command_complete(amble__hci *hci, amble__reader *parameters)
{
    const uint8_t credits = amble__read_u8(parameters);
    const uint16_t opcode = amble__read_le16(parameters);

    if (parameters->failed) {
        hci->malformed++;
        return;
    }
    take_answer(hci, credits, opcode, parameters);
}

static void command_status(amble__hci *hci, amble__reader *parameters)
{
    const uint8_t *status = amble__read_view(parameters, 1);
    const uint8_t credits = amble__read_u8(parameters);
    const uint16_t opcode = amble__read_le16(parameters);
    amble__reader rest = amble__reader_of(status, status ? 1 : 0);

    if (parameters->failed) {
        hci->malformed++;
        return;
    }
    take_answer(hci, credits, opcode, &rest);
}

/* --- receiving ---------------------------------------------------------------------------------------------------- */
enum { COMPLETED_ENTRY = 4 }; /* a handle and a count, Vol 4 Part E 7.7.19 */

static void completed_entry(amble__hci *hci, const uint8_t *entry)
{
    amble__acl_completed(hci, amble__get_le16(entry) & 0x0fff, amble__get_le16(entry + 2));
}

static AMBLE__APART void completed_on_several(amble__hci *hci, const uint8_t *parameters, size_t size)
{
    amble__reader r = amble__reader_of(parameters, size);
    const uint8_t *entry;

    for (unsigned left = amble__read_u8(&r); left && (entry = amble__read_view(&r, COMPLETED_ENTRY)); left--)
        completed_entry(hci, entry);
    hci->malformed += r.failed; /* it has fewer than it says */
}

static void completed_packets(amble__hci *hci, const uint8_t *parameters, size_t size)
{
    if (size == 1 + COMPLETED_ENTRY && parameters[0] == 1)
        completed_entry(hci, parameters + 1);
    else
        completed_on_several(hci, parameters, size);
}

static AMBLE__RARE void other_event(amble__hci *hci, const uint8_t *packet, size_t size)
{
    amble__reader parameters = amble__reader_of(packet + 2, size - 2);

    switch (packet[0]) {
    case AMBLE__EVENT_COMMAND_COMPLETE:
        command_complete(hci, &parameters);
        break;
    case AMBLE__EVENT_COMMAND_STATUS:
        command_status(hci, &parameters);
        break;
    case AMBLE__EVENT_HARDWARE_ERROR:
        amble__hci_lose(hci, "the controller reports hardware error 0x%02X", amble__read_u8(&parameters));
        break;
    default:
        hci->callbacks->event(hci->user, packet[0], &parameters);
    }
}

static void hand_event_on(amble__hci *hci, const uint8_t *packet, size_t size)
{
    if (packet[0] == AMBLE__EVENT_COMPLETED_PACKETS)
        completed_packets(hci, packet + 2, size - 2);
    else
        other_event(hci, packet, size);
}

static AMBLE__RARE void trace_event(amble__hci *hci, const uint8_t *packet, size_t size)
{
    amble__trace_at(&hci->trace, EVENT, AMBLE__NO_HANDLE, packet, open_part(packet, size));
    hand_event_on(hci, packet, size);
}

static void hand_acl_on(amble__hci *hci, const uint8_t *packet, size_t size)
{
    const uint16_t head = amble__get_le16(packet);

    hci->callbacks->acl(hci->user, packet + AMBLE__HCI_ACL_HEADER, size - AMBLE__HCI_ACL_HEADER, head & 0x0fff,
                        head >> 12 & 3u);
}

static AMBLE__RARE void trace_acl(amble__hci *hci, const uint8_t *packet, size_t size)
{
    amble__acl_trace_received(hci, amble__get_le16(packet), packet + AMBLE__HCI_ACL_HEADER,
                              size - AMBLE__HCI_ACL_HEADER);
    hand_acl_on(hci, packet, size);
}

static void receive_acl(amble__hci *hci, const uint8_t *packet, size_t size)
{
    hci->acl_received++;
    if (hci->trace.sink)
        trace_acl(hci, packet, size);
    else
        hand_acl_on(hci, packet, size);
}

static void receive_event(amble__hci *hci, const uint8_t *packet, size_t size)
{
    if (hci->trace.sink)
        trace_event(hci, packet, size);
    else
        hand_event_on(hci, packet, size);
}

void amble__hci_receive(amble__hci *hci, const uint8_t *packet, size_t size)
{
    if (hci->failed)
        return;
    if (size > AMBLE__HCI_ACL_HEADER && packet[0] == AMBLE__PACKET_ACL &&
        amble__get_le16(packet + 3) == size - 1 - AMBLE__HCI_ACL_HEADER)
        receive_acl(hci, packet + 1, size - 1);
    else if (size > AMBLE__HCI_EVENT_HEADER && packet[0] == AMBLE__PACKET_EVENT &&
             packet[2] == size - 1 - AMBLE__HCI_EVENT_HEADER)
        receive_event(hci, packet + 1, size - 1);
    else if (size)
        hci->malformed++; /* of another kind, or not as long as it says */
}
