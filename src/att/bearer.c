/* Bearers, and the turns on them. Invariants: a turn is FREE, or TAKEN by a task that writes or reads, or SENT; its
 * timer runs exactly while it is SENT, and only then is an answer looked at. A turn that is SENT with nobody in
 * `answer` is a zombie. An enhanced bearer has a channel exactly while it is not dead; its slot is used again when no
 * task has a turn of it any more. */
#include "att/bearer.h"

#include "core/log.h"
#include "core/rare.h"

void amble__att_init(amble__att *att, amble__arena *arena, size_t links, size_t per_link, size_t pool, uint16_t mtu)
{
    amble__att_bearer *bearers = amble__arena_take(arena, links * per_link, sizeof *bearers);

    amble__packet_pool_init(att ? &att->pool : NULL, arena, pool, mtu);
    for (size_t i = 0; i < links * per_link; i++) {
        amble__packet_init(bearers ? &bearers[i].request.packet : NULL, arena, mtu);
        if (i % per_link == 0) /* only the fixed channel indicates */
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

    amble__log(AMBLE__LOG_WARNING, "%s: link 0x%04x: %s did not answer an ATT %s within 30 s; the %s is given up",
               conn->hci->instance, conn->handle, amble_device_text(conn->device, peer),
               turn == &turn->bearer->request ? "request" : "indication", turn->bearer->enhanced ? "bearer" : "link");
    if (turn->bearer->enhanced) {
        amble__channel_close(turn->bearer->channel, AMBLE_ERR_TIMEOUT);
        return;
    }
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

int amble__att_end_of(const amble__att_bearer *bearer)
{
    if (bearer->conn->end < 0 || !bearer->dead)
        return bearer->conn->end;
    return bearer->enhanced ? AMBLE_ERR_CHANNEL_CLOSED : AMBLE_ERR_DISCONNECTED;
}

/* A peer that lets nothing out and asks for more all the same loses the channel: there is room for all that a bearer
 * may owe. */
static AMBLE__RARE void send_on_channel(amble__att_bearer *bearer, amble__packet *packet)
{
    if (bearer->channel && !amble__bearer_send(bearer->channel, amble__packet_payload(packet), packet->size)) {
        bearer->att->malformed++;
        amble__channel_close(bearer->channel, AMBLE_ERR_PROTOCOL);
    }
    amble__packet_release(packet);
}

static void hand_pdu_on(amble__att_bearer *bearer, amble__packet *packet)
{
    if (bearer->enhanced)
        send_on_channel(bearer, packet);
    else
        amble__l2cap_send(bearer->conn, AMBLE__CID_ATT, packet);
}

static AMBLE__RARE void trace_sent(amble__att_bearer *bearer, amble__packet *packet)
{
    amble__trace_at(&bearer->conn->hci->trace, ATT_SENT, bearer->conn->handle, amble__packet_payload(packet),
                    packet->size);
    hand_pdu_on(bearer, packet);
}

static void send_pdu(amble__att_bearer *bearer, amble__packet *packet)
{
    if (bearer->conn->hci->trace.sink)
        trace_sent(bearer, packet);
    else
        hand_pdu_on(bearer, packet);
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

/* A task that waits for its turn to ask. */
typedef struct {
    amble__waiter waiter;
    const amble__att_bearer *only; /* NULL: on any whose MTU is */
    size_t need;
    amble__att_bearer *given;
} asking_waiter;

static asking_waiter *asking_of(amble__list *node)
{
    return amble__container(amble__container(node, amble__waiter, node), asking_waiter, waiter);
}

static bool suits(const amble__att_bearer *bearer, const asking_waiter *asking)
{
    if (asking->only)
        return bearer == asking->only;
    return !bearer->enhanced || (!bearer->dead && bearer->mtu >= asking->need);
}

/* Gives the turn to ask to whoever waited longest of those whom this bearer suits; false when there is nobody. */
static bool hand_to_asking(amble__att_bearer *bearer)
{
    amble__list *waiters = &bearer->conn->bearer->request.waiters;

    for (amble__list *node = waiters->next; node != waiters; node = node->next) {
        asking_waiter *asking = asking_of(node);

        if (!suits(bearer, asking))
            continue;
        asking->given = bearer;
        amble__wait_end(asking->waiter.wait, 0);
        return true;
    }
    return false;
}

static bool hand_on(amble__turn *turn)
{
    return turn == &turn->bearer->request ? hand_to_asking(turn->bearer) : amble__waiters_end_first(&turn->waiters, 0);
}

/* Hands the turn to what the host owes, then to whoever waited longest, or frees it. */
static void pass_turn(amble__turn *turn)
{
    amble__timer_stop(&turn->timer);
    turn->state = AMBLE__TURN_TAKEN;
    if (!send_owed(turn) && !hand_on(turn))
        turn->state = AMBLE__TURN_FREE;
}

static void end(amble__turn *turn)
{
    if (turn->bearer->enhanced && turn->bearer->dead)
        turn->state = AMBLE__TURN_FREE; /* the slot may be used again */
    else if (turn->bearer->conn->state == AMBLE__LINK_LIVE)
        pass_turn(turn);
}

/* Sends what was written. 0: the answer is there, and the turn still taken; after an error the turn is over. */
static int transact(amble__turn *turn, const amble__writer *w, uint64_t deadline_us)
{
    int r = amble__att_unusable(turn->bearer); /* perhaps since the turn was handed over */

    if (r < 0 || w->failed) {
        if (turn->bearer->enhanced || !r)
            end(turn);
        return r < 0 ? r : AMBLE_ERR_TOO_LONG;
    }
    send_turn(turn, w, false);
    r = amble__att_unusable(turn->bearer); /* perhaps it was the last that this bearer took */
    return r < 0 ? r : amble__link_wait(turn->bearer->conn, &turn->answer, deadline_us);
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
    conn->bearer = &att->bearers[conn->index * att->per_link];
    for (size_t i = 0; i < att->per_link; i++) {
        amble__att_bearer *bearer = &conn->bearer[i];

        bearer->conn = conn;
        bearer->att = att;
        bearer->enhanced = i > 0;
        bearer->channel = NULL;
        bearer->mtu = AMBLE__ATT_MTU_MIN;
        bearer->our_mtu = att->mtu;
        bearer->mtu_exchanged = false;
        bearer->mtu_known = false;
        amble__list_init(&bearer->mtu_waiters);
        bearer->dead = bearer->enhanced;
        bearer->prepared = false;
        open_turn(&bearer->request, bearer);
        open_turn(&bearer->indication, bearer);
    }
}

void amble__att_lost(amble_connection *conn)
{
    amble__packet_pool_lost(&conn->bearer->att->pool, &conn->acl, conn->end);
    for (size_t i = 0; i < conn->bearer->att->per_link; i++) {
        amble__timer_stop(&conn->bearer[i].request.timer);
        amble__timer_stop(&conn->bearer[i].indication.timer);
    }
}

uint16_t amble_connection_mtu(const amble_connection *conn) { return conn->bearer->mtu; }

unsigned amble_connection_bearers(const amble_connection *conn)
{
    unsigned count = 0;

    for (size_t i = 0; conn->state == AMBLE__LINK_LIVE && i < conn->bearer->att->per_link; i++)
        count += !conn->bearer[i].dead;
    return count;
}

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
static amble__att_bearer *free_bearer(amble_connection *conn, const asking_waiter *asking)
{
    for (size_t i = 0; i < conn->bearer->att->per_link; i++)
        if (conn->bearer[i].request.state == AMBLE__TURN_FREE && suits(&conn->bearer[i], asking))
            return &conn->bearer[i];
    return NULL;
}

/* 0: `asking->given` has its turn TAKEN for this task. */
static int wait_to_ask(amble_connection *conn, asking_waiter *asking, uint64_t deadline_us)
{
    amble__waiter for_loss;
    amble__wait wait;

    amble__wait_begin(&wait, &asking->waiter, &conn->bearer->request.waiters);
    amble__wait_add(&wait, &for_loss, &conn->losses);
    return amble__wait_run_until(&wait, deadline_us);
}

/* The bearer whose turn this task has now, in `asking->given`. */
static int begin(amble_connection *conn, asking_waiter *asking, uint64_t deadline_us, amble__writer *w)
{
    int r = 0;

    asking->given = free_bearer(conn, asking);
    while (r == 0 && !asking->given) {
        r = wait_to_ask(conn, asking, deadline_us);
        if (r == 0 && (r = amble__att_unusable(asking->given)) == AMBLE_ERR_CHANNEL_CLOSED) { /* before this task ran */
            end(&asking->given->request);
            asking->given = asking->only ? NULL : free_bearer(conn, asking);
            r = asking->only ? r : 0;
        }
    }
    if (r < 0)
        return r;
    asking->given->request.state = AMBLE__TURN_TAKEN;
    *w = writer_of(&asking->given->request);
    return 0;
}

int amble__att_begin(amble_connection *conn, size_t need, uint64_t deadline_us, amble__att_bearer **bearer,
                     amble__writer *w)
{
    asking_waiter asking = {.need = need};
    int r = amble__att_unusable(conn->bearer);

    if (r == 0)
        r = begin(conn, &asking, deadline_us, w);
    *bearer = asking.given;
    return r;
}

int amble__att_begin_on(amble__att_bearer *bearer, uint64_t deadline_us, amble__writer *w)
{
    asking_waiter asking = {.only = bearer};
    const int r = amble__att_unusable(bearer);

    return r < 0 ? r : begin(bearer->conn, &asking, deadline_us, w);
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

/* Whether a PDU answers our outstanding request: its response (the opcode after the request's) or an Error Response
 * that names it. */
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

    if (data[0] != AMBLE__ATT_MTU_RESPONSE || bearer->enhanced || !amble__att_read_mtu(&r, &theirs) ||
        theirs < AMBLE__ATT_MTU_MIN)
        return;
    amble__att_set_mtu(bearer, theirs);
    bearer->mtu_exchanged = true;
}

static AMBLE__APART void receive_response(amble__att_bearer *bearer, const uint8_t *data, size_t size)
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
void amble__att_send_packet(amble__att_bearer *bearer, amble__packet *packet, size_t size)
{
    packet->size = (uint16_t)size;
    send_pdu(bearer, packet);
}

/* --- the server's side -------------------------------------------------------------------------------------------- */
void amble__att_send_error(amble__att_bearer *bearer, uint8_t request, uint16_t handle, uint8_t code)
{
    amble__writer w = amble__att_answer(bearer);

    amble__att_write_error(&w, request, handle, code);
    amble__att_send_answer(bearer, &w);
}

int amble__att_begin_indication(amble__att_bearer *bearer, uint64_t deadline_us, amble__writer *w)
{
    amble__turn *turn = &bearer->indication;
    int r = amble__att_unusable(bearer);

    if (r == 0 && turn->state != AMBLE__TURN_FREE) /* 0: the turn was handed over, TAKEN */
        r = amble__link_wait(bearer->conn, &turn->waiters, deadline_us);
    if (r < 0)
        return r;
    turn->state = AMBLE__TURN_TAKEN;
    *w = writer_of(turn);
    return 0;
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
    if (amble__att_unusable(bearer) == 0 && bearer->indication.state == AMBLE__TURN_FREE)
        pass_turn(&bearer->indication);
}

static AMBLE__APART void receive_confirmation(amble__att_bearer *bearer, size_t size)
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

/* A PDU of one byte or more. */
static void sort(amble__att_bearer *bearer, const uint8_t *data, size_t size)
{
    const amble__bytes pdu = {.data = data, .size = size};
    amble__att *att = bearer->att;

    if (data[0] == AMBLE__ATT_CONFIRMATION)
        receive_confirmation(bearer, size);
    else if (data[0] == AMBLE__ATT_NOTIFICATION || data[0] == AMBLE__ATT_INDICATION ||
             data[0] == AMBLE__ATT_MULTIPLE_NOTIFICATION)
        att->notified(bearer, pdu);
    else if (is_response(data[0]))
        receive_response(bearer, data, size);
    else
        att->request(bearer, pdu);
}

static void receive(amble__att_bearer *bearer, const uint8_t *data, size_t size)
{
    if (size && size <= bearer->our_mtu)
        sort(bearer, data, size);
    else
        bearer->att->malformed++;
}

static AMBLE__RARE void trace_received(amble__att_bearer *bearer, const uint8_t *data, size_t size)
{
    amble__trace_at(&bearer->conn->hci->trace, ATT_RECEIVED, bearer->conn->handle, data, size);
    receive(bearer, data, size);
}

void amble__att_receive(amble__att_bearer *bearer, const uint8_t *data, size_t size)
{
    if (bearer->conn->hci->trace.sink)
        trace_received(bearer, data, size);
    else
        receive(bearer, data, size);
}

/* --- enhanced bearers --------------------------------------------------------------------------------------------- */
static bool is_unused(const amble__att_bearer *bearer)
{
    return bearer->enhanced && bearer->dead && bearer->request.state == AMBLE__TURN_FREE;
}

static amble__att_bearer *unused_bearer(amble_connection *conn)
{
    for (size_t i = 0; i < conn->bearer->att->per_link; i++)
        if (is_unused(&conn->bearer[i]))
            return &conn->bearer[i];
    return NULL;
}

unsigned amble__att_unused(const amble_connection *conn)
{
    unsigned count = 0;

    for (size_t i = 0; i < conn->bearer->att->per_link; i++)
        count += is_unused(&conn->bearer[i]);
    return count;
}

/* The MTU is the smaller of both sides', Part G 5.3.1. */
void amble__att_channel_ready(amble_l2cap_channel *channel)
{
    amble__att_bearer *bearer = channel->bearer ? channel->bearer : unused_bearer(channel->link->conn);

    if (!bearer) { /* a task has not given back its turn on the last one */
        amble__channel_close(channel, AMBLE_ERR_NO_MEMORY);
        return;
    }
    channel->bearer = bearer;
    bearer->channel = channel;
    bearer->mtu = channel->peer_mtu < channel->mtu ? channel->peer_mtu : channel->mtu;
    bearer->dead = false;
    if (bearer->request.state == AMBLE__TURN_FREE)
        pass_turn(&bearer->request);
}

void amble__att_channel_received(amble_l2cap_channel *channel, const uint8_t *sdu, size_t size)
{
    amble__att_receive(channel->bearer, sdu, size);
}

void amble__att_channel_ended(amble_l2cap_channel *channel)
{
    amble__att_bearer *bearer = channel->bearer;
    amble__turn *turn;

    if (!bearer) /* it was never opened */
        return;
    channel->bearer = NULL;
    bearer->channel = NULL;
    bearer->dead = true;
    turn = &bearer->request;
    amble__timer_stop(&turn->timer);
    if (turn->state == AMBLE__TURN_SENT) {
        turn->state = AMBLE__TURN_FREE;
        amble__waiters_end(&turn->answer, channel->end);
    }
    amble__list_each (node, &bearer->conn->bearer->request.waiters)
        if (asking_of(node)->only == bearer)
            amble__wait_end(asking_of(node)->waiter.wait, channel->end);
    bearer->att->closed(bearer);
}
