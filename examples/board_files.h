/* Files for l2cap_file_server and l2cap_file_client: names that cannot leave a directory, digests, and the numbers of
 * their protocol.
 *
 * The client writes commands to the control characteristic: [command, sequence, name ...]. The server answers with
 * notifications:
 *
 *     SEND name     the file's bytes through the channel, then [DONE, sequence, status]
 *     RECEIVE name  [RECEIVE, sequence, status, bytes it has of an interrupted upload: 4, their SHA-256: 32]; then the
 *                   client sends through the channel where it begins (there, or at 0 when those bytes are of another
 *                   file; 4 bytes), the whole size (4), the SHA-256 of the whole (32), and the file from there on;
 *                   [DONE, sequence, status]. The file appears under its name when it is what the client said it
 *                   would be, else it is dropped
 *     LIST          "SIZE:NAME" lines and an empty one through the channel, then [DONE, sequence, status]
 *     SIZE name     [sequence, status, size: 4]
 *     OFFSET n: 4   where the next SEND begins, or the next DIGEST ends; no answer
 *     DIGEST name   [DIGEST, sequence, status, SHA-256: 32], of the whole file unless there was an OFFSET
 *
 * 0 to 4 are those of MicroPython's l2cap_file_server.py, which has no RECEIVE yet; without OFFSET and DIGEST a
 * transfer is as there. */
#ifndef BOARD_FILES_H
#define BOARD_FILES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "board.h"

enum { COMMAND_SEND, COMMAND_RECEIVE, COMMAND_LIST, COMMAND_SIZE, COMMAND_DONE, COMMAND_OFFSET, COMMAND_DIGEST };
enum { STATUS_OK, STATUS_NOT_IMPLEMENTED, STATUS_NOT_FOUND, STATUS_FAILED };
enum { FILES_PSM = 22, FILES_NAME = 100, FILES_LINE = 400, FILES_BLOCK = 4096, FILES_DIGEST = 32, FILES_SIZE = 4 };

/* Opens a name below the directory; no part of it may be "..", empty or a link, so it cannot lead out, or hold control
 * characters, which a terminal would obey. `flags` as of open(2); files made have mode 0644. -1 and errno when it
 * cannot be. */
int files_open(int directory, const char *name, int flags);
/* Whether a file may appear under this name: -1 and errno when it cannot, because it is no such name, or that of a
 * directory. */
int files_may_be(int directory, const char *name);
/* Writes the name of the unfinished file that belongs to `name`: ".NAME.part" beside it. False when that would be too
 * long. */
bool files_part_name(const char *name, char part[FILES_NAME + 8]);
/* Puts an unfinished file in its place. */
int files_finish(int directory, const char *name);
/* SHA-256 of the first `size` bytes of a file; -1 when it cannot be read or has not so many. */
int files_digest(int file, uint32_t size, uint8_t digest[FILES_DIGEST]);
/* Takes "--psm N" and the words out of the arguments, "--" in front of words that begin with '-': how many words there
 * are, the other ones of `words` are NULL; -1, with a sentence on standard error, for an SPSM that no channel can have,
 * for other options, and for more words. */
int files_take_words(const char *program, int argc, char **argv, uint16_t *psm, const char **words, int most);
#endif
