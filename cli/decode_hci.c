/* HCI commands and events as text (decode.h), Vol 4 Part E 7: a table of names and of descriptions (fields.h). What has
 * no description has its name and its parameters as bytes. */
#include "cli/fields.h"
#include "cli/hci_table.h"

enum { LE_META = 0x3e, COMMAND_COMPLETE = 0x0e, COMMAND_STATUS = 0x0f };

static const amble__hci_row *find(const amble__hci_row *rows, size_t count, unsigned number)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i].number == number)
            return &rows[i];
    return NULL;
}

static const amble__hci_row *command_row(unsigned opcode)
{
    return find(amble__hci_command_rows, amble__hci_command_count, opcode);
}

const char *amble__command_name(unsigned opcode)
{
    const amble__hci_row *row = command_row(opcode);

    return row ? row->name : NULL;
}

void amble__decode_command(amble__reader r, amble__decoded *out)
{
    enum { VENDOR = 0x3f, GROUP = 10 };
    const unsigned opcode = amble__read_le16(&r);
    const uint8_t length = amble__read_u8(&r);
    const amble__hci_row *row = command_row(opcode);
    amble__printer p = amble__printer_of(out->detail, sizeof out->detail);

    out->layer = "command";
    amble__decode_set_name(out, row ? row->name : NULL, opcode >> GROUP == VENDOR ? "Vendor command" : "Command",
                           opcode);
    if (r.failed || amble__read_left(&r) != length)
        amble__say(&p, "malformed: ");
    else if (row && row->fields)
        amble__say_fields(&p, &r, out, row->fields);
    amble__say_rest(&p, &r, out);
}

/* Whose answer it is, then a status, then what this command returns. Vol 4 Part E 7.7.14 */
static void say_complete(amble__printer *p, amble__reader *r, amble__decoded *out)
{
    amble__reader ahead;
    const amble__hci_row *row;
    uint8_t status;

    (void)amble__read_u8(r); /* how many commands may follow */
    ahead = *r;
    row = command_row(amble__read_le16(&ahead));
    amble__say_fields(p, r, out, "O");
    if (!amble__read_left(r))
        return; /* credits alone */
    status = amble__read_u8(r);
    amble__say(p, ": ");
    amble__say_status(p, status);
    if (!status && row && row->reply)
        amble__say_fields(p, r, out, row->reply);
}

static void say_command_status(amble__printer *p, amble__reader *r, amble__decoded *out)
{
    const uint8_t status = amble__read_u8(r);

    (void)amble__read_u8(r); /* how many commands may follow */
    amble__say_fields(p, r, out, "O");
    amble__say(p, ": ");
    amble__say_status(p, status);
}

static void say_event(amble__printer *p, uint8_t code, amble__reader *r, amble__decoded *out)
{
    const amble__hci_row *row;
    uint8_t subevent;

    if (code == COMMAND_COMPLETE) {
        say_complete(p, r, out);
        return;
    }
    if (code == COMMAND_STATUS) {
        say_command_status(p, r, out);
        return;
    }
    row = find(amble__hci_event_rows, amble__hci_event_count, code);
    if (code == LE_META) {
        subevent = amble__read_u8(r);
        row = find(amble__hci_le_event_rows, amble__hci_le_event_count, subevent);
        amble__decode_set_name(out, row ? row->name : NULL, "LE event", subevent);
    }
    if (row && row->fields)
        amble__say_fields(p, r, out, row->fields);
}

void amble__decode_event(amble__reader r, amble__decoded *out)
{
    const uint8_t code = amble__read_u8(&r), length = amble__read_u8(&r);
    const amble__hci_row *row = find(amble__hci_event_rows, amble__hci_event_count, code);
    amble__printer p = amble__printer_of(out->detail, sizeof out->detail);

    out->layer = "event";
    amble__decode_set_name(out, row ? row->name : NULL, "Event", code);
    if (r.failed || amble__read_left(&r) != length)
        amble__say(&p, "malformed: ");
    else
        say_event(&p, code, &r, out);
    amble__say_rest(&p, &r, out);
}
