/* Random schedules of pairing: two to four hosts, some of which hide, pair in every way, on several links at once, from
 * either side or from both, reconnect with bonds, lose or delete them, read and write what needs security, open
 * channels that need it; while schedules.h lets anything happen to them, and people answer right, wrong, late or never.
 *
 * What has to hold all the time: a secret never crosses the air in clear; what needs security is only got with it; two
 * sides of a link that are at rest think the same of it. At the end, whatever happened before: any two devices pair,
 * hold the same key, and are encrypted again on the next link by themselves. And nothing is left over, as
 * everywhere. */
#include "host/host_room.h"
#include "schedules.h"

enum {
    LIFE_MS = 28000,
    DAY_MS = 3000,
    SPSM = 0x81,
    EVERY_PASSKEY = 271828,
    MISMATCHES = 60,
    TRIES = 200,
    TRY_AGAIN_MS = 10000,
    STORES_REST_MS = 70000
};
#define SECRET "nobody but us two knows this"

static const amble_uuid service_uuid = AMBLE_UUID16(0x181a);
static const amble_uuid secret_uuid = AMBLE_UUID16(0x2a6e);
static const amble_uuid note_uuid = AMBLE_UUID16(0x2a6f);
static const amble_characteristic secret = {.uuid = &secret_uuid,
                                            .read = true,
                                            .initial = SECRET,
                                            .initial_size = sizeof SECRET - 1,
                                            .read_security = AMBLE_ENCRYPTED};
static const amble_characteristic note = {
    .uuid = &note_uuid, .write = true, .max_size = 64, .write_security = AMBLE_AUTHENTICATED};
static const amble_service service = {.uuid = &service_uuid, .characteristics = AMBLE_LIST(&secret, &note)};

/* --- what happened: so that the test knows that it saw everything ------------------------------------------------- */
enum { PAIRED, REFUSED, LOST_BOND, AGAIN, READ, CHANNELS, CANCELLED, ENDED, KINDS };
static const char *const happenings[KINDS] = {
    [PAIRED] = "a pairing that went well", [REFUSED] = "one that was refused",       [LOST_BOND] = "a lost bond",
    [AGAIN] = "a link with a bond's key",  [READ] = "a secret that was read",        [CHANNELS] = "a channel",
    [CANCELLED] = "a pairing given up",    [ENDED] = "one that ended with its link",
};
static bool peaceful; /* all devices have lived: nobody does anything wrong any more */

static int note_result(int r)
{
    if (r == 0)
        happened(PAIRED);
    if (-r >> 8 == 3)
        happened(REFUSED);
    if (r == AMBLE_ERR_BOND_LOST)
        happened(LOST_BOND);
    if (r == AMBLE_ERR_CANCELLED || r == AMBLE_ERR_TIMEOUT)
        happened(CANCELLED);
    if (r == AMBLE_ERR_DISCONNECTED)
        happened(ENDED);
    return r;
}

/* --- people: they see what the other device shows ----------------------------------------------------------------- */
static uint32_t shown[BENCH_DEVICES];
static bool has_data[BENCH_DEVICES];
static amble_oob_data data_of[BENCH_DEVICES];

static void answer(amble *ble, unsigned self, const amble_prompt *p)
{
    const unsigned other = schedule_index(p->device), mood = peaceful ? 5 : dice(12);

    if (p->kind == AMBLE_PROMPT_SHOW)
        shown[self] = p->passkey;
    if (other == NOBODY || p->kind > AMBLE_PROMPT_ALLOW || p->kind == AMBLE_PROMPT_SHOW || mood == 0)
        return; /* nothing to answer; or nobody there */
    if (mood == 1)
        (void)amble_prompt_answer(ble, p, AMBLE_ERR_CANCELLED);
    else if (p->kind == AMBLE_PROMPT_OUT_OF_BAND && has_data[other] && mood > 3)
        (void)amble_prompt_answer_data(ble, p, &data_of[other]);
    else if (p->kind == AMBLE_PROMPT_OUT_OF_BAND)
        (void)amble_prompt_answer(ble, p, 0);
    else if (p->kind == AMBLE_PROMPT_ENTER)
        (void)amble_prompt_answer(ble, p, (int)(mood == 2 ? dice(1000000) : shown[other]));
    else
        (void)amble_prompt_answer(ble, p, mood != 2);
}

