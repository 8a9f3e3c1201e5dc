/* Setting up a controller: the commands from Reset to the point where the host can advertise, scan and connect.
 *
 * What the controller can do is read first; whether legacy or extended commands are used is decided here, once. Nothing
 * is asked that an LE controller of version 4.0 could not answer, unless it says that it can. What a vendor's
 * controller wants besides the program says between the Reset and everything else (amble_config, start). */
#include "core/log.h"
#include "host/host_room.h"
#include "transport/opener.h"

enum {
    FEATURE_LE = 38,          /* of the local features, Vol 2 Part C 3.3: LE Supported (Controller) */
    LARGEST_PACKET = 251,     /* of the link layer, in bytes */
    LARGEST_PACKET_US = 2120, /* its time on LE 1M, Vol 6 Part B 4.5.10 */
    LARGEST_CODED_US = 17040, /* and on LE Coded with eight symbols a bit; refused where there is no such PHY */
    SUPPORTED_COMMANDS = 64,
    /* Bits of the supported commands, Vol 4 Part E 6.27: eight for each octet. */
    COMMAND_READ_REMOTE_FEATURES = 27 * 8 + 5,
    COMMAND_ENCRYPT = 27 * 8 + 6,
    COMMAND_RAND = 27 * 8 + 7,
    COMMAND_READ_LOCAL_P256_KEY = 34 * 8 + 1,
    COMMAND_GENERATE_DHKEY = 34 * 8 + 2,
    COMMAND_SET_PRIVACY_MODE = 39 * 8 + 2,
};
/* Disconnection, encryption change, hardware error, completed packets, key refresh are bits 4, 7, 15, 18, 47; LE meta
 * is bit 61 (Vol 4 Part E 7.3.1). */
#define EVENT_MASK                                                                                                     \
    ((UINT64_C(1) << 4) | (UINT64_C(1) << 7) | (UINT64_C(1) << 15) | (UINT64_C(1) << 18) | (UINT64_C(1) << 47) |       \
     (UINT64_C(1) << 61))
/* Subevent n is bit n - 1 (7.8.1). */
#define LE_EVENT_MASK                                                                                                  \
    ((UINT64_C(1) << (AMBLE__LE_CONNECTION_COMPLETE - 1)) | (UINT64_C(1) << (AMBLE__LE_ADVERTISING_REPORT - 1)) |      \
     (UINT64_C(1) << (AMBLE__LE_CONNECTION_UPDATE_COMPLETE - 1)) |                                                     \
     (UINT64_C(1) << (AMBLE__LE_REMOTE_FEATURES_COMPLETE - 1)) | (UINT64_C(1) << (AMBLE__LE_KEY_REQUEST - 1)))
#define LE_EVENT_MASK_EXTENDED                                                                                         \
    ((UINT64_C(1) << (AMBLE__LE_EXTENDED_ADVERTISING_REPORT - 1)) |                                                    \
     (UINT64_C(1) << (AMBLE__LE_ADVERTISING_SET_TERMINATED - 1)))

#define LE_EVENT_MASK_PERIODIC                                                                                         \
    ((UINT64_C(1) << (AMBLE__LE_SYNC_ESTABLISHED - 1)) | (UINT64_C(1) << (AMBLE__LE_PERIODIC_REPORT - 1)) |            \
     (UINT64_C(1) << (AMBLE__LE_SYNC_LOST - 1)))

static int ask(amble *ble, uint16_t opcode, void *reply, size_t size)
{
    return amble__hci_command(&ble->hci, opcode, NULL, 0, reply, size);
}

static int set_mask(amble *ble, uint16_t opcode, uint64_t mask)
{
    uint8_t parameters[8];

    amble__put_le64(parameters, mask);
    return amble__hci_command(&ble->hci, opcode, parameters, sizeof parameters, NULL, 0);
}

static bool bit(const uint8_t *bytes, unsigned number) { return bytes[number / 8] >> number % 8 & 1; }

