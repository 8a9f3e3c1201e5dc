/* `amble gatt tree`: services, characteristics and descriptors of a peer, with their values where they may be read. A
 * value that the peer refuses is shown with its reason; only what ends the link ends the tree. */
#include <stdio.h>
#include <string.h>

#include "amble/error.h"
#include "amble/gap.h"
#include "cli/gatt.h"
#include "cli/numbers.h"
#include "cli/output.h"

static const char *const property_names[] = {"broadcast", "read",     "write_no_response", "write",
                                             "notify",    "indicate", "signed_write",      "extended"};
enum { PROPERTIES = sizeof property_names / sizeof *property_names };

/* What was read of an attribute. */
typedef struct {
    bool tried;
    int size; /* or an error */
    uint8_t data[AMBLE__VALUE_MAX];
} value;

/* Whether the tree can go on after this result: ATT errors belong to one attribute. */
static bool goes_on(int r) { return r >= 0 || (r <= AMBLE_ERR_ATT(0) && r >= AMBLE_ERR_ATT(0xff)); }

static void print_name(const char *indent, amble__number_kind kind, const amble_uuid *uuid)
{
    const char *name = amble__uuid_name(kind, uuid);
    char text[AMBLE_UUID_TEXT];

    printf("%s%s%s%s", indent, amble__paint(kind == AMBLE__NUMBER_SERVICE ? AMBLE__BOLD : AMBLE__PLAIN),
           name ? name : "", name ? "  " : "");
    printf("%s%s%s%s", amble__paint(AMBLE__PLAIN), amble__paint(AMBLE__BLUE), amble_uuid_text(uuid, text),
           amble__paint(AMBLE__PLAIN));
}

static void print_value(const amble__gatt_options *o, const amble_uuid *uuid, const value *v)
{
    char text[AMBLE__GATT_TEXT];

    if (!v->tried)
        putchar('\n');
    else if (v->size < 0)
        printf("  %s(%s)%s\n", amble__paint(AMBLE__RED), amble_error_text(v->size), amble__paint(AMBLE__PLAIN));
    else
        printf("  = %s%s%s\n", amble__paint(AMBLE__GREEN),
               amble__gatt_value_text(o, uuid, v->data, (size_t)v->size, text), amble__paint(AMBLE__PLAIN));
    amble__output_flush();
}

static cJSON *begin(const char *kind_name, amble__number_kind kind, const amble_uuid *uuid)
{
    cJSON *object = cJSON_CreateObject();

    cJSON_AddStringToObject(object, "kind", kind_name);
    amble__json_uuid(object, "uuid", uuid, amble__uuid_name(kind, uuid));
    return object;
}

static void end_json(cJSON *object, const amble__gatt_options *o, const amble_uuid *uuid, const value *v)
{
    if (v->tried && v->size >= 0)
        amble__gatt_value_json(o, uuid, v->data, (size_t)v->size, object);
    else if (v->tried)
        cJSON_AddStringToObject(object, "error", amble_error_text(v->size));
    amble__output_json(object);
}

/* --- the three levels --------------------------------------------------------------------------------------------- */
static int show_descriptor(const amble_remote_descriptor *d, const amble__gatt_options *o)
{
    value v = {.tried = !o->no_values};

    if (v.tried)
        v.size = amble_read_descriptor(d, v.data, sizeof v.data, o->timeout_ms);
    if (!goes_on(v.size))
        return v.size;
    if (o->json) {
        cJSON *object = begin("descriptor", AMBLE__NUMBER_DESCRIPTOR, &d->uuid);

        cJSON_AddNumberToObject(object, "handle", d->handle);
        end_json(object, o, &d->uuid, &v);
    } else {
        print_name("        ", AMBLE__NUMBER_DESCRIPTOR, &d->uuid);
        print_value(o, &d->uuid, &v);
    }
    return 0;
}

static void tell_characteristic(const amble_remote_characteristic *c, const amble__gatt_options *o, const value *v)
{
    const char *separator = "  ";

    if (o->json) {
        cJSON *object = begin("characteristic", AMBLE__NUMBER_CHARACTERISTIC, &c->uuid), *properties;

        cJSON_AddNumberToObject(object, "handle", c->value_handle);
        properties = cJSON_AddArrayToObject(object, "properties");
        for (size_t i = 0; i < PROPERTIES; i++)
            if (c->properties >> i & 1)
                cJSON_AddItemToArray(properties, cJSON_CreateString(property_names[i]));
        end_json(object, o, &c->uuid, v);
        return;
    }
    print_name("    ", AMBLE__NUMBER_CHARACTERISTIC, &c->uuid);
    for (size_t i = 0; i < PROPERTIES; i++)
        if (c->properties >> i & 1) {
            printf("%s%s%s%s", separator, amble__paint(AMBLE__DIM), property_names[i], amble__paint(AMBLE__PLAIN));
            separator = " ";
        }
    print_value(o, &c->uuid, v);
}

static int show_characteristic(const amble_remote_characteristic *c, const amble__gatt_options *o)
{
    value v = {.tried = !o->no_values && c->properties & AMBLE_PROPERTY_READ};
    amble_remote_descriptor d = {0};
    int r = 0;

    if (v.tried)
        v.size = amble_read(c, v.data, sizeof v.data, o->timeout_ms);
    if (!goes_on(v.size))
        return v.size;
    tell_characteristic(c, o, &v);
    while (r >= 0 && (r = amble_next_descriptor(c, &d, o->timeout_ms)) == 1)
        r = show_descriptor(&d, o);
    return r;
}

static int show_included(const amble_remote_service *service, const amble__gatt_options *o)
{
    amble_remote_service included = {0};
    int r;

    while ((r = amble_next_included(service, &included, o->timeout_ms)) == 1) {
        if (o->json) {
            cJSON *object = begin("include", AMBLE__NUMBER_SERVICE, &included.uuid);

            cJSON_AddNumberToObject(object, "handle", included.include);
            cJSON_AddNumberToObject(object, "start", included.start);
            cJSON_AddNumberToObject(object, "end", included.end);
            amble__output_json(object);
        } else {
            print_name("    includes  ", AMBLE__NUMBER_SERVICE, &included.uuid);
            putchar('\n');
        }
    }
    return r;
}

static int show_service(const amble_remote_service *service, const amble__gatt_options *o, amble__gatt_found *found,
                        void *user)
{
    amble_remote_characteristic c = {0};
    int r;

    if (o->json) {
        cJSON *object = begin("service", AMBLE__NUMBER_SERVICE, &service->uuid);

        cJSON_AddNumberToObject(object, "handle", service->start);
        cJSON_AddNumberToObject(object, "end", service->end);
        amble__output_json(object);
    } else {
        print_name("", AMBLE__NUMBER_SERVICE, &service->uuid);
        putchar('\n');
    }
    r = show_included(service, o);
    while (r >= 0 && (r = amble_next_characteristic(service, &c, o->timeout_ms)) == 1) {
        if (found)
            found(user, service, &c);
        r = show_characteristic(&c, o);
    }
    return r;
}

int amble__gatt_tree(amble_connection *conn, const amble__gatt_options *o, amble__gatt_found *found, void *user)
{
    amble_remote_service service = {0};
    int r = 0;

    while (r >= 0 && (r = amble_next_service(conn, &service, o->timeout_ms)) == 1)
        r = show_service(&service, o, found, user);
    return r;
}
