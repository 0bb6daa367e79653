#include "engine/shelf_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/crc.h"
#include "bounce/hygiene_dossier.h"
#include "engine/shelf_check.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"
#define FORM 1 /* of what follows and of dossiers: another one is made anew */
#define KEY_SIZE 4
#define KEY_MARK 0 /* number n lies under n + 1 */
#define CRC_SIZE 4

struct mark_on_disk {
    uint32_t form;
    uint32_t closed;
    uint64_t id;
    uint32_t numbers_count;
    uint32_t spare;
    char boot[40];
};

static_assert(sizeof(struct mark_on_disk) == 64, "on disk");

static int error_of(int result)
{
    if (result == MDB_MAP_FULL || result == MDB_TXN_FULL)
        return -ENOSPC;
    return result < 0 ? -EBADMSG : -result; /* LMDB's own are negative */
}

static void write_key(uint32_t key, uint8_t into[KEY_SIZE])
{
    for (uint32_t i = 0; i < KEY_SIZE; i++)
        into[i] = (uint8_t)(key >> (8 * (KEY_SIZE - 1 - i)));
}

static uint32_t crc_of(uint32_t key, struct span bytes)
{
    return crc_add(crc_seed(UINT64_C(0x68796769656e65), key), bytes);
}

/* The bytes behind a sound CRC; false: it is not. */
static bool unwrap(uint32_t key, struct span value, struct span *ret_bytes)
{
    uint32_t crc;

    if (value.size < CRC_SIZE)
        return false;
    memcpy(&crc, value.data, CRC_SIZE);
    *ret_bytes = span_skip(value, CRC_SIZE);
    return crc == crc_of(key, *ret_bytes);
}

/* --- one transaction at a time --- */

static int begin(struct shelf_disk *disk)
{
    int result;

    if (disk->env == NULL)
        return -EIO;
    if (disk->transaction != NULL)
        return 0;
    result = mdb_txn_begin(disk->env, NULL, 0, &disk->transaction);
    if (result == 0)
        result = mdb_dbi_open(disk->transaction, NULL, 0, &disk->database);
    if (result == 0)
        return 0;
    mdb_txn_abort(disk->transaction);
    disk->transaction = NULL;
    return error_of(result);
}

static void drop(struct shelf_disk *disk)
{
    if (disk->transaction != NULL)
        mdb_txn_abort(disk->transaction);
    disk->transaction = NULL;
    disk->puts_count = 0;
}

/* Numbers come mostly in their order: such pages are filled to the brim. */
static int put_bytes(struct shelf_disk *disk, uint32_t key, struct span bytes)
{
    uint8_t name[KEY_SIZE];
    uint32_t crc = crc_of(key, bytes);
    MDB_val at = {KEY_SIZE, name};
    MDB_val value = {CRC_SIZE + bytes.size, disk->bytes};
    int result = begin(disk);

    CHECK(bytes.size <= sizeof(disk->bytes) - CRC_SIZE);
    if (result < 0)
        return result;
    write_key(key, name);
    memcpy(disk->bytes, &crc, CRC_SIZE);
    memcpy(disk->bytes + CRC_SIZE, bytes.data, bytes.size);
    result = mdb_put(disk->transaction, disk->database, &at, &value,
                     key > disk->last_key ? MDB_APPEND : 0);
    if (result != 0) {
        drop(disk);
        return error_of(result);
    }
    disk->last_key = max_u64(disk->last_key, key);
    return 0;
}

static int get(struct hygiene_shelf *shelf, uint32_t number, struct span *ret_value)
{
    struct shelf_disk *disk = (struct shelf_disk *)(void *)shelf;
    uint8_t name[KEY_SIZE];
    MDB_val at = {KEY_SIZE, name}, value;
    int result = begin(disk);

    if (result < 0)
        return result;
    write_key(number + 1, name);
    result = mdb_get(disk->transaction, disk->database, &at, &value);
    if (result == MDB_NOTFOUND)
        return -ENOENT;
    if (result != 0)
        return error_of(result);
    return unwrap(number + 1, span_make(value.mv_data, value.mv_size), ret_value) ? 0 : -EBADMSG;
}

