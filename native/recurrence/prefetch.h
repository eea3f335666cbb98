// Asking for memory before it is needed. (All inlined, because GCC takes a function that does nothing but this for one
// without effect, and drops the call.)
#pragma once

#include "base/each.h"
#include "recurrence/member.h"

namespace gatewise::GATEWISE_ISA {

// What the equation will read and write, while the tile works.
template <class P, class T, class C>
GATEWISE_INLINE void fetch_units(const Member<T, C>& m, Index step, Index first, int height, Group group) {
  constexpr Index lanes = kWidth<T>;
  for (int r = 0; r < height; ++r) {
    const Index row = first + r;
    for (int p = 0; p < group.panels; ++p) {
      const Index unit = (group.panel + p) * lanes;
      const Index at = row * m.space.stride + unit;
      each<m.kFacts.fields()>([&](auto f) {
        if constexpr (f != kOutput && has(P::kFacts.reads, f)) __builtin_prefetch(m.space.fields[f] + at, 1);
      });
      if constexpr (P::kWritesOutput) {
        __builtin_prefetch(m.new_field(kOutput, step) + at, 1);
        if (m.call.sequences) __builtin_prefetch(m.output(step, row) + unit, 1);
      }
    }
  }
}

// What other members wrote, whose lines would else be waited for one after another.
template <class T, class C>
GATEWISE_INLINE void fetch_source(const Member<T, C>& m, const T* source, Index rows) {
  if (!m.division.split_units || m.division.far) return;
  for (Index row = m.rows.begin; row < m.rows.begin + rows; ++row) {
    for (Index u = 0; u < m.layer.units; u += static_cast<Index>(costs::kLine / sizeof(T))) {
      __builtin_prefetch(source + row * m.space.stride + u);
    }
  }
}

// What the caller wants after this call, some lines with each of its tiles.
template <class T>
class SoonPrefetch {
 public:
  SoonPrefetch(const Soon<T>& soon, Index tiles) : soon_(soon) {
    if (soon.count != 0 && tiles != 0) lines_ = soon.count * ((soon.size + kLine - 1) / kLine) / tiles + 1;
  }

  GATEWISE_INLINE void fetch() {
    for (Index line = 0; line < lines_ && row_ < soon_.count; ++line) {
      __builtin_prefetch(soon_.array + static_cast<Index>(soon_.rows[row_]) * soon_.size + at_, 1);
      at_ += kLine;
      if (at_ < soon_.size) continue;
      at_ = 0;
      ++row_;
    }
  }

 private:
  static constexpr auto kLine = static_cast<Index>(costs::kLine / sizeof(T));

  const Soon<T>& soon_;
  // From here on it is yet to be asked for.
  Index row_ = 0;
  Index at_ = 0;
  Index lines_ = 0;  // a tile
};

// The inputs of the next step, which lie far apart: some lines at a time.
template <class T, class C>
class InputPrefetch {
 public:
  void begin(Index row, Index end) {
    row_ = row;
    end_ = end;
    unit_ = 0;
  }

  GATEWISE_INLINE void fetch(const Member<T, C>& m, Index step, Index lines) {
    for (; lines > 0 && row_ < end_; --lines) {
      __builtin_prefetch(m.input(row_, step + 1) + unit_, 0, 2);
      unit_ += static_cast<Index>(costs::kLine / sizeof(T));
      if (unit_ >= m.layer.inputs) begin(row_ + 1, end_);
    }
  }

 private:
  // From here on they are yet to be asked for.
  Index row_ = 0;
  Index end_ = 0;
  Index unit_ = 0;
};

}  // namespace gatewise::GATEWISE_ISA
