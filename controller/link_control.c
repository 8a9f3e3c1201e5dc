/* The LL control procedures (Vol 6, Part B, 2.4.2 and 5.1): the queue of their PDUs, what they have in
 * common, and the short ones: version, features, ping, termination.
 *
 * This side starts one procedure at a time; what else is wanted waits. Termination waits for nothing. A procedure that
 * is not answered in 40 s ends the link. Every control PDU has its exact length and its role in one table; anything
 * else is answered by LL_UNKNOWN_RSP. Invariant: a control PDU is taken only while the queue has room for its answer
 * and for what we may start ourselves. */
#include "controller/link_control.h"

#include "controller/hci_codes.h"
#include "controller/hci_events.h"
#include "controller/state.h"

#define ROOM_TO_ANSWER  3    /* one answer, one request and one LL_TERMINATE_IND of ours */
#define REASON_UNNAMED  0x13 /* for a peer that gives the reason 0: remote user terminated connection */
#define REPETITIONS_MAX 3    /* of a procedure that the central refused because of another */

/* --- sending ------------------------------------------------------------------------------------------------------ */

amble__writer amble__ll_control_begin(uint8_t bytes[AMBLE__LL_CONTROL_SIZE], uint8_t opcode)
{
    amble__writer w = amble__writer_of(bytes, AMBLE__LL_CONTROL_SIZE);

    amble__write_u8(&w, opcode);
    return w;
}

void amble__ll_control_send(amble__ll_link *link, const amble__writer *w)
{
    amble__ll_control_pdu *pdu;

    if (link->control_count == AMBLE__LL_CONTROL_QUEUE)
        return;
    pdu = &link->control[(link->control_first + link->control_count++) % AMBLE__LL_CONTROL_QUEUE];
    pdu->size = (uint8_t)amble__written_size(w);
    memcpy(pdu->bytes, w->start, pdu->size);
    amble__ll_link_wake(link);
}

bool amble__ll_control_offer(amble__ll_link *link, const amble__writer *w)
{
    if (AMBLE__LL_CONTROL_QUEUE - link->control_count <= ROOM_TO_ANSWER)
        return false;
    amble__ll_control_send(link, w);
    return true;
}

void amble__ll_control_send_opcode(amble__ll_link *link, uint8_t opcode)
{
    uint8_t bytes[AMBLE__LL_CONTROL_SIZE];
    const amble__writer w = amble__ll_control_begin(bytes, opcode);

    amble__ll_control_send(link, &w);
}

void amble__ll_control_send_octet(amble__ll_link *link, uint8_t opcode, uint8_t octet)
{
    uint8_t bytes[AMBLE__LL_CONTROL_SIZE];
    amble__writer w = amble__ll_control_begin(bytes, opcode);

    amble__write_u8(&w, octet);
    amble__ll_control_send(link, &w);
}

void amble__ll_control_reject(amble__ll_link *link, uint8_t opcode, uint8_t reason)
{
    uint8_t bytes[AMBLE__LL_CONTROL_SIZE];
    amble__writer w = amble__ll_control_begin(bytes, LL_REJECT_EXT_IND);

    amble__write_u8(&w, opcode);
    amble__write_u8(&w, reason);
    amble__ll_control_send(link, &w);
}

static void send_version(amble__ll_link *link)
{
    uint8_t bytes[AMBLE__LL_CONTROL_SIZE];
    amble__writer w = amble__ll_control_begin(bytes, LL_VERSION_IND);

    amble__write_u8(&w, amble__ll_version(link->activity.controller));
    amble__write_le16(&w, AMBLE__LL_COMPANY);
    amble__write_le16(&w, AMBLE__LL_SUBVERSION);
    link->version_sent = true;
    amble__ll_control_send(link, &w);
}

static void send_features(amble__ll_link *link, uint8_t opcode, uint64_t features)
{
    uint8_t bytes[AMBLE__LL_CONTROL_SIZE];
    amble__writer w = amble__ll_control_begin(bytes, opcode);

    amble__write_le64(&w, features);
    amble__ll_control_send(link, &w);
}

/* --- procedures started here -------------------------------------------------------------------------------------- */

