/* The fixed-channel bearer. Invariants: a turn is FREE, or TAKEN by a task that writes or reads, or SENT; its timer runs exactly while it is SENT,
 * and only then is an answer looked at. A turn that is SENT with nobody in `answer` is a zombie. */
#include "att/bearer.h"

#include "core/log.h"

void amble__att_init(amble__att *att, amble__arena *arena, size_t links, size_t per_link, size_t pool, uint16_t mtu)
{
    amble__att_bearer *bearers = amble__arena_take(arena, links * per_link, sizeof *bearers);

    amble__packet_pool_init(att ? &att->pool : NULL, arena, pool, mtu);
    for (size_t i = 0; i < links * per_link; i++) {
        amble__packet_init(bearers ? &bearers[i].request.packet : NULL, arena, mtu);
        amble__packet_init(bearers ? &bearers[i].indication.packet : NULL, arena, mtu);
        amble__packet_init(bearers ? &bearers[i].response : NULL, arena, mtu);
        amble__packet_init(bearers ? &bearers[i].confirmation : NULL, arena, 1);
    }
    if (att) {
        att->bearers = bearers;
        att->per_link = per_link;
        att->mtu = mtu;
    }
}

/* --- turns -------------------------------------------------------------------------------------------------------- */
static void transaction_is_over(amble__timer *timer)
{
    amble__turn *turn = amble__container(timer, amble__turn, timer);
    amble_connection *conn = turn->bearer->conn;
    char peer[AMBLE_DEVICE_TEXT];

    amble__log(AMBLE__LOG_WARNING, "%s: link 0x%04x: %s did not answer an ATT %s within 30 s; the link is given up",
               conn->hci->instance, conn->handle, amble_device_text(conn->device, peer),
               turn == &turn->bearer->request ? "request" : "indication");
    turn->bearer->dead = true;
    turn->bearer->att->dead(conn);
}

static void open_turn(amble__turn *turn, amble__att_bearer *bearer)
{
    turn->state = AMBLE__TURN_FREE;
    turn->bearer = bearer;
    turn->timer.fire = transaction_is_over;
    amble__list_init(&turn->waiters);
    amble__list_init(&turn->answer);
}

/* Why nothing more may be sent, 0 if it may. A dead bearer takes its link with it, but that takes a moment. */
static int unusable(const amble__att_bearer *bearer)
{
    return bearer->conn->end < 0 ? bearer->conn->end : bearer->dead ? AMBLE_ERR_DISCONNECTED : 0;
}

static void send_pdu(amble__att_bearer *bearer, amble__packet *packet)
{
    amble_connection *conn = bearer->conn;

    amble__trace_at(&conn->hci->trace, ATT_SENT, conn->handle, amble__packet_payload(packet), packet->size);
    amble__l2cap_send(conn, AMBLE__CID_ATT, packet);
}

static amble__writer writer_of(amble__turn *turn)
{
    return amble__writer_of(amble__packet_payload(&turn->packet), turn->bearer->mtu);
}

static void send_turn(amble__turn *turn, const amble__writer *w, bool owed)
{
    turn->packet.size = (uint16_t)amble__written_size(w);
    turn->state = AMBLE__TURN_SENT;
    turn->owed = owed;
    amble__timer_start(&turn->timer, amble_now_us() + (uint64_t)AMBLE__ATT_TRANSACTION_MS * 1000);
    send_pdu(turn->bearer, &turn->packet);
}

/* Sends what the host itself owes the peer in this turn; false when that is nothing. Nobody waits for the answer. */
static bool send_owed(amble__turn *turn)
{
    amble__att_bearer *bearer = turn->bearer;
    amble__writer w = writer_of(turn);

    if (bearer->dead)
        return false;
    if (turn == &bearer->request) {
        if (!bearer->prepared)
            return false;
        bearer->prepared = false;
        bearer->request_opcode = AMBLE__ATT_EXECUTE_WRITE_REQUEST;
        amble__att_write_execute(&w, AMBLE__ATT_EXECUTE_CANCEL);
    } else if (!bearer->att->owed || !bearer->att->owed(bearer, &w)) {
        return false;
    }
    send_turn(turn, &w, true);
    return true;
}

