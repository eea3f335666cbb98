// How a member goes through a product: its share of the panels, rows in blocks, panels in groups.
#pragma once

#include "base/simd.h"
#include "recurrence/engine.h"

namespace gatewise::GATEWISE_ISA {

// First item and end of the share of `member` of `members` in `count` items.
struct Share {
  Index begin;
  Index end;
};

inline Share share(Index count, Index member, Index members) {
  return {count * member / members, count * (member + 1) / members};
}

// `count` rows in blocks of at most `most` and as even as can be: 16 rows are 6 + 5 + 5, not 6 + 6 + 4.
class Blocks {
 public:
  Blocks(Index count, int most)
      : blocks_((count + most - 1) / most),
        rows_(blocks_ != 0 ? count / blocks_ : 0),
        longer_(blocks_ != 0 ? count % blocks_ : 0) {}

  Index size() const { return blocks_; }
  Index begin(Index block) const { return block * rows_ + (block < longer_ ? block : longer_); }
  int rows(Index block) const { return static_cast<int>(rows_ + (block < longer_ ? 1 : 0)); }
  int most() const { return static_cast<int>(rows_ + (longer_ != 0 ? 1 : 0)); }

 private:
  Index blocks_;
  Index rows_;
  Index longer_;
};

// The caller's sequence, and the first real step and the end of those, of a row of `lengths`.
inline Index sequence_of(const Lengths& lengths, Index row) {
  return lengths.rows == nullptr ? row : static_cast<Index>(lengths.rows[row]);
}
inline Index first_step(const Lengths& lengths, Index row, Index steps) {
  return lengths.last ? steps - static_cast<Index>(lengths.steps[row]) : 0;
}
inline Index end_of_steps(const Lengths& lengths, Index row, Index steps) {
  return lengths.rows == nullptr || lengths.last ? steps : static_cast<Index>(lengths.steps[row]);
}

// The end of those rows, from `begin` to `end`, that have the step.
inline Index end_of_rows(const Lengths& lengths, Index begin, Index end, Index step, Index steps) {
  if (lengths.rows == nullptr) return end;
  const Index shorter = lengths.last ? steps - 1 - step : step;  // A row that has the step is longer than this.
  while (begin < end) {
    const Index middle = begin + (end - begin) / 2;
    if (static_cast<Index>(lengths.steps[middle]) > shorter) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return end;
}

// Panels that a tile takes together, and whether the folded one after them.
struct Group {
  Index panel = 0;
  int panels = 0;
  bool folded = false;

  // Vectors that the sums of a row take, and those of its folded panel among them.
  template <class P>
  static constexpr Index folded_vectors() {
    return P::kSums - P::kGates + 1;
  }
  template <class P>
  Index vectors() const {
    return panels * P::kSums + (folded ? folded_vectors<P>() : 0);
  }
};

// The panels of a member in groups, the folded one with the last of the others.
struct Groups {
  Share whole{0, 0};
  Index together = 1;
  Index count = 0;
  bool folded = false;

  Groups() = default;
  Groups(Share share, Index end_of_whole, int most)
      : whole{share.begin, end_of_whole},
        together(most),
        count((end_of_whole - share.begin + most - 1) / most),
        folded(end_of_whole != share.end) {
    if (count == 0 && folded) count = 1;
  }

  Group at(Index i) const {
    const Index panel = whole.begin + i * together;
    return {panel, static_cast<int>(lesser(whole.end - panel, together)), folded && i + 1 == count};
  }
};

}  // namespace gatewise::GATEWISE_ISA