bool amble__ll_control_wanted(const amble__ll_link *link, amble__ll_procedure procedure)
{
    return (link->wanted | link->for_host) >> procedure & 1;
}

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

static void stop(amble__ll_link *link)
{
    link->procedure = AMBLE__LL_PROCEDURE_NONE;
    amble__air_disarm(link->activity.controller->air, &link->procedure_timer);
}

bool amble__ll_control_tell_host(amble__ll_link *link, amble__ll_procedure procedure)
{
    const bool tell = link->for_host >> procedure & 1;

    link->for_host &= ~(1u << procedure);
    return tell;
}

void amble__ll_control_finish(amble__ll_link *link, amble__ll_procedure procedure, uint8_t status)
{
    stop(link);
    link->repetitions = 0;
    if (!amble__ll_control_tell_host(link, procedure))
        return;
    if (procedure == AMBLE__LL_PROCEDURE_VERSION)
        amble__hc_remote_version(link, status);
    else if (procedure == AMBLE__LL_PROCEDURE_FEATURES)
        amble__hc_remote_features(link, status);
    else if (procedure == AMBLE__LL_PROCEDURE_ENCRYPTION)
        amble__ll_encryption_finished(link, status);
    else if (procedure == AMBLE__LL_PROCEDURE_PARAMETERS)
        amble__hc_connection_update(link, status);
    else if (procedure == AMBLE__LL_PROCEDURE_PHY)
        amble__hc_phy_update(link, status);
}

void amble__ll_control_finish_either(amble__ll_link *link, amble__ll_procedure procedure, uint8_t status)
{
    if (link->peer_procedure == procedure)
        amble__ll_control_peer_ended(link);
    if (link->procedure == procedure)
        amble__ll_control_finish(link, procedure, status);
}

void amble__ll_control_goes_on(amble__ll_link *link)
{
    if (link->procedure != AMBLE__LL_PROCEDURE_TERMINATE)
        expect_answer(link, link->procedure, LL_RESPONSE_TIMEOUT_US);
}

/* Nothing that encryption holds back is worth waiting for any more. */
static void send_terminate(amble__ll_link *link)
{
    if (amble__ll_encryption_holds(link))
        link->control_count = link->flight == AMBLE__LL_FLIGHT_CONTROL;
    amble__ll_control_send_octet(link, LL_TERMINATE_IND, link->terminate_reason);
}

static void start(amble__ll_link *link, amble__ll_procedure procedure)
{
    link->wanted &= ~(1u << procedure);
    expect_answer(link, procedure,
                  procedure == AMBLE__LL_PROCEDURE_TERMINATE ? link->timeout * (uint64_t)AMBLE__LL_TIMEOUT_UNIT_US
                                                             : LL_RESPONSE_TIMEOUT_US);
    switch (procedure) {
    case AMBLE__LL_PROCEDURE_TERMINATE:
        send_terminate(link);
        break;
    case AMBLE__LL_PROCEDURE_ENCRYPTION:
        amble__ll_encryption_start(link);
        break;
    case AMBLE__LL_PROCEDURE_VERSION: /* one LL_VERSION_IND each way, once in a link's life */
        if (link->version_known)
            amble__ll_control_finish(link, procedure, HC_SUCCESS);
        else if (!link->version_sent)
            send_version(link);
        break;
    case AMBLE__LL_PROCEDURE_FEATURES:
        send_features(link, link->role == AMBLE__LL_CENTRAL ? LL_FEATURE_REQ : LL_PERIPHERAL_FEATURE_REQ,
                      amble__ll_features(link->activity.controller));
        break;
    case AMBLE__LL_PROCEDURE_PARAMETERS:
        amble__ll_parameters_start(link);
        break;
    case AMBLE__LL_PROCEDURE_PHY:
        amble__ll_phy_start(link);
        break;
    case AMBLE__LL_PROCEDURE_CHANNEL_MAP:
        amble__ll_channel_map_start(link);
        break;
    case AMBLE__LL_PROCEDURE_LENGTH:
        amble__ll_length_start(link);
        break;
    case AMBLE__LL_PROCEDURE_PING:
        amble__ll_control_send_opcode(link, LL_PING_REQ);
        break;
    case AMBLE__LL_PROCEDURE_NONE:
        break;
    }
}

