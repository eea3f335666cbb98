// Padding: steps that a mask takes out behind all others of a sequence, or before them, as is the case with most masks.
// They cost no more than the outputs that stand for them, since only the rows that have a step take part in it.
#pragma once

#include <cstdint>
#include <vector>

#include "recurrence/engine.h"

namespace gatewise {

// A mask (B, T), and where its numbers stand; in the order of time.
struct Mask {
  const std::uint8_t* at = nullptr;  // 0 is a masked step; null is no mask
  Index batch = 0;
  Index steps = 0;
  Index row = 0;  // from sequence to sequence, and from step to step
  Index step = 1;
};

// What a mask comes to, where all it says is how long the sequences are.
class Padding {
 public:
  Padding(Mask mask, bool go_backwards);

  // Whether no step is masked; and whether the mask can be done without: by that, or by `lengths`.
  bool nothing() const { return real_ == all_; }
  bool replaces_mask() const { return nothing() || !rows_.empty(); }

  // Of the steps in the order in which they are done, as long as this lives.
  Lengths lengths() const;

 private:
  std::vector<std::uint32_t> rows_;
  std::vector<std::uint32_t> steps_;
  bool last_ = false;
  Index real_ = 0;
  Index all_ = 0;
};

// Steps of all sequences that are real.
double real_steps(const Lengths& lengths, Index batch, Index steps);

// The ends of pieces of about the same work, for sequences of unlike lengths: as many as there would be if each had
// `rows` of them, or a few more.
std::vector<Index> cut(const Lengths& lengths, Index batch, Index rows);

}  // namespace gatewise
