#include "stream/guard.h"

#include <pthread.h>

namespace gatewise::stream {

// All locks there are, in a list.
struct ForkLocks {
  std::mutex mutex;
  ForkLock* first = nullptr;

  static ForkLocks& all() {
    static auto* const locks = new ForkLocks;  // never destroyed: streams may outlive static objects
    return *locks;
  }

  static void lock_all() {
    all().mutex.lock();
    for (ForkLock* lock = all().first; lock != nullptr; lock = lock->after_) lock->lock();
  }

  static void unlock_all() {
    for (ForkLock* lock = all().first; lock != nullptr; lock = lock->after_) lock->unlock();
    all().mutex.unlock();
  }

  void add(ForkLock* lock) {
    const std::lock_guard<std::mutex> hold(mutex);
    lock->after_ = first;
    if (first != nullptr) first->before_ = lock;
    first = lock;
  }

  void remove(ForkLock* lock) {
    const std::lock_guard<std::mutex> hold(mutex);
    (lock->before_ != nullptr ? lock->before_->after_ : first) = lock->after_;
    if (lock->after_ != nullptr) lock->after_->before_ = lock->before_;
  }
};

namespace {

// When the library is loaded: a handler registered while another thread is about to fork would not be called.
[[maybe_unused]] const int registered =
    pthread_atfork(&ForkLocks::lock_all, &ForkLocks::unlock_all, &ForkLocks::unlock_all);

}  // namespace

ForkLock::ForkLock() { ForkLocks::all().add(this); }

ForkLock::~ForkLock() { ForkLocks::all().remove(this); }

}  // namespace gatewise::stream
