// DMA mappings of a type 1 container.
#include "core/arguments.h"
#include "core/guard.h"
#include "core/hex.h"
#include "memory/access.h"
#include "vfio/bus_range.h"
#include "vfio/exports.h"
#include "vfio/files.h"

namespace probar {
namespace {

// VFIO_DMA_MAP_FLAG_READ and _WRITE.
constexpr uint64_t kAccessFlags = 3;

Failure RangeOverflow(const std::string& range, int error, const char* call) {
  return SystemFailure(code::kDmaRangeOverflow, range + " runs over the end of the 64-bit address space", error, call);
}

// Why the kernel refused a mapping. EINVAL has three reasons; whole pages that end leave the addresses.
Failure MapFailure(const uapi::Type1DmaMap& map, int error) {
  constexpr const char* kCall = "ioctl VFIO_IOMMU_MAP_DMA";
  const std::string range = "the bus range " + HexRange(map.iova, map.size);
  switch (error) {
    case EEXIST:
      return SystemFailure(code::kDmaOverlap, range + " overlaps one that is mapped: unmap that first", error, kCall);
    case ENOSPC:
      return SystemFailure(
          code::kDmaEntriesExhausted,
          "the container has no mapping left (65,535 unless told otherwise): unmap some, join fragments, "
          "or raise the module parameter vfio_iommu_type1.dma_entry_limit",
          error, kCall);
    case ENOMEM:
      return SystemFailure(code::kOutOfMemory,
                           "the kernel may not pin " + Hex(map.size) +
                               " more bytes: raise the limit of locked memory (`ulimit -l`), or run as root",
                           error, kCall);
    case EFAULT:
      return SystemFailure(
          code::kAccessViolation,
          "the memory for " + range + " cannot be pinned with this access: its pages are protected or not there", error,
          kCall);
    case ENOTTY:
      return SystemFailure(code::kCapabilityMissing, "this container's IOMMU type has no DMA mappings", error, kCall);
    case EOVERFLOW:
      return RangeOverflow(range, error, kCall);
    case EINVAL:
      if (!WholePages(map.iova | map.vaddr, map.size)) {
        return SystemFailure(code::kDmaMisaligned, range + " and its memory must be whole pages", error, kCall);
      }
      if (RunsOver(map.iova, map.size)) return RangeOverflow(range, error, kCall);
      return SystemFailure(code::kDmaOutsideAperture, range + " is not inside what the IOMMU translates: see iommuInfo",
                           error, kCall);
    default:
      return SystemFailure(code::kOsError, range + " cannot be mapped", error, kCall);
  }
}

Napi::Value MapDma(Environment& environment, const Napi::CallbackInfo& info) {
  const auto& container = environment.Get<Container>(HandleArgument(info, 0));
  const auto& area = environment.Get<Area>(HandleArgument(info, 1));
  const uint64_t offset = CountArgument(info, 2, "offset");
  const uint64_t size = CountArgument(info, 3, "size");
  const uint64_t iova = WideArgument(info, 4, "iova");
  const auto flags = static_cast<uint32_t>(BoundedArgument(info, 5, "flags", kAccessFlags));
  if (flags == 0) throw Failure(code::kRangeOutside, "flags must let the device read (1), write (2) or both (3)");
  const auto vaddr = reinterpret_cast<uint64_t>(Locate(area, offset, size));
  uapi::Type1DmaMap map = {.argsz = sizeof map, .flags = flags, .vaddr = vaddr, .iova = iova, .size = size};
  if (ioctl(container.number(), uapi::kIommuMapDma, &map) != 0) throw MapFailure(map, errno);
  return info.Env().Undefined();
}

// Version 2 of type 1 refuses to cut a mapping.
Failure UnmapFailure(uint64_t iova, uint64_t size, int error) {
  constexpr const char* kCall = "ioctl VFIO_IOMMU_UNMAP_DMA";
  const std::string range = "the bus range " + HexRange(iova, size);
  if (error != EINVAL && error != EOVERFLOW) {
    return SystemFailure(code::kOsError, range + " cannot be unmapped", error, kCall);
  }
  if (!WholePages(iova, size)) return SystemFailure(code::kDmaMisaligned, range + " must be whole pages", error, kCall);
  if (RunsOver(iova, size)) return RangeOverflow(range, error, kCall);
  return SystemFailure(code::kDmaWouldSplit, range + " begins or ends inside a mapping: unmap all of it", error, kCall);
}

Napi::Value UnmapDma(Environment& environment, const Napi::CallbackInfo& info) {
  const auto& container = environment.Get<Container>(HandleArgument(info, 0));
  const uint64_t iova = WideArgument(info, 1, "iova");
  const uint64_t size = WideArgument(info, 2, "size");
  uapi::Type1DmaUnmap unmap = {.argsz = sizeof unmap, .flags = 0, .iova = iova, .size = size};
  if (ioctl(container.number(), uapi::kIommuUnmapDma, &unmap) != 0) throw UnmapFailure(iova, size, errno);
  return Napi::Number::New(info.Env(), static_cast<double>(unmap.size));
}

}  // namespace

void ExportDma(Environment& environment, Napi::Object& exports) {
  Export<MapDma>(environment, exports, "mapDma");
  Export<UnmapDma>(environment, exports, "unmapDma");
}

}  // namespace probar
