/* How well a link has to be protected before something may be used on it (Vol 3 Part C 10.2, security mode 1). Zero
 * asks for nothing. */
#ifndef AMBLE_SECURITY_LEVEL_H
#define AMBLE_SECURITY_LEVEL_H

typedef enum {
    AMBLE_OPEN,          /* anybody */
    AMBLE_ENCRYPTED,     /* nobody can listen */
    AMBLE_AUTHENTICATED, /* and nobody stood in between when the devices were paired */
    AMBLE_SECURE         /* and the key is one of LE Secure Connections, 128 bits long */
} amble_security;
#endif
