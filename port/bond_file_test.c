/* The bond file on a real file system: what is saved is loaded, and whatever fails in between leaves the old file or
 * the new one, whole. Every call to the system is made to fail in turn, and the power to go out at every one of
 * them. */
#include "port/bond_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "amble/log.h"
#include "port/scratch.h"
#include "port/testing.h"

static char path[96];
static char explanation[2048];

static void keep_explanation(const char *sentence) { (void)snprintf(explanation, sizeof explanation, "%s", sentence); }

static int begin(void **state)
{
    (void)state;
    amble_log_level(-1);
    explanation[0] = '\0';
    scratch_path(path, sizeof path, "bonds.json");
    return 0;
}

static int end(void **state)
{
    (void)state;
    amble_log_level(AMBLE_LOG_WARNING);
    return scratch_clear();
}

/* --- records ------------------------------------------------------------------------------------------------------ */
/* A generation of records: `count` of them, of bytes that tell which. */
typedef struct {
    size_t count;
    uint8_t fill;
} generation;

static size_t give(void *source, size_t index, void *record, size_t room)
{
    const generation *g = source;
    const size_t size = 20 + index;

    assert_true(size <= room);
    memset(record, g->fill, size);
    return size;
}

static int take(void *target, const void *record, size_t size)
{
    generation *g = target;
    const uint8_t *bytes = record;

    if (size != 20 + g->count)
        return AMBLE_ERR_BAD_FILE;
    for (size_t i = 0; i < size; i++) {
        if (g->count && bytes[i] != g->fill)
            return AMBLE_ERR_BAD_FILE;
        g->fill = bytes[i];
    }
    g->count++;
    return 0;
}

static const generation old = {5, 0x11}, fresh = {9, 0xee};

static amble__bond_file *open_file(void)
{
    amble__bond_file *file;

    assert_int_equal(amble__bond_file_open(&file, path, keep_explanation), 0);
    return file;
}
static int save(amble__bond_file *file, generation g)
{
    const amble_bond_store *store = amble__bond_file_store(file);

    return store->save(store->user, g.count, give, &g);
}
static int load(amble__bond_file *file, generation *g)
{
    const amble_bond_store *store = amble__bond_file_store(file);

    *g = (generation){0, 0};
    return store->load(store->user, take, g);
}
static generation reload(void)
{
    amble__bond_file *file = open_file();
    generation g;

    assert_int_equal(load(file, &g), 0);
    amble__bond_file_close(file);
    return g;
}
static void save_once(generation g)
{
    amble__bond_file *file = open_file();

    assert_int_equal(save(file, g), 0);
    amble__bond_file_close(file);
}
static void write_text(const char *text)
{
    FILE *stream = fopen(path, "wb");

    assert_non_null(stream);
    assert_true(fputs(text, stream) >= 0);
    assert_int_equal(fclose(stream), 0);
}
static bool exists(const char *suffix)
{
    char name[128];
    struct stat there;

    (void)snprintf(name, sizeof name, "%s%s", path, suffix);
    return lstat(name, &there) == 0;
}

static void what_is_saved_is_loaded(void **state)
{
    struct stat there;

    (void)state;
    assert_int_equal(reload().count, 0); /* no file, no bonds */
    save_once(old);
    assert_int_equal(reload().count, old.count);
    assert_int_equal(reload().fill, old.fill);
    save_once(fresh);
    assert_int_equal(reload().count, fresh.count);
    assert_int_equal(stat(path, &there), 0);
    assert_int_equal(there.st_mode & 0777, 0600);
    assert_false(exists(".new"));
}

/* --- failures ----------------------------------------------------------------------------------------------------- */
static struct {
    unsigned calls;  /* so far */
    unsigned broken; /* this one fails, counted from 1; 0: none */
    bool dead;       /* and so does every later one: the power is out */
    bool power;      /* it is the power that goes out */
    /* What a loss of power would take away: bytes and names that were not flushed. */
    int folder; /* its descriptor */
    bool file_dirty, folder_dirty;
    size_t torn; /* of a write that fails so many bytes are written all the same */
} fault;

