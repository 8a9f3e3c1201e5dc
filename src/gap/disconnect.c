/* The service task's part that ends links: those that a task closed, and those that nobody here has a place for.
 *
 * A link is owed its end until the controller has taken the Disconnect or does not know the link any more; one that is
 * refused is tried again after a pause. A link without a slot is remembered by its handle. More of them than
 * AMBLE__STRAY_LINKS cannot come from a controller that does what it is told, because nothing that makes links is on
 * while there is no slot: such a controller is given up. */
#include "core/log.h"
#include "gap/gap_room.h"

enum { REASON_REMOTE_USER = AMBLE__HCI_REMOTE_USER_TERMINATED, RETRY_MS = 100 };

static void try_again(amble__timer *timer) { amble__gap_work(amble__container(timer, amble__gap, retry)); }

void amble__gap_retry(amble__gap *gap)
{
    gap->retry.fire = try_again;
    if (!gap->hci->failed && !gap->retry.armed)
        amble__timer_start(&gap->retry, amble__deadline(RETRY_MS));
}

void amble__stray_link(amble__gap *gap, uint16_t handle)
{
    for (int i = 0; i < AMBLE__STRAY_LINKS; i++) {
        if (!gap->strays[i].used) {
            gap->strays[i] = (amble__stray){.handle = handle, .used = true};
            amble__gap_work(gap);
            return;
        }
    }
    amble__hci_lose(gap->hci, "the controller makes more links than it was told to");
}

static amble__stray *stray_of(amble__gap *gap, uint16_t handle)
{
    for (int i = 0; i < AMBLE__STRAY_LINKS; i++)
        if (gap->strays[i].used && gap->strays[i].handle == handle)
            return &gap->strays[i];
    return NULL;
}

void amble__disconnect_ended(amble__gap *gap, uint16_t handle, uint8_t status)
{
    amble__stray *stray = stray_of(gap, handle);
    amble_connection *conn = amble__link_by_handle(gap->links, handle);

    if (stray)
        *stray = (amble__stray){.handle = handle, .used = status != 0};
    if (!status)
        return;
    if (conn)
        conn->disconnect_sent = false;
    amble__gap_retry(gap);
}

/* 0: the controller ends it; AMBLE_ERR_HCI(AMBLE__HCI_UNKNOWN_CONNECTION): it has lost it without a word. */
static int disconnect(amble__gap *gap, uint16_t handle)
{
    const uint8_t parameters[3] = {(uint8_t)handle, (uint8_t)(handle >> 8), REASON_REMOTE_USER};
    const int r = amble__hci_command(gap->hci, AMBLE__HCI_DISCONNECT, parameters, sizeof parameters, NULL, 0);

    if (r < 0 && r != AMBLE_ERR_HCI(AMBLE__HCI_UNKNOWN_CONNECTION) && !gap->hci->failed) {
        amble__log(AMBLE__LOG_WARNING, "%s: link 0x%04x was not disconnected and is tried again: %s",
                   gap->hci->instance, handle, amble_error_text(r));
        amble__gap_retry(gap);
    }
    return r;
}

static void serve_strays(amble__gap *gap)
{
    for (int i = 0; i < AMBLE__STRAY_LINKS; i++) {
        amble__stray *stray = &gap->strays[i];
        int r;

        if (!stray->used || stray->asked)
            continue;
        stray->asked = true;
        r = disconnect(gap, stray->handle);
        if (r == 0 || !stray->asked)
            continue; /* it ends, or it ended meanwhile and the place is another one's */
        stray->asked = false;
        stray->used = r != AMBLE_ERR_HCI(AMBLE__HCI_UNKNOWN_CONNECTION);
    }
}

void amble__serve_disconnects(amble__gap *gap)
{
    serve_strays(gap);
    for (size_t i = 0; i < gap->links->count; i++) {
        amble_connection *conn = &gap->links->slots[i];
        const uint32_t generation = conn->generation;
        int r;

        if (conn->state != AMBLE__LINK_LIVE || !conn->disconnect_wanted || conn->disconnect_sent)
            continue;
        conn->disconnect_sent = true;
        r = disconnect(gap, conn->handle);
        if (r == AMBLE_ERR_HCI(AMBLE__HCI_UNKNOWN_CONNECTION) && conn->generation == generation)
            amble__link_lose(conn, AMBLE__HCI_UNKNOWN_CONNECTION, AMBLE_ERR_DISCONNECTED);
        else if (r < 0 && conn->generation == generation)
            conn->disconnect_sent = false;
    }
}
