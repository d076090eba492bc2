// The part of the kernel's VFIO interface that is used here, declared by ourselves because distributions ship headers
// of different age. Source of numbers and layouts: include/uapi/linux/vfio.h (API version 0).
#pragma once

#include <linux/ioctl.h>

#include <cstdint>

namespace probar::uapi {

constexpr unsigned long Request(unsigned int number) { return _IO(';', 100 + number); }

inline constexpr unsigned long kGetApiVersion = Request(0);
inline constexpr unsigned long kCheckExtension = Request(1);
inline constexpr unsigned long kSetIommu = Request(2);
inline constexpr unsigned long kGroupGetStatus = Request(3);
inline constexpr unsigned long kGroupSetContainer = Request(4);
inline constexpr unsigned long kGroupGetDeviceFd = Request(6);
inline constexpr unsigned long kDeviceGetInfo = Request(7);
inline constexpr unsigned long kDeviceGetRegionInfo = Request(8);
inline constexpr unsigned long kDeviceGetIrqInfo = Request(9);
inline constexpr unsigned long kDeviceSetIrqs = Request(10);
inline constexpr unsigned long kDeviceReset = Request(11);
inline constexpr unsigned long kIommuGetInfo = Request(12);
// Numbers 12 and 13 mean these to a device's file.
inline constexpr unsigned long kDeviceGetHotResetInfo = Request(12);
inline constexpr unsigned long kDeviceHotReset = Request(13);
inline constexpr unsigned long kIommuMapDma = Request(13);
inline constexpr unsigned long kIommuUnmapDma = Request(14);

inline constexpr int kApiVersion = 0;
inline constexpr uint32_t kGroupViable = 1 << 0;

// Every structure starts with its size as the caller knows it.
struct GroupStatus {
  uint32_t argsz;
  uint32_t flags;
};
static_assert(sizeof(GroupStatus) == 8);

struct DeviceInfo {
  uint32_t argsz;
  uint32_t flags;
  uint32_t num_regions;
  uint32_t num_irqs;
};
static_assert(sizeof(DeviceInfo) == 16);

// Capabilities follow the structure whose `cap_offset` names the first; `next` is an offset from the same start.
struct CapabilityHeader {
  uint16_t id;
  uint16_t version;
  uint32_t next;
};
static_assert(sizeof(CapabilityHeader) == 8);

inline constexpr uint32_t kRegionRead = 1 << 0;
inline constexpr uint32_t kRegionWrite = 1 << 1;
inline constexpr uint32_t kRegionMmap = 1 << 2;
inline constexpr uint32_t kRegionCaps = 1 << 3;
inline constexpr uint16_t kRegionCapSparseMmap = 1;

struct RegionInfo {
  uint32_t argsz;
  uint32_t flags;
  uint32_t index;
  uint32_t cap_offset;
  uint64_t size;
  uint64_t offset;
};
static_assert(sizeof(RegionInfo) == 32);

// The shape that the sparse areas of a region and the address ranges of an IOMMU share: a count, then pairs.
struct PairsCapability {
  CapabilityHeader header;
  uint32_t count;
  uint32_t reserved;
};
static_assert(sizeof(PairsCapability) == 16);

struct IrqInfo {
  uint32_t argsz;
  uint32_t flags;
  uint32_t index;
  uint32_t count;
};
static_assert(sizeof(IrqInfo) == 16);

inline constexpr uint32_t kIrqDataNone = 1 << 0;
inline constexpr uint32_t kIrqDataEventfd = 1 << 2;
inline constexpr uint32_t kIrqActionMask = 1 << 3;
inline constexpr uint32_t kIrqActionUnmask = 1 << 4;
inline constexpr uint32_t kIrqActionTrigger = 1 << 5;

// Followed by one int32_t a vector when the data are eventfds.
struct IrqSet {
  uint32_t argsz;
  uint32_t flags;
  uint32_t index;
  uint32_t start;
  uint32_t count;
};
static_assert(sizeof(IrqSet) == 20);

// One function that a reset of the slot or bus takes along. `owner` is its group's number, or, for a device's own file,
// its id in the iommufd: 0 when it needs no owner, -1 when it is somebody else's.
struct DependentDevice {
  uint32_t owner;
  uint16_t segment;
  uint8_t bus;
  uint8_t devfn;
};
static_assert(sizeof(DependentDevice) == 8);

inline constexpr uint32_t kHotResetById = 1 << 0;
inline constexpr uint32_t kHotResetOwned = 1 << 1;

// Followed by `count` dependent devices.
struct HotResetInfo {
  uint32_t argsz;
  uint32_t flags;
  uint32_t count;
};
static_assert(sizeof(HotResetInfo) == 12);

// Followed by the files of `count` groups; none for a device's own file.
struct HotReset {
  uint32_t argsz;
  uint32_t flags;
  uint32_t count;
};
static_assert(sizeof(HotReset) == 12);

inline constexpr uint32_t kIommuPageSizes = 1 << 0;
inline constexpr uint32_t kIommuCaps = 1 << 1;
inline constexpr uint16_t kIommuCapIovaRanges = 1;
inline constexpr uint16_t kIommuCapDmaAvailable = 3;

struct Type1Info {
  uint32_t argsz;
  uint32_t flags;
  uint64_t page_sizes;
  uint32_t cap_offset;
  uint32_t padding;
};
static_assert(sizeof(Type1Info) == 24);

struct DmaAvailableCapability {
  CapabilityHeader header;
  uint32_t available;
};
static_assert(sizeof(DmaAvailableCapability) == 12);

struct Type1DmaMap {
  uint32_t argsz;
  uint32_t flags;
  uint64_t vaddr;
  uint64_t iova;
  uint64_t size;
};
static_assert(sizeof(Type1DmaMap) == 32);

struct Type1DmaUnmap {
  uint32_t argsz;
  uint32_t flags;
  uint64_t iova;
  uint64_t size;
};
static_assert(sizeof(Type1DmaUnmap) == 24);

// The device's own file (/dev/vfio/devices/vfioN) takes these; before the first of them it takes no other.
inline constexpr unsigned long kDeviceBindIommufd = Request(18);
inline constexpr unsigned long kDeviceAttachIommufd = Request(19);
inline constexpr unsigned long kDeviceDetachIommufd = Request(20);

struct DeviceBindIommufd {
  uint32_t argsz;
  uint32_t flags;
  int32_t iommufd;
  uint32_t out_devid;
};
static_assert(sizeof(DeviceBindIommufd) == 16);

// `pt_id` goes in as the address space and comes back as the page table that the kernel made for it.
struct DeviceAttachIommufd {
  uint32_t argsz;
  uint32_t flags;
  uint32_t pt_id;
};
static_assert(sizeof(DeviceAttachIommufd) == 12);

struct DeviceDetachIommufd {
  uint32_t argsz;
  uint32_t flags;
};
static_assert(sizeof(DeviceDetachIommufd) == 8);

}  // namespace probar::uapi
