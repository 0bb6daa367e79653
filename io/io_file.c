#include "io/io_file.h"

#include <string.h>

#include "io/io_ring.h"

#define CHUNK_MAX (UINT32_C(1) << 30) /* one request; the kernel takes a little under 2 GiB */

/* ---- opening ---- */

static void release_create(struct io *io, struct io_op *op)
{
    if (op->path < IO_CREATES_MAX)
        io->creates[op->path][0] = 0;
    op->path = IO_CREATES_MAX;
}

static void open_ended(struct io *io, struct io_op *op, int32_t result)
{
    release_create(io, op);
    io_ring_finish(io, op, result);
}

/* The next step of a file being made. An entry that cannot be had now ends the making; a file
 * without its size may then stay behind, as after a crash. */
static void open_step(struct io *io, struct io_op *op, enum io_step step)
{
    struct io_uring_sqe *sqe = io_ring_sqe(io);

    op->step = (uint8_t)step;
    if (sqe == NULL) {
        if (op->result >= 0)
            op->result = -EAGAIN;
        open_ended(io, op, op->result);
        return;
    }
    if (step == IO_STEP_ALLOCATE) {
        io_uring_prep_fallocate(sqe, op->slot, 0, 0, (off_t)op->place);
        sqe->flags |= IOSQE_FIXED_FILE;
    } else if (step == IO_STEP_DISCARD) {
        io_uring_prep_close_direct(sqe, (unsigned)op->slot);
    } else {
        io_uring_prep_unlinkat(sqe, AT_FDCWD, io->creates[op->path], 0);
    }
    io_ring_name(sqe, op);
}

static void open_done(struct io *io, struct io_op *op, const struct io_uring_cqe *cqe)
{
    enum io_handle_kind kind = op->done == IO_FILE_FOLDER ? IO_HANDLE_FOLDER : IO_HANDLE_FILE;

    switch (op->step) {
    case IO_STEP_OPEN:
        if (cqe->res >= 0 && op->place > 0) {
            op->slot = cqe->res;
            open_step(io, op, IO_STEP_ALLOCATE);
            return;
        }
        if (cqe->res >= 0)
            (void)io_handle_adopt(io, cqe->res, kind);
        open_ended(io, op, cqe->res);
        return;
    case IO_STEP_ALLOCATE:
        if (cqe->res < 0) {
            op->result = cqe->res;
            open_step(io, op, IO_STEP_DISCARD);
            return;
        }
        (void)io_handle_adopt(io, op->slot, kind);
        open_ended(io, op, op->slot);
        return;
    case IO_STEP_DISCARD:
        open_step(io, op, IO_STEP_REMOVE);
        return;
    case IO_STEP_REMOVE:
        open_ended(io, op, op->result); /* the cause, not what the removal said */
        return;
    default:
        UNREACHABLE("a step that opening has not");
    }
}

/* A place for the path, which is needed again if the file gets no room. */
static int claim_create(struct io *io, const char *path)
{
    for (int i = 0; i < IO_CREATES_MAX; i++) {
        if (io->creates[i][0] == 0) {
            memcpy(io->creates[i], path, strlen(path) + 1);
            return i;
        }
    }
    return -EAGAIN;
}

static int open_flags(enum io_file_mode mode)
{
    switch (mode) {
    case IO_FILE_READ:
        return O_RDONLY;
    case IO_FILE_CREATE:
        return O_RDWR | O_CREAT | O_EXCL;
    case IO_FILE_WRITE:
        return O_RDWR;
    case IO_FILE_FOLDER:
        return O_RDONLY | O_DIRECTORY;
    }
    UNREACHABLE("a file mode");
}

/* An entry with copies of the paths beside it, or NULL and why. */
static struct io_uring_sqe *begin_path(struct io *io, const char **paths, uint32_t count,
                                       int *ret_error)
{
    struct io_uring_sqe *sqe;
    size_t size = 0;

    for (uint32_t i = 0; i < count; i++) {
        size_t length = strlen(paths[i]);

        if (length >= PATH_MAX) {
            *ret_error = -ENAMETOOLONG;
            return NULL;
        }
        size += length + 1;
    }
    *ret_error = io_ring_path_room(io, size);
    sqe = *ret_error == 0 ? io_ring_sqe(io) : NULL;
    if (sqe == NULL) {
        *ret_error = -EAGAIN;
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++)
        paths[i] = io_ring_path(io, paths[i]);
    return sqe;
}

static int file_begin(struct io *io, struct io_op *op, const struct io_file_options *options)
{
    const char *path = options->path;
    struct io_uring_sqe *sqe;
    int error;

    if (options->mode == IO_FILE_CREATE && options->preallocate > 0) {
        if (options->preallocate > INT64_MAX)
            return -EFBIG;
        if (strlen(path) >= PATH_MAX)
            return -ENAMETOOLONG;
        error = claim_create(io, path);
        if (error < 0)
            return error;
        op->path = (uint16_t)error;
        op->place = options->preallocate;
    }
    sqe = begin_path(io, &path, 1, &error);
    if (sqe == NULL) {
        release_create(io, op);
        return error;
    }
    io_uring_prep_openat_direct(sqe, AT_FDCWD, path, open_flags(options->mode), S_IRUSR | S_IWUSR,
                                IORING_FILE_INDEX_ALLOC - 1);
    io_ring_name(sqe, op);
    return 0;
}

