// A library for LD_PRELOAD that stands between a process and one directory of its disk. It fails the n-th
// change (disk-control.ts says which, through a mapped file) and records every change in the order in which
// they took place (recorded-disk.ts replays them). Changes outside of the directory pass untouched. It can also
// keep a sector of a file from being read, or a file from being opened, with any errno.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define FDS 65536
#define STREAMS 4096
#define BADS 16
#define REAL(name) static __typeof__(&name) real; if (!real) real = dlsym(RTLD_NEXT, #name)

enum { CREATE = 1, WRITE, TRUNCATE, SYNC, SYNC_DIR, RENAME, UNLINK, MKDIR, RMDIR };

// What the mapped file holds; the test writes the first three, the shim the others.
struct control {
  int64_t countdown; // changes up to the one that fails; 0: none does
  int64_t error;     // the errno it fails with
  int64_t lasting;   // 1: all after it fail too
  int64_t changes;   // changes seen
  int64_t failed;    // changes that were made to fail
};

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static char root[PATH_MAX];
static size_t root_length;
static int log_fd = -1;
static struct control *control;
static char *paths[FDS]; // of descriptors below the root
static ino_t inodes[FDS];
static struct { FILE *file; int fd; } streams[STREAMS];
// What cannot be read: a sector of a file or, where `at` is negative, the file, which cannot be opened.
static struct bad { long long at; int error; char path[PATH_MAX]; } bads[BADS];
static int bad_count;

// From a file with a line for each: errno, offset, path. There is none as long as everything can be read.
static void read_bads(void) {
  REAL(fopen64);
  const char *text = getenv("DISK_SHIM_BAD");
  int error = errno;
  FILE *file = text ? real(text, "re") : NULL;
  bad_count = 0;
  while (file && bad_count < BADS) {
    struct bad *bad = &bads[bad_count];
    int found = fscanf(file, "%d %lld %4095[^\n]", &bad->error, &bad->at, bad->path);
    if (found == EOF) break;
    if (found != 3) abort();
    bad_count++;
  }
  if (file) fclose(file);
  errno = error;
}

// 1 where the bytes of a file, or with no length the file itself, cannot be read; errno is set then.
static int is_bad(const char *path, off64_t offset, size_t length) {
  int error = 0;
  pthread_mutex_lock(&lock);
  for (int i = 0; i < bad_count && !error; i++) {
    if (strcmp(path, bads[i].path) != 0) continue;
    if (length == 0 ? bads[i].at < 0 : bads[i].at >= 0 && offset < bads[i].at + 4096 && offset + (off64_t)length > bads[i].at)
      error = bads[i].error;
  }
  pthread_mutex_unlock(&lock);
  if (error) errno = error;
  return error != 0;
}

__attribute__((constructor)) static void begin(void) {
  const char *text = getenv("DISK_SHIM_ROOT");
  if (!text || !realpath(text, root)) return;
  root_length = strlen(root);
  if ((text = getenv("DISK_SHIM_LOG"))) {
    log_fd = open(text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log_fd < 0) abort();
  }
  read_bads();
  if ((text = getenv("DISK_SHIM_CONTROL"))) {
    int fd = open(text, O_RDWR | O_CLOEXEC);
    control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd < 0 || control == MAP_FAILED) abort();
  }
}

static int is_watched(const char *path) {
  return root_length > 0 && path && strncmp(path, root, root_length) == 0 &&
         (path[root_length] == '/' || path[root_length] == 0);
}

// The path of a descriptor below the root. Not every close() of libuv passes here, and the number may be a
// socket's by now.
static const char *path_of(int fd) {
  struct stat found;
  if (fd < 0 || fd >= FDS || !paths[fd]) return NULL;
  if (fstat(fd, &found) != 0 || found.st_ino != inodes[fd]) return NULL;
  return S_ISREG(found.st_mode) || S_ISDIR(found.st_mode) ? paths[fd] : NULL;
}

static void put(const void *bytes, size_t length) {
  REAL(write);
  for (size_t at = 0; at < length;) {
    ssize_t done = real(log_fd, (const char *)bytes + at, length - at);
    if (done < 0) abort();
    at += done;
  }
}

static void record(uint8_t op, uint64_t inode, uint64_t offset, const char *path, const char *other,
                   const struct iovec *data, int count) {
  if (log_fd < 0) return;
  uint32_t bytes = 0;
  for (int i = 0; i < count; i++) bytes += data[i].iov_len;
  struct __attribute__((packed)) {
    uint8_t op;
    uint64_t inode, offset;
    uint32_t path, other, bytes;
  } head = {op, inode, offset, path ? strlen(path) : 0, other ? strlen(other) : 0, bytes};
  put(&head, sizeof head);
  put(path, head.path);
  put(other, head.other);
  for (int i = 0; i < count; i++) put(data[i].iov_base, data[i].iov_len);
}