static bool fails(void)
{
    if (fault.dead)
        return true;
    if (++fault.calls != fault.broken)
        return false;
    fault.dead = fault.power;
    return true;
}
static int refuse_call(void)
{
    errno = EIO;
    return -1;
}
static int open_and_watch(const char *name, int flags, unsigned mode)
{
    const int fd = open(name, flags, mode);

    if (flags & O_DIRECTORY)
        fault.folder = fd;
    return fd;
}
static int faulty_open(const char *name, int flags, unsigned mode)
{
    return fails() ? refuse_call() : open_and_watch(name, flags, mode);
}
static long faulty_write(int fd, const void *data, unsigned long size)
{
    const bool was_dead = fault.dead;

    fault.file_dirty = true;
    if (!fails())
        return write(fd, data, size > 100 ? 100 : size); /* short, so that there are several */
    if (!was_dead && fault.torn)
        assert_true(write(fd, data, fault.torn < size ? fault.torn : size) >= 0);
    return refuse_call();
}
static int faulty_fsync(int fd)
{
    if (fails())
        return refuse_call();
    *(fd == fault.folder ? &fault.folder_dirty : &fault.file_dirty) = false;
    return fsync(fd);
}
static int faulty_close(int fd)
{
    const bool failed = fails();
    const int r = close(fd);

    return failed ? refuse_call() : r;
}
static int faulty_rename(const char *from, const char *to)
{
    assert_false(fault.file_dirty); /* it would take the old one's place with bytes that are not on the disk */
    if (fails())
        return refuse_call();
    fault.folder_dirty = true;
    return rename(from, to);
}

static int save_with_fault(unsigned broken, bool power, size_t torn)
{
    static const amble__file_calls calls = {faulty_open, faulty_write, faulty_fsync, faulty_close, faulty_rename};
    amble__bond_file *file;
    int r;

    memset(&fault, 0, sizeof fault);
    fault.folder = -1; /* closed descriptors are used again: the last one opened counts */
    assert_int_equal(amble__bond_file_open_with(&file, path, keep_explanation, &calls), 0);
    fault.broken = broken;
    fault.power = power;
    fault.torn = torn;
    r = save(file, fresh);
    amble__bond_file_close(file);
    return r;
}

static void after_any_failure_it_is_the_old_one_or_the_new_one(void **state)
{
    unsigned steps;

    (void)state;
    save_once(old);
    assert_int_equal(save_with_fault(0, false, 0), 0);
    assert_false(fault.folder_dirty);
    steps = fault.calls;
    assert_true(steps > 8); /* open, several writes, fsync, close, rename; the folder's open, fsync, close */
    for (unsigned broken = 1; broken <= steps; broken++) {
        for (unsigned way = 0; way < 4; way++) {
            generation now;

            save_once(old);
            assert_int_equal(save_with_fault(broken, way & 1, way & 2 ? 37 : 0), AMBLE_ERR_IO);
            assert_non_null(strstr(explanation, path));
            now = reload();
            if (now.count == old.count)
                assert_int_equal(now.fill, old.fill);
            else
                assert_true(now.count == fresh.count && now.fill == fresh.fill);
            save_once(fresh); /* and it can be written again */
            assert_int_equal(reload().count, fresh.count);
        }
    }
}

/* What is left of a save that the power ended does not matter. */
static void a_left_over_new_file_is_overwritten(void **state)
{
    char name[128];
    FILE *stream;

    (void)state;
    save_once(old);
    (void)snprintf(name, sizeof name, "%s.new", path);
    stream = fopen(name, "wb");
    assert_non_null(stream);
    assert_true(fputs("half of", stream) >= 0);
    assert_int_equal(fclose(stream), 0);
    assert_int_equal(reload().count, old.count);
    save_once(fresh);
    assert_int_equal(reload().count, fresh.count);
}

/* --- files that make no sense ------------------------------------------------------------------------------------- */
static void a_damaged_file_is_named_and_kept_aside(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "{\n\t\"amble bo",
        "{\"amble bonds\": 1}",
        "{\"amble bonds\": 1, \"records\": 3}",
        "{\"amble bonds\": 1, \"records\": [\"1\"]}",
        "{\"amble bonds\": 1, \"records\": [\"zz\"]}",
        "{\"amble bonds\": 1, \"records\": [7]}",
        "{\"amble bonds\": 1, \"records\": [\"1122\"]}",
        "{\"amble bonds\": 0, \"records\": []}",
        "{\"amble bonds\": \"1\", \"records\": []}",
    };

    (void)state;
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        amble__bond_file *file = open_file();
        char suffix[32] = ".damaged";
        generation g;

        write_text(texts[i]);
        explanation[0] = '\0';
        assert_int_equal(load(file, &g), AMBLE_ERR_BAD_FILE);
        assert_non_null(strstr(explanation, path));
        if (i)
            (void)snprintf(suffix, sizeof suffix, ".damaged-%u", i + 1);
        assert_true(exists(suffix));
        assert_false(exists(""));
        assert_int_equal(load(file, &g), 0); /* asked again, there is none */
        amble__bond_file_close(file);
    }
}

