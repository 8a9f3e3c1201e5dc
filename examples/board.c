/* The board of board.h: its command line, and its voice. The pins themselves are in board_adc.c, board_pwm.c and
 * board_led.c. */
#include "board.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <amble/error.h>

#include "board_pins.h"

static struct {
    unsigned hertz;
    bool bar_is_open; /* the cursor stands behind a brightness bar */
} board;

/* --- the command line --------------------------------------------------------------------------------------------- */
int board_init(int argc, char **argv)
{
    struct {
        const char *option, *pin;
        int (*open)(const char *pin);
    } pins[] = {
        {"--adc", "sweep", board_adc_open}, {"--led", "term", board_led_open}, {"--pwm", "term", board_pwm_open}};
    const size_t count = sizeof pins / sizeof *pins;
    int r = 0;

    setvbuf(stdout, NULL, _IOLBF, 0); /* a reader at the other end of a pipe wants each line when it is said */
    board.bar_is_open = false;
    board.hertz = 1000;
    for (int i = 1; i < argc; i += 2) {
        size_t which = 0;

        while (which < count && strcmp(argv[i], pins[which].option) != 0)
            which++;
        if (which == count || i + 1 == argc) {
            fprintf(stderr, "board: %s: %s; --help shows what there is\n", argv[i],
                    which < count ? "what it should be is missing" : "there is no such option");
            return AMBLE_ERR_USAGE;
        }
        pins[which].pin = argv[i + 1];
    }
    for (size_t i = 0; i < count && r == 0; i++)
        r = pins[i].open(pins[i].pin);
    return r;
}

int board_refuse(int error, const char *option, const char *name, const char *problem, const char *remedy)
{
    fprintf(stderr, "board: %s %s: %s; %s\n", option, name, problem, remedy);
    return error;
}

bool board_help(int argc, char **argv, const char *what_it_does)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(what_it_does, stdout);
            fputs("\nOptions:\n"
                  "  -t, --transport T  the controller: air:NAME, tcp-client:HOST:PORT, unix-client:PATH ...;\n"
                  "                     otherwise what the environment's AMBLE_TRANSPORT says\n"
                  "  --adc SOURCE       the potentiometer: sweep (also when left out), random, stdin (a number from 0 "
                  "to\n"
                  "                     4095 a line, the latest counts), a FILE of such lines, one a reading, or\n"
                  "                     iio:FILE[,MAX], a channel of Linux's industrial I/O, of 0 to MAX (4095)\n"
                  "  --led OUTPUT       the LED: term (also when left out), a line in the terminal, or\n"
                  "                     gpio:CHIP:LINE, a line of a GPIO chip\n"
                  "  --pwm OUTPUT       the LED that is dimmed: term (also when left out), a bar in the terminal, or\n"
                  "                     pwm:PATH, a PWM of Linux such as /sys/class/pwm/pwmchip0/pwm1\n"
                  "  --capture FILE     writes every HCI packet into a btsnoop file, for Wireshark\n"
                  "  --log LEVEL        off, error, warning, info or debug\n"
                  "  --own-address KIND public, static, resolvable or non-resolvable: what others see of this device\n"
                  "Ctrl-C ends it.\n",
                  stdout);
            return true;
        }
    }
    return false;
}

/* Takes an option of amble_main, with the value behind it: how many arguments that is, 0 when it is none. */
static int is_amble_option(char **argv)
{
    static const char *const names[] = {"-t", "--transport", "--capture", "--log", "--own-address"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const size_t length = strlen(names[i]);

        if (strncmp(argv[0], names[i], length) == 0 && (argv[0][length] == '=' || !argv[0][length]))
            return argv[0][length] || !argv[1] ? 1 : 2;
    }
    return 0;
}

int board_main(int argc, char **argv, const char *what_it_does, int (*app)(amble *ble, int argc, char **argv))
{
    enum { MOST = 32, FAILED = 1, WRONG_USAGE = 2 };
    char *of_board[MOST + 1] = {argv[0]}, *of_amble[MOST + 1] = {argv[0]};
    int board_count = 1, amble_count = 1, r;

    if (board_help(argc, argv, what_it_does))
        return 0;
    if (argc > MOST) {
        fprintf(stderr, "board: that are too many arguments\n");
        return WRONG_USAGE;
    }
    for (int i = 1; i < argc;) {
        const int taken = is_amble_option(argv + i);

        if (!taken)
            of_board[board_count++] = argv[i++];
        for (int end = i + taken; i < end; i++)
            of_amble[amble_count++] = argv[i];
    }
    of_board[board_count] = of_amble[amble_count] = NULL;
    r = board_init(board_count, of_board);
    if (r < 0)
        return r == AMBLE_ERR_USAGE ? WRONG_USAGE : FAILED;
    return amble_main(amble_count, of_amble, app);
}

/* --- the pins ----------------------------------------------------------------------------------------------------- */
int board_adc_read(void) { return board_adc_take(); }

int board_adc_read_u16(void)
{
    int value = board_adc_read();

    return value << 4 | value >> 8; /* the upper bits again at the bottom, so that 4095 is 65535 */
}

void board_led(bool on) { board_led_drive(on); }

void board_pwm_frequency(unsigned hertz) { board.hertz = hertz; }

void board_pwm_duty(unsigned duty) { board_pwm_drive(board.hertz, duty); }

void board_bar_opened(void) { board.bar_is_open = true; }

bool board_is_control(const char *text, size_t at)
{
    const unsigned char c = (unsigned char)text[at];

    return c < 0x20 || c == 0x7f || (c >= 0x80 && c < 0xa0 && at && (unsigned char)text[at - 1] == 0xc2);
}

const char *board_clean(char *out, size_t size, const char *text)
{
    size_t at = 0;

    for (; text[at] && at + 1 < size; at++)
        out[at] = board_is_control(text, at) ? '?' : text[at];
    out[at] = '\0';
    return out;
}

enum { LINE = 512 };

void board_say(const char *format, ...)
{
    char line[LINE], shown[LINE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    printf("%s%s\n", board.bar_is_open ? "\n" : "", board_clean(shown, sizeof shown, line));
    board.bar_is_open = false;
}
