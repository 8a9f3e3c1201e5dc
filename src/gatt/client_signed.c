/* Signed writes to servers (Vol 3 Part G 4.9.2, Part C 10.4).
 *
 * Each signature has a counter that no other has, also after a loss of power. To save a bond for each would be costly,
 * so counters are taken from the bond in blocks: what is saved is the first one behind the block, and a host that is
 * opened anew begins there. Invariant: no counter goes out that the saved bond does not stand behind. */
#include "att/signature.h"
#include "bonds/bonds.h"
#include "gatt/client.h"

enum { BLOCK = 64, HEAD = 3 };

/* Takes the next counter. */
static int take_counter(amble__bond *bond, amble_connection *conn, uint32_t *counter)
{
    amble__bond_signing_key *key = &bond->own_signing;
    const uint32_t reserved = key->reserved;
    int r;

    if (key->counter == AMBLE__SIGNATURE_LAST)
        return AMBLE_ERR_UNSUPPORTED;
    if (key->counter >= reserved) {
        key->reserved = key->counter > AMBLE__SIGNATURE_LAST - BLOCK ? AMBLE__SIGNATURE_LAST : key->counter + BLOCK;
        r = conn->links->bond_save(conn);
        if (r < 0) {
            key->reserved = reserved;
            return r;
        }
    }
    *counter = key->counter++;
    return 0;
}

/* Composes a PDU as the link is now: nothing is signed on an encrypted one. */
static int compose(amble__writer *w, const amble_remote_characteristic *c, const void *data, size_t size)
{
    amble_connection *conn = c->conn;
    amble__bond *bond = conn->links->bond ? conn->links->bond(conn) : NULL;
    uint8_t signature[AMBLE__SIGNATURE];
    amble__bytes body;
    uint32_t counter;
    int r;

    if (conn->security.encrypted) {
        amble__att_write_value(w, AMBLE__ATT_WRITE_COMMAND, c->value_handle, data, size);
        return 0;
    }
    if (!bond || !bond->own_signing.present)
        return AMBLE_ERR_NOT_FOUND;
    if (size + HEAD + AMBLE__SIGNATURE > amble__write_room(w))
        return AMBLE_ERR_TOO_LONG; /* before a counter is used up */
    r = take_counter(bond, conn, &counter);
    if (r < 0)
        return r;
    amble__att_write_value(w, AMBLE__ATT_SIGNED_WRITE_COMMAND, c->value_handle, data, size);
    body = (amble__bytes){.data = w->start + 1, .size = amble__written_size(w) - 1};
    r = amble__signature_make(bond->own_signing.value, AMBLE__ATT_SIGNED_WRITE_COMMAND, body, counter, signature);
    amble__write_bytes(w, signature, sizeof signature);
    return r;
}

int amble_write_signed(const amble_remote_characteristic *c, const void *data, size_t size, int timeout_ms)
{
    amble__packet *packet;
    amble__writer w;
    int r = amble__wait_check();

    if (r < 0)
        return r;
    r = amble__client_check_found(c->conn, c->generation, c->value_handle, c->value_handle);
    if (r < 0)
        return amble__wait_refuse(r);
    if (!(c->properties & AMBLE_PROPERTY_SIGNED_WRITE))
        return AMBLE_ERR_UNSUPPORTED;
    r = amble__att_take(c->conn->bearer, amble__due(timeout_ms), &packet, &w);
    if (r < 0)
        return r;
    r = compose(&w, c, data, size);
    if (r < 0) {
        amble__packet_release(packet);
        return r;
    }
    return amble__att_send(c->conn->bearer, packet, &w);
}
