/* Values of characteristics and descriptors as text: in a format that the user names, or decoded where the SIG says
 * what the bytes of a UUID mean. */
#ifndef AMBLE_CLI_VALUES_H
#define AMBLE_CLI_VALUES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "amble/uuid.h"

enum { AMBLE__VALUE_MAX = 512, AMBLE__VALUE_TEXT = 5 * AMBLE__VALUE_MAX };

typedef struct amble__format amble__format;
extern const char amble__format_names[]; /* separated by blanks */
/* The format of this name, or NULL. */
const amble__format *amble__format_find(const char *name);
/* The bytes in this format: "100", "12, 13", "0A 0B". Returns `text`, or NULL when they are none of this format, such
 * as three bytes for a number of two. */
const char *amble__format_text(const amble__format *format, const uint8_t *data, size_t size, char *text, size_t room);
/* Reads what a user typed. Returns how many bytes it is, or -1 when it is none of this format or too long. */
int amble__format_parse(const amble__format *format, const char *text, uint8_t *data, size_t room);

/* What a value means: "98 %", "21.5 °C", "Heart rate sensor". Returns `text`, or NULL for a UUID or bytes that are not
 * understood. */
const char *amble__value_text(const amble_uuid *uuid, const uint8_t *data, size_t size, char *text, size_t room);
#endif