/* Hands the turn to what the host owes, then to whoever waited longest, or frees it. */
static void pass_turn(amble__turn *turn)
{
    amble__timer_stop(&turn->timer);
    turn->state = AMBLE__TURN_TAKEN;
    if (!send_owed(turn) && !amble__waiters_end_first(&turn->waiters, 0))
        turn->state = AMBLE__TURN_FREE;
}

static int begin(amble__turn *turn, uint64_t deadline_us, amble__writer *w)
{
    int r = unusable(turn->bearer);

    if (r == 0 && turn->state != AMBLE__TURN_FREE) /* 0: the turn was handed over, TAKEN */
        r = amble__link_wait(turn->bearer->conn, &turn->waiters, deadline_us);
    if (r < 0)
        return r;
    turn->state = AMBLE__TURN_TAKEN;
    *w = writer_of(turn);
    return 0;
}

static void end(amble__turn *turn)
{
    if (turn->bearer->conn->state == AMBLE__LINK_LIVE)
        pass_turn(turn);
}

/* Sends what was written. 0: the answer is there, and the turn still taken; after an error the turn is over. */
static int transact(amble__turn *turn, const amble__writer *w, uint64_t deadline_us)
{
    const int r = unusable(turn->bearer); /* perhaps since the turn was handed over */

    if (r < 0)
        return r;
    if (w->failed) {
        end(turn);
        return AMBLE_ERR_TOO_LONG;
    }
    send_turn(turn, w, false);
    return amble__link_wait(turn->bearer->conn, &turn->answer, deadline_us);
}

/* The answer to a turn has come. True when somebody waited for it. */
static bool answer_turn(amble__turn *turn)
{
    amble__timer_stop(&turn->timer);
    if (amble__list_empty(&turn->answer)) {
        if (turn->owed && turn == &turn->bearer->indication && turn->bearer->att->confirmed)
            turn->bearer->att->confirmed(turn->bearer);
        pass_turn(turn);
        return false;
    }
    turn->state = AMBLE__TURN_TAKEN;
    return true;
}

/* --- opening and closing ------------------------------------------------------------------------------------------ */
void amble__att_open(amble__att *att, amble_connection *conn)
{
    amble__att_bearer *bearer = &att->bearers[conn->index * att->per_link];

    bearer->conn = conn;
    bearer->att = att;
    bearer->mtu = AMBLE__ATT_MTU_MIN;
    bearer->our_mtu = att->mtu;
    bearer->mtu_exchanged = false;
    bearer->mtu_known = false;
    amble__list_init(&bearer->mtu_waiters);
    bearer->dead = false;
    bearer->prepared = false;
    open_turn(&bearer->request, bearer);
    open_turn(&bearer->indication, bearer);
    conn->bearer = bearer;
}

void amble__att_lost(amble_connection *conn)
{
    amble__timer_stop(&conn->bearer->request.timer);
    amble__timer_stop(&conn->bearer->indication.timer);
}

uint16_t amble_connection_mtu(const amble_connection *conn) { return conn->bearer->mtu; }

int amble_mtu_exchanged(amble_connection *conn, int timeout_ms)
{
    int r = amble__wait_check();

    if (r < 0)
        return r;
    if (!conn->bearer->mtu_known && conn->end < 0)
        return amble__wait_refuse(conn->end);
    if (!conn->bearer->mtu_known)
        r = amble__link_wait(conn, &conn->bearer->mtu_waiters, amble__deadline(timeout_ms));
    return r < 0 ? r : conn->bearer->mtu;
}

/* --- requests of ours --------------------------------------------------------------------------------------------- */
int amble__att_begin(amble__att_bearer *bearer, uint64_t deadline_us, amble__writer *w)
{
    return begin(&bearer->request, deadline_us, w);
}

amble__writer amble__att_next(amble__att_bearer *bearer) { return writer_of(&bearer->request); }

void amble__att_end(amble__att_bearer *bearer) { end(&bearer->request); }

