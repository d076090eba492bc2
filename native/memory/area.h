// Areas: the pieces of address space that JavaScript may name.
#pragma once

#include <napi.h>
#include <sys/mman.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "core/descriptor.h"
#include "core/environment.h"

namespace probar {

inline constexpr uint64_t kPageSize = 4096;
// No more than what a process of any of our platforms can address.
inline constexpr uint64_t kAddressLimit = uint64_t{1} << 47;

// Address space that is unmapped when this ends.
class Mapping {
 public:
  Mapping(uintptr_t address, uint64_t size) : address_(address), size_(size) {}
  Mapping(Mapping&& other) noexcept : address_(other.address_), size_(std::exchange(other.size_, 0)) {}
  Mapping& operator=(Mapping&&) = delete;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    if (size_ > 0) munmap(reinterpret_cast<void*>(address_), size_);
  }

  // The range stays mapped and is somebody else's.
  void Disown() { size_ = 0; }

 private:
  uintptr_t address_;
  uint64_t size_;
};

class Area : public Resource {
 public:
  static constexpr const char* kName = "memory area";
  static bool Includes(Kind kind) { return kind <= Kind::kRegion; }

  Area(Kind kind, uintptr_t address, uint64_t size, int protection)
      : Resource(kind), address_(address), size_(size), protection_(protection) {}

  uintptr_t address() const { return address_; }
  uint64_t size() const { return size_; }
  // A mapped BAR, where a load or a store is a transaction on the bus.
  bool IsRegion() const { return kind() == Kind::kRegion; }
  // PROT_READ and PROT_WRITE bits.
  int protection() const { return protection_; }
  void set_protection(int protection) { protection_ = protection; }

  // The area as JavaScript memory, the same object each time until it is detached.
  Napi::ArrayBuffer Buffer(Napi::Env env);
  // Takes the memory away from JavaScript, which would otherwise fault outside of the fault guard.
  void DetachBuffer(Napi::Env env);

 private:
  uintptr_t address_;
  uint64_t size_;
  int protection_;
  Napi::Reference<Napi::ArrayBuffer> buffer_;
};

// Frames: an anonymous file with a linear view of it.
class Memory final : public Area {
 public:
  static constexpr const char* kName = "memory";
  static bool Includes(Kind kind) { return kind == Kind::kMemory; }

  // `huge`: the pages stay where they are, and `file` is one that maps them in pages of 4096 bytes.
  Memory(Descriptor file, uintptr_t address, uint64_t size, bool huge = false)
      : Area(Kind::kMemory, address, size, PROT_READ | PROT_WRITE),
        huge_(huge),
        file_(std::move(file)),
        mapping_(address, size) {}

  int file() const { return file_.number(); }
  uint64_t frames() const { return size() / kPageSize; }
  bool huge() const { return huge_; }

 private:
  bool huge_;
  Descriptor file_;
  Mapping mapping_;
};

// Address space that faults wherever no view is mapped into it.
class Reservation final : public Area {
 public:
  static constexpr const char* kName = "reservation";
  static bool Includes(Kind kind) { return kind == Kind::kReservation; }

  Reservation(uintptr_t address, uint64_t size)
      : Area(Kind::kReservation, address, size, PROT_NONE), mapping_(address, size) {}

  bool Covers(uintptr_t start, uint64_t length) const {
    return start >= address() && length <= size() && start - address() <= size() - length;
  }
  bool IsFree(uintptr_t start, uint64_t length) const;
  void Occupy(uintptr_t start, uint64_t length, Handle view) { views_.emplace(start, Occupant{length, view}); }
  // Makes a view's place reserved space again.
  void Vacate(uintptr_t start, uint64_t length);

  struct Occupant {
    uint64_t length;
    Handle view;
  };
  const std::map<uintptr_t, Occupant>& views() const { return views_; }

 private:
  Mapping mapping_;
  std::map<uintptr_t, Occupant> views_;
};

// Something mapped: frames or a BAR, in reserved space or, with no reservation, in a place of its own.
class View final : public Area {
 public:
  static constexpr const char* kName = "view";
  static bool Includes(Kind kind) { return kind == Kind::kView || kind == Kind::kRegion; }

  View(Kind kind, Reservation* reservation, uintptr_t address, uint64_t size, int protection)
      : Area(kind, address, size, protection), reservation_(reservation) {}
  ~View() override;

  // Its reservation ends and takes the place with it.
  void Abandon() { abandoned_ = true; }

 private:
  Reservation* reservation_;
  bool abandoned_ = false;
};

// The reservation that holds all of the range. Throws `range-outside` when there is none or a view is in the way.
Reservation& FreePlace(Environment& environment, uint64_t address, uint64_t length);

// A length in bytes: a positive multiple of the page size below the address limit. Throws `range-outside`.
uint64_t SizeArgument(const Napi::CallbackInfo& info, size_t index, const char* name);

// 0, 1 or 3 as PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE. Throws `range-outside`.
int ProtectionArgument(const Napi::CallbackInfo& info, size_t index);

// Failure of a call that makes or changes a mapping.
Failure MappingFailure(const std::string& what, int error, const char* syscall);

}  // namespace probar
