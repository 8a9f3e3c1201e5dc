/* Connection parameters: changing them, as central and as peripheral, and answering a peer that asks; and the running
 * of link procedures.
 *
 * A procedure is one command per link that an event ends. Invariants: at most one of a kind is under way on a link,
 * whoever wanted it; one that was sent stays under way until its event, also when its task gave up; one that was not
 * sent goes with its task. */
#include "gap/gap_room.h"

enum {
    DEFAULT_MIN_INTERVAL_US = 30000,
    DEFAULT_MAX_INTERVAL_US = 50000,
    DEFAULT_SUPERVISION_MS = 4000,
    LEAST_INTERVAL_US = 7500,
    MOST_INTERVAL_US = 4000000,
    MOST_LATENCY = 499,
    LEAST_SUPERVISION_MS = 100,
    MOST_SUPERVISION_MS = 32000,
    UNIT_INTERVAL_US = 1250,
    UNIT_SUPERVISION_MS = 10,
    CHANGE_MS = 30000, /* T_GAP(conn_param_timeout), Vol 3 Part C A.1 */
};

/* --- link procedures ---------------------------------------------------------------------------------------------- */
void amble__link_ran(amble_connection *conn, int kind, int result)
{
    amble__link_procedure *procedure = &conn->procedures[kind];

    procedure->state = AMBLE__PROCEDURE_IDLE;
    amble__waiters_end(&procedure->owner, result);
    amble__waiters_end(&procedure->queue, 0);
}

static void want(amble_connection *conn, amble__link_procedure *procedure, uint16_t opcode, const void *parameters,
                 size_t size)
{
    procedure->state = AMBLE__PROCEDURE_WANTED;
    procedure->opcode = opcode;
    amble__put_le16(procedure->parameters, conn->handle);
    memcpy(procedure->parameters + 2, parameters, size);
    procedure->size = (uint8_t)(2 + size);
    amble__gap_work(amble__gap_of(conn->host));
}

int amble__link_run(amble_connection *conn, int kind, uint16_t opcode, const void *parameters, size_t size,
                    uint64_t deadline_us)
{
    amble__link_procedure *procedure = &conn->procedures[kind];
    const uint32_t generation = conn->generation;
    int r;

    while (procedure->state != AMBLE__PROCEDURE_IDLE)
        if ((r = amble__link_wait(conn, &procedure->queue, deadline_us)) < 0)
            return r;
    want(conn, procedure, opcode, parameters, size);
    r = amble__link_wait(conn, &procedure->owner, deadline_us);
    if (r < 0 && conn->state == AMBLE__LINK_LIVE && conn->generation == generation &&
        procedure->state == AMBLE__PROCEDURE_WANTED)
        amble__link_ran(conn, kind, 0); /* not sent yet: taken back */
    return r;
}

static void serve_procedure(amble__gap *gap, amble_connection *conn, int kind)
{
    amble__link_procedure *procedure = &conn->procedures[kind];
    const uint32_t generation = conn->generation;
    uint8_t command[AMBLE__PROCEDURE_COMMAND];
    int r;

    if (procedure->state != AMBLE__PROCEDURE_WANTED)
        return;
    procedure->state = AMBLE__PROCEDURE_SENT;
    memcpy(command, procedure->parameters, procedure->size);
    r = amble__hci_command(gap->hci, procedure->opcode, command, procedure->size, NULL, 0);
    if (r < 0 && conn->state == AMBLE__LINK_LIVE && conn->generation == generation)
        amble__link_ran(conn, kind, r);
}

/* What the controller waits for when the peer's link layer asked. */
static void serve_answer(amble__gap *gap, amble_connection *conn)
{
    amble__parameter_answer *answer = &conn->parameter_answer;
    uint8_t parameters[14];
    amble__writer w = amble__writer_of(parameters, sizeof parameters);

    if (!answer->owed)
        return;
    answer->owed = false;
    amble__write_le16(&w, conn->handle);
    if (!answer->accept) {
        amble__write_u8(&w, AMBLE__HCI_UNACCEPTABLE_PARAMETERS);
        /* Refused when the link is gone, or the peer took its wish back: nothing is owed any more. */
        (void)amble__hci_command(gap->hci, AMBLE__HCI_LE_PARAMETER_REQUEST_REFUSE, parameters, amble__written_size(&w),
                                 NULL, 0);
        return;
    }
    amble__write_le16(&w, answer->interval_min);
    amble__write_le16(&w, answer->interval_max);
    amble__write_le16(&w, answer->latency);
    amble__write_le16(&w, answer->timeout);
    amble__write_le32(&w, 0); /* event length: as the controller likes */
    (void)amble__hci_command(gap->hci, AMBLE__HCI_LE_PARAMETER_REQUEST_REPLY, parameters, amble__written_size(&w), NULL,
                             0); /* the same */
}