// 1 where this change is to fail; errno is set then.
static int fails(void) {
  if (!control) return 0;
  control->changes++;
  if (control->countdown == 0) return 0;
  if (control->countdown > 1) {
    control->countdown--;
    return 0;
  }
  if (!control->lasting) control->countdown = 0;
  control->failed++;
  errno = control->error;
  return 1;
}

static uint64_t inode_of(int fd) {
  struct stat found;
  return fstat(fd, &found) == 0 ? found.st_ino : 0;
}

static int open_watched(const char *path, int flags, mode_t mode) {
  REAL(open64);
  pthread_mutex_lock(&lock);
  read_bads();
  struct stat before;
  int is_new = stat(path, &before) != 0;
  int fd = -1;
  if (!is_bad(path, 0, 0) && !((((flags & O_CREAT) && is_new) || (flags & O_TRUNC)) && fails())) fd = real(path, flags, mode);
  if (fd >= 0 && fd < FDS) {
    free(paths[fd]);
    paths[fd] = strdup(path);
    inodes[fd] = inode_of(fd);
    if (is_new) record(CREATE, inode_of(fd), 0, path, NULL, NULL, 0);
    else if (flags & O_TRUNC) record(TRUNCATE, inode_of(fd), 0, NULL, NULL, NULL, 0);
  }
  pthread_mutex_unlock(&lock);
  return fd;
}

int open64(const char *path, int flags, ...) {
  mode_t mode = 0;
  if (flags & (O_CREAT | O_TMPFILE)) {
    va_list more;
    va_start(more, flags);
    mode = va_arg(more, mode_t);
    va_end(more);
  }
  if (is_watched(path)) return open_watched(path, flags, mode);
  REAL(open64);
  return real(path, flags, mode);
}

int open(const char *path, int flags, ...) {
  mode_t mode = 0;
  if (flags & (O_CREAT | O_TMPFILE)) {
    va_list more;
    va_start(more, flags);
    mode = va_arg(more, mode_t);
    va_end(more);
  }
  return open64(path, flags, mode);
}

int close(int fd) {
  REAL(close);
  if (!path_of(fd)) return real(fd);
  pthread_mutex_lock(&lock);
  free(paths[fd]);
  paths[fd] = NULL;
  int result = real(fd);
  pthread_mutex_unlock(&lock);
  return result;
}

// Writes at `offset`, or where the descriptor stands (-1). A write that fails leaves half of its bytes, and
// the descriptor behind them, as on a disk that was full in the middle.
static ssize_t write_watched(int fd, const struct iovec *data, int count, off64_t offset) {
  REAL(writev);
  pthread_mutex_lock(&lock);
  ssize_t done = -1;
  struct stat found;
  fstat(fd, &found);
  off64_t at = offset;
  if (at < 0) at = fcntl(fd, F_GETFL) & O_APPEND ? found.st_size : lseek64(fd, 0, SEEK_CUR);
  struct iovec half = {data[0].iov_base, data[0].iov_len / 2};
  int is_failure = fails();
  int error = errno;
  if (is_failure) {
    data = &half;
    count = 1;
  }
  done = offset < 0 ? real(fd, data, count) : pwritev64(fd, data, count, offset);
  if (done > 0) {
    // A short write of several pieces does not occur on a disk that has room.
    struct iovec first = {data[0].iov_base, done};
    if (count == 1) record(WRITE, found.st_ino, at, NULL, NULL, &first, 1);
    else record(WRITE, found.st_ino, at, NULL, NULL, data, count);
  }
  if (is_failure) {
    errno = error;
    done = -1;
  }
  pthread_mutex_unlock(&lock);
  return done;
}

ssize_t write(int fd, const void *bytes, size_t length) {
  struct iovec data = {(void *)bytes, length};
  if (path_of(fd)) return write_watched(fd, &data, 1, -1);
  REAL(write);
  return real(fd, bytes, length);
}

ssize_t writev(int fd, const struct iovec *data, int count) {
  if (path_of(fd)) return write_watched(fd, data, count, -1);
  REAL(writev);
  return real(fd, data, count);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
  struct iovec data = {(void *)bytes, length};
  if (path_of(fd)) return write_watched(fd, &data, 1, offset);
  REAL(pwrite64);
  return real(fd, bytes, length, offset);
}

ssize_t pread64(int fd, void *bytes, size_t length, off64_t offset) {
  REAL(pread64);
  const char *path = path_of(fd);
  if (path && is_bad(path, offset, length)) return -1;
  return real(fd, bytes, length, offset);
}

ssize_t preadv64(int fd, const struct iovec *pieces, int count, off64_t offset) {
  REAL(preadv64);
  size_t length = 0;
  for (int i = 0; i < count; i++) length += pieces[i].iov_len;
  const char *path = path_of(fd);
  if (path && is_bad(path, offset, length)) return -1;
  return real(fd, pieces, count, offset);
}

ssize_t preadv(int fd, const struct iovec *pieces, int count, off_t offset) {
  return preadv64(fd, pieces, count, offset);
}

