/* Requests of ours and their answers, and the table of what a peer may ask.
 *
 * Invariants: a request's timer runs exactly while it is SENT; two SENT requests of a link never have the same
 * identifier, and none has 0. Every request of the peer is answered: the ones known here by their rule, all others with
 * Command Reject, so that no peer waits in vain. */
#include "l2cap/signalling.h"

#include "core/log.h"
#include "l2cap/l2cap.h"

/* A task that waits for an answer, and where it goes. */
typedef struct {
    amble__waiter waiter;
    amble__signalling_response *response;
} answer_waiter;

void amble__signalling_init(amble__signalling *signalling, amble__arena *arena)
{
    for (int i = 0; i < AMBLE__SIGNALLING_REQUESTS; i++)
        amble__packet_init(signalling ? &signalling->requests[i].packet : NULL, arena, AMBLE__SIGNALLING_MTU);
    for (int i = 0; i < AMBLE__SIGNALLING_ANSWERS; i++)
        amble__packet_init(signalling ? &signalling->answers[i] : NULL, arena, AMBLE__SIGNALLING_MTU);
}

void amble__signalling_lost(amble__l2cap_link *link)
{
    for (int i = 0; i < AMBLE__SIGNALLING_REQUESTS; i++)
        amble__timer_stop(&link->signalling.requests[i].timer);
}

void amble__signalling_send_command(const amble__l2cap_link *link, amble__packet *packet, const amble__writer *w)
{
    packet->size = (uint16_t)amble__written_size(w);
    amble__put_le16(w->start + 2, packet->size - AMBLE__SIGNALLING_HEADER);
    amble__trace_at(&link->conn->hci->trace, SIGNALLING_SENT, link->conn->handle, w->start, packet->size);
    amble__l2cap_send(link->conn, AMBLE__CID_SIGNALLING, packet);
}

amble__writer amble__signalling_begin_command(amble__packet *packet, uint8_t code, uint8_t identifier)
{
    amble__writer w = amble__writer_of(amble__packet_payload(packet), packet->capacity);

    amble__write_u8(&w, code);
    amble__write_u8(&w, identifier);
    amble__write_le16(&w, 0);
    return w;
}

/* --- requests of ours --------------------------------------------------------------------------------------------- */
static void is_over(amble__signalling_request *request)
{
    amble__timer_stop(&request->timer);
    request->state = AMBLE__REQUEST_FREE;
    (void)amble__waiters_end_first(&request->link->signalling.waiters, 0); /* there may be none */
    if (request->link->channels.waiting)
        amble__channels_owe(request->link); /* perhaps for want of a place */
}

/* Hands on what came of a request: first to the room that asked, then to the task. */
static void conclude(amble__signalling_request *request, int error, amble__bytes data)
{
    amble__list *node = amble__list_first(&request->answer);
    amble__signalling_response *response;
    amble__waiter *waiter;

    if (request->answered)
        error = request->answered(request, error, amble__reader_of(data.data, data.size));
    if (node) {
        waiter = amble__container(node, amble__waiter, node);
        response = amble__container(waiter, answer_waiter, waiter)->response;
        response->size = data.size;
        if (data.size)
            memcpy(response->bytes, data.data, data.size);
        amble__wait_end(waiter->wait, error);
    }
    is_over(request);
}

static void no_answer_came(amble__timer *timer)
{
    amble__signalling_request *request = amble__container(timer, amble__signalling_request, timer);
    const amble_connection *conn = request->link->conn;
    char peer[AMBLE_DEVICE_TEXT];

    amble__log(AMBLE__LOG_WARNING, "%s: link 0x%04x: %s did not answer L2CAP request 0x%02x within %d s",
               conn->hci->instance, conn->handle, amble_device_text(conn->device, peer), request->code,
               AMBLE__SIGNALLING_RTX_MS / 1000);
    conclude(request, AMBLE_ERR_TIMEOUT, (amble__bytes){.size = 0});
}

