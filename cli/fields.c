/* The interpreter of descriptions (fields.h). Descriptions are constants of this program; only the bytes are not
 * believed: every one is read through the bounded reader, and a repetition ends with the bytes at the latest. */
#include "cli/fields.h"

#include <stdio.h>
#include <string.h>

#include "amble/error.h"
#include "cli/advertised.h"

enum { SHOWN = 32, LEGACY_DATA = 31, UNKNOWN_LEVEL = 127, HANDLE = 0x0fff };

typedef struct {
    amble__printer *p;
    amble__reader *r;
    amble__decoded *out;
    uint64_t mask;         /* the last one */
    const char *group;     /* the first field in the parentheses, NULL: none are open */
    unsigned repetitions;  /* that are left */
    const char *separator; /* in front of the next field */
} context;

/* One field of a description, taken apart. */
typedef struct {
    char kind;
    bool optional;
    unsigned size;
    const char *label, *names; /* with their lengths, not terminated */
    int label_size;
    const char *next; /* what ended it */
} field;

/* --- values ------------------------------------------------------------------------------------------------------- */
void amble__say_status(amble__printer *p, uint8_t status)
{
    amble__say(p, "%s", status ? amble_error_text(AMBLE_ERR_HCI(status)) : "success");
}

void amble__say_advertising_data(amble__printer *p, const uint8_t *data, size_t size)
{
    const amble_scan_result result = {.data = data, .size = size, .response_at = size};
    amble__advertised what;
    char text[256];

    amble__advertised_read(&result, &what);
    if (what.name[0])
        amble__say(p, ", \"%s\"", what.name);
    if (*amble__advertised_text(&what, text, sizeof text))
        amble__say(p, ", %s", text);
}

void amble__say_rest(amble__printer *p, amble__reader *r, const amble__decoded *out)
{
    const amble__bytes rest = amble__read_rest(r);

    if (rest.size && out->detail[0])
        amble__say(p, ", ");
    amble__say_bytes(p, rest, SHOWN);
}

static uint64_t read_number(amble__reader *r, unsigned size)
{
    const uint8_t *bytes = amble__read_view(r, size);
    uint64_t number = 0;

    for (unsigned i = 0; bytes && i < size; i++)
        number |= (uint64_t)bytes[i] << 8 * i;
    return number;
}

/* Name number `at` in "{a|b|c}": its length, 0 when there is none. */
static int find_name(const char *names, uint64_t at, const char **name)
{
    if (!names)
        return 0;
    for (*name = names; at; at--) {
        *name += strcspn(*name, "|}");
        if (**name == '}')
            return 0;
        ++*name;
    }
    return (int)strcspn(*name, "|}");
}

static void say_one_of(context *c, const field *f)
{
    const uint64_t number = read_number(c->r, f->size);
    const char *name = NULL;
    const int length = find_name(f->names, number, &name);

    if (length)
        amble__say(c->p, "%.*s", length, name);
    else
        amble__say(c->p, "0x%0*llX", (int)f->size * 2, (unsigned long long)number);
}

static void say_mask(context *c, const field *f)
{
    const char *separator = "";
    uint64_t unnamed = 0;

    c->mask = read_number(c->r, f->size);
    for (unsigned bit = 0; bit < f->size * 8; bit++) {
        const char *name = NULL;
        const int length = c->mask >> bit & 1 ? find_name(f->names, bit, &name) : 0;

        if (length) {
            amble__say(c->p, "%s%.*s", separator, length, name);
            separator = " + ";
        } else {
            unnamed |= c->mask & UINT64_C(1) << bit;
        }
    }
    if (unnamed)
        amble__say(c->p, "%s0x%llX", separator, (unsigned long long)unnamed);
    else if (!c->mask)
        amble__say(c->p, "none");
}

static void say_level(context *c)
{
    const int byte = amble__read_u8(c->r), level = byte > INT8_MAX ? byte - UINT8_MAX - 1 : byte;

    if (level == UNKNOWN_LEVEL)
        amble__say(c->p, "unknown");
    else
        amble__say(c->p, "%d dBm", level);
}

static void say_phy(context *c)
{
    static const char *const phys[] = {"none", "LE 1M", "LE 2M", "LE Coded"}; /* Vol 4 Part E 7.7.65.12 */
    const unsigned phy = amble__read_u8(c->r);

    if (phy < sizeof phys / sizeof *phys)
        amble__say(c->p, "%s", phys[phy]);
    else
        amble__say(c->p, "0x%02X", phy);
}

static void say_advertising(context *c, bool filled_up)
{
    const unsigned size = amble__read_u8(c->r);
    const uint8_t *data = amble__read_view(c->r, size);

    amble__say(c->p, "%u bytes", size);
    if (data)
        amble__say_advertising_data(c->p, data, size);
    if (filled_up && size < LEGACY_DATA)
        (void)amble__read_view(c->r, LEGACY_DATA - size);
}

static void say_opcode(context *c)
{
    const unsigned opcode = amble__read_le16(c->r);
    const char *name = amble__command_name(opcode);

    if (name)
        amble__say(c->p, "%s", name);
    else
        amble__say(c->p, "command 0x%04X", opcode);
}

