// I/O address spaces of iommufd and their mappings.
#include "core/arguments.h"
#include "core/guard.h"
#include "core/hex.h"
#include "iommufd/exports.h"
#include "iommufd/uapi.h"
#include "memory/access.h"
#include "vfio/bus_range.h"
#include "vfio/files.h"

namespace probar {
namespace {

uint32_t IdArgument(const Napi::CallbackInfo& info, const char* name) {
  return static_cast<uint32_t>(BoundedArgument(info, 1, name, UINT32_MAX));
}

// 1 the device may read, 2 it may write, as for type 1.
uint32_t AccessArgument(const Napi::CallbackInfo& info, size_t index) {
  const uint64_t flags = BoundedArgument(info, index, "flags", 3);
  if (flags == 0) throw Failure(code::kRangeOutside, "flags must let the device read (1), write (2) or both (3)");
  return ((flags & 1) != 0 ? uapi::kIoasMapReadable : 0) | ((flags & 2) != 0 ? uapi::kIoasMapWriteable : 0);
}

Napi::Value AllocateIoas(Environment& environment, const Napi::CallbackInfo& info) {
  const auto& iommufd = environment.Get<Iommufd>(HandleArgument(info, 0));
  uapi::IoasAlloc alloc = {.size = sizeof alloc, .flags = 0, .out_ioas_id = 0};
  if (ioctl(iommufd.number(), uapi::kIoasAlloc, &alloc) != 0) {
    throw SystemFailure(code::kOsError, "iommufd gives no address space", errno, "ioctl IOMMU_IOAS_ALLOC");
  }
  return Napi::Number::New(info.Env(), alloc.out_ioas_id);
}

Napi::Value DestroyIommuObject(Environment& environment, const Napi::CallbackInfo& info) {
  const auto& iommufd = environment.Get<Iommufd>(HandleArgument(info, 0));
  uapi::IommuDestroy destroy = {.size = sizeof destroy, .id = IdArgument(info, "id")};
  if (ioctl(iommufd.number(), uapi::kIommuDestroy, &destroy) != 0) {
    const int error = errno;
    throw SystemFailure(
        error == ENOENT ? code::kClosed : code::kOsError,
        error == EBUSY ? "the address space is in use: detach the device first" : "iommufd has no such object", error,
        "ioctl IOMMU_DESTROY");
  }
  return info.Env().Undefined();
}

// Asks with room for a few ranges, then with as much room as the kernel wants: their number may grow in between.
Napi::Value IoasRanges(Environment& environment, const Napi::CallbackInfo& info) {
  constexpr uint32_t kMost = 1 << 16;
  const auto& iommufd = environment.Get<Iommufd>(HandleArgument(info, 0));
  const uint32_t ioas = IdArgument(info, "ioas");
  std::vector<uint64_t> pairs(8);
  for (;;) {
    const auto room = static_cast<uint32_t>(pairs.size() / 2);
    uapi::IoasIovaRanges ranges = {.size = sizeof ranges,
                                   .ioas_id = ioas,
                                   .num_iovas = room,
                                   .reserved = 0,
                                   .allowed_iovas = reinterpret_cast<uint64_t>(pairs.data()),
                                   .out_iova_alignment = 0};
    const int error = ioctl(iommufd.number(), uapi::kIoasIovaRanges, &ranges) == 0 ? 0 : errno;
    const bool more = error == EMSGSIZE && ranges.num_iovas > room && ranges.num_iovas <= kMost;
    if (error != 0 && !more) {
      throw SystemFailure(code::kOsError, "the address space does not tell its ranges", error,
                          "ioctl IOMMU_IOAS_IOVA_RANGES");
    }
    pairs.resize(size_t{ranges.num_iovas} * 2);
    if (more) continue;
    auto result = Napi::Object::New(info.Env());
    result.Set("ranges", ToBigArray(info.Env(), pairs));
    result.Set("alignment", Napi::Number::New(info.Env(), static_cast<double>(ranges.out_iova_alignment)));
    return result;
  }
}

// Why the kernel refused a mapping. EINVAL has two reasons; whole pages leave the addresses.
Failure MapFailure(const uapi::IoasMap& map, int error) {
  constexpr const char* kCall = "ioctl IOMMU_IOAS_MAP";
  const std::string range = "the bus range " + HexRange(map.iova, map.length);
  switch (error) {
    case EEXIST:
      return SystemFailure(code::kDmaOverlap, range + " overlaps one that is mapped: unmap that first", error, kCall);
    case ENOMEM:
      return SystemFailure(code::kOutOfMemory,
                           "the kernel may not pin " + Hex(map.length) +
                               " more bytes: raise the limit of locked memory (`ulimit -l`), or run as root",
                           error, kCall);
    case EFAULT:
      return SystemFailure(
          code::kAccessViolation,
          "the memory for " + range + " cannot be pinned with this access: its pages are protected or not there", error,
          kCall);
    case EOVERFLOW:
      return SystemFailure(code::kDmaRangeOverflow, range + " runs over the end of the 64-bit address space", error,
                           kCall);
    case EINVAL:
      if (!WholePages(map.iova | map.user_va, map.length)) {
        return SystemFailure(code::kDmaMisaligned, range + " and its memory must be whole pages", error, kCall);
      }
      return SystemFailure(code::kDmaOutsideAperture,
                           range + " is not inside what the IOMMU translates: see ioasRanges", error, kCall);
    default:
      return SystemFailure(code::kOsError, range + " cannot be mapped", error, kCall);
  }
}

Napi::Value MapIoas(Environment& environment, const Napi::CallbackInfo& info) {
  const auto& iommufd = environment.Get<Iommufd>(HandleArgument(info, 0));
  const uint32_t ioas = IdArgument(info, "ioas");
  const auto& area = environment.Get<Area>(HandleArgument(info, 2));
  const uint64_t offset = CountArgument(info, 3, "offset");
  const uint64_t size = CountArgument(info, 4, "size");
  const uint64_t iova = WideArgument(info, 5, "iova");
  const uint32_t flags = AccessArgument(info, 6) | uapi::kIoasMapFixedIova;
  uapi::IoasMap map = {.size = sizeof map,
                       .flags = flags,
                       .ioas_id = ioas,
                       .reserved = 0,
                       .user_va = reinterpret_cast<uint64_t>(Locate(area, offset, size)),
                       .length = size,
                       .iova = iova};
  if (ioctl(iommufd.number(), uapi::kIoasMap, &map) != 0) throw MapFailure(map, errno);
  return info.Env().Undefined();
}

Failure UnmapFailure(const std::string& range, int error) {
  constexpr const char* kCall = "ioctl IOMMU_IOAS_UNMAP";
  switch (error) {
    case ENOENT:
      return SystemFailure(code::kDmaUnmapped, range + " holds no whole mapping: none is there, or it would cut one",
                           error, kCall);
    case EOVERFLOW:
      return SystemFailure(code::kDmaRangeOverflow, range + " runs over the end of the 64-bit address space", error,
                           kCall);
    case EINVAL:
      return SystemFailure(code::kDmaMisaligned, range + " is empty", error, kCall);
    default:
      return SystemFailure(code::kOsError, range + " cannot be unmapped", error, kCall);
  }
}

Napi::Value UnmapIoas(Environment& environment, const Napi::CallbackInfo& info) {
  const auto& iommufd = environment.Get<Iommufd>(HandleArgument(info, 0));
  const uint32_t ioas = IdArgument(info, "ioas");
  const uint64_t iova = WideArgument(info, 2, "iova");
  const uint64_t size = WideArgument(info, 3, "size");
  uapi::IoasUnmap unmap = {.size = sizeof unmap, .ioas_id = ioas, .iova = iova, .length = size};
  if (ioctl(iommufd.number(), uapi::kIoasUnmap, &unmap) != 0) {
    throw UnmapFailure("the bus range " + HexRange(iova, size), errno);
  }
  return Napi::Number::New(info.Env(), static_cast<double>(unmap.length));
}

}  // namespace

void ExportIoas(Environment& environment, Napi::Object& exports) {
  Export<AllocateIoas>(environment, exports, "allocateIoas");
  Export<DestroyIommuObject>(environment, exports, "destroyIommuObject");
  Export<IoasRanges>(environment, exports, "ioasRanges");
  Export<MapIoas>(environment, exports, "mapIoas");
  Export<UnmapIoas>(environment, exports, "unmapIoas");
}

}  // namespace probar
