/* The LL control procedures (Vol 6, Part B, 2.4.2 and 5.1): version, features, data length, termination.
 *
 * This side starts one procedure at a time; what else is wanted waits. Termination waits for nothing. A procedure that
 * is not answered in 40 s ends the link. Every control PDU has its exact length and its role in one table; anything
 * else is answered by LL_UNKNOWN_RSP. Invariant: a control PDU is taken only while the queue has room for its answer
 * and for what we may start ourselves. */
#include "controller/hci_codes.h"
#include "controller/hci_events.h"
#include "controller/link.h"
#include "controller/state.h"

enum { /* 2.4.2 */
       LL_TERMINATE_IND = 0x02,
       LL_UNKNOWN_RSP = 0x07,
       LL_FEATURE_REQ = 0x08,
       LL_FEATURE_RSP = 0x09,
       LL_VERSION_IND = 0x0C,
       LL_REJECT_IND = 0x0D,
       LL_PERIPHERAL_FEATURE_REQ = 0x0E,
       LL_REJECT_EXT_IND = 0x11,
       LL_LENGTH_REQ = 0x14,
       LL_LENGTH_RSP = 0x15,
};

#define RESPONSE_TIMEOUT_US 40000000 /* 5.2 */
#define TIMEOUT_UNIT_US     10000
#define OCTET_US            8
#define OCTETS_AROUND       14   /* in the time of a data PDU beside its payload: 10, and a MIC of 4 (4.5.10) */
#define ROOM_TO_ANSWER      3    /* one answer, one request and one LL_TERMINATE_IND of ours */
#define REASON_UNNAMED      0x13 /* for a peer that gives the reason 0: remote user terminated connection */

/* --- sending ------------------------------------------------------------------------------------------------------ */

static amble__writer begin(uint8_t bytes[AMBLE__LL_CONTROL_SIZE], uint8_t opcode)
{
    amble__writer w = amble__writer_of(bytes, AMBLE__LL_CONTROL_SIZE);

    amble__write_u8(&w, opcode);
    return w;
}

static void send(amble__ll_link *link, const amble__writer *w)
{
    amble__ll_control_pdu *pdu;

    if (link->control_count == AMBLE__LL_CONTROL_QUEUE)
        return;
    pdu = &link->control[(link->control_first + link->control_count++) % AMBLE__LL_CONTROL_QUEUE];
    pdu->size = (uint8_t)amble__written_size(w);
    memcpy(pdu->bytes, w->start, pdu->size);
    amble__ll_link_wake(link);
}

static void send_octet(amble__ll_link *link, uint8_t opcode, uint8_t octet)
{
    uint8_t bytes[AMBLE__LL_CONTROL_SIZE];
    amble__writer w = begin(bytes, opcode);

    amble__write_u8(&w, octet);
    send(link, &w);
}

static void send_version(amble__ll_link *link)
{
    uint8_t bytes[AMBLE__LL_CONTROL_SIZE];
    amble__writer w = begin(bytes, LL_VERSION_IND);

    amble__write_u8(&w, AMBLE__LL_VERSION);
    amble__write_le16(&w, AMBLE__LL_COMPANY);
    amble__write_le16(&w, AMBLE__LL_SUBVERSION);
    link->version_sent = true;
    send(link, &w);
}

static void send_features(amble__ll_link *link, uint8_t opcode, uint64_t features)
{
    uint8_t bytes[AMBLE__LL_CONTROL_SIZE];
    amble__writer w = begin(bytes, opcode);

    amble__write_le64(&w, features);
    send(link, &w);
}

static void send_lengths(amble__ll_link *link, uint8_t opcode)
{
    uint8_t bytes[AMBLE__LL_CONTROL_SIZE];
    amble__writer w = begin(bytes, opcode);

    amble__write_le16(&w, link->local.rx_octets);
    amble__write_le16(&w, link->local.rx_time);
    amble__write_le16(&w, link->local.tx_octets);
    amble__write_le16(&w, link->local.tx_time);
    send(link, &w);
}

/* --- procedures started here -------------------------------------------------------------------------------------- */

void amble__ll_control_want(amble__ll_link *link, amble__ll_procedure procedure, bool for_host)
{
    link->wanted |= 1u << procedure;
    if (for_host)
        link->for_host |= 1u << procedure;
}

static void expect_answer(amble__ll_link *link, amble__ll_procedure procedure, uint64_t within_us)
{
    amble__air *air = link->activity.controller->air;

    link->procedure = procedure;
    amble__air_arm(air, &link->procedure_timer, amble__air_now(air) + within_us);
}

/* Tells the host, if it asked, and lets the next procedure begin. */
static void finish(amble__ll_link *link, amble__ll_procedure procedure, uint8_t status, uint64_t features)
{
    const bool for_host = link->for_host >> procedure & 1;

    link->for_host &= ~(1u << procedure);
    link->procedure = AMBLE__LL_PROCEDURE_NONE;
    amble__air_disarm(link->activity.controller->air, &link->procedure_timer);
    if (for_host && procedure == AMBLE__LL_PROCEDURE_VERSION)
        amble__hc_remote_version(link, status);
    else if (for_host && procedure == AMBLE__LL_PROCEDURE_FEATURES)
        amble__hc_remote_features(link, status, features);
}

