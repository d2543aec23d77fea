/* Between a process and the system: calls that concern files fail as the file $FEEDMILL_TEST_FAULTS says, which is read
   at each of them. A line is CALLS HOW ERRNO PERCENT PART: which calls, separated by commas; `no` (nothing is done),
   `done` (it is done, and said to have failed) or `half` (half of a write, which is said); how many of a hundred; a part
   of the path. What was made to fail is added to the file's namesake with .log. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { AS_EVER, NO, DONE, HALF };

static int look(const char *call, const char *path, int *error) {
    char text[4096], name[512], said[4700], calls[256], how[8], part[512], *rest, *left;
    const char *orders = getenv("FEEDMILL_TEST_FAULTS");
    int number, percent, file;
    unsigned chance;
    if (!orders || !path || (file = syscall(SYS_openat, AT_FDCWD, orders, O_RDONLY)) < 0) return AS_EVER;
    long length = syscall(SYS_read, file, text, sizeof text - 1);
    syscall(SYS_close, file);
    if (length <= 0) return AS_EVER;
    text[length] = 0;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (sscanf(line, "%255s %7s %d %d %511s", calls, how, &number, &percent, part) != 5 || !strstr(path, part)) continue;
        char *one = strtok_r(calls, ",", &left);
        while (one && strcmp(one, call)) one = strtok_r(NULL, ",", &left);
        syscall(SYS_getrandom, &chance, sizeof chance, 0);
        if (!one || chance % 100 >= (unsigned)percent) continue;
        *error = number;
        snprintf(name, sizeof name, "%s.log", orders);
        snprintf(said, sizeof said, "%s %s\n", call, path);
        file = syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_APPEND, 0666);
        syscall(SYS_write, file, said, strlen(said));
        syscall(SYS_close, file);
        return *how == 'n' ? NO : *how == 'd' ? DONE : HALF;
    }
    return AS_EVER;
}

static int fault(const char *call, const char *path, int *error) {
    int before = errno, found = look(call, path, error);
    errno = before;
    return found;
}

static const char *of(int file, char *path) {
    char link[64];
    int before = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, 4095);
    path[length < 0 ? 0 : length] = 0;
    errno = before;
    return path;
}

#define REAL(name) static __typeof__(name) *real; if (!real) real = dlsym(RTLD_NEXT, #name)
#define CALL(type, name, call, params, path, args) type name params { \
    REAL(name); char at[4096]; (void)at; int error, found = fault(call, path, &error); \
    type result = found == NO ? -1 : real args; \
    if (found == AS_EVER || result == -1 && found != NO) return result; \
    errno = error; return -1; }
#define WRITE(name, params, args) ssize_t name params { \
    REAL(name); char at[4096]; int error, found = fault("write", of(f, at), &error); \
    if (found == NO) { errno = error; return -1; } \
    if (found == HALF && n > 1) n /= 2; \
    return real args; }
#define OPEN(name, params, args) int name params { \
    REAL(name); int error, mode; va_list more; va_start(more, flags); mode = va_arg(more, int); va_end(more); \
    if (fault("open", p, &error)) { errno = error; return -1; } \
    return real args; }
#define LOCK(name) int name(int f, int command, ...) { \
    REAL(name); char at[4096]; int error; va_list more; va_start(more, command); void *p = va_arg(more, void *); va_end(more); \
    int locks = (command == F_SETLK || command == F_SETLKW) && ((struct flock *)p)->l_type != F_UNLCK; \
    if (locks && fault("lock", of(f, at), &error)) { errno = error; return -1; } \
    return real(f, command, p); }

OPEN(open, (const char *p, int flags, ...), (p, flags, mode))
OPEN(open64, (const char *p, int flags, ...), (p, flags, mode))
OPEN(openat, (int d, const char *p, int flags, ...), (d, p, flags, mode))
OPEN(openat64, (int d, const char *p, int flags, ...), (d, p, flags, mode))
WRITE(write, (int f, const void *p, size_t n), (f, p, n))
WRITE(pwrite, (int f, const void *p, size_t n, off_t o), (f, p, n, o))
WRITE(pwrite64, (int f, const void *p, size_t n, off64_t o), (f, p, n, o))
CALL(ssize_t, read, "read", (int f, void *p, size_t n), of(f, at), (f, p, n))
CALL(ssize_t, pread, "read", (int f, void *p, size_t n, off_t o), of(f, at), (f, p, n, o))
CALL(ssize_t, pread64, "read", (int f, void *p, size_t n, off64_t o), of(f, at), (f, p, n, o))
CALL(int, fsync, "fsync", (int f), of(f, at), (f))
CALL(int, fdatasync, "fsync", (int f), of(f, at), (f))
CALL(int, syncfs, "fsync", (int f), of(f, at), (f))
CALL(int, ftruncate, "truncate", (int f, off_t n), of(f, at), (f, n))
CALL(int, ftruncate64, "truncate", (int f, off64_t n), of(f, at), (f, n))
CALL(int, rename, "rename", (const char *a, const char *b), b, (a, b))
CALL(int, unlink, "unlink", (const char *a), a, (a))
CALL(int, mkdir, "mkdir", (const char *a, mode_t m), a, (a, m))
CALL(int, stat, "stat", (const char *a, struct stat *s), a, (a, s))
CALL(int, fstat, "stat", (int f, struct stat *s), of(f, at), (f, s))
CALL(int, stat64, "stat", (const char *a, struct stat64 *s), a, (a, s))
CALL(int, fstat64, "stat", (int f, struct stat64 *s), of(f, at), (f, s))
LOCK(fcntl)
LOCK(fcntl64)
