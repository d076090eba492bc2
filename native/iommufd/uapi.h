// The part of the kernel's iommufd interface that is used here, declared by ourselves because distributions ship no
// header of it yet. Source of numbers and layouts: include/uapi/linux/iommufd.h.
#pragma once

#include <linux/ioctl.h>

#include <cstddef>
#include <cstdint>

namespace probar::uapi {

constexpr unsigned long IommuRequest(unsigned int number) { return _IO(';', 0x80 + number); }

inline constexpr unsigned long kIommuDestroy = IommuRequest(0);
inline constexpr unsigned long kIoasAlloc = IommuRequest(1);
inline constexpr unsigned long kIoasIovaRanges = IommuRequest(4);
inline constexpr unsigned long kIoasMap = IommuRequest(5);
inline constexpr unsigned long kIoasUnmap = IommuRequest(6);

// Every structure starts with its size as the caller knows it.
struct IommuDestroy {
  uint32_t size;
  uint32_t id;
};
static_assert(sizeof(IommuDestroy) == 8);

struct IoasAlloc {
  uint32_t size;
  uint32_t flags;
  uint32_t out_ioas_id;
};
static_assert(sizeof(IoasAlloc) == 12);

// `allowed_iovas` points to pairs of first and last; `num_iovas` is the room, then what there is (EMSGSIZE when more).
struct IoasIovaRanges {
  uint32_t size;
  uint32_t ioas_id;
  uint32_t num_iovas;
  uint32_t reserved;
  uint64_t allowed_iovas;
  uint64_t out_iova_alignment;
};
static_assert(sizeof(IoasIovaRanges) == 32);
static_assert(offsetof(IoasIovaRanges, allowed_iovas) == 16);

inline constexpr uint32_t kIoasMapFixedIova = 1 << 0;
inline constexpr uint32_t kIoasMapWriteable = 1 << 1;
inline constexpr uint32_t kIoasMapReadable = 1 << 2;

struct IoasMap {
  uint32_t size;
  uint32_t flags;
  uint32_t ioas_id;
  uint32_t reserved;
  uint64_t user_va;
  uint64_t length;
  uint64_t iova;
};
static_assert(sizeof(IoasMap) == 40);
static_assert(offsetof(IoasMap, user_va) == 16);

// `length` comes back as the bytes that were unmapped.
struct IoasUnmap {
  uint32_t size;
  uint32_t ioas_id;
  uint64_t iova;
  uint64_t length;
};
static_assert(sizeof(IoasUnmap) == 24);

}  // namespace probar::uapi
