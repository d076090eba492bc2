// Reading the capabilities that the kernel appends to an answer. The bytes are taken for what they are: data from
// outside, whose offsets and counts are checked against the buffer before they are followed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "vfio/uapi.h"

namespace probar {

// A structure at `offset`, or nothing when it would end outside of the answer.
template <typename Struct>
std::optional<Struct> StructAt(std::span<const std::byte> answer, size_t offset) {
  if (offset > answer.size() || answer.size() - offset < sizeof(Struct)) return std::nullopt;
  Struct value;
  std::memcpy(&value, answer.data() + offset, sizeof(Struct));
  return value;
}

// Where a capability is, if it is there. A chain that leads outside, or goes in circles, says nothing of what is
// absent.
struct CapabilitySearch {
  std::optional<size_t> offset;
  bool malformed = false;
};

// A chain longer than the answer could hold goes in circles.
inline CapabilitySearch FindCapability(std::span<const std::byte> answer, size_t first, uint16_t id) {
  size_t offset = first;
  for (size_t left = answer.size() / sizeof(uapi::CapabilityHeader); offset != 0; --left) {
    const auto header = StructAt<uapi::CapabilityHeader>(answer, offset);
    if (!header || left == 0) return {.offset = std::nullopt, .malformed = true};
    if (header->id == id) return {.offset = offset};
    offset = header->next;
  }
  return {};
}

// The pairs of a PairsCapability, flat; as many as the answer holds when it claims more.
inline std::vector<uint64_t> PairsAt(std::span<const std::byte> answer, size_t offset) {
  const auto head = StructAt<uapi::PairsCapability>(answer, offset);
  if (!head) return {};
  std::vector<uint64_t> pairs;
  for (uint64_t index = 0; index < uint64_t{head->count} * 2; ++index) {
    const auto word = StructAt<uint64_t>(answer, offset + sizeof(uapi::PairsCapability) + index * sizeof(uint64_t));
    if (!word) break;
    pairs.push_back(*word);
  }
  pairs.resize(pairs.size() / 2 * 2);
  return pairs;
}

}  // namespace probar
