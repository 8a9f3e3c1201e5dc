/* `amble gatt` inside: what it was asked, and its four deeds, which `amble shell` does, too. */
#ifndef AMBLE_CLI_GATT_H
#define AMBLE_CLI_GATT_H
#include <cjson/cJSON.h>

#include "amble/gatt_client.h"
#include "cli/command.h"
#include "cli/values.h"

typedef struct {
    const char *words[4]; /* the deed, ADDRESS, CHARACTERISTIC, VALUE */
    const char *bonds;
    amble_uuid service, characteristic;
    const amble__format *format; /* NULL: decoded */
    uint32_t byte_limit, count;
    int timeout_ms, ms;
    bool no_values, no_response, in_parts, indicate, json;
} amble__gatt_options;
enum { AMBLE__GATT_TIMEOUT_MS = 10000, AMBLE__GATT_MTU = 517, AMBLE__GATT_OPTIONS = 12 };
/* Values of one subscription that may wait, and what it takes of a host's `notification_buffers`: one more, the value
 * in view. */
enum { AMBLE__GATT_DEPTH = 32, AMBLE__GATT_BUFFERS = AMBLE__GATT_DEPTH + 1 };
/* Those of `amble shell`, which come first: it has its bonds already. */
enum { AMBLE__GATT_SHELL_OPTIONS = AMBLE__GATT_OPTIONS - 1 };
extern const amble__option amble__gatt_option_table[AMBLE__GATT_OPTIONS];

/* What the words ask for, or AMBLE_ERR_USAGE, the sentence printed: the characteristic, and a value to be written in
 * the format. */
int amble__gatt_take_characteristic(const amble__command *command, const char *word, amble_uuid *uuid);
int amble__gatt_take_value(const amble__command *command, const amble__gatt_options *o, const char *word);

/* Everything the peer has. `found`, unless it is NULL, hears of each characteristic. */
typedef void amble__gatt_found(void *user, const amble_remote_service *service, const amble_remote_characteristic *c);
int amble__gatt_tree(amble_connection *conn, const amble__gatt_options *o, amble__gatt_found *found,
                     void *user) AMBLE_MUST_CHECK;
/* Reads and prints; writes `word`. */
int amble__gatt_read(const amble_remote_characteristic *c, const amble__gatt_options *o) AMBLE_MUST_CHECK;
int amble__gatt_write(const amble_remote_characteristic *c, const amble__gatt_options *o,
                      const char *word) AMBLE_MUST_CHECK;
/* Subscribes as the options say. */
int amble__gatt_subscribe(const amble_remote_characteristic *c, const amble__gatt_options *o,
                          amble_subscription **out) AMBLE_MUST_CHECK;
/* The JSON object of a value that was notified. */
cJSON *amble__gatt_notified_json(const amble_remote_characteristic *c, const amble__gatt_options *o,
                                 const amble_value *value);

/* A value as the options ask for it: in the format, decoded, as text, or as digits. Returns `text`. */
enum { AMBLE__GATT_TEXT = AMBLE__VALUE_TEXT };
const char *amble__gatt_value_text(const amble__gatt_options *o, const amble_uuid *uuid, const uint8_t *data,
                                   size_t size, char text[AMBLE__GATT_TEXT]);
/* Adds "value", "size", "text" and, where there is more than is shown, "truncated". */
void amble__gatt_value_json(const amble__gatt_options *o, const amble_uuid *uuid, const uint8_t *data, size_t size,
                            cJSON *object);
#endif