void amble__serve_procedures(amble__gap *gap)
{
    for (size_t i = 0; i < gap->links->count; i++) {
        amble_connection *conn = &gap->links->slots[i];

        if (conn->state == AMBLE__LINK_LIVE)
            serve_answer(gap, conn);
        for (int kind = 0; kind < AMBLE__PROCEDURES; kind++)
            if (conn->state == AMBLE__LINK_LIVE)
                serve_procedure(gap, conn, kind);
    }
}

/* --- parameters --------------------------------------------------------------------------------------------------- */
static void or_default(uint32_t *value, uint32_t otherwise)
{
    if (!*value)
        *value = otherwise;
}

int amble__parameters_take(amble_parameters *p)
{
    or_default(&p->max_interval_us,
               p->min_interval_us > DEFAULT_MAX_INTERVAL_US ? p->min_interval_us : DEFAULT_MAX_INTERVAL_US);
    or_default(&p->min_interval_us,
               p->max_interval_us < DEFAULT_MIN_INTERVAL_US ? p->max_interval_us : DEFAULT_MIN_INTERVAL_US);
    or_default(&p->supervision_timeout_ms, DEFAULT_SUPERVISION_MS);
    p->supervision_timeout_ms -= p->supervision_timeout_ms % UNIT_SUPERVISION_MS; /* as the controller will have it */
    if (p->min_interval_us < LEAST_INTERVAL_US || p->max_interval_us > MOST_INTERVAL_US ||
        p->min_interval_us > p->max_interval_us || p->latency > MOST_LATENCY ||
        p->supervision_timeout_ms < LEAST_SUPERVISION_MS || p->supervision_timeout_ms > MOST_SUPERVISION_MS)
        return AMBLE_ERR_ARGUMENT;
    /* The link must survive the events that the peripheral may skip, Vol 4 Part E 7.8.12. */
    return (uint64_t)p->supervision_timeout_ms * 1000 > (1u + p->latency) * (uint64_t)p->max_interval_us * 2
               ? 0
               : AMBLE_ERR_ARGUMENT;
}

void amble__parameters_write(amble__writer *w, const amble_parameters *p)
{
    amble__write_le16(w, p->min_interval_us / UNIT_INTERVAL_US);
    amble__write_le16(w, p->max_interval_us / UNIT_INTERVAL_US);
    amble__write_le16(w, p->latency);
    amble__write_le16(w, p->supervision_timeout_ms / UNIT_SUPERVISION_MS);
    amble__write_le32(w, 0); /* event length: as the controller likes */
}

static int update(amble_connection *conn, const amble_parameters *parameters, uint64_t deadline_us)
{
    uint8_t command[AMBLE__PROCEDURE_COMMAND - 2];
    amble__writer w = amble__writer_of(command, sizeof command);

    amble__parameters_write(&w, parameters);
    return amble__link_run(conn, AMBLE__PROCEDURE_PARAMETERS, AMBLE__HCI_LE_CONNECTION_UPDATE, command, sizeof command,
                           deadline_us);
}

/* Whether the link layer cannot carry a peripheral's wish, so that L2CAP must. Vol 3 Part A 4.20. */
static bool must_go_through_l2cap(int error)
{
    return error == AMBLE_ERR_HCI(AMBLE__HCI_UNKNOWN_COMMAND) ||
           error == AMBLE_ERR_HCI(AMBLE__HCI_COMMAND_DISALLOWED) || error == AMBLE_ERR_HCI(AMBLE__HCI_UNSUPPORTED) ||
           error == AMBLE_ERR_HCI(AMBLE__HCI_UNSUPPORTED_BY_PEER);
}

static bool has(const amble_connection *conn, const amble_parameters *p)
{
    return conn->interval_us >= p->min_interval_us / UNIT_INTERVAL_US * UNIT_INTERVAL_US &&
           conn->interval_us <= p->max_interval_us && conn->latency == p->latency &&
           conn->supervision_ms == p->supervision_timeout_ms;
}

/* The central said yes; its controller sees to it some events later. */
static int wait_for_change(amble_connection *conn, const amble_parameters *parameters, uint64_t deadline_us)
{
    const uint64_t latest = amble__deadline(CHANGE_MS);

    if (has(conn, parameters))
        return 0;
    return amble__link_wait(conn, &conn->procedures[AMBLE__PROCEDURE_PARAMETERS].queue,
                            deadline_us < latest ? deadline_us : latest);
}

int amble_connection_update(amble_connection *conn, const amble_parameters *parameters, int timeout_ms)
{
    amble__gap *gap = amble__gap_of(conn->host);
    const uint64_t deadline = amble__deadline(timeout_ms);
    amble_parameters wish = *parameters;
    int r = amble__wait_check();

    if (r < 0)
        return r;
    if (conn->end < 0)
        return amble__wait_refuse(conn->end);
    r = amble__parameters_take(&wish);
    if (r < 0)
        return r;
    r = update(conn, &wish, deadline);
    if (conn->central || !must_go_through_l2cap(r))
        return r;
    r = gap->ask_central(conn, &wish, deadline);
    return r < 0 ? r : wait_for_change(conn, &wish, deadline);
}

