// Regions of a device: BARs, ROM and config space; mapped, or by pread and pwrite.
#include "vfio/region.h"

#include <sys/mman.h>
#include <unistd.h>

#include <span>

#include "core/arguments.h"
#include "core/guard.h"
#include "core/hex.h"
#include "memory/area.h"
#include "vfio/capability_chain.h"
#include "vfio/exports.h"
#include "vfio/files.h"

namespace probar {

namespace {

// The parts that user space may map: all, what the kernel lists, or nothing where its list cannot be read.
std::vector<uint64_t> MappableAreas(const uapi::RegionInfo& info, std::span<const std::byte> answer) {
  if ((info.flags & uapi::kRegionMmap) == 0) return {};
  if ((info.flags & uapi::kRegionCaps) == 0) return {0, info.size};
  const CapabilitySearch sparse = FindCapability(answer, info.cap_offset, uapi::kRegionCapSparseMmap);
  if (sparse.malformed || info.cap_offset == 0) return {};
  if (!sparse.offset) return {0, info.size};
  const std::vector<uint64_t> listed = PairsAt(answer, *sparse.offset);
  std::vector<uint64_t> areas;
  for (size_t index = 0; index + 1 < listed.size(); index += 2) {
    const uint64_t start = listed[index];
    const uint64_t size = listed[index + 1];
    if (size > 0 && size <= info.size && start <= info.size - size) areas.insert(areas.end(), {start, size});
  }
  return areas;
}

}  // namespace

const RegionDescription& DeviceFile::Region(uint32_t index) {
  const auto known = regions_.find(index);
  if (known != regions_.end()) return known->second;
  uapi::RegionInfo question = {};
  question.index = index;
  const std::vector<std::byte> answer = AskAll(number(), uapi::kDeviceGetRegionInfo, question);
  const auto info = StructAt<uapi::RegionInfo>(answer, 0);
  if (!info) {
    const int error = errno;
    throw SystemFailure(error == EINVAL ? code::kRegionAbsent : code::kOsError,
                        "the device has no region " + std::to_string(index), error,
                        "ioctl VFIO_DEVICE_GET_REGION_INFO");
  }
  return regions_.emplace(index, RegionDescription{*info, MappableAreas(*info, answer)}).first->second;
}

const RegionDescription& RegionArgument(DeviceFile& device, const Napi::CallbackInfo& info) {
  return device.Region(static_cast<uint32_t>(BoundedArgument(info, 1, "index", UINT32_MAX)));
}

void RequireInside(const RegionDescription& region, uint64_t offset, uint64_t length) {
  if (length > region.info.size || offset > region.info.size - length) {
    throw Failure(code::kRegionOutside, HexRange(offset, length) + " is not inside region " +
                                            std::to_string(region.info.index) + " of " + Hex(region.info.size) +
                                            " bytes");
  }
}

void ThrowTransfer(ssize_t transferred, const char* syscall) {
  const int error = transferred < 0 ? errno : EIO;
  throw SystemFailure(error == EIO ? code::kDeviceGone : code::kOsError,
                      "the device does not answer: it is gone, asleep, or its decoding is off", error, syscall);
}

namespace {

Napi::Value RegionInfo(Environment& environment, const Napi::CallbackInfo& info) {
  auto& device = environment.Get<DeviceFile>(HandleArgument(info, 0));
  const RegionDescription& region = RegionArgument(device, info);
  auto mappable = Napi::BigUint64Array::New(info.Env(), region.mappable.size());
  std::copy(region.mappable.begin(), region.mappable.end(), mappable.Data());
  auto result = Napi::Object::New(info.Env());
  result.Set("flags", Napi::Number::New(info.Env(), region.info.flags));
  result.Set("size", Napi::Number::New(info.Env(), static_cast<double>(region.info.size)));
  result.Set("offset", Napi::BigInt::New(info.Env(), region.info.offset));
  result.Set("mappable", mappable);
  return result;
}

// [offset, offset + length) lies in one part that the kernel lets user space map.
bool IsMappable(const RegionDescription& region, uint64_t offset, uint64_t length) {
  for (size_t index = 0; index + 1 < region.mappable.size(); index += 2) {
    const uint64_t start = region.mappable[index];
    const uint64_t size = region.mappable[index + 1];
    if (offset >= start && length <= size && offset - start <= size - length) return true;
  }
  return false;
}

void RequireMappable(const RegionDescription& region, uint64_t offset, uint64_t length) {
  if (length == 0 || offset % kPageSize != 0 || length % kPageSize != 0) {
    throw Failure(code::kRegionMisaligned,
                  HexRange(offset, length) + " is not whole pages: a map starts and ends at multiples of 4096");
  }
  RequireInside(region, offset, length);
  if (!IsMappable(region, offset, length)) {
    throw Failure(code::kRegionUnmappable, HexRange(offset, length) + " of region " +
                                               std::to_string(region.info.index) +
                                               " may not be mapped: use readRegion and writeRegion");
  }
}

Napi::Value MapRegion(Environment& environment, const Napi::CallbackInfo& info) {
  auto& device = environment.Get<DeviceFile>(HandleArgument(info, 0));
  const RegionDescription& region = RegionArgument(device, info);
  const uint64_t offset = CountArgument(info, 2, "offset");
  const uint64_t length = CountArgument(info, 3, "length");
  const uint64_t address = CountArgument(info, 4, "address");
  RequireMappable(region, offset, length);
  Reservation* reservation = address == 0 ? nullptr : &FreePlace(environment, address, length);
  const int protection = ((region.info.flags & uapi::kRegionRead) != 0 ? PROT_READ : 0) |
                         ((region.info.flags & uapi::kRegionWrite) != 0 ? PROT_WRITE : 0);
  void* place = mmap(reinterpret_cast<void*>(address), length, protection, MAP_SHARED | (reservation ? MAP_FIXED : 0),
                     device.number(), static_cast<off_t>(region.info.offset + offset));
  if (place == MAP_FAILED) throw MappingFailure("the region cannot be mapped", errno, "mmap");
  const auto start = reinterpret_cast<uintptr_t>(place);
  const Handle handle = environment.Add(std::make_unique<View>(Kind::kRegion, reservation, start, length, protection));
  if (reservation != nullptr) reservation->Occupy(start, length, handle);
  return Napi::Number::New(info.Env(), handle);
}

// Where pread and pwrite go for one access of `width` bytes.
struct RegisterPlace {
  int file;
  off_t position;
  size_t width;
};

RegisterPlace RegisterArguments(Environment& environment, const Napi::CallbackInfo& info) {
  auto& device = environment.Get<DeviceFile>(HandleArgument(info, 0));
  const RegionDescription& region = RegionArgument(device, info);
  const uint64_t offset = CountArgument(info, 2, "offset");
  const uint64_t width = CountArgument(info, 3, "width");
  if (width != 1 && width != 2 && width != 4 && width != 8) {
    throw Failure(code::kRegisterWidth, "an access has a width of 1, 2, 4 or 8 bytes, not " + std::to_string(width));
  }
  if (offset % width != 0) {
    throw Failure(code::kRegionMisaligned,
                  "offset " + Hex(offset) + " is not a multiple of the access width of " + std::to_string(width));
  }
  RequireInside(region, offset, width);
  return {device.number(), static_cast<off_t>(region.info.offset + offset), width};
}

Napi::Value ReadRegion(Environment& environment, const Napi::CallbackInfo& info) {
  const RegisterPlace place = RegisterArguments(environment, info);
  uint64_t value = 0;  // the hosts that Probar runs on are little-endian, as PCI is
  const ssize_t count = pread(place.file, &value, place.width, place.position);
  if (count != static_cast<ssize_t>(place.width)) ThrowTransfer(count, "pread");
  return Napi::BigInt::New(info.Env(), value);
}

Napi::Value WriteRegion(Environment& environment, const Napi::CallbackInfo& info) {
  const RegisterPlace place = RegisterArguments(environment, info);
  const uint64_t value = WideArgument(info, 4, "value");
  if (place.width < sizeof value && value >> (8 * place.width) != 0) {
    throw Failure(code::kRangeOutside,
                  "the value " + Hex(value) + " does not fit " + std::to_string(place.width) + " bytes");
  }
  const ssize_t count = pwrite(place.file, &value, place.width, place.position);
  if (count != static_cast<ssize_t>(place.width)) ThrowTransfer(count, "pwrite");
  return info.Env().Undefined();
}

}  // namespace

void ExportRegion(Environment& environment, Napi::Object& exports) {
  Export<RegionInfo>(environment, exports, "regionInfo");
  Export<MapRegion>(environment, exports, "mapRegion");
  Export<ReadRegion>(environment, exports, "readRegion");
  Export<WriteRegion>(environment, exports, "writeRegion");
}

}  // namespace probar
