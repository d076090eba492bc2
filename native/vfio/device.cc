// What a device file says of itself, and its resets: of the function alone, or of the slot or bus that it is on.
#include <algorithm>
#include <cstring>

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

// What follows is for a function that cannot be reset alone: the kernel tells which others the reset takes along, and
// does it only for one who holds all of them.

// A bus has 256 functions; there may be more buses behind it.
constexpr uint32_t kMostDevices = 1024;

Napi::Object ToObject(Napi::Env env, const uapi::DependentDevice& device) {
  auto object = Napi::Object::New(env);
  object.Set("owner", Napi::Number::New(env, device.owner));
  object.Set("segment", Napi::Number::New(env, device.segment));
  object.Set("bus", Napi::Number::New(env, device.bus));
  object.Set("devfn", Napi::Number::New(env, device.devfn));
  return object;
}

Napi::Value HotResetInfo(Environment& environment, const Napi::CallbackInfo& info) {
  const auto& device = environment.Get<DeviceFile>(HandleArgument(info, 0));
  uapi::HotResetInfo head = {};
  std::vector<std::byte> answer(sizeof head + kMostDevices * sizeof(uapi::DependentDevice));
  head.argsz = static_cast<uint32_t>(answer.size());
  std::memcpy(answer.data(), &head, sizeof head);
  if (ioctl(device.number(), uapi::kDeviceGetHotResetInfo, answer.data()) != 0) {
    throw SystemFailure(code::kCapabilityMissing, "the kernel cannot reset the slot or bus of this device", errno,
                        "ioctl VFIO_DEVICE_GET_PCI_HOT_RESET_INFO");
  }
  std::memcpy(&head, answer.data(), sizeof head);
  const uint32_t count = std::min(head.count, kMostDevices);
  auto devices = Napi::Array::New(info.Env(), count);
  for (uint32_t index = 0; index < count; ++index) {
    uapi::DependentDevice one = {};
    std::memcpy(&one, answer.data() + sizeof head + index * sizeof one, sizeof one);
    devices.Set(index, ToObject(info.Env(), one));
  }
  auto result = Napi::Object::New(info.Env());
  result.Set("byId", Napi::Boolean::New(info.Env(), (head.flags & uapi::kHotResetById) != 0));
  result.Set("owned", Napi::Boolean::New(info.Env(), (head.flags & uapi::kHotResetOwned) != 0));
  result.Set("devices", devices);
  return result;
}

Napi::Value HotReset(Environment& environment, const Napi::CallbackInfo& info) {
  const auto& device = environment.Get<DeviceFile>(HandleArgument(info, 0));
  std::vector<int32_t> groups;
  if (info[1].IsNumber()) groups.push_back(environment.Get<Group>(HandleArgument(info, 1)).number());
  const size_t size = sizeof(uapi::HotReset) + groups.size() * sizeof(int32_t);
  const uapi::HotReset head = {
      .argsz = static_cast<uint32_t>(size), .flags = 0, .count = static_cast<uint32_t>(groups.size())};
  std::vector<std::byte> request(size);
  std::memcpy(request.data(), &head, sizeof head);
  if (!groups.empty()) std::memcpy(request.data() + sizeof head, groups.data(), groups.size() * sizeof(int32_t));
  if (ioctl(device.number(), uapi::kDeviceHotReset, request.data()) != 0) {
    const int error = errno;
    const bool not_ours = error == EINVAL || error == ENODEV || error == EPERM || error == ENOTTY;
    throw SystemFailure(not_ours ? code::kCapabilityMissing : code::kOsError,
                        not_ours ? "the kernel does not reset a slot or bus that is not all ours"
                                 : "the slot or bus of the device cannot be reset",
                        error, "ioctl VFIO_DEVICE_PCI_HOT_RESET");
  }
  return info.Env().Undefined();
}

}  // namespace

void ExportDevice(Environment& environment, Napi::Object& exports) {
  Export<DeviceInfo>(environment, exports, "deviceInfo");
  Export<Reset>(environment, exports, "reset");
  Export<HotResetInfo>(environment, exports, "hotResetInfo");
  Export<HotReset>(environment, exports, "hotReset");
}

}  // namespace probar