static void start(amble__ll_link *link, amble__ll_procedure procedure)
{
    link->wanted &= ~(1u << procedure);
    expect_answer(link, procedure,
                  procedure == AMBLE__LL_PROCEDURE_TERMINATE ? link->timeout * (uint64_t)TIMEOUT_UNIT_US
                                                             : RESPONSE_TIMEOUT_US);
    switch (procedure) {
    case AMBLE__LL_PROCEDURE_TERMINATE:
        send_octet(link, LL_TERMINATE_IND, link->terminate_reason);
        break;
    case AMBLE__LL_PROCEDURE_VERSION: /* one LL_VERSION_IND each way, once in a link's life */
        if (link->version_known)
            finish(link, procedure, HC_SUCCESS, 0);
        else if (!link->version_sent)
            send_version(link);
        break;
    case AMBLE__LL_PROCEDURE_FEATURES:
        send_features(link, link->role == AMBLE__LL_CENTRAL ? LL_FEATURE_REQ : LL_PERIPHERAL_FEATURE_REQ,
                      AMBLE__LL_FEATURES);
        break;
    case AMBLE__LL_PROCEDURE_LENGTH:
        send_lengths(link, LL_LENGTH_REQ);
        break;
    case AMBLE__LL_PROCEDURE_NONE:
        break;
    }
}

void amble__ll_control_next(amble__ll_link *link)
{
    if (link->procedure == AMBLE__LL_PROCEDURE_TERMINATE || link->peer_reason)
        return;
    if (link->wanted & 1u << AMBLE__LL_PROCEDURE_TERMINATE) {
        start(link, AMBLE__LL_PROCEDURE_TERMINATE);
        return;
    }
    for (int p = 0; p < AMBLE__LL_PROCEDURES && link->procedure == AMBLE__LL_PROCEDURE_NONE; p++)
        if (link->wanted & 1u << p)
            start(link, (amble__ll_procedure)p);
}

void amble__ll_control_timer(amble__timer *timer)
{
    amble__ll_link *link = amble__container(timer, amble__ll_link, procedure_timer);

    amble__ll_link_close(link, link->procedure == AMBLE__LL_PROCEDURE_TERMINATE ? HC_TERMINATED_BY_LOCAL_HOST
                                                                                : HC_LL_RESPONSE_TIMEOUT);
}

bool amble__ll_control_acknowledged(amble__ll_link *link)
{
    const uint8_t opcode = link->control[link->control_first].bytes[0];

    link->control_first = (uint8_t)((link->control_first + 1) % AMBLE__LL_CONTROL_QUEUE);
    link->control_count--;
    if (opcode != LL_TERMINATE_IND)
        return true;
    amble__ll_link_close(link, HC_TERMINATED_BY_LOCAL_HOST);
    return false;
}

/* --- what the peer sends ------------------------------------------------------------------------------------------ */

static void terminate_ind(amble__ll_link *link, amble__reader *in)
{
    const uint8_t reason = amble__read_u8(in);

    link->peer_reason = reason ? reason : REASON_UNNAMED;
    link->activity.urgency = AMBLE__LL_URGENCY_LINK;
}

/* Octet 0 is what both can, the rest is what the sender can (5.1.4). */
static void answer_features(amble__ll_link *link, amble__reader *in)
{
    const uint64_t theirs = amble__read_le64(in);

    send_features(link, LL_FEATURE_RSP, AMBLE__LL_FEATURES & (theirs | ~UINT64_C(0xff)));
}

static void feature_rsp(amble__ll_link *link, amble__reader *in)
{
    if (link->procedure == AMBLE__LL_PROCEDURE_FEATURES)
        finish(link, AMBLE__LL_PROCEDURE_FEATURES, HC_SUCCESS, amble__read_le64(in));
}

static void version_ind(amble__ll_link *link, amble__reader *in)
{
    if (link->version_known)
        return;
    link->version_known = true;
    link->peer_version = amble__read_u8(in);
    link->peer_company = amble__read_le16(in);
    link->peer_subversion = amble__read_le16(in);
    if (!link->version_sent)
        send_version(link);
    if (link->procedure == AMBLE__LL_PROCEDURE_VERSION)
        finish(link, AMBLE__LL_PROCEDURE_VERSION, HC_SUCCESS, 0);
}

static uint16_t smaller(uint16_t a, uint16_t b) { return a < b ? a : b; }

/* The octets that can be sent in `time_us`, if that is less than `octets`. */
static uint16_t octets_within(uint16_t octets, uint16_t time_us)
{
    return smaller(octets, (uint16_t)(time_us / OCTET_US - OCTETS_AROUND));
}

