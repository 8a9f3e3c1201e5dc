/* `amble gatt` inside: what it was asked, and its four deeds. */
#ifndef AMBLE_CLI_GATT_H
#define AMBLE_CLI_GATT_H
#include <cjson/cJSON.h>

#include "amble/gatt_client.h"
#include "cli/values.h"

typedef struct {
    const char *words[4]; /* the deed, ADDRESS, CHARACTERISTIC, VALUE */
    amble_uuid service, characteristic;
    const amble__format *format; /* NULL: decoded */
    uint32_t byte_limit, count;
    int timeout_ms, ms;
    bool no_values, no_response, indicate, json;
} amble__gatt_options;

/* Everything the peer has. */
int amble__gatt_tree(amble_connection *conn, const amble__gatt_options *o) AMBLE_MUST_CHECK;

/* A value as the options ask for it: in the format, decoded, as text, or as digits. Returns `text`. */
enum { AMBLE__GATT_TEXT = AMBLE__VALUE_TEXT };
const char *amble__gatt_value_text(const amble__gatt_options *o, const amble_uuid *uuid, const uint8_t *data,
                                   size_t size, char text[AMBLE__GATT_TEXT]);
/* Adds "value", "size", "text" and, where there is more than is shown, "truncated". */
void amble__gatt_value_json(const amble__gatt_options *o, const amble_uuid *uuid, const uint8_t *data, size_t size,
                            cJSON *object);
#endif