/* Whether it can compute for this host, if it is to. */
static bool computes(const amble *ble, const uint8_t commands[SUPPORTED_COMMANDS])
{
    return ble->config.crypto != AMBLE_CRYPTO_CONTROLLER ||
           (bit(commands, COMMAND_ENCRYPT) && bit(commands, COMMAND_RAND) &&
            bit(commands, COMMAND_READ_LOCAL_P256_KEY) && bit(commands, COMMAND_GENERATE_DHKEY));
}

static int read_abilities(amble *ble)
{
    uint8_t features[8], commands[SUPPORTED_COMMANDS];
    int r;

    if ((r = ask(ble, AMBLE__HCI_RESET, NULL, 0)) < 0)
        return r;
    ble->transport->synchronised = true;
    if (ble->config.start && (r = ble->config.start(ble, ble->config.start_argument)) < 0)
        return r;
    if ((r = ask(ble, AMBLE__HCI_READ_LOCAL_FEATURES, features, sizeof features)) < 0 ||
        (r = ask(ble, AMBLE__HCI_READ_SUPPORTED_COMMANDS, commands, sizeof commands)) < 0)
        return r;
    if (!bit(features, FEATURE_LE)) {
        amble__log(AMBLE__LOG_ERROR, "the controller does not do Bluetooth Low Energy; take another one");
        return AMBLE_ERR_CONTROLLER;
    }
    if (!computes(ble, commands)) {
        amble__transport_explain("%s: the controller has no AES and P-256 for its host; open it with AMBLE_CRYPTO_PORT",
                                 ble->instance);
        return AMBLE_ERR_UNSUPPORTED;
    }
    ble->gap.privacy.sets_modes = bit(commands, COMMAND_SET_PRIVACY_MODE);
    ble->gap.reads_remote_features = bit(commands, COMMAND_READ_REMOTE_FEATURES);
    return ask(ble, AMBLE__HCI_LE_READ_FEATURES, ble->gap.le_features, sizeof ble->gap.le_features);
}

/* Buffers for ACL data; a length of 0 means that LE shares the classic ones (7.8.2), and so does a controller that does
 * not know the command. */
static int read_buffers(amble *ble)
{
    uint8_t le[3] = {0}, classic[7] = {0};
    int r = ask(ble, AMBLE__HCI_LE_READ_BUFFER_SIZE, le, sizeof le);

    if (r < 0 && r != AMBLE_ERR_HCI(AMBLE__HCI_UNKNOWN_COMMAND))
        return r;
    if (amble__get_le16(le) && le[2]) {
        amble__acl_configure(&ble->hci, le[2], amble__get_le16(le));
        return 0;
    }
    r = ask(ble, AMBLE__HCI_READ_BUFFER_SIZE, classic, sizeof classic);
    if (r < 0 && r != AMBLE_ERR_HCI(AMBLE__HCI_UNKNOWN_COMMAND))
        return r;
    amble__acl_configure(&ble->hci, amble__get_le16(classic + 3), amble__get_le16(classic));
    if (ble->hci.acl_size && ble->hci.acl_buffers)
        return 0;
    amble__transport_explain("%s: the controller has no buffers for data, so it makes no links; take another one",
                             ble->instance);
    return AMBLE_ERR_CONTROLLER;
}

static int choose_address(amble *ble)
{
    amble_device address = {.type = AMBLE_PUBLIC}; /* all zeros: the controller has none */
    int r = ask(ble, AMBLE__HCI_READ_BD_ADDR, address.bytes, sizeof address.bytes);

    if (r >= 0)
        r = amble__privacy_start(&ble->gap, address);
    return r < 0 || !amble__has_resolving_list(&ble->gap) ? r : amble__resolving_list_start(&ble->gap);
}