ssize_t read(int fd, void *bytes, size_t length) {
  REAL(read);
  const char *path = path_of(fd);
  if (path && is_bad(path, lseek64(fd, 0, SEEK_CUR), length)) return -1;
  return real(fd, bytes, length);
}

int ftruncate64(int fd, off64_t length) {
  REAL(ftruncate64);
  if (!path_of(fd)) return real(fd, length);
  pthread_mutex_lock(&lock);
  int result = fails() ? -1 : real(fd, length);
  if (result == 0) record(TRUNCATE, inode_of(fd), length, NULL, NULL, NULL, 0);
  pthread_mutex_unlock(&lock);
  return result;
}

static int sync_watched(int fd, int (*real)(int)) {
  pthread_mutex_lock(&lock);
  int result = fails() ? -1 : real(fd);
  struct stat found;
  if (result == 0 && fstat(fd, &found) == 0) {
    if (S_ISDIR(found.st_mode)) record(SYNC_DIR, found.st_ino, 0, paths[fd], NULL, NULL, 0);
    else record(SYNC, found.st_ino, 0, NULL, NULL, NULL, 0);
  }
  pthread_mutex_unlock(&lock);
  return result;
}

int fsync(int fd) {
  REAL(fsync);
  return path_of(fd) ? sync_watched(fd, real) : real(fd);
}

int fdatasync(int fd) {
  REAL(fdatasync);
  return path_of(fd) ? sync_watched(fd, real) : real(fd);
}

int rename(const char *from, const char *to) {
  REAL(rename);
  if (!is_watched(from) && !is_watched(to)) return real(from, to);
  pthread_mutex_lock(&lock);
  int result = fails() ? -1 : real(from, to);
  if (result == 0) record(RENAME, 0, 0, from, to, NULL, 0);
  pthread_mutex_unlock(&lock);
  return result;
}

#define CHANGE_OF_NAME(name, op)                                                    \
  int name(const char *path) {                                                      \
    REAL(name);                                                                     \
    if (!is_watched(path)) return real(path);                                       \
    pthread_mutex_lock(&lock);                                                      \
    int result = fails() ? -1 : real(path);                                         \
    if (result == 0) record(op, 0, 0, path, NULL, NULL, 0);                         \
    pthread_mutex_unlock(&lock);                                                    \
    return result;                                                                  \
  }

CHANGE_OF_NAME(unlink, UNLINK)
CHANGE_OF_NAME(rmdir, RMDIR)

int mkdir(const char *path, mode_t mode) {
  REAL(mkdir);
  if (!is_watched(path)) return real(path, mode);
  pthread_mutex_lock(&lock);
  struct stat found;
  int is_there = stat(path, &found) == 0;
  int result = !is_there && fails() ? -1 : real(path, mode);
  if (result == 0) record(MKDIR, 0, 0, path, NULL, NULL, 0);
  pthread_mutex_unlock(&lock);
  return result;
}

// LevelDB writes through stdio, whose own calls of write() pass no other library: such a stream gets the
// functions above below its buffer.
static ssize_t stream_write(void *cookie, const char *bytes, size_t length) {
  ssize_t done = write((int)(intptr_t)cookie, bytes, length);
  return done < 0 ? 0 : done; // fopencookie(3): 0 is the error
}

static int stream_close(void *cookie) {
  for (int i = 0; i < STREAMS; i++)
    if (streams[i].file && streams[i].fd == (int)(intptr_t)cookie) streams[i].file = NULL;
  return close((int)(intptr_t)cookie);
}

FILE *fopen64(const char *path, const char *mode) {
  REAL(fopen64);
  if (is_watched(path) && *mode == 'r') {
    pthread_mutex_lock(&lock);
    read_bads();
    pthread_mutex_unlock(&lock);
    if (is_bad(path, 0, 0)) return NULL;
  }
  if (!is_watched(path) || (*mode != 'w' && *mode != 'a')) return real(path, mode);
  int fd = open64(path, O_WRONLY | O_CREAT | O_CLOEXEC | (*mode == 'w' ? O_TRUNC : O_APPEND), 0644);
  if (fd < 0) return NULL;
  cookie_io_functions_t functions = {.write = stream_write, .close = stream_close};
  FILE *file = fopencookie((void *)(intptr_t)fd, mode, functions);
  pthread_mutex_lock(&lock);
  int at = 0;
  while (at < STREAMS && streams[at].file) at++;
  if (!file || at == STREAMS) abort();
  streams[at].file = file;
  streams[at].fd = fd;
  pthread_mutex_unlock(&lock);
  return file;
}

FILE *fopen(const char *path, const char *mode) { return fopen64(path, mode); }

int fileno(FILE *file) {
  int fd = -1;
  pthread_mutex_lock(&lock);
  for (int i = 0; i < STREAMS; i++)
    if (streams[i].file == file) fd = streams[i].fd;
  pthread_mutex_unlock(&lock);
  REAL(fileno);
  return fd >= 0 ? fd : real(file);
}