static void say_milliseconds(context *c, unsigned size, double unit_ms)
{
    amble__say(c->p, "%.*f ms", unit_ms < 1 ? 3 : unit_ms < 10 ? 2 : 0, (double)read_number(c->r, size) * unit_ms);
}

static void say_reason(context *c) { amble__say(c->p, "%s", amble_error_text(AMBLE_ERR_HCI(amble__read_u8(c->r)))); }

static void say_bytes(context *c, size_t size)
{
    const uint8_t *bytes = amble__read_view(c->r, size);

    if (bytes)
        amble__say_bytes(c->p, (amble__bytes){bytes, size}, SHOWN);
}

static void say_link(context *c)
{
    const unsigned handle = amble__read_le16(c->r) & HANDLE;

    c->out->link = (int)handle;
    amble__say(c->p, "link 0x%04X", handle);
}

static void say_number(context *c, const field *f)
{
    const unsigned long long number = read_number(c->r, f->size);

    if (f->kind == 'n')
        amble__say(c->p, "%llu %.*s", number, f->label_size, f->label);
    else if (f->kind == 'u')
        amble__say(c->p, "%llu", number);
    else
        amble__say(c->p, "0x%0*llX", (int)f->size * 2, number);
}

static void say_value(context *c, const field *f)
{
    switch (f->kind) {
    case 'n':
    case 'u':
    case 'x':
        say_number(c, f);
        break;
    case 'b':
        say_bytes(c, f->size);
        break;
    case 'h':
        say_link(c);
        break;
    case 's':
        amble__say_status(c->p, amble__read_u8(c->r));
        break;
    case 'r':
        say_reason(c);
        break;
    case 'o':
        amble__say(c->p, "%s", amble__read_u8(c->r) ? "on" : "off");
        break;
    case 'c':
        say_milliseconds(c, 2, 1.25);
        break;
    case 'i':
    case 'j':
        say_milliseconds(c, f->kind == 'i' ? 2 : 3, 0.625);
        break;
    case 't':
        say_milliseconds(c, 2, 10);
        break;
    case 'A':
    case 'P':
    case 'a':
        amble__say_address(c->p, c->r, f->kind == 'A' ? amble__read_u8(c->r) : f->kind == 'a');
        break;
    case 'd':
        say_level(c);
        break;
    case 'p':
        say_phy(c);
        break;
    case 'e':
        say_one_of(c, f);
        break;
    case 'm':
        say_mask(c, f);
        break;
    case 'D':
    case 'E':
        say_advertising(c, f->kind == 'E');
        break;
    case 'O':
        say_opcode(c);
        break;
    default: /* '*' */
        say_bytes(c, amble__read_left(c->r));
        break;
    }
}

/* --- descriptions ------------------------------------------------------------------------------------------------- */
static field parse(const char *at)
{
    field f = {.optional = *at == '?'};

    f.kind = *(at += f.optional);
    for (at += f.kind != '\0'; *at >= '0' && *at <= '9'; at++)
        f.size = f.size * 10 + (unsigned)(*at - '0');
    f.label = *at == ' ' ? at + 1 : at;
    at = f.label + strcspn(f.label, ";{()");
    f.label_size = (int)(at - f.label);
    if (*at == '{') {
        f.names = at + 1;
        at += strcspn(at, "}") + 1;
    }
    f.next = at;
    return f;
}

static unsigned bits_in(uint64_t mask)
{
    unsigned count = 0;

    for (; mask; mask &= mask - 1)
        count++;
    return count;
}

/* Begins a group; returns where to go on. */
static const char *open_group(context *c, const field *f)
{
    c->repetitions = f->kind == '#'   ? amble__read_u8(c->r)
                     : f->kind == '!' ? bits_in(c->mask)
                                      : (unsigned)amble__read_left(c->r); /* at least a byte each time */
    c->group = f->next + 1;
    return c->repetitions ? c->group : f->next + strcspn(f->next, ")") + 1;
}

/* Ends a group or goes through it again. */
static const char *close_group(context *c, const char *parenthesis)
{
    if (--c->repetitions && amble__read_left(c->r)) {
        c->separator = "; ";
        return c->group;
    }
    return parenthesis + 1;
}

static void say_field(context *c, const field *f)
{
    if (f->kind == 'z') {
        (void)amble__read_view(c->r, f->size);
        return;
    }
    amble__say(c->p, "%s", c->separator);
    if (f->label_size && f->kind != 'n')
        amble__say(c->p, "%.*s ", f->label_size, f->label);
    c->separator = ", ";
    say_value(c, f);
}

void amble__say_fields(amble__printer *p, amble__reader *r, amble__decoded *out, const char *description)
{
    context c = {.p = p, .r = r, .out = out, .separator = out->detail[0] ? ", " : ""};

    for (const char *at = description; *at && !r->failed;) {
        const field f = parse(at);

        if (*at == ';') {
            at++;
        } else if (*at == ')') {
            at = close_group(&c, at);
        } else if (!amble__read_left(r) && (f.optional || f.kind == '*' || f.kind == '!' || f.kind == '+')) {
            break;
        } else if (!amble__read_left(r)) {
            r->failed = true;
        } else if (*f.next == '(') {
            at = open_group(&c, &f);
        } else {
            say_field(&c, &f);
            at = f.next;
        }
    }
    if (r->failed)
        amble__say(p, " (cut short)");
}
