// Loads and stores of exactly one width.
#pragma once

#include <cstdint>

namespace probar {

// A volatile access of a native width is one instruction: the compiler may not split, merge, repeat or drop it.
static_assert(sizeof(void*) == 8, "a 64-bit register access must be one instruction");

template <typename Word>
inline Word LoadWord(const uint8_t* place) {
  return *reinterpret_cast<const volatile Word*>(place);
}

template <typename Word>
inline void StoreWord(uint8_t* place, Word value) {
  *reinterpret_cast<volatile Word*>(place) = value;
}

}  // namespace probar
