/* The numbers of HCI that the host uses. Volume 4 Part E, the section beside each. */
#ifndef AMBLE_HCI_NUMBERS_H
#define AMBLE_HCI_NUMBERS_H

/* Packet types, Vol 4 Part A 2. */
enum { AMBLE__PACKET_COMMAND = 1, AMBLE__PACKET_ACL = 2, AMBLE__PACKET_EVENT = 4 };
enum {
    AMBLE__HCI_COMMAND_HEADER = 3,
    AMBLE__HCI_ACL_HEADER = 4,
    AMBLE__HCI_EVENT_HEADER = 2,
    AMBLE__HCI_PARAMETERS_MAX = 255
};

/* Opcodes: group << 10 | command. */
enum {
    AMBLE__HCI_DISCONNECT = 0x0406,                      /* 7.1.6 */
    AMBLE__HCI_SET_EVENT_MASK = 0x0c01,                  /* 7.3.1 */
    AMBLE__HCI_RESET = 0x0c03,                           /* 7.3.2 */
    AMBLE__HCI_READ_SUPPORTED_COMMANDS = 0x1002,         /* 7.4.2 */
    AMBLE__HCI_READ_LOCAL_FEATURES = 0x1003,             /* 7.4.3 */
    AMBLE__HCI_READ_BUFFER_SIZE = 0x1005,                /* 7.4.5 */
    AMBLE__HCI_READ_BD_ADDR = 0x1009,                    /* 7.4.6 */
    AMBLE__HCI_READ_RSSI = 0x1405,                       /* 7.5.4 */
    AMBLE__HCI_LE_SET_EVENT_MASK = 0x2001,               /* 7.8.1 */
    AMBLE__HCI_LE_READ_BUFFER_SIZE = 0x2002,             /* 7.8.2 */
    AMBLE__HCI_LE_READ_FEATURES = 0x2003,                /* 7.8.3 */
    AMBLE__HCI_LE_SET_RANDOM_ADDRESS = 0x2005,           /* 7.8.4 */
    AMBLE__HCI_LE_SET_ADVERTISING_PARAMETERS = 0x2006,   /* 7.8.5 */
    AMBLE__HCI_LE_READ_ADVERTISING_TX_POWER = 0x2007,    /* 7.8.6 */
    AMBLE__HCI_LE_SET_ADVERTISING_DATA = 0x2008,         /* 7.8.7 */
    AMBLE__HCI_LE_SET_SCAN_RESPONSE_DATA = 0x2009,       /* 7.8.8 */
    AMBLE__HCI_LE_SET_ADVERTISING_ENABLE = 0x200a,       /* 7.8.9 */
    AMBLE__HCI_LE_SET_SCAN_PARAMETERS = 0x200b,          /* 7.8.10 */
    AMBLE__HCI_LE_SET_SCAN_ENABLE = 0x200c,              /* 7.8.11 */
    AMBLE__HCI_LE_CREATE_CONNECTION = 0x200d,            /* 7.8.12 */
    AMBLE__HCI_LE_CREATE_CONNECTION_CANCEL = 0x200e,     /* 7.8.13 */
    AMBLE__HCI_LE_CLEAR_ACCEPT_LIST = 0x2010,            /* 7.8.15 */
    AMBLE__HCI_LE_READ_ACCEPT_LIST_SIZE = 0x200f,        /* 7.8.14 */
    AMBLE__HCI_LE_ADD_TO_ACCEPT_LIST = 0x2011,           /* 7.8.16 */
    AMBLE__HCI_LE_CONNECTION_UPDATE = 0x2013,            /* 7.8.18 */
    AMBLE__HCI_LE_CLASSIFY_CHANNELS = 0x2014,            /* 7.8.19, LE Set Host Channel Classification */
    AMBLE__HCI_LE_READ_CHANNEL_MAP = 0x2015,             /* 7.8.20 */
    AMBLE__HCI_LE_READ_REMOTE_FEATURES = 0x2016,         /* 7.8.21 */
    AMBLE__HCI_LE_ENCRYPT = 0x2017,                      /* 7.8.22 */
    AMBLE__HCI_LE_RAND = 0x2018,                         /* 7.8.23 */
    AMBLE__HCI_LE_ENABLE_ENCRYPTION = 0x2019,            /* 7.8.24 */
    AMBLE__HCI_LE_KEY_REPLY = 0x201a,                    /* 7.8.25: LE Long Term Key Request Reply */
    AMBLE__HCI_LE_KEY_NEGATIVE_REPLY = 0x201b,           /* 7.8.26 */
    AMBLE__HCI_LE_PARAMETER_REQUEST_REPLY = 0x2020,      /* 7.8.31, LE Remote Connection Parameter ... */
    AMBLE__HCI_LE_PARAMETER_REQUEST_REFUSE = 0x2021,     /* 7.8.32, ... Negative Reply */
    AMBLE__HCI_LE_SET_DATA_LENGTH = 0x2022,              /* 7.8.33 */
    AMBLE__HCI_LE_WRITE_DEFAULT_DATA_LENGTH = 0x2024,    /* 7.8.35 */
    AMBLE__HCI_LE_READ_LOCAL_P256_KEY = 0x2025,          /* 7.8.36, LE Read Local P-256 Public Key */
    AMBLE__HCI_LE_GENERATE_DHKEY = 0x2026,               /* 7.8.37 */
    AMBLE__HCI_LE_ADD_TO_RESOLVING_LIST = 0x2027,        /* 7.8.38 */
    AMBLE__HCI_LE_CLEAR_RESOLVING_LIST = 0x2029,         /* 7.8.40 */
    AMBLE__HCI_LE_READ_RESOLVING_LIST_SIZE = 0x202a,     /* 7.8.41 */
    AMBLE__HCI_LE_SET_ADDRESS_RESOLUTION = 0x202d,       /* 7.8.44, LE Set Address Resolution Enable */
    AMBLE__HCI_LE_SET_PRIVATE_ADDRESS_TIMEOUT = 0x202e,  /* 7.8.45, LE Set Resolvable Private Address Timeout */
    AMBLE__HCI_LE_READ_PHY = 0x2030,                     /* 7.8.47 */
    AMBLE__HCI_LE_SET_PHY = 0x2032,                      /* 7.8.49 */
    AMBLE__HCI_LE_SET_SET_RANDOM_ADDRESS = 0x2035,       /* 7.8.52 */
    AMBLE__HCI_LE_SET_EXTENDED_PARAMETERS = 0x2036,      /* 7.8.53 */
    AMBLE__HCI_LE_SET_EXTENDED_DATA = 0x2037,            /* 7.8.54 */
    AMBLE__HCI_LE_SET_EXTENDED_RESPONSE = 0x2038,        /* 7.8.55 */
    AMBLE__HCI_LE_SET_EXTENDED_ENABLE = 0x2039,          /* 7.8.56 */
    AMBLE__HCI_LE_READ_ADVERTISING_SETS = 0x203b,        /* 7.8.58 */
    AMBLE__HCI_LE_SET_PERIODIC_PARAMETERS = 0x203e,      /* 7.8.61 */
    AMBLE__HCI_LE_SET_PERIODIC_DATA = 0x203f,            /* 7.8.62 */
    AMBLE__HCI_LE_SET_PERIODIC_ENABLE = 0x2040,          /* 7.8.63 */
    AMBLE__HCI_LE_PERIODIC_CREATE_SYNC = 0x2044,         /* 7.8.67 */
    AMBLE__HCI_LE_PERIODIC_CREATE_SYNC_CANCEL = 0x2045,  /* 7.8.68 */
    AMBLE__HCI_LE_PERIODIC_TERMINATE_SYNC = 0x2046,      /* 7.8.69 */
    AMBLE__HCI_LE_SET_EXTENDED_SCAN_PARAMETERS = 0x2041, /* 7.8.64 */
    AMBLE__HCI_LE_SET_EXTENDED_SCAN_ENABLE = 0x2042,     /* 7.8.65 */
    AMBLE__HCI_LE_EXTENDED_CREATE_CONNECTION = 0x2043,   /* 7.8.66 */
    AMBLE__HCI_LE_SET_PRIVACY_MODE = 0x204e,             /* 7.8.77 */
    AMBLE__HCI_LE_TRANSFER_SYNC = 0x205a,                /* 7.8.89: LE Periodic Advertising Sync Transfer */
    AMBLE__HCI_LE_TRANSFER_SET = 0x205b,                 /* 7.8.90: ... Set Info Transfer */
    AMBLE__HCI_LE_SET_TRANSFER_PARAMETERS = 0x205c,      /* 7.8.91: ... Sync Transfer Parameters */
};

