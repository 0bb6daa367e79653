#include "io/io_start.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "io/io_ring.h"

#define SETUP_FLAGS                                                                                \
    (IORING_SETUP_R_DISABLED | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |           \
     IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE)
#define KERNEL_WORKERS_BOUNDED 8    /* kernel threads for file operations of this ring */
#define KERNEL_WORKERS_UNBOUNDED 16 /* ... for others that cannot be polled */

static const struct request {
    uint8_t opcode;
    const char *name;
} requests[] = {
    {IORING_OP_ACCEPT, "ACCEPT"},       {IORING_OP_ASYNC_CANCEL, "ASYNC_CANCEL"},
    {IORING_OP_CLOSE, "CLOSE"},         {IORING_OP_CONNECT, "CONNECT"},
    {IORING_OP_FALLOCATE, "FALLOCATE"}, {IORING_OP_FILES_UPDATE, "FILES_UPDATE"},
    {IORING_OP_FSYNC, "FSYNC"},         {IORING_OP_OPENAT, "OPENAT"},
    {IORING_OP_READ, "READ"},           {IORING_OP_RECV, "RECV"},
    {IORING_OP_RENAMEAT, "RENAMEAT"},   {IORING_OP_SEND, "SEND"},
    {IORING_OP_SENDMSG, "SENDMSG"},     {IORING_OP_UNLINKAT, "UNLINKAT"},
    {IORING_OP_WRITE, "WRITE"},
};

/* The value of a sysctl, or -1. */
static int read_sysctl(const char *path)
{
    uint8_t digits[16];
    uint64_t number;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size;

    if (fd < 0)
        return -1;
    size = read(fd, digits, sizeof(digits));
    (void)close(fd); /* was read only */
    if (size <= 0 || !span_number(span_trim(span_make(digits, (size_t)size)), INT32_MAX, &number))
        return -1;
    return (int)number;
}

static void explain_refusal(int disabled, struct text *error)
{
    if (disabled >= 2)
        text_add_cstr(error,
                      "io_uring is switched off on this machine (sysctl "
                      "kernel.io_uring_disabled=2); set it to 0, or to 1 and start ringpost with a "
                      "group named by kernel.io_uring_group");
    else if (disabled == 1)
        text_add_cstr(error, "io_uring is allowed to privileged processes only (sysctl "
                             "kernel.io_uring_disabled=1); add ringpost's group to "
                             "kernel.io_uring_group, or set the sysctl to 0");
    else
        text_add_cstr(error,
                      "io_uring is refused by a seccomp filter or a security module; containers do "
                      "that by default: start this one with a profile that allows "
                      "io_uring_setup, io_uring_enter and io_uring_register "
                      "(docker and podman: --security-opt seccomp=FILE), or without a container");
}

static void explain_kernel(const char *what, struct text *error)
{
    struct utsname name;

    text_add_format(error, "%s; ringpost needs Linux 6.1 or newer", what);
    if (uname(&name) == 0)
        text_add_format(error, ", this is %s %s", name.sysname, name.release);
}

void io_start_explain(int error_number, int disabled, struct text *error)
{
    struct rlimit limit = {0};

    switch (error_number) {
    case EPERM:
    case EACCES:
        explain_refusal(disabled, error);
        break;
    case ENOSYS:
        explain_kernel("this kernel has no io_uring (or a seccomp filter hides it)", error);
        break;
    case EINVAL:
        explain_kernel("this kernel's io_uring lacks what ringpost uses", error);
        break;
    case ENOMEM:
        (void)getrlimit(RLIMIT_MEMLOCK, &limit); /* cannot fail with these arguments */
        text_add_format(error,
                        "no memory for an io_uring; locked memory is limited to %llu KiB: raise "
                        "it (ulimit -l, or LimitMEMLOCK= of the systemd unit) or lower the "
                        "number of sessions",
                        (unsigned long long)limit.rlim_cur / KIB);
        break;
    case EMFILE:
    case ENFILE:
        (void)getrlimit(RLIMIT_NOFILE, &limit); /* cannot fail with these arguments */
        text_add_format(error,
                        "too many open files: the limit is %llu; raise it (ulimit -n, or "
                        "LimitNOFILE= of the systemd unit) or lower the number of sessions",
                        (unsigned long long)limit.rlim_cur);
        break;
    default:
        text_add_format(error, "io_uring could not be set up: error %d", error_number);
        break;
    }
}

