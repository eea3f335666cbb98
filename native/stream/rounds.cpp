#include "stream/rounds.h"

#include <utility>

#include "stream/records.h"

namespace gatewise::stream {

void Rounds::make(std::uint32_t* slots, Index count) {
  order_.resize(static_cast<std::size_t>(count));
  again_.clear();
  std::size_t first = 0;
  for (Index i = 0; i < count; ++i) {
    const auto row = static_cast<std::uint32_t>(i);
    order_[first] = row;
    const bool again = (slots[row] & Records::kAgain) != 0;
    first += again ? 0 : 1;
    if (again) again_.push_back({row, 0});
  }
  // A small table of how often each stream has come again so far: open addressing, as in the pool's own.
  std::size_t size = 16;
  while (size < 2 * again_.size()) size *= 2;
  tallies_.assign(size, {0, 0});
  ends_.assign(1, 0);
  for (Again& each : again_) {
    std::uint32_t& slot = slots[each.row];
    slot &= ~Records::kAgain;
    std::size_t at = (slot * 0x9e3779b97f4a7c15U >> 32) & (size - 1);
    while (tallies_[at].count != 0 && tallies_[at].slot != slot) at = (at + 1) & (size - 1);
    tallies_[at].slot = slot;
    each.round = ++tallies_[at].count;
    if (each.round == ends_.size()) ends_.push_back(0);
    ++ends_[each.round];
  }
  // Where each round begins; filling it moves that on to where it ends.
  Index begin = 0;
  ends_[0] = static_cast<Index>(first);
  for (Index& round : ends_) begin += std::exchange(round, begin);
  ends_[0] = static_cast<Index>(first);
  for (const Again& each : again_) order_[static_cast<std::size_t>(ends_[each.round]++)] = each.row;
  slots_.resize(order_.size());
  for (std::size_t i = 0; i < order_.size(); ++i) slots_[i] = slots[order_[i]];
}

}  // namespace gatewise::stream