static int people(void *arg)
{
    const schedule_day *today = arg;
    amble_prompt p;
    int r;

    (void)amble_l2cap_listen(today->ble, SPSM, &(amble_l2cap_options){.security = AMBLE_ENCRYPTED});
    while ((r = amble_prompted(today->ble, &p, AMBLE_FOREVER)) == 0) {
        if (dice(4) == 0 && ((r = amble_sleep_ms((int)dice(2000))) < 0 || today->over))
            return r;
        answer(today->ble, today->index, &p);
    }
    return r;
}
static const schedule_worker companion = {"people", people};

static amble_pair_options some_options(void)
{
    amble_pair_options o = {.io = (amble_io)dice(5),
                            .mitm = dice(4) == 0,
                            .secure_only = dice(8) == 0,
                            .no_bond = dice(4) == 0,
                            .out_of_band = dice(8) == 0,
                            .ask = dice(8) == 0,
                            .refuse = dice(16) == 0,
                            .renew = dice(3) == 0,
                            .key_size_min = dice(3) ? 0 : 7,
                            .key_size_max = dice(6) ? 0 : 16,
                            .fixed_passkey = dice(8) == 0,
                            .passkey = EVERY_PASSKEY};

    o.legacy_only = !o.secure_only && dice(3) == 0;
    return o;
}

/* --- with a link, in either role ---------------------------------------------------------------------------------- */
static int use_attributes(amble_connection *conn)
{
    char value[64];
    amble_remote_service s;
    amble_remote_characteristic c;
    const bool reads = dice(3);
    int r = amble_find_service(conn, &service_uuid, &s, 5000);

    if (r >= 0)
        r = amble_find_characteristic(&s, reads ? &secret_uuid : &note_uuid, &c, 5000);
    if (r < 0)
        return r;
    if (!reads)
        return amble_connection_encrypted(conn) ? amble_write(&c, SECRET, sizeof SECRET - 1, some_time()) : 0;
    r = amble_read(&c, value, sizeof value, some_time());
    if (r > 0) {
        assert_int_equal(r, sizeof SECRET - 1);
        assert_true(amble_connection_encrypted(conn) || !amble_connected(conn));
        happened(READ);
    }
    return r;
}

static int use_channel(amble_connection *conn)
{
    amble_l2cap_channel *channel = NULL;
    char value[64];
    const bool opens = dice(2);
    int r;

    if (opens)
        r = amble_l2cap_connect(conn, SPSM, NULL, &channel, (int)dice(3000));
    else
        r = amble_l2cap_accept(conn, SPSM, &channel, (int)dice(2000));
    if (r < 0)
        return r;
    assert_true(amble_connection_encrypted(conn) || !amble_connected(conn));
    happened(CHANNELS);
    for (unsigned i = dice(4); r >= 0 && i > 0; i--)
        r = dice(2) ? amble_l2cap_send(channel, SECRET, sizeof SECRET - 1, (int)dice(1000))
                    : amble_l2cap_recv(channel, value, sizeof value, (int)dice(1000));
    amble_l2cap_close(channel);
    return r;
}

static int make_data(amble *ble)
{
    const unsigned self = schedule_index(amble_own_device(ble));
    int r;

    has_data[self] = false;
    r = amble_oob_local(ble, &data_of[self], 20000);
    has_data[self] = r == 0;
    return r;
}

static int do_something(amble_connection *conn)
{
    amble *ble = amble_connection_host(conn);
    const amble_pair_options options = some_options();
    const amble_parameters wish = {.min_interval_us = 15000, .max_interval_us = 30000, .supervision_timeout_ms = 1000};

    switch (dice(12)) {
    case 0:
    case 1:
    case 2:
    case 3:
        return note_result(amble_pair(conn, &options, some_time()));
    case 4:
        return amble_encrypted(conn, some_time());
    case 5:
        return amble_security_config(ble, &options);
    case 6:
        return make_data(ble);
    case 7:
        return dice(3) ? 0 : amble_bonds_delete(amble_bonds_of(ble), amble_connection_device(conn));
    case 8:
        return use_channel(conn);
    case 9:
        return amble_connection_update(conn, &wish, some_time());
    case 10:
        return amble_disconnected(conn, (int)dice(1500));
    default:
        return use_attributes(conn);
    }
}

static int use_link(amble_connection *conn)
{
    int r = 0;

    for (unsigned i = dice(16); i > 0 && amble_connected(conn) && !host_is_over(r); i--)
        r = do_something(conn);
    if (amble_connected(conn) && amble_connection_encrypted(conn) && conn->smp->with_bond)
        happened(AGAIN);
    if (!host_is_over(r) && dice(2))
        r = amble_disconnected(conn, (int)dice(2000)); /* let the other one leave first */
    amble_connection_close(conn);
    return r;
}

