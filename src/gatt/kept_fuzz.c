/* Fuzzes the decoder of what the server keeps in bonds: what it takes, the encoder gives back byte for byte, but for
 * the hash of who knows none. */
#include <stdlib.h>
#include <string.h>

#include "gatt/kept.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t bytes[AMBLE__BOND_GATT];
    amble__kept kept;

    if (!amble__kept_decode(&kept, data, size))
        return 0;
    if (kept.count > AMBLE__KEPT_CCCDS || amble__kept_encode(&kept, bytes) != size || bytes[0] != data[0] ||
        bytes[1] != data[1] || (kept.knows && memcmp(bytes, data, size) != 0))
        abort();
    return 0;
}
