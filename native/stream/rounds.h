// Which rows of a push go together where a stream comes more than once in it.
#pragma once

#include <cstdint>
#include <vector>

#include "base/index.h"

namespace gatewise::stream {

// A round has each stream once: the first has the rows whose stream comes for the first time, the second those for
// which it is the second, and so on. Keeps its memory from push to push.
class Rounds {
 public:
  // `slots` are those of the rows, as Records finds them; the marks of those that come again are taken off.
  void make(std::uint32_t* slots, Index count);

  Index size() const { return static_cast<Index>(ends_.size()); }
  const std::uint32_t* rows(Index round) const { return order_.data() + begin(round); }
  const std::uint32_t* slots(Index round) const { return slots_.data() + begin(round); }
  Index count(Index round) const { return ends_[static_cast<std::size_t>(round)] - begin(round); }

 private:
  // A row whose stream came before, and how often.
  struct Again {
    std::uint32_t row;
    std::uint32_t round;
  };

  struct Tally {
    std::uint32_t slot;
    std::uint32_t count;
  };

  Index begin(Index round) const { return round == 0 ? 0 : ends_[static_cast<std::size_t>(round) - 1]; }

  std::vector<std::uint32_t> order_;  // rows, round after round
  std::vector<std::uint32_t> slots_;  // theirs
  std::vector<Index> ends_;           // of the rounds in order_
  std::vector<Again> again_;
  std::vector<Tally> tallies_;
};

}  // namespace gatewise::stream
