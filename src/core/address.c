/* Devices as text, and their comparison (amble/address.h).
 *
 * Invariant: what amble_device_text writes, amble_device_parse reads back as the same device. */
#include "amble/address.h"

#include <stddef.h>
#include <string.h>

#include "amble/error.h"
#include "core/hex.h"

int amble_device_parse(amble_device *out, const char *text)
{
    amble_device device = {.type = AMBLE_PUBLIC};

    for (int i = 5; i >= 0; i--, text += 2) {
        if (i < 5 && *text++ != ':')
            return AMBLE_ERR_ARGUMENT;
        if (!amble__hex_byte(text, &device.bytes[i]))
            return AMBLE_ERR_ARGUMENT;
    }
    if (*text) {
        if (text[0] != '/' || !text[1] || text[2] || !strchr("pPrR", text[1]))
            return AMBLE_ERR_ARGUMENT;
        device.type = text[1] == 'r' || text[1] == 'R' ? AMBLE_RANDOM : AMBLE_PUBLIC;
    }
    *out = device;
    return AMBLE_OK;
}

const char *amble_device_text(amble_device device, char text[AMBLE_DEVICE_TEXT])
{
    char *at = text;

    for (int i = 5; i >= 0; i--) {
        at = amble__hex_put(at, device.bytes[i]);
        *at++ = i ? ':' : '/';
    }
    *at++ = device.type == AMBLE_PUBLIC ? 'p' : 'r';
    *at = '\0';
    return text;
}

bool amble_device_equal(amble_device a, amble_device b)
{
    return a.type == b.type && !memcmp(a.bytes, b.bytes, sizeof a.bytes);
}
