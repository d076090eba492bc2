// What all kinds of VFIO file have in common: how they are opened and closed.
#include "vfio/files.h"

#include <fcntl.h>

#include "core/arguments.h"
#include "core/guard.h"
#include "vfio/exports.h"

namespace probar {

Descriptor OpenFile(const std::string& path, const std::string& absent) {
  Descriptor file(open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (file.open()) return file;
  const int error = errno;
  switch (error) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
      throw SystemFailure(code::kIommuUnavailable, path + " is not there: " + absent, error, "open");
    case EACCES:
    case EPERM:
      throw SystemFailure(code::kPermissionDenied,
                          path + " may not be opened: give this user read and write access to it, or run as root",
                          error, "open");
    case EBUSY:
      throw SystemFailure(code::kDeviceBusy, path + " is held by another process: end that one first", error, "open");
    default:
      throw SystemFailure(code::kOsError, path + " cannot be opened", error, "open");
  }
}

Napi::Value ToBigArray(Napi::Env env, const std::vector<uint64_t>& words) {
  auto array = Napi::BigUint64Array::New(env, words.size());
  std::copy(words.begin(), words.end(), array.Data());
  return array;
}

namespace {

Napi::Value CloseDescriptor(Environment& environment, const Napi::CallbackInfo& info) {
  const Handle handle = HandleArgument(info, 0);
  environment.Get<VfioFile>(handle);
  environment.Remove(handle);
  return info.Env().Undefined();
}

}  // namespace

void ExportVfio(Environment& environment, Napi::Object& exports) {
  Export<CloseDescriptor>(environment, exports, "closeDescriptor");
  ExportContainer(environment, exports);
  ExportDma(environment, exports);
  ExportDevice(environment, exports);
  ExportRegion(environment, exports);
  ExportInterrupts(environment, exports);
}

}  // namespace probar
