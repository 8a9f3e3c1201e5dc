/* The room's frame: its memory, its links, and where PDUs of the security channel go (Vol 3 Part H 3.2, 3.3).
 *
 * A PDU of a reserved code is ignored; one of the wrong length, or out of turn, ends the pairing with a reason.
 * Invariant: a Pairing Failed is never answered, so two hosts cannot echo each other. */
#include "smp/smp.h"

#include "core/log.h"

enum { PROMPTS_OF_A_LINK = 2, MORE_ATTEMPTS = 4 };

/* It held a key, perhaps, and is with the transport now, or never will be. */
static void wipe_packet(amble__packet *packet) { amble__wipe(amble__packet_payload(packet), packet->size); }

static void lay_out_packet(amble__packet *packet, amble__arena *arena, size_t capacity)
{
    amble__packet_init(packet, arena, capacity);
    if (packet)
        packet->released = wipe_packet;
}

static void lay_out_packets(amble__pairing *p, amble__arena *arena)
{
    lay_out_packet(p ? &p->long_packet : NULL, arena, AMBLE__SMP_PDU);
    for (int i = 0; i < AMBLE__SMP_SHORT_PACKETS; i++)
        lay_out_packet(p ? &p->short_packets[i] : NULL, arena, AMBLE__SMP_SHORT_PDU);
    if (p)
        amble__list_init(&p->events);
}

void amble__smp_init(amble__smp *smp, amble__arena *arena, size_t links, size_t pairings)
{
    amble__smp_link *link_slots = amble__arena_take(arena, links, sizeof *link_slots);
    amble__pairing *pairing_slots = amble__arena_take(arena, pairings, sizeof *pairing_slots);
    amble__smp_attempts *attempts = amble__arena_take(arena, links + MORE_ATTEMPTS, sizeof *attempts);
    amble__smp_prompt *prompts = amble__arena_take(arena, PROMPTS_OF_A_LINK * links, sizeof *prompts);

    for (size_t i = 0; i < pairings; i++)
        lay_out_packets(pairing_slots ? &pairing_slots[i] : NULL, arena);
    if (!smp)
        return;
    smp->links = link_slots;
    smp->link_count = links;
    smp->pairings = pairing_slots;
    smp->pairing_count = pairings;
    smp->attempts = attempts;
    smp->attempt_count = links + MORE_ATTEMPTS;
    smp->prompts = prompts;
    amble__list_init(&smp->prompt_waiters);
    amble__cipher_init(&smp->cipher, &smp->compute);
}

void amble__smp_open(amble__smp *smp, amble_connection *conn)
{
    amble__smp_link *link = &smp->links[conn->index];

    *link = (amble__smp_link){.conn = conn};
    amble__list_init(&link->changed);
    conn->smp = link;
}

void amble__smp_lost(amble_connection *conn)
{
    amble__smp_link *link = conn->smp;

    if (link->pairing)
        amble__pairing_end(link->pairing, conn->end, false);
    amble__wipe(&link->key, sizeof link->key);
    conn->security = (amble__link_security){.encrypted = false};
    link->conn = NULL;
    amble__waiters_end(&link->changed, conn->end);
}

void amble__smp_fail(amble__smp *smp, int error)
{
    amble__waiters_end(&smp->prompt_waiters, error);
    amble__cipher_fail(&smp->cipher, error);
    amble__timer_stop(&smp->save_timer);
    amble__wipe(&smp->oob, sizeof smp->oob);
}

/* A peripheral wants to be encrypted: with the bond, if that suffices it; else whoever reads prompts is told. 2.4.6 */
static void security_requested(amble__smp *smp, amble__smp_link *link, uint8_t wish)
{
    const bool mitm = wish & AMBLE__SMP_AUTH_MITM;
    const amble__link_security *now = &link->conn->security;
    const amble__bond *bond = amble__smp_bond(smp, link->conn->device);

    if (link->encrypting || (now->encrypted && (now->authenticated || !mitm)))
        return;
    if (bond && bond->peer_key.present && (bond->authenticated || !mitm))
        amble__smp_encrypt_bond(link, bond);
    else if (smp->options.refuse)
        amble__smp_refuse(link->conn, AMBLE__SMP_NOT_SUPPORTED);
    else
        amble__prompt_tell(link, AMBLE_PROMPT_REQUESTED, 0);
}