void amble__signalling_open(amble__l2cap_link *link)
{
    amble__signalling *signalling = &link->signalling;

    amble__list_init(&signalling->waiters);
    signalling->last_identifier = 0;
    for (int i = 0; i < AMBLE__SIGNALLING_REQUESTS; i++) {
        amble__signalling_request *request = &signalling->requests[i];

        request->state = AMBLE__REQUEST_FREE;
        request->link = link;
        request->timer.fire = no_answer_came;
        amble__list_init(&request->answer);
    }
}

static amble__signalling_request *request_by_identifier(amble__signalling *signalling, uint8_t identifier)
{
    for (int i = 0; i < AMBLE__SIGNALLING_REQUESTS; i++)
        if (signalling->requests[i].state != AMBLE__REQUEST_FREE && signalling->requests[i].identifier == identifier)
            return &signalling->requests[i];
    return NULL;
}

uint8_t amble__signalling_identifier(amble__l2cap_link *link)
{
    amble__signalling *signalling = &link->signalling;

    do
        signalling->last_identifier = signalling->last_identifier == UINT8_MAX ? 1 : signalling->last_identifier + 1;
    while (request_by_identifier(signalling, signalling->last_identifier));
    return signalling->last_identifier;
}

amble__signalling_request *amble__signalling_try(amble__l2cap_link *link, uint8_t code, amble__writer *w)
{
    for (int i = 0; i < AMBLE__SIGNALLING_REQUESTS; i++) {
        amble__signalling_request *request = &link->signalling.requests[i];

        if (request->state != AMBLE__REQUEST_FREE || request->packet.busy)
            continue;
        request->identifier = amble__signalling_identifier(link);
        request->state = AMBLE__REQUEST_TAKEN;
        request->code = code;
        request->answered = NULL;
        request->subject = NULL;
        *w = amble__signalling_begin_command(&request->packet, code, request->identifier);
        return request;
    }
    return NULL;
}

int amble__signalling_begin(amble_connection *conn, uint8_t code, uint64_t deadline_us,
                            amble__signalling_request **request, amble__writer *w)
{
    int r = conn->end;

    *w = amble__writer_of(NULL, 0);
    while (r >= 0 && !(*request = amble__signalling_try(conn->l2cap, code, w)))
        r = amble__link_wait(conn, &conn->l2cap->signalling.waiters, deadline_us);
    return r;
}

void amble__signalling_post(amble__signalling_request *request, const amble__writer *w)
{
    request->state = AMBLE__REQUEST_SENT;
    amble__timer_start(&request->timer, amble_now_us() + (uint64_t)AMBLE__SIGNALLING_RTX_MS * 1000);
    amble__signalling_send_command(request->link, &request->packet, w);
}

int amble__signalling_exchange(amble__signalling_request *request, const amble__writer *w, uint64_t deadline_us,
                               amble__signalling_response *response)
{
    amble_connection *conn = request->link->conn;
    answer_waiter for_answer = {.response = response};
    amble__waiter for_loss;
    amble__wait wait;

    amble__signalling_post(request, w);
    amble__wait_begin(&wait, &for_answer.waiter, &request->answer);
    amble__wait_add(&wait, &for_loss, &conn->losses);
    return amble__wait_run_until(&wait, deadline_us);
}

/* The peer will decide later, and answer once more with the same identifier, 4.26. */
static bool is_pending(uint8_t code, amble__bytes data)
{
    amble__reader r = amble__reader_of(data.data, data.size);
    uint16_t result;

    (void)amble__read_view(&r, 6); /* MTU, MPS, credits */
    result = amble__read_le16(&r);
    return code == AMBLE__CONNECTION_RESPONSE && result >= AMBLE__CONNECTION_PENDING &&
           result <= AMBLE__CONNECTION_PENDING_LAST;
}

