// Regions as those see them who access registers by pread and pwrite.
#pragma once

#include <napi.h>
#include <sys/types.h>

#include <cstdint>

#include "vfio/files.h"

namespace probar {

// The region that the second argument names. Throws `region-absent`.
const RegionDescription& RegionArgument(DeviceFile& device, const Napi::CallbackInfo& info);

// Throws `region-outside`.
void RequireInside(const RegionDescription& region, uint64_t offset, uint64_t length);

// What a pread or pwrite means that transferred less than it should, or nothing.
[[noreturn]] void ThrowTransfer(ssize_t transferred, const char* syscall);

}  // namespace probar