static int read_response(amble__att_bearer *bearer, uint8_t expected, amble__reader *response)
{
    amble__att_error error;
    uint8_t opcode;

    *response = amble__reader_of(amble__packet_payload(&bearer->request.packet), bearer->response_size);
    opcode = amble__read_u8(response);
    if (opcode == expected)
        return 0;
    if (opcode == AMBLE__ATT_ERROR_RESPONSE && amble__att_read_error(response, &error))
        return AMBLE_ERR_ATT(error.code);
    bearer->att->malformed++;
    return AMBLE_ERR_PROTOCOL;
}

int amble__att_exchange(amble__att_bearer *bearer, amble__writer *w, uint8_t expected, uint64_t deadline_us,
                        amble__reader *response)
{
    int r;

    bearer->request_opcode = *w->start;
    if (*w->start == AMBLE__ATT_PREPARE_WRITE_REQUEST || *w->start == AMBLE__ATT_EXECUTE_WRITE_REQUEST)
        bearer->prepared = *w->start == AMBLE__ATT_PREPARE_WRITE_REQUEST;
    r = transact(&bearer->request, w, deadline_us);
    if (r < 0)
        return r;
    r = read_response(bearer, expected, response);
    if (r < 0)
        amble__att_end(bearer);
    return r;
}

/* Whether a PDU answers our outstanding request: its response (the opcode after the request's) or an Error Response that names it. */
static bool answers_request(const amble__att_bearer *bearer, const uint8_t *data, size_t size)
{
    const amble__turn *turn = &bearer->request;

    if (turn->state != AMBLE__TURN_SENT || turn->packet.busy || bearer->dead)
        return false;
    if (data[0] == AMBLE__ATT_ERROR_RESPONSE)
        return size == 5 && data[1] == bearer->request_opcode;
    return data[0] == bearer->request_opcode + 1;
}

void amble__att_set_mtu(amble__att_bearer *bearer, uint16_t theirs)
{
    const uint16_t smaller = theirs < bearer->our_mtu ? theirs : bearer->our_mtu;

    bearer->mtu = smaller < AMBLE__ATT_MTU_MIN ? AMBLE__ATT_MTU_MIN : smaller;
    bearer->mtu_known = true;
    amble__waiters_end(&bearer->mtu_waiters, 0);
}

/* The server counts on its MTU Response, whether or not the task that asked for it still waits. */
static void note_mtu(amble__att_bearer *bearer, const uint8_t *data, size_t size)
{
    amble__reader r = amble__reader_of(data + 1, size - 1);
    uint16_t theirs;

    if (data[0] != AMBLE__ATT_MTU_RESPONSE || !amble__att_read_mtu(&r, &theirs) || theirs < AMBLE__ATT_MTU_MIN)
        return;
    amble__att_set_mtu(bearer, theirs);
    bearer->mtu_exchanged = true;
}

static void receive_response(amble__att_bearer *bearer, const uint8_t *data, size_t size)
{
    const bool owed = bearer->request.owed;

    if (!answers_request(bearer, data, size)) {
        bearer->att->malformed++;
        return;
    }
    note_mtu(bearer, data, size);
    if (!answer_turn(&bearer->request)) {
        bearer->att->late_responses += !owed; /* that one was not waited for from the start */
        return;
    }
    memcpy(amble__packet_payload(&bearer->request.packet), data, size);
    bearer->response_size = size;
    amble__waiters_end(&bearer->request.answer, 0);
}

/* --- without an answer -------------------------------------------------------------------------------------------- */
int amble__att_take(amble__att_bearer *bearer, uint64_t deadline_us, amble__packet **packet, amble__writer *w)
{
    int r = unusable(bearer);

    if (r == 0)
        r = amble__packet_take(&bearer->att->pool, &bearer->conn->acl, &bearer->conn->losses, deadline_us, packet);
    if (r < 0)
        return r;
    if ((r = unusable(bearer)) < 0) { /* the packet came free because the link was lost */
        amble__packet_release(*packet);
        return r;
    }
    *w = amble__writer_of(amble__packet_payload(*packet), bearer->mtu);
    return 0;
}

