// The addon's entry: one Environment for each JavaScript environment that loads it.
#include <napi.h>

#include "core/arguments.h"
#include "core/environment.h"
#include "core/exports.h"
#include "core/fault.h"
#include "core/guard.h"
#include "iommufd/exports.h"
#include "lists/exports.h"
#include "memory/exports.h"
#include "registers/exports.h"
#include "vfio/exports.h"

namespace probar {
namespace {

Napi::Value SetErrorFactory(Environment& environment, const Napi::CallbackInfo& info) {
  if (!info[0].IsFunction()) throw Failure(code::kInternal, "argument 1 (make) must be a function");
  environment.set_error_factory(Napi::Persistent(info[0].As<Napi::Function>()));
  return info.Env().Undefined();
}

Napi::Object Initialize(Napi::Env env, Napi::Object exports) {
  InstallFaultHandlers();
  // Owned by the clean-up hook, which runs after the last JavaScript of this environment.
  auto* environment = new Environment();
  env.AddCleanupHook([](Environment* ended) { delete ended; }, environment);
  exports.Set("provider", Napi::String::New(env, "addon"));
  Export<SetErrorFactory>(*environment, exports, "setErrorFactory");
  ExportFileLock(*environment, exports);
  ExportMemory(*environment, exports);
  ExportHugePages(*environment, exports);
  ExportReservation(*environment, exports);
  ExportView(*environment, exports);
  ExportBlocks(*environment, exports);
  ExportSingleAccesses(*environment, exports);
  ExportBlockAccesses(*environment, exports);
  ExportPrograms(*environment, exports);
  ExportBytes(*environment, exports);
  ExportElementList(*environment, exports);
  ExportVfio(*environment, exports);
  ExportIommufd(*environment, exports);
  ExportIoas(*environment, exports);
  return exports;
}

}  // namespace
}  // namespace probar

// The macro below names its function without a namespace.
using probar::Initialize;
NODE_API_MODULE(probar, Initialize)