static int use_long_packets(amble *ble)
{
    uint8_t parameters[4];

    amble__put_le16(parameters, LARGEST_PACKET);
    amble__put_le16(parameters + 2, amble__gap_can(&ble->gap, AMBLE__LE_CODED) ? LARGEST_CODED_US : LARGEST_PACKET_US);
    return amble__hci_command(&ble->hci, AMBLE__HCI_LE_WRITE_DEFAULT_DATA_LENGTH, parameters, sizeof parameters, NULL,
                              0);
}

/* Events are asked for only of a controller that has them. */
static uint64_t le_event_mask(const amble *ble)
{
    const amble__gap *gap = &ble->gap;
    uint64_t mask = LE_EVENT_MASK;

    if (ble->config.crypto == AMBLE_CRYPTO_CONTROLLER)
        mask |= UINT64_C(1) << (AMBLE__LE_LOCAL_P256_KEY - 1) | UINT64_C(1) << (AMBLE__LE_DHKEY - 1);
    if (amble__gap_can(gap, AMBLE__LE_EXTENDED_ADVERTISING))
        mask |= LE_EVENT_MASK_EXTENDED;
    if (amble__gap_can(gap, AMBLE__LE_PARAMETER_REQUEST))
        mask |= UINT64_C(1) << (AMBLE__LE_REMOTE_PARAMETER_REQUEST - 1);
    if (amble__gap_can(gap, AMBLE__LE_DATA_LENGTH))
        mask |= UINT64_C(1) << (AMBLE__LE_DATA_LENGTH_CHANGE - 1);
    if (amble__gap_can(gap, AMBLE__LE_2M) || amble__gap_can(gap, AMBLE__LE_CODED))
        mask |= UINT64_C(1) << (AMBLE__LE_PHY_UPDATE_COMPLETE - 1);
    if (amble__gap_can(gap, AMBLE__LE_PERIODIC_ADVERTISING))
        mask |= LE_EVENT_MASK_PERIODIC;
    if (amble__gap_can(gap, AMBLE__LE_TRANSFER_RECIPIENT))
        mask |= UINT64_C(1) << (AMBLE__LE_SYNC_TRANSFERRED - 1);
    if (amble__has_resolving_list(gap)) /* in place of LE Connection Complete */
        mask |= UINT64_C(1) << (AMBLE__LE_ENHANCED_CONNECTION_COMPLETE - 1);
    return mask;
}

static int choose_commands(amble *ble)
{
    const bool extended = amble__gap_can(&ble->gap, AMBLE__LE_EXTENDED_ADVERTISING);
    uint8_t size, sets;
    int r;

    ble->gap.commands = extended ? &amble__extended_commands : &amble__legacy_commands;
    r = set_mask(ble, AMBLE__HCI_LE_SET_EVENT_MASK, le_event_mask(ble));
    if (r < 0 || (r = ask(ble, AMBLE__HCI_LE_READ_ACCEPT_LIST_SIZE, &size, 1)) < 0)
        return r;
    /* Legacy commands know one advertisement; the sets of extended ones are counted. */
    if (!extended)
        ble->gap.advertiser_count = 1;
    else if ((r = ask(ble, AMBLE__HCI_LE_READ_ADVERTISING_SETS, &sets, 1)) < 0)
        return r;
    else if (sets < ble->gap.advertiser_count)
        ble->gap.advertiser_count = sets ? sets : 1;
    ble->gap.accept_list_size = size ? size : 1; /* a list of none still leaves connecting to one by its address */
    return 0;
}

int amble__host_start(amble *ble)
{
    int r;

    if ((r = read_abilities(ble)) < 0 || (r = set_mask(ble, AMBLE__HCI_SET_EVENT_MASK, EVENT_MASK)) < 0 ||
        (r = read_buffers(ble)) < 0 || (r = choose_commands(ble)) < 0 || (r = choose_address(ble)) < 0)
        return r;
    return amble__gap_can(&ble->gap, AMBLE__LE_DATA_LENGTH) ? use_long_packets(ble) : 0;
}
