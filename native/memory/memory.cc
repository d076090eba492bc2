// Frames: an anonymous file and its linear home view.
#include <sys/mman.h>
#include <unistd.h>

#include "core/arguments.h"
#include "core/guard.h"
#include "core/hex.h"
#include "memory/area.h"
#include "memory/exports.h"
#include "memory/huge_pages.h"

namespace probar {
namespace {

Descriptor CreateFile(uint64_t size) {
  Descriptor file(memfd_create("probar", MFD_CLOEXEC));
  if (!file.open()) throw MappingFailure("memory for frames cannot be created", errno, "memfd_create");
  if (ftruncate(file.number(), static_cast<off_t>(size)) != 0) {
    throw MappingFailure("memory for frames cannot have " + Hex(size) + " bytes", errno, "ftruncate");
  }
  return file;
}

void RequirePageSize() {
  const int64_t page_size = sysconf(_SC_PAGESIZE);
  if (page_size != static_cast<int64_t>(kPageSize)) {
    throw Failure(code::kCapabilityMissing, "this kernel has pages of " + std::to_string(page_size) +
                                                " bytes; frames of 4096 bytes cannot be mapped one by one here");
  }
}

Napi::Value CreateMemory(Environment& environment, const Napi::CallbackInfo& info) {
  const uint64_t size = SizeArgument(info, 0, "bytes");
  RequirePageSize();
  if (info[1].ToBoolean()) return Napi::Number::New(info.Env(), environment.Add(CreateHugeMemory(size)));
  Descriptor file = CreateFile(size);
  void* home = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.number(), 0);
  if (home == MAP_FAILED) throw MappingFailure("frames cannot be mapped", errno, "mmap");
  auto memory = std::make_unique<Memory>(std::move(file), reinterpret_cast<uintptr_t>(home), size);
  return Napi::Number::New(info.Env(), environment.Add(std::move(memory)));
}

}  // namespace

void ExportMemory(Environment& environment, Napi::Object& exports) {
  Export<CreateMemory>(environment, exports, "createMemory");
}

}  // namespace probar
