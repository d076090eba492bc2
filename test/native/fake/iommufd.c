// A stand-in for the kernel's iommufd and devices' own files, preloaded into a Node process: how errno becomes a code
// and how answers are read. Numbers and offsets are written out here from the kernel's documentation, because the
// distribution has no header of it: what the addon declares is checked against a second reading, not against itself.
//
// Device files: vfio0 is fine, vfio1 is held, vfio2 is refused, vfio9 does not exist. The address space 5 has six
// ranges. A mapping whose iova is at or above 2^63 fails with errno iova & 0xff; unmapping at 0 finds
// nothing, and at or above 2^63 fails likewise.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { IOMMUFD = 1, DEVICE, HELD, REFUSED };
static unsigned char kinds[4096];

static int fail(int number) {
  errno = number;
  return -1;
}

static int new_file(int kind) {
  int file = memfd_create("fake-iommufd", MFD_CLOEXEC);
  kinds[file] = (unsigned char)kind;
  return file;
}

int open64(const char* path, int flags, ...) {
  if (strcmp(path, "/dev/iommu") == 0) return new_file(IOMMUFD);
  if (strcmp(path, "/dev/vfio/devices/vfio0") == 0) return new_file(DEVICE);
  if (strcmp(path, "/dev/vfio/devices/vfio1") == 0) return new_file(HELD);
  if (strcmp(path, "/dev/vfio/devices/vfio2") == 0) return new_file(REFUSED);
  if (strncmp(path, "/dev/vfio/", 10) == 0) return fail(ENOENT);
  va_list rest;
  va_start(rest, flags);
  mode_t mode = va_arg(rest, mode_t);
  va_end(rest);
  return ((int (*)(const char*, int, ...))dlsym(RTLD_NEXT, "open64"))(path, flags, mode);
}

static uint32_t word(const void* at, int offset) {
  uint32_t value;
  memcpy(&value, (const char*)at + offset, 4);
  return value;
}

static uint64_t wide(const void* at, int offset) {
  uint64_t value;
  memcpy(&value, (const char*)at + offset, 8);
  return value;
}

static void put(void* at, int offset, uint32_t value) { memcpy((char*)at + offset, &value, 4); }

// size, ioas_id, num_iovas, reserved, allowed_iovas, out_iova_alignment
static int iova_ranges(void* question) {
  if (word(question, 0) != 32 || word(question, 4) != 5) return fail(ENOENT);
  const uint32_t room = word(question, 8);
  uint64_t* pairs = (uint64_t*)(uintptr_t)wide(question, 16);
  for (uint32_t i = 0; i < 6 && i < room; ++i) {
    pairs[2 * i] = i * 0x100000ull;
    pairs[2 * i + 1] = i * 0x100000ull + 0xffff;
  }
  put(question, 8, 6);
  put(question, 24, 4096);
  put(question, 28, 0);
  return room < 6 ? fail(EMSGSIZE) : 0;
}

// size, flags, ioas_id, reserved, user_va, length, iova
static int map(const void* question) {
  if (word(question, 0) != 40) return fail(EINVAL);
  const uint64_t iova = wide(question, 32);
  if (iova >> 63) return fail(iova & 0xff);
  dprintf(2, "mapped ioas %u %#llx %#llx flags %u\n", word(question, 8), (unsigned long long)iova,
          (unsigned long long)wide(question, 24), word(question, 4));
  return 0;
}

// size, ioas_id, iova, length
static int unmap(void* question) {
  if (word(question, 0) != 24) return fail(EINVAL);
  const uint64_t iova = wide(question, 8);
  if (iova == 0) return fail(ENOENT);
  if (iova >> 63) return fail(iova & 0xff);
  const uint64_t bytes = 0x3000;
  memcpy((char*)question + 16, &bytes, 8);
  return 0;
}

static int bind(int kind, void* question) {
  if (kind == HELD) return fail(EINVAL);
  if (kind == REFUSED) return fail(EPERM);
  if (word(question, 0) != 16 || kinds[word(question, 8)] != IOMMUFD) return fail(EBADF);
  put(question, 12, 41);
  return 0;
}

static int answer(int kind, unsigned long request, void* argument) {
  if (kind == IOMMUFD) {
    switch (request & 0xff) {
      case 0x80:
        return word(argument, 4) == 5 ? 0 : fail(word(argument, 4) == 6 ? EBUSY : ENOENT);
      case 0x81:
        put(argument, 8, 5);
        return 0;
      case 0x84:
        return iova_ranges(argument);
      case 0x85:
        return map(argument);
      case 0x86:
        return unmap(argument);
      default:
        return fail(ENOTTY);
    }
  }
  switch ((request & 0xff) - 100) {
    case 18:
      return bind(kind, argument);
    case 19:
      put(argument, 8, word(argument, 8) + 100);
      return 0;
    case 20:
      return word(argument, 0) == 8 ? 0 : fail(EINVAL);
    default:
      return fail(ENOTTY);
  }
}

int ioctl(int file, unsigned long request, ...) {
  va_list rest;
  va_start(rest, request);
  void* argument = va_arg(rest, void*);
  va_end(rest);
  if (file >= 0 && file < 4096 && kinds[file] != 0 && (request >> 8 & 0xff) == ';')
    return answer(kinds[file], request, argument);
  return ((int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl"))(file, request, argument);
}
