// What a device file says of itself, and reset.
#include "core/arguments.h"
#include "core/guard.h"
#include "vfio/exports.h"
#include "vfio/files.h"

namespace probar {
namespace {

Napi::Value DeviceInfo(Environment& environment, const Napi::CallbackInfo& info) {
  const auto& device = environment.Get<DeviceFile>(HandleArgument(info, 0));
  uapi::DeviceInfo answer = {.argsz = sizeof answer, .flags = 0, .num_regions = 0, .num_irqs = 0};
  if (ioctl(device.number(), uapi::kDeviceGetInfo, &answer) != 0) {
    throw SystemFailure(code::kOsError, "the device does not describe itself", errno, "ioctl VFIO_DEVICE_GET_INFO");
  }
  auto result = Napi::Object::New(info.Env());
  result.Set("flags", Napi::Number::New(info.Env(), answer.flags));
  result.Set("regions", Napi::Number::New(info.Env(), answer.num_regions));
  result.Set("interrupts", Napi::Number::New(info.Env(), answer.num_irqs));
  return result;
}

Napi::Value Reset(Environment& environment, const Napi::CallbackInfo& info) {
  const auto& device = environment.Get<DeviceFile>(HandleArgument(info, 0));
  if (ioctl(device.number(), uapi::kDeviceReset) != 0) {
    const int error = errno;
    const bool has_none = error == ENOTTY || error == EINVAL || error == ENOSYS;
    throw SystemFailure(has_none ? code::kCapabilityMissing : code::kOsError,
                        has_none ? "the platform has no reset for this device" : "the device cannot be reset", error,
                        "ioctl VFIO_DEVICE_RESET");
  }
  return info.Env().Undefined();
}

}  // namespace

void ExportDevice(Environment& environment, Napi::Object& exports) {
  Export<DeviceInfo>(environment, exports, "deviceInfo");
  Export<Reset>(environment, exports, "reset");
}

}  // namespace probar