/* Events, 7.7. */
enum {
    AMBLE__EVENT_DISCONNECTION_COMPLETE = 0x05,
    AMBLE__EVENT_ENCRYPTION_CHANGE = 0x08,
    AMBLE__EVENT_COMMAND_COMPLETE = 0x0e,
    AMBLE__EVENT_COMMAND_STATUS = 0x0f,
    AMBLE__EVENT_HARDWARE_ERROR = 0x10,
    AMBLE__EVENT_COMPLETED_PACKETS = 0x13,
    AMBLE__EVENT_KEY_REFRESH_COMPLETE = 0x30,
    AMBLE__EVENT_LE_META = 0x3e,
};
/* LE subevents, 7.7.65. */
enum {
    AMBLE__LE_CONNECTION_COMPLETE = 0x01,
    AMBLE__LE_ADVERTISING_REPORT = 0x02,
    AMBLE__LE_CONNECTION_UPDATE_COMPLETE = 0x03,
    AMBLE__LE_REMOTE_FEATURES_COMPLETE = 0x04,
    AMBLE__LE_KEY_REQUEST = 0x05, /* LE Long Term Key Request */
    AMBLE__LE_REMOTE_PARAMETER_REQUEST = 0x06,
    AMBLE__LE_DATA_LENGTH_CHANGE = 0x07,
    AMBLE__LE_LOCAL_P256_KEY = 0x08, /* LE Read Local P-256 Public Key Complete */
    AMBLE__LE_DHKEY = 0x09,          /* LE Generate DHKey Complete */
    AMBLE__LE_ENHANCED_CONNECTION_COMPLETE = 0x0a,
    AMBLE__LE_PHY_UPDATE_COMPLETE = 0x0c,
    AMBLE__LE_EXTENDED_ADVERTISING_REPORT = 0x0d,
    AMBLE__LE_SYNC_ESTABLISHED = 0x0e,
    AMBLE__LE_PERIODIC_REPORT = 0x0f,
    AMBLE__LE_SYNC_LOST = 0x10,
    AMBLE__LE_ADVERTISING_SET_TERMINATED = 0x12,
    AMBLE__LE_SYNC_TRANSFERRED = 0x18, /* LE Periodic Advertising Sync Transfer Received */
};

/* Error codes, Vol 1 Part F 1.3. */
enum {
    AMBLE__HCI_UNKNOWN_COMMAND = 0x01,
    AMBLE__HCI_UNKNOWN_CONNECTION = 0x02,
    AMBLE__HCI_KEY_MISSING = 0x06,
    AMBLE__HCI_CONNECTION_TIMEOUT = 0x08,
    AMBLE__HCI_COMMAND_DISALLOWED = 0x0c,
    AMBLE__HCI_UNSUPPORTED = 0x11,
    AMBLE__HCI_INVALID_PARAMETERS = 0x12,
    AMBLE__HCI_REMOTE_USER_TERMINATED = 0x13,
    AMBLE__HCI_LOCAL_HOST_TERMINATED = 0x16,
    AMBLE__HCI_UNSUPPORTED_BY_PEER = 0x1a,
    AMBLE__HCI_UNSPECIFIED = 0x1f,
    AMBLE__HCI_UNACCEPTABLE_PARAMETERS = 0x3b,
    AMBLE__HCI_ADVERTISING_TIMEOUT = 0x3c,
    AMBLE__HCI_CONNECTION_NOT_ESTABLISHED = 0x3e,
};
#endif
