// How a long call learns that it is to stop: Ctrl-C.
#pragma once

#include <exception>

#include "threads/crowd.h"

namespace gatewise {

// What an interrupted call throws, having changed nothing but the memory for its results.
class Interrupted : public std::exception {
 public:
  const char* what() const noexcept override { return "interrupted"; }
};

// While one lives, calls of this thread may throw Interrupted.
class Interruptible {
 public:
  Interruptible();
  ~Interruptible();
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;

 private:
  friend bool interrupted();
  crowd::Clock::time_point next_{};  // when to ask; none yet
  bool stopped_ = false;
};

// Whether the call that this thread makes is to stop. Once it is, it stays so. To be asked some thousand times a second
// at most; asks `set_question`'s function 25 times.
bool interrupted();

// The function that knows, for the thread that calls it; it must not throw.
void set_question(bool (*question)());

}  // namespace gatewise
