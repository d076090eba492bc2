// What goes wrong in native code, before it becomes a JavaScript error. The codes are those of src/base/errors.ts.
#pragma once

#include <cerrno>
#include <cstring>
#include <exception>
#include <string>
#include <utility>

namespace probar {

namespace code {
inline constexpr const char* kAccessViolation = "access-violation";
inline constexpr const char* kCapabilityMissing = "capability-missing";
inline constexpr const char* kClosed = "closed";
inline constexpr const char* kDeviceAbsent = "device-absent";
inline constexpr const char* kDeviceBusy = "device-busy";
inline constexpr const char* kDeviceGone = "device-gone";
inline constexpr const char* kDmaEntriesExhausted = "dma-entries-exhausted";
inline constexpr const char* kDmaMisaligned = "dma-misaligned";
inline constexpr const char* kDmaOutsideAperture = "dma-outside-aperture";
inline constexpr const char* kDmaOverlap = "dma-overlap";
inline constexpr const char* kDmaRangeOverflow = "dma-range-overflow";
inline constexpr const char* kDmaUnmapped = "dma-unmapped";
inline constexpr const char* kDmaWouldSplit = "dma-would-split";
inline constexpr const char* kGroupNotViable = "group-not-viable";
inline constexpr const char* kInternal = "internal";
inline constexpr const char* kInterruptUnavailable = "interrupt-unavailable";
inline constexpr const char* kIommuUnavailable = "iommu-unavailable";
inline constexpr const char* kOsError = "os-error";
inline constexpr const char* kOutOfMemory = "out-of-memory";
inline constexpr const char* kPermissionDenied = "permission-denied";
inline constexpr const char* kRangeOutside = "range-outside";
inline constexpr const char* kRegionAbsent = "region-absent";
inline constexpr const char* kRegionMisaligned = "region-misaligned";
inline constexpr const char* kRegionOutside = "region-outside";
inline constexpr const char* kRegionUnmappable = "region-unmappable";
inline constexpr const char* kRegisterWidth = "register-width";
}  // namespace code

// A failure with its stable code. `error` and `syscall` name the system call that failed; they are 0 and "" otherwise.
class Failure : public std::exception {
 public:
  Failure(const char* code, std::string message, int error = 0, const char* syscall = "")
      : code_(code), message_(std::move(message)), error_(error), syscall_(syscall) {}

  const char* what() const noexcept override { return message_.c_str(); }
  const char* code() const { return code_; }
  int error() const { return error_; }
  const char* syscall() const { return syscall_; }

 private:
  const char* code_;
  std::string message_;
  int error_;
  const char* syscall_;
};

// A failed system call: the message is `what` followed by the system's own words.
inline Failure SystemFailure(const char* code, const std::string& what, int error, const char* syscall) {
  return {code, what + " (" + syscall + ": " + std::strerror(error) + ")", error, syscall};
}

}  // namespace probar