/* Each direction is bounded by its sender and its receiver (4.5.10). */
static void update_lengths(amble__ll_link *link, amble__reader *in)
{
    const amble__ll_data_length before = link->effective;
    amble__ll_data_length now = {0};
    const uint16_t rx_octets = amble__read_le16(in), rx_time = amble__read_le16(in);
    const uint16_t tx_octets = amble__read_le16(in), tx_time = amble__read_le16(in);

    if (rx_octets < AMBLE__LL_OCTETS_MIN || rx_time < AMBLE__LL_TIME_MIN || tx_octets < AMBLE__LL_OCTETS_MIN ||
        tx_time < AMBLE__LL_TIME_MIN)
        return;
    now.tx_time = smaller(smaller(link->local.tx_time, rx_time), AMBLE__LL_TIME_MAX);
    now.rx_time = smaller(smaller(link->local.rx_time, tx_time), AMBLE__LL_TIME_MAX);
    now.tx_octets = octets_within(smaller(link->local.tx_octets, rx_octets), now.tx_time);
    now.rx_octets = octets_within(smaller(link->local.rx_octets, tx_octets), now.rx_time);
    link->effective = now;
    if (now.tx_octets != before.tx_octets || now.tx_time != before.tx_time || now.rx_octets != before.rx_octets ||
        now.rx_time != before.rx_time)
        amble__hc_data_length_change(link);
}

static void length_req(amble__ll_link *link, amble__reader *in)
{
    update_lengths(link, in);
    send_lengths(link, LL_LENGTH_RSP);
}

static void length_rsp(amble__ll_link *link, amble__reader *in)
{
    if (link->procedure != AMBLE__LL_PROCEDURE_LENGTH)
        return;
    update_lengths(link, in);
    finish(link, AMBLE__LL_PROCEDURE_LENGTH, HC_SUCCESS, 0);
}

/* The opcode with which this side began a procedure. */
static int request_of(const amble__ll_link *link)
{
    switch (link->procedure) {
    case AMBLE__LL_PROCEDURE_VERSION:
        return LL_VERSION_IND;
    case AMBLE__LL_PROCEDURE_FEATURES:
        return link->role == AMBLE__LL_CENTRAL ? LL_FEATURE_REQ : LL_PERIPHERAL_FEATURE_REQ;
    case AMBLE__LL_PROCEDURE_LENGTH:
        return LL_LENGTH_REQ;
    default:
        return -1; /* LL_TERMINATE_IND cannot be refused */
    }
}

static void refused(amble__ll_link *link, int request, uint8_t status)
{
    if (request == request_of(link))
        finish(link, link->procedure, status, 0);
}

static void unknown_rsp(amble__ll_link *link, amble__reader *in)
{
    refused(link, amble__read_u8(in), HC_UNSUPPORTED_REMOTE_FEATURE);
}

static void reject_ind(amble__ll_link *link, amble__reader *in) { refused(link, request_of(link), amble__read_u8(in)); }

static void reject_ext_ind(amble__ll_link *link, amble__reader *in)
{
    const uint8_t request = amble__read_u8(in);
    refused(link, request, amble__read_u8(in));
}

#define TO_CENTRAL    (1u << AMBLE__LL_CENTRAL)
#define TO_PERIPHERAL (1u << AMBLE__LL_PERIPHERAL)
#define TO_BOTH       (TO_CENTRAL | TO_PERIPHERAL)

static const struct control {
    uint8_t opcode;
    uint8_t size; /* the opcode included */
    uint8_t roles;
    void (*handle)(amble__ll_link *link, amble__reader *in);
} controls[] = {
    {LL_TERMINATE_IND, 2, TO_BOTH, terminate_ind},
    {LL_UNKNOWN_RSP, 2, TO_BOTH, unknown_rsp},
    {LL_FEATURE_REQ, 9, TO_PERIPHERAL, answer_features},
    {LL_FEATURE_RSP, 9, TO_BOTH, feature_rsp},
    {LL_VERSION_IND, 6, TO_BOTH, version_ind},
    {LL_REJECT_IND, 2, TO_BOTH, reject_ind},
    {LL_PERIPHERAL_FEATURE_REQ, 9, TO_CENTRAL, answer_features},
    {LL_REJECT_EXT_IND, 3, TO_BOTH, reject_ext_ind},
    {LL_LENGTH_REQ, 9, TO_BOTH, length_req},
    {LL_LENGTH_RSP, 9, TO_BOTH, length_rsp},
};

bool amble__ll_control_received(amble__ll_link *link, const uint8_t *pdu, size_t size)
{
    amble__reader in = amble__reader_of(pdu, size);
    const uint8_t opcode = amble__read_u8(&in);

    if (!size || link->peer_reason)
        return true;
    if (AMBLE__LL_CONTROL_QUEUE - link->control_count < ROOM_TO_ANSWER)
        return false;
    for (size_t i = 0; i < sizeof controls / sizeof *controls; i++) {
        if (controls[i].opcode != opcode || controls[i].size != size || !(controls[i].roles >> link->role & 1))
            continue;
        controls[i].handle(link, &in);
        amble__ll_control_next(link);
        return true;
    }
    if (opcode != LL_UNKNOWN_RSP) /* two sides must not keep on telling each other that they do not understand */
        send_octet(link, LL_UNKNOWN_RSP, opcode);
    return true;
}
