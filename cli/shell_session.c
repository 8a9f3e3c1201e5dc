/* Links and subscriptions of `amble shell` (shell.h).
 *
 * A watching task prints what happens and marks the end; it never frees. The session's task closes the scope of such a
 * task before it frees what the task looks at. */
#include "cli/shell.h"

#include <stdio.h>
#include <string.h>

#include "amble/error.h"
#include "amble/gap.h"
#include "cli/numbers.h"
#include "cli/output.h"
#include "cli/peer.h"

/* --- telling ------------------------------------------------------------------------------------------------------ */
cJSON *amble__shell_event(const char *event, const amble__shell_link *link)
{
    cJSON *object = cJSON_CreateObject();

    cJSON_AddStringToObject(object, "event", event);
    cJSON_AddStringToObject(object, "address", link->address);
    return object;
}

static void tell_disconnected(const amble__shell_link *link)
{
    const char *reason = amble_error_text(AMBLE_ERR_HCI(amble_connection_reason(link->conn)));

    amble__edit_hide(link->shell->edit);
    if (link->shell->json) {
        cJSON *object = amble__shell_event("disconnected", link);

        cJSON_AddStringToObject(object, "reason", reason);
        amble__output_json(object);
    } else {
        printf("disconnected from %s: %s\n", link->address, reason);
        amble__output_flush();
    }
    amble__edit_show(link->shell->edit);
}

static size_t link_count(const amble__shell *s)
{
    size_t count = 0;

    for (size_t i = 0; i < AMBLE__SHELL_LINKS; i++)
        count += s->links[i].conn != NULL;
    return count;
}

static void tell_value(const amble__shell_subscription *sub, const amble_value *value)
{
    const amble__shell *s = sub->link->shell;
    const char *name = amble__uuid_name(AMBLE__NUMBER_CHARACTERISTIC, &sub->c.uuid);
    char text[AMBLE__GATT_TEXT], uuid[AMBLE_UUID_TEXT];

    amble__edit_hide(s->edit);
    if (sub->options.json) {
        cJSON *object = amble__gatt_notified_json(&sub->c, &sub->options, value);

        cJSON_AddStringToObject(object, "event", "value");
        cJSON_AddStringToObject(object, "address", sub->link->address);
        amble__output_json(object);
    } else {
        if (link_count(s) > 1)
            printf("%s ", sub->link->address);
        printf("%s: %s", name ? name : amble_uuid_text(&sub->c.uuid, uuid),
               amble__gatt_value_text(&sub->options, &sub->c.uuid, value->data, value->size, text));
        if (value->dropped)
            printf(" (%u before it were lost)", (unsigned)value->dropped);
        putchar('\n');
        amble__output_flush();
    }
    amble__edit_show(s->edit);
}

/* --- watching ----------------------------------------------------------------------------------------------------- */
static int watch_link(void *arg)
{
    amble__shell_link *link = arg;
    const int r = amble_disconnected(link->conn, AMBLE_FOREVER);

    if (r < 0)
        return r; /* the session closes the link by itself */
    link->lost = true;
    tell_disconnected(link);
    return 0;
}

static int watch_subscription(void *arg)
{
    amble__shell_subscription *sub = arg;
    const amble__gatt_options *o = &sub->options;
    const uint64_t end_us = amble_now_us() + (uint64_t)o->ms * 1000;
    amble_value value;
    int r = 0;

    for (uint32_t count = 0; r >= 0 && (!o->count || count < o->count); count++) {
        const uint64_t now_us = amble_now_us();
        const int left_ms = now_us < end_us ? (int)((end_us - now_us) / 1000) : 0;

        r = amble_notified(sub->subscription, &value, o->ms ? left_ms : AMBLE_FOREVER);
        if (r >= 0)
            tell_value(sub, &value);
    }
    amble_subscription_close(sub->subscription);
    sub->ended = true;
    return 0; /* how it ended is told by the link, or was asked for */
}

void amble__shell_adopt(amble__shell *s)
{
    for (size_t i = 0; i < AMBLE__SHELL_LINKS; i++) {
        amble__shell_link *link = &s->links[i];

        if (!link->conn || link->adopted)
            continue;
        amble_scope_open(&link->scope);
        amble_spawn(&link->scope, watch_link, link);
        link->adopted = true;
    }
    for (size_t i = 0; i < AMBLE__SHELL_SUBSCRIPTIONS; i++) {
        amble__shell_subscription *sub = &s->subscriptions[i];

        if (!sub->subscription || sub->adopted)
            continue;
        amble_scope_open(&sub->scope);
        if (!amble_spawn(&sub->scope, watch_subscription, sub))
            sub->ended = true; /* out of memory; its connection's end takes it along */
        sub->adopted = true;
    }
}

/* --- putting away ------------------------------------------------------------------------------------------------- */
static void release(amble__shell_subscription *sub)
{
    amble_scope_close(&sub->scope);
    memset(sub, 0, sizeof *sub);
}

int amble__shell_unsubscribe(amble__shell_link *link, const amble_uuid *uuid)
{
    int count = 0;

    for (size_t i = 0; i < AMBLE__SHELL_SUBSCRIPTIONS; i++) {
        amble__shell_subscription *sub = &link->shell->subscriptions[i];

        if (!sub->subscription || sub->link != link || (uuid && !amble_uuid_equal(&sub->c.uuid, uuid)))
            continue;
        release(sub);
        count++;
    }
    return count;
}

