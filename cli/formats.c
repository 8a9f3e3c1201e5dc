/* Formats that a user names (values.h): bytes to text and text to bytes, side by side. Several numbers are separated by
 * commas. */
#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/output.h"
#include "cli/values.h"
#include "core/hex.h"

typedef enum { HEX, UTF8, UNSIGNED, SIGNED, FLOAT } kind;
struct amble__format {
    const char *name;
    size_t size; /* of one number, in bytes */
    kind kind;
    bool big_endian;
};

static const amble__format formats[] = {
    {"hex", 1, HEX, false},        {"utf8", 1, UTF8, false},      {"u8", 1, UNSIGNED, false},
    {"s8", 1, SIGNED, false},      {"u16le", 2, UNSIGNED, false}, {"s16le", 2, SIGNED, false},
    {"u24le", 3, UNSIGNED, false}, {"s24le", 3, SIGNED, false},   {"u32le", 4, UNSIGNED, false},
    {"s32le", 4, SIGNED, false},   {"u64le", 8, UNSIGNED, false}, {"s64le", 8, SIGNED, false},
    {"f32le", 4, FLOAT, false},    {"f64le", 8, FLOAT, false},    {"u16be", 2, UNSIGNED, true},
    {"s16be", 2, SIGNED, true},    {"u32be", 4, UNSIGNED, true},  {"s32be", 4, SIGNED, true},
    {"f32be", 4, FLOAT, true},
};
const char amble__format_names[] =
    "hex utf8 u8 s8 u16le s16le u24le s24le u32le s32le u64le s64le f32le f64le u16be s16be u32be "
    "s32be f32be";

const amble__format *amble__format_find(const char *name)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (!strcmp(formats[i].name, name))
            return &formats[i];
    return NULL;
}

/* --- one number --------------------------------------------------------------------------------------------------- */
static uint64_t load(const amble__format *f, const uint8_t *data)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < f->size; i++)
        bits = bits << 8 | data[f->big_endian ? i : f->size - 1 - i];
    return bits;
}

static void store(const amble__format *f, uint64_t bits, uint8_t *data)
{
    for (size_t i = 0; i < f->size; i++)
        data[f->big_endian ? f->size - 1 - i : i] = (uint8_t)(bits >> 8 * i);
}

static int print_number(const amble__format *f, uint64_t bits, char *text, size_t room)
{
    const uint64_t sign = UINT64_C(1) << (8 * f->size - 1);
    const uint32_t low = (uint32_t)bits;
    double wide;
    float narrow;

    if (f->kind == UNSIGNED)
        return snprintf(text, room, "%" PRIu64, bits);
    if (f->kind == SIGNED)
        return snprintf(text, room, "%" PRId64, (int64_t)((bits ^ sign) - sign));
    if (f->size == sizeof wide) {
        memcpy(&wide, &bits, sizeof wide);
        return snprintf(text, room, "%.17g", wide);
    }
    memcpy(&narrow, &low, sizeof narrow);
    return snprintf(text, room, "%.9g", (double)narrow);
}

static bool parse_float(const amble__format *f, const char *text, char **end, uint64_t *bits)
{
    const double wide = strtod(text, end);
    const bool is_narrow = f->size == sizeof(float),
               is_named = text[0] && strchr("iI", text[strspn(text, "+-")]); /* "inf" */
    uint32_t low;
    float narrow;

    if (*end == text || (fabs(wide) > (is_narrow ? FLT_MAX : DBL_MAX) && !is_named))
        return false;
    memcpy(bits, &wide, sizeof *bits);
    if (is_narrow) {
        narrow = (float)wide;
        memcpy(&low, &narrow, sizeof low);
        *bits = low;
    }
    return true;
}

static uint64_t greatest(const amble__format *f)
{
    uint64_t most = 0;

    for (size_t i = 0; i < f->size; i++)
        most = most << 8 | 0xff;
    return most;
}

/* Reads one number, in decimal or with 0x, that fits into the format; `*end` is behind it. */
static bool parse_number(const amble__format *f, const char *text, char **end, uint64_t *bits)
{
    const uint64_t most = greatest(f), half = most / 2;
    const bool negative = *text == '-';
    const char *digits = text + negative;
    const bool marked = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
    uint64_t magnitude;

    if (f->kind == FLOAT)
        return parse_float(f, text, end, bits);
    if (amble__hex_digit(digits[marked ? 2 : 0]) < 0)
        return false; /* strtoull would take signs and spaces */
    errno = 0;
    magnitude = strtoull(digits, end, marked ? 16 : 10);
    if (errno || *end == digits || (negative && (f->kind == UNSIGNED || magnitude > half + 1)) ||
        (!negative && magnitude > (f->kind == SIGNED ? half : most)))
        return false;
    *bits = (negative ? 0 - magnitude : magnitude) & most;
    return true;
}

/* --- values ------------------------------------------------------------------------------------------------------- */
static const char *hex_text(const uint8_t *data, size_t size, char *text, size_t room)
{
    char *at = text;

    for (size_t i = 0; i < size && (size_t)(at - text) + 4 <= room; i++) {
        if (i)
            *at++ = ' ';
        at = amble__hex_put(at, data[i]);
    }
    *at = '\0';
    return text;
}

const char *amble__format_text(const amble__format *f, const uint8_t *data, size_t size, char *text, size_t room)
{
    size_t used = 0;

    *text = '\0';
    if (f->kind == HEX)
        return hex_text(data, size, text, room);
    if (f->kind == UTF8)
        return size && !amble__is_text(data, size) ? NULL : amble__clean(text, room, data, size);
    if (!size || size % f->size)
        return NULL;
    for (size_t at = 0; at < size && used < room; at += f->size) {
        if (at)
            used += (size_t)snprintf(text + used, room - used, ", ");
        if (used < room)
            used += (size_t)print_number(f, load(f, data + at), text + used, room - used);
    }
    return text;
}

static int parse_hex(const char *text, uint8_t *data, size_t room)
{
    size_t size = 0;

    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        text += 2;
    while (*text) {
        if (*text == ' ' || *text == ':') {
            text++;
            continue;
        }
        if (size == room || !amble__hex_byte(text, &data[size++]))
            return -1;
        text += 2;
    }
    return (int)size;
}

int amble__format_parse(const amble__format *f, const char *text, uint8_t *data, size_t room)
{
    const size_t length = strlen(text);
    size_t size = 0;
    uint64_t bits;
    char *end;

    if (f->kind == HEX)
        return parse_hex(text, data, room);
    if (f->kind == UTF8) {
        if (length > room)
            return -1;
        for (size_t i = 0; i < length; i++)
            data[i] = (uint8_t)text[i]; /* without the closing zero */
        return (int)length;
    }
    for (;; text = end + 1) {
        while (*text == ' ')
            text++;
        if (size + f->size > room || !parse_number(f, text, &end, &bits) || (*end && *end != ','))
            return -1;
        store(f, bits, data + size);
        size += f->size;
        if (!*end)
            return (int)size;
    }
}