void amble__parameters_event(amble__gap *gap, amble__reader *r)
{
    const uint8_t status = amble__read_u8(r);
    const uint16_t handle = amble__read_le16(r) & 0x0fff;
    const uint16_t interval = amble__read_le16(r), latency = amble__read_le16(r), supervision = amble__read_le16(r);
    amble_connection *conn = r->failed ? NULL : amble__link_by_handle(gap->links, handle);

    gap->malformed += r->failed;
    if (!conn)
        return;
    if (!status) {
        conn->interval_us = interval * (uint32_t)UNIT_INTERVAL_US;
        conn->latency = latency;
        conn->supervision_ms = supervision * (uint32_t)UNIT_SUPERVISION_MS;
    }
    if (conn->procedures[AMBLE__PROCEDURE_PARAMETERS].state == AMBLE__PROCEDURE_SENT)
        amble__link_ran(conn, AMBLE__PROCEDURE_PARAMETERS, status ? AMBLE_ERR_HCI(status) : 0);
    else
        amble__waiters_end(&conn->procedures[AMBLE__PROCEDURE_PARAMETERS].queue, 0); /* whoever waits for it looks */
}

/* --- a peer asks -------------------------------------------------------------------------------------------------- */
/* Cuts the wish to what the policy grants; false when nothing is left of it. */
static bool grant(const amble_parameter_policy *policy, amble_parameters *wish)
{
    if (policy->refuse || (policy->no_latency && wish->latency) ||
        (policy->max_latency && wish->latency > policy->max_latency) ||
        (policy->max_supervision_timeout_ms && wish->supervision_timeout_ms > policy->max_supervision_timeout_ms))
        return false;
    if (wish->min_interval_us < policy->min_interval_us)
        wish->min_interval_us = policy->min_interval_us + (UNIT_INTERVAL_US - 1);
    wish->min_interval_us -= wish->min_interval_us % UNIT_INTERVAL_US;
    if (policy->max_interval_us && wish->max_interval_us > policy->max_interval_us)
        wish->max_interval_us = policy->max_interval_us - policy->max_interval_us % UNIT_INTERVAL_US;
    return wish->min_interval_us <= wish->max_interval_us && amble__parameters_take(wish) == 0;
}

bool amble__parameters_asked(amble__gap *gap, amble_connection *conn, amble_parameters wish)
{
    amble__link_procedure *procedure = &conn->procedures[AMBLE__PROCEDURE_PARAMETERS];
    uint8_t command[AMBLE__PROCEDURE_COMMAND - 2];
    amble__writer w = amble__writer_of(command, sizeof command);

    if (procedure->state != AMBLE__PROCEDURE_IDLE || !grant(&gap->policy, &wish))
        return false;
    amble__parameters_write(&w, &wish);
    want(conn, procedure, AMBLE__HCI_LE_CONNECTION_UPDATE, command, sizeof command);
    return true;
}

void amble__parameters_request_event(amble__gap *gap, amble__reader *r)
{
    const uint16_t handle = amble__read_le16(r) & 0x0fff;
    amble_parameters wish = {.min_interval_us = amble__read_le16(r) * (uint32_t)UNIT_INTERVAL_US};
    amble__parameter_answer answer = {.owed = true};
    amble_connection *conn;

    wish.max_interval_us = amble__read_le16(r) * (uint32_t)UNIT_INTERVAL_US;
    wish.latency = amble__read_le16(r);
    wish.supervision_timeout_ms = amble__read_le16(r) * (uint32_t)UNIT_SUPERVISION_MS;
    conn = r->failed ? NULL : amble__link_by_handle(gap->links, handle);
    gap->malformed += r->failed;
    if (!conn)
        return;
    /* Zeros would be taken for "not said". */
    answer.accept =
        wish.min_interval_us && wish.max_interval_us && wish.supervision_timeout_ms && grant(&gap->policy, &wish);
    answer.interval_min = (uint16_t)(wish.min_interval_us / UNIT_INTERVAL_US);
    answer.interval_max = (uint16_t)(wish.max_interval_us / UNIT_INTERVAL_US);
    answer.latency = wish.latency;
    answer.timeout = (uint16_t)(wish.supervision_timeout_ms / UNIT_SUPERVISION_MS);
    conn->parameter_answer = answer;
    amble__gap_work(gap);
}

void amble_set_parameter_policy(amble *ble, const amble_parameter_policy *policy)
{
    amble__gap_of(ble)->policy = policy ? *policy : (amble_parameter_policy){.refuse = false};
}
