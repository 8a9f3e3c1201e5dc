/* The fields of a packet as text, after a description: "h;c interval;u2 latency" reads a connection handle, an interval
 * and a number, and says "link 0x0040, interval 30.00 ms, latency 0".
 *
 * Fields are separated by semicolons. A field is a kind, the number of bytes where the kind wants one, and a label:
 *
 *   uN xN bN zN   a number, one in hexadecimal, bytes, N bytes that say nothing
 *   nN            a number in front of its label
 *   h             a connection handle, or u16 as a link of another kind
 *   s r           a status (0: success), a reason
 *   o             on or off
 *   c i j t       u16 in 1.25 ms, u16 in 0.625 ms, u24 in 0.625 ms, u16 in 10 ms
 *   A P a         an address behind its type, a public address, a random one
 *   d             a level in dBm, 127 is none
 *   p             a PHY
 *   eN{a|b}       one of these names, from 0
 *   mN{a|b}       those of these names whose bit is set, from bit 0
 *   D E           a length (u8) and so many bytes of advertising data; in E, zeros fill up to 31
 *   O             an opcode, by its name
 *   *             all the rest as bytes
 *   #(...)        a count (u8), then the fields in the parentheses so often
 *   !(...)        the fields once for each bit that is set in the last mN
 *   +(...)        the fields until the end
 *
 * `?` in front: the field is from a later version, an end in front of it is no mistake. An end anywhere else is
 * said. */
#ifndef AMBLE_CLI_FIELDS_H
#define AMBLE_CLI_FIELDS_H
#include "cli/decode.h"

/* Reads and says what is described; what is left stays in the reader. */
void amble__say_fields(amble__printer *p, amble__reader *r, amble__decoded *out, const char *description);
/* What is left, as bytes behind a comma. */
void amble__say_rest(amble__printer *p, amble__reader *r, const amble__decoded *out);
/* What advertising data says, behind a comma. */
void amble__say_advertising_data(amble__printer *p, const uint8_t *data, size_t size);
void amble__say_status(amble__printer *p, uint8_t status);
/* The name of a command, NULL when it has none. */
const char *amble__command_name(unsigned opcode);

/* PHYs as a mask, for descriptions. */
#define AMBLE__PHYS "{LE 1M|LE 2M|LE Coded}"
#endif
