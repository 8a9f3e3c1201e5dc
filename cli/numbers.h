/* Names of the numbers that the Bluetooth SIG assigned, and of some UUIDs that vendors drew (cli/numbers/, written by
 * tools/make_numbers, which says where they come from). */
#ifndef AMBLE_CLI_NUMBERS_H
#define AMBLE_CLI_NUMBERS_H
#include <stdbool.h>
#include <stddef.h>

#include "amble/uuid.h"

typedef enum {
    AMBLE__NUMBER_SERVICE,
    AMBLE__NUMBER_CHARACTERISTIC,
    AMBLE__NUMBER_DESCRIPTOR,
    AMBLE__NUMBER_UNIT,
    AMBLE__NUMBER_COMPANY,
    AMBLE__NUMBER_APPEARANCE,
    AMBLE__NUMBER_KINDS
} amble__number_kind;

/* One row of a table. `long_uuid` is NULL where `number` is the name's number. */
typedef struct {
    amble__number_kind kind;
    unsigned number;
    const amble_uuid *long_uuid;
    const char *name;
} amble__number;

/* "service", "company", ... */
const char *amble__number_kind_name(amble__number_kind kind);
/* The rows one by one, by kind, UUIDs of vendors last: `*at` starts at 0. False at the end. */
bool amble__number_next(size_t *at, amble__number *row);

/* The name, or NULL. An appearance without one of its own has its category's. */
const char *amble__number_name(amble__number_kind kind, unsigned number);
const char *amble__uuid_name(amble__number_kind kind, const amble_uuid *uuid);
/* The value of a UUID that is, or is the long form of, a 16-bit one; -1 for others. */
int amble__uuid_number(const amble_uuid *uuid);
/* Reads a UUID, or the name of one of this kind: "heart rate", "Heart_Rate". False when it is neither. */
bool amble__uuid_from_name(amble__number_kind kind, const char *text, amble_uuid *uuid);
/* Compares names: capitals do not count, and every run of other characters is one blank. */
bool amble__name_equal(const char *a, const char *b);
/* Whether `part` is in `name`, compared in the same way. */
bool amble__name_contains(const char *name, const char *part);
#endif
