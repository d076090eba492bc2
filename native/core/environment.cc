#include "core/environment.h"

namespace probar {

const char* NameOf(Kind kind) {
  switch (kind) {
    case Kind::kMemory:
      return "memory";
    case Kind::kReservation:
      return "reserved address space";
    case Kind::kView:
      return "view";
    case Kind::kRegion:
      return "mapped BAR";
    case Kind::kContainer:
      return "VFIO container";
    case Kind::kGroup:
      return "VFIO group";
    case Kind::kIommufd:
      return "iommufd";
    case Kind::kDevice:
      return "VFIO device";
    case Kind::kInterrupts:
      return "interrupt set";
  }
  return "resource";
}

Environment::~Environment() {
  while (!slots_.empty()) slots_.pop_back();
}

Handle Environment::Add(std::unique_ptr<Resource> resource) {
  slots_.push_back(std::move(resource));
  return static_cast<Handle>(slots_.size());
}

Napi::Error Environment::MakeError(Napi::Env env, const Failure& failure) const {
  if (!error_factory_.IsEmpty()) {
    const Napi::Value made =
        error_factory_.Call({Napi::String::New(env, failure.code()), Napi::String::New(env, failure.what()),
                             Napi::Number::New(env, failure.error()), Napi::String::New(env, failure.syscall())});
    if (made.IsObject()) return {env, made};
  }
  Napi::Error error = Napi::Error::New(env, failure.what());
  error.Set("code", Napi::String::New(env, failure.code()));
  error.Set("errno", Napi::Number::New(env, failure.error()));
  error.Set("syscall", Napi::String::New(env, failure.syscall()));
  return error;
}

void Environment::ThrowClosed(Handle handle) {
  throw Failure(code::kClosed,
                "handle " + std::to_string(handle) + " is closed: it was released, or never opened here");
}

void Environment::ThrowWrongKind(Handle handle, Kind found, const char* wanted) {
  throw Failure(code::kInternal, "handle " + std::to_string(handle) + " is a " + NameOf(found) + ", not a " + wanted);
}

}  // namespace probar
