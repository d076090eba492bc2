#include "memory/access.h"

#include <csignal>

#include "core/hex.h"

namespace probar {

void ThrowOutside(const Area& area, uint64_t offset, uint64_t length) {
  throw Failure(area.IsRegion() ? code::kRegionOutside : code::kRangeOutside,
                std::to_string(length) + " bytes at offset " + Hex(offset) + " are not inside a " +
                    NameOf(area.kind()) + " of " + Hex(area.size()) + " bytes");
}

void ThrowFault(const Area& area, const Landing& place, const char* action) {
  const std::string where = std::string(action) + " at " + Hex(place.address) + " faulted";
  if (place.signal != SIGBUS) {
    throw Failure(code::kAccessViolation, where + ": nothing is mapped there, or its protection forbids this access");
  }
  const bool inside = place.address >= area.address() && place.address - area.address() < area.size();
  if (area.IsRegion() && inside) {
    throw Failure(code::kDeviceGone, where + ": the device is gone, or its memory decoding is off");
  }
  throw Failure(code::kAccessViolation, where + ": there is no memory behind this page any more");
}

}  // namespace probar
