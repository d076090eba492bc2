// Memory whose pages stay where they are.
#pragma once

#include <memory>

#include "memory/area.h"

namespace probar {

// Frames in huge pages of 2 MiB, pinned. Throws `out-of-memory`, `capability-missing`, `permission-denied`.
std::unique_ptr<Memory> CreateHugeMemory(uint64_t size);

}  // namespace probar
