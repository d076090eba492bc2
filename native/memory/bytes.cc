// An area as JavaScript memory, taken away again when the area is released or protected.
#include "core/arguments.h"
#include "core/guard.h"
#include "memory/area.h"
#include "memory/exports.h"

namespace probar {
namespace {

// What Node takes as the length of an external buffer.
constexpr uint64_t kBufferLimit = UINT32_MAX;

Napi::Value Bytes(Environment& environment, const Napi::CallbackInfo& info) {
  auto& area = environment.Get<Area>(HandleArgument(info, 0));
  if (area.IsRegion()) {
    throw Failure(code::kRegisterWidth,
                  "a BAR is never JavaScript memory, whose accesses may be split or dropped: use load8 to load64 and "
                  "store8 to store64");
  }
  if (area.protection() != (PROT_READ | PROT_WRITE)) {
    throw Failure(code::kAccessViolation,
                  "a protected area is never JavaScript memory, where an access would end the process: use read and "
                  "write");
  }
  if (area.size() > kBufferLimit) {
    throw Failure(code::kCapabilityMissing, "JavaScript memory has at most " + std::to_string(kBufferLimit) +
                                                " bytes: use read and write, or a smaller area");
  }
  return area.Buffer(info.Env());
}

}  // namespace

Napi::ArrayBuffer Area::Buffer(Napi::Env env) {
  if (buffer_.IsEmpty()) {
    // Nothing is owned by the buffer, so its finalizer has nothing to do; it is detached before the memory goes.
    const auto buffer = Napi::ArrayBuffer::New(env, reinterpret_cast<void*>(address_), size_, [](Napi::Env, void*) {});
    buffer_ = Napi::Persistent(buffer);
  }
  return buffer_.Value();
}

void Area::DetachBuffer(Napi::Env env) {
  if (buffer_.IsEmpty()) return;
  const Napi::HandleScope scope(env);
  buffer_.Value().Detach();
  buffer_.Reset();
}

void ExportBytes(Environment& environment, Napi::Object& exports) { Export<Bytes>(environment, exports, "bytes"); }

}  // namespace probar
