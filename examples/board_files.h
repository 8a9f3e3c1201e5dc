/* Files for l2cap_file_server and l2cap_file_client: names that cannot leave a directory, digests, and the numbers of their protocol.
 *
 * The client writes commands to the control characteristic: [command, sequence, name ...]. The server answers with notifications:
 *
 *     SEND name     the file's bytes through the channel, then [DONE, sequence, status]
 *     RECEIVE name  [RECEIVE, sequence, status, bytes it has already: 4]; then the client sends the whole size (4 bytes) and the rest of the
 *                   file through the channel; [DONE, sequence, status]
 *     LIST          "SIZE:NAME" lines and an empty one through the channel, then [DONE, sequence, status]
 *     SIZE name     [sequence, status, size: 4]
 *     OFFSET n: 4   where the next SEND begins; no answer
 *     DIGEST name   [DIGEST, sequence, status, SHA-256: 32]
 *
 * 0 to 4 are those of MicroPython's l2cap_file_server.py, which has no RECEIVE yet; without OFFSET and DIGEST a transfer is as there. */
#ifndef BOARD_FILES_H
#define BOARD_FILES_H
#include <stdbool.h>
#include <stdint.h>

enum { COMMAND_SEND, COMMAND_RECEIVE, COMMAND_LIST, COMMAND_SIZE, COMMAND_DONE, COMMAND_OFFSET, COMMAND_DIGEST };
enum { STATUS_OK, STATUS_NOT_IMPLEMENTED, STATUS_NOT_FOUND, STATUS_FAILED };
enum { FILES_PSM = 22, FILES_NAME = 100, FILES_BLOCK = 4096, FILES_DIGEST = 32, FILES_SIZE = 4 };

/* Opens a name below the directory; no part of it may be "..", empty or a link, so it cannot lead out. `flags` as of open(2); files made have
 * mode 0644. -1 and errno when it cannot be. */
int files_open(int directory, const char *name, int flags);
/* Writes the name of the unfinished file that belongs to `name`: ".NAME.part" beside it. False when that would be too long. */
bool files_part_name(const char *name, char part[FILES_NAME + 8]);
/* Puts an unfinished file in its place. */
int files_finish(int directory, const char *name);
/* SHA-256 of a whole file; -1 when it cannot be read. */
int files_digest(int file, uint8_t digest[FILES_DIGEST]);
#endif