static int put(struct hygiene_shelf *shelf, uint32_t number, struct span value)
{
    struct shelf_disk *disk = (struct shelf_disk *)(void *)shelf;

    disk->puts_count++;
    return put_bytes(disk, number + 1, value);
}

/* The map is virtual: it grows while nothing is under way, long before it is full. */
static int grow(struct shelf_disk *disk)
{
    MDB_envinfo info;
    MDB_stat stat;
    int result = mdb_env_info(disk->env, &info);

    if (result == 0)
        result = mdb_env_stat(disk->env, &stat);
    if (result == 0 && info.me_last_pgno * stat.ms_psize > disk->map_size / 4) {
        disk->map_size *= 4;
        result = mdb_env_set_mapsize(disk->env, disk->map_size);
    }
    return result == 0 ? 0 : error_of(result);
}

static int commit(struct shelf_disk *disk, const struct shelf_disk_mark *mark, bool closed)
{
    struct mark_on_disk bytes = {
        .form = FORM, .closed = closed, .id = mark->id, .numbers_count = mark->numbers_count};
    bool first = disk->closed;
    int result;

    static_assert(sizeof(bytes.boot) == sizeof(disk->boot), "the same");
    memcpy(bytes.boot, disk->boot, sizeof(bytes.boot));
    result = put_bytes(disk, KEY_MARK, span_make(&bytes, sizeof(bytes)));
    if (result < 0)
        return result;
    result = mdb_txn_commit(disk->transaction);
    disk->transaction = NULL;
    disk->puts_count = 0;
    /* That it is not closed any more must be there before pages of the closed state are used. */
    if (result == 0 && first && !closed)
        result = mdb_env_sync(disk->env, 1);
    if (result != 0)
        return error_of(result);
    disk->mark = *mark;
    disk->closed = closed;
    return grow(disk);
}

int shelf_disk_commit(struct shelf_disk *disk, const struct shelf_disk_mark *mark)
{
    return commit(disk, mark, false);
}

/* --- opening --- */

static int path_of(const struct shelf_disk *disk, const char *name, char path[SHELF_DISK_PATH_MAX])
{
    struct text text;

    text_init(&text, path, SHELF_DISK_PATH_MAX);
    text_add_format(&text, "%s/%s", disk->folder, name);
    (void)text_cstr_end(&text);
    return text.overflow ? -ENAMETOOLONG : 0;
}

static void read_boot(struct shelf_disk *disk)
{
    int handle = open(BOOT_ID, O_RDONLY | O_CLOEXEC);
    ssize_t size = handle < 0 ? -1 : read(handle, disk->boot, sizeof(disk->boot) - 1);

    if (size < 30)
        disk->boot[0] = '\0';
    if (handle >= 0)
        (void)close(handle);
}

static int open_env(struct shelf_disk *disk)
{
    int result = mdb_env_create(&disk->env);

    if (result != 0) {
        disk->env = NULL;
        return error_of(result);
    }
    result = mdb_env_set_mapsize(disk->env, disk->map_size);
    if (result == 0)
        result = mdb_env_open(disk->env, disk->folder, MDB_NOSYNC | MDB_NOLOCK | MDB_NOTLS, 0600);
    if (result == 0)
        result = -grow(disk);
    if (result == 0)
        return 0;
    mdb_env_close(disk->env);
    disk->env = NULL;
    return result == ENOENT ? -EIO : error_of(result);
}

static void close_env(struct shelf_disk *disk)
{
    drop(disk);
    if (disk->env != NULL)
        mdb_env_close(disk->env);
    disk->env = NULL;
}

int shelf_disk_empty(struct shelf_disk *disk)
{
    char path[SHELF_DISK_PATH_MAX];
    int result = path_of(disk, "data.mdb", path);

    close_env(disk);
    disk->mark = (struct shelf_disk_mark){0};
    disk->closed = false;
    disk->last_key = 0;
    disk->map_size = SHELF_DISK_MAP_MIN;
    if (result == 0 && unlink(path) < 0 && errno != ENOENT)
        result = -errno;
    return result < 0 ? result : open_env(disk);
}

