/* Looking into the tables of assigned numbers (numbers.h). The tables of a number are sorted by it; searching by name
 * goes through all of them, a few thousand rows. */
#include "cli/numbers.h"

#include <ctype.h>

typedef struct {
    unsigned number;
    const char *name;
} row;
typedef struct {
    amble_uuid uuid;
    amble__number_kind kind;
    const char *name;
} vendor_row;

static const row services[] = {
#include "cli/numbers/services.inc"
};
static const row characteristics[] = {
#include "cli/numbers/characteristics.inc"
};
static const row descriptors[] = {
#include "cli/numbers/descriptors.inc"
};
static const row units[] = {
#include "cli/numbers/units.inc"
};
static const row companies[] = {
#include "cli/numbers/companies.inc"
};
static const row appearances[] = {
#include "cli/numbers/appearances.inc"
};
static const vendor_row vendors[] = {
#include "cli/numbers/vendors.inc"
};
enum { VENDORS = sizeof vendors / sizeof *vendors };
enum { APPEARANCE_CATEGORY = 0xffc0 }; /* the upper ten bits, Assigned Numbers 2.6 */

#define TABLE(rows) rows, sizeof(rows) / sizeof *(rows)
static const struct {
    const char *name;
    const row *rows;
    size_t count;
} tables[AMBLE__NUMBER_KINDS] = {
    [AMBLE__NUMBER_SERVICE] = {"service", TABLE(services)},
    [AMBLE__NUMBER_CHARACTERISTIC] = {"characteristic", TABLE(characteristics)},
    [AMBLE__NUMBER_DESCRIPTOR] = {"descriptor", TABLE(descriptors)},
    [AMBLE__NUMBER_UNIT] = {"unit", TABLE(units)},
    [AMBLE__NUMBER_COMPANY] = {"company", TABLE(companies)},
    [AMBLE__NUMBER_APPEARANCE] = {"appearance", TABLE(appearances)},
};

const char *amble__number_kind_name(amble__number_kind kind) { return tables[kind].name; }

bool amble__number_next(size_t *at, amble__number *out)
{
    size_t index = (*at)++;

    for (int kind = 0; kind < AMBLE__NUMBER_KINDS; kind++) {
        if (index < tables[kind].count) {
            *out = (amble__number){.kind = (amble__number_kind)kind,
                                   .number = tables[kind].rows[index].number,
                                   .name = tables[kind].rows[index].name};
            return true;
        }
        index -= tables[kind].count;
    }
    if (index >= VENDORS)
        return false;
    *out = (amble__number){.kind = vendors[index].kind, .long_uuid = &vendors[index].uuid, .name = vendors[index].name};
    return true;
}

static const char *find(amble__number_kind kind, unsigned number)
{
    const row *rows = tables[kind].rows;
    size_t low = 0, high = tables[kind].count;

    while (low < high) {
        const size_t middle = (low + high) / 2;

        if (rows[middle].number == number)
            return rows[middle].name;
        if (rows[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const char *amble__number_name(amble__number_kind kind, unsigned number)
{
    const char *name = find(kind, number);

    return name || kind != AMBLE__NUMBER_APPEARANCE ? name : find(kind, number & APPEARANCE_CATEGORY);
}

int amble__uuid_number(const amble_uuid *uuid)
{
    const unsigned number = uuid->size == 2    ? uuid->bytes[0] | (unsigned)uuid->bytes[1] << 8
                            : uuid->size == 16 ? uuid->bytes[12] | (unsigned)uuid->bytes[13] << 8
                                               : 0;
    const amble_uuid expected = AMBLE_UUID16(number);

    return uuid->size && amble_uuid_equal(uuid, &expected) ? (int)number : -1;
}

const char *amble__uuid_name(amble__number_kind kind, const amble_uuid *uuid)
{
    const int number = amble__uuid_number(uuid);

    if (number >= 0)
        return amble__number_name(kind, (unsigned)number);
    for (size_t i = 0; i < VENDORS; i++)
        if (vendors[i].kind == kind && amble_uuid_equal(&vendors[i].uuid, uuid))
            return vendors[i].name;
    return NULL;
}

/* --- names -------------------------------------------------------------------------------------------------------- */
static bool is_letter(char c) { return isalnum((unsigned char)c) || (unsigned char)c >= 0x80; }

static const char *skip_blanks(const char *text)
{
    while (*text && !is_letter(*text))
        text++;
    return text;
}

/* How far `part` goes into `name`: NULL when they differ. */
static const char *follow(const char *name, const char *part)
{
    for (part = skip_blanks(part); *part; name++, part++) {
        if (!is_letter(*part)) {
            part = skip_blanks(part);
            if (!*part)
                break;
            if (is_letter(*name))
                return NULL;
            name = skip_blanks(name);
        }
        if (tolower((unsigned char)*name) != tolower((unsigned char)*part))
            return NULL;
    }
    return name;
}

bool amble__name_equal(const char *a, const char *b)
{
    const char *rest = follow(skip_blanks(a), b);

    return rest && !*skip_blanks(rest);
}

bool amble__name_contains(const char *name, const char *part)
{
    for (; *name && *skip_blanks(part); name++) /* what has no letters would be in every name */
        if (follow(name, part))
            return true;
    return false;
}

bool amble__uuid_from_name(amble__number_kind kind, const char *text, amble_uuid *uuid)
{
    amble__number found;

    if (amble_uuid_parse(uuid, text) == 0)
        return true;
    for (size_t at = 0; amble__number_next(&at, &found);) {
        if (found.kind != kind || !amble__name_equal(found.name, text))
            continue;
        *uuid = found.long_uuid ? *found.long_uuid : (amble_uuid)AMBLE_UUID16(found.number);
        return true;
    }
    return false;
}
