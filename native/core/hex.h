// Addresses in messages.
#pragma once

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <string>

namespace probar {

inline std::string Hex(uint64_t value) {
  char text[19];
  std::snprintf(text, sizeof text, "0x%" PRIx64, value);
  return text;
}

inline std::string HexRange(uint64_t start, uint64_t length) {
  char text[48];
  std::snprintf(text, sizeof text, "[0x%" PRIx64 ", +0x%" PRIx64 ")", start, length);
  return text;
}

}  // namespace probar