/* What shelf_check finds, value by value. */
struct look {
    struct mark_on_disk mark;
    uint64_t next; /* the key that must come */
};

static bool judge(void *context, uint32_t key, struct span value)
{
    struct look *look = context;
    struct hygiene_dossier dossier;
    struct span bytes;

    if (key != look->next++ || !unwrap(key, value, &bytes))
        return false;
    if (key != KEY_MARK)
        return hygiene_dossier_read(bytes, &dossier) == 0;
    if (bytes.size != sizeof(look->mark))
        return false;
    memcpy(&look->mark, bytes.data, sizeof(look->mark));
    return look->mark.form == FORM;
}

static bool same_start(const struct shelf_disk *disk, const struct mark_on_disk *mark)
{
    return disk->boot[0] != '\0' && memcmp(disk->boot, mark->boot, sizeof(mark->boot)) == 0;
}

/* What lies there, before LMDB touches it. */
static int look_at(struct shelf_disk *disk, struct io *io, enum shelf_disk_found *ret_found)
{
    char path[SHELF_DISK_PATH_MAX];
    struct io_mapping mapping;
    struct look look = {.next = 0};
    int result = path_of(disk, "data.mdb", path);

    if (result == 0)
        result = io_map(io, path, IO_MAP_READ, &mapping);
    *ret_found = SHELF_DISK_MISSING;
    if (result < 0)
        return result == -ENOENT ? 0 : result;
    result = shelf_check(span_make(mapping.data, mapping.size), judge, &look);
    disk->map_size = SHELF_DISK_MAP_MIN;
    while (disk->map_size / 4 < mapping.size)
        disk->map_size *= 4;
    io_unmap(io, &mapping);
    *ret_found = SHELF_DISK_DAMAGED;
    if (result == -EBADMSG)
        return 0;
    if (result < 0 || look.mark.id == 0 || look.next != (uint64_t)look.mark.numbers_count + 1)
        return result;
    *ret_found = SHELF_DISK_OUTDATED;
    if (look.mark.closed == 0 && !same_start(disk, &look.mark))
        return 0;
    *ret_found = SHELF_DISK_SOUND;
    disk->mark = (struct shelf_disk_mark){look.mark.id, look.mark.numbers_count};
    disk->closed = look.mark.closed != 0;
    disk->last_key = look.mark.numbers_count;
    return 0;
}

int shelf_disk_open(struct shelf_disk *disk, struct io *io, const char *folder,
                    enum shelf_disk_found *ret_found, struct text *error)
{
    static const struct hygiene_shelf_ops ops = {get, put};
    struct text text;
    int result;

    memset(disk, 0, sizeof(*disk));
    disk->shelf.ops = &ops;
    disk->map_size = SHELF_DISK_MAP_MIN;
    text_init(&text, disk->folder, sizeof(disk->folder));
    text_add_cstr(&text, folder);
    (void)text_cstr_end(&text);
    result = text.overflow ? -ENAMETOOLONG : io_folder(io, folder);
    read_boot(disk);
    if (result == 0)
        result = look_at(disk, io, ret_found);
    if (result == 0 && *ret_found == SHELF_DISK_SOUND)
        result = open_env(disk);
    else if (result == 0)
        result = shelf_disk_empty(disk);
    if (result < 0)
        text_add_format(error, "%s: %s", folder, strerror(-result));
    return result;
}

void shelf_disk_close(struct shelf_disk *disk, bool sync)
{
    struct shelf_disk_mark mark = disk->mark;

    drop(disk);
    if (disk->env != NULL && sync && !disk->closed && mark.id != 0 &&
        mdb_env_sync(disk->env, 1) == 0 && commit(disk, &mark, true) == 0)
        (void)mdb_env_sync(disk->env, 1); /* failing, it is made anew at the next start */
    close_env(disk);
}