/* --- workers ------------------------------------------------------------------------------------------------------ */
static int advertise(void *arg)
{
    const schedule_day *today = arg;
    const amble_advertise_options options = {.interval_us = 20000 + dice(4) * 20000};
    amble_connection *conn;
    int r;

    do {
        r = amble_advertise(today->ble, &options, &conn, some_time());
        if (r >= 0)
            r = use_link(conn);
    } while (!host_is_over(r) && r != AMBLE_ERR_BUSY && !today->over && dice(4));
    return r;
}

/* Where one is, or, what helps only who has a bond when that one hides, who it is. */
static amble_device somebody(void)
{
    const unsigned index = dice(schedule_devices());

    return dice(2) ? schedule_address(index) : schedule_identity(index);
}

static int connect_to_one(void *arg)
{
    const schedule_day *today = arg;
    const amble_connect_options options = {.max_interval_us = 30000, .supervision_timeout_ms = 1000};
    amble_connection *conn;
    int r;

    do {
        r = amble_connect(today->ble, somebody(), &options, &conn, some_time());
        if (r >= 0)
            r = use_link(conn);
    } while (!host_is_over(r) && !today->over && dice(4));
    return r;
}

static const schedule_worker workers[] = {{"advertise", advertise}, {"connect", connect_to_one}};

/* --- the air ------------------------------------------------------------------------------------------------------ */
static void look_for_the_secret(const amble_air_packet *packet)
{
    for (size_t at = 0; at + 8 <= packet->size; at++)
        if (memcmp(packet->pdu + at, SECRET, 8) == 0)
            fail_msg("the secret crossed the air in clear at %d ms", bench_now_ms());
}

/* --- both sides think the same ------------------------------------------------------------------------------------ */
static unsigned mismatches[BENCH_DEVICES][8];

static bool rests(const amble_connection *conn)
{
    return conn && conn->state == AMBLE__LINK_LIVE && !conn->smp->pairing && !conn->smp->encrypting &&
           !conn->smp->key_wanted;
}

static bool same_security(const amble__link_security *a, const amble__link_security *b)
{
    return a->encrypted == b->encrypted &&
           (!a->encrypted || (a->authenticated == b->authenticated && a->key_size == b->key_size &&
                              a->secure_connections == b->secure_connections));
}

static void audit(bench_device *const *all, unsigned count)
{
    for (unsigned self = 0; self < count; self++) {
        const amble *ble = all[self] ? all[self]->ble : NULL;

        for (size_t i = 0; ble && i < ble->links.count; i++) {
            const amble_connection *conn = &ble->links.slots[i];
            const amble_connection *other = rests(conn) ? schedule_other_end(conn) : NULL;

            if (!rests(other) || same_security(&conn->security, &other->security))
                mismatches[self][i] = 0;
            else if (++mismatches[self][i] == MISMATCHES)
                fail_msg("two sides of a link have thought different of its security for long, at %d ms",
                         bench_now_ms());
        }
    }
}

/* --- peace -------------------------------------------------------------------------------------------------------- */
static const amble_pair_options best = {.io = AMBLE_IO_KEYBOARD_DISPLAY, .mitm = true, .secure_only = true};

static void forget_all(amble *ble)
{
    amble_bond bond = {.serial = 0};

    while (amble_bonds_next(amble_bonds_of(ble), &bond) == 1) {
        assert_int_equal(amble_bonds_delete(amble_bonds_of(ble), bond.device), 0);
        bond = (amble_bond){.serial = 0};
    }
}

static const amble__bond *bond_with(const bench_device *device, unsigned other)
{
    const amble__bond *bond = amble__bonds_find(&device->ble->bonds.table, schedule_identity(other));

    assert_non_null(bond);
    return bond;
}

/* Where it is just now; after a moment it may be elsewhere, and a link that was made in the last moment may come to
 * nothing. As often as the other side says that this one has tried too often. */