/* Whoever names a wrong file, such as one of his letters, finds it where it was. */
static void a_file_of_something_else_is_refused_and_stays(void **state)
{
    static const char *const texts[] = {"[]", "{}", "root:x:0:0:root:/root:/bin/bash\n", "\n", "{\"bonds\": 1}"};

    (void)state;
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        amble__bond_file *file = open_file();
        generation g;

        write_text(texts[i]);
        for (int again = 0; again < 2; again++) {
            explanation[0] = '\0';
            assert_int_equal(load(file, &g), AMBLE_ERR_BAD_FILE);
            assert_non_null(strstr(explanation, path));
            assert_non_null(strstr(explanation, "something else"));
            assert_true(exists(""));
            assert_false(exists(".damaged"));
        }
        amble__bond_file_close(file);
    }
}

/* What a file may be after the power went out on a file system that flushes lengths before contents. */
static void a_file_of_zeros_is_damaged(void **state)
{
    amble__bond_file *file = open_file();
    FILE *stream = fopen(path, "wb");
    generation g;

    (void)state;
    assert_non_null(stream);
    for (int i = 0; i < 100; i++)
        assert_int_equal(fputc(0, stream), 0);
    assert_int_equal(fclose(stream), 0);
    assert_int_equal(load(file, &g), AMBLE_ERR_BAD_FILE);
    assert_true(exists(".damaged"));
    amble__bond_file_close(file);
}

static void a_folder_is_no_bond_file(void **state)
{
    amble__bond_file *file = open_file();
    generation g;

    (void)state;
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(load(file, &g), AMBLE_ERR_IO);
    assert_non_null(strstr(explanation, "directory"));
    amble__bond_file_close(file);
}

static void a_newer_file_is_refused_and_stays(void **state)
{
    amble__bond_file *file;
    generation g;

    (void)state;
    write_text("{\"amble bonds\": 2, \"records\": [\"00\"], \"more\": true}");
    file = open_file();
    for (int i = 0; i < 2; i++) {
        assert_int_equal(load(file, &g), AMBLE_ERR_BAD_FILE);
        assert_non_null(strstr(explanation, "newer"));
        assert_true(exists(""));
    }
    amble__bond_file_close(file);
}

static void one_host_at_a_time_has_the_file(void **state)
{
    amble__bond_file *first = open_file(), *second;

    (void)state;
    assert_int_equal(amble__bond_file_open(&second, path, keep_explanation), AMBLE_ERR_BUSY);
    assert_null(second);
    assert_non_null(strstr(explanation, "in use"));
    amble__bond_file_close(first);
    second = open_file();
    amble__bond_file_close(second);
}

static void a_folder_that_is_not_there_is_told_of(void **state)
{
    amble__bond_file *file;

    (void)state;
    assert_int_equal(amble__bond_file_open(&file, "/nowhere/at/all/bonds.json", keep_explanation), AMBLE_ERR_IO);
    assert_non_null(strstr(explanation, "/nowhere/at/all/bonds.json"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_saved_is_loaded, begin, end),
        cmocka_unit_test_setup_teardown(after_any_failure_it_is_the_old_one_or_the_new_one, begin, end),
        cmocka_unit_test_setup_teardown(a_left_over_new_file_is_overwritten, begin, end),
        cmocka_unit_test_setup_teardown(a_damaged_file_is_named_and_kept_aside, begin, end),
        cmocka_unit_test_setup_teardown(a_file_of_something_else_is_refused_and_stays, begin, end),
        cmocka_unit_test_setup_teardown(a_file_of_zeros_is_damaged, begin, end),
        cmocka_unit_test_setup_teardown(a_folder_is_no_bond_file, begin, end),
        cmocka_unit_test_setup_teardown(a_newer_file_is_refused_and_stays, begin, end),
        cmocka_unit_test_setup_teardown(one_host_at_a_time_has_the_file, begin, end),
        cmocka_unit_test_setup_teardown(a_folder_that_is_not_there_is_told_of, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