static bool has_instant(amble__ll_procedure procedure)
{
    return procedure == AMBLE__LL_PROCEDURE_PARAMETERS || procedure == AMBLE__LL_PROCEDURE_PHY ||
           procedure == AMBLE__LL_PROCEDURE_CHANNEL_MAP;
}

/* Encryption overtakes what is queued, so it begins when nothing is: an announcement that is held back would come too
 * late. */
static bool may_encrypt(const amble__ll_link *link)
{
    return !link->control_count && link->peer_procedure == AMBLE__LL_PROCEDURE_NONE;
}

static bool may_start(const amble__ll_link *link, amble__ll_procedure procedure)
{
    if (!(link->wanted & 1u << procedure))
        return false;
    if (procedure == AMBLE__LL_PROCEDURE_ENCRYPTION)
        return may_encrypt(link);
    return !has_instant(procedure) || !amble__ll_change_under_way(link);
}

void amble__ll_control_next(amble__ll_link *link)
{
    if (link->procedure == AMBLE__LL_PROCEDURE_TERMINATE || link->peer_reason)
        return;
    if (link->wanted & 1u << AMBLE__LL_PROCEDURE_TERMINATE) {
        start(link, AMBLE__LL_PROCEDURE_TERMINATE);
        return;
    }
    if (amble__ll_encryption_holds(link))
        return;
    for (unsigned p = 0; p < AMBLE__LL_PROCEDURES && link->procedure == AMBLE__LL_PROCEDURE_NONE; p++)
        if (may_start(link, (amble__ll_procedure)p))
            start(link, (amble__ll_procedure)p);
}

void amble__ll_control_timer(amble__timer *timer)
{
    amble__ll_link *link = amble__container(timer, amble__ll_link, procedure_timer);

    amble__ll_link_close(link, link->procedure == AMBLE__LL_PROCEDURE_TERMINATE ? HC_TERMINATED_BY_LOCAL_HOST
                                                                                : HC_LL_RESPONSE_TIMEOUT);
}

/* --- procedures of the peer's ------------------------------------------------------------------------------------- */

void amble__ll_control_peer_began(amble__ll_link *link, amble__ll_procedure procedure)
{
    amble__air *air = link->activity.controller->air;

    link->peer_procedure = procedure;
    amble__air_arm(air, &link->peer_timer, amble__air_now(air) + LL_RESPONSE_TIMEOUT_US);
}

void amble__ll_control_peer_ended(amble__ll_link *link)
{
    link->peer_procedure = AMBLE__LL_PROCEDURE_NONE;
    amble__air_disarm(link->activity.controller->air, &link->peer_timer);
}

void amble__ll_control_peer_timer(amble__timer *timer)
{
    amble__ll_link_close(amble__container(timer, amble__ll_link, peer_timer), HC_LL_RESPONSE_TIMEOUT);
}

bool amble__ll_control_is_terminate(const amble__ll_control_pdu *pdu) { return pdu->bytes[0] == LL_TERMINATE_IND; }

