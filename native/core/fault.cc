#include "core/fault.h"

#include <signal.h>

#include <cstddef>
#include <mutex>

#include "core/errors.h"

namespace probar {

constinit thread_local Landing* volatile landing PROBAR_TLS_MODEL = nullptr;

namespace {

// The one static of the addon: a process has one handler a signal, whatever number of environments it runs.
struct PreviousHandlers {
  std::once_flag installed;
  struct sigaction segv;
  struct sigaction bus;
};
PreviousHandlers previous;

void Chain(int number, siginfo_t* info, void* context) {
  const struct sigaction& before = number == SIGSEGV ? previous.segv : previous.bus;
  const bool is_fault = info->si_code > 0;
  if ((before.sa_flags & SA_SIGINFO) != 0) {
    before.sa_sigaction(number, info, context);
  } else if (before.sa_handler == SIG_DFL || (before.sa_handler == SIG_IGN && is_fault)) {
    // A fault comes back when the instruction runs again, and then ends the process; a signal that was sent does not.
    signal(number, SIG_DFL);
    if (!is_fault) raise(number);
  } else if (before.sa_handler != SIG_IGN) {
    before.sa_handler(number);
  }
}

void OnFault(int number, siginfo_t* info, void* context) {
  Landing* place = landing;
  // A positive code means that the kernel raised it for this thread's own instruction.
  if (place == nullptr || info->si_code <= 0) {
    Chain(number, info, context);
    return;
  }
  landing = nullptr;
  place->signal = number;
  place->address = reinterpret_cast<uintptr_t>(info->si_addr);
  siglongjmp(place->context, 1);
}

void Install(int number, struct sigaction* before) {
  struct sigaction action = {};
  action.sa_sigaction = OnFault;
  // SA_NODEFER: the handler is left by a jump, which would leave the signal blocked otherwise.
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigemptyset(&action.sa_mask);
  if (sigaction(number, &action, before) != 0) {
    throw SystemFailure(code::kOsError, "the fault handler cannot be installed", errno, "sigaction");
  }
}

}  // namespace

void InstallFaultHandlers() {
  std::call_once(previous.installed, [] {
    // `before` must be known before the first fault can arrive.
    sigaction(SIGSEGV, nullptr, &previous.segv);
    sigaction(SIGBUS, nullptr, &previous.bus);
    Install(SIGSEGV, &previous.segv);
    Install(SIGBUS, &previous.bus);
  });
}

}  // namespace probar