static void receive_response(amble__l2cap_link *link, uint8_t code, uint8_t identifier, amble__bytes data)
{
    amble__signalling_request *request = request_by_identifier(&link->signalling, identifier);
    int error = 0;

    if (!request || request->state != AMBLE__REQUEST_SENT || request->packet.busy ||
        (code != AMBLE__COMMAND_REJECT && code != request->code + 1)) {
        link->l2cap->malformed++; /* perhaps it comes too late: it is not looked at, 4 */
        return;
    }
    if (is_pending(code, data)) {
        amble__timer_start(&request->timer, amble_now_us() + (uint64_t)AMBLE__SIGNALLING_ERTX_MS * 1000);
        return;
    }
    if (code == AMBLE__COMMAND_REJECT)
        error = data.size < 2 ? AMBLE_ERR_PROTOCOL : AMBLE_ERR_L2CAP_REJECT(data.data[0]);
    if (data.size > sizeof((amble__signalling_response *)0)->bytes) {
        error = AMBLE_ERR_PROTOCOL;
        data.size = 0;
    }
    conclude(request, error, data);
}

/* --- answers ------------------------------------------------------------------------------------------------------ */
amble__signalling_answer amble__signalling_answer_begin(amble__l2cap_link *link, uint8_t code, uint8_t identifier)
{
    for (int i = 0; i < AMBLE__SIGNALLING_ANSWERS; i++) {
        amble__packet *packet = &link->signalling.answers[i];

        if (!packet->busy)
            return (amble__signalling_answer){
                .w = amble__signalling_begin_command(packet, code, identifier), .packet = packet, .link = link};
    }
    return (amble__signalling_answer){.w = {.failed = true}, .link = link};
}

void amble__signalling_answer_send(const amble__signalling_answer *answer)
{
    if (answer->packet)
        amble__signalling_send_command(answer->link, answer->packet, &answer->w);
    else
        answer->link->l2cap->malformed++; /* who asks faster than answers leave loses the surplus */
}

void amble__signalling_reject(amble__l2cap_link *link, uint8_t identifier, uint16_t reason, const uint16_t *values,
                              int count)
{
    amble__signalling_answer answer = amble__signalling_answer_begin(link, AMBLE__COMMAND_REJECT, identifier);

    amble__write_le16(&answer.w, reason);
    for (int i = 0; i < count; i++)
        amble__write_le16(&answer.w, values[i]);
    amble__signalling_answer_send(&answer);
}

/* --- connection parameters ---------------------------------------------------------------------------------------- */
enum { PARAMETERS_ACCEPTED = 0, PARAMETERS_REJECTED = 1 }; /* 4.21 */

/* 4.20. The supervision timeout has to be longer than two intervals with all the events that may be skipped. */
static bool sensible(const amble__parameter_wishes *wishes)
{
    const uint32_t longest_us = (1u + wishes->latency) * wishes->interval_max * 1250u * 2;

    return wishes->interval_min >= 6 && wishes->interval_min <= wishes->interval_max && wishes->interval_max <= 3200 &&
           wishes->latency <= 499 && wishes->timeout >= 10 && wishes->timeout <= 3200 &&
           wishes->timeout * 10000u > longest_us;
}

int amble__signalling_ask_parameters(amble_connection *conn, const amble__parameter_wishes *wishes,
                                     uint64_t deadline_us)
{
    amble__signalling_response response;
    amble__signalling_request *request;
    amble__writer w;
    int r;

    if (conn->central || !sensible(wishes))
        return AMBLE_ERR_ARGUMENT;
    r = amble__signalling_begin(conn, AMBLE__PARAMETER_UPDATE_REQUEST, deadline_us, &request, &w);
    if (r < 0)
        return r;
    amble__write_le16(&w, wishes->interval_min);
    amble__write_le16(&w, wishes->interval_max);
    amble__write_le16(&w, wishes->latency);
    amble__write_le16(&w, wishes->timeout);
    r = amble__signalling_exchange(request, &w, deadline_us, &response);
    if (r < 0)
        return r;
    if (response.size != 2)
        return AMBLE_ERR_PROTOCOL;
    return amble__get_le16(response.bytes) == PARAMETERS_ACCEPTED ? 0
                                                                  : AMBLE_ERR_HCI(AMBLE__HCI_UNACCEPTABLE_PARAMETERS);
}

