// The lock of an open file, which outlives this process in whoever inherited the descriptor.
#include <sys/file.h>

#include "core/arguments.h"
#include "core/exports.h"
#include "core/guard.h"

namespace probar {
namespace {

Napi::Value LockFile(Environment& environment, const Napi::CallbackInfo& info) {
  static_cast<void>(environment);
  const int descriptor = static_cast<int>(BoundedArgument(info, 0, "descriptor", INT32_MAX));
  int result;
  do {
    result = flock(descriptor, LOCK_EX | LOCK_NB);
  } while (result != 0 && errno == EINTR);
  if (result != 0 && errno != EWOULDBLOCK) {
    throw SystemFailure(code::kOsError, "the file cannot be locked", errno, "flock");
  }
  return Napi::Boolean::New(info.Env(), result == 0);
}

}  // namespace

void ExportFileLock(Environment& environment, Napi::Object& exports) {
  Export<LockFile>(environment, exports, "lockFile");
}

}  // namespace probar
