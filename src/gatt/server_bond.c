/* A client with a bond is known again: its subscriptions, its features, and what it knows of the database come back
 * when the link is encrypted with the bond's key, and are kept whenever they change (Vol 3 Part G 2.5.2, 3.3.3.3, 7.2).
 * Others begin each link anew.
 *
 * Invariants: nothing is given back to, or kept of, a link that is not encrypted with the bond's key: an address alone
 * proves nothing. What the client said on this link before that counts for more than what was kept. The kept hash is
 * that of the last database that the client knew whole. */
#include "core/log.h"
#include "gatt/kept.h"
#include "gatt/server.h"

typedef void look_at(amble__server_link *link, const amble__served_service *service, amble__served_value *value,
                     amble__kept *kept);

/* Every CCCD, in the order of the handles. */
static void each_cccd(amble__server_link *link, amble__kept *kept, look_at *look)
{
    const amble__database *database = &link->server->database;

    for (size_t i = 0; i < database->count; i++) {
        const amble__served_service *service = &database->services[i];

        for (uint16_t k = 0; k < service->count; k++)
            if (service->values[k].subscriptions)
                look(link, service, &service->values[k], kept);
    }
}

/* --- keeping ------------------------------------------------------------------------------------------------------ */
static void keep_cccd(amble__server_link *link, const amble__served_service *service, amble__served_value *value,
                      amble__kept *kept)
{
    const unsigned bits = amble__server_subscribed(value, link->conn);
    char peer[AMBLE_DEVICE_TEXT];

    if (bits && !amble__kept_add(kept, service, value, bits) && !link->client->kept_too_much) {
        link->client->kept_too_much = true;
        amble__log(
            AMBLE__LOG_WARNING,
            "%s: %s has more than %d subscriptions: those with the highest handles last only as long as its link",
            link->conn->hci->instance, amble_device_text(link->conn->device, peer), AMBLE__KEPT_CCCDS);
    }
}

void amble__server_keep(amble__server_link *link)
{
    amble__bond *bond = amble__link_bond(link->conn);
    uint8_t bytes[AMBLE__BOND_GATT], size;
    amble__kept before, kept = {.features = link->client->features};

    if (!bond)
        return;
    kept.knows = link->client->awareness == AMBLE__CHANGE_AWARE;
    if (kept.knows) {
        memcpy(kept.hash, amble__database_hash(&link->server->database), sizeof kept.hash);
    } else if (amble__kept_decode(&before, bond->gatt, bond->gatt_size)) {
        kept.knows = before.knows;
        memcpy(kept.hash, before.hash, sizeof kept.hash);
    }
    each_cccd(link, &kept, keep_cccd);
    size = amble__kept_encode(&kept, bytes);
    if (size == bond->gatt_size && memcmp(bytes, bond->gatt, size) == 0)
        return;
    memcpy(bond->gatt, bytes, size);
    bond->gatt_size = size;
    link->conn->links->bond_changed(link->conn);
}

/* --- giving back -------------------------------------------------------------------------------------------------- */
static void give_cccd_back(amble__server_link *link, const amble__served_service *service, amble__served_value *value,
                           amble__kept *kept)
{
    uint8_t *subscription = &value->subscriptions[link->conn->index];

    if (!(*subscription & AMBLE__CCCD_SAID) &&
        !amble__server_guard(link->conn, value->definition->read_security, value->definition->read_authorised))
        /* it may be a stricter one than it was */
        *subscription = (uint8_t)amble__kept_bits(kept, service, value);
}

static void give_back(amble__server_link *link, const amble__bond *bond)
{
    amble__kept kept;

    if (!amble__kept_decode(&kept, bond->gatt, bond->gatt_size))
        return;
    link->client->features |= kept.features;
    each_cccd(link, &kept, give_cccd_back);
    if (!kept.knows || memcmp(kept.hash, amble__database_hash(&link->server->database), sizeof kept.hash) != 0)
        amble__server_note_change(link, 1, UINT16_MAX); /* while it was away: what changed is not known any more */
}

void amble__server_bonded(amble_connection *conn)
{
    amble__server_link *link = conn->server;
    const amble__bond *bond = amble__link_bond(conn);

    if (bond && bond->gatt_size && !link->client->given_back)
        give_back(link, bond);
    link->client->given_back = bond != NULL;
    amble__server_keep(link);
}
