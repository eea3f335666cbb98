// A lock that a fork waits for: a child never sees a stream or a pool half way through a step, nor a lock that nobody
// holds.
#pragma once

#include <mutex>

namespace gatewise::stream {

class ForkLock {
 public:
  ForkLock();
  ~ForkLock();
  ForkLock(const ForkLock&) = delete;
  ForkLock& operator=(const ForkLock&) = delete;

  void lock() { mutex_.lock(); }
  bool try_lock() { return mutex_.try_lock(); }
  void unlock() { mutex_.unlock(); }

 private:
  friend struct ForkLocks;
  std::mutex mutex_;
  ForkLock* before_ = nullptr;
  ForkLock* after_ = nullptr;
};

}  // namespace gatewise::stream
