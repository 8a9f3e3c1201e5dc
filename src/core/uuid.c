/* UUIDs: comparing, reading and writing them (amble/uuid.h).
 *
 * Invariant: a result of amble_uuid_parse has the size 2 or 16, and bytes beyond `size` are zero. */
#include "amble/uuid.h"

#include <stddef.h>
#include <string.h>

#include "amble/error.h"
#include "core/hex.h"

/* Vol 3 Part B 2.5.1: the Bluetooth base, in the order of the air; the short value goes to byte 12 and on. */
static const amble_uuid base = AMBLE_UUID128("00000000-0000-1000-8000-00805F9B34FB");
enum { SHORT_VALUE_AT = 12 };

static amble_uuid expand(const amble_uuid *uuid)
{
    amble_uuid full = *uuid;

    if (uuid->size == 2) {
        full = base;
        memcpy(full.bytes + SHORT_VALUE_AT, uuid->bytes, 2);
    }
    return full;
}

bool amble_uuid_equal(const amble_uuid *a, const amble_uuid *b)
{
    if (a->size == b->size)
        return !memcmp(a->bytes, b->bytes, a->size <= sizeof a->bytes ? a->size : sizeof a->bytes);
    if (a->size + b->size != 2 + 16)
        return false;
    const amble_uuid full_a = expand(a), full_b = expand(b);
    return !memcmp(full_a.bytes, full_b.bytes, sizeof full_a.bytes);
}

/* Reads `count` bytes, written most significant first, into the end of `bytes` before `end`. */
static bool read_backwards(uint8_t *end, const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!amble__hex_byte(text + 2 * i, --end))
            return false;
    return true;
}

static int parse_short(amble_uuid *out, const char *text, size_t length)
{
    amble_uuid uuid = {.size = 2};

    if (length == 8)
        uuid = base;
    if (!read_backwards(length == 8 ? uuid.bytes + 16 : uuid.bytes + 2, text, length / 2))
        return AMBLE_ERR_ARGUMENT;
    *out = uuid;
    return AMBLE_OK;
}

int amble_uuid_parse(amble_uuid *out, const char *text)
{
    static const uint8_t group_bytes[] = {4, 2, 2, 2, 6}; /* 8-4-4-4-12 digits */
    amble_uuid uuid = {.size = 16};
    uint8_t *end = uuid.bytes + 16;
    size_t length = strlen(text);

    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        text += 2;
        length -= 2;
    } else if (length == AMBLE_UUID_TEXT - 1) {
        for (size_t group = 0; group < sizeof group_bytes; group++) {
            if (!read_backwards(end, text, group_bytes[group]))
                return AMBLE_ERR_ARGUMENT;
            end -= group_bytes[group];
            text += 2 * group_bytes[group];
            if (*text++ != (group == sizeof group_bytes - 1 ? '\0' : '-'))
                return AMBLE_ERR_ARGUMENT;
        }
        *out = uuid;
        return AMBLE_OK;
    }
    return length == 4 || length == 8 ? parse_short(out, text, length) : AMBLE_ERR_ARGUMENT;
}

const char *amble_uuid_text(const amble_uuid *uuid, char text[AMBLE_UUID_TEXT])
{
    char *at = text;

    for (int i = (uuid->size <= 16 ? uuid->size : 0) - 1; i >= 0; i--) {
        at = amble__hex_put(at, uuid->bytes[i]);
        if (uuid->size == 16 && (i == 12 || i == 10 || i == 8 || i == 6))
            *at++ = '-';
    }
    *at = '\0';
    return text;
}
