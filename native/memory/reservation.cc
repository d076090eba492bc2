// Reserved address space, and what may be asked of and done to any area.
#include <sys/mman.h>

#include <vector>

#include "core/arguments.h"
#include "core/guard.h"
#include "memory/area.h"
#include "memory/exports.h"

namespace probar {
namespace {

Napi::Value Reserve(Environment& environment, const Napi::CallbackInfo& info) {
  const uint64_t size = SizeArgument(info, 0, "bytes");
  void* start = mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (start == MAP_FAILED) throw MappingFailure("address space cannot be reserved", errno, "mmap");
  const auto address = reinterpret_cast<uintptr_t>(start);
  const Handle handle = environment.Add(std::make_unique<Reservation>(address, size));
  environment.reservations().emplace(address, handle);
  return Napi::Number::New(info.Env(), handle);
}

// The views inside end with their reservation: their addresses are about to belong to nobody.
void EndViews(Environment& environment, Napi::Env env, const Reservation& reservation) {
  for (const auto& [start, occupant] : reservation.views()) {
    auto& view = environment.Get<View>(occupant.view);
    view.DetachBuffer(env);
    view.Abandon();
    environment.Remove(occupant.view);
  }
  environment.reservations().erase(reservation.address());
}

Napi::Value Release(Environment& environment, const Napi::CallbackInfo& info) {
  const Handle handle = HandleArgument(info, 0);
  auto& area = environment.Get<Area>(handle);
  area.DetachBuffer(info.Env());
  if (Reservation::Includes(area.kind())) EndViews(environment, info.Env(), static_cast<Reservation&>(area));
  environment.Remove(handle);
  return info.Env().Undefined();
}

Napi::Value Protect(Environment& environment, const Napi::CallbackInfo& info) {
  auto& area = environment.Get<Area>(HandleArgument(info, 0));
  const int protection = ProtectionArgument(info, 1);
  if (Reservation::Includes(area.kind())) {
    throw Failure(code::kInternal, "reserved address space cannot be opened: map frames into it");
  }
  // JavaScript memory must never become a page that faults.
  if (protection != (PROT_READ | PROT_WRITE)) area.DetachBuffer(info.Env());
  if (mprotect(reinterpret_cast<void*>(area.address()), area.size(), protection) != 0) {
    throw MappingFailure("the protection cannot be changed", errno, "mprotect");
  }
  area.set_protection(protection);
  return info.Env().Undefined();
}

Napi::Value Address(Environment& environment, const Napi::CallbackInfo& info) {
  const auto& area = environment.Get<Area>(HandleArgument(info, 0));
  return Napi::Number::New(info.Env(), static_cast<double>(area.address()));
}

Napi::Value Size(Environment& environment, const Napi::CallbackInfo& info) {
  const auto& area = environment.Get<Area>(HandleArgument(info, 0));
  return Napi::Number::New(info.Env(), static_cast<double>(area.size()));
}

}  // namespace

void ExportReservation(Environment& environment, Napi::Object& exports) {
  Export<Reserve>(environment, exports, "reserve");
  Export<Release>(environment, exports, "release");
  Export<Protect>(environment, exports, "protect");
  Export<Address>(environment, exports, "address");
  Export<Size>(environment, exports, "size");
}

}  // namespace probar
