// The fault guard. A load or a store that the processor refuses (SIGSEGV) or whose memory has vanished (SIGBUS) lands
// back here instead of ending Node. It is armed only around native accesses and only for the thread that makes one;
// every other fault goes to the handler that was there before, which is V8's.
#pragma once

#include <atomic>
#include <csetjmp>
#include <cstdint>

namespace probar {

// Where a faulting access of this thread goes.
struct Landing {
  sigjmp_buf context;
  int signal;
  uintptr_t address;
};

// Initial-exec: reading it must be safe in a signal handler on a thread that never used it before, where lazily
// allocated thread-local storage is not; and it is the faster model.
#ifdef __GLIBC__
#define PROBAR_TLS_MODEL __attribute__((tls_model("initial-exec")))
#else
#define PROBAR_TLS_MODEL
#endif
extern constinit thread_local Landing* volatile landing PROBAR_TLS_MODEL;

// Installs the two handlers, once in a process.
void InstallFaultHandlers();

// Runs `access`; returns false when it faulted, with signal and address in `place`. The access must be nothing but
// loads, stores and calls into the C library, for a fault leaves it without running destructors. The signal mask is
// not saved: the handlers block nothing, so there is none to restore, and saving it would cost a system call.
template <typename Access>
[[nodiscard]] inline bool Attempt(Landing& place, Access access) {
  if (sigsetjmp(place.context, 0) != 0) return false;
  landing = &place;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  access();
  std::atomic_signal_fence(std::memory_order_seq_cst);
  landing = nullptr;
  return true;
}

}  // namespace probar
