#include "threads/interrupt.h"

#include <atomic>

#include "threads/costs.h"

namespace gatewise {
namespace {

std::atomic<bool (*)()> question{nullptr};
thread_local Interruptible* current = nullptr;

}  // namespace

Interruptible::Interruptible() { current = this; }

Interruptible::~Interruptible() { current = nullptr; }

bool interrupted() {
  Interruptible* const scope = current;
  if (scope == nullptr) return false;
  if (scope->stopped_) return true;
  const auto now = crowd::Clock::now();
  const bool first = scope->next_ == crowd::Clock::time_point{};
  if (!first && now < scope->next_) return false;
  scope->next_ = now + costs::kAskEvery;
  bool (*const ask)() = question.load(std::memory_order_relaxed);
  scope->stopped_ = !first && ask != nullptr && ask();
  return scope->stopped_;
}

void set_question(bool (*ask)()) { question.store(ask); }

}  // namespace gatewise
