// What may be wrong with a range of bus addresses. Both kernel interfaces answer several reasons with one errno.
#pragma once

#include <cstdint>

namespace probar {

// True when the range runs over the end of the 64-bit address space.
inline bool RunsOver(uint64_t start, uint64_t size) { return size != 0 && start > UINT64_MAX - (size - 1); }

// False for an empty range, too.
inline bool WholePages(uint64_t start, uint64_t size) { return size != 0 && ((start | size) & 0xfff) == 0; }

}  // namespace probar
