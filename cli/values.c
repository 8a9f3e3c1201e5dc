/* What the values of common characteristics and descriptors mean (values.h). Each decoder reads through a bounded
 * reader and is believed only when every field was there. The layouts are those of the GATT Specification Supplement;
 * the section is its name of the characteristic. */
#include "cli/values.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/numbers.h"
#include "cli/output.h"
#include "cli/printer.h"
#include "core/bytes.h"

/* --- plain numbers ------------------------------------------------------------------------------------------------ */
/* value * 10 ** exponent, in a unit; the first of them that matches the UUID. */
static const struct {
    uint16_t uuid;
    uint8_t size;
    bool is_signed;
    int8_t exponent;
    const char *unit;
    uint32_t not_known; /* the bits that say so; 0: none do */
} scaled[] = {
    {0x2a07, 1, true, 0, " dBm", 0},         /* Tx Power Level */
    {0x2a19, 1, false, 0, " %", 0},          /* Battery Level */
    {0x2a6c, 3, true, -2, " m", 0},          /* Elevation */
    {0x2a6d, 4, false, -1, " Pa", 0},        /* Pressure */
    {0x2a6e, 2, true, -2, " °C", 0x8000},    /* Temperature */
    {0x2a6f, 2, false, -2, " %", 0xffff},    /* Humidity */
    {0x2a70, 2, false, -2, " m/s", 0},       /* True Wind Speed */
    {0x2a71, 2, false, -2, "°", 0},          /* True Wind Direction */
    {0x2a76, 1, false, 0, "", 0},            /* UV Index */
    {0x2a77, 2, false, -1, " W/m²", 0},      /* Irradiance */
    {0x2a78, 2, false, -3, " m", 0},         /* Rainfall */
    {0x2a7b, 1, true, 0, " °C", 0},          /* Dew Point */
    {0x2afb, 3, false, -2, " lx", 0xffffff}, /* Illuminance */
    {0x2b8c, 2, false, 0, " ppm", 0xffff},   /* CO2 Concentration */
};

static bool say_scaled(amble__printer *p, unsigned uuid, amble__reader *r)
{
    for (size_t i = 0; i < sizeof scaled / sizeof *scaled; i++) {
        uint32_t bits = 0;
        uint32_t sign;
        int32_t value;

        if (scaled[i].uuid != uuid)
            continue;
        for (unsigned k = 0; k < scaled[i].size; k++)
            bits |= (uint32_t)amble__read_u8(r) << 8 * k;
        sign = (uint32_t)(UINT64_C(1) << 8 * scaled[i].size >> 1);
        value = (int32_t)((bits ^ sign) - sign);
        if (bits && bits == scaled[i].not_known) {
            amble__say(p, "not known");
            return true;
        }
        amble__say(p, "%.*f%s", -scaled[i].exponent,
                   (scaled[i].is_signed ? (double)value : (double)bits) * pow(10, scaled[i].exponent), scaled[i].unit);
        return true;
    }
    return false;
}

/* --- structures --------------------------------------------------------------------------------------------------- */
static void say_choice(amble__printer *p, unsigned value, const char *const *names, size_t count)
{
    if (value < count)
        amble__say(p, "%s", names[value]);
    else
        amble__say(p, "%u", value);
}

static void say_flags(amble__printer *p, unsigned value, const char *const *names, size_t count)
{
    const char *separator = "";

    for (size_t i = 0; i < count; i++)
        if (value >> i & 1) {
            amble__say(p, "%s%s", separator, names[i]);
            separator = ", ";
        }
    if (!*separator)
        amble__say(p, "off");
}
#define LIST(names) (names), sizeof(names) / sizeof *(names)

static void say_appearance(amble__printer *p, amble__reader *r)
{
    const unsigned value = amble__read_le16(r);
    const char *name = amble__number_name(AMBLE__NUMBER_APPEARANCE, value);

    amble__say(p, "%s (0x%04X)", name ? name : "appearance", value);
}

static void say_heart_rate(amble__printer *p, amble__reader *r)
{
    const uint8_t flags = amble__read_u8(r);

    amble__say(p, "%u bpm", flags & 0x01 ? amble__read_le16(r) : amble__read_u8(r));
    if (flags & 0x04)
        amble__say(p, ", %s", flags & 0x02 ? "in contact with the skin" : "no skin contact");
    if (flags & 0x08)
        amble__say(p, ", %u kJ", amble__read_le16(r));
    if (flags & 0x10 && amble__read_left(r) >= 2) {
        amble__say(p, ", RR");
        while (amble__read_left(r) >= 2)
            amble__say(p, " %.0f ms", amble__read_le16(r) * 1000 / 1024.0);
    }
}

/* The mantissas of medfloat32 that are no numbers, with an exponent of 0; IEEE 11073-20601. */
static const char *special(uint32_t mantissa)
{
    switch (mantissa) {
    case 0x7fffff:
        return "not a number";
    case 0x800000:
        return "not at this resolution";
    case 0x7ffffe:
        return "too high to be measured";
    case 0x800002:
        return "too low to be measured";
    default:
        return NULL;
    }
}

/* medfloat32 of IEEE 11073-20601: an exponent of 8 bits, a mantissa of 24. */
static void say_temperature_measurement(amble__printer *p, amble__reader *r)
{
    const uint8_t flags = amble__read_u8(r);
    const uint32_t bits = amble__read_le24(r);
    const int8_t exponent = (int8_t)amble__read_u8(r);
    const int32_t mantissa = (int32_t)((bits ^ 0x800000) - 0x800000);
    const int digits = exponent < 0 && exponent > -10 ? -exponent : 0;

    if (exponent == 0 && special(bits))
        amble__say(p, "%s", special(bits));
    else
        amble__say(p, "%.*f %s", digits, mantissa * pow(10, exponent), flags & 1 ? "°F" : "°C");
    (void)amble__read_rest(r); /* time and place of the measurement */
}

