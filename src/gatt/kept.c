/* See kept.h. A format, features, whether there is a hash; the hash, zeros when there is none; then one entry per CCCD:
 * its handle, and in one number 30 bits of fingerprint over two of configuration. */
#include "gatt/kept.h"

enum { FORMAT = 0x10, KNOWS = 1, BITS = AMBLE__CCCD_NOTIFY | AMBLE__CCCD_INDICATE, FINGERPRINT_SHIFT = 2 };

uint8_t amble__kept_encode(const amble__kept *kept, uint8_t bytes[AMBLE__BOND_GATT])
{
    static const uint8_t no_hash[AMBLE__KEPT_HASH] = {0};
    amble__writer w = amble__writer_of(bytes, AMBLE__BOND_GATT);

    amble__write_u8(&w, FORMAT | (kept->knows ? KNOWS : 0u));
    amble__write_u8(&w, kept->features);
    amble__write_bytes(&w, kept->knows ? kept->hash : no_hash, AMBLE__KEPT_HASH);
    for (unsigned i = 0; i < kept->count; i++) {
        amble__write_le16(&w, kept->cccds[i].handle);
        amble__write_le32(&w, kept->cccds[i].fingerprint << FINGERPRINT_SHIFT | kept->cccds[i].bits);
    }
    return (uint8_t)amble__written_size(&w);
}

bool amble__kept_decode(amble__kept *kept, const uint8_t *bytes, size_t size)
{
    amble__reader r = amble__reader_of(bytes, size);
    const unsigned format = amble__read_u8(&r);

    memset(kept, 0, sizeof *kept);
    kept->knows = format & KNOWS;
    kept->features = amble__read_u8(&r);
    amble__read_copy(&r, kept->hash, sizeof kept->hash);
    while (amble__read_left(&r) && kept->count < AMBLE__KEPT_CCCDS) {
        const uint16_t handle = amble__read_le16(&r);
        const uint32_t rest = amble__read_le32(&r);

        kept->cccds[kept->count].handle = handle;
        kept->cccds[kept->count].fingerprint = rest >> FINGERPRINT_SHIFT;
        kept->cccds[kept->count++].bits = rest & BITS;
    }
    return amble__read_complete(&r) && (format & ~(unsigned)KNOWS) == FORMAT;
}

/* --- whose CCCD --------------------------------------------------------------------------------------------------- */
static uint32_t mix(uint32_t hash, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * 0x01000193u; /* FNV-1a: it is no secret, and nobody gains by a collision */
    return hash;
}

/* 30 bits of service, characteristic and what can be done with it. */
static uint32_t fingerprint_of(const amble__served_service *service, const amble__served_value *value)
{
    uint32_t hash = 0x811c9dc5u;

    hash = mix(hash, service->definition->uuid->bytes, service->definition->uuid->size);
    hash = mix(hash, value->definition->uuid->bytes, value->definition->uuid->size);
    hash = mix(hash, &value->properties, 1);
    return (hash ^ hash >> 30) & (UINT32_MAX >> FINGERPRINT_SHIFT);
}

bool amble__kept_add(amble__kept *kept, const amble__served_service *service, const amble__served_value *value,
                     unsigned bits)
{
    if (kept->count == AMBLE__KEPT_CCCDS)
        return false;
    kept->cccds[kept->count].handle = value->cccd;
    kept->cccds[kept->count].fingerprint = fingerprint_of(service, value);
    kept->cccds[kept->count++].bits = bits & BITS;
    return true;
}

unsigned amble__kept_bits(const amble__kept *kept, const amble__served_service *service,
                          const amble__served_value *value)
{
    for (unsigned i = 0; i < kept->count; i++)
        if (kept->cccds[i].handle == value->cccd)
            return kept->cccds[i].fingerprint == fingerprint_of(service, value) ? kept->cccds[i].bits : 0;
    return 0;
}
