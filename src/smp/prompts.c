/* Prompts: what people are asked and told, queued at the host until a task takes it.
 *
 * Invariants: a link has room for one question and one message, so no peer can fill the queue; a later one takes the
 * place of an earlier one that nobody took, and counts it. A question belongs to one pairing; when that is over the
 * question is gone, taken or not, and an answer to it is stale. */
#include "smp/smp.h"
#include "task/scheduler.h"

enum { PROMPTS_OF_A_LINK = 2 };

static void queue(amble__smp_link *link, amble_prompt_kind kind, const amble_prompt *what)
{
    amble_connection *conn = link->conn;
    amble__smp *smp = amble__smp_of(conn->host);
    const bool message = kind == AMBLE_PROMPT_DONE || kind == AMBLE_PROMPT_REQUESTED;
    amble__smp_prompt *place = &smp->prompts[PROMPTS_OF_A_LINK * conn->index + message];
    const uint32_t dropped = place->queued ? place->prompt.dropped + 1 : 0;

    *place = (amble__smp_prompt){
        .queued = true, .generation = conn->generation, .order = ++smp->prompt_order, .prompt = *what};
    place->prompt.kind = kind;
    place->prompt.conn = conn;
    place->prompt.device = conn->device;
    place->prompt.dropped = dropped;
    amble__waiters_end(&smp->prompt_waiters, 0);
}

void amble__prompt_question(amble__pairing *p, amble_prompt_kind kind, uint32_t passkey)
{
    do
        p->question = ++p->smp->questions;
    while (!p->question);
    p->question_kind = kind;
    p->answered = false;
    queue(p->link, kind, &(amble_prompt){.passkey = passkey, .id = p->question});
}

/* Numbers of the incomplete last cycle would favour small passkeys; they are drawn again. */
static int draw_passkey(const amble__pairing *p, uint32_t *passkey)
{
    const uint32_t bound = UINT32_MAX - UINT32_MAX % AMBLE__SMP_PASSKEYS;
    uint8_t bytes[4];
    int r;

    do
        r = amble__pairing_draw(p, bytes, sizeof bytes);
    while (r >= 0 && amble__get_le32(bytes) >= bound);
    *passkey = amble__get_le32(bytes) % AMBLE__SMP_PASSKEYS;
    amble__wipe(bytes, sizeof bytes);
    return r;
}

int amble__prompt_show(amble__pairing *p)
{
    uint32_t passkey = p->options.passkey;
    int r = p->options.fixed_passkey ? 0 : draw_passkey(p, &passkey);

    if (r >= 0) {
        amble__pairing_set_passkey(p, passkey);
        amble__prompt_question(p, AMBLE_PROMPT_SHOW, passkey);
    }
    amble__wipe(&passkey, sizeof passkey);
    return r;
}

void amble__prompt_tell(amble__smp_link *link, amble_prompt_kind kind, int result)
{
    queue(link, kind, &(amble_prompt){.result = result});
}

void amble__prompt_withdraw(amble__pairing *p)
{
    amble__smp_prompt *place = &p->smp->prompts[PROMPTS_OF_A_LINK * p->link->conn->index];

    if (p->question && place->prompt.id == p->question)
        *place = (amble__smp_prompt){.queued = false}; /* a passkey is a secret */
    p->question = 0;
}

/* --- taking ------------------------------------------------------------------------------------------------------- */
static amble__smp_prompt *oldest(const amble__smp *smp)
{
    amble__smp_prompt *found = NULL;

    for (size_t i = 0; i < PROMPTS_OF_A_LINK * smp->link_count; i++)
        if (smp->prompts[i].queued && (!found || smp->prompts[i].order < found->order))
            found = &smp->prompts[i];
    return found;
}

static int wait_for_prompt(amble__smp *smp, uint64_t deadline_us)
{
    amble__wait wait;
    amble__waiter on_prompt, on_closing;

    if (smp->hci->failed)
        return amble__wait_refuse(smp->hci->failed);
    amble__wait_begin(&wait, &on_prompt, &smp->prompt_waiters);
    amble__wait_add(&wait, &on_closing, &smp->hci->closings);
    return amble__wait_run_until(&wait, deadline_us);
}

static void take(amble__smp_prompt *place, amble_prompt *prompt)
{
    const amble_connection *conn = place->prompt.conn;

    *prompt = place->prompt;
    if (conn->generation != place->generation || conn->state == AMBLE__LINK_FREE)
        prompt->conn = NULL;
    place->queued = false;
    amble__wipe(&place->prompt.passkey, sizeof place->prompt.passkey);
}