/* The peer takes everything back, or refuses to begin. */
static void failed(amble__smp_link *link, uint8_t reason)
{
    const int error = AMBLE_ERR_SMP(reason ? reason : AMBLE__SMP_UNSPECIFIED);

    if (link->pairing)
        amble__pairing_end(link->pairing, error, false);
    else
        amble__waiters_end(&link->changed, error);
}

/* A PDU whose length is right. */
static void dispatch(amble__smp *smp, amble__smp_link *link, const uint8_t *data, size_t size)
{
    const bool central = link->conn->central;
    amble__pairing *p = link->pairing;

    if (data[0] == AMBLE__SMP_FAILED)
        failed(link, data[1]);
    else if (central && data[0] == AMBLE__SMP_SECURITY_REQUEST && !p)
        security_requested(smp, link, data[1]);
    else if (data[0] == AMBLE__SMP_KEYPRESS || (central && data[0] == AMBLE__SMP_SECURITY_REQUEST))
        return; /* accepted, and nobody here shows it; or it crossed our Pairing Request */
    else if (p && p->initiator)
        amble__initiator_receive(p, data, size);
    else if (p)
        amble__responder_receive(p, data, size);
    else if (!central && data[0] == AMBLE__SMP_PAIRING_REQUEST)
        amble__responder_begin(link, data);
    else if (data[0] == AMBLE__SMP_PAIRING_REQUEST || data[0] == AMBLE__SMP_SECURITY_REQUEST)
        amble__smp_refuse(link->conn, AMBLE__SMP_COMMAND_NOT_SUPPORTED); /* from the wrong side */
    else
        smp->malformed++;
}

void amble__smp_receive(amble_connection *conn, const uint8_t *data, size_t size)
{
    static const uint8_t sizes[] = {
        [AMBLE__SMP_PAIRING_REQUEST] = 7,
        [AMBLE__SMP_PAIRING_RESPONSE] = 7,
        [AMBLE__SMP_CONFIRM] = 17,
        [AMBLE__SMP_RANDOM] = 17,
        [AMBLE__SMP_FAILED] = 2,
        [AMBLE__SMP_ENCRYPTION_INFORMATION] = 17,
        [AMBLE__SMP_CENTRAL_IDENTIFICATION] = 11,
        [AMBLE__SMP_IDENTITY_INFORMATION] = 17,
        [AMBLE__SMP_IDENTITY_ADDRESS] = 8,
        [AMBLE__SMP_SIGNING_INFORMATION] = 17,
        [AMBLE__SMP_SECURITY_REQUEST] = 2,
        [AMBLE__SMP_PUBLIC_KEY] = 65,
        [AMBLE__SMP_DHKEY_CHECK] = 17,
        [AMBLE__SMP_KEYPRESS] = 2,
    };
    amble__smp *smp = amble__smp_of(conn->host);
    amble__smp_link *link = conn->smp;

    if (size == 0 || data[0] >= sizeof sizes || !sizes[data[0]]) {
        smp->malformed++;
        return;
    }
    /* Secrets are not traced: of most PDUs only the code. */
    amble__trace_at(&conn->hci->trace, SMP_RECEIVED, conn->handle, data,
                    data[0] <= AMBLE__SMP_PAIRING_RESPONSE || data[0] == AMBLE__SMP_FAILED ? size : 1);
    if (link->exhausted)
        return;
    if (size == sizes[data[0]]) {
        dispatch(smp, link, data, size);
        return;
    }
    smp->malformed++;
    if (link->pairing)
        amble__pairing_end(link->pairing, AMBLE_ERR_SMP(AMBLE__SMP_INVALID_PARAMETERS), true);
    else if (data[0] == AMBLE__SMP_PAIRING_REQUEST || data[0] == AMBLE__SMP_SECURITY_REQUEST)
        amble__smp_refuse(conn, AMBLE__SMP_INVALID_PARAMETERS);
}