static int explained(int result, struct text *error)
{
    if (result < 0)
        io_start_explain(-result, read_sysctl("/proc/sys/kernel/io_uring_disabled"), error);
    return result;
}

static int probe(struct io *io, struct io_start_result *result, struct text *error)
{
    struct io_uring_probe *probe = io_uring_get_probe_ring(&io->ring);
    uint32_t missing_count = 0;

    if (probe == NULL)
        return explained(-ENOMEM, error);
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        if (io_uring_opcode_supported(probe, requests[i].opcode))
            continue;
        text_add_cstr(error, missing_count++ == 0 ? "this kernel's io_uring lacks " : ", ");
        text_add_cstr(error, requests[i].name);
    }
    result->has_messages = io_uring_opcode_supported(probe, IORING_OP_MSG_RING);
    io_uring_free_probe(probe);
    if (missing_count == 0)
        return 0;
    explain_kernel("", error);
    return -ENOSYS;
}

static int restrict_requests(struct io *io, const struct io_start_result *result)
{
    struct io_uring_restriction rules[ARRAY_LEN(requests) + 3] = {0};
    uint32_t count = 0;

    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        rules[count].opcode = IORING_RESTRICTION_SQE_OP;
        rules[count++].sqe_op = requests[i].opcode;
    }
    if (result->has_messages) {
        rules[count].opcode = IORING_RESTRICTION_SQE_OP;
        rules[count++].sqe_op = IORING_OP_MSG_RING;
    }
    rules[count].opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED;
    rules[count++].sqe_flags = IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT | IOSQE_CQE_SKIP_SUCCESS;
    /* The one (un)registration after the start: liburing gives the ring's place back at the end. */
    rules[count].opcode = IORING_RESTRICTION_REGISTER_OP;
    rules[count++].register_op = IORING_UNREGISTER_RING_FDS;
    return io_uring_register_restrictions(&io->ring, rules, count);
}

/* The table of files may be as large as the limit of open files, so the soft one is raised. */
static int allow_files(uint32_t handles_max)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return -errno;
    if (limit.rlim_cur >= handles_max)
        return 0;
    if (limit.rlim_max < handles_max)
        return -EMFILE;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -errno : 0;
}

/* Completions that may be there at once without the kernel's slow list: one for each operation
 * that a busy turn can end. */
static uint32_t completions_max(const struct io_options *options)
{
    uint64_t wanted = max_u64(options->entries * UINT64_C(2),
                              options->handles_max + UINT64_C(2) * options->buffers_count);
    uint32_t size = 1;

    while (size < wanted && size < 65536)
        size *= 2;
    return size;
}

static int prepare(struct io *io, struct io_start_result *ret_result, struct text *error)
{
    uint32_t workers[2] = {KERNEL_WORKERS_BOUNDED, KERNEL_WORKERS_UNBOUNDED};
    int result = probe(io, ret_result, error);

    if (result < 0)
        return result;
    result = io_uring_register_files_sparse(&io->ring, io->options.handles_max);
    if (result >= 0)
        result = io_buffers_register(&io->buffers, &io->ring);
    if (result >= 0)
        result = io_uring_register_iowq_max_workers(&io->ring, workers);
    if (result >= 0)
        (void)io_uring_register_ring_fd(&io->ring); /* saves a little; works without */
    if (result >= 0)
        result = restrict_requests(io, ret_result);
    if (result >= 0)
        result = io_uring_enable_rings(&io->ring);
    return explained(result < 0 ? result : 0, error);
}

int io_start(struct io *io, struct io_start_result *ret_result, struct text *error)
{
    struct io_uring_params params = {.flags = SETUP_FLAGS,
                                     .cq_entries = completions_max(&io->options)};
    int result = allow_files(io->options.handles_max);

    if (result >= 0)
        result = io_uring_queue_init_params(io->options.entries, &io->ring, &params);
    if (result < 0)
        return explained(result, error);
    io->ring_open = true;
    return prepare(io, ret_result, error);
}
