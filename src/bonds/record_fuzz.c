/* Fuzzes the decoder of bond records: what it takes, the encoder gives back as the same bond. */
#include <stdlib.h>
#include <string.h>

#include "bonds/bonds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t bytes[AMBLE__BOND_RECORD];
    amble__record record, again;
    size_t used;

    if (amble__record_decode(&record, data, size) < 0 || record.is_identity)
        return 0;
    used = amble__record_of_bond(&record.bond, bytes, sizeof bytes);
    if (!used || amble__record_decode(&again, bytes, used) < 0 || memcmp(record.bond.irk, again.bond.irk, 16) != 0 ||
        memcmp(&record.bond.own_key.value, &again.bond.own_key.value, 16) != 0 ||
        record.bond.gatt_size != again.bond.gatt_size)
        abort();
    return 0;
}