static void say_date_time(amble__printer *p, amble__reader *r)
{
    const unsigned year = amble__read_le16(r), month = amble__read_u8(r), day = amble__read_u8(r);
    const unsigned hour = amble__read_u8(r), minute = amble__read_u8(r), second = amble__read_u8(r);

    amble__say(p, "%04u-%02u-%02u %02u:%02u:%02u", year, month, day, hour, minute, second);
}

static void say_connection_parameters(amble__printer *p, amble__reader *r)
{
    const unsigned least = amble__read_le16(r), most = amble__read_le16(r), latency = amble__read_le16(r);

    amble__say(p, "interval %.2f to %.2f ms, latency %u, timeout %u ms", least * 1.25, most * 1.25, latency,
               amble__read_le16(r) * 10U);
}

static void say_pnp(amble__printer *p, amble__reader *r)
{
    const uint8_t source = amble__read_u8(r);
    const unsigned vendor = amble__read_le16(r), product = amble__read_le16(r), version = amble__read_le16(r);
    const char *name = source == 1 ? amble__number_name(AMBLE__NUMBER_COMPANY, vendor) : NULL;

    amble__say(p, "%s %04X%s%s%s, product %04X, version %X.%X.%X", source == 1 ? "company" : "USB vendor", vendor,
               name ? " (" : "", name ? name : "", name ? ")" : "", product, version >> 8, version >> 4 & 15,
               version & 15);
}

static void say_presentation_format(amble__printer *p, amble__reader *r)
{
    static const char *const types[] = {"reserved", "boolean",    "u2",         "u4",     "u8",   "u12",   "u16",
                                        "u24",      "u32",        "u48",        "u64",    "u128", "s8",    "s12",
                                        "s16",      "s24",        "s32",        "s48",    "s64",  "s128",  "f32",
                                        "f64",      "medfloat16", "medfloat32", "u16[2]", "utf8", "utf16", "struct"};
    const uint8_t type = amble__read_u8(r);
    const int8_t exponent = (int8_t)amble__read_u8(r);
    const unsigned unit = amble__read_le16(r);
    const char *name = amble__number_name(AMBLE__NUMBER_UNIT, unit);

    say_choice(p, type, LIST(types));
    if (exponent)
        amble__say(p, " * 10^%d", exponent);
    amble__say(p, ", %s", name ? name : "unknown unit");
    (void)amble__read_view(r, 3); /* name space and description: numbers without names here */
}

static void say_service_changed(amble__printer *p, amble__reader *r)
{
    const unsigned start = amble__read_le16(r);

    amble__say(p, "handles 0x%04X to 0x%04X", start, amble__read_le16(r));
}

static bool say_structure(amble__printer *p, unsigned uuid, amble__reader *r)
{
    static const char *const alerts[] = {"no alert", "mild alert", "high alert"};
    static const char *const places[] = {"other", "chest", "wrist", "finger", "hand", "ear lobe", "foot"};
    static const char *const configuration[] = {"notifications", "indications"};
    static const char *const extended[] = {"reliable write", "writable auxiliaries"};

    switch (uuid) {
    case 0x2a01:
        say_appearance(p, r);
        return true;
    case 0x2a04:
        say_connection_parameters(p, r);
        return true;
    case 0x2a05:
        say_service_changed(p, r);
        return true;
    case 0x2a06:
        say_choice(p, amble__read_u8(r), LIST(alerts));
        return true;
    case 0x2a08:
        say_date_time(p, r);
        return true;
    case 0x2a1c:
    case 0x2a1e:
        say_temperature_measurement(p, r);
        return true;
    case 0x2a2b:
        say_date_time(p, r);
        (void)amble__read_view(r, 3);
        return true;
    case 0x2a37:
        say_heart_rate(p, r);
        return true;
    case 0x2a38:
        say_choice(p, amble__read_u8(r), LIST(places));
        return true;
    case 0x2a50:
        say_pnp(p, r);
        return true;
    case 0x2900:
        say_flags(p, amble__read_le16(r), LIST(extended));
        return true;
    case 0x2902:
        say_flags(p, amble__read_le16(r), LIST(configuration));
        return true;
    case 0x2904:
        say_presentation_format(p, r);
        return true;
    default:
        return false;
    }
}

const char *amble__value_text(const amble_uuid *uuid, const uint8_t *data, size_t size, char *text, size_t room)
{
    const int number = amble__uuid_number(uuid);
    amble__reader r = amble__reader_of(data, size);
    amble__printer p = amble__printer_of(text, room);

    switch (number) {
    case 0x2a00: /* Device Name */
    case 0x2a24: /* Model Number String, and the five others of the Device Information service */
    case 0x2a25:
    case 0x2a26:
    case 0x2a27:
    case 0x2a28:
    case 0x2a29:
    case 0x2901: /* Characteristic User Description */
        return amble__clean(text, room, data, size);
    default:
        break;
    }
    if (number < 0 || (!say_scaled(&p, (unsigned)number, &r) && !say_structure(&p, (unsigned)number, &r)))
        return NULL;
    return amble__read_complete(&r) ? text : NULL;
}
