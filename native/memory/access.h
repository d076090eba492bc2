// Where an access goes, checked before it is made, and what its fault means.
#pragma once

#include <cstdint>

#include "core/fault.h"
#include "memory/area.h"

namespace probar {

[[noreturn]] void ThrowOutside(const Area& area, uint64_t offset, uint64_t length);
[[noreturn]] void ThrowFault(const Area& area, const Landing& place, const char* action);

// The first byte of [offset, offset + length). Throws `range-outside`, or `region-outside` for a mapped BAR.
inline uint8_t* Locate(const Area& area, uint64_t offset, uint64_t length) {
  if (length > area.size() || offset > area.size() - length) [[unlikely]] {
    ThrowOutside(area, offset, length);
  }
  return reinterpret_cast<uint8_t*>(area.address() + offset);
}

// Makes an access to `area`; a fault becomes `access-violation`, or `device-gone` when a BAR has vanished.
template <typename Access>
inline void Perform(const Area& area, const char* action, Access access) {
  Landing place;
  if (!Attempt(place, access)) [[unlikely]] {
    ThrowFault(area, place, action);
  }
}

}  // namespace probar