static amble_connection *pair_in_the_end(bench_device *self, unsigned other)
{
    for (int i = 0; i < TRIES; i++) {
        amble_connection *conn;
        int r = amble_connect(self->ble, schedule_address(other), NULL, &conn, (int)dice(5000));

        if (r == AMBLE_ERR_TIMEOUT)
            continue;
        assert_int_equal(r, 0);
        while ((r = amble_pair(conn, &best, AMBLE_FOREVER)) == AMBLE_ERR_SMP(AMBLE__SMP_REPEATED_ATTEMPTS))
            bench_sleep(TRY_AGAIN_MS);
        if (r == 0)
            return conn;
        assert_int_equal(r, AMBLE_ERR_DISCONNECTED);
        amble_connection_close(conn);
    }
    fail_msg("device %u cannot be paired with", other);
    return NULL;
}

static unsigned at_peace;

static void pair_with(bench_device *self, unsigned other)
{
    amble_remote_characteristic c;
    amble_connection *conn = pair_in_the_end(self, other);
    char value[64];

    bench_sleep(2000);
    assert_memory_equal(bond_with(self, other)->peer_key.value, bond_with(schedule_device(other), 0)->own_key.value,
                        16);
    amble_connection_close(conn);
    assert_int_equal(amble_connect(self->ble, schedule_identity(other), NULL, &conn, AMBLE_FOREVER), 0);
    assert_int_equal(amble_encrypted(conn, 20000), 0); /* by itself */
    assert_true(amble_connection_authenticated(conn) && amble_connection_secure(conn));
    c = bench_characteristic(conn, &service_uuid, &secret_uuid);
    assert_int_equal(amble_read(&c, value, sizeof value, 20000), sizeof SECRET - 1);
    amble_connection_close(conn);
}

static void make_peace(bench_device *self, unsigned index)
{
    schedule_day day = {.device = self, .index = index, .ble = self->ble};
    amble_connection *conn;
    amble_advertiser advertiser;
    amble_scope scope;

    peaceful = true;
    schedule_rely_on_stores();
    forget_all(self->ble);
    assert_int_equal(amble_security_config(self->ble, &best), 0);
    amble_scope_open(&scope);
    amble_spawn_named(&scope, companion.name, companion.run, &day);
    at_peace++;
    while (at_peace < schedule_devices())
        bench_sleep(20);
    for (unsigned other = 1; index == 0 && other < schedule_devices(); other++)
        pair_with(self, other);
    if (index == 0)
        at_peace++; /* nobody needs the others any more */
    assert_int_equal(amble_advertise_open(self->ble, &advertiser, &(amble_advertise_options){.interval_us = 30000}), 0);
    while (at_peace <= schedule_devices())
        if (amble_advertise_next(&advertiser, &conn, 1000) == 0)
            bench_await_end(conn);
    amble_advertise_close(&advertiser);
    bench_sleep(STORES_REST_MS);
    assert_false(self->ble->bonds.table.changed); /* what failed to be saved was tried again */
    amble_scope_close(&scope);
}

/* --- the schedules ------------------------------------------------------------------------------------------------ */
static void begin(unsigned seed)
{
    (void)seed;
    peaceful = false;
    at_peace = 0;
    memset(shown, 0, sizeof shown);
    memset(has_data, 0, sizeof has_data);
    schedule_forget_stores();
    memset(mismatches, 0, sizeof mismatches);
    for (unsigned i = 0; i < BENCH_DEVICES; i++)
        shown[i] = EVERY_PASSKEY;
}

static void configure(bench_device *device, unsigned index)
{
    device->config = (amble_config){.services = {&service},
                                    .connections = (uint8_t)(2 + dice(3)),
                                    .pairings = (uint8_t)(1 + dice(4)),
                                    .bond_limit = (uint16_t)(3 + dice(4)),
                                    .own_address = (amble_address_kind)dice(AMBLE_ADDRESS_NON_RESOLVABLE + 1),
                                    .private_address_s = (uint16_t)(2 + dice(20)),
                                    .bond_store = schedule_store(index),
                                    .crypto = dice(3) ? AMBLE_CRYPTO_PORT : AMBLE_CRYPTO_CONTROLLER};
}

static const schedule_kind pairing = {.least_devices = 2,
                                      .most_devices = 4,
                                      .length_ms = LIFE_MS,
                                      .day_ms = DAY_MS,
                                      .workers = workers,
                                      .worker_count = sizeof workers / sizeof workers[0],
                                      .companion = &companion,
                                      .configure = configure,
                                      .begin = begin,
                                      .peace = make_peace,
                                      .watch = look_for_the_secret,
                                      .audit = audit,
                                      .happenings = happenings,
                                      .happening_count = KINDS};

int main(void) { return schedule_main(&pairing, "nothing_is_left_and_nobody_is_fooled"); }