int amble_prompted(amble *ble, amble_prompt *prompt, int timeout_ms)
{
    amble__smp *smp = amble__smp_of(ble);
    const uint64_t deadline = amble__due(timeout_ms);
    int r = amble__wait_check();

    if (r >= 0 && smp->prompt_taken)
        return amble__wait_refuse(AMBLE_ERR_BUSY);
    smp->prompt_taken = r >= 0;
    while (r >= 0 && !oldest(smp))
        r = wait_for_prompt(smp, deadline);
    if (r >= 0)
        take(oldest(smp), prompt);
    smp->prompt_taken = false;
    return r < 0 ? r : 0;
}

static amble__smp *smp_of_source(const amble_source *source) { return (amble__smp *)(uintptr_t)source->object; }
static bool prompt_ready(const amble_source *source)
{
    const amble__smp *smp = smp_of_source(source);

    return smp->hci->failed || oldest(smp);
}
static amble__list *prompt_waiters(const amble_source *source) { return &smp_of_source(source)->prompt_waiters; }

amble_source amble_on_prompt(amble *ble)
{
    static const amble__source_kind kind = {.ready = prompt_ready, .waiters = prompt_waiters};

    return (amble_source){.kind = &kind, .object = amble__smp_of(ble)};
}

/* --- answering ---------------------------------------------------------------------------------------------------- */
static amble__pairing *pairing_asking(const amble__smp *smp, const amble_prompt *prompt)
{
    for (size_t i = 0; i < smp->pairing_count; i++) {
        amble__pairing *p = &smp->pairings[i];

        if (p->link && prompt->id && p->question == prompt->id && !p->answered)
            return p;
    }
    return NULL;
}

static int refuse(amble__pairing *p)
{
    static const uint8_t reasons[] = {
        [AMBLE_PROMPT_SHOW] = AMBLE__SMP_PASSKEY_FAILED,
        [AMBLE_PROMPT_ENTER] = AMBLE__SMP_PASSKEY_FAILED,
        [AMBLE_PROMPT_COMPARE] = AMBLE__SMP_COMPARISON_FAILED,
        [AMBLE_PROMPT_OUT_OF_BAND] = AMBLE__SMP_OOB_NOT_AVAILABLE,
        [AMBLE_PROMPT_ALLOW] = AMBLE__SMP_NOT_SUPPORTED,
    };

    amble__pairing_end(p, AMBLE_ERR_SMP(reasons[p->question_kind]), true);
    return 0;
}

static int accept(amble__pairing *p)
{
    p->answered = true;
    if (p->initiator)
        amble__waiters_end(&p->events, 0);
    else
        amble__responder_answered(p);
    return 0;
}

int amble_prompt_answer(amble *ble, const amble_prompt *prompt, int answer)
{
    amble__pairing *p = pairing_asking(amble__smp_of(ble), prompt);

    if (!p)
        return AMBLE_ERR_STALE;
    if (answer < 0)
        return refuse(p);
    switch (p->question_kind) {
    case AMBLE_PROMPT_SHOW:
        return 0;
    case AMBLE_PROMPT_ENTER:
        if (answer >= AMBLE__SMP_PASSKEYS)
            return AMBLE_ERR_ARGUMENT;
        amble__pairing_set_passkey(p, (uint32_t)answer);
        return accept(p);
    case AMBLE_PROMPT_OUT_OF_BAND:
        return answer == 0 ? accept(p) : AMBLE_ERR_ARGUMENT;
    default:
        if (answer > 1)
            return AMBLE_ERR_ARGUMENT;
        return answer ? accept(p) : refuse(p);
    }
}

int amble_prompt_answer_data(amble *ble, const amble_prompt *prompt, const amble_oob_data *data)
{
    amble__pairing *p = pairing_asking(amble__smp_of(ble), prompt);

    if (!p)
        return AMBLE_ERR_STALE;
    if (p->question_kind != AMBLE_PROMPT_OUT_OF_BAND)
        return AMBLE_ERR_ARGUMENT;
    p->has_peer_data = true;
    memcpy(p->secret.peer_confirm, data->confirm, sizeof data->confirm);
    memcpy(p->secret.peer_r, data->random, sizeof data->random);
    memcpy(p->secret.temporary, data->key, sizeof data->key);
    return accept(p);
}
