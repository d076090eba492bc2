#include "memory/area.h"

#include <iterator>

#include "core/arguments.h"
#include "core/hex.h"

namespace probar {

void Reservation::Vacate(uintptr_t start, uint64_t length) {
  void* place = reinterpret_cast<void*>(start);
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
  if (mmap(place, length, PROT_NONE, flags, -1, 0) == MAP_FAILED) {
    // At the limit of mappings even a replacement is refused, until some are gone. The place is free for a moment only,
    // in a process that can map next to nothing. Whatever happens, it does not stay open.
    munmap(place, length);
    if (mmap(place, length, PROT_NONE, flags, -1, 0) == MAP_FAILED) mprotect(place, length, PROT_NONE);
  }
  views_.erase(start);
}

bool Reservation::IsFree(uintptr_t start, uint64_t length) const {
  const auto next = views_.lower_bound(start);
  if (next != views_.end() && next->first - start < length) return false;
  if (next == views_.begin()) return true;
  const auto& [before, occupant] = *std::prev(next);
  return start - before >= occupant.length;
}

View::~View() {
  if (reservation_ == nullptr) {
    munmap(reinterpret_cast<void*>(address()), size());
  } else if (!abandoned_) {
    reservation_->Vacate(address(), size());
  }
}

Reservation& FreePlace(Environment& environment, uint64_t address, uint64_t length) {
  auto& reservations = environment.reservations();
  const auto next = reservations.upper_bound(address);
  if (address % kPageSize == 0 && next != reservations.begin()) {
    auto& reservation = environment.Get<Reservation>(std::prev(next)->second);
    if (reservation.Covers(address, length)) {
      if (reservation.IsFree(address, length)) return reservation;
      throw Failure(code::kRangeOutside,
                    HexRange(address, length) + " overlaps a view that is still mapped: release it first");
    }
  }
  throw Failure(code::kRangeOutside,
                HexRange(address, length) + " is not whole pages inside one reservation: reserve it first");
}

uint64_t SizeArgument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  const uint64_t size = BoundedArgument(info, index, name, kAddressLimit);
  if (size == 0 || size % kPageSize != 0) {
    throw Failure(code::kRangeOutside, std::string(name) + " is " + std::to_string(size) +
                                           ", but must be a positive multiple of " + std::to_string(kPageSize));
  }
  return size;
}

int ProtectionArgument(const Napi::CallbackInfo& info, size_t index) {
  switch (BoundedArgument(info, index, "protection", 3)) {
    case 0:
      return PROT_NONE;
    case 1:
      return PROT_READ;
    case 3:
      return PROT_READ | PROT_WRITE;
    default:
      throw Failure(code::kRangeOutside, "protection must be 0 (none), 1 (read) or 3 (read and write)");
  }
}

Failure MappingFailure(const std::string& what, int error, const char* syscall) {
  if (error == ENOMEM || error == ENFILE || error == EMFILE || error == ENOSPC) {
    return SystemFailure(code::kOutOfMemory,
                         what +
                             ": memory, address space or the number of mappings is exhausted; "
                             "release something, or raise vm.max_map_count, `ulimit -v` or `ulimit -n`",
                         error, syscall);
  }
  return SystemFailure(code::kOsError, what, error, syscall);
}

}  // namespace probar