void io_file(struct io *io, uint64_t tag, const struct io_file_options *options)
{
    struct io_op *op = io_ring_claim(io, IO_OP_FILE, tag);
    int result;

    op->path = IO_CREATES_MAX;
    op->step = IO_STEP_OPEN;
    op->done = options->mode;
    result = file_begin(io, op, options);
    if (result < 0)
        io_ring_ready(io, op, result);
}

/* ---- reading and writing ---- */

/* Submits what is left of the operation. */
static int go_on(struct io *io, struct io_op *op)
{
    struct io_uring_sqe *sqe = io_ring_sqe(io);
    uint32_t size = op->size - op->done;

    if (sqe == NULL)
        return -EAGAIN;
    io_uring_prep_rw(op->kind == IO_OP_READ ? IORING_OP_READ : IORING_OP_WRITE, sqe, op->slot, NULL,
                     size < CHUNK_MAX ? size : CHUNK_MAX, op->place + op->done);
    sqe->addr = op->address + op->done;
    sqe->flags |= IOSQE_FIXED_FILE;
    io_ring_name(sqe, op);
    return 0;
}

static void transfer(struct io *io, struct io_op *op, int file, size_t size)
{
    int result = io_ring_attach(io, op, file) ? 0 : -EBADF;

    CHECK(size <= INT32_MAX); /* the event's result must hold it */
    op->slot = op->handle;
    op->size = (uint32_t)size;
    if (result == 0 && size > 0)
        result = go_on(io, op);
    if (result < 0 || size == 0)
        io_ring_ready(io, op, result);
}

static void transfer_done(struct io *io, struct io_op *op, int32_t result)
{
    if (result > 0) {
        CHECK((uint32_t)result <= op->size - op->done);
        op->done += (uint32_t)result;
    }
    if (op->done == op->size || (result == 0 && op->kind == IO_OP_READ)) {
        io_ring_finish(io, op, (int32_t)op->done);
        return;
    }
    if (result == 0)
        result = -EIO; /* a write that writes nothing would go on for ever */
    else if (result > 0 || result == -EINTR || result == -EAGAIN)
        result = go_on(io, op);
    if (result < 0)
        io_ring_finish(io, op, result);
}

void io_write(struct io *io, uint64_t tag, int file, struct span data, uint64_t offset)
{
    struct io_op *op = io_ring_claim(io, IO_OP_WRITE, tag);

    op->address = (uintptr_t)data.data;
    op->place = offset;
    transfer(io, op, file, data.size);
}

void io_read(struct io *io, uint64_t tag, int file, struct span_mut into, uint64_t offset)
{
    struct io_op *op = io_ring_claim(io, IO_OP_READ, tag);

    op->address = (uintptr_t)into.data;
    op->place = offset;
    transfer(io, op, file, into.size);
}

/* ---- one completion, one event ---- */

void io_sync(struct io *io, uint64_t tag, int file)
{
    struct io_op *op = io_ring_claim(io, IO_OP_PLAIN, tag);
    struct io_uring_sqe *sqe = io_ring_attach(io, op, file) ? io_ring_sqe(io) : NULL;
    bool folder;

    if (sqe == NULL) {
        io_ring_ready(io, op, op->handle < 0 ? -EBADF : -EAGAIN);
        return;
    }
    folder = io->handles.items[file].kind == IO_HANDLE_FOLDER;
    io_uring_prep_fsync(sqe, file, folder ? 0 : IORING_FSYNC_DATASYNC);
    sqe->flags |= IOSQE_FIXED_FILE;
    io_ring_name(sqe, op);
}

void io_rename(struct io *io, uint64_t tag, const char *from, const char *to)
{
    struct io_op *op = io_ring_claim(io, IO_OP_PLAIN, tag);
    const char *paths[2] = {from, to};
    int error;
    struct io_uring_sqe *sqe = begin_path(io, paths, 2, &error);

    if (sqe == NULL) {
        io_ring_ready(io, op, error);
        return;
    }
    io_uring_prep_renameat(sqe, AT_FDCWD, paths[0], AT_FDCWD, paths[1], 0);
    io_ring_name(sqe, op);
}

void io_unlink(struct io *io, uint64_t tag, const char *path)
{
    struct io_op *op = io_ring_claim(io, IO_OP_PLAIN, tag);
    int error;
    struct io_uring_sqe *sqe = begin_path(io, &path, 1, &error);

    if (sqe == NULL) {
        io_ring_ready(io, op, error);
        return;
    }
    io_uring_prep_unlinkat(sqe, AT_FDCWD, path, 0);
    io_ring_name(sqe, op);
}

void io_file_done(struct io *io, struct io_op *op, const struct io_uring_cqe *cqe)
{
    if (op->kind == IO_OP_FILE)
        open_done(io, op, cqe);
    else if (op->kind == IO_OP_PLAIN)
        io_ring_finish(io, op, cqe->res);
    else
        transfer_done(io, op, cqe->res);
}