/* A peripheral asks for other parameters. The room above decides; on its own this one refuses. */
static void receive_parameters(amble__l2cap_link *link, uint8_t identifier, amble__bytes data)
{
    amble__reader r = amble__reader_of(data.data, data.size);
    amble__parameter_wishes wishes;
    amble__signalling_answer answer;
    bool accepted;

    wishes.interval_min = amble__read_le16(&r);
    wishes.interval_max = amble__read_le16(&r);
    wishes.latency = amble__read_le16(&r);
    wishes.timeout = amble__read_le16(&r);
    accepted = sensible(&wishes) && link->l2cap->parameters_asked && link->l2cap->parameters_asked(link->conn, &wishes);
    answer = amble__signalling_answer_begin(link, AMBLE__PARAMETER_UPDATE_RESPONSE, identifier);
    amble__write_le16(&answer.w, accepted ? PARAMETERS_ACCEPTED : PARAMETERS_REJECTED);
    amble__signalling_answer_send(&answer);
}

/* --- the peer's requests ------------------------------------------------------------------------------------------ */
static bool is_request(uint8_t code)
{
    /* Requests have even codes from 0x02 to 0x18, and 0x17 and 0x19 are the enhanced pair's; responses and credits need
     * no answer. */
    switch (code) {
    case AMBLE__COMMAND_REJECT:
    case 0x03:
    case 0x05:
    case AMBLE__DISCONNECTION_RESPONSE:
    case 0x09:
    case 0x0b:
    case 0x0d:
    case 0x0f:
    case 0x11:
    case AMBLE__PARAMETER_UPDATE_RESPONSE:
    case AMBLE__LE_CONNECTION_RESPONSE:
    case AMBLE__FLOW_CONTROL_CREDIT:
    case AMBLE__CONNECTION_RESPONSE:
    case AMBLE__RECONFIGURE_RESPONSE:
        return false;
    default:
        return true;
    }
}

static void answer_request(amble__l2cap_link *link, uint8_t code, uint8_t identifier, amble__bytes data)
{
    if (code == AMBLE__PARAMETER_UPDATE_REQUEST && data.size == 8 && link->conn->central) {
        receive_parameters(link, identifier, data); /* only a central may be asked */
    } else if (!amble__channels_request(link, code, identifier, data)) {
        amble__signalling_reject(link, identifier, AMBLE__REJECT_NOT_UNDERSTOOD, NULL, 0);
    }
}

void amble__signalling_oversized(amble__l2cap_link *link, const uint8_t *data, size_t size)
{
    const uint16_t mtu = AMBLE__SIGNALLING_MTU;

    if (size >= 2 && data[1] != 0 && is_request(data[0]))
        amble__signalling_reject(link, data[1], AMBLE__REJECT_MTU_EXCEEDED, &mtu, 1);
    else
        link->l2cap->malformed++;
}

void amble__signalling_receive(amble__l2cap_link *link, const uint8_t *data, size_t size)
{
    amble__reader r = amble__reader_of(data, size);
    const uint8_t code = amble__read_u8(&r), identifier = amble__read_u8(&r);
    const uint16_t length = amble__read_le16(&r);
    const amble__bytes rest = amble__read_rest(&r);

    amble__trace_at(&link->conn->hci->trace, SIGNALLING_RECEIVED, link->conn->handle, data, size);
    /* One command per frame on an LE link, 4. */
    if (r.failed || length != rest.size || identifier == 0)
        link->l2cap->malformed++;
    else if (code == AMBLE__FLOW_CONTROL_CREDIT)
        amble__channels_credited(link, rest);
    else if (!is_request(code))
        receive_response(link, code, identifier, rest);
    else if (size > AMBLE__SIGNALLING_MTU)
        amble__signalling_oversized(link, data, size);
    else
        answer_request(link, code, identifier, rest);
}
