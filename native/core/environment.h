// What one JavaScript environment (the main thread or a worker) holds. Numbers name resources, so that JavaScript can
// never hold a stale pointer; the environment's clean-up hook frees whatever is still open.
#pragma once

#include <napi.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/errors.h"

namespace probar {

using Handle = uint32_t;

enum class Kind : uint8_t { kMemory, kReservation, kView, kRegion, kContainer, kGroup, kIommufd, kDevice, kInterrupts };

const char* NameOf(Kind kind);

// Whatever a handle can name. Freed by its destructor.
class Resource {
 public:
  explicit Resource(Kind kind) : kind_(kind) {}
  Resource(const Resource&) = delete;
  Resource& operator=(const Resource&) = delete;
  virtual ~Resource() = default;

  Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

class Environment {
 public:
  Environment() = default;
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  // Frees what is open, the youngest first.
  ~Environment();

  // The number that will name the next resource. Numbers start at 1 and are never reused.
  Handle NextHandle() const { return static_cast<Handle>(slots_.size() + 1); }
  Handle Add(std::unique_ptr<Resource> resource);
  void Remove(Handle handle) { slots_[handle - 1].reset(); }

  // Throws `closed` for a number that names nothing any more, `internal` for one that names something else.
  template <typename T>
  T& Get(Handle handle) const {
    Resource* resource = handle - 1 < slots_.size() ? slots_[handle - 1].get() : nullptr;
    if (resource == nullptr) [[unlikely]] {
      ThrowClosed(handle);
    }
    if (!T::Includes(resource->kind())) [[unlikely]] {
      ThrowWrongKind(handle, resource->kind(), T::kName);
    }
    return static_cast<T&>(*resource);
  }

  // Reserved address space by its first address: how a view's place is found.
  std::map<uintptr_t, Handle>& reservations() { return reservations_; }

  void set_error_factory(Napi::FunctionReference factory) { error_factory_ = std::move(factory); }
  // The JavaScript error for a failure, made by the factory once one is set.
  Napi::Error MakeError(Napi::Env env, const Failure& failure) const;

 private:
  [[noreturn]] static void ThrowClosed(Handle handle);
  [[noreturn]] static void ThrowWrongKind(Handle handle, Kind found, const char* wanted);

  std::vector<std::unique_ptr<Resource>> slots_;
  std::map<uintptr_t, Handle> reservations_;
  Napi::FunctionReference error_factory_;
};

}  // namespace probar