int amble__att_send(amble__att_bearer *bearer, amble__packet *packet, const amble__writer *w)
{
    if (w->failed) {
        amble__packet_release(packet);
        return AMBLE_ERR_TOO_LONG;
    }
    packet->size = (uint16_t)amble__written_size(w);
    send_pdu(bearer, packet);
    return 0;
}

/* --- the server's side -------------------------------------------------------------------------------------------- */
amble__writer amble__att_answer(amble__att_bearer *bearer)
{
    return amble__writer_of(amble__packet_payload(&bearer->response), bearer->mtu);
}

void amble__att_send_answer(amble__att_bearer *bearer, const amble__writer *w)
{
    (void)amble__att_send(bearer, &bearer->response, w); /* answers are written to fit */
}

void amble__att_send_error(amble__att_bearer *bearer, uint8_t request, uint16_t handle, uint8_t code)
{
    amble__writer w = amble__att_answer(bearer);

    amble__att_write_error(&w, request, handle, code);
    amble__att_send_answer(bearer, &w);
}

int amble__att_begin_indication(amble__att_bearer *bearer, uint64_t deadline_us, amble__writer *w)
{
    return begin(&bearer->indication, deadline_us, w);
}

void amble__att_end_indication(amble__att_bearer *bearer) { end(&bearer->indication); }

int amble__att_indicate(amble__att_bearer *bearer, const amble__writer *w, uint64_t deadline_us)
{
    const int r = transact(&bearer->indication, w, deadline_us);

    if (r == 0)
        end(&bearer->indication);
    return r;
}

void amble__att_confirm(amble__att_bearer *bearer)
{
    amble__writer w = amble__writer_of(amble__packet_payload(&bearer->confirmation), 1);

    if (bearer->confirmation.busy) {
        bearer->att->malformed++; /* the peer indicated again before the confirmation left */
        return;
    }
    amble__write_u8(&w, AMBLE__ATT_CONFIRMATION);
    (void)amble__att_send(bearer, &bearer->confirmation, &w); /* one byte fits */
}

void amble__att_owe_indication(amble__att_bearer *bearer)
{
    if (unusable(bearer) == 0 && bearer->indication.state == AMBLE__TURN_FREE)
        pass_turn(&bearer->indication);
}

static void receive_confirmation(amble__att_bearer *bearer, size_t size)
{
    amble__turn *turn = &bearer->indication;

    if (size != 1 || turn->packet.busy || turn->state != AMBLE__TURN_SENT || bearer->dead) {
        bearer->att->malformed++;
        return;
    }
    if (answer_turn(turn))
        amble__waiters_end(&turn->answer, 0);
}

/* --- receiving ---------------------------------------------------------------------------------------------------- */
static bool is_response(uint8_t opcode)
{
    /* Responses are the odd opcodes up to 0x21, but for those that the server sends unasked. */
    return opcode <= 0x21 && (opcode & 1) && opcode != AMBLE__ATT_NOTIFICATION && opcode != AMBLE__ATT_INDICATION;
}

void amble__att_receive(amble__att *att, amble_connection *conn, const uint8_t *data, size_t size)
{
    amble__att_bearer *bearer = conn->bearer;
    amble__reader pdu;

    amble__trace_at(&conn->hci->trace, ATT_RECEIVED, conn->handle, data, size);
    if (size == 0 || size > bearer->our_mtu) {
        att->malformed++;
        return;
    }
    pdu = amble__reader_of(data + 1, size - 1);
    if (data[0] == AMBLE__ATT_CONFIRMATION)
        receive_confirmation(bearer, size);
    else if (data[0] == AMBLE__ATT_NOTIFICATION || data[0] == AMBLE__ATT_INDICATION ||
             data[0] == AMBLE__ATT_MULTIPLE_NOTIFICATION)
        att->notified(bearer, data[0], &pdu);
    else if (is_response(data[0]))
        receive_response(bearer, data, size);
    else
        att->request(bearer, data[0], &pdu);
}