/* Frees a link whose watching task has ended or is to end. */
static void let_go(amble__shell_link *link)
{
    amble__shell *s = link->shell;

    (void)amble__shell_unsubscribe(link, NULL); /* how many there were does not matter */
    amble_scope_close(&link->scope);
    amble_connection_close(link->conn);
    if (s->current == link)
        s->current = NULL;
    memset(link, 0, sizeof *link);
    for (size_t i = 0; i < AMBLE__SHELL_LINKS && !s->current; i++)
        if (s->links[i].conn)
            s->current = &s->links[i];
}

void amble__shell_reap(amble__shell *s)
{
    for (size_t i = 0; i < AMBLE__SHELL_SUBSCRIPTIONS; i++)
        if (s->subscriptions[i].ended)
            release(&s->subscriptions[i]);
    for (size_t i = 0; i < AMBLE__SHELL_LINKS; i++)
        if (s->links[i].lost)
            let_go(&s->links[i]);
}

void amble__shell_disconnect(amble__shell_link *link)
{
    amble__shell *s = link->shell;
    const bool lost = link->lost; /* was told then */
    char address[AMBLE_DEVICE_TEXT];

    memcpy(address, link->address, sizeof address);
    if (!lost && s->json)
        amble__output_json(amble__shell_event("disconnected", link));
    let_go(link);
    if (!lost && !s->json)
        printf("disconnected from %s\n", address);
}

/* --- making ------------------------------------------------------------------------------------------------------- */
int amble__shell_connect(amble__shell *s, const char *who, int timeout_ms)
{
    amble__shell_link *link = s->links;
    amble_connection *conn;
    int r;

    while (link < s->links + AMBLE__SHELL_LINKS && link->conn)
        link++;
    if (link == s->links + AMBLE__SHELL_LINKS) {
        fprintf(stderr, "amble shell: %d links are the most there can be; disconnect one\n", AMBLE__SHELL_LINKS);
        s->told = true;
        return AMBLE_ERR_BUSY;
    }
    r = amble__peer_connect("amble shell", s->ble, who, timeout_ms, &conn);
    if (r < 0)
        return r;
    *link = (amble__shell_link){.shell = s, .conn = conn};
    amble_device_text(amble_connection_device(conn), link->address);
    snprintf(link->name, sizeof link->name, "%s", who);
    s->current = link;
    if (s->json) {
        cJSON *object = amble__shell_event("connected", link);

        cJSON_AddNumberToObject(object, "mtu", amble_connection_mtu(conn));
        amble__output_json(object);
    } else {
        printf("connected to %s, MTU %u\n", link->address, amble_connection_mtu(conn));
        amble__output_flush();
    }
    return 0;
}

amble__shell_link *amble__shell_link_of(amble__shell *s, const char *who)
{
    for (size_t i = 0; i < AMBLE__SHELL_LINKS && who; i++)
        if (s->links[i].conn && (!strcmp(s->links[i].address, who) || !strcmp(s->links[i].name, who)))
            return &s->links[i];
    s->told = who || !s->current;
    if (who)
        fprintf(stderr, "amble shell: there is no link to %s; connections lists them\n", who);
    else if (!s->current)
        fputs("amble shell: there is no link; connect ADDRESS makes one\n", stderr);
    return who ? NULL : s->current;
}

void amble__shell_remember(amble__shell_link *link, const amble_uuid *service, const amble_remote_characteristic *c)
{
    amble__shell_known *known = link->known;

    while (known < link->known + link->known_count && known->c.value_handle != c->value_handle)
        known++;
    if (known == link->known + AMBLE__SHELL_KNOWN)
        return; /* it is looked for again then */
    if (known == link->known + link->known_count)
        link->known_count++;
    known->c = *c;
    if (service)
        known->service = *service;
}

int amble__shell_find(amble__shell *s, const amble_uuid *uuid, const amble__gatt_options *o,
                      amble_remote_characteristic *out)
{
    const amble_uuid *service = o->service.size ? &o->service : NULL;
    amble__shell_link *link = s->current;
    int r;

    for (size_t i = 0; i < link->known_count; i++)
        if (amble_uuid_equal(&link->known[i].c.uuid, uuid) &&
            (!service || amble_uuid_equal(&link->known[i].service, service))) {
            *out = link->known[i].c;
            return 0;
        }
    r = amble__peer_characteristic("amble shell", link->conn, service, uuid, out, o->timeout_ms);
    if (!r)
        amble__shell_remember(link, service, out);
    return r;
}

int amble__shell_subscribe(amble__shell *s, const amble_remote_characteristic *c, const amble__gatt_options *o)
{
    amble__shell_subscription *sub = s->subscriptions;
    amble_subscription *subscription;
    int r;

    while (sub < s->subscriptions + AMBLE__SHELL_SUBSCRIPTIONS && sub->subscription)
        sub++;
    if (sub == s->subscriptions + AMBLE__SHELL_SUBSCRIPTIONS) {
        fprintf(stderr, "amble shell: %d subscriptions are the most there can be; unsubscribe one\n",
                AMBLE__SHELL_SUBSCRIPTIONS);
        s->told = true;
        return AMBLE_ERR_BUSY;
    }
    r = amble__gatt_subscribe(c, o, &subscription);
    if (r >= 0)
        *sub = (amble__shell_subscription){.link = s->current, .subscription = subscription, .c = *c, .options = *o};
    return r;
}
