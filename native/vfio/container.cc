// Container and group: /dev/vfio/vfio, /dev/vfio/N, and the IOMMU between them.
#include "core/arguments.h"
#include "core/guard.h"
#include "vfio/capability_chain.h"
#include "vfio/exports.h"
#include "vfio/files.h"

namespace probar {
namespace {

constexpr const char* kContainerPath = "/dev/vfio/vfio";

Napi::Value OpenContainer(Environment& environment, const Napi::CallbackInfo& info) {
  Descriptor file = OpenFile(kContainerPath, "load the modules vfio and vfio_iommu_type1");
  const int version = ioctl(file.number(), uapi::kGetApiVersion);
  if (version != uapi::kApiVersion) {
    throw Failure(code::kIommuUnavailable, std::string(kContainerPath) + " speaks VFIO version " +
                                               std::to_string(version) + ", which Probar does not");
  }
  return Napi::Number::New(info.Env(), environment.Add(std::make_unique<Container>(std::move(file))));
}

void RequireViable(const Descriptor& group, const std::string& path) {
  uapi::GroupStatus status = {.argsz = sizeof status, .flags = 0};
  if (ioctl(group.number(), uapi::kGroupGetStatus, &status) != 0) {
    throw SystemFailure(code::kOsError, path + " does not tell its state", errno, "ioctl VFIO_GROUP_GET_STATUS");
  }
  if ((status.flags & uapi::kGroupViable) == 0) {
    throw Failure(code::kGroupNotViable,
                  path + " is not viable: every device of the group must be bound to vfio-pci, or to no driver");
  }
}

Napi::Value OpenGroup(Environment& environment, const Napi::CallbackInfo& info) {
  const auto& container = environment.Get<Container>(HandleArgument(info, 0));
  const std::string path = TextArgument(info, 1, "path");
  Descriptor file = OpenFile(path, "bind the device to vfio-pci, and see that an IOMMU is on");
  RequireViable(file, path);
  int container_number = container.number();
  if (ioctl(file.number(), uapi::kGroupSetContainer, &container_number) != 0) {
    const int error = errno;
    const char* code = error == EBUSY ? code::kDeviceBusy : error == EPERM ? code::kPermissionDenied : code::kOsError;
    throw SystemFailure(code, path + " cannot join the container", error, "ioctl VFIO_GROUP_SET_CONTAINER");
  }
  return Napi::Number::New(info.Env(), environment.Add(std::make_unique<Group>(std::move(file))));
}

Napi::Value SetIommu(Environment& environment, const Napi::CallbackInfo& info) {
  const auto& container = environment.Get<Container>(HandleArgument(info, 0));
  const uint64_t type = BoundedArgument(info, 1, "type", INT32_MAX);
  if (ioctl(container.number(), uapi::kCheckExtension, type) <= 0) {
    throw Failure(code::kIommuUnavailable, "the container has no IOMMU of type " + std::to_string(type) +
                                               ": load the module vfio_iommu_type1, and see that an IOMMU is on");
  }
  if (ioctl(container.number(), uapi::kSetIommu, type) == 0) return info.Env().Undefined();
  const int error = errno;
  if (error == EPERM) {
    throw SystemFailure(
        code::kPermissionDenied,
        "the kernel refuses this IOMMU: turn interrupt remapping on, or allow_unsafe_interrupts of vfio_iommu_type1",
        error, "ioctl VFIO_SET_IOMMU");
  }
  throw SystemFailure(error == ENODEV ? code::kIommuUnavailable : code::kOsError,
                      "the container cannot use an IOMMU of type " + std::to_string(type), error,
                      "ioctl VFIO_SET_IOMMU");
}

Napi::Value IommuInfo(Environment& environment, const Napi::CallbackInfo& info) {
  const auto& container = environment.Get<Container>(HandleArgument(info, 0));
  const std::vector<std::byte> answer = AskAll(container.number(), uapi::kIommuGetInfo, uapi::Type1Info{});
  const auto fixed = StructAt<uapi::Type1Info>(answer, 0);
  if (!fixed) {
    throw SystemFailure(code::kIommuUnavailable, "the container has no IOMMU yet: set its type first", errno,
                        "ioctl VFIO_IOMMU_GET_INFO");
  }
  const size_t first = (fixed->flags & uapi::kIommuCaps) != 0 ? fixed->cap_offset : 0;
  const auto ranges = FindCapability(answer, first, uapi::kIommuCapIovaRanges).offset;
  const auto available = FindCapability(answer, first, uapi::kIommuCapDmaAvailable).offset;
  const auto left = available ? StructAt<uapi::DmaAvailableCapability>(answer, *available) : std::nullopt;
  auto result = Napi::Object::New(info.Env());
  const bool has_sizes = (fixed->flags & uapi::kIommuPageSizes) != 0;
  result.Set("pageSizes", Napi::BigInt::New(info.Env(), has_sizes ? fixed->page_sizes : uint64_t{0}));
  result.Set("ranges", ToBigArray(info.Env(), ranges ? PairsAt(answer, *ranges) : std::vector<uint64_t>{}));
  result.Set("available", Napi::Number::New(info.Env(), left ? static_cast<double>(left->available) : -1));
  return result;
}

Napi::Value OpenDevice(Environment& environment, const Napi::CallbackInfo& info) {
  const auto& group = environment.Get<Group>(HandleArgument(info, 0));
  const std::string name = TextArgument(info, 1, "name");
  Descriptor file(ioctl(group.number(), uapi::kGroupGetDeviceFd, name.c_str()));
  if (!file.open()) {
    const int error = errno;
    const char* code = error == EBUSY   ? code::kDeviceBusy
                       : error == EPERM ? code::kPermissionDenied
                                        : code::kDeviceAbsent;
    throw SystemFailure(code,
                        "the group does not give out " + name + ": see that it is bound to vfio-pci and not in use",
                        error, "ioctl VFIO_GROUP_GET_DEVICE_FD");
  }
  return Napi::Number::New(info.Env(), environment.Add(std::make_unique<DeviceFile>(std::move(file))));
}

}  // namespace

void ExportContainer(Environment& environment, Napi::Object& exports) {
  Export<OpenContainer>(environment, exports, "openContainer");
  Export<OpenGroup>(environment, exports, "openGroup");
  Export<SetIommu>(environment, exports, "setIommu");
  Export<IommuInfo>(environment, exports, "iommuInfo");
  Export<OpenDevice>(environment, exports, "openDevice");
}

}  // namespace probar
