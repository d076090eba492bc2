// iommufd and the device's own file: /dev/iommu, /dev/vfio/devices/vfioN, and the bond between them.
#include "core/arguments.h"
#include "core/guard.h"
#include "iommufd/exports.h"
#include "iommufd/uapi.h"
#include "vfio/files.h"

namespace probar {
namespace {

constexpr const char* kIommufdPath = "/dev/iommu";

uint32_t IdArgument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  return static_cast<uint32_t>(BoundedArgument(info, index, name, UINT32_MAX));
}

Napi::Value OpenIommufd(Environment& environment, const Napi::CallbackInfo& info) {
  Descriptor file = OpenFile(kIommufdPath, "the kernel needs CONFIG_IOMMUFD; load the module iommufd");
  return Napi::Number::New(info.Env(), environment.Add(std::make_unique<Iommufd>(std::move(file))));
}

Napi::Value OpenDeviceFile(Environment& environment, const Napi::CallbackInfo& info) {
  const std::string path = TextArgument(info, 0, "path");
  Descriptor file =
      OpenFile(path, "the kernel needs CONFIG_VFIO_DEVICE_CDEV, and the device must be bound to vfio-pci");
  return Napi::Number::New(info.Env(), environment.Add(std::make_unique<DeviceFile>(std::move(file))));
}

// A device's own file can be bound once, and not while somebody holds the group: EINVAL and EBUSY both mean that.
Failure BindFailure(int error) {
  constexpr const char* kCall = "ioctl VFIO_DEVICE_BIND_IOMMUFD";
  switch (error) {
    case EINVAL:
    case EBUSY:
      return SystemFailure(code::kDeviceBusy,
                           "the device is held by another process, or a device of its group is not bound to vfio-pci",
                           error, kCall);
    case EPERM:
      return SystemFailure(
          code::kPermissionDenied,
          "the kernel refuses this IOMMU: turn interrupt remapping on, or allow_unsafe_interrupts of iommufd", error,
          kCall);
    case ENOTTY:
      return SystemFailure(code::kIommuUnavailable, "this file of the device does not know iommufd", error, kCall);
    case ENODEV:
      return SystemFailure(code::kDeviceGone, "the device is gone", error, kCall);
    default:
      return SystemFailure(code::kOsError, "the device cannot be bound to iommufd", error, kCall);
  }
}

Napi::Value BindIommufd(Environment& environment, const Napi::CallbackInfo& info) {
  const auto& device = environment.Get<DeviceFile>(HandleArgument(info, 0));
  const auto& iommufd = environment.Get<Iommufd>(HandleArgument(info, 1));
  uapi::DeviceBindIommufd bind = {.argsz = sizeof bind, .flags = 0, .iommufd = iommufd.number(), .out_devid = 0};
  if (ioctl(device.number(), uapi::kDeviceBindIommufd, &bind) != 0) throw BindFailure(errno);
  return Napi::Number::New(info.Env(), bind.out_devid);
}

Napi::Value AttachIoas(Environment& environment, const Napi::CallbackInfo& info) {
  const auto& device = environment.Get<DeviceFile>(HandleArgument(info, 0));
  uapi::DeviceAttachIommufd attach = {.argsz = sizeof attach, .flags = 0, .pt_id = IdArgument(info, 1, "ioas")};
  if (ioctl(device.number(), uapi::kDeviceAttachIommufd, &attach) != 0) {
    const int error = errno;
    // A mapping that is there already and lies where this device's IOMMU translates nothing.
    const bool reserved = error == EADDRINUSE;
    const char* code = reserved          ? code::kDmaOutsideAperture
                       : error == EPERM  ? code::kPermissionDenied
                       : error == ENODEV ? code::kDeviceGone
                       : error == EINVAL ? code::kIommuUnavailable
                                         : code::kOsError;
    throw SystemFailure(code,
                        reserved ? "a mapping of the address space lies where this device has none"
                                 : "the device cannot be attached to the address space",
                        error, "ioctl VFIO_DEVICE_ATTACH_IOMMUFD_PT");
  }
  return Napi::Number::New(info.Env(), attach.pt_id);
}

Napi::Value DetachIoas(Environment& environment, const Napi::CallbackInfo& info) {
  const auto& device = environment.Get<DeviceFile>(HandleArgument(info, 0));
  uapi::DeviceDetachIommufd detach = {.argsz = sizeof detach, .flags = 0};
  if (ioctl(device.number(), uapi::kDeviceDetachIommufd, &detach) != 0) {
    throw SystemFailure(code::kOsError, "the device cannot be detached from its address space", errno,
                        "ioctl VFIO_DEVICE_DETACH_IOMMUFD_PT");
  }
  return info.Env().Undefined();
}

}  // namespace

void ExportIommufd(Environment& environment, Napi::Object& exports) {
  Export<OpenIommufd>(environment, exports, "openIommufd");
  Export<OpenDeviceFile>(environment, exports, "openDeviceFile");
  Export<BindIommufd>(environment, exports, "bindIommufd");
  Export<AttachIoas>(environment, exports, "attachIoas");
  Export<DetachIoas>(environment, exports, "detachIoas");
}

}  // namespace probar
