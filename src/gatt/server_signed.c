/* Signed writes of clients (Vol 3 Part F 3.4.5.4, Part C 10.4.2): whose signature is good, whose counter is new, and
 * who may.
 *
 * Invariant: no counter of a key is taken twice, also not by a host that is opened anew: the next one is kept before
 * the value goes anywhere, and a value whose counter cannot be kept is not taken. Like every command, one that is not
 * taken gets no answer. */
#include "att/signature.h"
#include "bonds/bonds.h"
#include "core/log.h"
#include "gatt/server.h"
#include "port/crypto.h"

enum { FULL_KEY = 16, HANDLE = 2 };

/* What write_security asks of a link is asked of the bond here: signed data is not secret, but it is from whom the bond
 * is with. */
static bool bond_suffices(const amble__bond *bond, const amble_connection *conn, const amble_characteristic *c)
{
    if (c->write_security >= AMBLE_AUTHENTICATED && !bond->authenticated)
        return false;
    if (c->write_security == AMBLE_SECURE && !(bond->secure_connections && bond->key_size == FULL_KEY))
        return false;
    return !c->write_authorised || bond->authorised || conn->authorised;
}

/* Some stacks give away a key of zeros, which is no secret: a device that has one signs nothing. */
static bool has_key(const amble__bond *bond)
{
    static const uint8_t no_key[sizeof bond->peer_signing.value] = {0};

    return bond && bond->peer_signing.present &&
           !amble__equal_constant_time(bond->peer_signing.value, no_key, sizeof no_key);
}

/* Takes the next counter, which was signed. */
static bool take_counter(amble__bond *bond, amble_connection *conn, uint32_t counter)
{
    const uint32_t before = bond->peer_signing.counter;

    bond->peer_signing.counter = counter + 1;
    if (conn->links->bond_save(conn) >= 0)
        return true;
    bond->peer_signing.counter = before;
    amble__log(AMBLE__LOG_ERROR, "%s: a signed write is dropped: its counter could not be saved with the bonds",
               conn->hci->instance);
    return false;
}

/* Whether the signature is good, and its counter new. */
static bool signature_good(const amble__bond *bond, amble__bytes body, const uint8_t *signature)
{
    const uint32_t counter = amble__signature_counter(signature);

    return counter >= bond->peer_signing.counter && counter != AMBLE__SIGNATURE_LAST &&
           amble__signature_good(bond->peer_signing.value, AMBLE__ATT_SIGNED_WRITE_COMMAND, body, signature);
}

/* The attribute that the body names, if it takes signed writes. */
static const amble__attribute *find_attribute(amble__server *server, amble__bytes body)
{
    const amble__attribute *attribute = amble__database_at(&server->database, amble__get_le16(body.data));

    return attribute && attribute->kind == AMBLE__ATTRIBUTE_VALUE && attribute->value->definition->signed_write
               ? attribute
               : NULL;
}

void amble__server_write_signed(amble__server_link *link, amble__bytes body)
{
    amble_connection *conn = link->conn;
    amble__bytes data;
    amble__bond *bond = conn->links->bond ? conn->links->bond(conn) : NULL;
    const amble__attribute *attribute;

    /* On an encrypted link nothing is signed, Vol 3 Part C 10.4.2. */
    if (body.size < HANDLE + AMBLE__SIGNATURE || conn->security.encrypted || !has_key(bond) ||
        !(attribute = find_attribute(link->server, body))) {
        link->bearer->att->malformed++;
        return;
    }
    body.size -= AMBLE__SIGNATURE;
    if (!signature_good(bond, body, body.data + body.size)) {
        link->bearer->att->malformed++;
        return;
    }
    if (!take_counter(bond, conn, amble__signature_counter(body.data + body.size)))
        return;
    data = (amble__bytes){.data = body.data + HANDLE, .size = body.size - HANDLE};
    if (bond_suffices(bond, conn, attribute->value->definition))
        amble__server_command(link, attribute, amble__server_size_error(attribute, data.size), data);
}