bool amble__ll_control_acknowledged(amble__ll_link *link)
{
    const uint8_t opcode = link->control[link->control_first].bytes[0];

    link->control_first = (uint8_t)((link->control_first + 1) % AMBLE__LL_CONTROL_QUEUE);
    link->control_count--;
    if (opcode != LL_TERMINATE_IND) {
        amble__ll_control_next(link);
        return true;
    }
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

static void learn_features(amble__ll_link *link, amble__reader *in)
{
    link->peer_features = amble__read_le64(in);
    link->features_known = true;
}

/* Octet 0 is what both can, the rest is what the sender can (5.1.4). */
static void answer_features(amble__ll_link *link, amble__reader *in)
{
    learn_features(link, in);
    send_features(link, LL_FEATURE_RSP,
                  amble__ll_features(link->activity.controller) & (link->peer_features | ~UINT64_C(0xff)));
}

static void feature_rsp(amble__ll_link *link, amble__reader *in)
{
    if (link->procedure != AMBLE__LL_PROCEDURE_FEATURES)
        return;
    learn_features(link, in);
    amble__ll_control_finish(link, AMBLE__LL_PROCEDURE_FEATURES, HC_SUCCESS);
}

static void version_ind(amble__ll_link *link, amble__reader *in)
{
    link->peer_version = amble__read_u8(in);
    link->peer_company = amble__read_le16(in);
    link->peer_subversion = amble__read_le16(in);
    link->version_known = true;
    if (!link->version_sent)
        send_version(link);
    if (link->procedure == AMBLE__LL_PROCEDURE_VERSION)
        amble__ll_control_finish(link, AMBLE__LL_PROCEDURE_VERSION, HC_SUCCESS);
}

static void ping_req(amble__ll_link *link, amble__reader *in)
{
    (void)in;
    amble__ll_control_send_opcode(link, LL_PING_RSP);
}

static void ping_rsp(amble__ll_link *link, amble__reader *in)
{
    (void)in;
    if (link->procedure == AMBLE__LL_PROCEDURE_PING)
        amble__ll_control_finish(link, AMBLE__LL_PROCEDURE_PING, HC_SUCCESS);
}

/* The opcode with which this side began a procedure. */
static int request_of(const amble__ll_link *link)
{
    switch (link->procedure) {
    case AMBLE__LL_PROCEDURE_ENCRYPTION:
        return amble__ll_encryption_request(link);
    case AMBLE__LL_PROCEDURE_VERSION:
        return LL_VERSION_IND;
    case AMBLE__LL_PROCEDURE_FEATURES:
        return link->role == AMBLE__LL_CENTRAL ? LL_FEATURE_REQ : LL_PERIPHERAL_FEATURE_REQ;
    case AMBLE__LL_PROCEDURE_PARAMETERS:
        return LL_CONNECTION_PARAM_REQ;
    case AMBLE__LL_PROCEDURE_PHY:
        return LL_PHY_REQ;
    case AMBLE__LL_PROCEDURE_LENGTH:
        return LL_LENGTH_REQ;
    case AMBLE__LL_PROCEDURE_PING:
        return LL_PING_REQ;
    default:
        return -1; /* LL_TERMINATE_IND and LL_CHANNEL_MAP_IND cannot be refused */
    }
}

/* A procedure of ours met one of the peer's (5.3). A PHY update of both sides needs only one of them to go on, since
 * that one asks both; another kind is tried again behind the peer's. False: neither holds. */
static bool collided(amble__ll_link *link, uint8_t status)
{
    const amble__ll_procedure procedure = link->procedure;

    if (status == HC_LL_PROCEDURE_COLLISION && procedure == AMBLE__LL_PROCEDURE_PHY &&
        link->peer_procedure == AMBLE__LL_PROCEDURE_PHY) {
        stop(link);
        return true;
    }
    if (status != HC_DIFFERENT_TRANSACTION_COLLISION || !has_instant(procedure) || link->repetitions == REPETITIONS_MAX)
        return false;
    link->repetitions++;
    stop(link);
    link->wanted |= 1u << procedure;
    return true;
}

/* What was announced is not to be refused any more. */
static void refused(amble__ll_link *link, int request, uint8_t status)
{
    if (request == LL_CONNECTION_PARAM_RSP && link->peer_procedure == AMBLE__LL_PROCEDURE_PARAMETERS &&
        link->role == AMBLE__LL_PERIPHERAL && link->change.kind != AMBLE__LL_PROCEDURE_PARAMETERS)
        amble__ll_control_peer_ended(link);
    if (request < 0 || request != request_of(link) || link->change.kind == link->procedure || collided(link, status))
        return;
    if (link->procedure == AMBLE__LL_PROCEDURE_PARAMETERS && amble__ll_parameters_refused(link, status))
        return;
    if (link->procedure == AMBLE__LL_PROCEDURE_ENCRYPTION && !amble__ll_encryption_refused(link, status))
        return;
    amble__ll_control_finish(link, link->procedure, status);
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
    amble__ll_control_handler *handle;
} controls[] = {
    {LL_CONNECTION_UPDATE_IND, 12, TO_PERIPHERAL, amble__ll_connection_update_ind},
    {LL_CHANNEL_MAP_IND, 8, TO_PERIPHERAL, amble__ll_channel_map_ind},
    {LL_TERMINATE_IND, 2, TO_BOTH, terminate_ind},
    {LL_ENC_REQ, 23, TO_PERIPHERAL, amble__ll_enc_req},
    {LL_ENC_RSP, 13, TO_CENTRAL, amble__ll_enc_rsp},
    {LL_START_ENC_REQ, 1, TO_CENTRAL, amble__ll_start_enc_req},
    {LL_START_ENC_RSP, 1, TO_BOTH, amble__ll_start_enc_rsp},
    {LL_PAUSE_ENC_REQ, 1, TO_PERIPHERAL, amble__ll_pause_enc_req},
    {LL_PAUSE_ENC_RSP, 1, TO_BOTH, amble__ll_pause_enc_rsp},
    {LL_UNKNOWN_RSP, 2, TO_BOTH, unknown_rsp},
    {LL_FEATURE_REQ, 9, TO_PERIPHERAL, answer_features},
    {LL_FEATURE_RSP, 9, TO_BOTH, feature_rsp},
    {LL_VERSION_IND, 6, TO_BOTH, version_ind},
    {LL_REJECT_IND, 2, TO_BOTH, reject_ind},
    {LL_PERIPHERAL_FEATURE_REQ, 9, TO_CENTRAL, answer_features},
    {LL_CONNECTION_PARAM_REQ, 24, TO_BOTH, amble__ll_connection_param_req},
    {LL_CONNECTION_PARAM_RSP, 24, TO_CENTRAL, amble__ll_connection_param_rsp},
    {LL_REJECT_EXT_IND, 3, TO_BOTH, reject_ext_ind},
    {LL_PING_REQ, 1, TO_BOTH, ping_req},
    {LL_PING_RSP, 1, TO_BOTH, ping_rsp},
    {LL_LENGTH_REQ, 9, TO_BOTH, amble__ll_length_req},
    {LL_LENGTH_RSP, 9, TO_BOTH, amble__ll_length_rsp},
    {LL_PHY_REQ, 3, TO_BOTH, amble__ll_phy_req},
    {LL_PHY_RSP, 3, TO_CENTRAL, amble__ll_phy_rsp},
    {LL_PHY_UPDATE_IND, 5, TO_PERIPHERAL, amble__ll_phy_update_ind},
    {LL_MIN_USED_CHANNELS_IND, 3, TO_CENTRAL, amble__ll_min_used_channels_ind},
    {LL_PERIODIC_SYNC_IND, 35, TO_BOTH, amble__ll_periodic_sync_ind},
};

/* These are answered by the encryption procedure's own PDU, or not at all: they go on when the queue is held. */
static bool needs_no_room(uint8_t opcode)
{
    return opcode == LL_TERMINATE_IND || (opcode >= LL_ENC_REQ && opcode <= LL_UNKNOWN_RSP) ||
           opcode == LL_PAUSE_ENC_REQ || opcode == LL_PAUSE_ENC_RSP || opcode == LL_REJECT_IND ||
           opcode == LL_REJECT_EXT_IND;
}

bool amble__ll_control_received(amble__ll_link *link, const uint8_t *pdu, size_t size)
{
    amble__reader in = amble__reader_of(pdu, size);
    const uint8_t opcode = amble__read_u8(&in);

    if (!size || link->peer_reason)
        return true;
    if (AMBLE__LL_CONTROL_QUEUE - link->control_count < ROOM_TO_ANSWER && !needs_no_room(opcode))
        return false;
    for (size_t i = 0; i < sizeof controls / sizeof *controls; i++) {
        if (controls[i].opcode != opcode || controls[i].size != size || !(controls[i].roles >> link->role & 1))
            continue;
        controls[i].handle(link, &in);
        if (link->open)
            amble__ll_control_next(link);
        return true;
    }
    if (opcode != LL_UNKNOWN_RSP) /* two sides must not keep on telling each other that they do not understand */
        amble__ll_control_send_octet(link, LL_UNKNOWN_RSP, opcode);
    return true;
}
